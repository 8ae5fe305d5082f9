/*
 * carrier: one message on its way through a decision (see clerk.h for the processes).
 */
#ifndef POSTROOM_DELIVER_CARRIER_H
#define POSTROOM_DELIVER_CARRIER_H

#include "common/settings/settings.h"
#include "common/spool/spool.h"
#include "deliver/answered.h"
#include "deliver/decision.h"

/* One of the users a message is looked at for. */
struct order_user {
	int64_t uid;
	struct str address; /* the original recipient */
	struct str folder;  /* where it goes if nothing else is decided; empty: INBOX */
};

/* What is asked: texts are views of the request or in arena. */
struct order {
	struct arena arena;
	struct str id, from;
	struct str login;     /* who logged in, proven; or empty */
	int fd;               /* the spool file */
	int64_t offset, size; /* of the message in it */
	struct spool_envelope envelope;
	struct order_user *users;
	size_t user_count;
	int64_t now; /* seconds since 1970 */
	struct order_count {
		int64_t rule, matches;
	} * counts; /* how often rules of autoresponders of these users have matched */
	size_t count_count;
};

/* What carriers and deciders work with. Opened by the clerk's process, used by all that it forks. */
struct desk {
	const struct instance *instance;
	struct settings settings; /* kept open */
	struct spool_drop drop;
	int orders; /* the clerk's: where orders come from */
	int reply;  /* a carrier's: where the writer waits */
	struct db answered;
	bool answered_open;
};

/* The clerk's process: take orders from fd, fork a carrier for each; ends when fd is closed. */
void carrier_serve(int fd, const struct instance *instance) __attribute__((noreturn));

/* decider.c: parse, decide, say it on fd, end. */
void decider_run(struct desk *desk, const struct order *order, int fd) __attribute__((noreturn));

/*
 * check.c: may a message that the decider wants made go where it says? Recipients are brought into the form of the
 * spool; those that may not be are taken out, which the log tells. False: nobody is left.
 */
bool check_made(struct desk *desk, const struct order *order, int64_t uid, struct made *made, struct arena *arena);

/*
 * made.c: write it into deliver's drop, synced; what is there already is the same. -1: ERR_SYSTEM, ERR_SYNTAX,
 * ERR_LIMIT.
 */
int made_write(struct desk *desk, const struct order *order, int64_t uid, const struct made *made, struct err *err);

/*
 * account.c: the account of answers, around what decider and made.c do. Read how often rules have matched.
 */
void account_begin(struct desk *desk, struct order *order);
/* May the answer go now? Recipients who were answered lately are taken out. 1; 0: nobody is left; -1: not known now. */
int account_may_answer(struct desk *desk, const struct order *order, struct made *made, struct err *err);
/* It has gone; a rule matched. */
int account_answered(struct desk *desk, const struct order *order, const struct made *made, struct err *err);
void account_matched(struct desk *desk, const struct order *order, int64_t rule);

/* Has the user got it already, by another message? 1; 0: not, and now he does; -1: not known now. */
int account_is_duplicate(struct desk *desk, const struct order *order, const struct decision *decision,
                         struct err *err);

/*
 * duplicates.c: a message that its user got before is not delivered, where the settings want that: nothing is made of
 * it then either. It may be kept in a folder of its own.
 */
void duplicate_look(struct desk *desk, const struct order *order, struct decision *decision);
/* The folder; it is made where it is missing, at start. -1: ERR_SYSTEM. */
const char *duplicates_folder(char *out, size_t size, const struct instance *instance);
int duplicates_prepare(const struct instance *instance, struct err *err);

/* A user's name, in arena. -1: ERR_NOT_FOUND, or as the database fails. */
int desk_user_name(struct desk *desk, int64_t uid, struct arena *arena, struct str *name_out, struct err *err);

#endif
