#include "ctl/ctl.h"
#include "ctl/items.h"
#include "ctl/media.h"

#include "common/base/log.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

const struct ctl_command ctl_commands[] = {
    {"init", "--domain NAME [--host-name NAME] [--port-offset N] [--bind ADDRESS[,...]]", "Make a new instance.",
     ctl_init, true},
    {"run", "", "Run the instance in the foreground until told to end.", ctl_run, false},
    {"start", "", "Run it in the background; returns when it is ready.", ctl_start, false},
    {"stop", "", "End it.", ctl_stop, false},
    {"status", "[--json]", "Show its daemons.", ctl_status, false},
    {"check", "[--json]", "Say what is missing before mail flows; exit status 1 where something is.", ctl_check, false},
    {"reload", "", "Start every daemon anew with postroom.conf as it is now.", ctl_reload, false},
    {"get", "[KEY] [--service NAME] [--json]", "Show settings (KEY may hold '*' and '?').", ctl_get, false},
    {"set", "KEY VALUE [--service NAME]", "Change a setting, of all or of one service.", ctl_set, false},
    {"unset", "KEY|PATTERN [--service NAME]", "Return a setting to its default, or all like smtp.*.", ctl_unset, false},
    {"settings", "[KEY | --format list|man|conf]", "Explain the settings.", ctl_settings, true},
    {"text", "list | show NAME | set NAME TEXT | set NAME --file FILE | unset NAME",
     "Say in other words what the server writes to people.", ctl_text, false},
    {"domain", "add|delete|default|list ...", "Manage the domains of this server.", ctl_domain, false},
    {"user",
     "add|password|delete|rename|enable|disable|set|get|unset|list|export|import|import-system|quota|locks|unlock|rule "
     "...",
     "Manage users.", ctl_user, false},
    {"group", "add|delete|list|add-member|remove-member|members|set|get|unset ...", "Manage groups of users.",
     ctl_group, false},
    {"attributes", "[KEY | --format list|man]", "Explain what can be set of users and groups.", ctl_attributes, true},
    {"mapping", "add|set|delete|list|export|import ...", "Manage where addresses lead.", ctl_mapping, false},
    {"list", "add|delete|rename|list|show|set|unset|member ...", "Manage lists and forwardings.", ctl_list, false},
    {"list-settings", "[KEY | --format list|man]", "Explain what can be set of lists.", ctl_list_settings, true},
    {"connection", "add|delete|rename|list|show|set|unset|status ...", "Manage the ways to the outside.",
     ctl_connection, false},
    {"sender", "add|set|unset|delete|rename|list|show ...", "Manage how mail leaves.", ctl_sender, false},
    {"collector", "add|set|unset|delete|rename|list|show|import ...", "Manage where mail is fetched.", ctl_collector,
     false},
    {"schedule", "list|show|add|set|move|delete ...", "Manage when connections are started.", ctl_items, false},
    {"connect", "[--wait] [NAME...]", "Start connections now: the default ones, or those that are named.", ctl_connect,
     false},
    {"pause", "", "Stop the schedule; connections are started by hand alone.", ctl_pause, false},
    {"resume", "", "Let the schedule go on.", ctl_pause, false},
    {"connection-settings", "[KEY | --format list|man]", "Explain what can be set of connections.",
     ctl_connection_settings, true},
    {"sender-settings", "[KEY | --format list|man]", "Explain what can be set of senders.", ctl_sender_settings, true},
    {"collector-settings", "[KEY | --format list|man]", "Explain what can be set of collectors.",
     ctl_collector_settings, true},
    {"service", "list|add|delete|rename|enable|disable|encryption|bind|unbind|defaults ...",
     "Manage the network services.", ctl_service, false},
    {"access", "lists|list|add|remove|set|defaults|export|import|show-networks ...",
     "Manage who may use a service, by address and user.", ctl_access, false},
    {"permission", "add|remove|list ...", "Manage whom users may write to, and who may write to them.", ctl_permission,
     false},
    {"geoip", "importcsv|delete ...", "Manage the names of ranges of addresses, for access lists.", ctl_geoip, false},
    {"smtp-rule", "list|show|add|edit|move|delete|copy|test ...", "Manage the rules of SMTP services.", ctl_smtp_rule,
     false},
    {"autoresponder", "list|show|add|set|move|delete|export|import ...",
     "Manage autoresponders that every user may use.", ctl_items, false},
    {"media", "list|add|delete ...", "Manage files that autoresponders of all users send along.", ctl_media, false},
    {"prune", "list|show|add|set|move|delete ...", "Manage what old mail is removed, of all users.", ctl_items, false},
    {"tls", "install|csr|self-signed|show|remove ...", "Manage certificates.", ctl_tls, false},
    {"collected", "list|delete|purge ...", "Manage the addresses that users wrote to.", ctl_collected, false},
    {"contact", "list|add|set|delete|export ...", "Manage the contacts of users, and everybody's.", ctl_contact, false},
    {"dns", "servers [--json] | test [NAME] [--json]", "Show the DNS servers in use, and try them.", ctl_dns, false},
    {"oauth", "add|list|delete|test ...", "Manage accounts whose password is an access token.", ctl_oauth, false},
    {"dmarc", "report ...", "Show and send reports of what came in the name of domains.", ctl_dmarc, false},
    {"tls-report", "...", "Show and send reports of TLS on the way to domains.", ctl_tls_report, false},
    {"dkim", "add|list|show|delete ...", "Manage the keys that sign what is sent.", ctl_dkim, false},
    {"export", "[--passwords] [FILE]", "Write all settings as text.", ctl_export, false},
    {"import", "[--check] [--delete-users] FILE", "Make all settings equal to a text.", ctl_import, false},
    {"resolve", "[ADDRESS] [--from ADDRESS] [--via smtp|pop3|list] [--collector NUMBER] [--local] [--json]",
     "Explain where mail to an address goes.", ctl_resolve, false},
    {"download-rule", "list|show|add|set|move|delete|test ...", "Manage the rules for mail that waits at servers.",
     items_run, false},
    {"trace", "[ID] [--from TEXT] [--to TEXT] [--any TEXT] [--since DATE[ TIME]] [--limit N] [--json]",
     "Show what became of messages.", ctl_trace, false},
    {"collect", "explain ...", "Explain what would become of a message that is collected.", ctl_collect, false},
    {"lan-rule", "list|show|add|set|move|delete ...", "Manage the rules of LAN forwarding.", items_run, false},
    {"lan-verifier", "list|show|add|set|move|delete ...",
     "Manage the servers that are asked whether a recipient exists.", items_run, false},
    {"lan", "pause|resume|queue|delete|retarget|matches|export|import|own-rules ...", "Run LAN forwarding.", ctl_lan,
     false},
    {"queue", "list|show|retry|final|hold|release|delete|sent|send|count ...",
     "Look at and manage the messages that wait.", ctl_queue, false},
    {"sessions", "[--user NAME] [--service NAME] [--json] | --history ... | end ...",
     "Show who is connected, or was; end sessions.", ctl_sessions, false},
    {"token", "add|list|delete ...", "Manage what scripts show to the web instead of a password.", ctl_token, false},
    {"logo", "list|set|delete ...", "Manage pictures on the page to log in and in webmail.", ctl_logo, false},
    {"message-security", "status|set|off ...",
     "Keep administrators in browsers from others' mail, but for who knows a password.", ctl_message_security, false},
    {"block", "list|add|delete|events ...", "Manage which clients are shut out, and see what clients did.", ctl_block,
     false},
    {"never-block", "list|add|delete ...", "Manage which clients are never shut out.", ctl_never_block, false},
    {"notice", "targets|suppressed|send ...", "See what administrators are told by mail.", ctl_notice, false},
    {"script", "list|check|run ...", "Look at the scripts, and try one.", ctl_script, false},
    {"mailbox", "list|verify|reindex|undelete|purge|import|export|acl ...", "Look into mailboxes, fill and mend them.",
     ctl_mailbox, false},
    {"maintain", "[USER]", "Remove old mail as prune rules say; once a day.", ctl_maintain, false},
    {"repair", "[USER]", "Check and mend mailboxes, all or one.", ctl_repair, false},
    {NULL, NULL, NULL, NULL, false},
};

