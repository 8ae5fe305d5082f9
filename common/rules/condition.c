/* condition: from its line of text and back. */
#include "common/rules/condition.h"

#include "common/base/fold.h"
#include "common/rules/number.h"

enum { MINUTES_OF_DAY = 24 * 60 };

#define OF_SMTP     (1U << CONDITION_SMTP)
#define OF_USER     (1U << CONDITION_USER)
#define OF_DOWNLOAD (1U << CONDITION_DOWNLOAD)
#define OF_ALL      (OF_SMTP | OF_USER | OF_DOWNLOAD)

static const struct field_word {
	const char *word;
	enum rules_stage stage; /* from which on the answer is certain, and can be given at all */
	enum rules_stage first_stage;
	bool alone;  /* takes data, but no operator and no other field */
	unsigned of; /* dialects that have it, a bit each */
} field_words[] = {
    [FIELD_HEADER] = {NULL, RULES_DATA, RULES_DATA, false, 0},
    [FIELD_ALWAYS] = {"Always", RULES_MAIL, RULES_MAIL, true, OF_ALL},
    [FIELD_TIME_NOW] = {"TimeNow", RULES_MAIL, RULES_MAIL, true, OF_SMTP | OF_DOWNLOAD},
    [FIELD_DAY_NOW] = {"DayNow", RULES_MAIL, RULES_MAIL, true, OF_ALL},
    [FIELD_IP_ADDRESS] = {"IPAddress", RULES_MAIL, RULES_MAIL, false, OF_SMTP},
    [FIELD_MAIL_FROM] = {"MailFrom", RULES_MAIL, RULES_MAIL, false, OF_SMTP | OF_USER},
    [FIELD_AUTH_USER] = {"AuthUser", RULES_MAIL, RULES_MAIL, false, OF_SMTP},
    [FIELD_RCPT_TO] = {"RcptTo", RULES_RCPT, RULES_RCPT, false, OF_SMTP},
    [FIELD_THIS_RCPT_TO] = {"ThisRcptTo", RULES_RCPT, RULES_RCPT, false, OF_SMTP},
    [FIELD_RCPT_COUNT] = {"RcptCount", RULES_RCPT, RULES_RCPT, false, OF_SMTP},
    [FIELD_BCC] = {"Bcc", RULES_DATA, RULES_DATA, false, OF_SMTP},
    [FIELD_BCC_COUNT] = {"BccCount", RULES_DATA, RULES_DATA, false, OF_SMTP},
    [FIELD_SIZE] = {"Size", RULES_DATA, RULES_MAIL, false, OF_ALL},
    [FIELD_CLOCK] = {"TimeNow", RULES_DATA, RULES_DATA, false, OF_USER},
    [FIELD_DATE_NOW] = {"DateNow", RULES_DATA, RULES_DATA, false, OF_USER},
    [FIELD_MESSAGE_DATE] = {"MsgDate", RULES_DATA, RULES_DATA, false, OF_USER},
    [FIELD_BODY] = {"Body", RULES_DATA, RULES_DATA, false, OF_USER},
    [FIELD_SPAM_SCORE] = {"SpamScore", RULES_DATA, RULES_DATA, false, OF_USER},
    [FIELD_INCOMING] = {"Incoming", RULES_DATA, RULES_DATA, false, OF_USER},
    [FIELD_LOCAL] = {"Local", RULES_DATA, RULES_DATA, false, OF_USER},
    [FIELD_SYSTEM] = {"System", RULES_DATA, RULES_DATA, false, OF_USER},
    [FIELD_QUARANTINED] = {"Quarantine", RULES_DATA, RULES_DATA, false, OF_USER},
    [FIELD_SEEN] = {"MarkRead", RULES_DATA, RULES_DATA, false, OF_USER},
    [FIELD_FLAGGED] = {"Flag", RULES_DATA, RULES_DATA, false, OF_USER},
    [FIELD_KEYWORDS] = {"Keywords", RULES_DATA, RULES_DATA, false, OF_USER},
    [FIELD_RULE_MATCH] = {"RuleMatch", RULES_DATA, RULES_DATA, false, OF_USER},
    [FIELD_RECIPIENT] = {"Rcpt", RULES_DATA, RULES_DATA, true, OF_DOWNLOAD},
    [FIELD_COLLECTOR] = {"Collector", RULES_DATA, RULES_DATA, true, OF_DOWNLOAD},
    [FIELD_VALID] = {"ValidRecipients", RULES_DATA, RULES_DATA, false, OF_DOWNLOAD},
    [FIELD_INVALID] = {"InvalidRecipients", RULES_DATA, RULES_DATA, false, OF_DOWNLOAD},
    [FIELD_ANY] = {"Any", RULES_DATA, RULES_DATA, false, OF_DOWNLOAD},
};

