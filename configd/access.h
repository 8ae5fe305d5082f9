/*
 * configd/access: access lists (common/policy/access.h) as objects, and the tables of GeoIP.
 *
 * A list goes by the name of its service, by "global", by "admin-area" (from where the administration of the web may be
 * used), or by "vrfy:" and the name of an SMTP service for the list of who may use VRFY and EXPN there. Rules are
 * stored sorted; what is not meant literally (host bits behind a prefix, columns that a list has not) is put right, and
 * who asked is warned. Rules name users by number: a user who is named cannot be deleted.
 */
#ifndef POSTROOM_CONFIGD_ACCESS_H
#define POSTROOM_CONFIGD_ACCESS_H

#include "common/policy/rule.h"
#include "configd/configd.h"
#include "configd/text.h"

/* What a list is for; number as in common/policy/access.h. */
struct access_name {
	int64_t number;
	struct str name;
	bool has_unauth, has_users; /* the columns */
	bool has_global;            /* the global list may apply too */
};

/* A list as it is stored. */
struct access_stored {
	struct access_rules rules;
	bool use_global;
};

/* access.c: lists by name; reading, checking and storing them. */

/* 1 = found, 0 = no such list, -1 = error; and with an error where there is none. */
int access_find(struct change *change, struct str name, struct access_name *name_out, struct err *err);
int access_need(struct change *change, struct str name, struct access_name *name_out, struct err *err);
/* All of them, in the order of their numbers: calls function for each until it returns other than 0. */
int access_each(struct change *change,
                int (*function)(struct change *change, const struct access_name *name, void *context, struct err *err),
                void *context, struct err *err);
int access_load(struct config *config, int64_t list, struct arena *arena, struct access_stored *stored_out,
                struct err *err);
/* Sort and store; the list is made where there is none. */
int access_store(struct config *config, int64_t list, struct access_stored *stored, struct err *err);
/* The names of users, separated by commas, as a rule has them, and back. */
int access_users_parse(struct change *change, struct str names, struct str *users_out, struct err *err);
int access_users_format(struct change *change, struct str users, struct str *names_out, struct err *err);
/* Put a rule right for its list, with a warning for each thing that was changed; its users must exist. */
int access_rule_check(struct change *change, const struct access_name *name, struct access_rule *rule, struct err *err);

/*
 * access_relay.c: ERR_DENIED where one of the rules allows everybody to send through the list's SMTP service without a
 * login, and the request's open-relay does not say that this is meant.
 */
int access_refuse_open_relay(struct change *change, const struct access_name *name, const struct access_rule *rules,
                             size_t count, struct err *err);

/* access_begin.c: lists that are there from the start. */

/* What a list begins with, and "defaults" brings back: local networks are allowed, routers are not. */
int access_defaults(const struct access_name *name, struct arena *arena, struct access_rules *rules_out,
                    struct err *err);
/* At the start: make the lists of an instance that has none; one of an earlier version gets what its settings said. */
int access_begin(struct config *config, struct err *err);

/* access_text.c: the lists in the text of export and import. A list that the text does not name stays as it is. */
int access_export(struct change *change, struct buf *out, struct err *err);
int access_import(struct change *change, const struct text *text, struct err *err);

/* access_ops.c, geoip.c: the operations. */
int op_access_lists(struct change *change, struct err *err);
int op_access_list(struct change *change, struct err *err);
int op_access_add(struct change *change, struct err *err);
int op_access_remove(struct change *change, struct err *err);
int op_access_set(struct change *change, struct err *err);
int op_access_defaults(struct change *change, struct err *err);
int op_access_export(struct change *change, struct err *err);
int op_access_import(struct change *change, struct err *err);
int op_geoip_import(struct change *change, struct err *err);
int op_geoip_delete(struct change *change, struct err *err);

#endif
