#include "ctl/list_posts.h"

#include <stdio.h>

static const struct ctl_command test_usage = {"list test", "NAME", NULL, NULL, false};
static const struct ctl_command message_usage = {"list message", "NUMBER", NULL, NULL, false};
static const struct ctl_command digest_usage = {"list digest", "NAME", NULL, NULL, false};

/* Ask listd with one argument, which is the field. */
static int ask(struct ctl *ctl, const char *op, const char *field, const struct ctl_command *usage, int argc,
               char **argv, struct ipc_message *reply)
{
	struct ipc_message request;
	int status;

	if (argc != 2 || argv[1][0] == '-')
		return ctl_usage(usage);
	ipc_message_init(&request);
	ipc_request(&request, op);
	ipc_add_text(&request, field, argv[1]);
	status = ctl_ask(ctl, "listd", &request, reply);
	ipc_message_free(&request);
	return status;
}

int list_posts_test(struct ctl *ctl, int argc, char **argv)
{
	struct ipc_message reply;
	struct str key, value;
	size_t position = 0;
	int status;

	ipc_message_init(&reply);
	status = ask(ctl, "test", "list", &test_usage, argc, argv, &reply);
	if (status == CTL_DONE)
		printf("%.*s members, %.*s rows that are no addresses\n", STR_ARG(ipc_get(&reply, "count")),
		       STR_ARG(ipc_get(&reply, "skipped")));
	while (status == CTL_DONE && ipc_next(&reply, &position, &key, &value))
		if (str_equal(key, STR("address")))
			printf("%.*s\n", STR_ARG(value));
	ipc_message_free(&reply);
	return status;
}

int list_posts_message(struct ctl *ctl, int argc, char **argv)
{
	struct ipc_message reply;
	struct str text;
	int status;

	ipc_message_init(&reply);
	status = ask(ctl, "show", "number", &message_usage, argc, argv, &reply);
	if (status == CTL_DONE) {
		text = ipc_get(&reply, "text");
		fwrite(text.data, 1, text.len, stdout);
	}
	ipc_message_free(&reply);
	return status;
}

int list_posts_digest(struct ctl *ctl, int argc, char **argv)
{
	struct ipc_message reply;
	int status;

	ipc_message_init(&reply);
	status = ask(ctl, "digest", "list", &digest_usage, argc, argv, &reply);
	if (status == CTL_DONE)
		printf("%.*s messages\n", STR_ARG(ipc_get(&reply, "messages")));
	ipc_message_free(&reply);
	return status;
}
