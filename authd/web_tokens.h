/*
 * authd/web_tokens: what stands for a user without his password for longer than a session: browsers that are
 * remembered, tokens of scripts, and links by which a forgotten password is set anew.
 *
 * Rows of state/auth/auth.db. Of a token only a hash (SHA-256) is kept: it is random, so there is nothing to guess from
 * that. Every change is on disk when the function returns.
 */
#ifndef POSTROOM_AUTHD_WEB_TOKENS_H
#define POSTROOM_AUTHD_WEB_TOKENS_H

#include "authd/web_sessions.h"
#include "common/db/db.h"

enum {
	WEB_TOKEN_MAX = WEB_TEXT_LEN + 4,
	WEB_TOKEN_NAME_MAX = 120, /* octets */
	WEB_TOKENS_OF_USER = 50,  /* of a kind */
};

enum web_token_kind {
	WEB_TOKEN_REMEMBER, /* a browser */
	WEB_TOKEN_API,      /* a script */
	WEB_TOKEN_RESET,    /* a link for a new password */
};

/* What a script may do. */
enum web_scope {
	WEB_SCOPE_OWN,   /* what its user may for himself */
	WEB_SCOPE_ADMIN, /* and what administrators may without giving their password again */
	WEB_SCOPE_FULL,  /* and what they may with it */
	WEB_SCOPES,
};

struct web_token {
	int64_t id;
	int64_t uid;
	char name[WEB_TOKEN_NAME_MAX + 1]; /* what its user calls it; of a browser what that calls itself */
	enum web_scope scope;
	int64_t made, used, expires; /* seconds since 1970; used 0: never; expires 0: never */
};

extern const char *const web_scope_words[WEB_SCOPES];

/* The table, which accounts.c makes. */
extern const char web_tokens_schema[];

/* Does a text look like a token of scripts (and not like a session)? */
bool web_token_is_api(struct str text);

/*
 * Make one for token's uid, name, scope and expires; id and made are set. Where the user has WEB_TOKENS_OF_USER of the
 * kind the oldest goes. text_out: WEB_TOKEN_MAX bytes, which nobody can tell again.
 */
int web_tokens_add(struct db *db, enum web_token_kind kind, struct web_token *token, char *text_out, struct err *err);
/* 1: that is a token of this kind that has not expired; 0: it is none; -1: the database cannot be read. */
int web_tokens_find(struct db *db, enum web_token_kind kind, struct str text, struct web_token *token_out,
                    struct err *err);
/* Note that it is used now, unless that was noted in the last hour: not each request costs a write. */
int web_tokens_touch(struct db *db, const struct web_token *token, struct err *err);
/* It is good for so many seconds more, at most: another one has taken its place. */
int web_tokens_retire(struct db *db, const struct web_token *token, int64_t seconds, struct err *err);
/* 1: gone; 0: the user has none of that kind and number. */
int web_tokens_delete(struct db *db, enum web_token_kind kind, int64_t uid, int64_t id, struct err *err);
/* All browsers of a user that are remembered, but the one of that number. */
int web_tokens_forget_browsers(struct db *db, int64_t uid, int64_t but, struct err *err);
/* All of a user but his tokens of scripts; and those, too. */
int web_tokens_forget(struct db *db, int64_t uid, bool api_too, struct err *err);
/* Call visit for those of a user, the latest first. */
int web_tokens_each(struct db *db, enum web_token_kind kind, int64_t uid,
                    void (*visit)(const struct web_token *token, void *context), void *context, struct err *err);

#endif
