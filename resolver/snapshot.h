/*
 * snapshot: one generation of the settings, ready to be asked.
 *
 * Questions about one row are prepared statements on the published database, which has an index for each. What no
 * index answers, patterns with wildcards, is read into memory once for each generation (wildcards.h), so that no
 * question looks at every mapping.
 */
#ifndef POSTROOM_RESOLVER_SNAPSHOT_H
#define POSTROOM_RESOLVER_SNAPSHOT_H

#include "common/lan/rules.h"
#include "common/lan/verifier.h"
#include "common/settings/settings.h"
#include "resolver/wildcards.h"

enum snapshot_question {
	ASK_DOMAIN,        /* 1 for a domain */
	ASK_MAPPING,       /* target, type, collector of a pattern */
	ASK_USER,          /* uid, name of a name */
	ASK_LIST,          /* id, name, type, open to strangers (0/1) of a name */
	ASK_GROUP,         /* id, name of a name */
	ASK_MEMBERS,       /* address for a list's number, sorted */
	ASK_GROUP_USERS,   /* uid, name for a group's number */
	ASK_EVERYONE,      /* uid, name */
	ASK_ADMINS,        /* uid, name */
	ASK_ADMINISTRATOR, /* uid, name of the first */
	ASK_LISTSERVER,    /* 1 where lists belong to the list server of that address */
	SNAPSHOT_QUESTIONS
};

struct snapshot {
	struct settings *settings;
	bool ready;
	struct db_statement asked[SNAPSHOT_QUESTIONS];
	struct arena arena;
	struct wildcards mappings;
	struct lan_rules lan_rules;
	struct lan_verifiers lan_verifiers;
	struct str *domains; /* entries of the local domains that are addresses or have wildcards */
	size_t domain_count;
};

/* settings must have been opened with keep_open and outlive the snapshot. -1: ERR_CORRUPT, ERR_TEMPORARY. */
int snapshot_open(struct snapshot *snapshot, struct settings *settings, struct err *err);
void snapshot_close(struct snapshot *snapshot);
/* Go over to newer settings where there are some. A memory read when nothing moved. */
int snapshot_refresh(struct snapshot *snapshot, struct err *err);

/* Begin a question with its value bound, which must stay until it is reset; db_step gives the rows. */
struct db_statement *snapshot_ask_text(struct snapshot *snapshot, enum snapshot_question question, struct str value);
struct db_statement *snapshot_ask_number(struct snapshot *snapshot, enum snapshot_question question, int64_t value);

/* A name with its number. */
struct snapshot_object {
	int64_t id;
	struct str name; /* as it was given, in arena */
	struct str type; /* of a list: "distribution", "forwarding", "mailing", "database" */
	bool is_open;    /* of a list: strangers may send to it */
};
/* The user, list or group of that name, whatever the case of its letters. 1 = found, 0 = none, -1 = error. */
int snapshot_find(struct snapshot *snapshot, enum snapshot_question question, struct str name, struct arena *arena,
                  struct snapshot_object *object_out, struct err *err);

/*
 * Is the address at a local domain? local_part is unquoted, domain normalised; with an empty local_part entries that
 * are addresses are not looked at. 1 = yes, 0 = no, -1 = error.
 */
int snapshot_is_local(struct snapshot *snapshot, struct str local_part, struct str domain, struct err *err);

#endif
