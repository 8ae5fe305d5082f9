/*
 * authd/system: passwords of accounts of this machine, as PAM tells.
 *
 * A process of its own, the asker, is forked before authd opens anything. It reads nothing but fixed-size questions of
 * authd's loop, and forks a process for each, which may read what PAM and its modules need (/etc, /usr, /run), connect,
 * and execute; it keeps no way to authd's files. It asks the service "postroom": of etc/pam.d of the instance where
 * that is there (pam_start_confdir), else of the system. What takes longer than SYSTEM_SECONDS is killed, and nothing
 * is known then.
 *
 * It is the user of authd, who cannot read /etc/shadow, and gains no rights by programs that are set-uid: pam_unix
 * works where the administrator put him into the group shadow; sssd, LDAP, winbind and the like work as they are.
 */
#ifndef POSTROOM_AUTHD_SYSTEM_H
#define POSTROOM_AUTHD_SYSTEM_H

#include "authd/hash.h"
#include "common/daemon/daemon.h"

#include <event2/event.h>

enum {
	SYSTEM_USER_MAX = 64,   /* octets of a name, with the NUL */
	SYSTEM_SECONDS = 20,    /* that one question may take */
	SYSTEM_WAITING_MAX = 20 /* questions at a time */
};

struct system_asker;

/* Called from the event loop, once for each question: HASH_RIGHT, HASH_WRONG, or HASH_FAILED where nobody can say. */
typedef void system_done(enum hash_result result, void *context);

/* Fork the asker. Call before anything secret is read. -1: ERR_SYSTEM. */
int system_asker_start(struct system_asker **asker_out, const struct daemon *daemon, struct err *err);
/* Listen to it. -1: ERR_SYSTEM. */
int system_asker_attach(struct system_asker *asker, struct event_base *base, struct err *err);
void system_asker_free(struct system_asker *asker);

/* Ask; the password is copied. -1: ERR_TEMPORARY where too many ask, or the asker is gone; done is not called then. */
int system_ask(struct system_asker *asker, const char *user, struct str password, system_done *done, void *context,
               struct err *err);

/* system_pam.c, for the asker: what it is asked and answers, and its loop. */
struct system_question {
	uint32_t sequence;
	uint32_t password_len;
	char user[SYSTEM_USER_MAX];
	char password[HASH_PASSWORD_MAX];
};

struct system_answer {
	uint32_t sequence;
	enum hash_result result;
};

void __attribute__((noreturn)) system_asker_run(const struct instance *instance, int fd);

#endif
