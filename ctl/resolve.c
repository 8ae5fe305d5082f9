#include "ctl/ctl.h"

#include <stdio.h>

static const struct ctl_command usage = {"resolve", "ADDRESS", NULL, NULL, false};

/* The steps as sentences, then what it comes to. */
static int print_answer(const char *address, const struct ipc_message *reply)
{
	struct str kind = ipc_get(reply, "kind"), key, value;

	for (size_t position = 0; ipc_next(reply, &position, &key, &value);)
		if (str_equal(key, STR("step")))
			printf("%.*s\n", STR_ARG(value));
	for (size_t position = 0; ipc_next(reply, &position, &key, &value);)
		if (str_equal(key, STR("target")))
			printf("%s -> %.*s\n", address, STR_ARG(value));
	if (str_equal(kind, STR("unknown")))
		return ctl_refuse("%s is an address of a local domain that leads to nobody", address);
	return CTL_DONE;
}

int ctl_resolve(struct ctl *ctl, int argc, char **argv)
{
	struct ipc_message request, reply;
	int status;

	if (argc != 2 || argv[1][0] == '-')
		return ctl_usage(&usage);
	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "resolve");
	ipc_add_text(&request, "address", argv[1]);
	ipc_add_number(&request, "explain", 1);
	status = ctl_ask(ctl, "resolver", &request, &reply);
	if (status == CTL_DONE)
		status = print_answer(argv[1], &reply);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}
