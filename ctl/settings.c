/*
 * Scalar settings: get, set, unset; and what the catalogue says about them: settings, help.
 */
#include "ctl/ctl.h"
#include "ctl/manual.h"

#include "common/settings/settings.h"

#include <jansson.h>
#include <stdio.h>

static const struct ctl_command get_usage = {"get", "[KEY] [--service NAME] [--json]", NULL, NULL, false};
static const struct ctl_command set_usage = {"set", "KEY VALUE [--service NAME]", NULL, NULL, false};
static const struct ctl_command unset_usage = {"unset", "KEY|PATTERN [--service NAME]", NULL, NULL, false};
static const struct ctl_command settings_usage = {"settings", "[KEY | --format list|man|conf]", NULL, NULL, false};

static void print_values(const struct ipc_message *reply, bool bare)
{
	struct str key, value;

	for (size_t position = 0; ipc_next(reply, &position, &key, &value);) {
		struct str name;

		if (!str_equal(key, STR("value")))
			continue;
		name = str_cut(&value, '=');
		if (bare)
			printf("%.*s\n", STR_ARG(value));
		else
			printf("%.*s = %.*s\n", STR_ARG(name), STR_ARG(value));
	}
}

/* A "value" field is followed by its "default". */
static void print_json(const struct ipc_message *reply)
{
	json_t *list = json_array();
	struct str key, value, name = STR(""), text = STR("");

	for (size_t position = 0; ipc_next(reply, &position, &key, &value);) {
		if (str_equal(key, STR("value"))) {
			name = str_cut(&value, '=');
			text = value;
		} else if (str_equal(key, STR("default"))) {
			json_array_append_new(list, json_pack("{s:s%, s:s%, s:b}", "key", name.data, name.len, "value", text.data,
			                                      text.len, "default", str_equal(value, STR("1"))));
		}
	}
	json_dumpf(list, stdout, JSON_INDENT(2));
	printf("\n");
	json_decref(list);
}

/* What get, set and unset are given. */
struct given {
	const char *words[2]; /* KEY, VALUE */
	int count;
	const char *service; /* NULL: the general settings */
	bool as_json;
};

/* Only what stands before VALUE may be an option: a value may begin with '-'. */
static bool read_arguments(struct given *given, int max, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--service") == 0 && i + 1 < argc)
			given->service = argv[++i];
		else if (strcmp(argv[i], "--json") == 0 && max == 1)
			given->as_json = true;
		else if (given->count == max || (given->count == 0 && argv[i][0] == '-'))
			return false;
		else
			given->words[given->count++] = argv[i];
	}
	return true;
}

static int ask(struct ctl *ctl, const char *op, const struct given *given, struct ipc_message *reply)
{
	struct ipc_message request;
	int status;

	ipc_message_init(&request);
	ipc_request(&request, op);
	if (given->words[0] != NULL)
		ipc_add_text(&request, "key", given->words[0]);
	if (given->words[1] != NULL)
		ipc_add_text(&request, "value", given->words[1]);
	if (given->service != NULL)
		ipc_add_text(&request, "service", given->service);
	status = ctl_ask(ctl, "configd", &request, reply);
	ipc_message_free(&request);
	return status;
}

int ctl_get(struct ctl *ctl, int argc, char **argv)
{
	struct given given = {.count = 0};
	struct ipc_message reply;
	int status;

	if (!read_arguments(&given, 1, argc, argv))
		return ctl_usage(&get_usage);
	ipc_message_init(&reply);
	status = ask(ctl, "get", &given, &reply);
	if (status == CTL_DONE && given.as_json)
		print_json(&reply);
	else if (status == CTL_DONE)
		print_values(&reply, given.words[0] != NULL && strpbrk(given.words[0], "*?") == NULL);
	ipc_message_free(&reply);
	return status;
}

static int change(struct ctl *ctl, const char *op, const struct given *given)
{
	struct ipc_message reply;
	int status;

	ipc_message_init(&reply);
	status = ask(ctl, op, given, &reply);
	ipc_message_free(&reply);
	return status;
}

int ctl_set(struct ctl *ctl, int argc, char **argv)
{
	struct given given = {.count = 0};

	if (!read_arguments(&given, 2, argc, argv) || given.count != 2)
		return ctl_usage(&set_usage);
	return change(ctl, "set", &given);
}

int ctl_unset(struct ctl *ctl, int argc, char **argv)
{
	struct given given = {.count = 0};

	if (!read_arguments(&given, 1, argc, argv) || given.count != 1 || given.as_json)
		return ctl_usage(&unset_usage);
	return change(ctl, "unset", &given);
}

int ctl_settings(struct ctl *ctl, int argc, char **argv)
{
	(void)ctl;
	if (argc == 1 || (argc == 3 && strcmp(argv[1], "--format") == 0 && strcmp(argv[2], "list") == 0))
		manual_list(&setting_catalogue);
	else if (argc == 3 && strcmp(argv[1], "--format") == 0 && strcmp(argv[2], "man") == 0)
		manual_mdoc(&manual_of_settings);
	else if (argc == 3 && strcmp(argv[1], "--format") == 0 && strcmp(argv[2], "conf") == 0)
		manual_conf();
	else if (argc == 2 && argv[1][0] != '-')
		return manual_explain(&setting_catalogue, argv[1]);
	else
		return ctl_usage(&settings_usage);
	return CTL_DONE;
}
