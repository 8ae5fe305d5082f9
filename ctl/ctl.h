/*
 * ctl: the command line. One file for each family of commands; main.c finds the command and runs it.
 *
 * Exit status: 0 done, 1 refused (the reason on standard error), 2 usage, 3 not running. Listings take --json.
 */
#ifndef POSTROOM_CTL_CTL_H
#define POSTROOM_CTL_CTL_H

#include "common/daemon/instance.h"
#include "common/ipc/ipc.h"

enum { CTL_DONE = 0, CTL_REFUSED = 1, CTL_USAGE = 2, CTL_NOT_RUNNING = 3 };

struct ctl {
	struct instance instance;
	const char *dir;     /* of -C, or NULL */
	const char *program; /* argv[0], for messages */
};

struct ctl_command {
	const char *name;
	const char *arguments; /* for the usage line: "NAME --password-stdin" */
	const char *sentence;  /* for --help */
	/* argv[0] is the command's name. ctl->instance is located; opened too unless raw. */
	int (*run)(struct ctl *ctl, int argc, char **argv);
	bool raw; /* `init`, `settings`: there is no instance to open yet, or none is needed */
};

/* The commands of the command line; ends with a name of NULL. */
extern const struct ctl_command ctl_commands[];

/* Print "postroom: ..." on standard error and return CTL_REFUSED; the usage line of a command and CTL_USAGE. */
int ctl_refuse(const char *format, ...) __attribute__((format(printf, 1, 2)));
int ctl_refuse_err(const struct err *err);
int ctl_usage(const struct ctl_command *command);

/*
 * Ask a daemon as caller "postroom". Where the instance does not run, configd (and authd, which it asks) are started
 * for this process's lifetime, as their users; for others CTL_NOT_RUNNING is returned after saying so. Returns CTL_DONE
 * with the answer in reply, or the exit status after the reason was printed.
 */
int ctl_ask(struct ctl *ctl, const char *callee, const struct ipc_message *request, struct ipc_message *reply);
/* The same for what may take long. */
int ctl_ask_long(struct ctl *ctl, const char *callee, const struct ipc_message *request, struct ipc_message *reply,
                 int timeout_ms);
/* The channel alone, to be closed by the caller; for conversations. Returns as ctl_ask. */
int ctl_reach(struct ctl *ctl, const char *callee, struct ipc_channel *channel);

/*
 * Read a password: a line of standard input (from_stdin), or asked for twice on the terminal, not echoed. Returns
 * CTL_DONE, or the exit status after the reason was printed: empty, longer than CTL_PASSWORD_MAX bytes, the two differ,
 * no terminal.
 */
enum { CTL_PASSWORD_MAX = 256 };
int ctl_read_password(bool from_stdin, char password[CTL_PASSWORD_MAX + 1]);

/* "2026-11-21", "2026-11-21 10:00" or "2026-11-21 10:00:00", in local time, to milliseconds since 1970. */
bool ctl_parse_time(const char *text, int64_t *ms);

/* instance.c: init, run, start, stop, status, reload. */
int ctl_init(struct ctl *ctl, int argc, char **argv);
int ctl_run(struct ctl *ctl, int argc, char **argv);
int ctl_start(struct ctl *ctl, int argc, char **argv);
int ctl_stop(struct ctl *ctl, int argc, char **argv);
int ctl_check(struct ctl *ctl, int argc, char **argv);
int ctl_status(struct ctl *ctl, int argc, char **argv);
int ctl_reload(struct ctl *ctl, int argc, char **argv);
/* settings.c: get, set, unset, settings. objects.c: domain, user, group. tls.c, transfer.c: export, import.
 */
