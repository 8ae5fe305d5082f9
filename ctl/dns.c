/*
 * dns: which DNS servers are asked, and how they do.
 */
#include "common/base/io.h"
#include "ctl/verb.h"

#include <getopt.h>
#include <stdio.h>

enum { LABEL_LEN = 16, SLOW_MS = 2000 };

static const struct ctl_command dns_usage = {"dns", "servers [--json] | test [NAME] [--json]", NULL, NULL, false};

static const char existing_name[] = "example.com"; /* RFC 2606: there for good */

static int ask_servers(struct ctl *ctl, struct ipc_message *reply)
{
	struct ipc_message request;
	int status;

	ipc_message_init(&request);
	ipc_request(&request, "servers");
	status = ctl_ask(ctl, "dnsd", &request, reply);
	ipc_message_free(&request);
	return status;
}

static void print_json(json_t *value)
{
	json_dumpf(value, stdout, JSON_INDENT(2));
	printf("\n");
	json_decref(value);
}

static int list_servers(struct ctl *ctl, bool as_json)
{
	struct ipc_message reply;
	struct str key, value;
	json_t *rows = json_array();
	int status;
	bool detected;

	ipc_message_init(&reply);
	status = ask_servers(ctl, &reply);
	detected = str_equal(ipc_get(&reply, "detected"), STR("1"));
	for (size_t position = 0; status == CTL_DONE && ipc_next(&reply, &position, &key, &value);)
		if (str_equal(key, STR("server")))
			json_array_append_new(rows, json_stringn(value.data, value.len));
	ipc_message_free(&reply);
	if (status == CTL_DONE && as_json) {
		print_json(json_pack("{s:O, s:b}", "servers", rows, "detected", (int)detected));
	} else if (status == CTL_DONE) {
		for (size_t i = 0; i < json_array_size(rows); i++)
			printf("%s\n", json_string_value(json_array_get(rows, i)));
		if (json_array_size(rows) == 0)
			printf("(the root servers and those that they name)\n");
		if (detected)
			printf("(detected: dns.servers is empty)\n");
	}
	json_decref(rows);
	return status;
}

/* How a server answers a name: an object with state, ms, addresses, reason. */
static int ask_test(struct ctl *ctl, const char *server, const char *name, json_t **answer_out)
{
	struct ipc_message request, reply;
	struct str key, value;
	json_t *addresses = json_array();
	uint64_t ms = 0;
	int status;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "test");
	ipc_add_text(&request, "server", server);
	ipc_add_text(&request, "name", name);
	status = ctl_ask(ctl, "dnsd", &request, &reply);
	for (size_t position = 0; status == CTL_DONE && ipc_next(&reply, &position, &key, &value);)
		if (str_equal(key, STR("address")))
			json_array_append_new(addresses, json_stringn(value.data, value.len));
	str_to_u64(ipc_get(&reply, "ms"), INT64_MAX, &ms);
	key = ipc_get(&reply, "state");
	value = ipc_get(&reply, "reason");
	*answer_out =
	    json_pack("{s:s, s:s%, s:I, s:O, s:s%}", "name", name, "state", key.len != 0 ? key.data : "", key.len, "ms",
	              (json_int_t)ms, "addresses", addresses, "reason", value.len != 0 ? value.data : "", value.len);
	json_decref(addresses);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}

static const char *state_of(const json_t *answer)
{
	return json_string_value(json_object_get(answer, "state"));
}

static bool is_slow(const json_t *answer)
{
	return json_integer_value(json_object_get(answer, "ms")) >= SLOW_MS;
}

/* What is wrong with a server by its answers; NULL: nothing. */
static const char *fault_of(const json_t *existing, const json_t *missing)
{
	if (strcmp(state_of(existing), "failed") == 0 || strcmp(state_of(missing), "failed") == 0)
		return "it does not answer as it should";
	if (strcmp(state_of(missing), "found") == 0)
		return "it answers for names that do not exist: DNS lists and checks of senders cannot work with it";
	if (strcmp(state_of(existing), "found") != 0)
		return "it does not know a name that exists";
	return is_slow(existing) || is_slow(missing) ? "it is slow" : NULL;
}

