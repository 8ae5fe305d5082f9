/* resolve: where mail to an address goes, and why. */
#include "ctl/ctl.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>

static const struct ctl_command usage = {
    "resolve", "[ADDRESS] [--from ADDRESS] [--via smtp|pop3|list] [--collector NUMBER] [--local] [--json]", NULL, NULL,
    false};

/* All values of a key, as an array. */
static json_t *values(const struct ipc_message *reply, const char *name)
{
	json_t *list = json_array();
	struct str key, value;

	for (size_t position = 0; ipc_next(reply, &position, &key, &value);)
		if (str_equal(key, str_of(name)))
			json_array_append_new(list, json_stringn(value.data, value.len));
	return list;
}

static void print_json(const struct ipc_message *reply)
{
	struct str kind = ipc_get(reply, "kind"), words = ipc_get(reply, "words");
	json_t *targets = values(reply, "target"), *causes = values(reply, "cause"), *list = json_array();
	json_t *answer;

	for (size_t i = 0; i < json_array_size(targets); i++)
		json_array_append_new(
		    list, json_pack("{s:O, s:O}", "target", json_array_get(targets, i), "cause", json_array_get(causes, i)));
	answer =
	    json_pack("{s:s%, s:o, s:o}", "kind", kind.data, kind.len, "targets", list, "steps", values(reply, "step"));
	if (words.data != NULL)
		json_object_set_new(answer, "words", json_stringn(words.data, words.len));
	json_dumpf(answer, stdout, JSON_INDENT(2));
	printf("\n");
	json_decref(targets);
	json_decref(causes);
	json_decref(answer);
}

/* The steps as sentences, then what it comes to. */
static void print_text(const char *address, const struct ipc_message *reply)
{
	struct str key, value, target = STR("");

	for (size_t position = 0; ipc_next(reply, &position, &key, &value);)
		if (str_equal(key, STR("step")))
			printf("%.*s\n", STR_ARG(value));
	for (size_t position = 0; ipc_next(reply, &position, &key, &value);) {
		if (str_equal(key, STR("target")))
			target = value;
		else if (str_equal(key, STR("cause")) && str_find_char(value, ' ') >= 0)
			printf("%s -> %.*s (%.*s)\n", address, STR_ARG(target), STR_ARG(value));
		else if (str_equal(key, STR("cause")))
			printf("%s -> %.*s\n", address, STR_ARG(target));
	}
}

static int print_answer(const char *address, const struct ipc_message *reply, bool as_json)
{
	struct str kind = ipc_get(reply, "kind"), words = ipc_get(reply, "words");

	if (as_json)
		print_json(reply);
	else
		print_text(address, reply);
	if (str_equal(kind, STR("failed")))
		return ctl_refuse("%s: %.*s", address, STR_ARG(words));
	if (str_equal(kind, STR("unknown")))
		return ctl_refuse("%s is an address of a local domain that leads to nobody", address);
	return CTL_DONE;
}

static bool read_options(int argc, char **argv, struct ipc_message *request, bool *as_json)
{
	static const struct option options[] = {
	    {"from", required_argument, NULL, 'f'}, {"via", required_argument, NULL, 'v'},
	    {"local", no_argument, NULL, 'l'},      {"collector", required_argument, NULL, 'c'},
	    {"json", no_argument, NULL, 'j'},       {NULL, 0, NULL, 0}};
	int option;

	optind = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'f')
			ipc_add_text(request, "from", optarg);
		else if (option == 'v')
			ipc_add_text(request, "via", optarg);
		else if (option == 'l')
			ipc_add_number(request, "local", 1);
		else if (option == 'c')
			ipc_add_text(request, "collector", optarg);
		else if (option == 'j')
			*as_json = true;
		else
			return false;
	}
	return argc - optind == 1 || (argc == optind && ipc_get(request, "from").data != NULL);
}

int ctl_resolve(struct ctl *ctl, int argc, char **argv)
{
	struct ipc_message request, reply;
	bool as_json = false;
	int status;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "resolve");
	ipc_add_number(&request, "explain", 1);
	if (!read_options(argc, argv, &request, &as_json)) {
		ipc_message_free(&request);
		return ctl_usage(&usage);
	}
	if (optind < argc)
		ipc_add_text(&request, "address", argv[optind]);
	status = ctl_ask(ctl, "resolver", &request, &reply);
	if (status == CTL_DONE)
		status = print_answer(optind < argc ? argv[optind] : "the sender", &reply, as_json);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}
