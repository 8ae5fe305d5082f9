/*
 * resolve: an address in, what it means here out.
 *
 * The one place that decides who gets a recipient's mail. Order (specification 01, 10.2, as far as built): explicit
 * mappings of the full address (also at foreign domains) and of the bare name at local domains, all that match, their
 * targets not mapped again; then what a local domain implies: the user of that name, postmaster, mailer-daemon; else
 * unknown here. An address at a domain that is not local, and that no mapping takes, is remote.
 *
 * It reads the settings snapshot and nothing else; what it is given may be any bytes. Nothing here waits.
 */
#ifndef POSTROOM_RESOLVER_RESOLVE_H
#define POSTROOM_RESOLVER_RESOLVE_H

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/settings/settings.h"

enum {
	RESOLVE_TARGETS_MAX = 1000, /* targets of one address; what is more belongs in a list */
	RESOLVE_STEPS_MAX = 2100,   /* sentences of an explanation: two for each target and a few more */
};

enum resolve_kind {
	RESOLVE_LOCAL,   /* ours to deal with: the targets say where it goes */
	RESOLVE_REMOTE,  /* another server's */
	RESOLVE_UNKNOWN, /* a local domain, and nobody there has that name */
};

struct resolve_target {
	int64_t uid;        /* of a user; 0 where the target is remote (uids begin at 1) */
	struct str address; /* user name, or remote address with its domain normalised */
};

struct resolution {
	enum resolve_kind kind;
	struct resolve_target targets[RESOLVE_TARGETS_MAX];
	size_t target_count;
	struct str steps[RESOLVE_STEPS_MAX]; /* where asked to explain: a sentence for each step that was taken */
	size_t step_count;
	bool explain; /* set by the caller */
};

/* Prepared questions to one snapshot. */
struct resolver {
	struct settings *settings;
	bool prepared;
	struct db_statement domain, mapping, user, administrator;
};

/* settings must have been opened with keep_open and outlive the resolver. -1: ERR_CORRUPT, ERR_TEMPORARY. */
int resolver_open(struct resolver *resolver, struct settings *settings, struct err *err);
void resolver_close(struct resolver *resolver);
/* Go over to a newer snapshot where there is one. Called before each question; a memory read when nothing moved. */
int resolver_refresh(struct resolver *resolver, struct err *err);

/*
 * address     as in RCPT, without brackets; "postmaster" needs no domain
 * resolution  filled in; views into arena
 * Returns 0; -1 with ERR_SYNTAX (not an address), ERR_LIMIT (too many targets), or why the snapshot cannot be read.
 */
int resolve_address(struct resolver *resolver, struct str address, struct arena *arena, struct resolution *resolution,
                    struct err *err);

/* Is this domain (any spelling) one of ours? A literal never is. -1: ERR_SYNTAX, or the snapshot cannot be read. */
int resolve_is_local(struct resolver *resolver, struct str domain, struct arena *arena, bool *local_out,
                     struct err *err);

const char *resolve_kind_word(enum resolve_kind kind);

#endif
