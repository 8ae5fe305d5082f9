/* lists: distribution lists, forwardings, mailing and database lists, and their members. */
#include "ctl/list_posts.h"
#include "ctl/manual.h"
#include "ctl/rows.h"
#include "ctl/verb.h"

#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

static const struct ctl_command add_usage = {
    "list add", "NAME [--type TYPE | --preset PRESET] [--comment TEXT] [--public] [ADDRESS...]", NULL, NULL, false};
static const struct ctl_command settings_usage = {"list-settings", "[KEY | --format list|man]", NULL, NULL, true};
static const struct ctl_command member_add_usage = {"list member add", "NAME ADDRESS...", NULL, NULL, false};
static const struct ctl_command member_remove_usage = {"list member remove", "NAME ADDRESS...", NULL, NULL, false};
static const struct ctl_command export_usage = {"list member export", "NAME [FILE]", NULL, NULL, false};
static const struct ctl_command import_usage = {"list member import", "NAME [--replace] [--strict] FILE", NULL, NULL,
                                                false};
static const struct ctl_command bulk_usage = {"list member bulk-delete", "NAME PATTERN [--yes]", NULL, NULL, false};

/* Ask configd, and release both; the answer's rows are told where report is set. */
static int ask(struct ctl *ctl, struct ipc_message *request, bool report)
{
	struct ipc_message reply;
	int status;

	ipc_message_init(&reply);
	status = ctl_ask(ctl, "configd", request, &reply);
	if (status == CTL_DONE && report)
		status = rows_report(&reply);
	ipc_message_free(request);
	ipc_message_free(&reply);
	return status;
}

static int run_add(struct ctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {{"type", required_argument, NULL, 't'},
	                                        {"preset", required_argument, NULL, 'r'},
	                                        {"comment", required_argument, NULL, 'c'},
	                                        {"public", no_argument, NULL, 'p'},
	                                        {NULL, 0, NULL, 0}};
	struct ipc_message request;
	int option;

	ipc_message_init(&request);
	ipc_request(&request, "list-add");
	optind = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 't' || option == 'r')
			ipc_add_text(&request, option == 't' ? "type" : "preset", optarg);
		else if (option == 'c')
			ipc_add_text(&request, "comment", optarg);
		else if (option == 'p')
			ipc_add_number(&request, "public", 1);
		else
			optind = argc;
	}
	if (optind >= argc) {
		ipc_message_free(&request);
		return ctl_usage(&add_usage);
	}
	ipc_add_text(&request, "name", argv[optind++]);
	while (optind < argc)
		ipc_add_text(&request, "address", argv[optind++]);
	return ask(ctl, &request, false);
}

static int change_members(struct ctl *ctl, const char *op, const struct ctl_command *usage, int argc, char **argv)
{
	struct ipc_message request;

	if (argc < 3 || argv[1][0] == '-')
		return ctl_usage(usage);
	ipc_message_init(&request);
	ipc_request(&request, op);
	ipc_add_text(&request, "name", argv[1]);
	for (int i = 2; i < argc; i++)
		ipc_add_text(&request, "address", argv[i]);
	return ask(ctl, &request, false);
}

static int run_member_add(struct ctl *ctl, int argc, char **argv)
{
	return change_members(ctl, "list-member-add", &member_add_usage, argc, argv);
}

static int run_member_remove(struct ctl *ctl, int argc, char **argv)
{
	return change_members(ctl, "list-member-remove", &member_remove_usage, argc, argv);
}

static int run_export(struct ctl *ctl, int argc, char **argv)
{
	struct ipc_message request, reply;
	int status;

	if (argc < 2 || argc > 3 || argv[1][0] == '-')
		return ctl_usage(&export_usage);
	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "list-member-export");
	ipc_add_text(&request, "name", argv[1]);
	status = ctl_ask(ctl, "configd", &request, &reply);
	if (status == CTL_DONE)
		status = rows_write(argv[2], &reply);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}

static int run_import(struct ctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {
	    {"replace", no_argument, NULL, 'r'}, {"strict", no_argument, NULL, 's'}, {NULL, 0, NULL, 0}};
	struct ipc_message request;
	bool replace = false, strict = false;
	int option, status;

	optind = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option != 'r' && option != 's')
			return ctl_usage(&import_usage);
		replace |= option == 'r';
		strict |= option == 's';
	}
	if (argc - optind != 2)
		return ctl_usage(&import_usage);
	ipc_message_init(&request);
	ipc_request(&request, "list-member-import");
	ipc_add_text(&request, "name", argv[optind]);
	ipc_add_number(&request, "replace", replace);
	ipc_add_number(&request, "strict", strict);
	status = rows_read(argv[optind + 1], &request);
	if (status == CTL_DONE)
		return ask(ctl, &request, true);
	ipc_message_free(&request);
	return status;
}

/* How many would go, or went. */
static int bulk_delete(struct ctl *ctl, const char *name, const char *pattern, bool confirmed, int64_t *count)
{
	struct ipc_message request, reply;
	int status;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "list-member-bulk-delete");
	ipc_add_text(&request, "name", name);
	ipc_add_text(&request, "pattern", pattern);
	ipc_add_number(&request, "confirm", confirmed);
	status = ctl_ask(ctl, "configd", &request, &reply);
	*count = 0;
	ipc_get_number(&reply, "count", 0, INT64_MAX, count);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}

static bool confirms(void)
{
	char answer[16] = "";

	if (isatty(STDIN_FILENO))
		printf("Remove them? (yes/no) ");
	fflush(stdout);
	return fgets(answer, sizeof answer, stdin) != NULL && strcmp(answer, "yes\n") == 0;
}

