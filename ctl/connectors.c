/* connectors: connections, senders, collectors, and what can be set of each. */
#include "common/settings/connectors.h"
#include "ctl/collect.h"
#include "ctl/manual.h"
#include "ctl/rows.h"
#include "ctl/verb.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>

static const struct ctl_command connection_settings_usage = {"connection-settings", "[KEY | --format list|man]", NULL,
                                                             NULL, true};
static const struct ctl_command sender_settings_usage = {"sender-settings", "[KEY | --format list|man]", NULL, NULL,
                                                         true};
static const struct ctl_command collector_settings_usage = {"collector-settings", "[KEY | --format list|man]", NULL,
                                                            NULL, true};
enum { CONNECT_WAIT_MS = 24 * 3600 * 1000 };

static const struct ctl_command connect_usage = {"connect", "[--wait] [NAME...]", NULL, NULL, false};
static const struct ctl_command pause_usage = {"pause", "", NULL, NULL, false};
static const struct ctl_command resume_usage = {"resume", "", NULL, NULL, false};
static const struct ctl_command import_usage = {"collector import", "[--strict] FILE", NULL, NULL, false};

static const struct verb connection_verbs[] = {
    {.command = VERB_USAGE("connection add", "NAME [KEY VALUE]...", "Add a connection to the outside."),
     .op = "connection-add",
     .arguments = {"name"},
     .has_pairs = true},
    {.command = VERB_USAGE("connection delete", "NAME",
                           "Delete a connection with its sender, and what the schedule says of it."),
     .op = "connection-delete",
     .arguments = {"name"}},
    {.command = VERB_USAGE("connection rename", "NAME NEW-NAME", "Give a connection and its sender another name."),
     .op = "connection-rename",
     .arguments = {"name", "to"}},
    {.command = VERB_USAGE("connection list", "[--json]", "List the connections."),
     .op = "connection-list",
     .columns = {"name", "default", "continuous", "sender", "collectors"},
     .row = "connection"},
    {.command = VERB_USAGE("connection status", "[--json]", "Show how each connection ended the last time."),
     .callee = "scheduler",
     .op = "status",
     .columns = {"name", "state", "@last", "outcome", "result"},
     .row = "connection"},
    {.command = VERB_USAGE("connection show", "NAME [--json]", "Show what is set of a connection."),
     .op = "connection-show",
     .arguments = {"name"},
     .columns = {"key", "value", "default"},
     .row = "setting"},
    {.command = VERB_USAGE("connection set", "NAME KEY VALUE...", "Change settings of a connection."),
     .op = "connection-set",
     .arguments = {"name"},
     .has_pairs = true},
    {.command = VERB_USAGE("connection unset", "NAME KEY", "Return a setting of a connection to its default."),
     .op = "connection-unset",
     .arguments = {"name", "key"}},
    {.command = {NULL}},
};

#define SENDER_ARGUMENTS                                                                      \
	"NAME [--method direct|relay] [--servers HOST[:PORT],...] "                               \
	"[--encryption none|starttls-if-available|starttls|tls] [--verify on|off] [--user NAME] " \
	"[--password-stdin] [KEY VALUE]..."
#define SENDER_OPTIONS                                                                          \
	{                                                                                           \
		{"method", OPTION_TEXT, "method"}, {"servers", OPTION_TEXT, "servers"},                 \
		    {"encryption", OPTION_TEXT, "encryption"}, {"verify", OPTION_SWITCH, "verify"},     \
		    {"user", OPTION_TEXT, "username"}, {"password-stdin", OPTION_PASSWORD, "password"}, \
	}

