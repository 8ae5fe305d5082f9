#include "common/settings/check.h"

#include "common/addr/pattern.h"
#include "common/mailauth/dkim/key_file.h"
#include "common/notice/control.h"
#include "common/notice/targets.h"
#include "common/settings/window.h"

#include <inttypes.h>
#include <time.h>

enum {
	MAX_SECONDS = 8640000, /* 100 days */
	MAX_FILE_NAME = 63,
	MAX_SELECTORS = 4,
};

static bool is_one_of(struct str value, const char *const *words)
{
	for (; *words != NULL; words++)
		if (str_equal_nocase(value, str_of(*words)))
			return true;
	return false;
}

static int check_text(const struct setting_definition *definition, struct str value, struct buf *normal,
                      struct err *err)
{
	if (!str_is_utf8(value))
		return err_set(err, ERR_SYNTAX, "%s must be valid UTF-8", definition->key);
	for (size_t i = 0; i < value.len; i++)
		if ((unsigned char)value.data[i] < 0x20 || value.data[i] == 0x7f)
			return err_set(err, ERR_SYNTAX, "%s must be one line without control characters", definition->key);
	if (definition->max > 0 && str_utf8_length(value) > (size_t)definition->max)
		return err_set(err, ERR_LIMIT, "%s must have at most %" PRId64 " characters", definition->key, definition->max);
	return buf_add_str(normal, value);
}

static int check_flag(const struct setting_definition *definition, struct str value, struct buf *normal,
                      struct err *err)
{
	static const char *const on[] = {"on", "yes", "true", "1", NULL};
	static const char *const off[] = {"off", "no", "false", "0", NULL};

	if (is_one_of(value, on))
		return buf_add_str(normal, STR("on"));
	if (is_one_of(value, off))
		return buf_add_str(normal, STR("off"));
	return err_set(err, ERR_SYNTAX, "%s must be on or off, not \"%.*s\"", definition->key, SHOWN(value));
}

static int check_number(const struct setting_definition *definition, struct str value, struct buf *normal,
                        struct err *err)
{
	bool negative = value.len > 0 && value.data[0] == '-';
	const char *unit = definition->unit != NULL ? definition->unit : "";
	uint64_t magnitude;
	int64_t number;

	if (!str_to_u64(str_skip(value, negative), INT64_MAX, &magnitude))
		return err_set(err, ERR_SYNTAX, "%s must be a number%s%s, not \"%.*s\"", definition->key,
		               *unit != '\0' ? " of " : "", unit, SHOWN(value));
	number = negative ? -(int64_t)magnitude : (int64_t)magnitude;
	if (number < definition->min || number > definition->max)
		return err_set(err, ERR_SYNTAX, "%s must be from %" PRId64 " to %" PRId64 "%s%s, not %" PRId64, definition->key,
		               definition->min, definition->max, *unit != '\0' ? " " : "", unit, number);
	return buf_printf(normal, "%" PRId64, number);
}

static int check_choice(const struct setting_definition *definition, struct str value, struct buf *normal,
                        struct err *err)
{
	struct str rest = str_of(definition->choices);
	struct buf words;

	while (rest.data != NULL) {
		struct str word = str_cut(&rest, '|');

		if (str_equal_nocase(word, value))
			return buf_add_str(normal, word);
	}
	buf_init(&words, 256);
	for (const char *c = definition->choices; *c != '\0'; c++)
		if (*c == '|')
			buf_add_str(&words, strchr(c + 1, '|') != NULL ? STR(", ") : STR(" or "));
		else
			buf_add_char(&words, *c);
	err_set(err, ERR_SYNTAX, "%s must be %s, not \"%.*s\"", definition->key, buf_text(&words), SHOWN(value));
	buf_free(&words);
	return -1;
}

/* Whatever order they were written in, they are stored in that of the choices. */
static int check_set(const struct setting_definition *definition, struct str value, struct buf *normal, struct err *err)
{
	struct str rest = str_of(definition->choices), words = value, item;

	while ((item = str_cut_item(&words)).len != 0) {
		bool known = false;

		for (struct str choices = str_of(definition->choices); choices.data != NULL;)
			known = str_equal_nocase(str_cut(&choices, '|'), item) || known;
		if (!known)
			return err_set(err, ERR_SYNTAX, "%s: \"%.*s\" is none of %s", definition->key, SHOWN(item),
			               definition->choices);
	}
	while (rest.data != NULL) {
		struct str word = str_cut(&rest, '|');

		words = value;
		while ((item = str_cut_item(&words)).len != 0)
			if (str_equal_nocase(item, word)) {
				buf_printf(normal, "%s%.*s", normal->len != 0 ? "," : "", STR_ARG(word));
				break;
			}
	}
	return 0;
}

