/*
 * arrival: a message that was fetched, on its way into the drop; for message.c and store.c.
 */
#ifndef POSTROOM_COLLECTOR_ARRIVAL_H
#define POSTROOM_COLLECTOR_ARRIVAL_H

#include "collector/session.h"
#include "common/smtp/message.h"

struct arrival {
	struct session *session;
	struct pick *pick;
	struct arena *arena; /* of the message */
	struct message message;
	bool has_begun;
	bool is_skipped; /* it holds what is not taken */
	bool by_line;    /* a script sees each line */
	struct buf line; /* of which a part came */
	struct buf scratch, changed;
	struct str arc, results; /* of the envelope, by arrival_look */
};

/*
 * Judge it, and park it in the drop with the mails that are made of it; say so to the batch, and what is to become of
 * it at the server to its item. -1: the session cannot go on.
 */
int arrival_store(struct arrival *arrival, struct err *err);

/* evidence.c: say on top of it who signed it, and take out what claims to be ours. -1: it cannot be read. */
int arrival_look(struct arrival *arrival, struct err *err);

/* Of a message that is not fetched: the mails of its judgement, what is known of it from now on. -1: as above. */
int offer_settle(struct session *session, struct pick *pick, struct arena *arena, struct err *err);

#endif
