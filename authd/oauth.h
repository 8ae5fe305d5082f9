/*
 * authd/oauth: accounts at servers that want an access token in place of a password (OAuth 2.0: RFC 6749, 8628).
 *
 * An account is a secret "oauth/NAME" (authd/secrets.h) with all that is known of it: who, at which server, the tokens.
 * The administrator begins one, somebody consents in a browser, then whoever has a sender or collector that names the
 * account gets an access token, which is renewed when it is about to end. Withdrawn consent is remembered and told, and
 * the server is asked no more.
 *
 * authd connects to nobody: what a token server is to be asked waits here as work until fetchd asks for it, and fetchd
 * says what came of it. What it says is a stranger's: every text is limited and checked.
 */
#ifndef POSTROOM_AUTHD_OAUTH_H
#define POSTROOM_AUTHD_OAUTH_H

#include "common/ipc/loop.h"

#include <sys/queue.h>

enum {
	OAUTH_NAME_MAX = 64,
	OAUTH_WAITING_MAX = 1000, /* questions that wait for one token */
	OAUTH_WORK_MAX = 1000,
	OAUTH_WORK_MS = 90000, /* then who waits is told to come again */
	OAUTH_SPARE_S = 60,    /* a token is renewed so long before its end */
};

struct authd;
struct oauth_work;

struct oauth {
	TAILQ_HEAD(oauth_works, oauth_work) works;
	size_t count;
	int64_t last;                 /* number given to a work */
	struct ipc_incoming *fetcher; /* fetchd's question for work; NULL: it has not asked yet */
};

void oauth_init(struct oauth *oauth);

/* Of postroom: begin (device authorization), ask whether somebody has consented, list, delete, renew now. */
void oauth_begin(struct authd *authd, struct ipc_incoming *incoming);
void oauth_poll(struct authd *authd, struct ipc_incoming *incoming);
void oauth_list(struct authd *authd, struct ipc_incoming *incoming);
void oauth_delete(struct authd *authd, struct ipc_incoming *incoming);
void oauth_test(struct authd *authd, struct ipc_incoming *incoming);

/* Of sender and collector: the token of the account that "sender/1" names. */
void oauth_token(struct authd *authd, struct ipc_incoming *incoming);

/* Of fetchd: is there work; what came of it; it is gone. */
void oauth_take_work(struct authd *authd, struct ipc_incoming *incoming);
void oauth_take_done(struct authd *authd, struct ipc_incoming *incoming);
void oauth_fetcher_gone(struct authd *authd);

#endif
