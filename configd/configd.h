/*
 * configd: the one place where settings change.
 *
 * A request that changes something is checked, stored in state/config/config.db, published as a snapshot and counted up
 * (common/settings/settings.h) before it is answered; or it is refused with a sentence that says why, and nothing has
 * changed. Requests are worked off one after another, also while authd is asked for one of them.
 *
 * Nobody else opens config.db. Passwords are not in it: they pass through to authd and are never logged. The daemon
 * listens to nobody but the callers whose sockets it was handed; it reads no mail and no network.
 */
#ifndef POSTROOM_CONFIGD_CONFIGD_H
#define POSTROOM_CONFIGD_CONFIGD_H

#include "common/base/arena.h"
#include "common/db/db.h"
#include "common/ipc/loop.h"
#include "common/notice/notice.h"
#include "common/rules/rule.h"
#include "common/settings/settings.h"
#include "configd/actor.h"

#include <jansson.h>

enum {
	NAME_MAX_LEN = 32,      /* bytes of a user's or sender's name */
	PASSWORD_MAX_LEN = 256, /* bytes */
	SERVERS_MAX = 20,       /* servers of one sender */
	OBJECTS_MAX = 1000000,  /* of one kind */
	CONFIG_LISTENERS = 4,   /* programs that serve network services */
};

struct config {
	const struct instance *instance;
	struct db db;
	volatile uint64_t *counter; /* mapped, shared with all who read settings */
	uint64_t generation;        /* of the newest snapshot */
	bool scripts_changed;       /* since their files were published */
	struct ipc_client *authd, *statusd, *deliver;
	struct notices *notices;
	struct ipc_client *listeners[CONFIG_LISTENERS]; /* in the order of service_types */
};

/* One thing that a change did, for the log and for who asked. */
struct change_note {
	struct str text;
	struct change_note *next;
};

/* A question to another daemon, which belongs to a change. */
struct change_ask {
	struct ipc_message request;
	struct ipc_client *callee;
	const char *name; /* the callee's */
	void *subject;    /* what it is about, for change->refused */
	struct change_ask *next;
};

/* A request being worked on. */
struct change {
	struct config *config;
	const struct operation *operation;
	struct ipc_incoming *incoming;
	struct arena arena;
	struct ipc_message reply;
	struct change_note *notes, **notes_tail;
	int64_t first_uid, first_connection, first_collector, first_group, first_service,
	    first_list; /* reserved for what it adds; counted up with each */
	struct import *import;
	struct user_import *user_import;
	/* What authd and listeners are asked: before the change is committed (it fails where one of them refuses), and
	 * after.
	 */
	struct change_ask *before, *after;
	const struct change_ask *asked; /* that is being answered */
	unsigned followed;              /* bits of the listeners that are told to follow */
	/* Looks at authd's answer before the commit; NULL where only its status matters. */
	int (*answered)(struct change *change, const struct ipc_message *reply, struct err *err);
	/* Takes a refusal as it comes: 0, and the change goes on. NULL, or -1: the change fails. */
	int (*refused)(struct change *change, const struct change_ask *asked, const struct err *why);
	/* The second half of the change, in the same transaction, when all questions of the first are answered. It may ask
	 * more. NULL: there is none.
	 */
	int (*then)(struct change *change, struct err *err);
	/* What others are told of it once it is in force; NULL: nothing. */
	void (*committed)(struct change *change);
	struct actor actor;                   /* who makes it, where that is told */
	const char *code;                     /* what a page is to do about a refusal, for the answer; or NULL */
	bool only_check;                      /* roll back in the end */
	void (*ended)(struct config *config); /* of a change of its own (request_run) */
	struct change *next;
};

struct operation {
	const char *name;
	/* Before the transaction: what must be durable even where the change fails. May be NULL. */
	int (*prepare)(struct change *change, struct err *err);
	int (*run)(struct change *change, struct err *err);
	bool writes;
};

extern const struct operation operations[];       /* what postroom may ask; ends with a name of NULL */
extern const struct operation listd_operations[]; /* what listd may ask (list_requests.c) */

/* config.c: the database. */

