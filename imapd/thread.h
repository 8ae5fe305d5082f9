/*
 * imapd/thread: from messages to conversations (RFC 5256 section 3): REFERENCES and ORDEREDSUBJECT.
 *
 * The algorithms work on numbers: ids of messages are interned first, and of texts only hashes are compared. Nothing
 * recurses, so no chain of references is too long.
 *
 * What webmail asks for is an extension of ours: THREAD RETURN (PARTIAL 1:50) ... counts all threads and answers with
 * those among the newest, by the highest number or UID in each, which is what a list shows:
 *
 *     * ESEARCH (TAG "a") UID COUNT 3 THREAD (1:50 ((6 0) (2 0 4 1 7 2) (3 0)))
 *
 * A thread is its messages in the order in which THREAD has them, each with how many messages stand above it.
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
	uint64_t subject; /* thread_hash of the base subject, as it is compared; 0: none */
	bool is_reply;    /* or forward */
};

/* Never 0. */
uint64_t thread_hash(struct str text);

/* Message ids, by their hashes, each with a number from 1 on. */
struct thread_ids {
	struct arena *arena; /* holds everything */
	uint64_t *list;      /* by number; [0] is unused */
	uint32_t count, capacity;
	uint32_t *slots; /* hash table of numbers; 0: free */
	uint32_t slot_count;
};
/* expected: about how many there will be. */
void thread_ids_init(struct thread_ids *ids, size_t expected, struct arena *arena);
uint32_t thread_id(struct thread_ids *ids, uint64_t hash);

struct thread_node {
	struct thread_node *parent, *first_child, *next;
	const struct thread_message *message; /* NULL: a dummy, or the root */
};

/* The root, whose children are the threads. In arena. sorted: they are to be in the order of THREAD. */
struct thread_node *thread_by_references(const struct thread_message *messages, size_t count, uint32_t id_count,
                                         bool sorted, struct arena *arena);
struct thread_node *thread_by_subject(const struct thread_message *messages, size_t count, struct arena *arena);

/* Threads in the words of the THREAD response: "(2)(3 6 (4 23)(44 7 96))". -1: text is full. */
int thread_write(const struct thread_node *root, struct buf *text);

/*
 * Of the threads below root, made of these messages, leave those from the first-th to the last-th, counted from 1, the
 * newest first. Returns how many there were.
 */
size_t thread_keep_newest(struct thread_node *root, const struct thread_message *messages, size_t count, size_t first,
                          size_t last, struct arena *arena);
/* As RETURN (PARTIAL ...) has them: "(6 0) (2 0 4 1 7 2)". -1: text is full. */
int thread_write_flat(const struct thread_node *root, struct buf *text);

#endif