int ctl_get(struct ctl *ctl, int argc, char **argv);
int ctl_set(struct ctl *ctl, int argc, char **argv);
int ctl_unset(struct ctl *ctl, int argc, char **argv);
int ctl_text(struct ctl *ctl, int argc, char **argv); /* texts.c */
int ctl_settings(struct ctl *ctl, int argc, char **argv);
int ctl_domain(struct ctl *ctl, int argc, char **argv);
int ctl_user(struct ctl *ctl, int argc, char **argv);
int ctl_group(struct ctl *ctl, int argc, char **argv);
int ctl_mapping(struct ctl *ctl, int argc, char **argv); /* mappings.c */
int ctl_list(struct ctl *ctl, int argc, char **argv);    /* lists.c */
int ctl_list_settings(struct ctl *ctl, int argc, char **argv);
/* connectors.c */
int ctl_connection(struct ctl *ctl, int argc, char **argv);
int ctl_sender(struct ctl *ctl, int argc, char **argv);
int ctl_collector(struct ctl *ctl, int argc, char **argv);
int ctl_connect(struct ctl *ctl, int argc, char **argv);
int ctl_pause(struct ctl *ctl, int argc, char **argv); /* and resume */
int ctl_connection_settings(struct ctl *ctl, int argc, char **argv);
int ctl_sender_settings(struct ctl *ctl, int argc, char **argv);
int ctl_collector_settings(struct ctl *ctl, int argc, char **argv);
int ctl_service(struct ctl *ctl, int argc, char **argv);    /* service.c */
int ctl_attributes(struct ctl *ctl, int argc, char **argv); /* attributes.c */
int ctl_tls(struct ctl *ctl, int argc, char **argv);
int ctl_trace(struct ctl *ctl, int argc, char **argv);     /* trace.c */
int ctl_collected(struct ctl *ctl, int argc, char **argv); /* collected.c */
int ctl_contact(struct ctl *ctl, int argc, char **argv);   /* contacts.c */
int ctl_dmarc(struct ctl *ctl, int argc, char **argv);     /* dmarc.c */
int ctl_tls_report(struct ctl *ctl, int argc, char **argv);
int ctl_dns(struct ctl *ctl, int argc, char **argv);   /* dns.c */
int ctl_oauth(struct ctl *ctl, int argc, char **argv); /* oauth.c */
int ctl_dkim(struct ctl *ctl, int argc, char **argv);  /* dkim.c */
int ctl_export(struct ctl *ctl, int argc, char **argv);
int ctl_import(struct ctl *ctl, int argc, char **argv);
int ctl_permission(struct ctl *ctl, int argc, char **argv); /* permission.c */
/* block.c */
int ctl_token(struct ctl *ctl, int argc, char **argv);
int ctl_logo(struct ctl *ctl, int argc, char **argv);             /* logo.c */
int ctl_message_security(struct ctl *ctl, int argc, char **argv); /* message_security.c */
int ctl_block(struct ctl *ctl, int argc, char **argv);
int ctl_never_block(struct ctl *ctl, int argc, char **argv);
int ctl_notice(struct ctl *ctl, int argc, char **argv);
int ctl_script(struct ctl *ctl, int argc, char **argv);
int ctl_lan(struct ctl *ctl, int argc, char **argv); /* lan.c */
/* access.c */
int ctl_access(struct ctl *ctl, int argc, char **argv);
int ctl_geoip(struct ctl *ctl, int argc, char **argv);
/* smtp_rule.c */
int ctl_smtp_rule(struct ctl *ctl, int argc, char **argv);
int ctl_collect(struct ctl *ctl, int argc, char **argv); /* explain.c */
int ctl_items(struct ctl *ctl, int argc, char **argv);   /* items.c: lists of the server */
/* queue.c; repair.c; resolve.c; sessions.c */
int ctl_sessions(struct ctl *ctl, int argc, char **argv);
int ctl_queue(struct ctl *ctl, int argc, char **argv);
int ctl_repair(struct ctl *ctl, int argc, char **argv);
/* mailbox.c */
int ctl_mailbox(struct ctl *ctl, int argc, char **argv);
int ctl_maintain(struct ctl *ctl, int argc, char **argv); /* maintain.c */
int ctl_resolve(struct ctl *ctl, int argc, char **argv);

#endif
