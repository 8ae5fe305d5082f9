/*
 * security: one attempt to log in, or to use a service, in one line for security.log (07 Logging).
 *
 * Said with the true reason, which no client hears. Values are separated by TAB; texts of strangers stand in it as
 * buf_add_visible writes them, so that no line of a log can be forged. Parsing believes nothing.
 */
#ifndef POSTROOM_STATUS_SECURITY_H
#define POSTROOM_STATUS_SECURITY_H

#include "common/base/buf.h"

enum {
	SECURITY_USER_MAX = 256,   /* octets of a name that was tried; what is longer is cut */
	SECURITY_REASON_MAX = 200, /* of a reason */
	SECURITY_LINE_MAX = 4000,  /* of a line, with texts made visible */
};

struct security_record {
	int64_t time; /* milliseconds since 1970 */
	struct str service, peer;
	struct str user;      /* as it was tried; empty: none */
	struct str mechanism; /* how; empty: not by a password */
	bool tls;
	struct str reason; /* "wrong password"; empty: the login was right */
};

/* Add the line, without a line end. */
void security_format(const struct security_record *record, struct buf *line);
/* false: not such a line. The texts are views into it. */
bool security_parse(struct str line, struct security_record *record_out);

#endif
