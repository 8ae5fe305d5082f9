#include "common/settings/settings.h"

#include <stdlib.h>

const struct setting_definition setting_definitions[SETTING_COUNT] = {
#define SETTING(name, key, type, fallback, min, max, choices, unit, sentence, paragraph) \
	[SETTING_##                                                                          \
	    name] = {key, SETTING_##type, fallback, min, max, choices, unit, sentence, paragraph, false, false, false},
#define SERVICE_SETTING(name, key, type, fallback, min, max, choices, unit, sentence, paragraph) \
	[SETTING_##                                                                                  \
	    name] = {key, SETTING_##type, fallback, min, max, choices, unit, sentence, paragraph, true, false, false},
#include "common/settings/catalogue.def"
#undef SETTING
};

const struct catalogue setting_catalogue = {"setting", "settings", setting_definitions, SETTING_COUNT};

static const struct setting_definition *find(const struct catalogue *catalogue, struct str key)
{
	for (size_t i = 0; i < catalogue->count; i++)
		if (str_equal_nocase(str_of(catalogue->definitions[i].key), key))
			return &catalogue->definitions[i];
	return NULL;
}

const struct setting_definition *setting_find(struct str key)
{
	return find(&setting_catalogue, key);
}

bool setting_is_of_service(const struct setting_definition *definition, const char *type)
{
	size_t len = strlen(type);

	return definition->of_services && strncmp(definition->key, type, len) == 0 && definition->key[len] == '.';
}

int64_t setting_to_number(const struct setting_definition *definition, const char *value)
{
	if (definition->type == SETTING_FLAG)
		return strcmp(value, "on") == 0;
	return definition->type == SETTING_NUMBER ? strtoll(value, NULL, 10) : 0;
}

enum { NEAREST_KEY_MAX = 64 };

/* Levenshtein's distance; both at most NEAREST_KEY_MAX bytes. */
static size_t distance(struct str a, struct str b)
{
	size_t row[NEAREST_KEY_MAX + 1];

	for (size_t j = 0; j <= b.len; j++)
		row[j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b.len; j++) {
			size_t replaced = diagonal + (a.data[i - 1] != b.data[j - 1]);

			diagonal = row[j];
			if (row[j - 1] + 1 < replaced)
				replaced = row[j - 1] + 1;
			if (row[j] + 1 < replaced)
				replaced = row[j] + 1;
			row[j] = replaced;
		}
	}
	return row[b.len];
}

/* The one whose key looks most like key; NULL where none comes near. */
static const struct setting_definition *nearest(const struct catalogue *catalogue, struct str key)
{
	const struct setting_definition *found = NULL;
	size_t best = SIZE_MAX;

	if (key.len == 0 || key.len > NEAREST_KEY_MAX)
		return NULL;
	for (size_t i = 0; i < catalogue->count; i++) {
		struct str candidate = str_of(catalogue->definitions[i].key);
		ptrdiff_t dot = str_find_char(candidate, '.');
		size_t steps = distance(key, candidate);

		/* "max-recipients" means smtp.max-recipients: the part behind the dot counts as well. */
		if (dot >= 0) {
			size_t tail = distance(key, str_skip(candidate, (size_t)dot + 1));

			if (tail < steps)
				steps = tail;
		}
		if (steps < best) {
			best = steps;
			found = &catalogue->definitions[i];
		}
	}
	return best <= 2 + key.len / 4 ? found : NULL;
}

int catalogue_find(const struct catalogue *catalogue, struct str key, const struct setting_definition **definition_out,
                   struct err *err)
{
	const struct setting_definition *meant;

	*definition_out = find(catalogue, key);
	if (*definition_out != NULL)
		return 0;
	meant = nearest(catalogue, key);
	if (meant != NULL)
		return err_set(err, ERR_NOT_FOUND, "there is no %s \"%.*s\"; did you mean %s?", catalogue->noun,
		               STR_ARG(str_sub(key, 0, 64)), meant->key);
	return err_set(err, ERR_NOT_FOUND, "there is no %s \"%.*s\"; \"postroom %s\" lists them", catalogue->noun,
	               STR_ARG(str_sub(key, 0, 64)), catalogue->command);
}
