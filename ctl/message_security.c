/*
 * message-security: the password without which administrators see nobody's mail by the web (authd). Here it is set
 * anew or turned off without the old one: whoever may run this reads the files anyway.
 */
#include "ctl/verb.h"

#include <stdio.h>

static int show_status(struct ctl *ctl, int argc, char **argv)
{
	struct ipc_message request, reply;
	int status;

	(void)argc, (void)argv;
	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "message-security");
	status = ctl_ask(ctl, "authd", &request, &reply);
	if (status == CTL_DONE)
		printf("%s\n", str_equal(ipc_get(&reply, "enabled"), STR("1")) ? "on" : "off");
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}

static const struct verb verbs[] = {
    {.command = VERB_OF("message-security status", "", "Say whether Message Security is on.", show_status)},
    {.command = VERB_USAGE("message-security set", "[--password-stdin]",
                           "Turn Message Security on, or give it another password."),
     .callee = "authd",
     .op = "message-security-set",
     .options = {{"password-stdin", OPTION_PASSWORD, "password"}},
     .wants_password = true},
    {.command = VERB_USAGE("message-security off", "", "Turn Message Security off."),
     .callee = "authd",
     .op = "message-security-off"},
    {.command = {.name = NULL}},
};

int ctl_message_security(struct ctl *ctl, int argc, char **argv)
{
	return verb_run(ctl, verbs, argc, argv);
}
