/*
 * actor: who makes a change, where it is told: the user for whom brokerd asks (fields by, confirmed, own). The command
 * line tells of nobody, and is bound by nothing here.
 *
 * Whatever a change is made of, an administrator does not take the right of one from himself, and gives it to nobody
 * without having given his password: that is looked at where the change is complete, so no way leads round it.
 */
#ifndef POSTROOM_CONFIGD_ACTOR_H
#define POSTROOM_CONFIGD_ACTOR_H

#include "common/base/err.h"
#include "common/base/str.h"

struct change;

struct actor {
	struct str name;           /* empty: nobody is told of */
	int64_t uid;               /* 0: the same */
	bool own;                  /* he asks for himself: his rights are those of a user */
	bool confirmed;            /* he gave his password lately */
	struct str administrators; /* before the change: uids, each between commas */
};

/*
 * Before the change: who makes it, and that nobody else changed anything since he looked, where the field `generation`
 * says when that was. -1: ERR_NOT_FOUND (he is gone), ERR_CONFLICT.
 */
int actor_begin(struct change *change, struct err *err);
/* After the change, before it is committed. -1: ERR_DENIED. */
int actor_check(struct change *change, struct err *err);

#endif
