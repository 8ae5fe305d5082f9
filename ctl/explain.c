/*
 * collect explain, download-rule test. Nothing is stored or sent; scripts are not asked.
 */
#include "ctl/explain.h"

#include "ctl/verb.h"

#include "common/base/io.h"
#include "common/collecting/ask.h"
#include "common/collecting/options.h"
#include "common/collecting/ruling.h"
#include "common/items/download_rules.h"

#include <getopt.h>
#include <stdio.h>
#include <strings.h>
#include <time.h>

enum { MESSAGE_MAX = 64 << 20, WARNINGS_MAX = 10 };

static const struct ctl_command explain_usage = {"collect explain", EXPLAIN_ARGUMENTS, NULL, NULL, false};
static const struct ctl_command test_usage = {"download-rule test", EXPLAIN_ARGUMENTS, NULL, NULL, false};

static const char *const fate_words[] = {
    [RULES_TRIGGERED] = "runs",  [RULES_TAKEN] = "holds",  [RULES_NOT_MATCHED] = "does not match",
    [RULES_SKIPPED] = "skipped", [RULES_OTHER_STAGE] = "",
};

struct explanation {
	const struct ctl_command *usage;
	struct arena arena;
	struct settings settings;
	struct collector_settings collector;
	struct routing_options options;
	struct rules rules;
	struct buf message;
	struct routing routing;
	struct ruling ruling;
	const char *name; /* of the collector, as it was asked for */
	uint64_t size;
	time_t now;
	bool with_rules, as_json;
	json_t *ran; /* rules, with what became of each */
};

static bool take_option(struct explanation *e, int option, const char *value)
{
	int64_t ms;

	switch (option) {
	case 'c':
		e->name = value;
		return true;
	case 's':
		return str_to_u64(str_of(value), INT64_MAX, &e->size);
	case 't':
		e->now = ctl_parse_time(value, &ms) ? (time_t)(ms / 1000) : 0;
		return e->now != 0;
	case 'j':
		e->as_json = true;
		return true;
	default:
		return false;
	}
}

static int read_options(struct explanation *e, int argc, char **argv)
{
	static const struct option options[] = {
	    {"collector", required_argument, NULL, 'c'},
	    {"size", required_argument, NULL, 's'},
	    {"time", required_argument, NULL, 't'},
	    {"json", no_argument, NULL, 'j'},
	    {NULL, 0, NULL, 0},
	};
	struct err err;
	int option;

	optind = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (!take_option(e, option, optarg))
			return ctl_usage(e->usage);
	if (argc - optind != 1)
		return ctl_usage(e->usage);
	if (io_read_file(strcmp(argv[optind], "-") == 0 ? "/dev/stdin" : argv[optind], &e->message, &err) != 0)
		return ctl_refuse_err(&err);
	if (e->size == 0)
		e->size = e->message.len;
	return CTL_DONE;
}

/* The collector of that name or number; without one the only, or one that has nothing set. */
static int find_collector(struct explanation *e, struct err *err)
{
	struct collector_settings *list;
	size_t count;
	uint64_t number = 0;

	if (collectors_load(&e->settings.objects, &e->arena, &list, &count, err) != 0)
		return -1;
	if (e->name == NULL && count == 1) {
		e->collector = list[0];
		return 0;
	}
	if (e->name == NULL) {
		e->collector.name = "";
		return object_settings_load(&e->settings.objects, &collector_kind, 0, &e->arena, e->collector.texts,
		                            e->collector.numbers, err);
	}
	str_to_u64(str_of(e->name), INT64_MAX, &number);
	for (size_t i = 0; i < count; i++)
		if (strcasecmp(list[i].name, e->name) == 0 || (number > 0 && list[i].id == (int64_t)number)) {
			e->collector = list[i];
			return 0;
		}
	return err_set(err, ERR_NOT_FOUND, "there is no collector \"%s\"", e->name);
}

static int load(struct explanation *e, struct ctl *ctl, struct err *err)
{
	if (settings_open(&e->settings, &ctl->instance, true, err) != 0)
		return -1;
	if (find_collector(e, err) != 0 ||
	    routing_read_options(&e->collector, str_of(settings_default_domain(&e->settings)), &e->arena, &e->options,
	                         err) != 0)
		return -1;
	e->with_rules |= e->collector.numbers[COLLECTOR_SETTING_RULES] != 0;
	return e->with_rules ? download_rules_load(&e->rules, &e->settings.objects, err) : 0;
}

static json_t *json_of(struct str text)
{
	json_t *value = json_stringn(text.data, text.len);

	return value != NULL ? value : json_string("(not UTF-8)");
}

static void note(void *context, const struct rules_event *event)
{
	struct explanation *e = context;

	json_array_append_new(e->ran, json_pack("{s:I, s:o, s:s, s:o, s:s}", "number", (json_int_t)event->number, "name",
	                                        json_of(event->name), "action", event->action, "parameter",
	                                        json_of(event->detail), "result", fate_words[event->fate]));
}

/* Ask the resolver, then the rules. */
static int judge(struct explanation *e, struct ctl *ctl, struct err *err)
{
	struct collect_asker asker;
	struct routing_asker face;
	struct ruling_case matter = {str_of(e->collector.name), e->collector.id, e->size, STR(""), &e->routing, e->now};
	int result;

	if (collect_asker_open(&asker, &ctl->instance, "postroom", e->collector.id, err) != 0)
		return -1;
	face = collect_asker_face(&asker);
	result = routing_find(&e->options, buf_str(&e->message), &face, true, &e->arena, &e->routing, err);
	collect_asker_close(&asker);
	if (result != 0)
		return -1;
	matter.header = e->routing.header;
	ruling_make(&e->rules, &matter, note, e, &e->arena, &e->ruling);
	return 0;
}

