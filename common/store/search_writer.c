#include "common/store/search_writer.h"

#include "common/base/memory.h"
#include "common/store/search_words.h"

#include <stdio.h>

enum {
	CACHE_SLOTS = 1 << 18, /* words whose number is remembered; half of the slots are used */
	CACHE_BYTES = 8 << 20, /* of their texts */
	TERMS_MAX = 4 << 20,   /* bytes of a message's terms: some 500,000 different words */
	SEEN_SLOTS_FIRST = 4096,
};

/* A word's text in `texts` (behind its length, a byte) and its number. */
struct cached {
	uint32_t at; /* 0: free */
	uint32_t hash;
	struct word {
		int64_t number;
		unsigned classes; /* 1 << enum search_class: whose table has it */
	} word;
};

struct search_writer {
	struct search_taker taker;
	struct search_words words;
	struct db *db;
	struct db_statement find, add, classify, add_doc, add_gram[SEARCH_CLASS_COUNT];
	int64_t last_word;
	struct cached *cache;
	size_t cached;
	struct buf texts;
	uint64_t *seen; /* words of this message with their fields, a hash set; 0: free */
	size_t seen_slots, seen_count;
	struct buf terms;
	struct arena arena;
	enum search_field field;
	bool is_begun; /* a unit's text is in words */
	bool failed;
	struct err err;
};

static uint32_t hash_text(struct str text)
{
	uint32_t hash = 2166136261U; /* FNV-1a */

	for (size_t i = 0; i < text.len; i++)
		hash = (hash ^ (unsigned char)text.data[i]) * 16777619U;
	return hash;
}

/* The words of the cache; not below a number that is given already. */
static void forget_words(struct search_writer *writer)
{
	memset(writer->cache, 0, CACHE_SLOTS * sizeof *writer->cache);
	buf_reset(&writer->texts);
	buf_add_char(&writer->texts, '\0'); /* so that no word is at 0 */
	writer->cached = 0;
	writer->last_word = -1;
}

static struct cached *cache_slot(struct search_writer *writer, struct str text, uint32_t hash)
{
	for (size_t i = hash % CACHE_SLOTS;; i = (i + 1) % CACHE_SLOTS) {
		struct cached *slot = &writer->cache[i];
		const char *known = writer->texts.data + slot->at;

		if (slot->at == 0 ||
		    (slot->hash == hash && (unsigned char)known[0] == text.len && memcmp(known + 1, text.data, text.len) == 0))
			return slot;
	}
}

static int read_last_word(struct search_writer *writer)
{
	struct db_statement statement;
	int row;

	if (writer->last_word >= 0)
		return 0;
	if (db_prepare(writer->db, &statement, "SELECT ifnull(max(id), 0) FROM word", &writer->err) != 0)
		return -1;
	row = db_step(&statement, &writer->err);
	if (row == 1)
		writer->last_word = db_number(&statement, 0);
	db_finalize(&statement);
	return row == 1 ? 0 : -1;
}

/* A word that is new to the index. */
static int make_word(struct search_writer *writer, struct str text, struct word *word)
{
	if (read_last_word(writer) != 0)
		return -1;
	*word = (struct word){writer->last_word + 1, 0};
	db_bind_text(&writer->add, 1, text);
	db_bind_number(&writer->add, 2, word->number);
	if (db_run(&writer->add, &writer->err) != 0)
		return -1;
	writer->last_word++;
	return 0;
}

static int find_word(struct search_writer *writer, struct str text, struct word *word)
{
	int row;

	db_bind_text(&writer->find, 1, text);
	row = db_step(&writer->find, &writer->err);
	if (row == 1)
		*word = (struct word){db_number(&writer->find, 0), (unsigned)db_number(&writer->find, 1)};
	db_reset(&writer->find);
	if (row < 0)
		return -1;
	return row == 1 ? 0 : make_word(writer, text, word);
}

