/*
 * Rules of SMTP services: list, show, add, edit, move, delete, copy; the test is in smtp_rule_test.c.
 */
#include "ctl/smtp_rule.h"

#include "ctl/verb.h"

#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

static const struct ctl_command show_usage = {"smtp-rule show", "NUMBER [--service NAME] [--json]", NULL, NULL, false};

int smtp_rules_fetch(struct ctl *ctl, const char *service, json_t **rules_out, int64_t *service_out)
{
	struct ipc_message request, reply;
	struct str key, value;
	int status;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "smtp-rule-list");
	if (service != NULL)
		ipc_add_text(&request, "service", service);
	status = ctl_ask(ctl, "configd", &request, &reply);
	if (status == CTL_DONE) {
		*rules_out = json_array();
		for (size_t position = 0; ipc_next(&reply, &position, &key, &value);)
			if (str_equal(key, STR("rule")))
				json_array_append_new(*rules_out, json_loadb(value.data, value.len, 0, NULL));
		if (!ipc_get_number(&reply, "service", 1, INT64_MAX, service_out))
			*service_out = 0;
	}
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}

static void print_rule(const json_t *rule)
{
	static const char *const texts[] = {"name", "stage", "action", "parameter", "match", NULL};
	const json_t *conditions = json_object_get(rule, "conditions");

	for (const char *const *text = texts; *text != NULL; text++) {
		const char *value = json_string_value(json_object_get(rule, *text));

		if (value != NULL && value[0] != '\0')
			printf("%s = %s\n", *text, value);
	}
	for (size_t i = 0; i < json_array_size(conditions); i++)
		printf("condition = %s\n", json_string_value(json_array_get(conditions, i)));
}

static int show(struct ctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {
	    {"service", required_argument, NULL, 's'}, {"json", no_argument, NULL, 'j'}, {NULL, 0, NULL, 0}};
	const char *service = NULL;
	bool as_json = false;
	int64_t service_id;
	json_t *rules;
	const json_t *rule;
	uint64_t number;
	int option, status;

	optind = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == '?')
			return ctl_usage(&show_usage);
		if (option == 's')
			service = optarg;
		as_json |= option == 'j';
	}
	if (argc - optind != 1 || !str_to_u64(str_of(argv[optind]), UINT32_MAX, &number))
		return ctl_usage(&show_usage);
	status = smtp_rules_fetch(ctl, service, &rules, &service_id);
	if (status != CTL_DONE)
		return status;
	rule = number > 0 ? json_array_get(rules, (size_t)number - 1) : NULL;
	if (rule == NULL)
		status = ctl_refuse("there is no rule \"%s\"; the service has %zu", argv[optind], json_array_size(rules));
	else if (as_json && json_dumpf(rule, stdout, JSON_INDENT(2)) == 0)
		printf("\n");
	else if (rule != NULL)
		print_rule(rule);
	json_decref(rules);
	return status;
}

#define SERVICE_OPTION                    \
	{                                     \
		"service", OPTION_TEXT, "service" \
	}
#define RULE_ARGUMENTS                                                              \
	"[--service NAME] [--name TEXT] [--stage auto|mail|rcpt|data] [--action WORD] " \
	"[--parameter TEXT] [--match all|any] [--condition TEXT]..."
#define RULE_OPTIONS                                                                                                   \
	SERVICE_OPTION, {"name", OPTION_TEXT, "name"}, {"stage", OPTION_TEXT, "stage"}, {"action", OPTION_TEXT, "action"}, \
	    {"parameter", OPTION_TEXT, "parameter"}, {"match", OPTION_TEXT, "match"},                                      \
	{                                                                                                                  \
		"condition", OPTION_TEXT, "condition"                                                                          \
	}

static const struct verb verbs[] = {
    {.command = VERB_USAGE("smtp-rule list", "[--service NAME] [--json]", "List the rules of a SMTP service."),
     .op = "smtp-rule-list",
     .options = {SERVICE_OPTION},
     .columns = {"number", "stage", "name", "action", "parameter", "match", "condition-count"},
     .row = "rule"},
    {.command =
         VERB_OF("smtp-rule show", "NUMBER [--service NAME] [--json]", "Show a rule with its conditions.", show)},
    {.command =
         VERB_USAGE("smtp-rule add", "[--at NUMBER] " RULE_ARGUMENTS, "Add a rule, at the end or before another."),
     .op = "smtp-rule-add",
     .options = {RULE_OPTIONS, {"at", OPTION_TEXT, "at"}}},
    {.command = VERB_USAGE("smtp-rule edit", "NUMBER " RULE_ARGUMENTS,
                           "Change a rule; what is not given stays, and conditions that are given replace all."),
     .op = "smtp-rule-set",
     .arguments = {"number"},
     .options = {RULE_OPTIONS}},
    {.command = VERB_USAGE("smtp-rule move", "NUMBER NEW-NUMBER [--service NAME]", "Move a rule to another place."),
     .op = "smtp-rule-move",
     .arguments = {"number", "to"},
     .options = {SERVICE_OPTION}},
    {.command = VERB_USAGE("smtp-rule delete", "NUMBER [--service NAME]", "Delete a rule."),
     .op = "smtp-rule-delete",
     .arguments = {"number"},
     .options = {SERVICE_OPTION}},
    {.command = VERB_USAGE("smtp-rule copy", "FROM-SERVICE TO-SERVICE",
                           "Give a service the rules of another, in place of its own."),
     .op = "smtp-rule-copy",
     .arguments = {"service", "to"}},
    {.command =
         VERB_OF("smtp-rule test", SMTP_RULE_TEST_ARGUMENTS, "Run a message file through the rules.", smtp_rule_test)},
    {.command = {NULL}},
};

int ctl_smtp_rule(struct ctl *ctl, int argc, char **argv)
{
	return verb_run(ctl, verbs, argc, argv);
}
