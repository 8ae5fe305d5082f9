#include "common/daemon/programs.h"

#include <stddef.h>
#include <string.h>

#define CALLERS(...) ((const char *const[]){__VA_ARGS__, NULL})

const struct program programs[] = {
    {"configd", "postroom-config", CALLERS("listd", "postroom", "brokerd"), NULL, false, NULL},
    {"authd", "postroom-auth",
     CALLERS("configd", "smtpd", "pop3-login", "pop3d", "imap-login", "imapd", "sender", "lfwd", "listd", "statusd",
             "collector", "fetchd", "postroom", "webadmin", "brokerd"),
     NULL, false, NULL},
    {"historyd", "postroom-status",
     CALLERS("statusd", "smtpd", "pop3-login", "pop3d", "imap-login", "imapd", "collector", "scheduler", "sender",
             "queue-manager", "postroom", "brokerd", "webadmin"),
     NULL, false, NULL},
    {"statusd", "postroom-status",
     CALLERS("smtpd", "pop3-login", "pop3d", "imap-login", "imapd", "policyd", "filterd", "noticed", "mingerd",
             "configd", "collector", "scheduler", "sender", "reporter", "postroom", "brokerd", "webadmin"),
     NULL, false, NULL},
    {"policyd", "postroom-policy",
     CALLERS("statusd", "smtpd", "pop3-login", "imap-login", "sender", "reporter", "postroom", "brokerd", "webadmin"),
     NULL, false, NULL},
    {"noticed", "postroom-notice",
     CALLERS("queue-manager", "filterd", "listd", "deliver", "configd", "collector", "fetchd", "scheduler", "postroom",
             "brokerd"),
     "noticed", false, NULL},
    {"dnsd", "postroom-dns",
     CALLERS("sender", "lfwd", "smtpd", "reporter", "collector", "fetchd", "postroom", "brokerd"), NULL, false, NULL},
    {"fetchd", "postroom-fetch", CALLERS("sender", "reporter"), NULL, false, NULL},
    {"resolver", "postroom-resolve", CALLERS("smtpd", "queue-manager", "mingerd", "collector", "postroom", "brokerd"),
     NULL, false, NULL},
    {"mingerd", "postroom-minger", CALLERS(NULL), NULL, false, NULL},
    {"deliver", "postroom-mail", CALLERS("queue-manager", "smtpd", "configd", "postroom", "brokerd"), "deliver", false,
     NULL},
    {"listd", "postroom-list", CALLERS("queue-manager", "postroom", "brokerd"), "listd", false, NULL},
    {"signer", "postroom-sign", CALLERS("queue-manager"), NULL, false, NULL},
    {"sender", "postroom-send", CALLERS("queue-manager"), NULL, false, NULL},
    {"lfwd", "postroom-lan", CALLERS("queue-manager", "resolver"), NULL, false, NULL},
    {"filterd", "postroom-filter", CALLERS("queue-manager", "pop3d", "imapd", "sender", "collector"), "filterd", false,
     NULL},
    {"collector", "postroom-collect", CALLERS("listd", "scheduler", "postroom", "brokerd"), "collector", false, NULL},
    {"reporter", "postroom-report", CALLERS("postroom", "brokerd"), "reporter", false, NULL},
    {"queue-manager", "postroom-queue", CALLERS("smtpd", "scheduler", "postroom", "brokerd"), "queue-manager", false,
     NULL},
    {"scheduler", "postroom-schedule", CALLERS("queue-manager", "postroom", "brokerd"), NULL, false, NULL},
    {"smtpd", "postroom-smtp", CALLERS("configd", "collector", "postroom", "brokerd", "webadmin"), "smtpd", true,
     "local"},
    {"pop3d", "postroom-mail", CALLERS("pop3-login", "postroom", "brokerd"), NULL, false, NULL},
    {"pop3-login", "postroom-login", CALLERS("configd", "postroom", "brokerd"), NULL, true, NULL},
    {"imapd", "postroom-mail", CALLERS("imap-login", "deliver", "pop3d", "postroom", "brokerd", "webadmin"), NULL,
     false, NULL},
    {"imap-login", "postroom-login", CALLERS("configd", "postroom", "brokerd"), NULL, true, NULL},
    {"brokerd", "postroom-broker", CALLERS("webadmin"), NULL, false, NULL},
    {"webadmin", "postroom-web", CALLERS("configd", "postroom", "brokerd"), NULL, true, NULL},
    {NULL, NULL, NULL, NULL, false, NULL},
};

const struct program *program_find(const char *name)
{
	for (const struct program *program = programs; program->name != NULL; program++)
		if (strcmp(program->name, name) == 0)
			return program;
	return NULL;
}

const char *program_speaks_for(const char *name)
{
	return strcmp(name, "brokerd") == 0 ? "postroom" : name;
}
