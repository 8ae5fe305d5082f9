#include "common/rules/script_rules.h"

#include "common/base/log.h"
#include "common/mime/header.h"

enum { ACTIONS = 6, RESULTS = 10 };

/* The places of what a function answers. */
enum result_place {
	RESULT_ACTION,
	RESULT_NUMBER,
	RESULT_NAME,
	RESULT_EXTRA,
	RESULT_LINES,
	RESULT_BLOCK,
	RESULT_DISCONNECT,
	RESULT_HOLD,
	RESULT_TEMPORARY,
	RESULT_KEYWORDS,
};

static const struct {
	enum rules_verdict verdict;
	const char *word;
} actions[ACTIONS] = {
    {RULES_NONE, "none"},         {RULES_ACCEPT, "accept"}, {RULES_REJECT, "reject"},
    {RULES_REDIRECT, "redirect"}, {RULES_IGNORE, "ignore"}, {RULES_COPY, "copy"},
};

/* A call that is being made. */
struct question {
	const struct rules_run *run;
	const char *function;
	struct str rule_name;
	struct script_value answer[RESULTS];
};

static void complain(const struct question *question, struct str text)
{
	script_report(question->run->script, question->function, text);
}

/* Address and display name of the first one in From. */
static void read_from(struct facts *facts, struct str *address, struct str *name)
{
	struct str value = facts_field(facts, STR("From"));
	struct mime_addresses addresses;

	*address = *name = STR("");
	if (value.data == NULL)
		return;
	mime_parse_addresses(value, facts->arena, &addresses);
	for (size_t i = 0; i < addresses.count && address->len == 0; i++) {
		const struct mime_address *first = &addresses.list[i];

		if (first->kind != MIME_ADDRESS)
			continue;
		*address = arena_printf(facts->arena, "%.*s@%.*s", STR_ARG(first->mailbox), STR_ARG(first->host));
		*name = mime_decode_words(first->name, facts->arena);
	}
}

static struct script_value header_lines(struct facts *facts)
{
	const struct mime_field *fields;
	size_t count = facts_fields(facts, &fields);
	struct str *lines = arena_get(facts->arena, (count + 1) * sizeof *lines);

	for (size_t i = 0; i < count; i++)
		lines[i] = str_trim(mime_unfold(fields[i].whole, facts->arena));
	return script_list(lines, count);
}

static bool ask(struct question *question)
{
	const struct rules_run *run = question->run;
	struct facts *facts = run->facts;
	struct str from, from_name, subject = facts_field(facts, STR("Subject"));
	const struct str *bcc;
	size_t bcc_count = facts_bcc(facts, &bcc);

	read_from(facts, &from, &from_name);
	const struct script_field data[] = {
	    {"MailFrom", script_text(facts->mail_from)},
	    {"ClientIPAddress", script_text(facts->client)},
	    {"AuthUser", script_text(facts->user)},
	    {"HeaderFrom", script_text(from)},
	    {"HeaderFromTextName", script_text(from_name)},
	    {"Subject", script_text(subject.data != NULL ? mime_decode_words(subject, facts->arena) : STR(""))},
	    {"Recipients", script_list(facts->recipients, facts->recipient_count)},
	    {"BccRecipients", script_list(bcc, bcc_count)},
	    {"Header", header_lines(facts)},
	};
	const struct script_value arguments[] = {
	    script_table(data, sizeof data / sizeof *data),
	    script_number((int64_t)facts->size),
	    script_number(facts->stage),
	    script_list(run->lines->list, run->lines->count),
	    script_text(question->rule_name),
	};
	static const enum script_type types[RESULTS] = {SCRIPT_NUMBER, SCRIPT_NUMBER, SCRIPT_TEXT, SCRIPT_TEXT,
	                                                SCRIPT_LIST,   SCRIPT_FLAG,   SCRIPT_FLAG, SCRIPT_FLAG,
	                                                SCRIPT_FLAG,   SCRIPT_LIST};

	for (size_t i = 0; i < RESULTS; i++)
		question->answer[i].type = types[i];
	return script_call(run->script, question->function, arguments, sizeof arguments / sizeof *arguments,
	                   question->answer, RESULTS, facts->arena) == 1;
}

/* The answer's lines take the place of those that were set so far; what is no header line is left out. */
static void take_lines(const struct question *question)
{
	const struct script_value *value = &question->answer[RESULT_LINES];
	struct rules_lines *lines = question->run->lines;
	struct err err;

	if (value->type == SCRIPT_NIL)
		return;
	lines->list = arena_get(question->run->facts->arena, RULES_LINES_MAX * sizeof *lines->list);
	lines->count = 0;
	for (size_t i = 0; i < value->count; i++) {
		if (lines->count == RULES_LINES_MAX)
			err_set(&err, ERR_LIMIT, "more than %d header lines", RULES_LINES_MAX);
		else if (rule_check_header(value->items[i], &err) == 0) {
			lines->list[lines->count++] = value->items[i];
			continue;
		}
		complain(question, str_of(err.text));
	}
}

