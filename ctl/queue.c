/*
 * queue: the messages that wait, listed as mailq does, and what can be done with them.
 */
#include "ctl/queue_select.h"

#include "common/base/arena.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SELECTION                                                                                                  \
	"[--from TEXT] [--to TEXT] [--subject TEXT] [--user TEXT] [--ip TEXT] [--size MIN-MAX] [--held | --not-held] " \
	"[--sender PATTERN] [--recipient PATTERN] [--state STATE]"

static const struct ctl_command usages[] = {
    {"queue list", SELECTION " [--json]", NULL, NULL, false},
    {"queue show", "ID [--json]", NULL, NULL, false},
    {"queue move", "ID ... --to-user NAME [--folder FOLDER]", NULL, NULL, false},
    {"queue copy", "ID ... --to-user NAME [--folder FOLDER]", NULL, NULL, false},
    {"queue retry", "ID ... | --all | " SELECTION, NULL, NULL, false},
    {"queue final", "ID ... | --all | " SELECTION, NULL, NULL, false},
    {"queue hold", "ID ... | --all | " SELECTION, NULL, NULL, false},
    {"queue release", "ID ... | --all | " SELECTION, NULL, NULL, false},
    {"queue delete", "ID ... | --all | " SELECTION, NULL, NULL, false},
    {"queue sent", "[--json]", NULL, NULL, false},
    {"queue send", "SENDER", NULL, NULL, false},
    {"queue count", "[--json]", NULL, NULL, false},
};

enum { USAGES = sizeof usages / sizeof usages[0], USAGE_HANDS = 2, USAGE_CHANGES = 4, USAGE_SENT = USAGES - 3 };

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

struct total {
	long long messages, bytes;
	bool json;
};

/* Printed as it comes, so that a long queue needs no memory. */
static int print_listed(const json_t *message, struct str line, void *context)
{
	struct total *total = context;

	if (total->json)
		printf("%s%.*s", total->messages > 0 ? ",\n" : "", STR_ARG(line));
	else if (total->messages == 0)
		printf("%-39s %8s %-20s %s\n", "-Queue ID-", "--Size--", "----Arrival Time---", "-Sender/Recipient-");
	if (!total->json)
		print_message(message);
	total->messages++;
	total->bytes += number_of(message, "size");
	return CTL_DONE;
}

static int list(struct ctl *ctl, const struct queue_selection *selection)
{
	struct total total = {.json = selection->json};
	int status;

	if (total.json)
		printf("[");
	status = queue_select_run(ctl, selection, print_listed, &total);
	if (total.json)
		printf("]\n");
	else if (status == CTL_DONE && total.messages == 0)
		printf("Mail queue is empty\n");
	else if (status == CTL_DONE)
		printf("-- %lld kB in %lld messages.\n", (total.bytes + 1023) / 1024, total.messages);
	return status;
}

static int run_list(struct ctl *ctl, int argc, char **argv)
{
	struct queue_selection selection;
	int status = queue_select_read(&selection, argc, argv);

	if (status == CTL_USAGE || (status == CTL_DONE && (optind != argc || selection.all)))
		status = ctl_usage(&usages[0]);
	else if (status == CTL_DONE)
		status = list(ctl, &selection);
	queue_select_free(&selection);
	return status;
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

struct changed {
	int64_t messages, recipients; /* recipients of `retry` alone */
};

/* retry, final, hold, release, delete: of one id, or of all where that is NULL. */
static int change(struct ctl *ctl, const char *op, const char *id, struct changed *changed)
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
		changed->messages += count;
	if (status == CTL_DONE && ipc_get_number(&reply, "recipients", 0, INT64_MAX, &count))
		changed->recipients += count;
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}

/* What is meant is gathered first: a change may move it out of what is listed. */
struct gathered {
	struct arena arena;
	struct gathered_id {
		const char *id;
		struct gathered_id *next;
	} * first;
};

static int gather(const json_t *message, struct str line, void *context)
{
	struct gathered *gathered = context;
	struct gathered_id *next = arena_get(&gathered->arena, sizeof *next);

	(void)line;
	*next = (struct gathered_id){arena_text(&gathered->arena, str_of(text_of(message, "id"))), gathered->first};
	gathered->first = next;
	return CTL_DONE;
}

static int change_selected(struct ctl *ctl, const char *op, const struct queue_selection *selection,
                           struct changed *changed)
{
	struct gathered gathered = {0};
	int status;

	arena_init(&gathered.arena);
	status = queue_select_run(ctl, selection, gather, &gathered);
	for (const struct gathered_id *id = gathered.first; id != NULL && status == CTL_DONE; id = id->next)
		if (change(ctl, op, id->id, changed) == CTL_NOT_RUNNING) /* one that has left meanwhile is not missed */
			status = CTL_NOT_RUNNING;
	arena_free(&gathered.arena);
	return status;
}

static void print_changed(const struct changed *changed, bool recipients)
{
	int64_t count = recipients ? changed->recipients : changed->messages;

	printf("%" PRId64 " %s%s\n", count, recipients ? "recipient" : "message", count == 1 ? "" : "s");
}

