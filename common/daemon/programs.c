#include "common/daemon/programs.h"

#include <stddef.h>
#include <string.h>

#define CALLERS(...) ((const char *const[]){__VA_ARGS__, NULL})

const struct program programs[] = {
    {"configd", "postroom-config", CALLERS("postroom"), NULL, false},
    {"authd", "postroom-auth",
     CALLERS("configd", "smtpd", "pop3-login", "pop3d", "imap-login", "imapd", "sender", "postroom"), NULL, false},
    {"historyd", "postroom-status", CALLERS("statusd", "postroom"), NULL, false},
    {"statusd", "postroom-status", CALLERS("smtpd", "pop3-login", "pop3d", "imap-login", "imapd", "postroom"), NULL,
     false},
    {"policyd", "postroom-policy", CALLERS("statusd", "smtpd", "pop3-login", "imap-login", "postroom"), NULL, false},
    {"dnsd", "postroom-dns", CALLERS("sender", "smtpd", "postroom"), NULL, false},
    {"resolver", "postroom-resolve", CALLERS("smtpd", "queue-manager", "postroom"), NULL, false},
    {"deliver", "postroom-mail", CALLERS("queue-manager"), NULL, false},
    {"sender", "postroom-send", CALLERS("queue-manager"), NULL, false},
    {"queue-manager", "postroom-queue", CALLERS("postroom"), "queue-manager", false},
    {"smtpd", "postroom-smtp", CALLERS("postroom"), "smtpd", true},
    {"pop3d", "postroom-mail", CALLERS("pop3-login", "postroom"), NULL, false},
    {"pop3-login", "postroom-login", CALLERS("postroom"), NULL, true},
    {"imapd", "postroom-mail", CALLERS("imap-login", "deliver", "pop3d", "postroom"), NULL, false},
    {"imap-login", "postroom-login", CALLERS("postroom"), NULL, true},
    {NULL, NULL, NULL, NULL, false},
};

/* One a line. */
/* clang-format off */
const struct service services[] = {
    {"smtp", "smtpd", 25, false},
    {"submission", "smtpd", 587, false},
    {"smtps", "smtpd", 465, true},
    {"local", "smtpd", 0, false},
    {"pop3", "pop3-login", 110, false},
    {"pop3s", "pop3-login", 995, true},
    {"imap", "imap-login", 143, false},
    {"imaps", "imap-login", 993, true},
    {NULL, NULL, 0, false},
};
/* clang-format on */

const struct program *program_find(const char *name)
{
	for (const struct program *program = programs; program->name != NULL; program++)
		if (strcmp(program->name, name) == 0)
			return program;
	return NULL;
}

const struct service *service_find(const char *name)
{
	for (const struct service *service = services; service->name != NULL; service++)
		if (strcmp(service->name, name) == 0)
			return service;
	return NULL;
}
