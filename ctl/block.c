/*
 * block: clients that are shut out, those that never are, and what clients did (policyd).
 */
#include "ctl/verb.h"

static const struct verb blocks[] = {
    {.command = VERB_USAGE("block list", "[--json]", "List the clients that are shut out."),
     .callee = "policyd",
     .op = "block-list",
     .columns = {"network", "@added", "@expires", "reason"},
     .row = "block"},
    {.command = VERB_USAGE("block add", "NETWORK [--minutes N]", "Shut an address or network out, for half an hour."),
     .callee = "policyd",
     .op = "block-add",
     .arguments = {"network"},
     .options = {{"minutes", OPTION_TEXT, "minutes"}}},
    {.command = VERB_USAGE("block delete", "NETWORK", "Let a client in again; what it did counts no more."),
     .callee = "policyd",
     .op = "block-delete",
     .arguments = {"network"}},
    {.command = VERB_USAGE("block events", "[--client NETWORK] [--limit N] [--json]",
                           "List what clients did lately, newest first."),
     .callee = "policyd",
     .op = "events",
     .options = {{"client", OPTION_TEXT, "network"}, {"limit", OPTION_TEXT, "limit"}},
     .columns = {"@time", "client", "number", "event", "service", "data", "ignored"},
     .row = "event"},
    {.command = {.name = NULL}},
};

static const struct verb nevers[] = {
    {.command = VERB_USAGE("never-block list", "[--json]", "List the clients that are never shut out."),
     .callee = "policyd",
     .op = "never-list",
     .columns = {"network", "@added"},
     .row = "never"},
    {.command = VERB_USAGE("never-block add", "NETWORK", "Never shut an address or network out; ends its blocks."),
     .callee = "policyd",
     .op = "never-add",
     .arguments = {"network"}},
    {.command = VERB_USAGE("never-block delete", "NETWORK", "Treat a client as any other."),
     .callee = "policyd",
     .op = "never-delete",
     .arguments = {"network"}},
    {.command = {.name = NULL}},
};

int ctl_block(struct ctl *ctl, int argc, char **argv)
{
	return verb_run(ctl, blocks, argc, argv);
}

int ctl_never_block(struct ctl *ctl, int argc, char **argv)
{
	return verb_run(ctl, nevers, argc, argv);
}
