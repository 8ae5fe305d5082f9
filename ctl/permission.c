/*
 * Whom users may write to and get mail from: lists for all and of each user.
 */
#include "ctl/verb.h"

static const struct verb permission_verbs[] = {
    {.command = VERB_USAGE("permission add", "LIST PATTERN [--user NAME]",
                           "Put addresses on target-white, target-black, sender-white or sender-black."),
     .op = "permission-add",
     .arguments = {"list", "pattern"},
     .options = {{"user", OPTION_TEXT, "user"}}},
    {.command = VERB_USAGE("permission remove", "LIST PATTERN [--user NAME]", "Take addresses off a list."),
     .op = "permission-remove",
     .arguments = {"list", "pattern"},
     .options = {{"user", OPTION_TEXT, "user"}}},
    {.command = VERB_USAGE("permission list", "[--user NAME] [--json]", "Show the lists, of all or of one user."),
     .op = "permission-list",
     .options = {{"user", OPTION_TEXT, "user"}},
     .columns = {"list", "user", "pattern"},
     .row = "permission"},
    {.command = {NULL}},
};

int ctl_permission(struct ctl *ctl, int argc, char **argv)
{
	return verb_run(ctl, permission_verbs, argc, argv);
}