static int run_change(struct ctl *ctl, const struct ctl_command *usage, int argc, char **argv)
{
	struct queue_selection selection;
	struct changed changed = {0, 0};
	const char *op = argv[0];
	int status = queue_select_read(&selection, argc, argv);
	int ways = (optind < argc) + selection.all + selection.any;

	if (status == CTL_USAGE || (status == CTL_DONE && (ways != 1 || selection.json)))
		status = ctl_usage(usage);
	else if (status == CTL_DONE && selection.any)
		status = change_selected(ctl, op, &selection, &changed);
	else if (status == CTL_DONE && selection.all)
		status = change(ctl, op, NULL, &changed);
	for (int i = optind; i < argc && status == CTL_DONE; i++)
		status = change(ctl, op, argv[i], &changed);
	if (status == CTL_DONE)
		print_changed(&changed, selection.any && strcmp(op, "retry") == 0);
	queue_select_free(&selection);
	return status;
}

static void print_past(const json_t *message)
{
	const json_t *recipients = json_object_get(message, "recipients");
	char ended[40];

	format_time(ended, sizeof ended, number_of(message, "ended"));
	printf("%-38s  %8lld %s  ", text_of(message, "id"), (long long)number_of(message, "size"), ended);
	print_clean(text_of(message, "from")[0] != '\0' ? text_of(message, "from") : "MAILER-DAEMON");
	putchar('\n');
	for (size_t i = 0; i < json_array_size(recipients); i++) {
		const json_t *recipient = json_array_get(recipients, i);

		printf("%40s", "");
		print_clean(text_of(recipient, "address"));
		printf(" %s: ", strcmp(text_of(recipient, "state"), "failed") == 0 ? "failed" : "sent");
		print_clean(text_of(recipient, "answer"));
		putchar('\n');
	}
}

static void print_past_page(const struct ipc_message *reply, bool as_json, bool *first)
{
	struct str key, value;

	for (size_t position = 0; ipc_next(reply, &position, &key, &value);) {
		json_t *message = str_equal(key, STR("message")) ? json_loadb(value.data, value.len, 0, NULL) : NULL;

		if (message != NULL && as_json)
			printf("%s%.*s", *first ? "" : ",\n", STR_ARG(value));
		else if (message != NULL)
			print_past(message);
		*first &= message == NULL;
		json_decref(message);
	}
}

/* What has left the queue lately, the latest first. */
static int run_sent(struct ctl *ctl, int argc, char **argv)
{
	bool as_json = argc == 2 && strcmp(argv[1], "--json") == 0, first = true;
	struct ipc_message request, reply;
	int64_t before = 0;
	int status = argc == 1 + as_json ? CTL_DONE : ctl_usage(&usages[USAGE_SENT]);

	if (status != CTL_DONE)
		return status;
	ipc_message_init(&request);
	ipc_message_init(&reply);
	if (as_json)
		printf("[");
	do {
		ipc_request(&request, "past");
		if (before > 0)
			ipc_add_number(&request, "before", before);
		status = ctl_ask(ctl, "queue-manager", &request, &reply);
		if (status == CTL_DONE)
			print_past_page(&reply, as_json, &first);
	} while (status == CTL_DONE && ipc_get_number(&reply, "before", 1, INT64_MAX, &before));
	if (as_json)
		printf("]\n");
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}

/* One pass of a sender, now. */
static int run_send(struct ctl *ctl, int argc, char **argv)
{
	static const char *const names[] = {"sent", "deferred", "failed"};
	struct ipc_message request, reply;
	int status;

	if (argc != 2)
		return ctl_usage(&usages[USAGE_SENT + 1]);
	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "send");
	ipc_add_text(&request, "name", argv[1]);
	status = ctl_ask(ctl, "queue-manager", &request, &reply);
	for (int i = 0; i < 3 && status == CTL_DONE; i++) {
		int64_t count = 0;

		ipc_get_number(&reply, names[i], 0, INT64_MAX, &count);
		printf("%-9s %" PRId64 "\n", names[i], count);
	}
	if (status == CTL_DONE)
		printf("%.*s\n", STR_ARG(ipc_get(&reply, "result")));
	ipc_message_free(&request);
	ipc_message_free(&reply);
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
	status = argc == 1 + as_json ? ctl_ask(ctl, "queue-manager", &request, &reply) : ctl_usage(&usages[USAGES - 1]);
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
	if (strcmp(verb, "sent") == 0)
		return run_sent(ctl, argc, argv);
	if (strcmp(verb, "send") == 0)
		return run_send(ctl, argc, argv);
	for (size_t i = USAGE_HANDS; i < USAGE_CHANGES; i++)
		if (strcmp(verb, usages[i].name + strlen("queue ")) == 0)
			return ctl_queue_move(ctl, &usages[i], argc, argv);
	for (size_t i = USAGE_CHANGES; i < USAGE_SENT; i++)
		if (strcmp(verb, usages[i].name + strlen("queue ")) == 0)
			return run_change(ctl, &usages[i], argc, argv);
	for (size_t i = 0; i < USAGES; i++)
		ctl_usage(&usages[i]);
	return CTL_USAGE;
}
