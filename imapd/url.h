/*
 * imapd/url: IMAP URLs (RFC 5092) of messages and their sections, as CATENATE and URLAUTH use them.
 *
 * A session reaches its own user's mailbox and no other: a URL that names somebody else's leads nowhere here. The name
 * of the server in it is not looked at: a server is known by many.
 */
#ifndef POSTROOM_IMAPD_URL_H
#define POSTROOM_IMAPD_URL_H

#include "imapd/fetch.h"

struct imap_url {
	bool is_absolute;     /* "imap://..." */
	struct str user;      /* "" where it names none */
	struct str mailbox;   /* UTF-8; "" where a relative one means the selected folder */
	uint32_t uidvalidity; /* 0: not given */
	uint32_t uid;
	struct section section;
	/* RFC 4467, of an authorised one; "" otherwise */
	struct str rump; /* up to the access identifier with it */
	int64_t expires; /* seconds since 1970; 0: never */
	struct str access, mechanism, token;
};

/* Parse a URL; what is returned lives in the session's arena for commands. false: it is none, or not of a message. */
bool url_parse(struct session *session, struct str text, struct imap_url *url);

/* What a URL leads to. */
struct url_target {
	struct fetch fetch;
	struct fetch_item item;
	struct fetch_message message;
};
/*
 * Find and open it. -1: ERR_NOT_FOUND (no such folder or message, another UIDVALIDITY, another user's), or as the store
 * fails; nothing to close then.
 */
int url_open(struct session *session, const struct imap_url *url, struct url_target *target, struct err *err);
void url_close(struct url_target *target);
/* Send what it leads to. -1 as section_send. */
int url_send(struct url_target *target, struct mime_sink *sink, struct err *err);

#endif
