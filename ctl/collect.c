#include "ctl/collect.h"

#include <getopt.h>
#include <stdio.h>

enum { RUN_MAX_MS = 24 * 3600 * 1000 };

static const struct ctl_command run_usage = {"collector run", "NAME [--wait]", NULL, NULL, false};

int collect_run(struct ctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {{"wait", no_argument, NULL, 'w'}, {NULL, 0, NULL, 0}};
	struct ipc_message request, reply;
	int64_t ok = 1;
	int option, status;
	bool waits = false;

	optind = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option != 'w')
			return ctl_usage(&run_usage);
		waits = true;
	}
	if (argc - optind != 1)
		return ctl_usage(&run_usage);
	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "run");
	ipc_add_text(&request, "name", argv[optind]);
	ipc_add_number(&request, "wait", waits);
	status = ctl_ask_long(ctl, "collector", &request, &reply, RUN_MAX_MS);
	if (status == CTL_DONE && waits) {
		ipc_get_number(&reply, "ok", 0, 1, &ok);
		fprintf(ok != 0 ? stdout : stderr, "%.*s\n", STR_ARG(ipc_get(&reply, "result")));
	}
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status == CTL_DONE && ok == 0 ? CTL_REFUSED : status;
}