/*
 * The tables that a snapshot has too, ending with NULL; and the database, made or brought up to date. -1: as db_open,
 * db_migrate.
 */
extern const char *const config_shared_schemas[];
int config_open(struct config *config, const struct instance *instance, struct err *err);
void config_close(struct config *config);

/*
 * A statement with its values bound: types has a letter for each '?', 't' for a struct str, 'n' for an int64_t. The
 * bytes of texts must stay until the statement is finalized (config_query) or until the call returns (the others).
 */
int config_query(struct config *config, struct db_statement *statement, struct err *err, const char *sql,
                 const char *types, ...);
int config_run(struct config *config, struct err *err, const char *sql, const char *types, ...);
/* The number in the first column of the first row: 1 = found, 0 = no row, -1 = error. value_out may be NULL. */
int config_number(struct config *config, int64_t *value_out, struct err *err, const char *sql, const char *types, ...);
/* The same for a text, copied into arena. */
int config_text(struct config *config, struct arena *arena, struct str *value_out, struct err *err, const char *sql,
                const char *types, ...);
/*
 * Numbers of a kind ("uid", "connection") that were never given out and never will be again; committed at once.
 * *first_out: 0, or the first of those reserved for the same change before, which it stays: they are in a row.
 */
int config_reserve(struct config *config, struct str kind, int64_t count, int64_t *first_out, struct err *err);

/* publish.c: snapshots. */

/* Map the counter and publish what is stored, so that a crash between commit and publishing heals. */
int publish_start(struct config *config, struct err *err);
/* Write the snapshot of what the open transaction sees under the next generation; nobody reads it yet. */
int publish_prepare(struct config *config, struct err *err);
/* Count up: from here on everybody sees it. Old snapshots are removed. */
void publish_finish(struct config *config);

/* request.c: one request after another. */
void request_take(struct ipc_incoming *incoming, void *config);
/* mailboxes_look, now or when the change that is being worked on is done. */
void request_between(struct config *config);
/* A change of this daemon's own, in its turn; nobody is answered, ended is called when it has ended, whichever way. */
void request_run(struct config *config, const struct operation *operation, void (*ended)(struct config *config));

/* A required field of the request. -1: ERR_SYNTAX where it is missing. */
int change_field(const struct change *change, const char *key, struct str *value_out, struct err *err);
/*
 * The next thing that the request sets: a field "key" with the "value" behind it, or "unset", the key of what returns
 * to its default (value_out->data is NULL then). Start with *position 0. 1 = there is one, 0 = there is no more, -1:
 * ERR_SYNTAX (a value without its key).
 */
int change_next_setting(const struct change *change, size_t *position, struct str *key_out, struct str *value_out,
                        struct err *err);
