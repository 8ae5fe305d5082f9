/*
 * collected: addresses that users wrote to (policyd).
 */
#include "ctl/verb.h"

static const struct verb verbs[] = {
    {.command = VERB_USAGE("collected list", "USER [--filter PATTERN] [--json]",
                           "List whom a user wrote to, the latest first (PATTERN may hold '*' and '?')."),
     .callee = "policyd",
     .op = "collected-list",
     .arguments = {"user"},
     .options = {{"filter", OPTION_TEXT, "filter"}},
     .columns = {"address", "@used", "messages"},
     .row = "recipient"},
    {.command = VERB_USAGE("collected delete", "USER ADDRESS", "Forget one of them."),
     .callee = "policyd",
     .op = "collected-delete",
     .arguments = {"user", "address"}},
    {.command = VERB_USAGE("collected purge", "--unused-days N [--user NAME]",
                           "Forget those that were not used for so many days, of one user or of all."),
     .callee = "policyd",
     .op = "collected-purge",
     .options = {{"unused-days", OPTION_TEXT, "days"}, {"user", OPTION_TEXT, "user"}}},
    {.command = {.name = NULL}},
};

int ctl_collected(struct ctl *ctl, int argc, char **argv)
{
	return verb_run(ctl, verbs, argc, argv);
}
