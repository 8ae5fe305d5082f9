/*
 * imapd/thread: from messages to conversations (RFC 5256 section 3): REFERENCES and ORDEREDSUBJECT.
 *
 * The algorithms work on numbers: ids of messages are interned first. Nothing recurses, so no chain of references is
 * too long.
 */
#ifndef POSTROOM_IMAPD_THREAD_H
#define POSTROOM_IMAPD_THREAD_H

#include "common/base/arena.h"
#include "common/base/buf.h"

enum { THREAD_REFERENCES_MAX = 200 }; /* of a message; the last ones count */

/* A message as it is threaded. Messages are given in the folder's order. */
struct thread_message {
	uint32_t name;        /* what the client is told: number or UID, never 0 */
	int64_t date;         /* when it was sent */
	uint32_t id;          /* as thread_id gave it; 0: none */
	uint32_t *references; /* its ancestors' ids, the nearest last; or In-Reply-To's one */
	size_t reference_count;
	struct str subject; /* base subject, as it is compared */
	bool is_reply;      /* or forward */
};

/* Message ids, each with a number from 1 on. */
struct thread_ids {
	struct arena *arena; /* holds everything */
	struct str *list;    /* by number; [0] is unused */
	uint32_t count, capacity;
	uint32_t *slots; /* hash table of numbers; 0: free */
	uint32_t slot_count;
};
void thread_ids_init(struct thread_ids *ids, struct arena *arena);
uint32_t thread_id(struct thread_ids *ids, struct str id);

struct thread_node {
	struct thread_node *parent, *first_child, *next;
	const struct thread_message *message; /* NULL: a dummy, or the root */
};

/* The root, whose children are the threads. In arena. */
struct thread_node *thread_by_references(const struct thread_message *messages, size_t count, uint32_t id_count,
                                         struct arena *arena);
struct thread_node *thread_by_subject(const struct thread_message *messages, size_t count, struct arena *arena);

/* Threads in the words of the THREAD response: "(2)(3 6 (4 23)(44 7 96))". -1: text is full. */
int thread_write(const struct thread_node *root, struct buf *text);

#endif
