#include "common/settings/list_settings.h"

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

static int check_setting(size_t setting, struct str value, struct err *err)
{
	switch ((enum list_setting)setting) {
	case LIST_SETTING_BANNED:
		return check_banned(value, err);
	case LIST_SETTING_MODIFIERS:
		return modifiers_check(value, err);
	case LIST_SETTING_LISTSERVER:
		return str_equal(value, STR("*")) ? 0 : object_check_address(value, err);
	case LIST_SETTING_RETURN_ADDRESS:
		return object_check_address(value, err);
	case LIST_SETTING_UNSUBSCRIBE_URL:
		if (value.len != 0 &&
		    (!str_starts(value, STR("https://")) || str_find_char(value, ' ') >= 0 || str_find_char(value, '>') >= 0))
			return err_set(err, ERR_SYNTAX, "it begins with https:// and has neither blanks nor \">\"");
		return 0;
	default:
		return 0;
	}
}

const struct object_kind list_kind = {"list", &list_catalogue, check_setting, NULL};

bool list_is_bounce_name(struct str local_part)
{
	if (!str_starts_nocase(local_part, STR(LIST_BOUNCE_PREFIX)) ||
	    local_part.len != sizeof LIST_BOUNCE_PREFIX - 1 + LIST_BOUNCE_DIGITS)
		return false;
	for (size_t i = sizeof LIST_BOUNCE_PREFIX - 1; i < local_part.len; i++)
		if (memchr("0123456789abcdef", local_part.data[i], 16) == NULL)
			return false;
	return true;
}

int list_settings_load(struct db *objects, int64_t list, struct arena *arena, struct list_settings *settings_out,
                       struct err *err)
{
	return object_settings_load(objects, &list_kind, list, arena, settings_out->texts, settings_out->numbers, err);
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
