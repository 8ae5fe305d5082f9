/*
 * smtp-rule test: a message file through the rules of a service, with the engine that smtpd runs. Nothing is sent,
 * stored or blocked; a script runs in this process, and its errors are printed.
 */
#include "ctl/smtp_rule.h"

#include "common/base/io.h"
#include "common/rules/rules.h"

#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

enum { RECIPIENTS_MAX = 1000, MESSAGE_MAX = 64 << 20 };

static const struct ctl_command usage = {"smtp-rule test", SMTP_RULE_TEST_ARGUMENTS, NULL, NULL, false};

static const char *const verdict_words[] = {
    [RULES_NONE] = "none",         [RULES_ACCEPT] = "accept", [RULES_REJECT] = "reject",
    [RULES_REDIRECT] = "redirect", [RULES_IGNORE] = "ignore", [RULES_COPY] = "copy",
};
static const char *const fate_words[] = {
    [RULES_TRIGGERED] = "runs",
    [RULES_TAKEN] = "holds",
    [RULES_NOT_MATCHED] = "does not match",
    [RULES_SKIPPED] = "skipped",
    [RULES_OTHER_STAGE] = "other stage",
};

struct test {
	struct arena arena;
	struct rules rules;
	struct script script;
	struct rules_lines lines;
	struct buf message;
	struct facts facts; /* what does not change from stage to stage */
	struct str *recipients;
	size_t recipient_count;
	const char *service;
	bool as_json;
	json_t *stages;  /* what came of each run */
	json_t *current; /* the rules of the run that goes on */
};

static bool take_option(struct test *test, int option, const char *value)
{
	int64_t ms;

	switch (option) {
	case 's':
		test->service = value;
		return true;
	case 'f':
		test->facts.mail_from = str_of(value);
		return true;
	case 't':
		if (test->recipient_count == RECIPIENTS_MAX)
			return false;
		test->recipients[test->recipient_count++] = str_of(value);
		return true;
	case 'c':
		test->facts.client = str_of(value);
		return true;
	case 'u':
		test->facts.user = str_of(value);
		return true;
	case 'w':
		test->facts.now = ctl_parse_time(value, &ms) ? (time_t)(ms / 1000) : 0;
		return test->facts.now != 0;
	case 'j':
		test->as_json = true;
		return true;
	default:
		return false;
	}
}

static int read_options(struct test *test, int argc, char **argv)
{
	static const struct option options[] = {
	    {"service", required_argument, NULL, 's'}, {"from", required_argument, NULL, 'f'},
	    {"to", required_argument, NULL, 't'},      {"client", required_argument, NULL, 'c'},
	    {"user", required_argument, NULL, 'u'},    {"time", required_argument, NULL, 'w'},
	    {"json", no_argument, NULL, 'j'},          {NULL, 0, NULL, 0},
	};
	struct err err;
	int option;

	optind = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (!take_option(test, option, optarg))
			return ctl_usage(&usage);
	if (argc - optind != 1)
		return ctl_usage(&usage);
	return io_read_file(strcmp(argv[optind], "-") == 0 ? "/dev/stdin" : argv[optind], &test->message, &err) == 0
	           ? CTL_DONE
	           : ctl_refuse_err(&err);
}

static struct str text_of(const json_t *rule, const char *key)
{
	return str_of(json_string_value(json_object_get(rule, key)));
}

static int add_rule(struct test *test, const json_t *rule, struct err *err)
{
	const json_t *list = json_object_get(rule, "conditions");
	struct rule_text text = {text_of(rule, "name"),   text_of(rule, "stage"),
	                         text_of(rule, "action"), text_of(rule, "parameter"),
	                         text_of(rule, "match"),  STR(""),
	                         CONDITION_SMTP};

	for (size_t i = 0; i < json_array_size(list); i++)
		text.conditions = arena_printf(&test->arena, "%.*s\n%s", STR_ARG(text.conditions),
		                               json_string_value(json_array_get(list, i)));
	return rules_add(&test->rules, &text, err);
}

static int load_rules(struct test *test, struct ctl *ctl)
{
	struct err err = {.code = ERR_NONE};
	char script[SCRIPT_NAME_MAX];
	int64_t service;
	json_t *rules;
	int status = smtp_rules_fetch(ctl, test->service, &rules, &service);

	if (status != CTL_DONE)
		return status;
	for (size_t i = 0; i < json_array_size(rules) && err.code == ERR_NONE; i++)
		add_rule(test, json_array_get(rules, i), &err);
	json_decref(rules);
	if (err.code != ERR_NONE || rules_finish(&test->rules, &err) != 0)
		return ctl_refuse_err(&err);
	snprintf(script, sizeof script, "smtprules_%lld", (long long)service);
	script_open(&test->script, &ctl->instance, script, NULL, NULL);
	return CTL_DONE;
}

static json_t *json_of(struct str text)
{
	json_t *value = json_stringn(text.data, text.len);

	return value != NULL ? value : json_string("(not UTF-8)");
}

static void note(void *context, const struct rules_event *event)
{
	struct test *test = context;

	json_array_append_new(test->current, json_pack("{s:I, s:o, s:s, s:o, s:s}", "number", (json_int_t)event->number,
	                                               "name", json_of(event->name), "action", event->action, "detail",
	                                               json_of(event->detail), "result", fate_words[event->fate]));
}

