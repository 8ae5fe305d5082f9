/* item: autoresponders, when they answer, and whom not. */
#include "common/items/kinds.h"
#include "common/items/responder.h"
#include "common/items/values.h"
#include "common/rules/regex.h"

#include <stdio.h>

enum { NAME, KEEP, TEXT, COPY_TO, HOURS, FROM, REPLY_TO, SUBJECT, PREFIX, APPEND, SEND_TO, TO_SENDER, FILES };

const struct item_field item_responder_fields[] = {[NAME] = {"name", false},
                                                   [KEEP] = {"keep", false},
                                                   [TEXT] = {"text", true},
                                                   [COPY_TO] = {"copy-to", false},
                                                   [HOURS] = {"hours", false},
                                                   [FROM] = {"from", false},
                                                   [REPLY_TO] = {"reply-to", false},
                                                   [SUBJECT] = {"subject", false},
                                                   [PREFIX] = {"subject-prefix", false},
                                                   [APPEND] = {"append", false},
                                                   [SEND_TO] = {"send-to", false},
                                                   [TO_SENDER] = {"to-sender", false},
                                                   [FILES] = {"attachment", true},
                                                   {NULL, false}};

enum {
	RULE_NAME,
	RESPONDER,
	ENABLED,
	LOCKED,
	DATE_FROM,
	DATE_TO,
	TIME_FROM,
	TIME_TO,
	SPAN_FROM,
	SPAN_TO,
	DAYS,
	SENDER,
	RULE_SUBJECT,
	VALUE
};

const struct item_field item_responder_rule_fields[] = {
    [RULE_NAME] = {"name", false},       [RESPONDER] = {"responder", false}, [ENABLED] = {"enabled", false},
    [LOCKED] = {"locked", false},        [DATE_FROM] = {"date-from", false}, [DATE_TO] = {"date-to", false},
    [TIME_FROM] = {"time-from", false},  [TIME_TO] = {"time-to", false},     [SPAN_FROM] = {"datetime-from", false},
    [SPAN_TO] = {"datetime-to", false},  [DAYS] = {"days", false},           [SENDER] = {"sender", false},
    [RULE_SUBJECT] = {"subject", false}, [VALUE] = {"value", true},          {NULL, false}};

enum { LINE, TRIGGER };

const struct item_field item_responder_filter_fields[] = {
    [LINE] = {"line", false}, [TRIGGER] = {"trigger", false}, {NULL, false}};

static int read_append(struct str text, enum responder_append *append, struct err *err)
{
	static const char *const words[] = {"no", "headers", "whole"};

	*append = RESPONDER_NOTHING;
	if (text.len == 0)
		return 0;
	for (int i = 0; i <= RESPONDER_WHOLE; i++)
		if (str_equal_nocase(text, str_of(words[i]))) {
			*append = (enum responder_append)i;
			return 0;
		}
	return err_set(err, ERR_SYNTAX, "append: must be no, headers or whole, not \"%.*s\"",
	               STR_ARG(str_sub(text, 0, 40)));
}

static bool is_one_line(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7f)
			return false;
	return str_is_utf8(text);
}

static int check_lines(const struct item *item, const struct item_field *fields, struct err *err)
{
	for (size_t i = 0; fields[i].name != NULL; i++)
		if (fields[i].has_lines ? !str_is_utf8(item->values[i]) : !is_one_line(item->values[i]))
			return err_set(err, ERR_SYNTAX, "%s: must be UTF-8 without control characters", fields[i].name);
	return 0;
}

int responder_read(const struct item *item, struct responder *responder, struct err *err)
{
	const struct str *values = item->values;

	*responder = (struct responder){
	    .id = item->id,
	    .name = values[NAME],
	    .text = values[TEXT],
	    .from = values[FROM],
	    .reply_to = values[REPLY_TO],
	    .subject = values[SUBJECT],
	    .subject_prefix = values[PREFIX],
	    .copy_to = values[COPY_TO],
	    .send_to = values[SEND_TO],
	    .files = values[FILES],
	};
	if (item_read_switch("keep", values[KEEP], true, &responder->keep, err) != 0 ||
	    item_read_switch("to-sender", values[TO_SENDER], true, &responder->to_sender, err) != 0 ||
	    read_append(values[APPEND], &responder->append, err) != 0)
		return -1;
	return item_read_number("hours", values[HOURS], RESPONDER_HOURS_MAX, RESPONDER_HOURS, &responder->hours, err);
}

