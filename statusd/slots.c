#include "statusd/slots.h"

#include "common/base/memory.h"

struct slot {
	struct slot *next; /* of the same holder */
	struct slot_holder *holder;
	struct slot_counter *counter;
	bool held; /* else it waits in the class's queue */
	int64_t limit, total;
	int64_t until_ms;
	void *waiter; /* who asked for the outcome; NULL: nobody yet */
	TAILQ_ENTRY(slot) queue;
};

/* How many have slots of one class and key, or wait for them. */
struct slot_counter {
	struct slot_counter *next; /* in the same bucket */
	struct slot_class *class;
	char *key;
	int64_t held;
	size_t users; /* slots that refer to it */
};

void slots_init(struct slots *slots, slots_decided *decided, void *context)
{
	*slots = (struct slots){.decided = decided, .context = context};
	for (size_t i = 0; i < SLOTS_CLASSES_MAX; i++)
		TAILQ_INIT(&slots->classes[i].waiting);
}

static struct slot_class *class_find(struct slots *slots, struct str name)
{
	for (size_t i = 0; i < SLOTS_CLASSES_MAX; i++)
		if (slots->classes[i].counters > 0 && str_equal(str_of(slots->classes[i].name), name))
			return &slots->classes[i];
	return NULL;
}

/* A place for a class that nobody uses yet; NULL where all are taken or the name is not usable. */
static struct slot_class *class_make(struct slots *slots, struct str name)
{
	for (size_t i = 0; i < SLOTS_CLASSES_MAX; i++)
		if (slots->classes[i].counters == 0)
			return name.len > 0 && str_copy(name, slots->classes[i].name, SLOTS_NAME_MAX) ? &slots->classes[i] : NULL;
	return NULL;
}

/* FNV-1a. Sessions choose few keys each, so that nobody can fill one bucket. */
static size_t bucket_of(const struct slot_class *class, struct str key)
{
	uint32_t hash = 2166136261U + (uint32_t) class->name[0];

	for (size_t i = 0; i < key.len; i++)
		hash = (hash ^ (unsigned char)key.data[i]) * 16777619U;
	return hash % SLOTS_BUCKETS;
}

static struct slot_counter *counter_get(struct slots *slots, struct slot_class *class, struct str key)
{
	struct slot_counter **bucket = &slots->buckets[bucket_of(class, key)], *counter = *bucket;

	while (counter != NULL && (counter->class != class || !str_equal(str_of(counter->key), key)))
		counter = counter->next;
	if (counter == NULL) {
		counter = memory_get(sizeof *counter);
		counter->class = class;
		counter->key = memory_text(key);
		counter->next = *bucket;
		*bucket = counter;
		class->counters++;
	}
	counter->users++;
	return counter;
}

static void counter_leave(struct slots *slots, struct slot_counter *counter)
{
	struct slot_counter **link;

	if (--counter->users > 0)
		return;
	link = &slots->buckets[bucket_of(counter->class, str_of(counter->key))];
	while (*link != counter)
		link = &(*link)->next;
	*link = counter->next;
	counter->class->counters--;
	memory_free(counter->key);
	memory_free(counter);
}

static bool has_room(const struct slot *slot)
{
	const struct slot_counter *counter = slot->counter;

	if (slot->limit > 0 && counter->key[0] != '\0' && counter->held >= slot->limit)
		return false;
	return slot->total == 0 || counter->class->held < (size_t)slot->total;
}

static void decide(struct slots *slots, struct slot *slot, bool granted)
{
	void *waiter = slot->waiter;

	slot->waiter = NULL;
	if (waiter != NULL)
		slots->decided(waiter, granted, slots->context);
}

/* Whoever there is room for, in the order of asking. */
static void grant(struct slots *slots, struct slot_class *class)
{
	struct slot *slot, *next;

	for (slot = TAILQ_FIRST(&class->waiting); slot != NULL; slot = next) {
		next = TAILQ_NEXT(slot, queue);
		if (!has_room(slot))
			continue;
		TAILQ_REMOVE(&class->waiting, slot, queue);
		slot->held = true;
		slot->counter->held++;
		class->held++;
		decide(slots, slot, true);
	}
}

