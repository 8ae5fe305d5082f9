/*
 * queue_move: messages that wait, given to a user of this server.
 */
#include "ctl/queue_select.h"

#include <stdio.h>

/* One message; the reason is printed where it cannot be. */
static int hand(struct ctl *ctl, const char *op, const char *id, const char *user, const char *folder)
{
	struct ipc_message request, reply;
	int status;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, op);
	ipc_add_text(&request, "id", id);
	ipc_add_text(&request, "user", user);
	ipc_add_text(&request, "folder", folder);
	status = ctl_ask(ctl, "queue-manager", &request, &reply);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}

int ctl_queue_move(struct ctl *ctl, const struct ctl_command *usage, int argc, char **argv)
{
	static const struct option options[] = {
	    {"to-user", required_argument, NULL, 'u'}, {"folder", required_argument, NULL, 'f'}, {NULL, 0, NULL, 0}};
	const char *op = argv[0], *user = NULL, *folder = "";
	int option, status = CTL_DONE, count = 0;

	optind = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (option == 'u')
			user = optarg;
		else if (option == 'f')
			folder = optarg;
		else
			return ctl_usage(usage);
	if (user == NULL || optind == argc)
		return ctl_usage(usage);
	for (; optind < argc && status == CTL_DONE; optind++) {
		status = hand(ctl, op, argv[optind], user, folder);
		count += status == CTL_DONE;
	}
	if (status == CTL_DONE)
		printf("%d message%s\n", count, count == 1 ? "" : "s");
	return status;
}
