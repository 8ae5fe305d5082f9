/*
 * imapd/upload: messages on their way from the client to the store, of one command.
 *
 * A small one stays in memory; what is larger, or too much together, goes to one unnamed file in the mailbox's folder,
 * which vanishes with the session. The octets are kept as the client gave them.
 */
#ifndef POSTROOM_IMAPD_UPLOAD_H
#define POSTROOM_IMAPD_UPLOAD_H

#include "imapd/imapd.h"

enum {
	UPLOAD_MESSAGES_MAX = 1000,   /* of one MULTIAPPEND */
	UPLOAD_COPIES_MAX = 10000000, /* of one COPY to another mailbox */
};

struct upload_message {
	unsigned flags;
	struct str keywords;
	int64_t internal_date;
	int64_t size; /* octets so far */
	struct buf small;
	bool in_file;
	int64_t offset; /* in the file */
};

struct upload {
	struct session *session;
	struct upload_message *messages; /* the last one is being added to */
	size_t count, capacity;
	size_t in_memory; /* octets */
	int fd;           /* -1: there is no file yet */
	int64_t file_end;
	uint64_t size_max; /* of one message */
	size_t count_max;
};

void upload_init(struct upload *upload, struct session *session);
void upload_free(struct upload *upload);

/* Begin the next message. NULL: there are too many (noted). */
struct upload_message *upload_begin(struct upload *upload);
/* Add to the last message. Notes the NO and returns false: past size_max, no room on disk. */
bool upload_add(struct upload *upload, struct str bytes);
/* Add the literal that comes next in the command, with the rest of its line read. Notes what went wrong. */
bool upload_literal(struct upload *upload, bool needs_literal8);

/* Add what stands behind the word CATENATE (catenate.c). Notes what went wrong. */
bool catenate_take(struct upload *upload);

/* Add a message of this mailbox as it is. -1: ERR_NOT_FOUND (it is gone), ...; nothing was added. */
int upload_add_stored(struct upload *upload, int64_t folder, uint32_t uid, struct str keywords, struct err *err);
/* Move what is in memory to the file. Notes the NO and returns false. */
bool upload_to_file(struct upload *upload);

/* Put the one message of upload into the folder `name` in place of the one that set names (append.c). Notes how it
 * ended.
 */
void session_replace(struct session *session, struct str set, struct str name, struct upload *upload);

#endif
