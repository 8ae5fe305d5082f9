/*
 * deliver: puts messages into mailboxes, many at a time.
 *
 * One process, one event loop. A request names a spool file (by its open descriptor; deliver can open nothing in the
 * spool) and the users it is for. All that wait are stored in one batch (common/store, which makes few syncs of many);
 * each request is answered when every user of it has a result on disk. While a batch is being synced the next one
 * gathers in the socket.
 *
 * Where one of the users has rules, forwardings or the like (view.h), the clerk is asked first what is to become of the
 * message (clerk.h): other processes parse it, decide, and write what is made of it. The order is: made mail is linked
 * and synced, then the rows of mailboxes are committed, then the answer is given. A crash between any two of these
 * repeats without a second copy, since made mail has ids that follow from the message's.
 *
 * A mailbox that is locked is tried again every few milliseconds and put off alone; what cannot be done now is answered
 * "deferred". It fails for good only where the user was deleted meanwhile: his mailbox goes (remover.h) and none is
 * made for him. Repeating a request is harmless, the store knows message ids.
 *
 * The writer reads messages as bytes and parses nothing of them; it reaches the mail store and no network. imapd's
 * sessions hear from it which mailboxes got something (common/net/bell.h).
 */
#ifndef POSTROOM_DELIVER_DELIVER_H
#define POSTROOM_DELIVER_DELIVER_H

#include "common/base/arena.h"
#include "common/ipc/loop.h"
#include "common/settings/settings.h"
#include "common/store/store.h"

enum {
	BATCH_MAX = 256,           /* deliveries in one batch */
	RECIPIENTS_MAX = 10000,    /* of one request */
	LOCKED_RETRY_MS = 10,      /* a locked mailbox is tried again after this */
	LOCKED_PATIENCE_MS = 5000, /* and for as long as this, then deferred */
};

/* The one code of deliver's own: whatever else is wrong, no message fails for good. */
enum { DELIVER_NO_USER = 800 };

/* A user whom a request names. */
struct addressee {
	int64_t uid;
	struct str address; /* the original recipient */
	struct str folder;  /* name; empty: INBOX */
	bool is_decided;    /* what is to become of his copy is known */
	bool is_gone;       /* there is no such user any more */
	const char *failed; /* why it was deferred, or failed; NULL: it was not */
	struct str stored;  /* where copies were put: "INBOX UID 7, Archive UID 3"; in the job's arena */
};

/* A copy of the message in a folder. */
struct delivery {
	struct addressee *addressee;
	const struct store_source *source;
	struct str folder;
	unsigned flags;      /* enum store_flag */
	struct str keywords; /* separated by blanks */
	bool ended;
};

/* A request that is being worked on. */
struct job {
	struct ipc_incoming *incoming;
	char id[STORE_ID_MAX + 1];
	struct str from;
	struct store_source source; /* as it came, with Return-Path before it */
	struct str keywords;        /* a view of the request */
	struct arena arena;
	int64_t give_up_ms; /* io_now_ms() from which on a locked mailbox means deferred */
	struct addressee *addressees;
	size_t addressee_count;
	struct delivery *deliveries;
	size_t count, room, ended;
	struct job *next;
};

/* job.c. Read a request; NULL with err: it was refused. Takes the descriptor over. No delivery is in it yet. */
struct job *job_new(struct ipc_incoming *incoming, struct err *err);
/* Deliver to one of the users as the request says. */
void job_add_plain(struct job *job, struct addressee *addressee);
/* Deliver as was decided. -1: ERR_PROTOCOL, where the decision is not one about this message. */
struct decision;
int job_add_decided(struct job *job, struct addressee *addressee, const struct decision *decision, struct err *err);
/* It cannot be decided now what is to become of his copy. */
void job_defer(struct job *job, struct addressee *addressee, struct str why);
/* Write down one result, with its line in the log. */
void job_end(struct job *job, struct delivery *delivery, const struct store_append *append);
/* Send the results, and free the job. */
void job_answer(struct job *job, struct ipc_message *reply);

/* control.c: answer the requests of the command line, "answers" and "answers-forget". */
void control_handle(struct ipc_incoming *incoming, const struct instance *instance);

/* stored.c: answer "stored" and "unstore" of queue-manager. */
struct cache;
void stored_answer(struct cache *cache, struct ipc_incoming *incoming, struct ipc_message *reply);

/* cache.c: the mailboxes that are open, those used least recently closed when there are too many. */
/* settings: who is a user, with the objects open; NULL: everybody. */
struct cache *cache_new(const struct instance *instance, size_t limit, struct settings *settings);
void cache_free(struct cache *cache);
/*
 * An open mailbox; it stays open at least until `limit` others were asked for, or its user is deleted. -1:
 * DELIVER_NO_USER, or as mailbox_open with no waiting.
 */
int cache_get(struct cache *cache, int64_t uid, struct mailbox **mailbox_out, struct err *err);
/* The number of a user, in settings with the objects open; of the cache, in those of now. -1: ERR_NOT_FOUND, or the
 * settings cannot be read. */
int deliver_find_user(struct settings *settings, struct str name, int64_t *uid_out, struct err *err);
int cache_find_user(struct cache *cache, struct str name, int64_t *uid_out, struct err *err);
/* Is there a user of that number now? 1, 0; -1: the settings cannot be read. */
int cache_knows_user(struct cache *cache, int64_t uid, struct err *err);
/* Close one, so that the next use opens it anew: after an error, or before it is removed. */
void cache_drop(struct cache *cache, int64_t uid);

/* writer.c: the batches. */
struct writer;
struct clerk;
struct warden;
struct helper;
/* Who stands beside the writer; NULL: nobody does that. */
struct beside {
	int ringer;                /* of ringer_start; the loop ends where that has ended */
	struct clerk *clerk;       /* decides */
	struct warden *warden;     /* looks after quotas */
	struct helper *gauge;      /* says how full mailboxes are */
	struct helper *inbox;      /* empties Inboxes, and copies them to assistants */
	struct helper *remover;    /* removes those of users who were deleted */
	struct settings *settings; /* who is a user, with the objects open; NULL: everybody */
};
struct writer *writer_new(struct event_base *base, const struct instance *instance, size_t mailboxes_max,
                          const struct beside *beside);
void writer_free(struct writer *writer);
ipc_handler writer_handle; /* context: the writer */

/* confine.c: the sandbox: the mail store; settings and the names of scripts to read; no network. */
int deliver_confine(const struct instance *instance, struct err *err);

/* ringer.c: a process of its own that tells imapd of changes. Start it before the sandbox; the descriptor to it, or -1.
 */
int ringer_start(const struct daemon *daemon, struct err *err);
/* Never waits. -1: it is gone. */
int ringer_tell(int ringer, const int64_t *users, size_t count);

#endif
