/*
 * resolve: an address in, what it means here out.
 *
 * The one place that decides who gets a recipient's mail. The first step that says anything decides (specification 01
 * 10.2, 03 Mappings, 07 Local mail):
 *   1. mappings: all that match the full address (also at foreign domains) or, at local domains, the name;
 *   2. what the name at a local domain implies: user, list, group; postmaster and abuse, the mailer daemon, the list
 *      server, training addresses; the fax mailbox for numbers;
 *   3. the mapping "~@domain";
 *   4. a local domain: unknown, or sent out where a setting says so; another: remote.
 * What a collector fetched and forwards to a server goes there before all that; its settings say what domains are
 * local, and whether names of users count (collected.h).
 *
 * Targets of mappings are not mapped again. Lists and groups lead on to their members (expand.h); members are first
 * looked for by name, and only then mapped.
 *
 * It reads the settings snapshot and nothing else; what it is given may be any bytes. Nothing here waits. The answer
 * does not depend on the order in which objects were made.
 *
 * Files: snapshot.c what is asked of the settings; mapping.c, wildcards.c which mappings match; names.c what names and
 * targets lead to; expand.c lists and groups; targets.c the set of targets, the explanation; resolve.c the steps.
 */
#ifndef POSTROOM_RESOLVER_RESOLVE_H
#define POSTROOM_RESOLVER_RESOLVE_H

#include "resolver/collected.h"
#include "resolver/snapshot.h"

enum {
	RESOLVE_TARGETS_MAX = 100000, /* targets of one address */
	RESOLVE_STEPS_MAX = 2000,     /* sentences of an explanation */
	RESOLVE_LEVELS_MAX = 20,      /* lists in lists */
	RESOLVE_DOMAINS_MAX = 1000,   /* accepted domains of a collector */
};

enum resolve_via { RESOLVE_SMTP /* and what this server made itself */, RESOLVE_POP3 };

struct resolve_question {
	struct str address; /* as in RCPT, without brackets; "postmaster" needs no domain. Empty: mappings of from alone */
	struct str from;    /* the sender's address, for FROM mappings; empty: none, or not known */
	enum resolve_via via;
	bool is_local;             /* the sender is one of ours: logged in, may relay, or one of our daemons */
	bool is_member;            /* the address is a member of a list: names come before mappings */
	bool no_implied;           /* a name alone means no user */
	bool brief;                /* lists and groups stay as they are */
	int64_t collector;         /* that fetched it; 0: none */
	const struct str *domains; /* accepted ones, instead of the collector's or the local ones; NULL: not given */
	size_t domain_count;
	bool explain;
	struct lan_script *lan_script; /* changes the rules of LAN forwarding; NULL: they are as they are */
};

enum resolve_kind {
	RESOLVE_LOCAL,   /* ours to deal with: the targets say where it goes */
	RESOLVE_REMOTE,  /* another server's */
	RESOLVE_UNKNOWN, /* a local domain, and nobody there has that name */
	RESOLVE_FAILED,  /* ours, but where it goes cannot be said: see words */
};

enum target_kind { TARGET_USER, TARGET_REMOTE, TARGET_LIST, TARGET_GROUP, TARGET_LAN, TARGET_DISCARD };

struct resolve_target {
	enum target_kind kind;
	int64_t id;       /* of user, list, group; else 0, which is the list server among lists */
	struct str text;  /* name, address, or why it is discarded */
	struct str cause; /* how it was reached, see doc/ipc.md */
	bool has_from;    /* LAN: it goes there with another return path */
	struct str from;
};

struct resolution {
	struct arena *arena;
	enum resolve_kind kind;
	struct str words; /* of RESOLVE_FAILED, for the sender */
	struct resolve_target *targets;
	size_t target_count, target_capacity;
	uint32_t *slots; /* a hash table of the targets: index + 1, or 0 */
	size_t slot_count;
	struct str steps[RESOLVE_STEPS_MAX]; /* where asked to explain: a sentence for each step that was taken */
	size_t step_count;
	bool is_own; /* the address is of a local domain, or an accepted one */
	bool explain;
};

/* Answers questions about one snapshot. */
struct resolver {
	struct snapshot snapshot;
	uint64_t restrictions_generation; /* of the settings that has_restrictions (permitted.h) is about */
	bool has_restrictions;
	struct collected collected; /* what was read last of a collector */
};

/* settings must have been opened with keep_open and outlive the resolver. -1: ERR_CORRUPT, ERR_TEMPORARY. */
int resolver_open(struct resolver *resolver, struct settings *settings, struct err *err);
void resolver_close(struct resolver *resolver);
/* Go over to a newer snapshot where there is one. Called before each question; a memory read when nothing moved. */
int resolver_refresh(struct resolver *resolver, struct err *err);

/*
 * resolution  filled in; views into arena
 * Returns 0; -1 with ERR_SYNTAX (not an address), ERR_LIMIT (too many targets), or why the snapshot cannot be read.
 */
int resolve_address(struct resolver *resolver, const struct resolve_question *question, struct arena *arena,
                    struct resolution *resolution, struct err *err);

/* Is this domain (any spelling) one of ours? A literal never is. -1: ERR_SYNTAX, or the snapshot cannot be read. */
int resolve_is_local(struct resolver *resolver, struct str domain, struct arena *arena, bool *local_out,
                     struct err *err);

const char *resolve_kind_word(enum resolve_kind kind);
const char *target_kind_word(enum target_kind kind);

#endif
