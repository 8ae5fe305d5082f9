/*
 * token: what a user's scripts show to the web instead of his password (authd).
 */
#include "ctl/verb.h"

#include <getopt.h>
#include <stdio.h>

#define ADD_ARGUMENTS "USER NAME [--scope own|admin|full] [--days N]"

static const struct ctl_command add_usage = {"token add", ADD_ARGUMENTS, NULL, NULL, false};

/* The options, into the request. -1: there is one that is not known. */
static int read_options(int argc, char **argv, struct ipc_message *request)
{
	static const struct option options[] = {
	    {"scope", required_argument, NULL, 's'}, {"days", required_argument, NULL, 'd'}, {NULL, 0, NULL, 0}};
	int option;

	optind = 1;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == '?')
			return -1;
		ipc_add_text(request, option == 's' ? "scope" : "days", optarg);
	}
	return 0;
}

/* The token alone is printed, for who keeps it in a file. */
static int add(struct ctl *ctl, int argc, char **argv)
{
	struct ipc_message request, reply;
	int status = CTL_USAGE;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "api-token-add");
	if (read_options(argc, argv, &request) != 0 || argc - optind != 2) {
		ctl_usage(&add_usage);
	} else {
		ipc_add_text(&request, "user", argv[optind]);
		ipc_add_text(&request, "name", argv[optind + 1]);
		status = ctl_ask(ctl, "authd", &request, &reply);
	}
	if (status == CTL_DONE)
		printf("%.*s\n", STR_ARG(ipc_get(&reply, "token")));
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}

static const struct verb verbs[] = {
    {.command =
         VERB_OF("token add", ADD_ARGUMENTS,
                 "Make a token that scripts use in a user's place, and print it: nobody can tell it again.", add)},
    {.command = VERB_USAGE("token list", "USER [--json]", "List a user's tokens."),
     .callee = "authd",
     .op = "api-token-list",
     .arguments = {"user"},
     .columns = {"id", "name", "scope", "@made", "@used", "@expires"},
     .row = "token"},
    {.command = VERB_USAGE("token delete", "USER ID", "Let a token be good no more."),
     .callee = "authd",
     .op = "api-token-delete",
     .arguments = {"user", "id"}},
    {.command = {.name = NULL}},
};

int ctl_token(struct ctl *ctl, int argc, char **argv)
{
	return verb_run(ctl, verbs, argc, argv);
}
