/*
 * mail/compose: a message out of what the browser says about it; for this folder alone.
 *
 *     {"from", "to", "cc", "bcc", "subject", "text", "html", "priority", "receipt", "answers", "attachments",
 *      "at"}
 *
 * Addresses are texts as people write them: "Ann Example <ann@example.com>, bob"; a name without a domain is at the
 * default one. "at": seconds since 1970, when it is to go (later.h); a draft has none. "html" may be missing; "text" is
 * made from it where it is. "answers": {"kind": "reply" or "forward", "folder", "uidvalidity", "uid"}. "attachments":
 * parts of messages that are in the mailbox, [{"folder", "uidvalidity", "uid", "part"}], without "part" the message
 * itself.
 */
#ifndef POSTROOM_WEBADMIN_MAIL_COMPOSE_H
#define POSTROOM_WEBADMIN_MAIL_COMPOSE_H

#include "common/mime/mime.h"
#include "webadmin/mail/session.h"

enum {
	COMPOSE_ATTACHMENTS_MAX = 100,
	COMPOSE_RECIPIENTS_MAX = 1000,
	COMPOSE_FIELD_MAX = 64 << 10, /* octets of one field with addresses */
};

enum letter_kind {
	LETTER_NEW,
	LETTER_REPLY,
	LETTER_FORWARD,
};

struct letter {
	struct arena *arena;
	int fd; /* an unnamed file: the message without Bcc. -1: none */
	int64_t size;
	struct str on_top; /* fields that only the user's own copies have: Bcc */
	struct str first;  /* address of the field that was added last */
	struct str from;   /* address */
	struct str *recipients;
	size_t recipient_count;
	enum letter_kind kind;
	struct mail_place answers; /* where kind is not LETTER_NEW */
	int64_t at;                /* when it is to go, seconds since 1970; 0: now */
};

/* Make it. A draft need not have recipients, and addresses in it may be unfinished. False: the reply says what is
 * wrong; nothing is left to be freed then. */
bool letter_compose(struct web *web, struct mail *mail, const struct web_request *request, const json_t *body,
                    bool is_draft, struct letter *letter, struct web_reply *reply);
void letter_end(struct letter *letter);

/* address.c: the header of a letter. */

/* Who the user is where he does not say it (07-1.4). */
struct str letter_default_from(const struct web *web, const struct web_visitor *visitor, struct arena *arena);

/* A field with addresses: its name in the message and in JSON. */
struct letter_field {
	const char *name, *key;
	bool is_strict;      /* else it is a draft's, and may be unfinished */
	bool are_recipients; /* the message goes to them */
};

/* Add the field to out, folded; nothing for an empty text. letter->first is its first address then. False: refused. */
bool letter_add_addresses(const struct web *web, struct letter *letter, const struct letter_field *field,
                          struct str text, struct buf *out, struct web_reply *reply);

/* attach.c: parts of a message. */

/* Write a whole part, with its header and a boundary before it, into fd: that of a message in source. */
int attach_part(int fd, const char *boundary, const struct mime_source *source, const struct mime_part *part,
                struct arena *arena, struct err *err);
/* The same for a whole message; name: the file's name. */
int attach_message(int fd, const char *boundary, const struct mime_source *source, struct str name, struct err *err);
/* The same for a file that was uploaded; type: "image/png". */
int attach_file(int fd, const char *boundary, int file, int64_t size, struct str name, struct str type,
                struct err *err);

#endif
