#include "common/store/mailbox.h"

#include <stdlib.h>
#include <strings.h>

enum { WORDS_MAX = STORE_KEYWORDS_MAX / 2 + 1 };

static int compare(struct str a, struct str b)
{
	int order = strncasecmp(a.data, b.data, a.len < b.len ? a.len : b.len);

	return order != 0 ? order : a.len < b.len ? -1 : a.len > b.len;
}

static int compare_words(const void *a, const void *b)
{
	return compare(*(const struct str *)a, *(const struct str *)b);
}

static int add_word(struct buf *out, struct str word, struct err *err)
{
	if (out->len > 0)
		buf_add_char(out, ' ');
	buf_add_str(out, word);
	return out->overflow ? err_set(err, ERR_LIMIT, "a message's keywords have at most %d octets", STORE_KEYWORDS_MAX)
	                     : 0;
}

int keywords_sort(struct str words, struct buf *out, struct err *err)
{
	struct str list[WORDS_MAX], word;
	size_t count = 0;

	if (words.len > STORE_KEYWORDS_MAX)
		return err_set(err, ERR_LIMIT, "a message's keywords have at most %d octets", STORE_KEYWORDS_MAX);
	while ((word = str_cut_word(&words)).len > 0) {
		if (word.len > STORE_KEYWORD_MAX)
			return err_set(err, ERR_LIMIT, "a keyword has at most %d octets", STORE_KEYWORD_MAX);
		list[count++] = word;
	}
	if (count > 1)
		qsort(list, count, sizeof *list, compare_words);
	for (size_t i = 0; i < count; i++)
		if ((i == 0 || compare(list[i - 1], list[i]) != 0) && add_word(out, list[i], err) != 0)
			return -1;
	return 0;
}

int keywords_merge(struct str old, enum store_how how, struct str change, struct buf *out, struct err *err)
{
	struct str left = str_cut_word(&old), right = str_cut_word(&change);

	if (how == STORE_SET)
		left = old = STR("");
	/* Both are sorted: one pass over the two. */
	while (left.len > 0 || right.len > 0) {
		int order = left.len == 0 ? 1 : right.len == 0 ? -1 : compare(left, right);
		bool keep = how != STORE_TAKE || order < 0;

		if (keep && add_word(out, order <= 0 ? left : right, err) != 0)
			return -1;
		if (order <= 0)
			left = str_cut_word(&old);
		if (order >= 0)
			right = str_cut_word(&change);
	}
	return 0;
}

int keywords_change(struct str old, enum store_how how, struct str change, struct buf *out, struct err *err)
{
	struct buf sorted;
	int result;

	buf_init(&sorted, STORE_KEYWORDS_MAX);
	result = keywords_sort(change, &sorted, err);
	if (result == 0)
		result = keywords_merge(old, how, buf_str(&sorted), out, err);
	buf_free(&sorted);
	return result;
}