static int run_bulk_delete(struct ctl *ctl, int argc, char **argv)
{
	bool confirmed = argc == 4 && strcmp(argv[3], "--yes") == 0;
	int64_t count;
	int status;

	if ((argc != 3 && !confirmed) || argv[1][0] == '-')
		return ctl_usage(&bulk_usage);
	status = bulk_delete(ctl, argv[1], argv[2], confirmed, &count);
	if (status != CTL_DONE)
		return status;
	if (!confirmed) {
		printf("%lld members match\n", (long long)count);
		if (count == 0)
			return CTL_DONE;
		if (!confirms())
			return ctl_refuse("nothing was changed");
		status = bulk_delete(ctl, argv[1], argv[2], true, &count);
	}
	if (status == CTL_DONE)
		printf("%lld members removed\n", (long long)count);
	return status;
}

static const struct verb list_verbs[] = {
    {.command = VERB_OF("list add",
                        "NAME [--type distribution|forwarding|mailing|database | --preset announcement|discussion]"
                        " [--comment TEXT] [--public] [ADDRESS...]",
                        "Add a list, with its first members; a preset makes it a mailing list for that.", run_add)},
    {.command = VERB_USAGE("list delete", "NAME", "Delete a list, and the mappings that lead to it."),
     .op = "list-delete",
     .arguments = {"name"}},
    {.command = VERB_USAGE("list rename", "NAME NEW-NAME", "Give a list another name; mappings to it follow."),
     .op = "list-rename",
     .arguments = {"name", "to"}},
    {.command = VERB_USAGE("list list", "[--json]", "List the lists."),
     .op = "list-list",
     .columns = {"name", "type", "members", "public", "comment"},
     .row = "list"},
    {.command = VERB_USAGE("list show", "NAME [--json]", "Show what is set of a list."),
     .op = "list-show",
     .arguments = {"name"},
     .columns = {"key", "value", "default"},
     .row = "setting"},
    {.command = VERB_USAGE("list set", "NAME KEY VALUE", "Change a setting of a list, or its type."),
     .op = "list-set",
     .arguments = {"name", "key", "value"}},
    {.command = VERB_USAGE("list unset", "NAME KEY", "Return a setting of a list to its default."),
     .op = "list-unset",
     .arguments = {"name", "key"}},
    {.command = VERB_USAGE("list member", "add|remove|list|import|export|bulk-delete ...", "Manage the members."),
     .op = NULL},
    {.command = VERB_OF("list test", "NAME", "Show what the source of a database list gives now.", list_posts_test)},
    {.command = VERB_USAGE("list bounces", "NAME [--json]", "List the members whose mail comes back (bounce-limit)."),
     .callee = "listd",
     .op = "bounces",
     .arguments = {"list"},
     .columns = {"address", "days", "@last", "suspended"},
     .row = "bounce"},
    {.command = VERB_USAGE("list forgive", "NAME ADDRESS",
                           "Forget that a member's mail came back; who got no posts any more gets them again."),
     .callee = "listd",
     .op = "bounces-forget",
     .arguments = {"list", "address"}},
    {.command = VERB_USAGE("list held", "[--list NAME] [--json]", "List the messages that wait for moderators."),
     .callee = "listd",
     .op = "held",
     .options = {{"list", OPTION_TEXT, "list"}},
     .columns = {"number", "list", "@time", "from", "size", "subject"},
     .row = "post"},
    {.command = VERB_USAGE("list approve", "NUMBER", "Distribute a message that waits."),
     .callee = "listd",
     .op = "approve",
     .arguments = {"number"}},
    {.command = VERB_USAGE("list reject", "NUMBER", "Drop a message that waits."),
     .callee = "listd",
     .op = "reject",
     .arguments = {"number"}},
    {.command = VERB_USAGE("list archive", "NAME [--json]", "List the messages that are kept."),
     .callee = "listd",
     .op = "archive",
     .arguments = {"list"},
     .columns = {"number", "@time", "from", "size", "subject"},
     .row = "post"},
    {.command = VERB_OF("list message", "NUMBER", "Show a message that waits or is kept.", list_posts_message)},
    {.command = VERB_OF("list digest", "NAME", "Make the digest of a list now.", list_posts_digest)},
    {.command = {NULL}},
};

static const struct verb member_verbs[] = {
    {.command = VERB_OF("list member add", "NAME ADDRESS...", "Add members: users, lists, addresses.", run_member_add)},
    {.command = VERB_OF("list member remove", "NAME ADDRESS...", "Remove members.", run_member_remove)},
    {.command = VERB_USAGE("list member list", "NAME [--filter TEXT] [--json]",
                           "List the members, all or those that hold a text."),
     .op = "list-members",
     .arguments = {"name"},
     .options = {{"filter", OPTION_TEXT, "filter"}},
     .columns = {"address", "kind"},
     .row = "member"},
    {.command = VERB_OF("list member import", "NAME [--replace] [--strict] FILE",
                        "Add members out of a file, an address a line; --replace: in place of those that are there.",
                        run_import)},
    {.command = VERB_OF("list member export", "NAME [FILE]", "Write the members, one a line.", run_export)},
    {.command =
         VERB_OF("list member bulk-delete", "NAME PATTERN [--yes]",
                 "Remove members that match wildcards or a /regular expression/, when you said yes.", run_bulk_delete)},
    {.command = {NULL}},
};

int ctl_list(struct ctl *ctl, int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "member") == 0)
		return verb_run(ctl, member_verbs, argc - 1, argv + 1);
	return verb_run(ctl, list_verbs, argc, argv);
}

int ctl_list_settings(struct ctl *ctl, int argc, char **argv)
{
	(void)ctl;
	return manual_command(&manual_of_lists, &settings_usage, argc, argv);
}
