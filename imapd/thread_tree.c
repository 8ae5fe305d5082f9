/* imapd: ids of messages, ORDEREDSUBJECT, and how threads are written. */
#include "imapd/thread.h"

#include <stdlib.h>

enum { EXPECTED_MIN = 500 };

uint64_t thread_hash(struct str text)
{
	uint64_t hash = 14695981039346656037U; /* FNV-1a, its bits mixed at the end */

	for (size_t i = 0; i < text.len; i++)
		hash = (hash ^ (unsigned char)text.data[i]) * 1099511628211U;
	hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccdU;
	hash ^= hash >> 33;
	return hash != 0 ? hash : 1;
}

void thread_ids_init(struct thread_ids *ids, size_t expected, struct arena *arena)
{
	*ids = (struct thread_ids){.arena = arena, .slot_count = 1};
	while (ids->slot_count < 2 * (expected > EXPECTED_MIN ? expected : EXPECTED_MIN))
		ids->slot_count *= 2;
	ids->capacity = ids->slot_count / 2;
	ids->list = arena_get(arena, ids->capacity * sizeof *ids->list);
	ids->slots = arena_get(arena, ids->slot_count * sizeof *ids->slots);
}

static uint32_t *slot_of(const struct thread_ids *ids, uint64_t hash)
{
	for (uint32_t i = (uint32_t)hash & (ids->slot_count - 1);; i = (i + 1) & (ids->slot_count - 1))
		if (ids->slots[i] == 0 || ids->list[ids->slots[i]] == hash)
			return &ids->slots[i];
}

/* Twice as large; what was is left in the arena. */
static void grow(struct thread_ids *ids)
{
	uint64_t *list = arena_get(ids->arena, (size_t)ids->capacity * 2 * sizeof *list);

	memcpy(list, ids->list, (ids->count + 1) * sizeof *list);
	ids->list = list;
	ids->capacity *= 2;
	ids->slot_count *= 2;
	ids->slots = arena_get(ids->arena, ids->slot_count * sizeof *ids->slots);
	for (uint32_t i = 1; i <= ids->count; i++)
		*slot_of(ids, list[i]) = i;
}

uint32_t thread_id(struct thread_ids *ids, uint64_t hash)
{
	uint32_t *slot = slot_of(ids, hash);

	if (*slot != 0)
		return *slot;
	if (ids->count + 1 == ids->capacity) {
		grow(ids);
		slot = slot_of(ids, hash);
	}
	*slot = ++ids->count;
	ids->list[ids->count] = hash;
	return ids->count;
}

static int by_date(const void *a, const void *b)
{
	const struct thread_message *left = *(const struct thread_message *const *)a;
	const struct thread_message *right = *(const struct thread_message *const *)b;

	if (left->date != right->date)
		return left->date < right->date ? -1 : 1;
	return left->name < right->name ? -1 : left->name > right->name;
}

static int by_subject(const void *a, const void *b)
{
	const struct thread_message *left = *(const struct thread_message *const *)a;
	const struct thread_message *right = *(const struct thread_message *const *)b;

	if (left->subject != right->subject) /* in whichever order */
		return left->subject < right->subject ? -1 : 1;
	return by_date(a, b);
}

static int by_first_message(const void *a, const void *b)
{
	const struct thread_node *left = *(const struct thread_node *const *)a;
	const struct thread_node *right = *(const struct thread_node *const *)b;

	return by_date(&left->message, &right->message);
}

/* Messages of one subject: the second and all after it are children of the first. */
static struct thread_node *make_thread(const struct thread_message **messages, size_t count, struct arena *arena)
{
	struct thread_node *nodes = arena_get(arena, count * sizeof *nodes);

	for (size_t i = 0; i < count; i++) {
		nodes[i].message = messages[i];
		nodes[i].parent = i > 0 ? &nodes[0] : NULL;
		if (i > 0)
			nodes[i].next = i + 1 < count ? &nodes[i + 1] : NULL;
	}
	nodes[0].first_child = count > 1 ? &nodes[1] : NULL;
	return nodes;
}

struct thread_node *thread_by_subject(const struct thread_message *messages, size_t count, struct arena *arena)
{
	const struct thread_message **sorted = arena_get(arena, (count + 1) * sizeof(const struct thread_message *));
	struct thread_node **threads = arena_get(arena, (count + 1) * sizeof(struct thread_node *));
	struct thread_node *root = arena_get(arena, sizeof *root), **at = &root->first_child;
	size_t thread_count = 0;

