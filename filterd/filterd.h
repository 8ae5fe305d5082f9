/*
 * filterd: gives mail the form in which it leaves, or stays inside; and makes what follows from what stands in a
 * message: copies for monitoring and of what users send, receipts. Programs of the administrator's see mail here, also
 * for sender and the collector (hooks.h).
 *
 * The parent is an event loop that reads envelopes and parses no message. For each it has a process of its own
 * (common/ipc/worker.h), which is given the message and empty files for its other forms, parses it (common/mime),
 * writes, says in one packet what it found, and ends. Envelopes of mail that is made are written by the parent alone,
 * to addresses that stand in the settings, that the administrator's script names without having seen more of the
 * message than a few texts, or that may get no more than a receipt. doc/ipc.md has the requests.
 *
 * Security stance: a worker reads settings and scripts and writes its files; it opens nothing else, asks nobody but
 * statusd (for errors of scripts), signals nobody, and lives WORKER_MS at most with limited memory. Whoever takes it
 * over by a message has that message. The parent believes its words only within what they may say. Sessions of pop3d
 * and imapd may say, where the settings want receipts of that, that their user fetched a message: one that is taken
 * over could have receipts sent, and nothing else.
 *
 * Nothing is lost here: what goes wrong is temporary. A message whose worker dies, or takes too long, ATTEMPTS_MAX
 * times goes on unchanged; what the system refuses (a full disk) is tried again until it does not.
 */
#ifndef POSTROOM_FILTERD_FILTERD_H
#define POSTROOM_FILTERD_FILTERD_H

#include "common/ipc/loop.h"
#include "common/ipc/worker.h"
#include "common/net/sandbox.h"
#include "common/notice/notice.h"
#include "common/settings/settings.h"
#include "common/spool/spool.h"

enum {
	WORKER_MS = 60 * 1000,              /* of a worker's life */
	WORKER_CPU_S = 50,                  /* the same in seconds of a processor */
	WORKER_MEMORY = 1024 * 1024 * 1024, /* octets of address space, a script's 64 MB among them */
	WORKERS_MAX = 8,                    /* at a time; other requests wait */
	ATTEMPTS_MAX = 3,                   /* of a message, before it goes on as it is */
	FAILURES_MAX = 500,                 /* messages of which it is remembered that they went wrong */
	ASKED_MAX = 100000,                 /* of a request */
};

/* Which way a message goes; it may go several. */
enum way {
	WAY_OUTGOING, /* from one of our senders to others */
	WAY_INTERNAL, /* from one of our senders to users */
	WAY_INCOMING, /* from strangers to users */
	WAYS,
};
extern const char *const way_names[WAYS];

/* What a worker found, as far as the answer tells it. */
struct found {
	int64_t internal, outgoing, urgent, receipt; /* 0 or 1 */
	bool made;                                   /* mail out of it, which waits until that is written down */
};

/* What monitor.lua is asked about, for each way that has a copy. */
struct monitored {
	bool ways[WAYS];
	int64_t size;
	struct str subject;
	const struct str *attachments, *to, *cc, *bcc;
	size_t attachment_count, to_count, cc_count, bcc_count;
};

struct failure {
	char id[SPOOL_ID_MAX];
	unsigned count;
};

struct hooks;

struct filterd {
	struct daemon daemon;
	struct event_base *base;
	struct settings settings;
	struct spool_drop drop;
	struct sandbox worker_sandbox;
	struct worker_pool *workers;
	struct notices *notices;
	struct hooks *hooks; /* hooks.h */
	struct failure failures[FAILURES_MAX];
	unsigned next_failure; /* place of the next one to be remembered */
};

/* A message that is worked on, and what is known of it before it is parsed. */
struct job {
	struct filterd *filterd;
	struct ipc_incoming *incoming; /* the request */
	struct arena arena;
	struct buf text; /* the envelope's bytes */
	struct spool_envelope envelope;
	char id[SPOOL_ID_MAX];
	int message;    /* descriptor of the spool file */
	int64_t offset; /* of the message in it */
	int64_t size;   /* of the message */
	int replaced;   /* what the administrator's program made of it, without an envelope; -1: nothing */
	int64_t replaced_size;
	bool own;                     /* the sender is one of ours */
	bool made;                    /* by a daemon of the house, out of another message or of nothing */
	bool has_inside, has_outside; /* kinds of targets it has */
	int64_t *users;               /* of its targets */
	struct str *user_names;
	size_t user_count;
	struct str *outside; /* addresses of remote targets */
	size_t outside_count;
	int internal, outgoing; /* files for its other forms; -1: it has no such target */
	int copies[WAYS];       /* files for copies for monitoring; -1: not that way */
	bool lan;               /* of "sent": by LAN forwarding */
	struct str reader;      /* of "read": the user; empty: it is no such request */
	struct found found;
	struct monitored monitored;
	void (*copied)(struct job *job, const struct err *err); /* of copies_make */
};

/* requests.c: takes what filterd is asked. */
void requests_take(struct ipc_incoming *incoming, void *filterd);

/* job.c: a message that is to be prepared. Owns the job from now on, and answers its request. */
void job_start(struct job *job);
void job_free(struct job *job);
/* Begin the worker that does this; it gets the job's files. */
void job_run(struct job *job, int (*run)(struct ipc_message *reply, void *job, struct err *err),
             void (*done)(struct ipc_message *reply, const struct err *err, void *job));

/*
 * copies.c: copies for monitoring, once the worker has said which there are (fields of monitor_look, look.h), and those
 * that the sender wants of what he sends. done is called once, with err where they could not be made now.
 */
void copies_make(struct job *job, const struct ipc_message *found,
                 void (*done)(struct job *job, const struct err *err));

/* receipts.c: a message has been sent, or fetched by its user: the receipt, where it asks for one. Owns the job. */
void receipts_start(struct job *job);
void receipts_start_read(struct job *job);

/* programs.c: a program of the administrator's sees a message of a collector, or one for a relay. Owns the job. */
void programs_start_route(struct job *job);
void programs_start_relay(struct job *job);

/* made.c: mail of filterd's own. */
struct made_mail {
	const char *step; /* behind the message's id: what it is, once */
	const struct str *to;
	size_t to_count;
	struct str keywords;
	struct str text; /* of the message, where file is -1 */
	int file;        /* that holds the message, */
	int64_t file_at; /* from here on */
};
/* Write it into the drop; it is on disk then. -1: ERR_SYSTEM, ERR_TEMPORARY. */
int made_write(struct job *job, const struct made_mail *mail, struct err *err);

/* rewrite.c, of which the parent needs this: the domain that stands for another in mail that leaves; "" : itself. */
struct str rewrite_domain(const struct settings *settings, struct str domain, struct arena *arena);

/* What workers run; the context is the job. look.c: prepare a message; receipts_look.c: the receipt it asks for;
 * monitor.c: ask monitor.lua; route_look.c: what a program says of recipients. */
int look_run(struct ipc_message *reply, void *job, struct err *err);
int receipt_run(struct ipc_message *reply, void *job, struct err *err);
int monitor_run(struct ipc_message *reply, void *job, struct err *err);
int route_run(struct ipc_message *reply, void *job, struct err *err);

#endif