static struct slot *find(const struct slot_holder *holder, struct str class)
{
	struct slot *slot = holder->slots;

	while (slot != NULL && !str_equal(str_of(slot->counter->class->name), class))
		slot = slot->next;
	return slot;
}

/* Take a slot out of everything, without looking who gets its place. Returns its class. */
static struct slot_class *slot_remove(struct slots *slots, struct slot *slot)
{
	struct slot_class *class = slot->counter->class;
	struct slot **link = &slot->holder->slots;

	while (*link != slot)
		link = &(*link)->next;
	*link = slot->next;
	slot->holder->count--;
	if (slot->held) {
		slot->counter->held--;
		class->held--;
	} else {
		TAILQ_REMOVE(&class->waiting, slot, queue);
	}
	decide(slots, slot, false);
	counter_leave(slots, slot->counter);
	memory_free(slot);
	return class;
}

void slots_free(struct slots *slots, struct slot_holder *holder, struct str class)
{
	struct slot *slot = find(holder, class);

	if (slot != NULL)
		grant(slots, slot_remove(slots, slot));
}

void slots_forget(struct slots *slots, struct slot_holder *holder)
{
	while (holder->slots != NULL)
		grant(slots, slot_remove(slots, holder->slots));
}

static struct slot *slot_add(struct slot_holder *holder, struct slot_counter *counter,
                             const struct slot_request *request, int64_t now_ms)
{
	struct slot *slot = memory_get(sizeof *slot);

	slot->holder = holder;
	slot->counter = counter;
	slot->limit = request->limit;
	slot->total = request->total;
	slot->until_ms = now_ms + request->wait_ms;
	slot->next = holder->slots;
	holder->slots = slot;
	holder->count++;
	TAILQ_INSERT_TAIL(&counter->class->waiting, slot, queue);
	return slot;
}

enum slot_state slots_ask(struct slots *slots, struct slot_holder *holder, const struct slot_request *request,
                          int64_t now_ms, struct err *err)
{
	struct slot_class *class;
	struct slot *slot;

	slots_free(slots, holder, request->class);
	class = class_find(slots, request->class);
	if (class == NULL)
		class = class_make(slots, request->class);
	if (class == NULL || holder->count == SLOTS_PER_HOLDER) {
		err_set(err, ERR_PROTOCOL, "more slots than a session or more classes than the server may have");
		return SLOT_NONE;
	}
	slot = slot_add(holder, counter_get(slots, class, request->key), request, now_ms);
	grant(slots, class);
	if (slot->held)
		return SLOT_HELD;
	if (request->wait_ms > 0)
		return SLOT_WAITING;
	slot_remove(slots, slot);
	err_set(err, ERR_LIMIT, "all slots are taken");
	return SLOT_NONE;
}

enum slot_state slots_wait(struct slot_holder *holder, struct str class, void *waiter, bool *kept)
{
	struct slot *slot = find(holder, class);

	*kept = false;
	if (slot == NULL)
		return SLOT_NONE;
	if (!slot->held && slot->waiter == NULL) {
		slot->waiter = waiter;
		*kept = true;
	}
	return slot->held ? SLOT_HELD : SLOT_WAITING;
}

static int64_t expire_class(struct slots *slots, struct slot_class *class, int64_t now_ms)
{
	struct slot *slot, *next;
	int64_t soonest = -1;

	for (slot = TAILQ_FIRST(&class->waiting); slot != NULL; slot = next) {
		int64_t left = slot->until_ms - now_ms;

		next = TAILQ_NEXT(slot, queue);
		if (left <= 0)
			slot_remove(slots, slot);
		else if (soonest < 0 || left < soonest)
			soonest = left;
	}
	return soonest;
}

int64_t slots_expire(struct slots *slots, int64_t now_ms)
{
	int64_t soonest = -1;

	for (size_t i = 0; i < SLOTS_CLASSES_MAX; i++) {
		int64_t left = expire_class(slots, &slots->classes[i], now_ms);

		if (left >= 0 && (soonest < 0 || left < soonest))
			soonest = left;
	}
	return soonest;
}
