/*
 * authd/names: from what somebody types as his name to an account, by the settings snapshot.
 *
 * The bare user name, or with login.full-address the name at a local domain; ASCII case is ignored. Never says anything
 * to a client: a name that does not exist is an account without uid, and goes the same way to the same answer.
 */
#ifndef POSTROOM_AUTHD_NAMES_H
#define POSTROOM_AUTHD_NAMES_H

#include "common/settings/settings.h"

enum { NAMES_NAME_MAX = 256 }; /* octets with a NUL; local part (64), "@", domain fit */

struct login_name {
	int64_t uid;  /* -1: no such user */
	bool enabled; /* may log in */
	bool expired; /* his last day is over */
	bool may_use; /* the protocol that names_find was asked for */
	bool administrator;
	bool web_apart;            /* the web has a password of its own */
	bool by_system;            /* PAM may be asked for his password, as... */
	char system[64];           /* ... this account */
	char name[NAMES_NAME_MAX]; /* of a user as in the settings; else what was typed, in lower case and without local
	                              domain, cut to fit */
};

/*
 * protocol    a word of the attribute "protocols"; NULL: none in particular
 * -1: the snapshot cannot be read.
 */
int names_find(struct settings *settings, struct str typed, const char *protocol, struct login_name *name_out,
               struct err *err);
/* The same by number, for who proved before who he is. */
int names_find_uid(struct settings *settings, int64_t uid, const char *protocol, struct login_name *name_out,
                   struct err *err);

#endif
