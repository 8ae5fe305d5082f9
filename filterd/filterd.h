/*
 * filterd: gives mail the form in which it leaves, or stays inside; and makes what follows from what stands in a
 * message: copies for monitoring, receipts.
 *
 * The parent is an event loop that reads envelopes and parses no message. For each it forks a child, which is given the
 * message and empty files for its other forms, parses it (common/mime), writes, says in one packet what it found, and
 * ends. Envelopes of mail that is made are written by the parent alone, to addresses that stand in the settings or that
 * may get no more than a receipt. doc/ipc.md has the requests.
 *
 * Security stance: a child reads settings and scripts and writes its two files; it opens nothing else, asks nobody,
 * signals nobody, and lives JOB_MS at most with limited memory. Whoever takes it over by a message has that message.
 * The parent believes its words only within what they may say.
 *
 * Nothing is lost here: what goes wrong is temporary. A message that goes wrong JOB_ATTEMPTS times goes on unchanged.
 */
#ifndef POSTROOM_FILTERD_FILTERD_H
#define POSTROOM_FILTERD_FILTERD_H

#include "common/ipc/loop.h"
#include "common/net/sandbox.h"
#include "common/settings/settings.h"
#include "common/spool/spool.h"

enum {
	JOB_MS = 60 * 1000,             /* of a child's life */
	JOB_CPU_S = 50,                 /* the same in seconds of a processor */
	JOB_MEMORY = 768 * 1024 * 1024, /* octets of address space, a script's 64 MB among them */
	JOB_DESCRIPTORS = 32,           /* that a child may have */
	JOB_ATTEMPTS = 3,               /* of a message, before it goes on as it is */
	JOBS_MAX = 8,                   /* children at a time; other requests wait */
	FAILURES_MAX = 500,             /* messages of which it is remembered that they went wrong */
	TARGETS_MAX = 100000,           /* of a request */
};

struct failure {
	char id[SPOOL_ID_MAX];
	unsigned count;
};

struct job;

struct filterd {
	struct daemon daemon;
	struct event_base *base;
	struct settings settings;
	struct spool_drop drop;
	struct sandbox child_sandbox;
	struct job *waiting, **waiting_last;
	unsigned running;
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
	bool own;
	bool has_internal, has_outgoing; /* which kinds of targets it has */
	int internal, outgoing;          /* descriptors of the files for its other forms; -1: it has no such target */
	pid_t child;
	int channel; /* to the child */
	struct event *readable, *late;
	struct job *next;
};

/* requests.c: takes what filterd is asked. */
void requests_take(struct ipc_incoming *incoming, void *filterd);

/* job.c: children. Owns the job from now on, and answers its request. */
void job_start(struct job *job);
void job_free(struct job *job);

/* child.c: all that a child does in its life. */
void child_run(struct job *job, int channel) __attribute__((noreturn));

#endif
