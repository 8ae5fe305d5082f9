/*
 * logo: pictures of the administrator on the page to log in and in webmail (configd).
 */
#include "ctl/verb.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static const struct ctl_command set_usage = {"logo set", "login|mail FILE", NULL, NULL, false};

static int set(struct ctl *ctl, int argc, char **argv)
{
	struct ipc_message request, reply;
	int fd, status;

	if (argc != 3)
		return ctl_usage(&set_usage);
	fd = open(argv[2], O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return ctl_refuse("cannot open %s: %s", argv[2], strerror(errno));
	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "logo-set");
	ipc_add_text(&request, "name", argv[1]);
	ipc_add_fd(&request, fd);
	status = ctl_ask(ctl, "configd", &request, &reply);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	close(fd);
	return status;
}

static const struct verb verbs[] = {
    {.command = VERB_USAGE("logo list", "[--json]", "List the logos that there are."),
     .op = "logo-list",
     .columns = {"name", "media", "width", "height", "size"},
     .row = "logo"},
    {.command = VERB_OF("logo set", "login|mail FILE",
                        "Show a picture (PNG, JPEG, GIF) on the page to log in, or in webmail.", set)},
    {.command = VERB_USAGE("logo delete", "login|mail", "Show none there any more."),
     .op = "logo-delete",
     .arguments = {"name"}},
    {.command = {.name = NULL}},
};

int ctl_logo(struct ctl *ctl, int argc, char **argv)
{
	return verb_run(ctl, verbs, argc, argv);
}