enum { FIELD_KINDS = sizeof field_words / sizeof field_words[0] };

/* The first of an operator's words is the one that is written. */
static const struct {
	const char *word;
	enum condition_operator op;
} operator_words[] = {
    {"equals", OPERATOR_EQUALS},
    {"=", OPERATOR_EQUALS},
    {"is", OPERATOR_EQUALS},
    {"not-equals", OPERATOR_NOT_EQUALS},
    {"!=", OPERATOR_NOT_EQUALS},
    {"greater", OPERATOR_GREATER},
    {">", OPERATOR_GREATER},
    {"at-least", OPERATOR_AT_LEAST},
    {">=", OPERATOR_AT_LEAST},
    {"less", OPERATOR_LESS},
    {"<", OPERATOR_LESS},
    {"at-most", OPERATOR_AT_MOST},
    {"<=", OPERATOR_AT_MOST},
    {"contains", OPERATOR_CONTAINS},
    {"begins-with", OPERATOR_BEGINS_WITH},
    {"ends-with", OPERATOR_ENDS_WITH},
    {"matches", OPERATOR_MATCHES},
    {"regex", OPERATOR_REGEX},
};

enum { OPERATOR_WORDS = sizeof operator_words / sizeof operator_words[0] };

static enum condition_operator find_operator(struct str word)
{
	for (size_t i = 0; i < OPERATOR_WORDS; i++)
		if (str_equal_nocase(word, str_of(operator_words[i].word)))
			return operator_words[i].op;
	return OPERATOR_NONE;
}

static const char *operator_word(enum condition_operator op)
{
	for (size_t i = 0; i < OPERATOR_WORDS; i++)
		if (operator_words[i].op == op)
			return operator_words[i].word;
	return "";
}

/* RFC 5322 2.2: printable ASCII but the colon. */
static bool is_field_name(struct str name)
{
	for (size_t i = 0; i < name.len; i++)
		if (name.data[i] <= ' ' || name.data[i] > '~' || name.data[i] == ':')
			return false;
	return name.len > 0;
}

static int read_field(struct str word, enum condition_dialect dialect, struct condition_field *field, struct err *err)
{
	*field = (struct condition_field){FIELD_HEADER, word};
	for (size_t kind = FIELD_HEADER + 1; kind < FIELD_KINDS; kind++)
		if ((field_words[kind].of & 1U << dialect) != 0 && str_equal_nocase(word, str_of(field_words[kind].word)))
			*field = (struct condition_field){(enum field_kind)kind, str_of(field_words[kind].word)};
	if (!is_field_name(word))
		return err_set(err, ERR_SYNTAX, "\"%.*s\" is not the name of a field", STR_ARG(str_sub(word, 0, 80)));
	return 0;
}

static int read_fields(struct str words, enum condition_dialect dialect, struct arena *arena,
                       struct condition *condition, struct err *err)
{
	size_t room = str_count_char(words, ',') + 1;

	if (room > CONDITION_FIELDS_MAX)
		return err_set(err, ERR_LIMIT, "more than %d fields", CONDITION_FIELDS_MAX);
	condition->fields = arena_get(arena, room * sizeof *condition->fields);
	while (words.data != NULL) {
		struct condition_field *field = &condition->fields[condition->field_count];

		if (read_field(arena_copy(arena, str_cut(&words, ',')), dialect, field, err) != 0)
			return -1;
		condition->field_count++;
		if (field_words[field->kind].alone && (condition->field_count > 1 || words.data != NULL))
			return err_set(err, ERR_SYNTAX, "%.*s stands alone, without other fields", STR_ARG(field->name));
	}
	return 0;
}