/* An optional flag, "0" or "1"; *value_out stays where it is missing. -1: ERR_SYNTAX. */
int change_flag(const struct change *change, const char *key, bool *value_out, struct err *err);
/* Say what was changed: one line of the log, and of the answer to an import. */
void change_note(struct change *change, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Add an object to a listing, as JSON; object is released. */
void change_list(struct change *change, const char *key, json_t *object);
/* One more question to authd; fields are added by the caller. */
struct ipc_message *change_ask_before(struct change *change, const char *op);
struct ipc_message *change_ask_after(struct change *change, const char *op);
/* The same as change_ask_before, about something that change->refused gets. */
struct ipc_message *change_ask_about(struct change *change, const char *op, void *subject);
/*
 * passwords.c: authd keeps a password under a new name (common/settings/secret.h), so that nothing changes there for
 * what is not stored in the end; that name is stored. old: the name that is stored now, or empty; it is forgotten. A
 * password that is the old name, as an import gives it back, stays what it is. Empty: there is none any more.
 */
struct str password_keep(struct change *change, const char *reader, struct str old, struct str password);
/* Nobody needs the password with that name any more; empty: there is none. */
void password_forget(struct change *change, struct str reference);
/* Ask statusd before the commit who has sessions open: "uid"* in its answer. Where it does not run, nobody is asked. */
void change_ask_in_use(struct change *change);
/* One more to a listener, by its place in service_types. Where it does not run it is not asked. */
struct ipc_message *change_ask_listener(struct change *change, bool before, int index, const char *op);

/* check.c: what must hold between objects, looked at before every commit. */
int check_all(struct config *config, struct err *err);
/* The letters, digits, '.', '_', '-' of a user's or sender's name, 1 to 32. what: "user". */
int check_name(struct str name, const char *what, struct err *err);
int check_password(struct str password, struct err *err);

/* service_check.c, service_ops.c; the rest of services is in services.h */
int check_services(struct config *config, struct err *err);
/* notices.c: users whom the settings name must be there; what names `from` names `to` from now on, or nobody (empty).
 */
int check_notices(struct config *config, struct err *err);
int notices_follow(struct change *change, struct str from, struct str to, struct err *err);
/* Make the standard services that an instance of an earlier version lacks. */
int services_make_standard(struct config *config, struct err *err);
int op_service_reserve(struct change *change, struct err *err);
int op_service_add(struct change *change, struct err *err);
int op_service_delete(struct change *change, struct err *err);
int op_service_rename(struct change *change, struct err *err);
int op_service_set(struct change *change, struct err *err);
int op_service_bind(struct change *change, struct err *err);
int op_service_unbind(struct change *change, struct err *err);
int op_service_defaults(struct change *change, struct err *err);
int op_service_list(struct change *change, struct err *err);

/* mailboxes.c: have deliver remove the mailboxes of users who were deleted, from now on. */
void mailboxes_start(struct config *config, struct event_base *base);
/* Within the change that deletes a user: his mailbox is to go. */
int mailboxes_add(struct change *change, int64_t uid, struct err *err);
/* Is there one to go? No change is being worked on, so that what is read is in force. */
void mailboxes_look(struct config *config);

/* resets.c: ask authd for links to send to who forgot his password, from now on. */
void resets_start(struct config *config, struct event_base *base);

/* settings.c */
int setting_store(struct change *change, struct str key, struct str value, struct err *err);
int setting_remove(struct change *change, struct str key, struct err *err);
/* The value in force of a text, into the change's arena. */
int setting_text(struct change *change, enum setting setting, struct str *value_out, struct err *err);
/* The value in force of a number. */
int setting_number(struct change *change, enum setting setting, int64_t *value_out, struct err *err);
int op_get(struct change *change, struct err *err);
int op_set(struct change *change, struct err *err);
int op_unset(struct change *change, struct err *err);

/* domains.c: *name_out is the normal form. */
int domain_normalise(struct change *change, struct str name, struct str *name_out, struct err *err);
int domain_add(struct change *change, struct str name, struct err *err);
int domain_delete(struct change *change, struct str name, struct err *err);
int domain_set_default(struct change *change, struct str name, struct err *err);
/* 1 = yes, 0 = no, -1 = error. */
int domain_is_local(struct change *change, struct str name, struct err *err);
int op_domain_add(struct change *change, struct err *err);
int op_domain_delete(struct change *change, struct err *err);
int op_domain_default(struct change *change, struct err *err);
int op_domain_list(struct change *change, struct err *err);

/* users.c: the rights here are the user's own, whatever his primary group forces (attributes.h). */
struct user {
	int64_t uid;
	struct str name;
	bool administrator, enabled;
};
/* 1 = found, 0 = no such user, -1 = error; and with an error where there is none. */
int user_find(struct change *change, struct str name, struct user *user_out, struct err *err);
int user_need(struct change *change, struct str name, struct user *user_out, struct err *err);
int user_add(struct change *change, struct str name, bool administrator, bool enabled, struct user *user_out,
             struct err *err);
int user_set(struct change *change, const struct user *user, bool administrator, bool enabled, struct err *err);
int user_delete(struct change *change, const struct user *user, struct err *err);
int op_user_reserve(struct change *change, struct err *err);
int op_user_add(struct change *change, struct err *err);
int op_user_delete(struct change *change, struct err *err);
int op_user_rename(struct change *change, struct err *err);
int op_user_password(struct change *change, struct err *err);
int op_user_list(struct change *change, struct err *err);
/* Is the password long enough and of characters that are allowed? -1: ERR_SYNTAX. */
int user_check_password(struct change *change, struct str password, struct err *err);
/* Ask authd to set the password of a user, or that which the web has of its own, before the commit. */
int user_set_password(struct change *change, const struct user *user, struct str password, bool of_web,
                      struct err *err);
/*
 * Give a user what another one has: attributes but administrator, enabled and directory, and his message and prune
 * rules. What the first one has of his own already stays.
 */
int user_copy_settings(struct change *change, const struct user *from, const struct user *to, struct err *err);

/* user_table.c, user_import.c: users as a table (user_table.h). */
int op_user_export(struct change *change, struct err *err);
int op_user_import_prepare(struct change *change, struct err *err);
int op_user_import(struct change *change, struct err *err);

/*
 * groups.c: names for several users, by number like users. A user may be in any number of them; one may be his primary
 * group, whose attributes concern him (attributes.h).
 */
struct group {
	int64_t id;
	struct str name;
};
/* 1 = found, 0 = no such group, -1 = error; and with an error where there is none. */
int group_find(struct change *change, struct str name, struct group *group_out, struct err *err);
int group_need(struct change *change, struct str name, struct group *group_out, struct err *err);
int group_add(struct change *change, struct str name, struct group *group_out, struct err *err);
int group_delete(struct change *change, struct str name, struct err *err);
/* 1 = yes, 0 = no, -1 = error. */
int group_is_member(struct change *change, const struct group *group, const struct user *user, struct err *err);
/* It must be a change. */
int group_set_member(struct change *change, const struct group *group, const struct user *user, bool member,
                     struct err *err);
/* Make it the user's primary group; NULL: he has none any more. A member is who has it as primary group, in any case.
 */
int group_set_primary(struct change *change, const struct group *group, const struct user *user, struct err *err);
int op_group_reserve(struct change *change, struct err *err);
int op_group_add(struct change *change, struct err *err);
int op_group_delete(struct change *change, struct err *err);
int op_group_add_member(struct change *change, struct err *err);
int op_group_remove_member(struct change *change, struct err *err);
int op_group_list(struct change *change, struct err *err);
int op_group_members(struct change *change, struct err *err);

/* smtp_rules.c: lists of rules as texts (common/rules/rule.h); an empty list has room for one more than RULES_MAX. */
struct rule_list {
	struct rule_text *items;
	size_t count;
};
enum { SMTP_RULES_NONE = -1, SMTP_RULES_ALL = -2 };
/* The number of an SMTP service, by name or number. -1: ERR_NOT_FOUND, ERR_DENIED (it is of another type). */
int smtp_rules_service(struct change *change, struct str name, int64_t *id_out, struct err *err);
int smtp_rules_read(struct change *change, int64_t service, struct rule_list *list_out, struct err *err);
/*
 * Does the list make sense, and is what the rule at `changed` asks here (or SMTP_RULES_NONE, SMTP_RULES_ALL)? The texts
 * are brought into their normal form. -1: the sentence begins with "rule 3".
 */
int smtp_rules_check(struct change *change, struct rule_list *list, ptrdiff_t changed, struct err *err);
/* Store a list that was checked. */
int smtp_rules_write(struct change *change, int64_t service, const struct rule_list *list, struct err *err);
/* Give a service the rules of another, in the place of its own. */
int smtp_rules_copy(struct change *change, int64_t from, int64_t to, struct err *err);
/* Make the rules of all services those of a text; services whose rules differ are noted. */
struct text;
int smtp_rules_import(struct change *change, const struct text *text, struct err *err);
int op_smtp_rule_add(struct change *change, struct err *err);
int op_smtp_rule_set(struct change *change, struct err *err);
int op_smtp_rule_move(struct change *change, struct err *err);
int op_smtp_rule_delete(struct change *change, struct err *err);
int op_smtp_rule_copy(struct change *change, struct err *err);
int op_smtp_rule_list(struct change *change, struct err *err);

/* together.c: several requests as one change. */
int op_together_prepare(struct change *change, struct err *err);
int op_together(struct change *change, struct err *err);

/* export.c, import.c */
int op_export(struct change *change, struct err *err);
int op_import_prepare(struct change *change, struct err *err);
int op_import(struct change *change, struct err *err);

#endif
