/*
 * decision: what is to become of a message, for one user of it: the words in which the process that looks at messages
 * tells the one that acts, and that one the writer (doc/ipc.md).
 *
 * Security stance: read from a process that parsed a stranger's message; numbers, counts and sizes are checked here,
 * who may be written to is checked by the reader (check.h).
 */
#ifndef POSTROOM_DELIVER_DECISION_H
#define POSTROOM_DELIVER_DECISION_H

#include "common/base/arena.h"
#include "common/ipc/ipc.h"

enum {
	DECISION_FOLDERS_MAX = 64,
	DECISION_MADE_MAX = 64, /* messages made for one user */
	DECISION_TO_MAX = 1000, /* recipients of one of them */
	DECISION_FINGERPRINT_MAX = 64,
	DECISION_HEADER_MAX = 2 << 20 /* octets */
};

/* Why a message is made, which says to whom it may go. */
enum made_kind {
	MADE_FORWARD,   /* the user's own forwarding, big and small redirects */
	MADE_ASSISTANT, /* his assistants */
	MADE_RULE,      /* a forward action of his rules */
	MADE_COPY,      /* an autoresponder's copy of the original */
	MADE_ANSWER,    /* an autoresponder's answer */
	MADE_STORED,    /* what is in the Inbox, for a server that shall have it; the carrier knows where that is */
	MADE_KINDS,
};

/* A message to be made: head, then the original or a part of it, then tail. */
struct made {
	enum made_kind kind;
	struct str step; /* names it among those made of one message for one user: letters, digits, '-' */
	struct str from; /* reverse-path; empty: <> */
	struct str *to;
	size_t to_count;
	struct str head, tail;
	int64_t original_at, original_len; /* from the first octet of the message on; length 0: none of it */
	bool is_8bit;                      /* head, tail or the part need 8BITMIME */
	/* Of an answer: files that follow what is above, as parts between boundaries (media.h). */
	struct str *files, boundary;
	size_t file_count;
	bool files_of_server; /* they are the server's, not the user's */
	/* Of an answer: which autoresponder (the number of its item), for how long not again to the same address. */
	int64_t responder, hours;
};

struct decision {
	int64_t uid;
	struct str deferred; /* why it cannot be decided now; empty: it is */
	struct str *folders; /* where copies go, "" is INBOX; none: nowhere */
	size_t folder_count;
	unsigned flags;      /* enum store_flag */
	struct str keywords; /* separated by blanks */
	struct str header;   /* instead of the message's own, with its empty line; data NULL: as it came */
	int64_t body_at;     /* where the body begins, if so */
	struct made *made;
	size_t made_count;
	int64_t matched;        /* the number of the autoresponder's rule that matched, 0: none */
	struct str fingerprint; /* by which it is known again (duplicates.c); empty: it is not compared */
	int64_t failing;        /* the number of the autoresponder whose script failed, 0: none */
};

/* Add one to a message. */
void decision_write(const struct decision *decision, struct ipc_message *message);
/*
 * Read all. Texts are views of the message. -1: ERR_PROTOCOL, ERR_LIMIT.
 */
int decisions_read(const struct ipc_message *message, struct arena *arena, struct decision **list_out,
                   size_t *count_out, struct err *err);

#endif