static const char *remove_word(const struct collect_action *action)
{
	static const char *const words[] = {
	    [COLLECT_REMOVE_LATER] = "deleted there as the collector is set",
	    [COLLECT_REMOVE_NOW] = "deleted there at once",
	    [COLLECT_REMOVE_IGNORED] = "left there, until the collector's days are over",
	    [COLLECT_REMOVE_QUERY] = "left there until it is asked for, or the days for that are over",
	};

	return words[action->remove];
}

static const char *fetch_word(const struct collect_action *action)
{
	static const char *const words[] = {
	    [COLLECT_LEAVE] = "not fetched", [COLLECT_HEADERS] = "its header is fetched", [COLLECT_WHOLE] = "fetched"};

	return words[action->fetch];
}

/* Who gets it, or news of it: R, T or both. */
static json_t *recipients_of(const struct explanation *e, const struct collect_action *action)
{
	json_t *list = json_array();

	for (size_t i = 0; action->to_recipients && i < e->routing.recipient_count; i++)
		json_array_append_new(list, json_of(e->routing.recipients[i].address));
	for (size_t i = 0; action->to_targets && i < e->ruling.targets.count; i++) {
		const struct rule_target *target = &e->ruling.targets.list[i];

		json_array_append_new(list, json_sprintf("%.*s%s%.*s", STR_ARG(target->address),
		                                         target->folder.len > 0 ? " " : "", STR_ARG(target->folder)));
	}
	return list;
}

static json_t *texts(const struct str *list, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, json_of(list[i]));
	return array;
}

static json_t *describe(struct explanation *e)
{
	const struct collect_action *action = collect_action_of(e->ruling.word);
	struct str warnings[WARNINGS_MAX];
	size_t warning_count = e->options.method == ROUTING_BY_HEADERS
	                           ? routing_check_order(e->options.order, warnings, WARNINGS_MAX, &e->arena)
	                           : 0;
	json_t *recipients = recipients_of(e, action);
	bool is_error = json_array_size(recipients) == 0 && action->fetch != COLLECT_LEAVE;
	json_t *object = json_pack("{s:o, s:o, s:o, s:o, s:O, s:o, s:s, s:s, s:s, s:o, s:o}", "sender",
	                           json_of(e->routing.sender), "author", json_of(e->routing.author), "warnings",
	                           texts(warnings, warning_count), "steps", texts(e->routing.steps, e->routing.step_count),
	                           "rules", e->ran, "by", json_of(e->ruling.by), "action", rule_action_word(e->ruling.word),
	                           "fetch", fetch_word(action), "remove", remove_word(action), "headers",
	                           texts(e->ruling.lines.list, e->ruling.lines.count), "recipients", recipients);

	if (is_error)
		json_object_set_new(object, "error", json_string(e->collector.texts[COLLECTOR_SETTING_ERROR]));
	return object;
}

static void print_list(const json_t *object, const char *key, const char *before)
{
	const json_t *list = json_object_get(object, key);

	for (size_t i = 0; i < json_array_size(list); i++)
		printf("%s%s\n", before, json_string_value(json_array_get(list, i)));
}

static const char *member(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

static void print_text(const json_t *object)
{
	const json_t *rules = json_object_get(object, "rules");

	print_list(object, "warnings", "order: ");
	printf("from <%s>, by %s\n", member(object, "sender"), member(object, "author"));
	print_list(object, "steps", "  ");
	for (size_t i = 0; i < json_array_size(rules); i++) {
		const json_t *rule = json_array_get(rules, i);

		printf("rule %lld \"%s\": %s: %s %s\n", (long long)json_integer_value(json_object_get(rule, "number")),
		       member(rule, "name"), member(rule, "result"), member(rule, "action"), member(rule, "parameter"));
	}
	printf("=> %s: %s, %s\n", member(object, "by"), member(object, "fetch"), member(object, "remove"));
	print_list(object, "headers", "header ");
	print_list(object, "recipients", "to ");
	if (json_object_get(object, "error") != NULL)
		printf("no recipient: %s\n", member(object, "error"));
}

static int explain(struct ctl *ctl, const struct ctl_command *usage, bool with_rules, int argc, char **argv)
{
	struct explanation e = {.usage = usage, .with_rules = with_rules, .now = time(NULL), .ran = json_array()};
	struct err err;
	int status;

	arena_init(&e.arena);
	rules_init(&e.rules);
	buf_init(&e.message, MESSAGE_MAX);
	status = read_options(&e, argc, argv);
	if (status == CTL_DONE && (load(&e, ctl, &err) != 0 || judge(&e, ctl, &err) != 0))
		status = ctl_refuse_err(&err);
	if (status == CTL_DONE) {
		json_t *object = describe(&e);

		if (e.as_json && json_dumpf(object, stdout, JSON_INDENT(2)) == 0)
			printf("\n");
		else if (!e.as_json)
			print_text(object);
		json_decref(object);
	}
	json_decref(e.ran);
	routing_options_free(&e.options);
	rules_free(&e.rules);
	settings_close(&e.settings);
	buf_free(&e.message);
	arena_free(&e.arena);
	return status;
}

static int explain_message(struct ctl *ctl, int argc, char **argv)
{
	return explain(ctl, &explain_usage, false, argc, argv);
}

int explain_rules(struct ctl *ctl, int argc, char **argv)
{
	return explain(ctl, &test_usage, true, argc, argv);
}

static const struct verb verbs[] = {
    {.command = VERB_OF("collect explain", EXPLAIN_ARGUMENTS,
                        "Show what would become of a message that is collected, and why.", explain_message)},
    {.command = {NULL}},
};

int ctl_collect(struct ctl *ctl, int argc, char **argv)
{
	return verb_run(ctl, verbs, argc, argv);
}
