/*
 * store/search: search.db, the index of the words in a mailbox's messages.
 *
 * What is in it (SQLite, FTS5):
 *   word    each different word (search_words.h) and its number
 *   gram_*  the trigrams of the words, so that the words that hold a part of one are found; a table each for the words
 *           of addresses, subjects, bodies, and headers, whose ids would make asking for an address slow
 *   doc     for each message (folder << 32 | UID) which words are in which field of it: sets, without positions
 *   folder  up to which UID a folder's messages are in it
 * So the text itself is in it nowhere: the index of a mailbox of plain text is about a third of the mail's size, and
 * smaller where there are attachments. What a message was made of stays known to it after the message went, until more
 * than half of the messages in it are gone; then it is thrown away and built again.
 *
 * Promises: a message below search_index_covered that has the needle is found; where is_exact is said, no other is. The
 * index may lag behind, be missing or damaged: searches are right without it, only slower. One process writes it, under
 * the lock file search.lock, a transaction for some hundred messages; killed at any moment it goes on where it was.
 * Neither reading nor writing touches index.db, and the mailbox's lock is held only while it is seen what there is to
 * do. UIDs are never given twice and messages never change, so what is in it once stays right.
 */
#ifndef POSTROOM_STORE_SEARCH_H
#define POSTROOM_STORE_SEARCH_H

#include "common/store/search_text.h"
#include "common/store/store.h"

struct search_index;

/* Open for reading. -1: ERR_NOT_FOUND (there is none yet), ERR_CORRUPT, ERR_SYSTEM, ERR_TEMPORARY. */
int search_index_open(struct search_index **index_out, const struct mailbox *mailbox, struct err *err);
void search_index_close(struct search_index *index);
bool search_index_exists(const struct mailbox *mailbox);
/* Messages of the folder with a lower UID are in it; 0: none are. */
uint32_t search_index_covered(struct search_index *index, int64_t folder, uint32_t uidvalidity);

enum search_mark {
	SEARCH_ABSENT,
	SEARCH_HIT,    /* has the needle where is_exact, else it may have it */
	SEARCH_UNSURE, /* could not be indexed whole: may have it */
};
struct search_query {
	int64_t folder;
	const uint32_t *uids; /* rising; those that the index covers */
	size_t count;
	enum search_field field;
	struct str needle; /* folded */
};
/*
 * Which messages have the needle in the field. marks: count entries, all SEARCH_ABSENT, are set. 0: they are; 1: the
 * needle is too short for the index; -1: the index failed (err).
 */
int search_index_find(struct search_index *index, const struct search_query *query, uint8_t *marks, bool *is_exact,
                      struct err *err);

/* What there is to index, taken from the mailbox by who then updates the index, maybe in another process. */
struct search_folder {
	int64_t id;
	int64_t messages;
	uint32_t uidvalidity, uidnext;
};
struct search_work {
	char path[STORE_PATH_MAX]; /* of the mailbox */
	struct search_folder *folders;
	size_t count;
};
/* -1: STORE_BUSY (the mailbox was locked for a second), or as the database fails; nothing to free then. */
int search_work_collect(struct search_work *work, struct mailbox *mailbox, struct err *err);
void search_work_free(struct search_work *work);

/* Called after each message; false: stop here. */
typedef bool search_progress(int64_t done, int64_t all, void *context);
/*
 * Bring the index up to what work says; a damaged one is built anew. Where another process is at it, nothing happens.
 * progress may be NULL. Uses no SQLite connection but its own, so that a child forked by a process with an open mailbox
 * may call it. -1: ERR_SYSTEM, ERR_TEMPORARY (disk full).
 */
int search_update(const struct search_work *work, search_progress *progress, void *context, struct err *err);
/* Is a process at it? */
bool search_is_updating(const struct search_work *work);
/* Throw the index away and build it, waiting for who is at it to stop. -1: as search_update. */
int search_rebuild(struct mailbox *mailbox, search_progress *progress, void *context, struct err *err);

/* search_schema.c, for this module alone. */
struct db;
enum { SEARCH_TERM_MAX = 16 };
/* Open or make search.db below path for its writer. */
int search_db_create(struct db *db, const char *path, struct err *err);
/* Words of fields of one class are looked up together. */
enum search_class {
	SEARCH_CLASS_ADDRESS,
	SEARCH_CLASS_SUBJECT,
	SEARCH_CLASS_BODY,
	SEARCH_CLASS_HEADER,
	SEARCH_CLASS_COUNT
};
enum search_class search_class_of(enum search_field field);
extern const char *const search_class_tables[SEARCH_CLASS_COUNT];
/* The term that stands for a word in a field: a letter and the word's number. */
struct str search_term(char out[SEARCH_TERM_MAX], enum search_field field, int64_t word);
#define SEARCH_TERM_UNSURE "z"
#define SEARCH_WORD_START  "^" /* around the words in gram */
#define SEARCH_WORD_END    "$"

#endif
