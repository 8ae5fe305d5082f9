/*
 * log_writer: the process that writes the log.
 *
 * Daemons have a pipe as their standard error, not the file: nobody who was taken over can shorten or change what is
 * written already. A line is one write of at most PIPE_BUF octets, so lines do not mix. What comes is written at once.
 *
 * The supervisor keeps both ends of the pipe open and starts a writer that died again. A writer takes nothing out of
 * the pipe before it stands in the file: one that is killed in between leaves a line twice, never none. It ends when
 * nobody holds the writing end any more, after the last octet, whatever it is told; on a full disk what cannot be
 * written is dropped and counted, because daemons would wait for room in the pipe otherwise.
 *
 * Security: it parses nothing. It runs as the user of statusd, in a sandbox without any path; it holds the pipe and the
 * file, open for appending. The pipe cannot be opened by name (/proc/PID/fd), also not by its own user.
 */
#ifndef POSTROOM_CTL_LOG_WRITER_H
#define POSTROOM_CTL_LOG_WRITER_H

#include "common/daemon/instance.h"

#include <sys/types.h>

struct log_writer {
	const struct instance *instance;
	int file; /* log/postroom.log, for appending */
	int in;   /* the pipe: what the writer reads */
	int out;  /* what daemons write to */
	int own;  /* the same for this process, which does not wait for room */
	bool has_stderr;
	pid_t pid; /* 0: not running */
	int64_t started_ms;
};

/* Open the log, make the pipe, start the writer. -1: ERR_SYSTEM, ERR_NOT_FOUND (its user). */
int log_writer_open(struct log_writer *writer, const struct instance *instance, struct err *err);

/*
 * What this process says on standard error goes to the log from now on, so to syslog too: by the pipe, and by the file
 * while no writer runs. What the pipe has no room for is left out; this process never waits.
 */
void log_writer_take_stderr(struct log_writer *writer);

/* A child of this process ended: true where it was the writer. */
bool log_writer_ended(struct log_writer *writer, pid_t pid);

/* Start it again where it does not run. Returns in how many milliseconds that is to be tried again, -1: not. */
int log_writer_keep(struct log_writer *writer);

/*
 * When all who write have ended, or will soon: close the pipe and wait for the writer to end, patience_ms at most. What
 * the caller logs to the file itself afterwards stands last. Nothing to do where it was not opened.
 */
void log_writer_close(struct log_writer *writer, int patience_ms);

#endif