static const struct verb sender_verbs[] = {
    {.command = VERB_USAGE("sender add", SENDER_ARGUMENTS,
                           "Add a way for mail to leave, over the connection of its name, or a new one."),
     .op = "sender-add",
     .arguments = {"name"},
     .options = SENDER_OPTIONS,
     .has_pairs = true},
    {.command = VERB_USAGE("sender set", SENDER_ARGUMENTS, "Change a sender; what is not given stays."),
     .op = "sender-set",
     .arguments = {"name"},
     .options = SENDER_OPTIONS,
     .has_pairs = true},
    {.command = VERB_USAGE("sender unset", "NAME KEY", "Return a setting of a sender to its default."),
     .op = "sender-unset",
     .arguments = {"name", "key"}},
    {.command = VERB_USAGE("sender delete", "NAME", "Delete a sender; its connection stays."),
     .op = "sender-delete",
     .arguments = {"name"}},
    {.command = VERB_USAGE("sender rename", "NAME NEW-NAME", "Give a sender and its connection another name."),
     .op = "sender-rename",
     .arguments = {"name", "to"}},
    {.command = VERB_USAGE("sender list", "[--json]", "List the senders; the first that takes it sends a message."),
     .op = "sender-list",
     .columns = {"name", "method", "servers", "encryption", "verify", "username"},
     .row = "sender"},
    {.command = VERB_USAGE("sender show", "NAME [--json]", "Show what is set of a sender."),
     .op = "sender-show",
     .arguments = {"name"},
     .columns = {"key", "value", "default"},
     .row = "setting"},
    {.command = {NULL}},
};

/* Rows that were refused are told one by one; they make the command fail. */
static int run_import(struct ctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {{"strict", no_argument, NULL, 's'}, {NULL, 0, NULL, 0}};
	struct ipc_message request, reply;
	bool strict = false;
	int option, status;

	optind = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option != 's')
			return ctl_usage(&import_usage);
		strict = true;
	}
	if (argc - optind != 1)
		return ctl_usage(&import_usage);
	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "collector-import");
	ipc_add_number(&request, "strict", strict);
	status = rows_read(argv[optind], &request);
	if (status == CTL_DONE)
		status = ctl_ask(ctl, "configd", &request, &reply);
	if (status == CTL_DONE)
		status = rows_report(&reply);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}

#define COLLECTOR_OPTIONS                                                               \
	{                                                                                   \
		{"connections", OPTION_TEXT, "connections"}, {"method", OPTION_TEXT, "method"}, \
		    {"password-stdin", OPTION_PASSWORD, "password"},                            \
	}

static const struct verb collector_verbs[] = {
    {.command =
         VERB_USAGE("collector add",
                    "NAME [--method pop3|imap|etrn|odmr] [--connections NAME,...] [--password-stdin] [KEY VALUE]...",
                    "Add a collector of mail; it belongs to all connections, or to those that are named."),
     .op = "collector-add",
     .arguments = {"name"},
     .options = COLLECTOR_OPTIONS,
     .has_pairs = true},
    {.command = VERB_USAGE("collector set", "NAME [--connections NAME,...] [--password-stdin] [KEY VALUE]...",
                           "Change a collector; what is not given stays."),
     .op = "collector-set",
     .arguments = {"name"},
     .options = {{"connections", OPTION_TEXT, "connections"}, {"password-stdin", OPTION_PASSWORD, "password"}},
     .has_pairs = true},
    {.command = VERB_USAGE("collector unset", "NAME KEY|password",
                           "Return a setting of a collector to its default, or forget its password."),
     .op = "collector-unset",
     .arguments = {"name", "key"}},
    {.command = VERB_USAGE("collector delete", "NAME", "Delete a collector."),
     .op = "collector-delete",
     .arguments = {"name"}},
    {.command = VERB_USAGE("collector rename", "NAME NEW-NAME", "Give a collector another name; its number stays."),
     .op = "collector-rename",
     .arguments = {"name", "to"}},
    {.command = VERB_USAGE("collector list", "[--json]", "List the collectors, in the order in which they run."),
     .op = "collector-list",
     .columns = {"number", "name", "method", "enabled", "priority", "connections"},
     .row = "collector"},
    {.command = VERB_USAGE("collector show", "NAME [--json]", "Show what is set of a collector, for its method."),
     .op = "collector-show",
     .arguments = {"name"},
     .columns = {"key", "value", "default"},
     .row = "setting"},
    {.command = VERB_OF("collector import", "[--strict] FILE",
                        "Add collectors out of a table: name,server,port,username,password,encryption,routing,"
                        "target-or-domains.",
                        run_import)},
    {.command = VERB_OF("collector run", "NAME [--wait]",
                        "Collect now, whatever the schedule says; --wait tells how it ended.", collect_run)},
    {.command = VERB_OF("collector copy", "NAME USER [--folder FOLDER] [--dry-run]",
                        "Copy a collector's whole IMAP account, with folders, flags and dates, into a user's mailbox.",
                        collect_copy)},
    {.command = VERB_USAGE("collector history", "[--collector NAME] [--json]",
                           "List the runs of a collector, or the last one of each."),
     .callee = "collector",
     .op = "history",
     .options = {{"collector", OPTION_TEXT, "name"}},
     .columns = {"collector", "@began", "@ended", "ok", "messages", "result"},
     .row = "run"},
    {.command = VERB_USAGE("collector messages", "NAME [--json]", "List the messages that are known at the server."),
     .callee = "collector",
     .op = "messages",
     .arguments = {"name"},
     .columns = {"uidl", "from", "subject", "size", "@downloaded", "@last-seen", "get", "delete"},
     .row = "message"},
    {.command = VERB_USAGE("collector mark", "NAME [--message UIDL] [--get on|off] [--delete on|off]",
                           "Have a message, or all, fetched again or deleted at the next run."),
     .callee = "collector",
     .op = "mark",
     .arguments = {"name"},
     .options = {{"message", OPTION_TEXT, "message"},
                 {"get", OPTION_SWITCH, "get"},
                 {"delete", OPTION_SWITCH, "delete"}}},
    {.command = {NULL}},
};

