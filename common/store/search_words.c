#include "common/store/search_words.h"

#include "common/base/fold.h"

enum kind {
	KIND_OTHER,
	KIND_JOINER,
	KIND_WORD,
};

static enum kind kind_of(uint32_t c)
{
	if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'))
		return KIND_WORD;
	if (c < 0x80)
		return c != 0 && strchr(".@-_+'", (int)c) != NULL ? KIND_JOINER : KIND_OTHER;
	if (c < 0xc0)
		return c == 0xaa || c == 0xb5 || c == 0xba ? KIND_WORD : KIND_OTHER;
	/* Blanks, punctuation and marks that stand between words. */
	if (c == 0xd7 || c == 0xf7 || (c >= 0x2000 && c <= 0x206f) || (c >= 0x3000 && c <= 0x3020) ||
	    (c >= 0xff00 && c <= 0xff0f) || c == 0xfeff || c == 0xfffd)
		return KIND_OTHER;
	return KIND_WORD;
}

void search_words_begin(struct search_words *words, void (*take)(struct search_words *words, struct str piece))
{
	words->take = take;
	words->len = words->characters = words->half = words->fresh = 0;
	words->joiner = 0;
}

static void add_character(struct search_words *words, struct str character)
{
	if (words->characters == SEARCH_PIECE) {
		words->take(words, str_from(words->piece, words->len));
		words->len -= words->half;
		memmove(words->piece, words->piece + words->half, words->len);
		words->half = words->len;
		words->characters -= SEARCH_PIECE / 2;
		words->fresh = 0;
	}
	memcpy(words->piece + words->len, character.data, character.len);
	words->len += character.len;
	words->characters++;
	words->fresh++;
	if (words->characters == SEARCH_PIECE / 2)
		words->half = words->len;
}

static void end_word(struct search_words *words)
{
	if (words->fresh > 0)
		words->take(words, str_from(words->piece, words->len));
	words->len = words->characters = words->half = words->fresh = 0;
	words->joiner = 0;
}

void search_words_add(struct search_words *words, struct str folded)
{
	while (folded.len > 0) {
		uint32_t c;
		size_t len = fold_decode(folded, &c);
		enum kind kind = kind_of(c);

		if (kind == KIND_WORD) {
			if (words->joiner != 0)
				add_character(words, str_from(&words->joiner, 1));
			words->joiner = 0;
			add_character(words, str_sub(folded, 0, len));
		} else if (kind == KIND_JOINER && words->characters > 0 && words->joiner == 0) {
			words->joiner = folded.data[0];
		} else if (words->characters > 0) {
			end_word(words);
		}
		folded = str_skip(folded, len);
	}
}

void search_words_end(struct search_words *words)
{
	end_word(words);
}

/* The kind of the character at a place of the needle; *next is set behind it. */
static enum kind kind_at(struct str needle, size_t at, size_t *next)
{
	uint32_t c;

	*next = at + fold_decode(str_skip(needle, at), &c);
	return kind_of(c);
}

/* The end of the word that begins at `at`, and whether the needle shows that it ends there in any text. */
static size_t find_end(struct str needle, size_t at, bool *is_end)
{
	size_t end = at, next, after;

	*is_end = false;
	while (end < needle.len) {
		enum kind kind = kind_at(needle, end, &next);

		if (kind == KIND_WORD) {
			end = next;
			continue;
		}
		if (kind == KIND_JOINER && next == needle.len)
			return end; /* what follows in the text decides */
		if (kind == KIND_OTHER || kind_at(needle, next, &after) != KIND_WORD) {
			*is_end = true;
			return end;
		}
		end = next;
	}
	return end;
}

/* Add a word, cut where it is long. */
static size_t add_word(struct search_need *needs, size_t count, struct str word, bool at_start, bool at_end)
{
	size_t from = 0, at = 0, characters = 0, next;

	while (at < word.len && count < SEARCH_NEEDS_MAX) {
		kind_at(word, at, &next);
		characters++;
		at = next;
		if (characters < SEARCH_NEEDLE && at < word.len)
			continue;
		needs[count++] = (struct search_need){str_sub(word, from, at - from), characters, at_start && from == 0,
		                                      at_end && at == word.len && from == 0};
		from = at;
		characters = 0;
	}
	return count;
}

size_t search_needs(struct str needle, struct search_need needs[SEARCH_NEEDS_MAX], bool *is_exact)
{
	size_t count = 0, at = 0, next;
	bool at_start = false; /* no word can go on from before */

	while (at < needle.len && count < SEARCH_NEEDS_MAX) {
		bool at_end;
		size_t end;

		if (kind_at(needle, at, &next) != KIND_WORD) {
			/* A joiner at the needle's beginning may join in the text; behind another character it does not. */
			at_start = kind_at(needle, at, &next) == KIND_OTHER || at > 0;
			at = next;
			continue;
		}
		end = find_end(needle, at, &at_end);
		count = add_word(needs, count, str_sub(needle, at, end - at), at_start, at_end);
		at = end;
	}
	*is_exact = count == 1 && needs[0].text.len == needle.len;
	return count;
}

bool search_need_met(const struct search_need *need, struct str piece)
{
	struct str text = need->text;

	if (piece.len < text.len)
		return false;
	if (need->at_start && need->at_end)
		return str_equal(piece, text);
	if (need->at_start)
		return str_starts(piece, text);
	if (need->at_end)
		return memcmp(piece.data + piece.len - text.len, text.data, text.len) == 0;
	return memmem(piece.data, piece.len, text.data, text.len) != NULL;
}