static int check_seconds_list(const struct setting_definition *definition, struct str value, struct buf *normal,
                              struct err *err)
{
	struct str item;
	uint64_t seconds;
	int count = 0;

	while ((item = str_cut_item(&value)).len != 0) {
		if (!str_to_u64(item, MAX_SECONDS, &seconds) || seconds == 0)
			return err_set(err, ERR_SYNTAX, "%s: \"%.*s\" is not a number of seconds from 1 to %d", definition->key,
			               SHOWN(item), MAX_SECONDS);
		if (count++ == CHECK_ITEMS_MAX)
			return err_set(err, ERR_LIMIT, "%s takes at most %d times", definition->key, CHECK_ITEMS_MAX);
		buf_printf(normal, "%s%u", normal->len != 0 ? "," : "", (unsigned)seconds);
	}
	if (count == 0)
		return err_set(err, ERR_SYNTAX, "%s needs at least one number of seconds", definition->key);
	return 0;
}

static int check_numbers(const struct setting_definition *definition, struct str value, struct buf *normal,
                         struct err *err)
{
	struct str item;
	int count = 0;

	while ((item = str_cut_item(&value)).len != 0) {
		if (count++ == CHECK_ITEMS_MAX)
			return err_set(err, ERR_LIMIT, "%s takes at most %d numbers", definition->key, CHECK_ITEMS_MAX);
		if (normal->len != 0)
			buf_add_char(normal, ',');
		if (check_number(definition, item, normal, err) != 0)
			return -1;
	}
	return 0;
}