int ctl_connection(struct ctl *ctl, int argc, char **argv)
{
	return verb_run(ctl, connection_verbs, argc, argv);
}

int ctl_sender(struct ctl *ctl, int argc, char **argv)
{
	return verb_run(ctl, sender_verbs, argc, argv);
}

int ctl_collector(struct ctl *ctl, int argc, char **argv)
{
	return verb_run(ctl, collector_verbs, argc, argv);
}

/* How each ended; the status of the command says whether all did well. */
static int print_results(const struct ipc_message *reply)
{
	int status = CTL_DONE;
	struct str key, value;

	for (size_t position = 0; ipc_next(reply, &position, &key, &value);) {
		json_t *row;
		bool ok;

		if (!str_equal(key, STR("result")) || (row = json_loadb(value.data, value.len, 0, NULL)) == NULL)
			continue;
		ok = json_is_true(json_object_get(row, "ok"));
		fprintf(ok ? stdout : stderr, "%s: %s\n", json_string_value(json_object_get(row, "connection")),
		        json_string_value(json_object_get(row, "result")));
		if (!ok)
			status = CTL_REFUSED;
		json_decref(row);
	}
	return status;
}

int ctl_connect(struct ctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {{"wait", no_argument, NULL, 'w'}, {NULL, 0, NULL, 0}};
	struct ipc_message request, reply;
	bool waits = false;
	int option, status;

	optind = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option != 'w')
			return ctl_usage(&connect_usage);
		waits = true;
	}
	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "connect");
	ipc_add_number(&request, "wait", waits);
	for (int i = optind; i < argc; i++)
		ipc_add_text(&request, "connection", argv[i]);
	status = ctl_ask_long(ctl, "scheduler", &request, &reply, waits ? CONNECT_WAIT_MS : IPC_TIMEOUT_MS);
	if (status == CTL_DONE)
		status = print_results(&reply);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}

/* `pause` and `resume` have no words of their own: the command is the question. */
int ctl_pause(struct ctl *ctl, int argc, char **argv)
{
	const struct ctl_command *usage = strcmp(argv[0], "pause") == 0 ? &pause_usage : &resume_usage;
	struct ipc_message request, reply;
	int status;

	if (argc != 1)
		return ctl_usage(usage);
	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, usage->name);
	status = ctl_ask(ctl, "scheduler", &request, &reply);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}

int ctl_connection_settings(struct ctl *ctl, int argc, char **argv)
{
	(void)ctl;
	return manual_command(&manual_of_connections, &connection_settings_usage, argc, argv);
}

int ctl_sender_settings(struct ctl *ctl, int argc, char **argv)
{
	(void)ctl;
	return manual_command(&manual_of_senders, &sender_settings_usage, argc, argv);
}

int ctl_collector_settings(struct ctl *ctl, int argc, char **argv)
{
	(void)ctl;
	return manual_command(&manual_of_collectors, &collector_settings_usage, argc, argv);
}
