/*
 * Network services: their names, places, encryption.
 */
#include "ctl/verb.h"

static const struct verb service_verbs[] = {
    {.command = VERB_USAGE("service list", "[--json]", "List the services."),
     .op = "service-list",
     .columns = {"number", "type", "name", "enabled", "encryption", "bindings"},
     .row = "service"},
    {.command =
         VERB_USAGE("service add", "TYPE NAME [--bind ADDRESS:PORT,...] [--encryption none|optional|required|tls]",
                    "Add a service of type smtp, pop3, imap or web."),
     .op = "service-add",
     .arguments = {"type", "name"},
     .options = {{"bind", OPTION_TEXT, "bindings"}, {"encryption", OPTION_TEXT, "encryption"}}},
    {.command = VERB_USAGE("service delete", "NAME", "Delete a service that was added."),
     .op = "service-delete",
     .arguments = {"name"}},
    {.command = VERB_USAGE("service rename", "NAME NEW-NAME", "Give a service another name."),
     .op = "service-rename",
     .arguments = {"name", "to"}},
    {.command = VERB_USAGE("service enable", "NAME", "Let a service listen again."),
     .op = "service-set",
     .arguments = {"name"},
     .fixed_field = "enabled",
     .fixed_value = 1},
    {.command = VERB_USAGE("service disable", "NAME", "Let a service listen no more."),
     .op = "service-set",
     .arguments = {"name"},
     .fixed_field = "enabled",
     .fixed_value = 0},
    {.command = VERB_USAGE("service encryption", "NAME none|optional|required|tls",
                           "Say how the connections of a service are encrypted."),
     .op = "service-set",
     .arguments = {"name", "encryption"}},
    {.command = VERB_USAGE("service bind", "NAME ADDRESS PORT",
                           "Let a service listen at one more place; ADDRESS may be any, any4, any6."),
     .op = "service-bind",
     .arguments = {"name", "address", "port"}},
    {.command = VERB_USAGE("service unbind", "NAME ADDRESS PORT", "Let a service listen there no more."),
     .op = "service-unbind",
     .arguments = {"name", "address", "port"}},
    {.command = VERB_USAGE("service defaults", "", "Bind the standard services to any address and their own ports."),
     .op = "service-defaults"},
    {.op = NULL},
};

int ctl_service(struct ctl *ctl, int argc, char **argv)
{
	return verb_run(ctl, service_verbs, argc, argv);
}
