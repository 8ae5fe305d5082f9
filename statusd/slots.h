/*
 * slots: what may happen only so often at a time, for each key and altogether; who finds no room waits in a queue.
 *
 * Pure bookkeeping: no clock, no channel, no event loop of its own. Nobody who came later is served before somebody
 * with the same needs; who waits for a key that is full keeps nobody else waiting. A holder has one slot of a class,
 * and SLOTS_PER_HOLDER altogether, so that a session which was taken over can keep little from others.
 */
#ifndef POSTROOM_STATUSD_SLOTS_H
#define POSTROOM_STATUSD_SLOTS_H

#include "common/base/err.h"
#include "common/base/str.h"

#include <sys/queue.h>

enum {
	SLOTS_PER_HOLDER = 8,
	SLOTS_CLASSES_MAX = 32,
	SLOTS_NAME_MAX = 32, /* octets of a class's name with the NUL */
	SLOTS_BUCKETS = 1024,
};

struct slot;
struct slot_counter;

/* All slots of one session; empty where zeroed. */
struct slot_holder {
	struct slot *slots;
	int count;
};

struct slot_class {
	char name[SLOTS_NAME_MAX];
	size_t held;
	size_t counters; /* keys in use; 0: the place is free for another class */
	TAILQ_HEAD(slot_queue, slot) waiting;
};

/* A question that waited is decided: granted, or its time has passed, or its holder has ended. */
typedef void slots_decided(void *waiter, bool granted, void *context);

struct slots {
	struct slot_class classes[SLOTS_CLASSES_MAX];
	struct slot_counter *buckets[SLOTS_BUCKETS];
	slots_decided *decided;
	void *context;
};

struct slot_request {
	struct str class;
	struct str key; /* empty: the limit for a key does not apply */
	int64_t limit;  /* for the key; 0: any */
	int64_t total;  /* for the class; 0: any */
	int64_t wait_ms;
};

enum slot_state { SLOT_NONE, SLOT_WAITING, SLOT_HELD };

void slots_init(struct slots *slots, slots_decided *decided, void *context);

/*
 * Ask for a slot. SLOT_HELD: it is the holder's. SLOT_WAITING: it stands in the queue until now_ms + wait_ms.
 * SLOT_NONE: there is no room and wait_ms is 0, with ERR_LIMIT in err; or the request is against the limits of this
 * module, with ERR_PROTOCOL. Another slot of the same class that the holder had is given back first.
 */
enum slot_state slots_ask(struct slots *slots, struct slot_holder *holder, const struct slot_request *request,
                          int64_t now_ms, struct err *err);
/*
 * How it stands with the holder's slot of a class. Where it waits, and nobody waits for it yet, waiter is kept until
 * `decided` is called with it: *kept tells.
 */
enum slot_state slots_wait(struct slot_holder *holder, struct str class, void *waiter, bool *kept);
/* Give the slot of a class back, or leave its queue; nothing where there is none. */
void slots_free(struct slots *slots, struct slot_holder *holder, struct str class);
/* The holder has ended: all its slots are free. */
void slots_forget(struct slots *slots, struct slot_holder *holder);

/* Refuse those who waited long enough. Returns milliseconds until the next may have, or -1: nobody waits. */
int64_t slots_expire(struct slots *slots, int64_t now_ms);

#endif
