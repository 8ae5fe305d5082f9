#include "imapd/view_keywords.h"

#include "common/base/memory.h"

enum {
	FIRST_CAPACITY = 16,
	TRIM_FROM = 1024, /* combinations that are kept without looking whether they are in use */
};

struct str view_keywords(const struct view *view, const struct view_message *message)
{
	return message->keywords != 0 ? view->keywords[message->keywords] : STR("");
}

bool view_has_keyword(const struct view *view, const struct view_message *message, struct str keyword)
{
	struct str rest = view_keywords(view, message);

	while (rest.len > 0)
		if (str_equal_nocase(str_cut_word(&rest), keyword))
			return true;
	return false;
}

/* FNV-1a: spreads well, and a bad spread costs time only. */
static uint32_t hash(struct str text)
{
	uint32_t value = 2166136261U;

	for (size_t i = 0; i < text.len; i++)
		value = (value ^ (unsigned char)text.data[i]) * 16777619U;
	return value;
}

/* The slot that has the combination, or the free one where it belongs. */
static uint32_t *find_slot(const struct view *view, struct str keywords)
{
	size_t mask = view->keyword_capacity * 2 - 1;
	size_t at = hash(keywords) & mask;

	while (view->keyword_slots[at] != 0 && !str_equal(view->keywords[view->keyword_slots[at]], keywords))
		at = (at + 1) & mask;
	return &view->keyword_slots[at];
}

static void grow(struct view *view)
{
	view->keyword_capacity = view->keyword_capacity != 0 ? view->keyword_capacity * 2 : FIRST_CAPACITY;
	view->keywords = memory_resize(view->keywords, view->keyword_capacity * sizeof *view->keywords);
	memory_free(view->keyword_slots);
	view->keyword_slots = memory_get(view->keyword_capacity * 2 * sizeof *view->keyword_slots);
	if (view->keyword_count == 0)
		view->keywords[view->keyword_count++] = STR("");
	for (size_t i = 1; i < view->keyword_count; i++)
		*find_slot(view, view->keywords[i]) = (uint32_t)i;
}

static void add_word(struct view *view, struct str word)
{
	for (size_t i = 0; i < view->word_count; i++)
		if (str_equal_nocase(view->words[i], word))
			return;
	if (view->word_count == view->word_capacity) {
		view->word_capacity = view->word_capacity != 0 ? view->word_capacity * 2 : FIRST_CAPACITY;
		view->words = memory_resize(view->words, view->word_capacity * sizeof *view->words);
	}
	view->words[view->word_count++] = str_from(memory_text(word), word.len);
	view->words_grew = true;
}

bool view_find_keywords(struct view *view, struct str keywords, uint32_t *index)
{
	struct str rest;
	uint32_t *slot;

	*index = 0;
	if (keywords.len == 0)
		return true;
	if (view->keyword_count + 1 >= view->keyword_capacity)
		grow(view);
	slot = find_slot(view, keywords);
	if (*slot == 0) {
		if (view->keyword_count >= VIEW_KEYWORDS_MAX)
			return false;
		*slot = (uint32_t)view->keyword_count;
		rest = view->keywords[view->keyword_count++] = arena_copy(&view->keyword_arena, keywords);
		while (rest.len > 0)
			add_word(view, str_cut_word(&rest));
	}
	*index = *slot;
	return true;
}

void view_trim_keywords(struct view *view)
{
	struct arena old_arena = view->keyword_arena;
	struct str *old = view->keywords;

	if (view->keyword_count < TRIM_FROM + view->count * 2)
		return;
	arena_init(&view->keyword_arena);
	memory_free(view->keyword_slots);
	view->keywords = NULL;
	view->keyword_slots = NULL;
	view->keyword_count = view->keyword_capacity = 0;
	for (size_t i = 0; i < view->count; i++) {
		struct view_message *message = &view->messages[i];
		uint32_t index = 0;

		if (message->keywords != 0)
			view_find_keywords(view, old[message->keywords], &index); /* there are not more than before */
		message->keywords = index & (VIEW_KEYWORDS_MAX - 1);
	}
	memory_free(old);
	arena_free(&old_arena);
}

void view_free_keywords(struct view *view)
{
	for (size_t i = 0; i < view->word_count; i++)
		memory_free((char *)view->words[i].data);
	memory_free(view->words);
	memory_free(view->keywords);
	memory_free(view->keyword_slots);
	arena_free(&view->keyword_arena);
}

void view_expect(struct view *view, struct view_message *message, const struct store_change *change)
{
	unsigned flags = message->flags & VIEW_STORE_FLAGS;
	uint32_t index = message->keywords;
	struct buf keywords;

	if (change->how == STORE_SET)
		flags = change->flags;
	else
		flags = change->how == STORE_ADD ? flags | change->flags : flags & ~change->flags;
	flags = (flags & ~change->closed) | (message->flags & change->closed);
	if (!change->closed_keywords && (change->keywords.len > 0 || (change->how == STORE_SET && index != 0))) {
		buf_init(&keywords, STORE_KEYWORDS_MAX);
		if (keywords_change(view_keywords(view, message), change->how, change->keywords, &keywords, NULL) == 0)
			view_find_keywords(view, buf_str(&keywords), &index);
		buf_free(&keywords);
	}
	message->flags = (message->flags & ~(unsigned)VIEW_STORE_FLAGS) | (flags & VIEW_STORE_FLAGS) | VIEW_EXPECTED;
	message->keywords = index & (VIEW_KEYWORDS_MAX - 1);
}
