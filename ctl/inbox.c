#include "ctl/inbox.h"

#include <stdio.h>

enum { LONG_MS = 600 * 1000 }; /* a large Inbox */

static const struct ctl_command empty_usage = {"user empty-inbox", INBOX_ARGUMENTS, NULL, NULL, false};
static const struct ctl_command copy_usage = {"user copy-inbox", INBOX_ARGUMENTS, NULL, NULL, false};

static int ask(struct ctl *ctl, const char *op, const char *user, struct ipc_message *reply)
{
	struct ipc_message request;
	int status;

	ipc_message_init(&request);
	ipc_request(&request, op);
	ipc_add_text(&request, "user", user);
	status = ctl_ask_long(ctl, "deliver", &request, reply, LONG_MS);
	ipc_message_free(&request);
	return status;
}

int inbox_empty(struct ctl *ctl, int argc, char **argv)
{
	struct ipc_message reply;
	int64_t removed;
	int status;

	if (argc != 2)
		return ctl_usage(&empty_usage);
	ipc_message_init(&reply);
	status = ask(ctl, "inbox-empty", argv[1], &reply);
	if (status == CTL_DONE && ipc_get_number(&reply, "removed", 0, INT64_MAX, &removed))
		printf("%lld messages went to the recycle bin\n", (long long)removed);
	ipc_message_free(&reply);
	return status;
}

static void print_copied(const struct ipc_message *reply)
{
	int64_t copied = 0, known = 0;
	struct str key, value;

	ipc_get_number(reply, "copied", 0, INT64_MAX, &copied);
	ipc_get_number(reply, "known", 0, INT64_MAX, &known);
	printf("%lld copied, %lld were copied before, to", (long long)copied, (long long)known);
	for (size_t position = 0; ipc_next(reply, &position, &key, &value);)
		if (str_equal(key, STR("assistant")))
			printf(" %.*s", STR_ARG(value));
	putchar('\n');
}

int inbox_copy(struct ctl *ctl, int argc, char **argv)
{
	struct ipc_message reply;
	int status;

	if (argc != 2)
		return ctl_usage(&copy_usage);
	ipc_message_init(&reply);
	status = ask(ctl, "inbox-copy", argv[1], &reply);
	if (status == CTL_DONE)
		print_copied(&reply);
	ipc_message_free(&reply);
	return status;
}