bool responder_file_name_is_valid(struct str name)
{
	return name.len > 0 && name.len <= RESPONDER_FILE_NAME_MAX && name.data[0] != '.' && str_find_char(name, '/') < 0 &&
	       is_one_line(name);
}

static int check_files(struct str lines, struct err *err)
{
	size_t count = 0;

	while (lines.len > 0) {
		struct str name = str_cut(&lines, '\n');

		if (!responder_file_name_is_valid(name))
			return err_set(err, ERR_SYNTAX, "attachment: \"%.*s\" is no name of a file", STR_ARG(str_sub(name, 0, 40)));
		if (++count > RESPONDER_FILES_MAX)
			return err_set(err, ERR_LIMIT, "attachment: more than %d", RESPONDER_FILES_MAX);
	}
	return 0;
}

int item_responder_check(struct item *item, struct arena *arena, struct err *err)
{
	struct responder responder;

	(void)arena;
	item->values[NAME] = str_trim(item->values[NAME]);
	if (item->values[NAME].len == 0 || item->values[NAME].len > MESSAGE_NAME_MAX ||
	    str_equal_nocase(item->values[NAME], STR("none")))
		return err_set(err, ERR_SYNTAX, "name: an autoresponder needs a name of 1 to %d octets, other than none",
		               MESSAGE_NAME_MAX);
	if (check_lines(item, item_responder_fields, err) != 0 || check_files(item->values[FILES], err) != 0)
		return -1;
	return responder_read(item, &responder, err);
}

/* "YYYY-MM-DD", as a window's day. */
static int read_date(const char *field, struct str text, struct window_end *end, struct err *err)
{
	char digits[9] = "";
	struct window_end read;

	if (text.len == 0)
		return 0;
	if (text.len == 10 && text.data[4] == '-' && text.data[7] == '-') {
		snprintf(digits, sizeof digits, "%.4s%.2s%.2s", text.data, text.data + 5, text.data + 8);
		if (window_end_parse(str_of(digits), &read, NULL) == 0 && read.day != 0) {
			end->day = read.day;
			return 0;
		}
	}
	return err_set(err, ERR_SYNTAX, "%s: must be YYYY-MM-DD, not \"%.*s\"", field, STR_ARG(str_sub(text, 0, 40)));
}

static int read_time(const char *field, struct str text, struct window_end *end, struct err *err)
{
	struct window_end read;

	if (text.len == 0)
		return 0;
	if (text.len != 5 || window_end_parse(text, &read, NULL) != 0)
		return err_set(err, ERR_SYNTAX, "%s: must be HH:MM, not \"%.*s\"", field, STR_ARG(str_sub(text, 0, 40)));
	end->minute = read.minute;
	return 0;
}

static int read_span(const char *field, struct str text, int64_t *moment, struct err *err)
{
	struct window_end end = {0, -1};
	struct str rest = text, date = str_cut_word(&rest);

	*moment = 0;
	if (text.len == 0)
		return 0;
	if (read_date(field, date, &end, NULL) != 0 || read_time(field, str_trim(rest), &end, NULL) != 0 || end.minute < 0)
		return err_set(err, ERR_SYNTAX, "%s: must be YYYY-MM-DD HH:MM, not \"%.*s\"", field,
		               STR_ARG(str_sub(text, 0, 40)));
	*moment = (int64_t)end.day * 10000 + end.minute;
	return 0;
}

static int read_times(const struct str *values, struct responder_rule *rule, struct err *err)
{
	rule->from = rule->to = (struct window_end){0, -1};
	if (read_date("date-from", values[DATE_FROM], &rule->from, err) != 0 ||
	    read_date("date-to", values[DATE_TO], &rule->to, err) != 0 ||
	    read_time("time-from", values[TIME_FROM], &rule->from, err) != 0 ||
	    read_time("time-to", values[TIME_TO], &rule->to, err) != 0 ||
	    read_span("datetime-from", values[SPAN_FROM], &rule->span_from, err) != 0 ||
	    read_span("datetime-to", values[SPAN_TO], &rule->span_to, err) != 0)
		return -1;
	if (rule->from.day != 0 && rule->to.day != 0 && rule->from.day > rule->to.day)
		return err_set(err, ERR_SYNTAX, "date-from: must not be later than date-to");
	if (rule->span_from != 0 && rule->span_to != 0 && rule->span_from > rule->span_to)
		return err_set(err, ERR_SYNTAX, "datetime-from: must not be later than datetime-to");
	return item_read_days("days", values[DAYS], &rule->weekdays, err);
}

