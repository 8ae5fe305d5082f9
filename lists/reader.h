/*
 * reader: the process that reads a message, one for each, and what it reports.
 *
 * It is forked with the message, an unnamed file to write to, and what the list wants done (struct recipe); then it is
 * in a sandbox that lets it open, connect and fork nothing. It finds out what the message says of its sender (read.c),
 * and writes what members are to get (rewrite.c), or reads commands out of it. Its report comes back as fields of ipc.
 * What takes longer than a minute or more memory than it may is killed; the message is then put off.
 *
 * Security stance: whatever is reported is a stranger's. listd reads it field by field with limits, and believes
 * nothing that it has to rely on. The file is looked at after the process has ended.
 */
#ifndef POSTROOM_LISTS_READER_H
#define POSTROOM_LISTS_READER_H

#include "common/mime/mime.h"
#include "lists/commands.h"
#include "lists/control.h"
#include "lists/lists.h"

/* What a reader has to know of the list; texts that stay while it is forked. */
struct recipe {
	const struct list_settings *settings; /* NULL: the message is for the ListServer, */
	bool is_control;                      /* or for the mailer daemon */
	bool is_report;                       /* or a report about a member's mail (bounces.h) */
	struct str name, address, domain;     /* of the list */
	struct str moderator, server, owner;  /* addresses */
};

struct report {
	struct str from;    /* address in From, normalised; "" where there is none */
	struct str name;    /* display name there, UTF-8 */
	struct str subject; /* UTF-8, one line */
	bool has_marker, is_automatic, is_banned, has_score;
	bool is_failure; /* of a report: a message could not be delivered, for good */
	int64_t score;   /* hundredths */
	/* what was written for the members */
	bool is_8bit;
	int64_t size, to_at;      /* to_at: where fields for a single member belong, -1: nowhere */
	struct commands commands; /* for the ListServer */
	struct control control;   /* for the mailer daemon */
};

/* read.c. What the header says. -1: the message cannot be read, or ERR_LIMIT: its header is too long. */
int read_facts(const struct mime_source *source, const struct recipe *recipe, struct arena *arena,
               struct report *report, struct err *err);
/* Does a delivery report (RFC 3464) tell of a failure? Sets is_failure. */
int read_failure(const struct mime_source *source, struct arena *arena, struct report *report, struct err *err);
/* The commands of a message to the ListServer, or to the mailer daemon. */
int read_commands(const struct mime_source *source, bool is_control, struct arena *arena, struct report *report,
                  struct err *err);

/* rewrite.c. Write what members get to fd; sets is_8bit, size, to_at. */
int rewrite_message(const struct mime_source *source, const struct recipe *recipe, struct arena *arena, int fd,
                    struct report *report, struct err *err);

/* report.c */
void report_write(const struct report *report, struct ipc_message *message);
/* Texts in arena. -1: ERR_PROTOCOL: it is no report. */
int report_read(const struct ipc_message *message, struct arena *arena, struct report *report, struct err *err);

/* A message to be read. What it refers to has to stay until the reader is done. */
struct reading {
	int fd; /* of the message */
	int64_t offset, size;
	struct recipe recipe;
	int out; /* where to write, -1: nowhere */
};

/* report is NULL and err set where the reader failed; both live until the function returns. */
typedef void reader_done(const struct report *report, const struct err *err, void *context);

/* Begin to read; the function is called later, once. */
void reader_start(struct listd *listd, const struct reading *reading, reader_done *done, void *context);

#endif
