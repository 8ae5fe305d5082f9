#include "common/settings/list_settings.h"

#include "common/addr/addr.h"
#include "common/addr/pattern.h"
#include "common/mime/modify.h"
#include "common/rules/regex.h"

const struct setting_definition list_setting_definitions[LIST_SETTING_COUNT] = {
#define LIST_SETTING(name, key, type, fallback, min, max, choices, unit, sentence, paragraph) \
	[LIST_SETTING_##                                                                          \
	    name] = {key, SETTING_##type, fallback, min, max, choices, unit, sentence, paragraph, false, false, false},
#include "common/settings/list_settings.def"
};

const struct catalogue list_catalogue = {"setting of lists", "list-settings", list_setting_definitions,
                                         LIST_SETTING_COUNT};

static int check_banned_line(struct str line, struct err *err)
{
	struct regex *regex;
	struct buf normal;
	int result;

	if (!str_starts(line, STR("/"))) {
		buf_init(&normal, ADDR_PATTERN_MAX);
		result = addr_pattern_normalise(line, &normal, err);
		buf_free(&normal);
		return result;
	}
	if (regex_compile(line, &regex, err) != 0)
		return -1;
	regex_free(regex);
	return 0;
}

static int check_banned(struct str value, struct err *err)
{
	for (unsigned number = 1; value.data != NULL; number++) {
		struct str line = str_trim(str_cut(&value, '\n'));

		if (line.len != 0 && check_banned_line(line, err) != 0)
			return err_prefix(err, "line %u", number);
	}
	return 0;
}

static int check_address(struct str value, struct err *err)
{
	struct arena arena;
	struct addr addr;
	int result;

	if (value.len == 0)
		return 0;
	arena_init(&arena);
	result = addr_parse_mailbox(value, &arena, &addr, err);
	if (result == 0 && addr.domain.len == 0)
		result = err_set(err, ERR_SYNTAX, "the domain is missing"); /* as of "postmaster" */
	arena_free(&arena);
	return result;
}

int list_setting_check(const struct setting_definition *definition, struct str value, struct buf *normal,
                       struct err *err)
{
	int result = 0;

	if (setting_check(definition, value, normal, err) != 0)
		return -1;
	value = buf_str(normal);
	switch ((enum list_setting)(definition - list_setting_definitions)) {
	case LIST_SETTING_BANNED:
		result = check_banned(value, err);
		break;
	case LIST_SETTING_MODIFIERS:
		result = modifiers_check(value, err);
		break;
	case LIST_SETTING_LISTSERVER:
		result = str_equal(value, STR("*")) ? 0 : check_address(value, err);
		break;
	case LIST_SETTING_RETURN_ADDRESS:
		result = check_address(value, err);
		break;
	case LIST_SETTING_UNSUBSCRIBE_URL:
		if (value.len != 0 &&
		    (!str_starts(value, STR("https://")) || str_find_char(value, ' ') >= 0 || str_find_char(value, '>') >= 0))
			result = err_set(err, ERR_SYNTAX, "it begins with https:// and has neither blanks nor \">\"");
		break;
	default:
		break;
	}
	return result == 0 ? 0 : err_prefix(err, "%s", definition->key);
}

static void take_value(struct list_settings *settings, enum list_setting setting, const char *value)
{
	settings->texts[setting] = value;
	settings->numbers[setting] = setting_to_number(&list_setting_definitions[setting], value);
}

int list_settings_load(struct db *objects, int64_t list, struct arena *arena, struct list_settings *settings_out,
                       struct err *err)
{
	struct db_statement query;
	int row;

	for (int i = 0; i < LIST_SETTING_COUNT; i++)
		take_value(settings_out, (enum list_setting)i, list_setting_definitions[i].fallback);
	if (db_prepare(objects, &query, "SELECT key, value FROM list_setting WHERE list = ?", err) != 0)
		return -1;
	db_bind_number(&query, 1, list);
	while ((row = db_step(&query, err)) == 1) {
		const struct setting_definition *definition;

		/* what a newer version stored is passed over */
		if (catalogue_find(&list_catalogue, db_text(&query, 0), &definition, NULL) == 0)
			take_value(settings_out, (enum list_setting)(definition - list_setting_definitions),
			           arena_text(arena, db_text(&query, 1)));
	}
	db_finalize(&query);
	return row;
}

int64_t list_settings_number(const struct list_settings *settings, enum list_setting setting)
{
	return settings->numbers[setting];
}

bool list_settings_flag(const struct list_settings *settings, enum list_setting setting)
{
	return settings->numbers[setting] != 0;
}

const char *list_settings_text(const struct list_settings *settings, enum list_setting setting)
{
	return settings->texts[setting];
}

bool list_settings_is(const struct list_settings *settings, enum list_setting setting, const char *word)
{
	return strcmp(settings->texts[setting], word) == 0;
}
