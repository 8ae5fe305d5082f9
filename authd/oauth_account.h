/*
 * authd/oauth_account: what is kept of an account, and what its server is asked; for oauth.c alone.
 */
#ifndef POSTROOM_AUTHD_OAUTH_ACCOUNT_H
#define POSTROOM_AUTHD_OAUTH_ACCOUNT_H

#include "authd/secrets.h"
#include "common/ipc/ipc.h"

#include <jansson.h>

enum oauth_question {
	OAUTH_DEVICE,  /* RFC 8628 3.1: begin */
	OAUTH_CONSENT, /* 3.4: has somebody consented? */
	OAUTH_RENEW,   /* RFC 6749 section 6 */
};

/*
 * An account as a JSON object: user, device_url, token_url, client_id, client_secret, scope, state (pending, granted,
 * withdrawn), device_code, refresh_token, access_token, expires (seconds since 1970). NULL: ERR_NOT_FOUND, ERR_CORRUPT.
 * The caller frees it by json_decref.
 */
json_t *oauth_account_load(struct secrets *secrets, struct str name, struct err *err);
int oauth_account_save(struct secrets *secrets, struct str name, const json_t *account, struct err *err);

/* May an account be called so: letters, digits, "-", "_", "."? */
bool oauth_account_is_name(struct str name);

/* A text of the account, "" where there is none. */
const char *oauth_account_text(const json_t *account, const char *key);

/* Out of a request of the administrator. NULL: ERR_SYNTAX. */
json_t *oauth_account_make(const struct ipc_message *request, struct err *err);

/* Where to ask, and the form to post. */
const char *oauth_account_url(const json_t *account, enum oauth_question question);
void oauth_account_form(const json_t *account, enum oauth_question question, struct buf *form);

/* Take over the tokens of an answer. -1: ERR_PROTOCOL: they are none. */
int oauth_account_take(json_t *account, const struct ipc_message *answer, int64_t now, struct err *err);

#endif