	for (size_t i = 0; i < count; i++)
		sorted[i] = &messages[i];
	qsort(sorted, count, sizeof(const struct thread_message *), by_subject);
	for (size_t first = 0, end; first < count; first = end) {
		for (end = first + 1; end < count && sorted[end]->subject == sorted[first]->subject;)
			end++;
		threads[thread_count++] = make_thread(sorted + first, end - first, arena);
	}
	qsort(threads, thread_count, sizeof(struct thread_node *), by_first_message);
	for (size_t i = 0; i < thread_count; i++) {
		threads[i]->parent = root;
		*at = threads[i];
		at = &threads[i]->next;
	}
	return root;
}

/* A list begins at a thread, and where a message has several answers; a single answer stands in its parent's list. */
static bool begins_list(const struct thread_node *node)
{
	return node->parent->message == NULL || node->parent->first_child->next != NULL;
}

int thread_write(const struct thread_node *root, struct buf *text)
{
	const struct thread_node *node = root->first_child;

	while (node != NULL && node != root) {
		bool is_first_answer = node->parent->message != NULL && node == node->parent->first_child;

		if (is_first_answer)
			buf_add_char(text, ' ');
		if (begins_list(node))
			buf_add_char(text, '(');
		if (node->message != NULL)
			buf_printf(text, "%u", node->message->name);
		if (node->first_child != NULL) {
			node = node->first_child;
			continue;
		}
		for (;; node = node->parent) {
			if (node == root)
				return text->overflow ? -1 : 0;
			if (begins_list(node))
				buf_add_char(text, ')');
			if (node->next != NULL)
				break;
		}
		node = node->next;
	}
	return text->overflow ? -1 : 0;
}

/* The next node in the order in which threads are written, within the thread below root that `node` is in; *depth is
 * how many messages stand above it. NULL: that was the last. */
static const struct thread_node *next_in_thread(const struct thread_node *root, const struct thread_node *node,
                                                unsigned *depth)
{
	if (node->first_child != NULL) {
		*depth += node->message != NULL;
		return node->first_child;
	}
	for (; node->parent != root; node = node->parent) {
		if (node->next != NULL)
			return node->next;
		*depth -= node->parent->message != NULL;
	}
	return NULL;
}

/* Messages stand in the folder's order, so the newest of a thread is the one that stands last. */
static size_t newest_of(const struct thread_node *root, const struct thread_node *thread,
                        const struct thread_message *messages)
{
	size_t newest = 0;
	unsigned depth = 0;

	for (const struct thread_node *node = thread; node != NULL; node = next_in_thread(root, node, &depth))
		if (node->message != NULL && (size_t)(node->message - messages) > newest)
			newest = (size_t)(node->message - messages);
	return newest;
}

size_t thread_keep_newest(struct thread_node *root, const struct thread_message *messages, size_t count, size_t first,
                          size_t last, struct arena *arena)
{
	struct thread_node **by_newest = arena_get(arena, (count + 1) * sizeof(struct thread_node *));
	struct thread_node **at = &root->first_child;
	size_t threads = 0;

	for (struct thread_node *thread = root->first_child; thread != NULL; thread = thread->next)
		by_newest[newest_of(root, thread, messages)] = thread;
	for (size_t i = count; i-- > 0;) {
		if (by_newest[i] == NULL)
			continue;
		threads++;
		if (threads < first || threads > last)
			continue;
		*at = by_newest[i];
		at = &by_newest[i]->next;
	}
	*at = NULL;
	return threads;
}

int thread_write_flat(const struct thread_node *root, struct buf *text)
{
	for (const struct thread_node *thread = root->first_child; thread != NULL; thread = thread->next) {
		const char *before = thread == root->first_child ? "(" : " (";
		unsigned depth = 0;

		for (const struct thread_node *node = thread; node != NULL; node = next_in_thread(root, node, &depth))
			if (node->message != NULL) {
				buf_printf(text, "%s%u %u", before, node->message->name, depth);
				before = " ";
			}
		buf_add_char(text, ')');
	}
	return text->overflow ? -1 : 0;
}
