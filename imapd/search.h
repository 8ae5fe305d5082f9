/*
 * imapd/search: SEARCH, SORT and THREAD: programs, who matches them, what is answered.
 *
 * A program is parsed into a tree (search_parse.c), and each message of the view is held against it in the order of
 * cost (search_run.c): what the view knows; then what the store's index has (sizes, dates); then the full-text index
 * (common/store/search.h), where it is there; then the header fields that the store keeps; at last the message itself.
 * Each step leaves to the next only what it could not decide, so the result is always that of looking into every
 * message.
 *
 * Text is compared as common/store/search_text.h says: a substring, case folded, in decoded text. A client that leaves
 * in the middle of a long search ends it.
 */
#ifndef POSTROOM_IMAPD_SEARCH_H
#define POSTROOM_IMAPD_SEARCH_H

#include "common/store/search.h"
#include "imapd/imapd.h"

enum { SEARCH_DEPTH_MAX = 200 }; /* NOT, OR and parentheses inside one another */

enum search_kind {
	SEARCH_AND, /* of children; without any: all messages */
	SEARCH_OR,
	SEARCH_NOT,
	/* the view knows */
	SEARCH_FLAG,
	SEARCH_RECENT,
	SEARCH_KEYWORD,
	SEARCH_NUMBERS, /* a set of message numbers, as UIDs */
	SEARCH_UIDS,
	SEARCH_MODSEQ,
	/* the store's index knows */
	SEARCH_LARGER,
	SEARCH_SMALLER,
	SEARCH_BEFORE, /* INTERNALDATE is earlier than number, a day */
	SEARCH_ON,
	SEARCH_SINCE,
	SEARCH_SAVED_BEFORE,
	SEARCH_SAVED_ON,
	SEARCH_SAVED_SINCE,
	SEARCH_OLDER, /* INTERNALDATE is at or before number, a time (RFC 5032) */
	SEARCH_YOUNGER,
	SEARCH_EMAIL_ID,
	/* header fields */
	SEARCH_SENT_BEFORE,
	SEARCH_SENT_ON,
	SEARCH_SENT_SINCE,
	SEARCH_THREAD_ID,
	SEARCH_FIELD_TEXT, /* name holds text */
	/* the message */
	SEARCH_BODY_TEXT,
	SEARCH_ANY_TEXT,
};

struct search_key {
	enum search_kind kind;
	struct search_key *first_child, *next; /* cheap ones first */
	int64_t number;                        /* flags, octets, days since 1970, seconds since 1970, MODSEQ */
	struct str name, text;                 /* text is folded */
	struct sequence set;
	uint8_t *marks; /* enum search_mark by position in the view, of a text key that the index was asked about */
	bool is_exact;
};

struct search_program {
	struct search_key *root;
	enum search_kind dearest; /* kind of the dearest key */
	bool has_modseq;
};

/*
 * Parse search keys up to the end of the command, in charset (empty: not given), into arena. false: noted, as BAD or NO
 * [BADCHARSET].
 */
bool search_parse_program(struct session *session, struct str charset, struct arena *arena,
                          struct search_program *program);
/* The charset of SORT and THREAD, or behind SEARCH's CHARSET. */
bool search_parse_charset(struct session *session, struct str *charset);

/* Positions in the view, rising unless they were sorted. */
struct search_result {
	uint32_t *at;
	size_t count;
};

/* Find the messages that match, of those among `of` (NULL: all). In the arena. -1: noted; the client may have left. */
int search_run(struct session *session, struct search_program *program, const struct search_result *of,
               struct search_result *result);

/* What a client wants to hear (RFC 4731, 5182, 5267, 9394). */
struct search_options {
	bool given; /* RETURN (...) was there, or the client has enabled IMAP4rev2 */
	bool min, max, all, count, save, update, partial;
	bool from_end; /* partial counts from the end */
	uint32_t partial_first, partial_last;
	struct str partial_text; /* as the client wrote it */
	struct str attributes;   /* what UPDATE is to fetch of messages that are new (RFC 5465 section 7), or empty */
};
/* "RETURN (...) " where it comes. esearch_only: the answer is ESEARCH also without it. false: noted. */
bool search_parse_options(struct session *session, struct search_options *options, bool esearch_only);

/* Write the answer, SEARCH or SORT (word), or ESEARCH; and save the result where that is asked for. */
void search_answer(struct session *session, const struct search_options *options, const struct search_program *program,
                   const struct search_result *result, const char *word);
/* "$" has nothing: a SEARCH RETURN (SAVE) failed (RFC 5182 2.1). */
void search_forget_saved(struct session *session);
/*
 * Wait for one of the user's turns to search (05-13.4), where there is so much to be looked into that it takes
 * long: asking for a turn costs more than a short search. false: noted. Give it back, if there is one.
 */
enum {
	SEARCH_LONG_TEXTS = 20,       /* messages to read */
	SEARCH_LONG_OCTETS = 1 << 20, /* of messages that are read */
	SEARCH_LONG_FIELDS = 200,     /* messages of which fields are read */
};
bool search_take_turn(struct session *session);
void search_end_turn(struct session *session);

/* Note what a search, sort or thread failed of, where it is not noted yet. */
void search_fail(struct session *session, const struct err *err);

/* Has the client gone? Looked at now and then by what takes long. */
bool search_client_left(const struct session *session);

#endif
