/*
 * broker/rights: who may ask what of which daemon by way of the web. One table; what is not in it nobody may.
 *
 * A row is a request of doc/ipc.md as the callee knows it from "postroom". Administrators may do what the command line
 * does; what matters most (passwords, administrators, deleting users, the settings as a whole) they may only when they
 * gave their password lately. A user may do a few things for himself: the field that names whose it is gets his own
 * name or number then, whatever the request says.
 *
 * Parses nothing, asks nobody: who somebody is comes from authd (web-session).
 */
#ifndef POSTROOM_BROKER_RIGHTS_H
#define POSTROOM_BROKER_RIGHTS_H

#include "common/ipc/ipc.h"

enum { RIGHTS_CONFIRMED_S = 600 /* so long a password counts that was given */ };

enum right_kind {
	RIGHT_OWN,          /* any user, for himself alone; administrators too */
	RIGHT_OWN_OR_ADMIN, /* any user for himself; administrators for all */
	RIGHT_ADMIN,        /* administrators */
	RIGHT_CONFIRMED,    /* administrators who gave their password in the last ten minutes */
	RIGHT_STEPS,        /* several requests in one: each "step" names one, by whose row it is judged */
};

struct right {
	const char *callee, *request;
	enum right_kind kind;
	const char *own;     /* of the first two: the field that says whose: "uid" or "user" */
	const char *serious; /* what makes it RIGHT_CONFIRMED: a "field" that is there and not 0; "field=value": that field,
	                        or "unset", with this value in any case of letters; or NULL */
};

/* All rows; ends with a callee of NULL. */
extern const struct right rights[];

/* Who asks, as authd says. */
struct rights_caller {
	int64_t uid;
	bool administrator; /* and within the addresses of the admin area */
	int64_t confirmed;  /* seconds since the password was given; -1: never in this session */
	bool shut;          /* Message Security keeps him from what is guarded (guarded.h) */
};

enum rights_verdict {
	RIGHTS_ALL,     /* as it was asked */
	RIGHTS_OWN,     /* for himself: right->own is to be his */
	RIGHTS_ADMIN,   /* no: it takes an administrator */
	RIGHTS_CONFIRM, /* no: it takes the password again */
	RIGHTS_SHUT,    /* no: it takes the password of Message Security */
	RIGHTS_NOBODY,  /* no: nobody may, by way of the web */
};

/* Did he give his password lately? */
bool rights_is_confirmed(const struct rights_caller *caller);
/* The row of a request; NULL: nobody may. */
const struct right *rights_find(struct str callee, struct str request);
/*
 * May he? position: where the fields of the request begin in message (ipc_next). own: it is meant for himself, also
 * where he is an administrator.
 */
enum rights_verdict rights_judge(const struct right *right, const struct rights_caller *caller, bool own,
                                 const struct ipc_message *message, size_t position);

#endif
