/*
 * notice: what administrators are told by mail (noticed).
 */
#include "ctl/verb.h"

#include "common/notice/notice.h"

#include <stdio.h>

static int list_targets(struct ctl *ctl, int argc, char **argv)
{
	static const struct ctl_command usage = {"notice targets", "", NULL, NULL, false};

	(void)ctl;
	if (argc != 1)
		return ctl_usage(&usage);
	for (const char *const *target = notice_targets; *target != NULL; target++)
		printf("%s\n", *target);
	(void)argv;
	return CTL_DONE;
}

static const struct verb verbs[] = {
    {.command = VERB_OF("notice targets", "", "List the words of notices.targets.", list_targets)},
    {.command = VERB_USAGE("notice suppressed", "[--json]",
                           "List what was not told in the past 24 hours, because it had been said before."),
     .callee = "noticed",
     .op = "suppressed",
     .columns = {"@time", "component", "kind", "severity", "item", "text"},
     .row = "notice"},
    {.command = VERB_USAGE("notice send",
                           "SUBJECT [--target WORD] [--component misc|collector|sender|filtering|routing] "
                           "[--kind protocol|tcpip|other] "
                           "[--severity informational|warning|error|fatal|panic] [--item NAME] [--text TEXT]",
                           "Tell administrators something, as daemons do; for scripts."),
     .callee = "noticed",
     .op = "notice",
     .arguments = {"subject"},
     .options = {{"target", OPTION_TEXT, "target"},
                 {"component", OPTION_TEXT, "component"},
                 {"kind", OPTION_TEXT, "kind"},
                 {"severity", OPTION_TEXT, "severity"},
                 {"item", OPTION_TEXT, "item"},
                 {"text", OPTION_TEXT, "text"}}},
    {.command = {.name = NULL}},
};

int ctl_notice(struct ctl *ctl, int argc, char **argv)
{
	return verb_run(ctl, verbs, argc, argv);
}