bool setting_is_file_name(struct str value)
{
	static const char allowed[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-_";

	if (value.len == 0 || value.len > MAX_FILE_NAME || value.data[0] == '.')
		return false;
	for (size_t i = 0; i < value.len; i++)
		if (memchr(allowed, value.data[i], sizeof allowed - 1) == NULL)
			return false;
	return true;
}

static int check_file_name(const struct setting_definition *definition, struct str value, struct buf *normal,
                           struct err *err)
{
	if (!setting_is_file_name(value))
		return err_set(err, ERR_SYNTAX, "%s: \"%.*s\" is not the name of a file; it is one word, without \"/\"",
		               definition->key, SHOWN(value));
	return buf_add_str(normal, value);
}

static int check_selectors(const struct setting_definition *definition, struct str value, struct buf *normal,
                           struct err *err)
{
	struct str item;
	int count = 0;

	while ((item = str_cut_item(&value)).len != 0) {
		if (count++ == MAX_SELECTORS)
			return err_set(err, ERR_LIMIT, "%s takes at most %d selectors", definition->key, MAX_SELECTORS);
		if (!dkim_is_selector(item))
			return err_set(err, ERR_SYNTAX,
			               "%s: \"%.*s\" is not a selector (lower case letters, digits, \"-\" and \".\")",
			               definition->key, SHOWN(item));
		buf_printf(normal, "%s%.*s", normal->len != 0 ? "," : "", STR_ARG(item));
	}
	return 0;
}

static int check_patterns(const struct setting_definition *definition, struct str value, struct buf *normal,
                          struct err *err)
{
	struct str item;
	int count = 0;

	while ((item = str_cut_item(&value)).len != 0) {
		bool is_word = false;

		if (count++ == CHECK_ITEMS_MAX)
			return err_set(err, ERR_LIMIT, "%s takes at most %d patterns", definition->key, CHECK_ITEMS_MAX);
		if (normal->len != 0)
			buf_add_char(normal, ',');
		for (struct str rest = str_of(definition->choices), word; rest.data != NULL && !is_word;) {
			word = str_cut(&rest, '|');
			is_word = word.len != 0 && str_equal_nocase(word, item);
			if (is_word)
				buf_add_str(normal, word);
		}
		if (!is_word && addr_pattern_normalise(item, normal, err) != 0)
			return err_prefix(err, "%s", definition->key);
	}
	return 0;
}

static int check_moment(const struct setting_definition *definition, struct str value, struct buf *normal,
                        struct err *err)
{
	struct window_end end;

	if (window_end_parse(value, &end, err) != 0)
		return err_prefix(err, "%s", definition->key);
	return buf_add_str(normal, value);
}

static int check_date(const struct setting_definition *definition, struct str value, struct buf *normal,
                      struct err *err)
{
	static const char form[] = "0000-00-00";
	bool matches = value.len == sizeof form - 1;
	char text[sizeof form] = "";
	struct tm date = {0}, given;

	if (value.len == 0)
		return 0;
	for (size_t i = 0; matches && i < value.len; i++)
		matches = form[i] == '0' ? value.data[i] >= '0' && value.data[i] <= '9' : value.data[i] == form[i];
	if (matches && str_copy(value, text, sizeof text) && strptime(text, "%Y-%m-%d", &date) != NULL) {
		given = date;
		date.tm_isdst = -1;
		/* the 30th of February becomes another day */
		if (mktime(&date) != -1 && date.tm_mday == given.tm_mday && date.tm_mon == given.tm_mon)
			return buf_add_str(normal, value);
	}
	return err_set(err, ERR_SYNTAX, "%s must be a day, as 2026-12-31, not \"%.*s\"", definition->key, SHOWN(value));
}

/* That the users are there is for configd to see. */
static int check_accounts(const struct setting_definition *definition, struct str value, struct buf *normal,
                          struct err *err)
{
	struct str target, account;

	while (notice_targets_next(&value, &target, &account)) {
		if (account.len == 0 || !setting_is_file_name(target))
			return err_set(err, ERR_SYNTAX, "%s is a list of TARGET=USER or TARGET=none, not \"%.*s\"", definition->key,
			               SHOWN(target));
		buf_printf(normal, "%s%.*s=%.*s", normal->len != 0 ? "," : "", STR_ARG(target),
		           STR_ARG(notice_is_nobody(account) ? STR("none") : account));
	}
	return 0;
}

static int check_controls(const struct setting_definition *definition, struct str value, struct buf *normal,
                          struct err *err)
{
	static struct controls controls;

	if (controls_parse(value, &controls, err) != 0)
		return err_prefix(err, "%s", definition->key);
	controls_free(&controls);
	return buf_add_str(normal, value);
}

int setting_check(const struct setting_definition *definition, struct str value, struct buf *normal, struct err *err)
{
	static check_function *const checks[] = {
	    [SETTING_TEXT] = check_text,
	    [SETTING_FLAG] = check_flag,
	    [SETTING_NUMBER] = check_number,
	    [SETTING_CHOICE] = check_choice,
	    [SETTING_HOST] = check_host,
	    [SETTING_SERVERS] = check_servers,
	    [SETTING_SECONDS_LIST] = check_seconds_list,
	    [SETTING_NUMBERS] = check_numbers,
	    [SETTING_FILE_NAME] = check_file_name,
	    [SETTING_ZONES] = check_zones,
	    [SETTING_SELECTORS] = check_selectors,
	    [SETTING_SECRET] = check_text,
	    [SETTING_SET] = check_set,
	    [SETTING_SENDERS] = check_senders,
	    [SETTING_POOLS] = check_pools,
	    [SETTING_BANDWIDTH] = check_bandwidth,
	    [SETTING_CEILINGS] = check_ceilings,
	    [SETTING_NETWORKS] = check_networks,
	    [SETTING_ACCOUNTS] = check_accounts,
	    [SETTING_CONTROLS] = check_controls,
	    [SETTING_PATTERNS] = check_patterns,
	    [SETTING_DATE] = check_date,
	    [SETTING_MOMENT] = check_moment,
	    [SETTING_FIELDS] = check_fields,
	    [SETTING_MODIFIERS] = check_modifiers,
	    [SETTING_DOMAIN_MAP] = check_domain_map,
	    [SETTING_TARGETS] = check_targets,
	    [SETTING_REWRITE] = check_rewrite,
	    [SETTING_SMTP_TARGET] = check_smtp_target,
	    [SETTING_TLS_DEMANDS] = check_tls_demands,
	    [SETTING_LINES] = check_lines,
	};

	value = str_trim(value);
	if (value.len > SETTING_VALUE_MAX)
		return err_set(err, ERR_LIMIT, "%s must not be longer than %d bytes", definition->key, SETTING_VALUE_MAX);
	if (checks[definition->type](definition, value, normal, err) != 0)
		return -1;
	if (normal->overflow)
		return err_set(err, ERR_LIMIT, "%s must not be longer than %d bytes", definition->key, SETTING_VALUE_MAX);
	return 0;
}

bool settings_set_holds(const char *set, const char *word)
{
	struct str rest = str_of(set), item;

	while ((item = str_cut_item(&rest)).len != 0)
		if (str_equal(item, str_of(word)))
			return true;
	return false;
}
