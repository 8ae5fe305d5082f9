/*
 * queue: the messages that wait, listed as mailq does, and what can be done with them.
 */
#include "ctl/ctl.h"

#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const struct ctl_command usages[] = {
    {"queue list", "[--sender PATTERN] [--recipient PATTERN] [--state STATE] [--json]", NULL, NULL, false},
    {"queue show", "ID [--json]", NULL, NULL, false},
    {"queue retry", "ID ... | --all", NULL, NULL, false},
    {"queue hold", "ID ... | --all", NULL, NULL, false},
    {"queue release", "ID ... | --all", NULL, NULL, false},
    {"queue delete", "ID ... | --all", NULL, NULL, false},
    {"queue count", "[--json]", NULL, NULL, false},
};

enum { USAGES = sizeof usages / sizeof usages[0] };

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

static json_int_t number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* A stranger's words on a terminal: no control characters. */
static void print_clean(const char *text)
{
	for (; *text != '\0'; text++)
		putchar((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text);
}

static void format_time(char *out, size_t size, json_int_t seconds)
{
	time_t time = (time_t)seconds;
	struct tm local;

	if (seconds == 0 || localtime_r(&time, &local) == NULL || strftime(out, size, "%a %b %e %H:%M:%S", &local) == 0)
		snprintf(out, size, "-");
}

/* '*' being tried, '!' held, as postqueue marks them. */
static char mark_of(const char *state)
{
	return strcmp(state, "active") == 0 ? '*' : strcmp(state, "held") == 0 ? '!' : ' ';
}

static void print_recipient(const json_t *recipient)
{
	const char *state = text_of(recipient, "state"), *answer = text_of(recipient, "answer");
	const char *address = text_of(recipient, "address"), *target = text_of(recipient, "target");

	if (strcmp(state, "done") == 0)
		return;
	if (answer[0] != '\0') {
		printf("%40s(%s", "", strcmp(state, "failed") == 0 ? "" : "MX Send Warning - ");
		print_clean(answer);
		printf(")\n");
	}
	printf("%40s", "");
	print_clean(address);
	if (target[0] != '\0' && strcmp(target, address) != 0) {
		printf(" -> ");
		print_clean(target);
	}
	putchar('\n');
}

static void print_message(const json_t *message)
{
	const json_t *recipients = json_object_get(message, "recipients");
	json_int_t hidden = number_of(message, "recipient_count") - (json_int_t)json_array_size(recipients);
	const char *from = text_of(message, "from");
	char arrived[40], next[40];

	format_time(arrived, sizeof arrived, number_of(message, "time"));
	printf("%-38s%c %8lld %s  ", text_of(message, "id"), mark_of(text_of(message, "state")),
	       (long long)number_of(message, "size"), arrived);
	print_clean(from[0] != '\0' ? from : "MAILER-DAEMON");
	putchar('\n');
	if (number_of(message, "attempts") > 0) {
		format_time(next, sizeof next, number_of(message, "next"));
		printf("%40sattempts: %lld, next: %s\n", "", (long long)number_of(message, "attempts"), next);
	}
	for (size_t i = 0; i < json_array_size(recipients); i++)
		print_recipient(json_array_get(recipients, i));
	if (hidden > 0)
		printf("%40sand %lld more\n", "", (long long)hidden);
	putchar('\n');
}

struct filter {
	const char *sender, *recipient, *state;
	bool json;
};

struct total {
	long long messages, bytes;
};

/* One page of the listing, printed as it comes so that a long queue needs no memory. */
static void print_page(const struct ipc_message *reply, const struct filter *filter, struct total *total)
{
	struct str key, value;

	for (size_t position = 0; ipc_next(reply, &position, &key, &value);) {
		json_t *message;

		if (!str_equal(key, STR("message")))
			continue;
		message = json_loadb(value.data, value.len, 0, NULL);
		if (message == NULL)
			continue;
		if (filter->json)
			printf("%s%.*s", total->messages > 0 ? ",\n" : "", STR_ARG(value));
		else if (total->messages == 0)
			printf("%-39s %8s %-20s %s\n", "-Queue ID-", "--Size--", "----Arrival Time---", "-Sender/Recipient-");
		if (!filter->json)
			print_message(message);
		total->messages++;
		total->bytes += number_of(message, "size");
		json_decref(message);
	}
}

static void ask_for_page(struct ipc_message *request, const struct filter *filter, const char *after)
{
	ipc_request(request, "list");
	if (after[0] != '\0')
		ipc_add_text(request, "after", after);
	if (filter->sender != NULL)
		ipc_add_text(request, "sender", filter->sender);
	if (filter->recipient != NULL)
		ipc_add_text(request, "recipient", filter->recipient);
	if (filter->state != NULL)
		ipc_add_text(request, "state", filter->state);
}

static int list(struct ctl *ctl, const struct filter *filter)
{
	struct ipc_message request, reply;
	struct total total = {0, 0};
	char after[80] = "";
	int status;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	do {
		ask_for_page(&request, filter, after);
		status = ctl_ask(ctl, "queue-manager", &request, &reply);
		if (status != CTL_DONE)
			break;
		if (filter->json && after[0] == '\0')
			printf("[");
		print_page(&reply, filter, &total);
	} while (ipc_get_text(&reply, "after", after, sizeof after));
	ipc_message_free(&request);
	ipc_message_free(&reply);
	if (status != CTL_DONE)
		return status;
	if (filter->json)
		printf("]\n");
	else if (total.messages == 0)
		printf("Mail queue is empty\n");
	else
		printf("-- %lld kB in %lld messages.\n", (total.bytes + 1023) / 1024, total.messages);
	return CTL_DONE;
}

static int run_list(struct ctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {
	    {"sender", required_argument, NULL, 's'},
	    {"recipient", required_argument, NULL, 'r'},
	    {"state", required_argument, NULL, 't'},
	    {"json", no_argument, NULL, 'j'},
	    {NULL, 0, NULL, 0},
	};
	struct filter filter = {0};

	for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		switch (option) {
		case 's':
			filter.sender = optarg;
			break;
		case 'r':
			filter.recipient = optarg;
			break;
		case 't':
			filter.state = optarg;
			break;
		case 'j':
			filter.json = true;
			break;
		default:
			return ctl_usage(&usages[0]);
		}
	}
	return optind == argc ? list(ctl, &filter) : ctl_usage(&usages[0]);
}

