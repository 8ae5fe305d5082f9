/*
 * sessions: who is connected now, who was, and the end of a session.
 */
#include "ctl/ctl.h"

#include "common/status/record.h"

#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <time.h>

static const struct ctl_command usages[] = {
    {"sessions", "[--user NAME] [--service NAME] [--json]", NULL, NULL, false},
    {"sessions --history", "[--user NAME] [--since DATE[ TIME]] [--limit N] [--json]", NULL, NULL, false},
    {"sessions end", "ID ... | --user NAME", NULL, NULL, false},
};

struct options {
	const char *user, *service;
	int64_t since; /* milliseconds since 1970 */
	uint64_t limit;
	bool history, json;
};

static void format_time(char *out, size_t size, int64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm local;

	if (ms == 0 || localtime_r(&seconds, &local) == NULL || strftime(out, size, "%Y-%m-%d %H:%M:%S", &local) == 0)
		snprintf(out, size, "-");
}

static void print_json(const struct status_record *record, bool *first)
{
	char id[24];
	json_t *object;

	snprintf(id, sizeof id, "%" PRId64, record->id); /* as text: it is a name, not a quantity */
	object =
	    json_pack("{s:s, s:s%, s:s%, s:I, s:s%, s:b, s:s%, s:I, s:I}", "id", id, "service", record->service.data,
	              record->service.len, "user", record->user.data, record->user.len, "uid", (json_int_t)record->uid,
	              "peer", record->peer.data, record->peer.len, "tls", record->tls, "program", record->program.data,
	              record->program.len, "pid", (json_int_t)record->pid, "since", (json_int_t)(record->begin / 1000));
	if (record->end != 0)
		json_object_set_new(object, "end", json_integer(record->end / 1000));
	printf("%s", *first ? "\n" : ",\n");
	*first = false;
	json_dumpf(object, stdout, JSON_COMPACT);
	json_decref(object);
}

static void print_line(const struct status_record *record, bool history)
{
	char begin[32], end[32];

	format_time(begin, sizeof begin, record->begin);
	format_time(end, sizeof end, record->end);
	printf("%-10" PRId64 " %-10.*s %-24.*s %-24.*s %-4s %s", record->id, STR_ARG(record->service),
	       STR_ARG(record->user.len > 0 ? record->user : STR("-")), STR_ARG(record->peer), record->tls ? "yes" : "no",
	       begin);
	printf(history ? "  %s\n" : "\n", end);
}

static void print_all(const struct ipc_message *reply, const struct options *options)
{
	struct status_record record;
	struct str key, value;
	size_t position = 0;
	bool first = true;

	if (options->json)
		printf("[");
	else
		printf("%-10s %-10s %-24s %-24s %-4s %-19s%s\n", "id", "service", "user", "peer", "tls", "since",
		       options->history ? "  end" : "");
	while (ipc_next(reply, &position, &key, &value)) {
		if (!str_equal(key, STR("session")) || !status_record_parse(value, &record))
			continue;
		if (options->json)
			print_json(&record, &first);
		else
			print_line(&record, options->history);
	}
	if (options->json)
		printf("%s]\n", first ? "" : "\n");
}

static int list(struct ctl *ctl, const struct options *options)
{
	struct ipc_message request, reply;
	int status;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, options->history ? "history" : "list");
	if (options->user != NULL)
		ipc_add_text(&request, "user", options->user);
	if (options->service != NULL)
		ipc_add_text(&request, "service", options->service);
	if (options->since != 0)
		ipc_add_number(&request, "since", options->since);
	if (options->limit != 0)
		ipc_add_number(&request, "limit", (int64_t)options->limit);
	status = ctl_ask(ctl, options->history ? "historyd" : "statusd", &request, &reply);
	if (status == CTL_DONE)
		print_all(&reply, options);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}

/* A session is ended by the listener that it is a child of; statusd only knows which that is. */
static int end_session(struct ctl *ctl, const struct status_record *record)
{
	struct ipc_message request, reply;
	char program[48];
	int status;

	if (!str_copy(record->program, program, sizeof program))
		return ctl_refuse("statusd names a program that is none");
	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "end");
	ipc_add_number(&request, "pid", record->pid);
	status = ctl_ask(ctl, program, &request, &reply);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}

/* End the sessions that a request to statusd finds. which: for the message where there are none. */
static int end_found(struct ctl *ctl, const struct ipc_message *request, const char *which)
{
	struct status_record record;
	struct ipc_message reply;
	struct str key, value;
	size_t position = 0;
	int status, found = 0;

	ipc_message_init(&reply);
	status = ctl_ask(ctl, "statusd", request, &reply);
	while (status == CTL_DONE && ipc_next(&reply, &position, &key, &value)) {
		if (!str_equal(key, STR("session")) || !status_record_parse(value, &record))
			continue;
		found++;
		status = end_session(ctl, &record);
		if (status == CTL_DONE)
			printf("told session %" PRId64 " to end\n", record.id);
	}
	if (status == CTL_DONE && found == 0)
		status = ctl_refuse("there is no session %s", which);
	ipc_message_free(&reply);
	return status;
}

static int end(struct ctl *ctl, int argc, char **argv)
{
	bool by_user = argc == 3 && strcmp(argv[1], "--user") == 0;
	struct ipc_message request;
	int status = CTL_DONE;

	if (argc < 2 || (!by_user && argv[1][0] == '-'))
		return ctl_usage(&usages[2]);
	ipc_message_init(&request);
	for (int i = by_user ? 2 : 1; status == CTL_DONE && i < argc; i++) {
		char which[300];
		uint64_t id;

		ipc_request(&request, "list");
		snprintf(which, sizeof which, "%s%s", by_user ? "of user " : "", argv[i]);
		if (by_user)
			ipc_add_text(&request, "user", argv[i]);
		else if (str_to_u64(str_of(argv[i]), INT64_MAX, &id) && id > 0)
			ipc_add_number(&request, "id", (int64_t)id);
		else
			status = ctl_refuse("%s is no session's id", argv[i]);
		if (status == CTL_DONE)
			status = end_found(ctl, &request, which);
	}
	ipc_message_free(&request);
	return status;
}

static int parse_options(struct options *options, int argc, char **argv)
{
	static const struct option known[] = {{"user", required_argument, NULL, 'u'},
	                                      {"service", required_argument, NULL, 's'},
	                                      {"since", required_argument, NULL, 't'},
	                                      {"limit", required_argument, NULL, 'l'},
	                                      {"history", no_argument, NULL, 'h'},
	                                      {"json", no_argument, NULL, 'j'},
	                                      {NULL, 0, NULL, 0}};
	int option;

	optind = 1;
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (option == 'u')
			options->user = optarg;
		else if (option == 's')
			options->service = optarg;
		else if (option == 'h')
			options->history = true;
		else if (option == 'j')
			options->json = true;
		else if (option == 't' ? !ctl_parse_time(optarg, &options->since)
		                       : option != 'l' || !str_to_u64(str_of(optarg), 100000, &options->limit))
			return -1;
	}
	if (options->history ? options->service != NULL : options->since != 0 || options->limit != 0)
		return -1;
	return optind == argc ? 0 : -1;
}

int ctl_sessions(struct ctl *ctl, int argc, char **argv)
{
	struct options options = {0};

	if (argc > 1 && strcmp(argv[1], "end") == 0)
		return end(ctl, argc - 1, argv + 1);
	if (parse_options(&options, argc, argv) != 0) {
		for (size_t i = 0; i < sizeof usages / sizeof usages[0]; i++)
			ctl_usage(&usages[i]);
		return CTL_USAGE;
	}
	return list(ctl, &options);
}
