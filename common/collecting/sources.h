/*
 * sources: where in a header recipients are named; for this folder alone.
 */
#ifndef POSTROOM_COLLECTING_SOURCES_H
#define POSTROOM_COLLECTING_SOURCES_H

#include "common/collecting/routing.h"
#include "common/mime/header.h"

/* A message while its recipients are looked for. */
struct finder {
	const struct routing_options *options;
	const struct routing_asker *asker;
	struct arena *arena;
	struct routing *routing;
	bool explain;
	size_t address_room, recipient_room, step_room;
	struct mime_field *fields;
	size_t field_count;
};

/* Add a sentence to the explanation, where one is wanted. */
void finder_explain(struct finder *finder, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Somebody is named, in a field called `where`: ask what that address is, and take him where he is one of ours. *ours:
 * set where the address is not a foreign one. -1: the asker could not say.
 */
int finder_take(struct finder *finder, const char *where, struct str local_part, struct str domain, bool *ours,
                struct err *err);
/* Give the message to whom an administrator names. */
void finder_name(struct finder *finder, const struct rule_targets *targets);

/* Read one kind of fields. -1: as finder_take. */
int sources_special(struct finder *finder, struct err *err);
int sources_standard(struct finder *finder, struct err *err);
int sources_received(struct finder *finder, struct err *err);
int sources_names(struct finder *finder, struct err *err);
int sources_subject(struct finder *finder, struct err *err);

/* What a Received field says behind "for" (RFC 5321 4.4), with or without brackets; empty: nothing. */
struct str sources_received_for(struct str value);

#endif
