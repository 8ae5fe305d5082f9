#include "common/base/buf.h"
#include "common/base/memory.h"
#include "common/store/mailbox.h"
#include "common/store/search.h"
#include "common/store/search_words.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

enum {
	BUSY_MS = 2000,
	NEED_MIN = 3,      /* characters: a trigram */
	TOGETHER_MAX = 64, /* words in one question */
	FEW = 4,           /* messages with a word */
	MANY = 32,
};

struct search_index {
	struct db db;
	struct db_statement words[SEARCH_CLASS_COUNT], docs, covered;
};

static int prepare(struct search_index *index, struct err *err)
{
	char query[80];

	for (int i = 0; i < SEARCH_CLASS_COUNT; i++) {
		snprintf(query, sizeof query, "SELECT rowid FROM %s WHERE %s MATCH ?", search_class_tables[i],
		         search_class_tables[i]);
		if (db_prepare(&index->db, &index->words[i], query, err) != 0)
			return -1;
	}
	if (db_prepare(&index->db, &index->docs, "SELECT rowid FROM doc WHERE doc MATCH ? AND rowid BETWEEN ? AND ?",
	               err) != 0)
		return -1;
	return db_prepare(&index->db, &index->covered, "SELECT upto FROM folder WHERE id = ? AND uidvalidity = ?", err);
}

/* Who writes it has made the file, but nothing in it yet? Then it is not there. */
static int see_schema(struct search_index *index, struct err *err)
{
	int64_t version;

	if (db_version(&index->db, &version, err) != 0)
		return -1;
	return version > 0 ? 0 : err_set(err, ERR_NOT_FOUND, "%s is being made", index->db.path);
}

bool search_index_exists(const struct mailbox *mailbox)
{
	struct stat info;

	return fstatat(mailbox->root, "search.db", &info, AT_SYMLINK_NOFOLLOW) == 0;
}

int search_index_open(struct search_index **index_out, const struct mailbox *mailbox, struct err *err)
{
	struct search_index *index;
	char path[STORE_PATH_MAX + 32];

	*index_out = NULL;
	snprintf(path, sizeof path, "%s/search.db", mailbox->path);
	if (!search_index_exists(mailbox))
		return err_set(err, ERR_NOT_FOUND, "there is no %s", path);
	index = memory_get(sizeof *index);
	if (db_open(&index->db, path, DB_NO_CHECKPOINT, BUSY_MS, err) != 0 ||
	    db_exec(&index->db, "PRAGMA cache_size=-4096", err) != 0 || see_schema(index, err) != 0 ||
	    prepare(index, err) != 0) {
		search_index_close(index);
		return -1;
	}
	*index_out = index;
	return 0;
}

void search_index_close(struct search_index *index)
{
	if (index == NULL)
		return;
	for (int i = 0; i < SEARCH_CLASS_COUNT; i++)
		db_finalize(&index->words[i]);
	db_finalize(&index->docs);
	db_finalize(&index->covered);
	db_close(&index->db);
	memory_free(index);
}

uint32_t search_index_covered(struct search_index *index, int64_t folder, uint32_t uidvalidity)
{
	uint32_t upto = 0;
	struct err err;

	db_bind_number(&index->covered, 1, folder);
	db_bind_number(&index->covered, 2, uidvalidity);
	if (db_step(&index->covered, &err) == 1)
		upto = (uint32_t)db_number(&index->covered, 0);
	db_reset(&index->covered);
	return upto;
}