/* What the run decided, beside its rules. */
static void note_result(struct test *test, enum rules_stage stage, const struct rules_result *result)
{
	json_t *object = json_pack("{s:s, s:O, s:s, s:b, s:b, s:I}", "stage", rule_stage_word(stage), "rules",
	                           test->current, "verdict", verdict_words[result->verdict], "hold", result->hold,
	                           "disconnect", result->disconnect, "block", (json_int_t)result->block_minutes);
	struct rules_reply reply;
	json_t *keywords = json_array();

	if (stage == RULES_RCPT)
		json_object_set_new(object, "recipient", json_of(test->recipients[test->facts.recipient_count - 1]));
	if (result->verdict == RULES_REJECT) {
		rules_reply(stage, result, &reply);
		json_object_set_new(object, "reply", json_sprintf("%d %s %s", reply.code, reply.enhanced, reply.text));
	}
	if (result->targets.count > 0)
		json_object_set_new(object, "targets", json_of(targets_format(&result->targets, &test->arena)));
	for (size_t i = 0; i < result->keyword_count; i++)
		json_array_append_new(keywords, json_of(result->keywords[i]));
	json_object_set_new(object, "keywords", keywords);
	json_array_append_new(test->stages, object);
}

static enum rules_verdict run_stage(struct test *test, enum rules_stage stage)
{
	struct facts facts = test->facts;
	struct rules_run run = {&test->rules, &facts, &test->script, &test->lines, note, test};
	struct rules_result result;

	facts.stage = stage;
	test->current = json_array();
	rules_execute(&run, &result);
	note_result(test, stage, &result);
	json_decref(test->current);
	return result.verdict;
}

static struct str header_of(struct str message)
{
	struct str rest = message;
	struct mime_field field;

	while (mime_field_next(&rest, &field))
		continue;
	return str_sub(message, 0, message.len - rest.len);
}

/* A rule that ends the first stage ends all of it; one that ends the second speaks of its recipient alone. */
static void run_stages(struct test *test)
{
	bool any_accepted = test->recipient_count == 0;

	test->facts.recipients = test->recipients;
	test->facts.arena = &test->arena;
	test->facts.size = test->message.len;
	test->stages = json_array();
	if (run_stage(test, RULES_MAIL) != RULES_NONE)
		return;
	for (size_t i = 0; i < test->recipient_count; i++) {
		test->facts.recipient_count = i + 1;
		any_accepted |= run_stage(test, RULES_RCPT) != RULES_REJECT;
	}
	if (!any_accepted)
		return;
	test->facts.header = header_of(buf_str(&test->message));
	run_stage(test, RULES_DATA);
}

static const char *member(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

static void print_stage(const json_t *stage)
{
	const json_t *rules = json_object_get(stage, "rules");
	json_int_t minutes = json_integer_value(json_object_get(stage, "block"));
	const json_t *keywords = json_object_get(stage, "keywords");

	printf("stage %s %s\n", member(stage, "stage"), member(stage, "recipient"));
	for (size_t i = 0; i < json_array_size(rules); i++) {
		const json_t *rule = json_array_get(rules, i);

		printf("  %lld \"%s\": %s: %s %s\n", (long long)json_integer_value(json_object_get(rule, "number")),
		       member(rule, "name"), member(rule, "result"), member(rule, "action"), member(rule, "detail"));
	}
	printf("  => %s %s%s", member(stage, "verdict"), member(stage, "reply"), member(stage, "targets"));
	printf("%s%s", json_is_true(json_object_get(stage, "hold")) ? ", hold" : "",
	       json_is_true(json_object_get(stage, "disconnect")) ? ", disconnect" : "");
	if (minutes > 0)
		printf(", block for %lld minutes", (long long)minutes);
	for (size_t i = 0; i < json_array_size(keywords); i++)
		printf(", keyword %s", json_string_value(json_array_get(keywords, i)));
	printf("\n");
}

static void print_result(struct test *test)
{
	json_t *lines = json_array();

	for (size_t i = 0; i < test->lines.count; i++)
		json_array_append_new(lines, json_of(test->lines.list[i]));
	if (test->as_json) {
		json_t *all = json_pack("{s:O, s:O}", "stages", test->stages, "headers", lines);

		json_dumpf(all, stdout, JSON_INDENT(2));
		printf("\n");
		json_decref(all);
	} else {
		for (size_t i = 0; i < json_array_size(test->stages); i++)
			print_stage(json_array_get(test->stages, i));
		for (size_t i = 0; i < json_array_size(lines); i++)
			printf("header %s\n", json_string_value(json_array_get(lines, i)));
	}
	json_decref(lines);
}

int smtp_rule_test(struct ctl *ctl, int argc, char **argv)
{
	struct test test = {.facts = {.mail_from = STR(""), .client = STR("127.0.0.1"), .user = STR("")}};
	int status;

	arena_init(&test.arena);
	rules_init(&test.rules);
	buf_init(&test.message, MESSAGE_MAX);
	test.recipients = arena_get(&test.arena, RECIPIENTS_MAX * sizeof *test.recipients);
	test.facts.now = time(NULL);
	status = read_options(&test, argc, argv);
	if (status == CTL_DONE)
		status = load_rules(&test, ctl);
	if (status == CTL_DONE) {
		run_stages(&test);
		print_result(&test);
		json_decref(test.stages);
		script_close(&test.script);
	}
	buf_free(&test.message);
	rules_free(&test.rules);
	arena_free(&test.arena);
	return status;
}