/* Let the word be found among those of a class. */
static int classify(struct search_writer *writer, struct str text, struct word *word, enum search_class class)
{
	struct db_statement *add_gram = &writer->add_gram[class];
	char framed[SEARCH_PIECE_BYTES + 2];

	framed[0] = SEARCH_WORD_START[0];
	memcpy(framed + 1, text.data, text.len);
	framed[text.len + 1] = SEARCH_WORD_END[0];
	db_bind_number(add_gram, 1, word->number);
	db_bind_text(add_gram, 2, str_from(framed, text.len + 2));
	word->classes |= 1U << class;
	db_bind_text(&writer->classify, 1, text);
	db_bind_number(&writer->classify, 2, word->classes);
	if (db_run(add_gram, &writer->err) != 0)
		return -1;
	return db_run(&writer->classify, &writer->err);
}

static void remember(struct search_writer *writer, struct str text, uint32_t hash, struct word word)
{
	if (writer->cached >= CACHE_SLOTS / 2 || writer->texts.len > CACHE_BYTES - SEARCH_PIECE_BYTES - 1) {
		int64_t last_word = writer->last_word;

		forget_words(writer);
		writer->last_word = last_word;
	}
	*cache_slot(writer, text, hash) = (struct cached){(uint32_t)writer->texts.len, hash, word};
	buf_add_char(&writer->texts, (char)text.len);
	buf_add_str(&writer->texts, text);
	writer->cached++;
}

/* The number of a word that stands in a field of that class. */
static int word_number(struct search_writer *writer, struct str text, enum search_class class, int64_t *number)
{
	uint32_t hash = hash_text(text);
	struct cached *slot = cache_slot(writer, text, hash);
	bool is_known = slot->at != 0;
	struct word word = slot->word;

	if (!is_known && find_word(writer, text, &word) != 0)
		return -1;
	if (!(word.classes & 1U << class) && classify(writer, text, &word, class) != 0)
		return -1;
	if (is_known)
		slot->word = word;
	else
		remember(writer, text, hash, word);
	*number = word.number;
	return 0;
}

static uint64_t *seen_slot(uint64_t *seen, size_t slots, uint64_t key)
{
	size_t i = (size_t)(key * 0x9e3779b97f4a7c15U >> 20) & (slots - 1);

	while (seen[i] != 0 && seen[i] != key)
		i = (i + 1) & (slots - 1);
	return &seen[i];
}

static void seen_grow(struct search_writer *writer)
{
	size_t slots = writer->seen_slots * 2;
	uint64_t *seen = memory_get(slots * sizeof *seen);

	for (size_t i = 0; i < writer->seen_slots; i++)
		if (writer->seen[i] != 0)
			*seen_slot(seen, slots, writer->seen[i]) = writer->seen[i];
	memory_free(writer->seen);
	writer->seen = seen;
	writer->seen_slots = slots;
}

/* A piece of a word stands in the field that is being read. */
static void take_piece(struct search_words *words, struct str piece)
{
	struct search_writer *writer = (struct search_writer *)((char *)words - offsetof(struct search_writer, words));
	char term[SEARCH_TERM_MAX];
	int64_t word;
	uint64_t key, *slot;

	if (writer->failed)
		return;
	if (word_number(writer, piece, search_class_of(writer->field), &word) != 0) {
		writer->failed = true;
		return;
	}
	key = (uint64_t)word * SEARCH_FIELD_COUNT + writer->field + 1;
	slot = seen_slot(writer->seen, writer->seen_slots, key);
	if (*slot != 0)
		return;
	*slot = key;
	if (++writer->seen_count * 2 > writer->seen_slots)
		seen_grow(writer);
	buf_add_str(&writer->terms, search_term(term, writer->field, word));
	buf_add_char(&writer->terms, ' ');
}

static void end_unit(struct search_writer *writer)
{
	if (writer->is_begun)
		search_words_end(&writer->words);
	writer->is_begun = false;
}

static int take_text(struct search_taker *taker, enum search_field field, struct str folded, bool is_first,
                     struct err *err)
{
	struct search_writer *writer = (struct search_writer *)taker;

