/*
 * authd: the one process that knows passwords.
 *
 * main.c starts it; requests.c takes what others ask (doc/ipc.md); login.c decides whether a login is right;
 * conversations.c holds a SASL exchange for each connection; sharing.c knows who shares mail with whom; passwords.c
 * serves configd; locks.c tells the administrator who is locked out. One event loop, which never hashes a password
 * (pool.h) and never waits. It answers a login with one refusal for every reason, after the same work.
 */
#ifndef POSTROOM_AUTHD_AUTHD_H
#define POSTROOM_AUTHD_AUTHD_H

#include "authd/accounts.h"
#include "authd/audit.h"
#include "authd/cache.h"
#include "authd/challenges.h"
#include "authd/exchange.h"
#include "authd/lockout.h"
#include "authd/names.h"
#include "authd/oauth.h"
#include "authd/pool.h"
#include "authd/recent.h"
#include "authd/secrets.h"
#include "authd/shares.h"
#include "authd/system.h"
#include "authd/tickets.h"
#include "authd/web_sessions.h"
#include "authd/web_tokens.h"
#include "common/ipc/loop.h"
#include "common/policy/access.h"
#include "common/spool/token.h"

enum { AUTHD_CONVERSATIONS_MAX = 20000 };

/* Message Security (guard.c). */
struct guard {
	char hash[HASH_TEXT_MAX]; /* of its password; "": it is off */
	int64_t changed_ms;       /* io_now_ms: what was opened before is shut */
};

struct authd {
	struct daemon daemon;
	struct event_base *base;
	struct settings settings;
	struct accounts accounts;
	struct secrets secrets;
	struct pool *pool;
	struct system_asker *system;
	struct cache cache;
	struct lockout lockout;
	struct tickets tickets;
	struct recent recent; /* logins by POP3, for who sends after them */
	struct shares shares;
	struct exchanges exchanges;
	bool challenges_are_gone; /* no password is kept for challenge logins (challenges.h) */
	struct audit audit;
	struct oauth oauth;
	struct web_sessions web_sessions;
	struct guard guard;
	struct access access; /* from where the web may be administered */
	struct token_key relay_key;
	uint64_t password_changes; /* since the start: what was checked before one is not remembered after it */
	unsigned conversations;
};

/* requests.c: the handlers of ipc_serve. context is the struct authd. */
void request_take(struct ipc_incoming *incoming, void *context);
void request_gone(struct ipc_peer *peer, void *context);

/* Wipe a request that held a password, once its fields are copied: they are gone then. */
void request_forget(struct ipc_incoming *incoming);
/* The database or the pool cannot say: log why, answer ERR_TEMPORARY. */
void request_put_off(struct ipc_incoming *incoming, const struct err *err);

/* What a login by the web is for. */
struct login_web {
	char session[WEB_TEXT_LEN + 1]; /* the one that it confirms; "": a new one */
	char agent[WEB_AGENT_MAX];      /* what the browser calls itself */
	bool remember;
};

/* Where a login comes from, as the caller says it; the service must be one of the caller's own. */
struct login_origin {
	const char *caller;
	char service[16];
	char peer[64];
	bool tls;
	struct login_web web; /* of webadmin */
};

/* login.c. -1: ERR_PROTOCOL. */
int login_read_origin(const struct ipc_incoming *incoming, struct login_origin *origin, struct err *err);

/* Check a password, answer incoming now or later. The views are copied. */
void login_by_password(struct authd *authd, struct ipc_incoming *incoming, const struct login_origin *origin,
                       const char *mechanism, struct str name, struct str password);
/* The exchange ended with a proof that is right (last: the server's last words) or wrong: answer incoming. */
void login_by_proof(struct authd *authd, struct ipc_incoming *incoming, const struct login_origin *origin,
                    const struct exchange *exchange, bool right, struct str last);
/*
 * login_right.c: what the caller gets for a right login, into the answer: smtpd the right to relay, a login process its
 * ticket to the mailbox, webadmin a session; listd no more than to know who it is. -1: the login is put off.
 */
int login_add_right(struct authd *authd, struct ipc_message *reply, const struct login_origin *origin,
                    const struct login_name *login, struct err *err);
/* What exchanges ask (exchange.h). context is the struct authd. */
int login_find_keys(struct str name, struct scram_keys *keys_out, void *context);
int login_find_secret(struct str name, struct buf *secret, void *context);

/* conversations.c: the ops sasl-start, apop-start, sasl-step, sasl-cancel; and the end of a connection. */
void conversation_start(struct authd *authd, struct ipc_incoming *incoming);
void conversation_start_apop(struct authd *authd, struct ipc_incoming *incoming);
void conversation_step(struct authd *authd, struct ipc_incoming *incoming);
void conversation_cancel(struct authd *authd, struct ipc_incoming *incoming);
void conversation_end(struct authd *authd, struct ipc_peer *peer);

