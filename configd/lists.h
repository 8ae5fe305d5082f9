/*
 * lists: distribution lists, forwardings, mailing lists and lists of a database (specification 03).
 *
 * A list has a name among those of users and groups, a type, members, and settings (common/settings/list_settings.h).
 * Members are names of users and lists, addresses elsewhere, or "SMTP:..."; a forwarding has exactly one, or none while
 * it is being made, a database list none of its own. Who a member is, the resolver decides when mail comes.
 */
#ifndef POSTROOM_CONFIGD_LISTS_H
#define POSTROOM_CONFIGD_LISTS_H

#include "configd/import.h"

enum {
	LIST_NAME_MAX = 64, /* octets: it is a local part (RFC 5321 4.5.3.1.1) */
	LIST_MEMBERS_MAX = 100000,
	LISTS_MAX = 10000,
};

struct list_object {
	int64_t id;
	struct str name;
	struct str type; /* "distribution", "forwarding", "mailing", "database" */
};

/* 1 = found, 0 = no such list, -1 = error; and with an error where there is none. */
int list_find(struct change *change, struct str name, struct list_object *list_out, struct err *err);
int list_need(struct change *change, struct str name, struct list_object *list_out, struct err *err);
/* The list that the request's field "name" names. */
int list_requested(struct change *change, struct list_object *list_out, struct err *err);

/* Check, store, note. */
int list_add(struct change *change, struct str name, struct str type, struct list_object *list_out, struct err *err);
int list_set_type(struct change *change, struct list_object *list, struct str type, struct err *err);
int list_delete(struct change *change, struct str name, struct err *err);
int list_setting_store(struct change *change, const struct list_object *list, struct str key, struct str value,
                       struct err *err);
int list_setting_remove(struct change *change, const struct list_object *list, struct str key, struct err *err);
/* Before the commit: what must hold between lists. */
int check_lists(struct config *config, struct err *err);

/* list_members.c */

/* The form in which a member is stored and compared. -1: ERR_SYNTAX, ERR_NOT_FOUND. */
int list_member_normalise(struct change *change, struct str text, struct str *normal_out, struct err *err);
/* Without a note; 1 = added (removed), 0 = it was there already (was not there), -1 = error. */
int list_member_add(struct change *change, const struct list_object *list, struct str text, struct err *err);
int list_member_remove(struct change *change, const struct list_object *list, struct str text, struct err *err);
int list_member_count(struct change *change, const struct list_object *list, int64_t *count_out, struct err *err);
int op_list_members(struct change *change, struct err *err);
int op_list_member_add(struct change *change, struct err *err);
int op_list_member_remove(struct change *change, struct err *err);
int op_list_member_import(struct change *change, struct err *err);
int op_list_member_export(struct change *change, struct err *err);
int op_list_member_bulk_delete(struct change *change, struct err *err);

/* list_ops.c */
int op_list_reserve(struct change *change, struct err *err);
int op_list_add(struct change *change, struct err *err);
int op_list_delete(struct change *change, struct err *err);
int op_list_rename(struct change *change, struct err *err);
int op_list_set(struct change *change, struct err *err);
int op_list_unset(struct change *change, struct err *err);
int op_list_list(struct change *change, struct err *err);
int op_list_show(struct change *change, struct err *err);

/* lists_text.c: the text of export and import. */
int lists_export(struct change *change, struct buf *out, struct err *err);
int lists_import(struct change *change, const struct text *text, struct err *err);

#endif