/* "9", "9:30" or nothing; a bare hour lasts until its last minute where it is the end. */
static int read_time(struct str text, bool is_end, int *minute, struct err *err)
{
	struct str rest = text, hour_text = str_cut(&rest, ':');
	uint64_t hour, minutes = is_end ? 59 : 0;

	if (text.len == 0) {
		*minute = is_end ? MINUTES_OF_DAY - 1 : 0;
		return 0;
	}
	if (!str_to_u64(hour_text, 23, &hour) || (rest.data != NULL && !str_to_u64(rest, 59, &minutes)))
		return err_set(err, ERR_SYNTAX, "\"%.*s\" is not a time such as 9 or 17:30", STR_ARG(str_sub(text, 0, 40)));
	*minute = (int)(hour * 60 + minutes);
	return 0;
}

static int read_range(struct condition *condition, struct err *err)
{
	struct str rest = condition->data, from = str_trim(str_cut(&rest, '-'));

	if (rest.data == NULL)
		return err_set(err, ERR_SYNTAX, "TimeNow needs FROM-TO, such as 9-17 or 22:30-6");
	return read_time(from, false, &condition->from, err) != 0 ? -1
	                                                          : read_time(str_trim(rest), true, &condition->to, err);
}

static int read_days(struct condition *condition, struct err *err)
{
	for (size_t i = 0; i < condition->data.len; i++) {
		char digit = condition->data.data[i];

		if (digit < '1' || digit > '7')
			return err_set(err, ERR_SYNTAX, "DayNow needs digits from 1 (Sunday) to 7 (Saturday), such as 23456");
		condition->days |= 1U << (digit - '1');
	}
	return condition->days != 0 ? 0 : err_set(err, ERR_SYNTAX, "DayNow needs the digits of days, such as 23456");
}

/* The data of a field that takes no operator. */
static int read_alone(struct condition *condition, struct err *err)
{
	switch (condition->fields[0].kind) {
	case FIELD_TIME_NOW:
		return read_range(condition, err);
	case FIELD_DAY_NOW:
		return read_days(condition, err);
	case FIELD_RECIPIENT:
	case FIELD_COLLECTOR:
		return condition->data.len > 0
		           ? 0
		           : err_set(err, ERR_SYNTAX, "%.*s needs a name", STR_ARG(condition->fields[0].name));
	default:
		if (!str_equal(condition->data, STR("0")) && !str_equal(condition->data, STR("1")))
			return err_set(err, ERR_SYNTAX, "Always needs 0 or 1");
		return 0;
	}
}

/* What an operator compares with. */
static int read_data(struct condition *condition, struct arena *arena, struct err *err)
{
	bool may_be_empty = condition->op == OPERATOR_EQUALS || condition->op == OPERATOR_NOT_EQUALS;

	if (condition->data.len == 0 && !may_be_empty)
		return err_set(err, ERR_SYNTAX, "%s needs something to compare with", operator_word(condition->op));
	if (condition->op == OPERATOR_REGEX ||
	    (condition->op == OPERATOR_MATCHES && condition->data.len > 1 && condition->data.data[0] == '/' &&
	     str_find_last_char(condition->data, '/') > 0)) {
		condition->op = OPERATOR_REGEX;
		if (condition->exact)
			return err_set(err, ERR_SYNTAX, "a regular expression tells case apart by itself; leave \"case\" out");
		return regex_compile(condition->data, &condition->regex, err);
	}
	if (condition->exact && condition->op == OPERATOR_MATCHES)
		return err_set(err, ERR_SYNTAX, "a wildcard pattern knows no case; leave \"case\" out");
	condition->folded = condition->exact ? condition->data : fold_text(condition->data, arena);
	condition->is_number = number_read(condition->data, &condition->number);
	return 0;
}