/* sharing.c: what sessions of imapd ask, by the user whose ticket they redeemed on the same connection. */
void sharing_bind(struct ipc_peer *peer, const struct ticket_right *right);
void sharing_end(struct ipc_peer *peer);
void sharing_set(struct authd *authd, struct ipc_incoming *incoming);
void sharing_list(struct authd *authd, struct ipc_incoming *incoming);
void sharing_ticket(struct authd *authd, struct ipc_incoming *incoming);
/* Has the channel redeemed a ticket? False: it is answered. */
bool sharing_is_bound(struct ipc_incoming *incoming);
/* sharing_names.c: users and groups by name and by number. */
void sharing_names(struct authd *authd, struct ipc_incoming *incoming);
/* The groups that a user is in, by number. -1: the snapshot cannot be read. */
int sharing_groups(struct settings *settings, int64_t uid, int64_t groups[SHARES_GROUPS_MAX], size_t *count,
                   struct err *err);

/* passwords.c: what configd and sender ask. */
void password_set(struct authd *authd, struct ipc_incoming *incoming);
/* Make a password that was right elsewhere the user's own, some time. */
void password_keep(struct authd *authd, int64_t uid, const char *user, struct str password);
/* The field password of a request, of a length that can be; _new: and long enough for one to be set. False: it is
 * answered. */
bool password_read(struct ipc_incoming *incoming, struct str *password_out);
bool password_read_new(struct authd *authd, struct ipc_incoming *incoming, struct str *password_out);
/* Set the password of a request's field, with which its user logs in by the web, and answer. */
void password_replace(struct authd *authd, struct ipc_incoming *incoming, const struct login_name *login);
void password_user_rename(struct authd *authd, struct ipc_incoming *incoming);
void password_user_delete(struct authd *authd, struct ipc_incoming *incoming);
void password_dump(struct authd *authd, struct ipc_incoming *incoming);
void password_restore(struct authd *authd, struct ipc_incoming *incoming);

/*
 * web_login.c: web-login, web-resume, web-confirm; and what a right login of webadmin gives: fields of the answer. -1:
 * the login is put off.
 */
void web_login(struct authd *authd, struct ipc_incoming *incoming);
void web_resume(struct authd *authd, struct ipc_incoming *incoming);
void web_confirm(struct authd *authd, struct ipc_incoming *incoming);
int web_grant(struct authd *authd, struct ipc_message *reply, const struct login_origin *origin,
              const struct login_name *login, struct err *err);

/* web_subject.c: who asks by the web. */
struct web_subject {
	struct login_name login;
	struct web_session *session; /* NULL: it is a token of scripts */
	bool administrator;          /* and this session or token may act as one */
	int64_t confirmed;           /* seconds since the password was given; -1: never */
	char peer[WEB_PEER_MAX];
};
enum { WEB_CONFIRMED_S = 600 /* so long a password counts that was given */ };
/* The one of a request's fields session and peer. -1: ERR_DENIED (one text for every reason), else it cannot be told.
 */
int web_subject_find(struct authd *authd, const struct ipc_incoming *incoming, struct web_subject *subject,
                     struct err *err);
/* The same, of a session of a browser alone; where confirmed, one in which the password was given lately. False: it is
 * answered, with `code` = login or confirm. */
bool web_subject_need(struct authd *authd, struct ipc_incoming *incoming, bool confirmed, struct web_subject *subject);
/* Is that address within the admin area, for this user? */
bool web_in_admin_area(struct authd *authd, const char *peer, int64_t uid);

/* web.c: web-session, web-logout, web-ticket, web-token, web-list, web-revoke. */
void web_session(struct authd *authd, struct ipc_incoming *incoming);
void web_logout(struct authd *authd, struct ipc_incoming *incoming);
void web_ticket(struct authd *authd, struct ipc_incoming *incoming);
void web_token(struct authd *authd, struct ipc_incoming *incoming);
void web_list(struct authd *authd, struct ipc_incoming *incoming);
void web_revoke(struct authd *authd, struct ipc_incoming *incoming);
/* The password of a user changed, or he is gone: whoever is logged in as he is so no more. */
void web_forget(struct authd *authd, int64_t uid);

/* web_reset.c: web-forgotten, web-reset; reset-work, which configd asks. */
void web_forgotten(struct authd *authd, struct ipc_incoming *incoming);
void web_reset(struct authd *authd, struct ipc_incoming *incoming);
void web_reset_take_work(struct authd *authd, struct ipc_incoming *incoming);

/* web_keys.c: api-token-add, api-token-list, api-token-delete. */
void web_key_add(struct authd *authd, struct ipc_incoming *incoming);
void web_key_list(struct authd *authd, struct ipc_incoming *incoming);
void web_key_delete(struct authd *authd, struct ipc_incoming *incoming);

/* guard.c: message-security, message-security-open, message-security-set, message-security-off. */
void guard_status(struct authd *authd, struct ipc_incoming *incoming);
void guard_open(struct authd *authd, struct ipc_incoming *incoming);
void guard_set(struct authd *authd, struct ipc_incoming *incoming);
void guard_off(struct authd *authd, struct ipc_incoming *incoming);
/* At the start. */
int guard_load(struct authd *authd, struct err *err);
/* Does Message Security keep this session (NULL: a token of scripts) from others' mail now? */
bool guard_is_shut(const struct authd *authd, const struct web_session *session);

/* locks.c: what the administrator asks of the lockout. */
void locks_list(struct authd *authd, struct ipc_incoming *incoming);
void locks_end(struct authd *authd, struct ipc_incoming *incoming);

#endif
