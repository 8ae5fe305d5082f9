/*
 * mailauth/dkim/key_file: private keys as files, "domainkey_<domain>_<selector>.key", in PEM.
 *
 * The name says whose key it is; nothing of the content does. Names are made of checked parts alone, so that a domain
 * out of a message never becomes a path.
 */
#ifndef POSTROOM_MAILAUTH_DKIM_KEY_FILE_H
#define POSTROOM_MAILAUTH_DKIM_KEY_FILE_H

#include "common/mailauth/dkim/sign.h"

#define DKIM_KEY_FOLDER "dkim" /* of the instance, below etc */

enum {
	DKIM_KEY_NAME_MAX = 400,       /* octets of a name, with the NUL */
	DKIM_KEY_FILE_MAX = 16 * 1024, /* octets of a file */
	DKIM_SELECTOR_MAX = 63,
};

/* Is this a selector: labels of lower case letters, digits and hyphens, with dots between them (RFC 6376 3.1)? */
bool dkim_is_selector(struct str selector);

/* The name of a key's file. -1: ERR_SYNTAX: domain is no normal domain (A-labels, lower case), or no selector. */
int dkim_key_file_name(struct str domain, struct str selector, char out[DKIM_KEY_NAME_MAX], struct err *err);

/* Whose key is in a file of that name? Views into name. False: it is no name of a key's file. */
bool dkim_key_file_parse(struct str name, struct str *domain_out, struct str *selector_out);

/*
 * Read the key in an open file. A file that others than its owner and group may read or write is refused: whoever read
 * it can sign in the domain's name. -1: ERR_DENIED, ERR_SYSTEM, ERR_SYNTAX, ERR_LIMIT.
 */
int dkim_key_file_read(int fd, struct dkim_private_key *key_out, struct err *err);

#endif