/* RFC 9051 section 9, flag-keyword: an atom. */
static bool is_keyword(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] <= ' ' || text.data[i] > '~' || strchr("(){%*\"\\]", text.data[i]) != NULL)
			return false;
	return text.len > 0 && text.len <= RULE_NAME_MAX;
}

static void take_keywords(const struct question *question, struct rules_result *result)
{
	const struct script_value *value = &question->answer[RESULT_KEYWORDS];

	if (value->type == SCRIPT_NIL)
		return;
	result->keywords = arena_get(question->run->facts->arena, RULES_KEYWORDS_MAX * sizeof *result->keywords);
	result->keyword_count = 0;
	for (size_t i = 0; i < value->count; i++) {
		if (result->keyword_count < RULES_KEYWORDS_MAX && is_keyword(value->items[i]))
			result->keywords[result->keyword_count++] = value->items[i];
		else
			complain(question, STR("a keyword is no IMAP keyword, or one too many"));
	}
}

static int take_targets(const struct question *question, struct rules_result *result, struct err *err)
{
	struct str text = question->answer[RESULT_EXTRA].type == SCRIPT_NIL ? STR("") : question->answer[RESULT_EXTRA].text;

	if (result->verdict != RULES_REDIRECT && result->verdict != RULES_COPY)
		return 0;
	return targets_parse(text, question->run->facts->arena, &result->targets, err);
}

static int64_t block_minutes(const struct question *question)
{
	const struct script_value *extra = &question->answer[RESULT_EXTRA];
	uint64_t minutes;

	if (!question->answer[RESULT_BLOCK].flag)
		return 0;
	if (extra->type == SCRIPT_NIL || !str_to_u64(extra->text, RULE_MINUTES_MAX, &minutes) || minutes == 0)
		return RULES_BLOCK_MINUTES;
	return (int64_t)minutes;
}

/* Take over what was answered; nothing of it where the action cannot be carried out. True: the run ends. */
static bool take_answer(const struct question *question, struct rules_result *result)
{
	const struct script_value *answer = question->answer;
	struct rules_result changed = *result;
	struct err err;

	if (answer[RESULT_ACTION].number < 0 || answer[RESULT_ACTION].number >= ACTIONS) {
		complain(question, STR("result 1 is none of the actions 0 to 5"));
		return false;
	}
	changed.verdict = actions[answer[RESULT_ACTION].number].verdict;
	if (take_targets(question, &changed, &err) != 0) {
		complain(question, str_of(err.text));
		return false;
	}
	if (answer[RESULT_NUMBER].type != SCRIPT_NIL)
		changed.number = answer[RESULT_NUMBER].number;
	changed.name = answer[RESULT_NAME].type != SCRIPT_NIL ? answer[RESULT_NAME].text : question->rule_name;
	if (answer[RESULT_BLOCK].flag)
		changed.block_minutes = block_minutes(question);
	changed.disconnect |= answer[RESULT_DISCONNECT].flag;
	changed.hold |= answer[RESULT_HOLD].flag;
	changed.is_temporary = answer[RESULT_TEMPORARY].flag;
	take_keywords(question, &changed);
	take_lines(question);
	*result = changed;
	return changed.verdict != RULES_NONE;
}

static void tell(const struct question *question, const struct rules_result *result)
{
	const struct rules_run *run = question->run;
	const struct rules_event event = {
	    .stage = run->facts->stage,
	    .number = result->number,
	    .name = result->name,
	    .action = actions[question->answer[RESULT_ACTION].number].word,
	    .detail = question->answer[RESULT_EXTRA].type != SCRIPT_NIL ? question->answer[RESULT_EXTRA].text : STR(""),
	    .fate = RULES_TRIGGERED,
	};

	if (run->tell != NULL)
		run->tell(run->context, &event);
}

static bool consult(const struct rules_run *run, const char *function, struct str rule_name,
                    struct rules_result *result)
{
	struct question question = {.run = run, .function = function, .rule_name = rule_name};

	if (run->script == NULL || !script_has_function(run->script, function) || !ask(&question) ||
	    !take_answer(&question, result))
		return false;
	tell(&question, result);
	return true;
}

bool script_rules_first(const struct rules_run *run, struct rules_result *result)
{
	bool has_first = run->script != NULL && script_has_function(run->script, "First");

	return run->script != NULL && consult(run, has_first ? "First" : "Start", STR("First"), result);
}

bool script_rules_last(const struct rules_run *run, struct rules_result *result)
{
	result->number = 0;
	return consult(run, "Last", STR("Last"), result);
}

bool script_rules_call(const struct rules_run *run, const struct rule *rule, struct rules_result *result)
{
	return consult(run, rule->parameter.data, rule->name, result);
}
