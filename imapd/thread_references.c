/* imapd: the REFERENCES algorithm. The numbers of its steps are those of RFC 5256 section 3. */
#include "imapd/thread.h"

#include <stdlib.h>

struct threading {
	const struct thread_message *messages;
	size_t count;
	struct arena *arena;
	struct thread_node **by_id; /* [id]: its message or dummy; NULL: not met yet */
	struct thread_node *nodes;  /* of the messages */
	struct thread_node root;
	struct thread_node *dummies; /* all that were made, by next, until the tree is built */
	struct dated *scratch;       /* of sort_children, for all messages */
};

/* Is `node` above `other`, or the same? */
static bool is_ancestor(const struct thread_node *node, const struct thread_node *other)
{
	while (other != NULL && other != node)
		other = other->parent;
	return other != NULL;
}

/* Only parents are kept while links are made; first_child says whether there is any child: without one there can be no
 * loop, and nothing has to be walked. */
static void link_nodes(struct thread_node *parent, struct thread_node *child)
{
	if (parent == child || (child->first_child != NULL && is_ancestor(child, parent)))
		return;
	child->parent = parent;
	parent->first_child = child;
}

static struct thread_node *node_of_id(struct threading *threading, uint32_t id)
{
	struct thread_node **node = &threading->by_id[id];

	if (*node == NULL) {
		*node = arena_get(threading->arena, sizeof **node);
		(*node)->next = threading->dummies;
		threading->dummies = *node;
	}
	return *node;
}

/* Step 1: of messages with one id the first has it. */
static void take_ids(struct threading *threading)
{
	for (size_t i = 0; i < threading->count; i++) {
		const struct thread_message *message = &threading->messages[i];

		threading->nodes[i].message = message;
		if (message->id != 0 && threading->by_id[message->id] == NULL)
			threading->by_id[message->id] = &threading->nodes[i];
	}
}

/* Steps 1.A and 1.B. */
static void link_message(struct threading *threading, size_t i)
{
	const struct thread_message *message = &threading->messages[i];
	struct thread_node *last = NULL;

	for (size_t r = 0; r < message->reference_count; r++) {
		struct thread_node *node = node_of_id(threading, message->references[r]);

		if (last != NULL && node->parent == NULL)
			link_nodes(last, node);
		last = node;
	}
	threading->nodes[i].parent = NULL;
	if (last != NULL)
		link_nodes(last, &threading->nodes[i]);
}

/* Where a message stands once dummies are pruned (step 3): below the nearest message above it, or below the dummy at
 * the top of its thread. */
static struct thread_node *pruned_parent(struct thread_node *node)
{
	struct thread_node *parent = node->parent;

	while (parent != NULL && parent->message == NULL && parent->parent != NULL)
		parent = parent->parent;
	/* Dummies on the way are not walked again. */
	for (struct thread_node *at = node->parent; at != parent && at != NULL;) {
		struct thread_node *above = at->parent;

		at->parent = parent;
		at = above;
	}
	return parent;
}

static void add_child(struct thread_node *parent, struct thread_node *child)
{
	child->parent = parent;
	child->next = parent->first_child;
	parent->first_child = child;
}

/* Steps 2 and 3: the tree below the root. A dummy at the top stays where it keeps several children together. */
static void build_tree(struct threading *threading)
{
	struct thread_node **parents = arena_get(threading->arena, (threading->count + 1) * sizeof(struct thread_node *));

	for (size_t i = 0; i < threading->count; i++)
		parents[i] = pruned_parent(&threading->nodes[i]);
	for (size_t i = 0; i < threading->count; i++)
		threading->nodes[i].first_child = NULL;
	for (struct thread_node *dummy = threading->dummies; dummy != NULL; dummy = dummy->next)
		dummy->first_child = NULL;
	for (size_t i = 0; i < threading->count; i++)
		add_child(parents[i] != NULL ? parents[i] : &threading->root, &threading->nodes[i]);
	for (struct thread_node *dummy = threading->dummies, *next; dummy != NULL; dummy = next) {
		struct thread_node *child = dummy->first_child;

		next = dummy->next;
		if (child == NULL)
			continue;
		add_child(&threading->root, child->next != NULL ? dummy : child);
	}
}

/* A dummy stands where its first child stands. */
static const struct thread_message *message_of(const struct thread_node *node)
{
	return node->message != NULL ? node->message : node->first_child->message;
}

/* What nodes are sorted by stands beside them: of a hundred thousand, most would have to be fetched from far. */
struct dated {
	int64_t date;
	uint32_t name;
	struct thread_node *node;
};

static int by_date(const void *a, const void *b)
{
	const struct dated *left = a, *right = b;

	if (left->date != right->date)
		return left->date < right->date ? -1 : 1;
	return left->name < right->name ? -1 : left->name > right->name;
}