/* The first position from `at` on whose UID is at least uid: near by, as a rule, where many have the word. */
static size_t find_uid(const struct search_query *query, size_t at, uint32_t uid)
{
	size_t step = 1, low = at, high;

	while (low + step < query->count && query->uids[low + step] < uid) {
		low += step;
		step *= 2;
	}
	high = low + step < query->count ? low + step : query->count;
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (query->uids[middle] < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Marks that are at `from` go to `to` for the messages that have the term; *rows counts those. *left counts those that
 * do not yet. */
static int mark_term(struct search_index *index, const struct search_query *query, struct str term, uint8_t *marks,
                     uint8_t from, uint8_t to, size_t *left, size_t *rows, struct err *err)
{
	int64_t base = query->folder << 32;
	size_t at = 0;
	int row;

	db_bind_text(&index->docs, 1, term);
	db_bind_number(&index->docs, 2, base | query->uids[0]);
	db_bind_number(&index->docs, 3, base | query->uids[query->count - 1]);
	while ((row = db_step(&index->docs, err)) == 1) {
		uint32_t uid = (uint32_t)db_number(&index->docs, 0);

		++*rows;
		at = find_uid(query, at, uid);
		if (at < query->count && query->uids[at] == uid && marks[at] == from) {
			marks[at] = to;
			(*left)--;
		}
	}
	db_reset(&index->docs);
	return row;
}

/* What to ask gram for: the need with what stands before and behind it. */
static struct str need_phrase(const struct search_need *need, struct buf *out)
{
	buf_reset(out);
	buf_printf(out, "\"%s%.*s%s\"", need->at_start ? SEARCH_WORD_START : "", STR_ARG(need->text),
	           need->at_end ? SEARCH_WORD_END : "");
	return buf_str(out);
}

static bool need_is_long(const struct search_need *need)
{
	return need->characters + need->at_start + need->at_end >= NEED_MIN;
}

/* The numbers of the words that meet the need; frequent words came first and have low ones. */
static int find_words(struct search_index *index, enum search_field field, const struct search_need *need,
                      struct buf *words, struct err *err)
{
	struct db_statement *statement = &index->words[search_class_of(field)];
	struct buf phrase;
	int row;

	buf_init(&phrase, 4 * SEARCH_PIECE_BYTES);
	db_bind_text(statement, 1, need_phrase(need, &phrase));
	while ((row = db_step(statement, err)) == 1) {
		int64_t word = db_number(statement, 0);

		buf_add(words, &word, sizeof word);
	}
	db_reset(statement);
	buf_free(&phrase);
	return row;
}

/* "f1" OR "f2": words first to first + count - 1 of the list, in the field. */
static struct str any_of(const struct buf *words, size_t first, size_t count, enum search_field field, struct buf *out)
{
	char term[SEARCH_TERM_MAX];

	buf_reset(out);
	for (size_t i = first; i < first + count; i++) {
		int64_t word;

		memcpy(&word, words->data + i * sizeof word, sizeof word);
		buf_printf(out, "%s\"%.*s\"", i > first ? " OR " : "", STR_ARG(search_term(term, field, word)));
	}
	return buf_str(out);
}

/* Marks go from round to round + 1 for messages that have a word that meets the need. Words that few messages have, as
 * there are thousands of, are asked for together; together would be slow for those that many have. */
static int mark_need(struct search_index *index, const struct search_query *query, const struct search_need *need,
                     uint8_t *marks, uint8_t round, struct err *err)
{
	size_t left = 0, together = 1;
	struct buf words, question;
	int result;

	for (size_t i = 0; i < query->count; i++)
		left += marks[i] == round;
	buf_init(&words, SIZE_MAX / 2);
	buf_init(&question, TOGETHER_MAX * (SEARCH_TERM_MAX + 8));
	result = find_words(index, query->field, need, &words, err);
	for (size_t i = 0, count = words.len / sizeof(int64_t); result == 0 && left > 0 && i < count;) {
		size_t rows = 0, some = together < count - i ? together : count - i;

		result = mark_term(index, query, any_of(&words, i, some, query->field, &question), marks, round, round + 1,
		                   &left, &rows, err);
		i += some;
		if (rows < FEW * some && together < TOGETHER_MAX)
			together *= 2;
		else if (rows > MANY * some && together > 1)
			together /= 2;
	}
	buf_free(&words);
	buf_free(&question);
	return result;
}

static int find(struct search_index *index, const struct search_query *query, uint8_t *marks, bool *is_exact,
                struct err *err)
{
	struct search_need needs[SEARCH_NEEDS_MAX];
	size_t count = search_needs(query->needle, needs, is_exact), unsure = query->count, rows = 0;
	uint8_t round = 0;

	for (size_t i = 0; i < count; i++) {
		if (!need_is_long(&needs[i]))
			continue;
		if (mark_need(index, query, &needs[i], marks, round, err) != 0)
			return -1;
		round++;
	}
	if (round == 0)
		return 1;
	for (size_t i = 0; i < query->count; i++)
		marks[i] = marks[i] == round ? SEARCH_HIT : SEARCH_ABSENT;
	return mark_term(index, query, STR("\"" SEARCH_TERM_UNSURE "\""), marks, SEARCH_ABSENT, SEARCH_UNSURE, &unsure,
	                 &rows, err);
}

int search_index_find(struct search_index *index, const struct search_query *query, uint8_t *marks, bool *is_exact,
                      struct err *err)
{
	int result;

	*is_exact = false;
	if (query->count == 0)
		return 0;
	/* One transaction: thousands of small questions do not each take the file's locks. */
	if (db_exec(&index->db, "BEGIN", err) != 0)
		return -1;
	result = find(index, query, marks, is_exact, err);
	db_rollback(&index->db);
	return result;
}