	if (is_first) {
		end_unit(writer);
		search_words_begin(&writer->words, take_piece);
		writer->field = field;
		writer->is_begun = true;
	}
	search_words_add(&writer->words, folded);
	if (!writer->failed)
		return writer->terms.overflow ? MIME_ENOUGH : MIME_MORE;
	*err = writer->err;
	return -1;
}

static int prepare(struct search_writer *writer, struct err *err)
{
	char query[80];

	for (int i = 0; i < SEARCH_CLASS_COUNT; i++) {
		snprintf(query, sizeof query, "INSERT INTO %s(rowid, text) VALUES(?, ?)", search_class_tables[i]);
		if (db_prepare(writer->db, &writer->add_gram[i], query, err) != 0)
			return -1;
	}
	if (db_prepare(writer->db, &writer->find, "SELECT id, classes FROM word WHERE text = ?", err) != 0 ||
	    db_prepare(writer->db, &writer->add, "INSERT INTO word VALUES(?, ?, 0)", err) != 0 ||
	    db_prepare(writer->db, &writer->classify, "UPDATE word SET classes = ?2 WHERE text = ?1", err) != 0)
		return -1;
	return db_prepare(writer->db, &writer->add_doc, "INSERT INTO doc(rowid, terms) VALUES(?, ?)", err);
}

int search_writer_open(struct search_writer **writer_out, struct db *db, struct err *err)
{
	struct search_writer *writer = memory_get(sizeof *writer);

	writer->taker.take = take_text;
	writer->db = db;
	writer->cache = memory_get(CACHE_SLOTS * sizeof *writer->cache);
	buf_init(&writer->texts, CACHE_BYTES);
	buf_init(&writer->terms, TERMS_MAX);
	arena_init(&writer->arena);
	writer->seen_slots = SEEN_SLOTS_FIRST;
	writer->seen = memory_get(writer->seen_slots * sizeof *writer->seen);
	forget_words(writer);
	if (prepare(writer, err) == 0) {
		*writer_out = writer;
		return 0;
	}
	search_writer_close(writer);
	return -1;
}

void search_writer_close(struct search_writer *writer)
{
	if (writer == NULL)
		return;
	db_finalize(&writer->find);
	db_finalize(&writer->add);
	db_finalize(&writer->classify);
	for (int i = 0; i < SEARCH_CLASS_COUNT; i++)
		db_finalize(&writer->add_gram[i]);
	db_finalize(&writer->add_doc);
	memory_free(writer->cache);
	memory_free(writer->seen);
	buf_free(&writer->texts);
	buf_free(&writer->terms);
	arena_free(&writer->arena);
	memory_free(writer);
}

static void begin_message(struct search_writer *writer)
{
	if (writer->seen_slots > SEEN_SLOTS_FIRST) {
		memory_free(writer->seen);
		writer->seen_slots = SEEN_SLOTS_FIRST;
		writer->seen = memory_get(writer->seen_slots * sizeof *writer->seen);
	} else if (writer->seen_count > 0) {
		memset(writer->seen, 0, writer->seen_slots * sizeof *writer->seen);
	}
	writer->seen_count = 0;
	writer->failed = false;
	writer->is_begun = false;
	buf_reset(&writer->terms);
	arena_reset(&writer->arena);
}

int search_writer_add(struct search_writer *writer, int64_t folder, uint32_t uid, struct mime_source source,
                      struct err *err)
{
	struct search_text text;
	int result;

	begin_message(writer);
	result = search_text_open(&text, source, &writer->arena, err);
	if (result == 0)
		result = search_text_all(&text, &writer->taker, err);
	end_unit(writer);
	if (writer->failed) {
		*err = writer->err;
		return -1;
	}
	if (result != MIME_MORE || writer->terms.overflow) {
		buf_reset(&writer->terms);
		buf_add_str(&writer->terms, STR(SEARCH_TERM_UNSURE));
	}
	db_bind_number(&writer->add_doc, 1, folder << 32 | uid);
	db_bind_text(&writer->add_doc, 2, buf_str(&writer->terms));
	return db_run(&writer->add_doc, err);
}
