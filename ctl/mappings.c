/* mappings: addresses and names that lead somewhere. */
#include "ctl/rows.h"
#include "ctl/verb.h"

#include <getopt.h>

static const struct ctl_command export_usage = {"mapping export", "[FILE]", NULL, NULL, false};
static const struct ctl_command import_usage = {"mapping import", "[--replace] [--strict] FILE", NULL, NULL, false};

static int run_export(struct ctl *ctl, int argc, char **argv)
{
	struct ipc_message request, reply;
	int status;

	if (argc > 2 || (argc == 2 && argv[1][0] == '-' && argv[1][1] != '\0'))
		return ctl_usage(&export_usage);
	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "mapping-export");
	status = ctl_ask(ctl, "configd", &request, &reply);
	if (status == CTL_DONE)
		status = rows_write(argv[1], &reply);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}

static int run_import(struct ctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {
	    {"replace", no_argument, NULL, 'r'}, {"strict", no_argument, NULL, 's'}, {NULL, 0, NULL, 0}};
	struct ipc_message request, reply;
	bool replace = false, strict = false;
	int option, status;

	optind = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option != 'r' && option != 's')
			return ctl_usage(&import_usage);
		replace |= option == 'r';
		strict |= option == 's';
	}
	if (argc - optind != 1)
		return ctl_usage(&import_usage);
	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "mapping-import");
	ipc_add_number(&request, "replace", replace);
	ipc_add_number(&request, "strict", strict);
	status = rows_read(argv[optind], &request);
	if (status == CTL_DONE)
		status = ctl_ask(ctl, "configd", &request, &reply);
	if (status == CTL_DONE) {
		verb_print_warnings(&reply);
		status = rows_report(&reply);
	}
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}

static const struct verb mapping_verbs[] = {
    {.command = VERB_USAGE("mapping add", "PATTERN TARGET [--type TYPE] [--collector NUMBER] [--comment TEXT]",
                           "Lead a name or address to a user, list, group, *REMOTE, or an address elsewhere."),
     .op = "mapping-add",
     .arguments = {"pattern", "target"},
     .options = {{"type", OPTION_TEXT, "type"},
                 {"collector", OPTION_TEXT, "collector"},
                 {"comment", OPTION_TEXT, "comment"}}},
    {.command = VERB_USAGE("mapping set",
                           "PATTERN TARGET [--pattern NEW] [--target NEW] [--type TYPE] [--collector NUMBER|ALL]"
                           " [--comment TEXT]",
                           "Change a mapping; what is not given stays."),
     .op = "mapping-set",
     .arguments = {"pattern", "target"},
     .options = {{"pattern", OPTION_TEXT, "new-pattern"},
                 {"target", OPTION_TEXT, "new-target"},
                 {"type", OPTION_TEXT, "type"},
                 {"collector", OPTION_TEXT, "collector"},
                 {"comment", OPTION_TEXT, "comment"}}},
    {.command = VERB_USAGE("mapping delete", "PATTERN TARGET", "Delete a mapping."),
     .op = "mapping-delete",
     .arguments = {"pattern", "target"}},
    {.command =
         VERB_USAGE("mapping list", "[--target NAME] [--json]", "List the mappings, all or those to one target."),
     .op = "mapping-list",
     .options = {{"target", OPTION_TEXT, "target"}},
     .columns = {"pattern", "target", "type", "collector", "comment"},
     .row = "mapping"},
    {.command = VERB_OF("mapping export", "[FILE]", "Write all mappings as a table (CSV).", run_export)},
    {.command = VERB_OF("mapping import", "[--replace] [--strict] FILE",
                        "Add the mappings of a table, address and target, comment, type, collector.", run_import)},
    {.command = {NULL}},
};

int ctl_mapping(struct ctl *ctl, int argc, char **argv)
{
	return verb_run(ctl, mapping_verbs, argc, argv);
}