static int check_text(struct str text, struct err *err)
{
	for (size_t i = 0; i < text.len; i++)
		if (((unsigned char)text.data[i] < 0x20 && text.data[i] != '\t') || text.data[i] == 0x7f)
			return err_set(err, ERR_SYNTAX, "a condition is one line without control characters");
	return 0;
}

int condition_parse(struct str text, enum condition_dialect dialect, struct arena *arena, struct condition *condition,
                    struct err *err)
{
	struct str rest = str_trim(text), word = str_cut_word(&rest), behind;

	*condition = (struct condition){0};
	if (check_text(text, err) != 0)
		return -1;
	if (str_equal_nocase(word, STR("not"))) {
		condition->negate = true;
		word = str_cut_word(&rest);
	}
	if (str_equal_nocase(word, STR("case"))) {
		condition->exact = true;
		word = str_cut_word(&rest);
	}
	if (word.len == 0)
		return err_set(err, ERR_SYNTAX, "a condition is [not] FIELD OPERATOR DATA, such as MailFrom contains example");
	if (read_fields(word, dialect, arena, condition, err) != 0)
		return -1;
	behind = rest;
	word = str_cut_word(&rest);
	condition->op = find_operator(word);
	if (field_words[condition->fields[0].kind].alone && condition->op == OPERATOR_NONE)
		rest = behind;
	else if (condition->op == OPERATOR_NONE)
		return err_set(err, ERR_SYNTAX, "\"%.*s\" is not an operator such as equals, contains, matches or regex",
		               STR_ARG(str_sub(word, 0, 40)));
	condition->data = arena_copy(arena, str_trim(rest));
	if (condition->data.len > CONDITION_DATA_MAX)
		return err_set(err, ERR_LIMIT, "more than %d octets to compare with", CONDITION_DATA_MAX);
	if (!field_words[condition->fields[0].kind].alone)
		return read_data(condition, arena, err);
	condition->op = OPERATOR_NONE; /* it is of no account there (specification 05, SMTP rules) */
	return read_alone(condition, err);
}

void condition_free(struct condition *condition)
{
	regex_free(condition->regex);
	condition->regex = NULL;
}

struct str condition_format(const struct condition *condition, struct arena *arena)
{
	struct str text = arena_printf(arena, "%s%s", condition->negate ? "not " : "", condition->exact ? "case " : "");

	for (size_t i = 0; i < condition->field_count; i++)
		text = arena_printf(arena, "%.*s%s%.*s", STR_ARG(text), i > 0 ? "," : "", STR_ARG(condition->fields[i].name));
	if (condition->op != OPERATOR_NONE)
		text = arena_printf(arena, "%.*s %s", STR_ARG(text), operator_word(condition->op));
	if (condition->data.len > 0)
		text = arena_printf(arena, "%.*s %.*s", STR_ARG(text), STR_ARG(condition->data));
	return text;
}

static enum rules_stage latest_stage(const struct condition *condition, bool certain)
{
	enum rules_stage latest = RULES_MAIL;

	for (size_t i = 0; i < condition->field_count; i++) {
		const struct field_word *word = &field_words[condition->fields[i].kind];
		enum rules_stage stage = certain ? word->stage : word->first_stage;

		latest = stage > latest ? stage : latest;
	}
	return latest;
}

enum rules_stage condition_stage(const struct condition *condition)
{
	return latest_stage(condition, true);
}

enum rules_stage condition_first_stage(const struct condition *condition)
{
	return latest_stage(condition, false);
}

static bool asks_for(const struct condition *condition, enum field_kind kind)
{
	for (size_t i = 0; i < condition->field_count; i++)
		if (condition->fields[i].kind == kind)
			return true;
	return false;
}

bool condition_asks_recipient(const struct condition *condition)
{
	return asks_for(condition, FIELD_THIS_RCPT_TO);
}

bool condition_asks_time(const struct condition *condition)
{
	return asks_for(condition, FIELD_TIME_NOW) || asks_for(condition, FIELD_DAY_NOW);
}
