/*
 * trace: what became of messages, as queue-manager told historyd.
 */
#include "ctl/verb.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static const struct ctl_command usage = {
    "trace", "[ID] [--from TEXT] [--to TEXT] [--any TEXT] [--since DATE[ TIME]] [--limit N] [--json]", NULL, NULL,
    false};

/* -1: there is an option that is not known, or no time. */
static int read_options(int argc, char **argv, struct ipc_message *request, bool *json_out)
{
	static const struct option options[] = {{"from", required_argument, NULL, 'f'},
	                                        {"to", required_argument, NULL, 't'},
	                                        {"any", required_argument, NULL, 'a'},
	                                        {"since", required_argument, NULL, 's'},
	                                        {"limit", required_argument, NULL, 'l'},
	                                        {"json", no_argument, NULL, 'j'},
	                                        {NULL, 0, NULL, 0}};
	int option, index;
	int64_t ms;

	optind = 1;
	while ((option = getopt_long(argc, argv, "", options, &index)) != -1) {
		if (option == 'j')
			*json_out = true;
		else if (option == 's' && ctl_parse_time(optarg, &ms))
			ipc_add_number(request, "since", ms / 1000);
		else if (option == '?' || option == 's')
			return -1;
		else
			ipc_add_text(request, options[index].name, optarg);
	}
	return argc - optind <= 1 ? 0 : -1;
}

static json_t *messages_of(const struct ipc_message *reply, const char *field)
{
	json_t *list = json_array();
	struct str key, value;

	for (size_t position = 0; ipc_next(reply, &position, &key, &value);)
		if (str_equal(key, str_of(field)))
			json_array_append_new(list, value.len > 0 && value.data[0] == '{'
			                                ? json_loadb(value.data, value.len, 0, NULL)
			                                : json_stringn(value.data, value.len));
	return list;
}

static void print_one(const struct ipc_message *reply, bool as_json)
{
	json_t *messages = messages_of(reply, "message"), *lines = messages_of(reply, "line");

	if (as_json) {
		json_t *all = json_pack("{s:O, s:O}", "message", messages, "line", lines);

		json_dumpf(all, stdout, JSON_INDENT(1));
		putchar('\n');
		json_decref(all);
	} else {
		for (size_t i = 0; i < json_array_size(lines); i++)
			puts(json_string_value(json_array_get(lines, i)));
	}
	json_decref(messages);
	json_decref(lines);
}

int ctl_trace(struct ctl *ctl, int argc, char **argv)
{
	static const char *const columns[] = {"id", "@time", "from", "to", NULL};
	struct ipc_message options, request, reply;
	struct str key, value;
	bool as_json = false, one;
	int status;

	ipc_message_init(&options);
	ipc_message_init(&request);
	ipc_message_init(&reply);
	if (read_options(argc, argv, &options, &as_json) != 0) {
		status = ctl_usage(&usage);
	} else {
		one = optind < argc;
		ipc_request(&request, one ? "trace" : "traces");
		if (one)
			ipc_add_text(&request, "id", argv[optind]);
		for (size_t position = 0; ipc_next(&options, &position, &key, &value);)
			ipc_add_field(&request, key, value);
		status = ctl_ask(ctl, "historyd", &request, &reply);
		if (status == CTL_DONE && one) {
			print_one(&reply, as_json);
		} else if (status == CTL_DONE) {
			json_t *rows = messages_of(&reply, "message");

			verb_print_rows(columns, rows, as_json);
			json_decref(rows);
		}
	}
	ipc_message_free(&options);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}
