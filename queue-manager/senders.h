/*
 * senders: the mail senders of the settings, and which of them is to be given a message (specification 04).
 *
 * A sender of a continuous connection sends whenever something is due; any other only in a pass, which the scheduler
 * asks for and which ends when nothing is left for it: of what was due when it began, and of what came since. A
 * delivery to another server is given, each time that it is due, to the first sender that is active and takes it: by
 * its filter, by its script, and as far as its limits go. Those whom none takes wait in the table for the next pass
 * ("later"), or where time alone may change a filter's mind, for a minute.
 *
 * Scripts run in processes of sender (verdict.c), never here.
 */
#ifndef POSTROOM_QUEUE_MANAGER_SENDERS_H
#define POSTROOM_QUEUE_MANAGER_SENDERS_H

#include "common/outgoing/filter.h"
#include "common/settings/connectors.h"
#include "queue-manager/queue.h"

#define SENDERS_LATER "later" /* the destination of what waits for a pass */

enum {
	SENDERS_LOOK_AGAIN_MS = 60000, /* what a filter or a script does not take now */
	SENDERS_RECIPIENTS_TOLD = 100, /* of a message's, to scripts */
	PASS_RESULT_MAX = 400,
};

enum limit { LIMIT_MESSAGES, LIMIT_RECIPIENTS, LIMITS };

struct sender_limit {
	int64_t most; /* 0: any number */
	int64_t span_ms;
};

/* Sessions that are busy with destinations by their standing (standing.c). */
struct standings {
	unsigned unproven;
	unsigned poor; /* of these: poor, or busy with one message for long */
	unsigned slow; /* of these: busy for long, or they were when they became poor */
};

enum return_path_rule { RETURN_PATH_KEEP, RETURN_PATH_ALWAYS, RETURN_PATH_FOREIGN, RETURN_PATH_SRS };

/* One turn of a sender that the scheduler asked for. */
struct pass {
	struct ipc_incoming *incoming;
	int64_t begun; /* queue time */
	bool connected, full;
	unsigned sent, deferred, failed; /* recipients */
	unsigned messages, recipients;   /* that the relay was given */
	char result[PASS_RESULT_MAX];    /* the last thing that went wrong */
};

struct sender {
	int64_t id;
	const char *name;
	bool is_relay, is_continuous, only_waiting, small_first, reverse;
	struct filter filter;
	const char *filter_text;
	struct patience patience;
	unsigned max_recipients, threads;
	int64_t session_messages, session_recipients; /* 0: any number */
	struct sender_limit limits[LIMITS];
	enum return_path_rule return_path;
	const char *return_address, *null_address;
	bool uses_batv;
	struct pass *pass;      /* NULL: none is on */
	struct buf sent;        /* struct sending, for as long as limits are about */
	unsigned asking;        /* questions to its script that are open */
	unsigned busy_messages; /* being given to servers */
	unsigned busy_recipients;
	struct standings standings;
};

/* One transaction that succeeded. */
struct sending {
	int64_t when; /* queue time */
	int64_t recipients;
};

struct senders {
	struct arena arena;
	struct sender list[CONNECTIONS_MAX];
	size_t count;
	struct buf unwritten; /* of limits.c, for the next commit */
	struct ipc_client *scripts, *scheduler;
	uint64_t always;    /* fingerprint of those that send all the time, and of what they take */
	bool telling;       /* the scheduler is being told of new mail */
	int64_t tell_again; /* and is to be told of some for this sender then; 0: none */
};

/* What senders_choose found out. */
enum choice {
	CHOICE_SENDER,
	CHOICE_NOBODY, /* it waits for a pass */
	CHOICE_AGAIN,  /* nobody now; again at the time that is given */
	CHOICE_ASKED,  /* a script is asked; the message is touched when it has answered */
};

/* senders.c */
int senders_open(struct queue *queue, struct err *err); /* after the table */
void senders_settings(struct queue *queue);             /* settings have changed */
struct sender *senders_find(const struct queue *queue, int64_t id);
struct sender *senders_find_name(const struct queue *queue, struct str name);
bool sender_is_active(const struct sender *sender);
bool sender_filter_takes(const struct sender *sender, struct message *message, const struct delivery *delivery);
/* Would a delivery that is due be this one's, as things stand? What scripts say is not asked for. */
bool sender_is_next(const struct sender *sender, struct message *message, const struct delivery *delivery);
/* Whom to give a delivery for another server that is due. */
enum choice senders_choose(struct message *message, const struct delivery *delivery, struct sender **sender_out,
                           int64_t *again_out);
/* Where a message stands among those that wait for the same: small ones first. */
int64_t sender_rank(const struct sender *sender, const struct message *message, unsigned attempts);

/* pass.c */
/* Park a delivery that no sender takes; the scheduler hears of one that is new. */
void pass_wait(struct message *message, struct delivery *delivery);
/* Settings have changed: what waits for a pass may be for a sender that sends all the time now. */
void pass_look_again(struct queue *queue);
/* `send`: a pass begins, and incoming is answered at its end. -1: nothing began. */
int pass_begin(struct queue *queue, struct ipc_incoming *incoming, struct err *err);
/* What became of a transaction; words: of what went wrong last, or empty. */
void pass_note(struct sender *sender, bool connected, size_t sent, size_t deferred, size_t failed, struct str words);
void pass_turn(struct queue *queue); /* end those that have nothing left */
int pass_answer_waiting(struct queue *queue, struct ipc_message *reply, struct err *err); /* `waiting` */

/* limits.c */
int limits_load(struct queue *queue, struct err *err);
/* May the sender give a relay one more transaction with so many recipients now? */
bool limits_allow(const struct sender *sender, size_t recipients);
void limits_begin(struct sender *sender, size_t recipients);
void limits_end(struct queue *queue, struct sender *sender, size_t recipients, size_t sent);
int limits_write(struct queue *queue, struct err *err); /* in the commit that is being made */
void limits_written(struct queue *queue);               /* it succeeded */

/* verdict.c: what a sender's script says of a message. */
struct verdict {
	int64_t sender;
	enum { VERDICT_ASKED, VERDICT_SEND, VERDICT_SKIP } state;
	int64_t until;    /* queue time; then it is asked again */
	int64_t pass;     /* begin of the pass that it was given in, or 0 */
	bool final;       /* the attempt is the last */
	int64_t priority; /* 1 to 100; 100 first, 50: as the queue has it */
	struct verdict *next;
};
/* NULL: the sender has no script, or it could not be asked. */
const struct verdict *verdict_get(struct message *message, struct sender *sender);
/* That which is known, without asking. */
const struct verdict *verdict_known(const struct message *message, const struct sender *sender);

#endif
