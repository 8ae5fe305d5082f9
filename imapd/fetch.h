/*
 * imapd/fetch: FETCH and UID FETCH (RFC 9051 6.4.5), for the files fetch*.c alone.
 *
 * fetch_parse.c reads what is wanted; fetch.c goes through the messages, some at a time, with one question to the store
 * for each kind of thing that is needed of them; fetch_message.c writes one message's answer; fetch_section.c its
 * sections. A message is opened only where what is asked for is neither in the index nor in its cached blob (cached.h);
 * all that can fail is had before the first octet of its answer.
 */
#ifndef POSTROOM_IMAPD_FETCH_H
#define POSTROOM_IMAPD_FETCH_H

#include "common/mime/text.h"
#include "imapd/cached.h"
#include "imapd/imapd.h"

enum {
	FETCH_ITEMS_MAX = 500,
	FETCH_FIELDS_MAX = 500,  /* names in one HEADER.FIELDS */
	FETCH_NUMBERS_MAX = 100, /* of a section: more than any message has levels */
};

enum fetch_what {
	FETCH_FLAGS,
	FETCH_UID,
	FETCH_INTERNALDATE,
	FETCH_SIZE,
	FETCH_ENVELOPE,
	FETCH_BODY,
	FETCH_BODYSTRUCTURE,
	FETCH_SECTION,
	FETCH_BINARY,
	FETCH_BINARY_SIZE,
	FETCH_MODSEQ,
	FETCH_PREVIEW,
	FETCH_SAVEDATE,
	FETCH_EMAILID,
	FETCH_THREADID,
};

enum section_text {
	SECTION_ALL,
	SECTION_HEADER,
	SECTION_FIELDS,
	SECTION_FIELDS_NOT,
	SECTION_TEXT,
	SECTION_MIME,
};

struct section {
	uint32_t *numbers; /* which part; none: the message */
	size_t count;
	enum section_text text;
	struct str *fields; /* names, of SECTION_FIELDS and SECTION_FIELDS_NOT */
	size_t field_count;
	bool is_partial;
	uint64_t offset, length;
};

struct fetch_item {
	enum fetch_what what;
	struct str label; /* as it stands in the answer: "BODY[1.HEADER]<0>" */
	struct section section;
	bool is_lazy; /* PREVIEW (LAZY) */
};

struct fetch {
	struct session *session;
	int64_t folder;
	struct fetch_item *items;
	size_t count, capacity;
	bool sets_seen;        /* an item that is no PEEK */
	int64_t changed_since; /* -1: none */
	bool vanished;
	bool is_partial; /* RFC 9394: only messages first to last of the set, counted from its end where negative */
	int64_t partial_first, partial_last;
	int64_t octets;   /* of messages that were opened */
	bool in_turn;     /* counted among the FETCHes that may run at a time */
	bool lost;        /* the file of a message is gone */
	bool undecodable; /* a part has an encoding that is not known */
};

/* One message while its answer is written. */
struct fetch_message {
	uint32_t uid;
	size_t at; /* in the view */
	bool has_details, has_cached;
	bool learned; /* cached knows more than before */
	struct mailbox_details details;
	struct cached cached;
	int fd; /* -1: not open */
	struct mime_source source;
	const char *data;       /* all of it, where it is short */
	struct mime_part *root; /* NULL: not parsed */
	struct arena arena;
};

/* Parse what follows the sequence set: items and modifiers. Noted in the parser where it fails. */
bool fetch_parse(struct fetch *fetch);

/* Parse a section up to its "]", which is taken; what it is called in the answer is added to label. with_text: HEADER
 * and the like are allowed. Noted in the parser where it fails. */
bool section_parse(struct imap_parser *parser, struct section *section, bool with_text, struct buf *label);

/* Add an item. False: there are too many; noted in the parser. */
bool fetch_add_item(struct fetch *fetch, enum fetch_what what, const char *label);

/* Does any item need this of the store? */
bool fetch_wants_details(const struct fetch *fetch);
bool fetch_wants_cached(const struct fetch *fetch);

/*
 * Only what takes long counts among the FETCHes that may run at a time (05-services, IMAP limits): asking statusd about
 * each would cost more than most. Waits for a turn, which ends
 * with the command. -1: ERR_LIMIT with the specified text.
 */
int fetch_take_turn(struct fetch *fetch, struct err *err);

/* Answer for one message. -1: it could not be read (ERR_NOT_FOUND: it is gone); nothing was written then. */
int fetch_write_message(struct fetch *fetch, struct fetch_message *message, struct err *err);
/* Have what an item needs, so that nothing can fail once the answer has begun. */
int fetch_prepare(struct fetch *fetch, struct fetch_message *message, const struct fetch_item *item, struct err *err);
/* Open the file, and parse it. */
int fetch_open(struct fetch *fetch, struct fetch_message *message, struct err *err);
int fetch_parse_message(struct fetch *fetch, struct fetch_message *message, struct err *err);

/* Can a section be written from the cached fields alone? */
bool section_is_cached(const struct section *section);
/* Write "label value" of a section, BINARY or BINARY.SIZE. The message is open. -1 as conn_send_file; the connection
 * has failed then. */
int section_write(struct fetch *fetch, struct fetch_message *message, const struct fetch_item *item, struct err *err);
/* Send a section of a message that is prepared for it to a sink. -1: ERR_NOT_FOUND (it has no such section), or as
 * mime_send. */
int section_send(struct fetch_message *message, const struct section *section, struct mime_sink *sink, struct err *err);

#endif
