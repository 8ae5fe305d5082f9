/*
 * names: users, lists and groups share one space of names, since each is an address (specification 03, Names and
 * addresses).
 *
 * Mappings and members of lists name them by name, so a new name goes on to these, and what is deleted is taken out of
 * them.
 */
#ifndef POSTROOM_CONFIGD_NAMES_H
#define POSTROOM_CONFIGD_NAMES_H

#include "configd/configd.h"

enum name_kind { NAME_USER, NAME_LIST, NAME_GROUP, NAME_KINDS };

struct named {
	enum name_kind kind;
	int64_t id;      /* 0: a group that is always there */
	struct str name; /* as it was given */
};

/* 1 = found, 0 = nothing has that name, in any case of its letters, -1 = error. Also everyone, admins and no-one. */
int name_find(struct change *change, struct str name, struct named *named_out, struct err *err);
const char *name_kind_word(enum name_kind kind); /* "user" */

/*
 * May something new be called so? -1: ERR_EXISTS, ERR_DENIED (the server uses the name itself). Within an import other
 * kinds are not looked at: what has the name may be deleted later; check_names looks in the end.
 */
int name_check_free(struct change *change, struct str name, enum name_kind kind, struct err *err);
/* Before the commit: does nothing stand under one name twice? */
int check_names(struct config *config, struct err *err);

/* Let what mappings and lists say follow. */
int name_changed(struct change *change, struct str from, struct str to, struct err *err);
int name_deleted(struct change *change, struct str name, struct err *err);

#endif