int responder_rule_read(const struct item *item, struct responder_rule *rule, struct err *err)
{
	const struct str *values = item->values;
	bool locked;

	*rule = (struct responder_rule){
	    .id = item->id,
	    .name = values[RULE_NAME],
	    .responder = str_equal_nocase(values[RESPONDER], STR("none")) ? STR("") : values[RESPONDER],
	    .date_from = values[DATE_FROM],
	    .date_to = values[DATE_TO],
	    .time_from = values[TIME_FROM],
	    .time_to = values[TIME_TO],
	    .datetime_from = values[SPAN_FROM],
	    .datetime_to = values[SPAN_TO],
	    .days = values[DAYS],
	    .sender = values[SENDER],
	    .subject = values[RULE_SUBJECT],
	    .values = values[VALUE],
	};
	if (item_read_switch("enabled", values[ENABLED], true, &rule->enabled, err) != 0 ||
	    item_read_switch("locked", values[LOCKED], false, &locked, err) != 0)
		return -1;
	return read_times(values, rule, err);
}

/* A wildcard pattern always can be run. */
static int check_pattern(const char *field, struct str text, struct err *err)
{
	struct regex *regex;

	if (text.len < 2 || text.data[0] != '/')
		return 0;
	if (regex_compile(text, &regex, err) != 0)
		return err_prefix(err, "%s", field);
	regex_free(regex);
	return 0;
}

static int check_values(struct str lines, struct err *err)
{
	while (lines.len > 0) {
		struct str line = str_cut(&lines, '\n');

		if (str_trim(line).len > 0 && str_find_char(line, '=') <= 0)
			return err_set(err, ERR_SYNTAX, "value: \"%.*s\" is not NAME=VALUE", STR_ARG(str_sub(line, 0, 40)));
	}
	return 0;
}

int item_responder_rule_check(struct item *item, struct arena *arena, struct err *err)
{
	struct responder_rule rule;

	(void)arena;
	if (check_lines(item, item_responder_rule_fields, err) != 0 || responder_rule_read(item, &rule, err) != 0)
		return -1;
	if (item->values[RESPONDER].len == 0)
		return err_set(err, ERR_SYNTAX, "responder: the name of an autoresponder, or none, is needed");
	return check_pattern("sender", rule.sender, err) != 0 || check_pattern("subject", rule.subject, err) != 0
	           ? -1
	           : check_values(rule.values, err);
}

bool responder_filter_line(struct str line, struct responder_filter *filter)
{
	struct str rest = line, name = str_trim(str_cut(&rest, ':'));

	filter->name = name;
	filter->data = rest.data != NULL ? str_trim(rest) : STR("");
	return name.len > 0 && rest.data != NULL;
}

int responder_filter_read(const struct item *item, struct responder_filter *filter, struct err *err)
{
	if (!responder_filter_line(item->values[LINE], filter))
		return err_set(err, ERR_SYNTAX, "line: \"%.*s\" is not \"Field: data\"",
		               STR_ARG(str_sub(item->values[LINE], 0, 40)));
	return item_read_switch("trigger", item->values[TRIGGER], false, &filter->is_trigger, err);
}

int item_responder_filter_check(struct item *item, struct arena *arena, struct err *err)
{
	struct responder_filter filter;

	(void)arena;
	return check_lines(item, item_responder_filter_fields, err) != 0 ? -1 : responder_filter_read(item, &filter, err);
}

bool responder_rule_is_time(const struct responder_rule *rule, time_t now)
{
	struct tm local;
	int64_t moment;
	int day, minute;

	if (localtime_r(&now, &local) == NULL)
		return false;
	day = (local.tm_year + 1900) * 10000 + (local.tm_mon + 1) * 100 + local.tm_mday;
	minute = local.tm_hour * 60 + local.tm_min;
	moment = (int64_t)day * 10000 + minute;
	return window_is_inside(&rule->from, &rule->to, day, minute) && moment >= rule->span_from &&
	       (rule->span_to == 0 || moment <= rule->span_to) &&
	       (rule->weekdays == 0 || (rule->weekdays & 1U << local.tm_wday) != 0);
}
