/*
 * ruling: what download rules say of a message; what the collector and `postroom collect explain` share.
 */
#ifndef POSTROOM_COLLECTING_RULING_H
#define POSTROOM_COLLECTING_RULING_H

#include "common/collecting/action.h"
#include "common/collecting/routing.h"
#include "common/rules/rules.h"

/* The message that is ruled on. */
struct ruling_case {
	struct str collector; /* its name */
	int64_t number;
	uint64_t size; /* octets; 0: not known */
	struct str header;
	const struct routing *routing;
	time_t now;
};

struct ruling {
	enum rule_action word; /* RULE_DOWNLOAD where no rule ended the run */
	struct rule_targets targets;
	struct rules_lines lines; /* that rules set */
	struct str by;            /* "rule 3 \"big ones\": query", or "no rule" */
};

/* Run the rules; tell is called for each. Texts are in arena, or the rules'. */
void ruling_make(const struct rules *rules, const struct ruling_case *matter,
                 void (*tell)(void *context, const struct rules_event *event), void *context, struct arena *arena,
                 struct ruling *ruling_out);

#endif
