/*
 * store/search_words: the words of a text, as the index has them.
 *
 * A word is a run of letters and digits of any script; a point, hyphen, underline, plus, apostrophe or at-sign between
 * two of them belongs to it, so that addresses and host names are one word. Longer runs (and scripts without blanks)
 * are cut into pieces of SEARCH_PIECE characters that overlap by half, so that each run of SEARCH_NEEDLE characters is
 * in one piece whole. The rule that makes the index exact: what is one word in a needle is inside one word of each text
 * that holds the needle, because whether a character belongs to a word depends on its neighbours alone.
 */
#ifndef POSTROOM_STORE_SEARCH_WORDS_H
#define POSTROOM_STORE_SEARCH_WORDS_H

#include "common/base/str.h"

enum {
	SEARCH_PIECE = 40,                /* characters */
	SEARCH_NEEDLE = SEARCH_PIECE / 2, /* characters */
	SEARCH_PIECE_BYTES = SEARCH_PIECE * 4,
};

/* A text comes in any number of parts, each of whole characters; take is called for each piece. */
struct search_words {
	void (*take)(struct search_words *words, struct str piece);
	char piece[SEARCH_PIECE_BYTES + 8];
	size_t len, characters;
	size_t half;  /* where its second half begins, in bytes */
	size_t fresh; /* characters that no piece had yet */
	char joiner;  /* stands behind the word, and belongs to it where a letter follows; 0: none */
};

void search_words_begin(struct search_words *words, void (*take)(struct search_words *words, struct str piece));
void search_words_add(struct search_words *words, struct str folded);
void search_words_end(struct search_words *words);

/* A word of a needle: what must stand in a text that holds the needle. */
struct search_need {
	struct str text; /* 1 to SEARCH_NEEDLE characters, a view of the needle */
	size_t characters;
	bool at_start, at_end; /* it begins, ends a word there */
};

enum { SEARCH_NEEDS_MAX = 16 };

/*
 * What a needle (folded) needs, at most SEARCH_NEEDS_MAX of them: returns how many. *is_exact: a text holds the needle
 * if and only if one of its words holds the one need.
 */
size_t search_needs(struct str needle, struct search_need needs[SEARCH_NEEDS_MAX], bool *is_exact);

/* Does a piece meet the need? */
bool search_need_met(const struct search_need *need, struct str piece);

#endif
