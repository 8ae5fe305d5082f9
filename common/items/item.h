/*
 * item: the ordered lists of things that a user has, or the server for all users.
 *
 * An item is a handful of named texts. Each kind says which texts it has, how they must look, and who may have such a
 * list; everything else (storing, showing, moving, export and import, the command line) is the same for all kinds. The
 * number of an item never changes and is never given to another one; its place in the list may.
 *
 * Tables, in config.db and each snapshot: item(id, kind, owner, position) and item_field(item, key, value); the owner
 * is the number of a user, or 0 for the server.
 *
 * Security stance: texts are an administrator's or user's; each has a limit, and check refuses what cannot be run.
 */
#ifndef POSTROOM_ITEMS_ITEM_H
#define POSTROOM_ITEMS_ITEM_H

#include "common/base/arena.h"
#include "common/db/db.h"

enum {
	ITEM_FIELDS_MAX = 20,
	ITEM_VALUE_MAX = 65536, /* octets of a text */
	ITEM_SERVER = 0,        /* the owner of what is for all users */
};

enum item_kind {
	ITEM_MESSAGE_RULE, /* common/rules/message_rule.h */
	ITEM_LAN_RULE,     /* common/lan/rules.h */
	ITEM_LAN_VERIFIER, /* common/lan/verifier.h */
	ITEM_RESPONDER,    /* common/items/responder.h; the server's are templates */
	ITEM_RESPONDER_RULE,
	ITEM_RESPONDER_FILTER,
	ITEM_PRUNE_RULE,    /* common/items/prune.h */
	ITEM_DOWNLOAD_RULE, /* common/items/download_rules.h */
	ITEM_SCHEDULE,      /* common/items/schedule.h */
	ITEM_KINDS,
};

/* data is NULL where a text is not given. */
struct item {
	int64_t id;
	struct str values[ITEM_FIELDS_MAX]; /* in the order of the kind's fields */
};

struct item_field {
	const char *name;
	bool has_lines; /* may have several */
};

struct items;
struct item_definition {
	const char *word; /* "message-rule" */
	const char *what; /* for sentences: "message rule" */
	const struct item_field *fields;
	size_t max; /* in one list */
	bool of_users, of_server;
	/* Are the texts good? They are brought into their normal form. -1: the sentence begins with the field's name. */
	int (*check)(struct item *item, struct arena *arena, struct err *err);
	/* Do they go together? NULL: any do. Called with texts that are good. -1: as check. */
	int (*check_list)(const struct items *items, struct err *err);
	/* What lists say of it in words, beside its texts; or NULL. */
	struct str (*describe)(const struct item *item, struct arena *arena);
};

extern const struct item_definition item_definitions[ITEM_KINDS];

/*
 * A field called "password" is authd's: the item holds a reference, which the one daemon that needs the password gives
 * to authd (doc/ipc.md, secret-get). The name of that daemon, or NULL: the field is a text like any other.
 */
const char *item_password_reader(enum item_kind kind, size_t field);

/* By its word; ITEM_KINDS: there is no such kind. */
enum item_kind item_kind_find(struct str word);
/* How many fields a kind has; the place of one, or -1. */
size_t item_field_count(enum item_kind kind);
int item_field_find(enum item_kind kind, struct str name);

struct items {
	struct item *list; /* with room for one more */
	size_t count;
};

/* The list of an owner, in its order, from a snapshot or configd's database. -1: as the database fails. */
int items_load(struct db *db, enum item_kind kind, int64_t owner, struct arena *arena, struct items *items_out,
               struct err *err);

#endif
