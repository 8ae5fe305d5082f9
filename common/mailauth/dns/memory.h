/*
 * mailauth/dns/memory: answers remembered for some seconds, in front of any source: a session that takes message after
 * message from one client asks for the same records again and again.
 *
 * Whole answers of one process alone; nothing temporary is remembered, and nothing longer than MAILAUTH_MEMORY_MS, far
 * less than records usually live. It forgets all at once, when that time is over or when it is full.
 */
#ifndef POSTROOM_MAILAUTH_DNS_MEMORY_H
#define POSTROOM_MAILAUTH_DNS_MEMORY_H

#include "common/mailauth/dns/dns.h"

enum {
	MAILAUTH_MEMORY_MS = 5000,
	MAILAUTH_MEMORY_ANSWERS = 32,
	MAILAUTH_MEMORY_OCTETS = 64 * 1024, /* of all records */
};

struct mailauth_memory_entry {
	const char *name;
	enum mailauth_type type;
	struct mailauth_answer answer;
};

struct mailauth_memory {
	struct mailauth_dns source;
	struct arena arena;
	struct mailauth_memory_entry entries[MAILAUTH_MEMORY_ANSWERS];
	size_t count, octets;
	int64_t begun_ms; /* when the first of them was asked for, io_now_ms() */
};

/* An empty one, which gives back nothing but by mailauth_memory_free. */
void mailauth_memory_init(struct mailauth_memory *memory);
void mailauth_memory_free(struct mailauth_memory *memory);

/* Answers of source, with its deadline, by way of the memory, which must outlive what is returned. */
struct mailauth_dns mailauth_memory_dns(struct mailauth_memory *memory, const struct mailauth_dns *source);

#endif
