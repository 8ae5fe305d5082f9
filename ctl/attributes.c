#include "ctl/attributes.h"
#include "ctl/manual.h"

#include "common/settings/attributes.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static const struct ctl_command attributes_usage = {"attributes", "[KEY | --format list|man]", NULL, NULL, false};

/* Which of the verbs, and of whom. */
struct call {
	const char *holder; /* "user", "group": the field of the request */
	const char *op;
	struct ctl_command usage;
	bool with_values, with_json;
};

static const struct call user_set = {
    "user", "attribute-set", {"user set", ATTRIBUTES_SET_ARGUMENTS, NULL, NULL, false}, true, false};
static const struct call user_get = {
    "user", "attribute-get", {"user get", ATTRIBUTES_GET_ARGUMENTS, NULL, NULL, false}, false, true};
static const struct call user_unset = {
    "user", "attribute-unset", {"user unset", ATTRIBUTES_UNSET_ARGUMENTS, NULL, NULL, false}, false, false};
static const struct call group_set = {
    "group", "attribute-set", {"group set", ATTRIBUTES_SET_ARGUMENTS, NULL, NULL, false}, true, false};
static const struct call group_get = {
    "group", "attribute-get", {"group get", ATTRIBUTES_GET_ARGUMENTS, NULL, NULL, false}, false, true};
static const struct call group_unset = {
    "group", "attribute-unset", {"group unset", ATTRIBUTES_UNSET_ARGUMENTS, NULL, NULL, false}, false, false};

/* "--admin on" is an older way to say "administrator on". */
static const char *key_of_option(const char *word)
{
	if (strcmp(word, "--admin") == 0)
		return "administrator";
	return strcmp(word, "--enabled") == 0 ? "enabled" : word;
}

/* Names, keys and values into the request's fields; a value may begin with '-'. */
static bool read_words(const struct call *call, int argc, char **argv, struct ipc_message *request, int *keys_out,
                       bool *as_json_out)
{
	const char *names = NULL;
	int keys = 0;

	for (int i = 1; i < argc; i++) {
		const char *word = argv[i];

		if (names == NULL && (strcmp(word, "--all") == 0 || word[0] != '-')) {
			names = word[0] == '-' ? "*" : word;
			ipc_add_text(request, call->holder, names);
			continue;
		}
		if (call->with_json && strcmp(word, "--json") == 0) {
			*as_json_out = true;
			continue;
		}
		if (call->with_values)
			word = key_of_option(word);
		if (names == NULL || word[0] == '-' || (call->with_values && i + 1 == argc))
			return false;
		ipc_add_text(request, "key", word);
		if (call->with_values)
			ipc_add_text(request, "value", argv[++i]);
		keys++;
	}
	*keys_out = keys;
	return names != NULL && (call->with_json ? keys <= 1 : keys > 0);
}

/* One line a value; with one key of one user, the value alone. */
static void print_rows(const json_t *rows, bool bare)
{
	const json_t *row;
	size_t index;

	json_array_foreach (rows, index, row) {
		const char *value = json_string_value(json_object_get(row, "value"));

		if (bare && json_array_size(rows) == 1)
			printf("%s\n", value);
		else
			printf("%-16s %-24s %-8s %s\n", json_string_value(json_object_get(row, "name")),
			       json_string_value(json_object_get(row, "key")), json_string_value(json_object_get(row, "from")),
			       value);
	}
}

static void print_answer(const struct ipc_message *reply, bool bare, bool as_json)
{
	json_t *rows = json_array();
	struct str key, value;

	for (size_t position = 0; ipc_next(reply, &position, &key, &value);)
		if (str_equal(key, STR("attribute")))
			json_array_append_new(rows, json_loadb(value.data, value.len, 0, NULL));
	if (as_json) {
		json_dumpf(rows, stdout, JSON_INDENT(2));
		printf("\n");
	} else {
		print_rows(rows, bare);
	}
	json_decref(rows);
}

static int run(struct ctl *ctl, const struct call *call, int argc, char **argv)
{
	struct ipc_message request, reply;
	bool as_json = false;
	int status = CTL_DONE, keys = 0;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, call->op);
	if (!read_words(call, argc, argv, &request, &keys, &as_json))
		status = ctl_usage(&call->usage);
	if (status == CTL_DONE)
		status = ctl_ask(ctl, "configd", &request, &reply);
	if (status == CTL_DONE && call->with_json)
		print_answer(&reply, keys == 1, as_json);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}

int attributes_user_set(struct ctl *ctl, int argc, char **argv)
{
	return run(ctl, &user_set, argc, argv);
}

int attributes_user_get(struct ctl *ctl, int argc, char **argv)
{
	return run(ctl, &user_get, argc, argv);
}

int attributes_user_unset(struct ctl *ctl, int argc, char **argv)
{
	return run(ctl, &user_unset, argc, argv);
}

int attributes_group_set(struct ctl *ctl, int argc, char **argv)
{
	return run(ctl, &group_set, argc, argv);
}

int attributes_group_get(struct ctl *ctl, int argc, char **argv)
{
	return run(ctl, &group_get, argc, argv);
}

int attributes_group_unset(struct ctl *ctl, int argc, char **argv)
{
	return run(ctl, &group_unset, argc, argv);
}

static int set_enabled(struct ctl *ctl, int argc, char **argv, const char *verb, const char *value)
{
	const struct ctl_command usage = {verb, "NAME[,NAME...] | --all", NULL, NULL, false};
	char *words[] = {argv[0], argc == 2 ? argv[1] : NULL, (char *)"enabled", (char *)value};

	return argc == 2 ? run(ctl, &user_set, 4, words) : ctl_usage(&usage);
}

int attributes_user_enable(struct ctl *ctl, int argc, char **argv)
{
	return set_enabled(ctl, argc, argv, "user enable", "on");
}

int attributes_user_disable(struct ctl *ctl, int argc, char **argv)
{
	return set_enabled(ctl, argc, argv, "user disable", "off");
}

int ctl_attributes(struct ctl *ctl, int argc, char **argv)
{
	(void)ctl;
	return manual_command(&manual_of_attributes, &attributes_usage, argc, argv);
}
