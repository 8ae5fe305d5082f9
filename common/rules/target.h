/*
 * target: where a rule sends a message instead, or too: "fred Customers, bob, carl@example.net".
 *
 * Names or addresses, separated by commas; behind a blank the folder of a local one's mailbox. The text may come from a
 * script that read the message, so it is held to the syntax of addresses here; whether somebody is there the resolver
 * says later.
 */
#ifndef POSTROOM_RULES_TARGET_H
#define POSTROOM_RULES_TARGET_H

#include "common/base/arena.h"
#include "common/base/err.h"

enum {
	TARGETS_MAX = 100,
	TARGET_FOLDER_MAX = 200, /* octets */
};

struct rule_target {
	struct str address; /* "fred", or with its domain */
	struct str folder;  /* "" without */
};

struct rule_targets {
	struct rule_target *list;
	size_t count;
};

/* Parse; all is copied into arena. -1: ERR_SYNTAX, ERR_LIMIT. */
int targets_parse(struct str text, struct arena *arena, struct rule_targets *targets_out, struct err *err);
/* The normal form. */
struct str targets_format(const struct rule_targets *targets, struct arena *arena);

#endif
