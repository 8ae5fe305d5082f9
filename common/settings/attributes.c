#include "common/settings/attributes.h"

const struct setting_definition attribute_definitions[ATTRIBUTE_COUNT] = {
#define DEFINE(name, key, type, fallback, min, max, choices, unit, sentence, paragraph, of_users, of_groups) \
	[ATTRIBUTE_##name] = {key,  SETTING_##type, fallback,  min,   max,      choices,                         \
	                      unit, sentence,       paragraph, false, of_users, of_groups},
#define ATTRIBUTE(...)       DEFINE(__VA_ARGS__, true, true)
#define USER_ATTRIBUTE(...)  DEFINE(__VA_ARGS__, true, false)
#define GROUP_ATTRIBUTE(...) DEFINE(__VA_ARGS__, false, true)
#include "common/settings/attributes.def"
};

const struct catalogue attribute_catalogue = {"attribute", "attributes", attribute_definitions, ATTRIBUTE_COUNT};

static void take_value(struct attributes *attributes, enum attribute attribute, const char *value)
{
	attributes->texts[attribute] = value;
	attributes->numbers[attribute] = setting_to_number(&attribute_definitions[attribute], value);
}

/* What a newer version stored is passed over. */
int attributes_read(struct db *objects, int64_t uid, struct arena *arena, struct attributes *attributes_out,
                    struct err *err)
{
	struct db_statement statement;
	int row;

	for (int i = 0; i < ATTRIBUTE_COUNT; i++)
		take_value(attributes_out, (enum attribute)i, attribute_definitions[i].fallback);
	if (db_prepare(objects, &statement, "SELECT key, value FROM user_attribute WHERE uid = ?", err) != 0)
		return -1;
	db_bind_number(&statement, 1, uid);
	while ((row = db_step(&statement, err)) == 1) {
		const struct setting_definition *definition;

		if (catalogue_find(&attribute_catalogue, db_text(&statement, 0), &definition, NULL) == 0)
			take_value(attributes_out, (enum attribute)(definition - attribute_definitions),
			           arena_text(arena, db_text(&statement, 1)));
	}
	db_finalize(&statement);
	return row;
}

/* The snapshot that is kept open, or else opened for now into *opened, to be closed. */
static struct db *find_objects(struct settings *settings, struct db *opened, struct err *err)
{
	*opened = (struct db){0};
	if (settings->keep_open)
		return &settings->objects;
	return settings_open_snapshot(settings, opened, err) == 0 ? opened : NULL;
}

int attributes_load(struct settings *settings, int64_t uid, struct arena *arena, struct attributes *attributes_out,
                    struct err *err)
{
	struct db opened, *objects = find_objects(settings, &opened, err);
	int result = objects != NULL ? attributes_read(objects, uid, arena, attributes_out, err) : -1;

	if (opened.handle != NULL)
		db_close(&opened);
	return result;
}

int attributes_in_use(struct settings *settings, const char *prefix, struct err *err)
{
	struct db opened, *objects = find_objects(settings, &opened, err);
	struct db_statement statement;
	int row = -1;

	if (objects != NULL &&
	    db_prepare(objects, &statement, "SELECT 1 FROM user_attribute WHERE substr(key, 1, length(?1)) = ?1 LIMIT 1",
	               err) == 0) {
		db_bind_text(&statement, 1, str_of(prefix));
		row = db_step(&statement, err);
		db_finalize(&statement);
	}
	if (opened.handle != NULL)
		db_close(&opened);
	return row;
}

int64_t attributes_number(const struct attributes *attributes, enum attribute attribute)
{
	return attributes->numbers[attribute];
}

bool attributes_flag(const struct attributes *attributes, enum attribute attribute)
{
	return attributes->numbers[attribute] != 0;
}

const char *attributes_text(const struct attributes *attributes, enum attribute attribute)
{
	return attributes->texts[attribute];
}