static void print_help(void)
{
	printf("usage: postroom [-C DIR] COMMAND ...\n\n"
	       "Manages the mail server instance in DIR; without -C the system's.\n\n");
	for (const struct ctl_command *command = ctl_commands; command->name != NULL; command++)
		printf("  %-13s %s\n", command->name, command->sentence);
	printf("\n\"postroom COMMAND --help\" says more; so does postroom(1).\n"
	       "Exit status: 0 done, 1 refused, 2 usage, 3 not running.\n");
}

static int usage_error(const char *what, const char *which)
{
	fprintf(stderr, "postroom: %s%s\nusage: postroom [-C DIR] COMMAND ...; \"postroom --help\" lists the commands\n",
	        what, which);
	return CTL_USAGE;
}

static int run_command(struct ctl *ctl, int argc, char **argv)
{
	const struct ctl_command *command = ctl_commands;
	struct err err;

	while (command->name != NULL && strcmp(command->name, argv[0]) != 0)
		command++;
	if (command->name == NULL)
		return usage_error("there is no command ", argv[0]);
	if (argc > 1 && strcmp(argv[1], "--help") == 0) {
		printf("usage: postroom [-C DIR] %s %s\n\n%s\n", command->name, command->arguments, command->sentence);
		return CTL_DONE;
	}
	if ((command->raw || strcmp(argv[argc - 1], "--help") == 0 ? instance_locate(&ctl->instance, ctl->dir, &err)
	                                                           : instance_open(&ctl->instance, ctl->dir, &err)) != 0) {
		if (err.code == ERR_SYSTEM && err.sys == ENOENT)
			return ctl_refuse("there is no instance here (%s); \"postroom init\" makes one", err.text);
		return ctl_refuse_err(&err);
	}
	return command->run(ctl, argc, argv);
}

int main(int argc, char **argv)
{
	struct ctl ctl = {.program = argv[0]};
	int at = 1;

	log_open("postroom");
	signal(SIGPIPE, SIG_IGN);
	for (; at < argc && argv[at][0] == '-'; at++) {
		if (strcmp(argv[at], "--help") == 0) {
			print_help();
			return CTL_DONE;
		}
		if (strcmp(argv[at], "--version") == 0) {
			printf("postroom %s\n", POSTROOM_VERSION);
			return CTL_DONE;
		}
		if (strcmp(argv[at], "-C") != 0)
			return usage_error("unknown option ", argv[at]);
		if (++at == argc)
			return usage_error("-C needs a folder", "");
		ctl.dir = argv[at];
	}
	if (at == argc)
		return usage_error("a command is missing", "");
	return run_command(&ctl, argc - at, argv + at);
}