static int print_shown(const struct ipc_message *reply, bool as_json)
{
	struct str text = ipc_get(reply, "message"), headers = ipc_get(reply, "headers");
	json_t *message = json_loadb(text.data, text.data != NULL ? text.len : 0, 0, NULL);

	if (message == NULL)
		return ctl_refuse("the queue-manager's answer is not understood");
	if (as_json) {
		json_dumpf(message, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		printf("State: %s\n", text_of(message, "state"));
		print_message(message);
		for (size_t i = 0; i < headers.len; i++)
			if (headers.data[i] != '\r')
				putchar((unsigned char)headers.data[i] < 0x20 && headers.data[i] != '\n' && headers.data[i] != '\t'
				            ? '?'
				            : headers.data[i]);
	}
	json_decref(message);
	return CTL_DONE;
}

static int run_show(struct ctl *ctl, int argc, char **argv)
{
	bool as_json = argc == 3 && strcmp(argv[2], "--json") == 0;
	struct ipc_message request, reply;
	int status;

	if (argc != 2 + as_json)
		return ctl_usage(&usages[1]);
	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "show");
	ipc_add_text(&request, "id", argv[1]);
	status = ctl_ask(ctl, "queue-manager", &request, &reply);
	if (status == CTL_DONE)
		status = print_shown(&reply, as_json);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}

/* retry, hold, release, delete: of one id, or of all where that is NULL. */
static int change(struct ctl *ctl, const char *op, const char *id, int64_t *changed)
{
	struct ipc_message request, reply;
	int64_t count = 0;
	int status;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, op);
	if (id != NULL)
		ipc_add_text(&request, "id", id);
	else
		ipc_add_number(&request, "all", 1);
	status = ctl_ask(ctl, "queue-manager", &request, &reply);
	if (status == CTL_DONE && ipc_get_number(&reply, "changed", 0, INT64_MAX, &count))
		*changed += count;
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}

static int run_change(struct ctl *ctl, const struct ctl_command *usage, int argc, char **argv)
{
	bool all = argc == 2 && strcmp(argv[1], "--all") == 0;
	int64_t changed = 0;
	int status = CTL_DONE;

	if (argc < 2 || (!all && argv[1][0] == '-'))
		return ctl_usage(usage);
	for (int i = 1; i < argc && status == CTL_DONE; i++)
		status = change(ctl, argv[0], all ? NULL : argv[i], &changed);
	if (status == CTL_DONE)
		printf("%" PRId64 " %s\n", changed, changed == 1 ? "message" : "messages");
	return status;
}

static int run_count(struct ctl *ctl, int argc, char **argv)
{
	static const char *const names[] = {"incoming", "active", "deferred", "held"};
	bool as_json = argc == 2 && strcmp(argv[1], "--json") == 0;
	struct ipc_message request, reply;
	json_t *counts = json_object(), *warnings = json_array();
	struct str key, value;
	int status;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "counts");
	status = argc == 1 + as_json ? ctl_ask(ctl, "queue-manager", &request, &reply) : ctl_usage(&usages[6]);
	for (int i = 0; i < 4 && status == CTL_DONE; i++) {
		int64_t count = 0;

		ipc_get_number(&reply, names[i], 0, INT64_MAX, &count);
		json_object_set_new(counts, names[i], json_integer(count));
		if (!as_json)
			printf("%-9s %" PRId64 "\n", names[i], count);
	}
	for (size_t position = 0; status == CTL_DONE && ipc_next(&reply, &position, &key, &value);) {
		if (!str_equal(key, STR("warning")))
			continue;
		json_array_append_new(warnings, json_stringn(value.data, value.len));
		if (!as_json)
			printf("%.*s\n", STR_ARG(value));
	}
	json_object_set_new(counts, "warnings", warnings);
	if (status == CTL_DONE && as_json) {
		json_dumpf(counts, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	json_decref(counts);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}

int ctl_queue(struct ctl *ctl, int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "list";

	if (argc > 1) {
		argc--;
		argv++;
	}
	if (strcmp(verb, "list") == 0)
		return run_list(ctl, argc, argv);
	if (strcmp(verb, "show") == 0)
		return run_show(ctl, argc, argv);
	if (strcmp(verb, "count") == 0)
		return run_count(ctl, argc, argv);
	for (size_t i = 2; i < USAGES - 1; i++)
		if (strcmp(verb, usages[i].name + strlen("queue ")) == 0)
			return run_change(ctl, &usages[i], argc, argv);
	for (size_t i = 0; i < USAGES; i++)
		ctl_usage(&usages[i]);
	return CTL_USAGE;
}