static void print_answer(const json_t *answer)
{
	const json_t *addresses = json_object_get(answer, "addresses");
	const char *state = state_of(answer);

	printf("  %s: ", json_string_value(json_object_get(answer, "name")));
	for (size_t i = 0; i < json_array_size(addresses); i++)
		printf("%s%s", i > 0 ? ", " : "", json_string_value(json_array_get(addresses, i)));
	if (strcmp(state, "failed") == 0)
		printf("%s", json_string_value(json_object_get(answer, "reason")));
	else if (strcmp(state, "found") != 0)
		printf("not found");
	printf(", %lld ms\n", (long long)json_integer_value(json_object_get(answer, "ms")));
}

/* Try one server; rows gets its result. *all_good becomes false where something is wrong with it. */
static int test_server(struct ctl *ctl, const char *server, const char *name, const char *missing_name, json_t *rows,
                       bool *all_good)
{
	json_t *existing = NULL, *missing = NULL;
	int status = ask_test(ctl, server, name, &existing);
	const char *fault;

	if (status == CTL_DONE)
		status = ask_test(ctl, server, missing_name, &missing);
	if (status == CTL_DONE) {
		fault = fault_of(existing, missing);
		*all_good = *all_good && fault == NULL;
		json_array_append_new(rows, json_pack("{s:s, s:O, s:O, s:s?}", "server", server, "existing", existing,
		                                      "missing", missing, "fault", fault));
	}
	json_decref(existing);
	json_decref(missing);
	return status;
}

static void print_tests(const json_t *rows)
{
	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);
		const char *fault = json_string_value(json_object_get(row, "fault"));

		printf("%s\n", json_string_value(json_object_get(row, "server")));
		print_answer(json_object_get(row, "existing"));
		print_answer(json_object_get(row, "missing"));
		if (fault != NULL)
			printf("  wrong: %s\n", fault);
	}
}

static int test_servers(struct ctl *ctl, const char *name, bool as_json)
{
	char random[LABEL_LEN + 1], missing_name[512];
	json_t *rows = json_array();
	struct ipc_message reply;
	struct str key, value;
	bool all_good = true;
	int status;

	io_random_hex(random, LABEL_LEN);
	snprintf(missing_name, sizeof missing_name, "no-%s.%s", random, name);
	ipc_message_init(&reply);
	status = ask_servers(ctl, &reply);
	for (size_t position = 0; status == CTL_DONE && ipc_next(&reply, &position, &key, &value);) {
		char server[256];

		if (str_equal(key, STR("server")) && str_copy(value, server, sizeof server))
			status = test_server(ctl, server, name, missing_name, rows, &all_good);
	}
	ipc_message_free(&reply);
	if (status == CTL_DONE && json_array_size(rows) == 0)
		status = ctl_refuse("no DNS server is set or detected: there is none to test");
	else if (status == CTL_DONE && as_json)
		print_json(json_incref(rows));
	else if (status == CTL_DONE)
		print_tests(rows);
	json_decref(rows);
	return status == CTL_DONE && !all_good ? CTL_REFUSED : status;
}

int ctl_dns(struct ctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {{"json", no_argument, NULL, 'j'}, {NULL, 0, NULL, 0}};
	bool as_json = false;
	int option;

	optind = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == '?')
			return ctl_usage(&dns_usage);
		as_json |= option == 'j';
	}
	if (argc - optind == 1 && strcmp(argv[optind], "servers") == 0)
		return list_servers(ctl, as_json);
	if (argc - optind >= 1 && argc - optind <= 2 && strcmp(argv[optind], "test") == 0)
		return test_servers(ctl, argc - optind == 2 ? argv[optind + 1] : existing_name, as_json);
	return ctl_usage(&dns_usage);
}