static void sort_children(struct threading *threading, struct thread_node *parent)
{
	struct thread_node **at = &parent->first_child;
	struct dated *list = threading->scratch;
	size_t count = 0;

	if (parent->first_child == NULL || parent->first_child->next == NULL)
		return;
	for (struct thread_node *child = parent->first_child; child != NULL; child = child->next) {
		const struct thread_message *message = message_of(child);

		list[count++] = (struct dated){message->date, message->name, child};
	}
	qsort(list, count, sizeof *list, by_date);
	for (size_t i = 0; i < count; i++) {
		*at = list[i].node;
		at = &list[i].node->next;
	}
	*at = NULL;
}

/* Steps 4 and 6, but for the root: dummies are at the top alone, so whose children were sorted before decides nothing
 * but their place. */
static void sort_all(struct threading *threading)
{
	for (size_t i = 0; i < threading->count; i++)
		sort_children(threading, &threading->nodes[i]);
	for (struct thread_node *child = threading->root.first_child; child != NULL; child = child->next)
		if (child->message == NULL)
			sort_children(threading, child);
}

/* The subject table: threads by subject, a hash table. */
struct subjects {
	struct subject {
		uint64_t hash;
		struct thread_node *node; /* NULL: a free slot */
		size_t at;                /* its place among the root's children */
	} * slots;
	size_t slot_count;
};

static struct subject *find_subject(const struct subjects *subjects, uint64_t hash)
{
	for (size_t i = hash & (subjects->slot_count - 1);; i = (i + 1) & (subjects->slot_count - 1))
		if (subjects->slots[i].node == NULL || subjects->slots[i].hash == hash)
			return &subjects->slots[i];
}

/* Step 5.B. */
static void fill_subjects(struct subjects *subjects, struct thread_node **children, size_t count, struct arena *arena)
{
	for (subjects->slot_count = 16; subjects->slot_count < 2 * count;)
		subjects->slot_count *= 2;
	subjects->slots = arena_get(arena, subjects->slot_count * sizeof *subjects->slots);
	for (size_t i = 0; i < count; i++) {
		struct thread_node *child = children[i];
		uint64_t hash = message_of(child)->subject;
		struct subject *subject = find_subject(subjects, hash);

		if (hash != 0 && (subject->node == NULL || (subject->node->message != NULL &&
		                                            (child->message == NULL ||
		                                             (subject->node->message->is_reply && !child->message->is_reply)))))
			*subject = (struct subject){hash, child, i};
	}
}

/* Step 5.C. Where both are messages that stand side by side, they become children of a dummy, which takes the place of
 * the one in the table. */
static void merge(struct threading *threading, struct subject *subject, struct thread_node **children,
                  struct thread_node *current)
{
	struct thread_node *table = subject->node;

	if (table->message == NULL && current->message == NULL) {
		while (current->first_child != NULL) {
			struct thread_node *child = current->first_child;

			current->first_child = child->next;
			add_child(table, child);
		}
	} else if (table->message == NULL || (current->message->is_reply && !table->message->is_reply)) {
		add_child(table, current);
	} else {
		subject->node = children[subject->at] = arena_get(threading->arena, sizeof *table);
		add_child(subject->node, current);
		add_child(subject->node, table);
	}
}

/* Step 5. The root keeps those that are in the table, and those without a subject. */
static void merge_subjects(struct threading *threading)
{
	struct thread_node **children = arena_get(threading->arena, (threading->count + 1) * sizeof(struct thread_node *));
	struct subject **merged = arena_get(threading->arena, (threading->count + 1) * sizeof(struct subject *));
	struct subjects subjects;
	size_t count = 0;

	for (struct thread_node *child = threading->root.first_child; child != NULL; child = child->next)
		children[count++] = child;
	fill_subjects(&subjects, children, count, threading->arena);
	for (size_t i = 0; i < count; i++) {
		uint64_t hash = message_of(children[i])->subject;
		struct subject *subject = find_subject(&subjects, hash);

		if (hash != 0 && subject->node != children[i])
			merged[i] = subject;
	}
	for (size_t i = 0; i < count; i++)
		if (merged[i] != NULL)
			merge(threading, merged[i], children, children[i]);
	threading->root.first_child = NULL;
	for (size_t i = count; i-- > 0;)
		if (merged[i] == NULL)
			add_child(&threading->root, children[i]);
}

struct thread_node *thread_by_references(const struct thread_message *messages, size_t count, uint32_t id_count,
                                         bool sorted, struct arena *arena)
{
	struct threading *threading = arena_get(arena, sizeof *threading);

	threading->messages = messages;
	threading->count = count;
	threading->arena = arena;
	threading->by_id = arena_get(arena, ((size_t)id_count + 1) * sizeof(struct thread_node *));
	threading->nodes = arena_get(arena, (count + 1) * sizeof *threading->nodes);
	threading->scratch = arena_get(arena, (count + 1) * sizeof *threading->scratch);
	take_ids(threading);
	for (size_t i = 0; i < count; i++)
		link_message(threading, i);
	build_tree(threading);
	sort_all(threading);
	sort_children(threading, &threading->root);
	merge_subjects(threading);
	sort_all(threading);
	if (sorted)
		sort_children(threading, &threading->root);
	return &threading->root;
}
