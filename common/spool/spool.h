/*
 * spool: a message on its way, one file.
 *
 * spool/<producer>/new/<id>: a short readable envelope ("key: value" lines, LF), an empty line, the message with CRLF
 * line ends. A producer writes an unnamed file, syncs it, links it into new/ under its id and syncs the folder: only
 * then is it acknowledged. queue-manager alone moves, reads and removes it.
 *
 * Envelope keys: id, time (microseconds since 1970), producer, service, from, protocol, peer, helo, user, token, body,
 * smtputf8, requiretls, ret, envid, parent, visited, keywords, arc, results, hold, release, hold-until, expires,
 * collector, and for each recipient "to: <address> [NOTIFY=... ORCPT=... FOLDER=... NAMED REFUSED=...]", the address in
 * its angle brackets. Keys without a value are left out; unknown keys are passed over, so that a newer producer is
 * understood. An id reads <time>-<producer>-<random>: 13 hex digits of microseconds, the producer's name, 8 hex digits.
 */
#ifndef POSTROOM_SPOOL_SPOOL_H
#define POSTROOM_SPOOL_SPOOL_H

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/daemon/instance.h"

#include <sys/types.h>

enum {
	SPOOL_ID_MAX = 64,
	SPOOL_ENVELOPE_MAX = 64 * 1024 * 1024, /* bytes of envelope */
	SPOOL_RECIPIENTS_MAX = 100000,
};

enum spool_notify { /* RFC 3461 4.1; 0 = not given */
	                SPOOL_NOTIFY_NEVER = 1,
	                SPOOL_NOTIFY_SUCCESS = 2,
	                SPOOL_NOTIFY_FAILURE = 4,
	                SPOOL_NOTIFY_DELAY = 8,
};

struct spool_recipient {
	struct str address; /* without angle brackets, as the client gave it */
	unsigned notify;
	struct str orcpt;   /* "rfc822;xtext", as given; empty = none */
	struct str folder;  /* xtext: where in the mailbox, if it is one of ours; empty = INBOX */
	bool named;         /* by an administrator, not by the message: looked for as members of lists are */
	struct str refused; /* xtext: it does not go there, and the sender is told why in these words; empty: it does */
};

struct spool_envelope {
	struct str id;
	int64_t time_us;
	struct str producer; /* "smtpd" */
	struct str service;  /* "submission" */
	struct str from;     /* reverse-path without brackets; empty = <> */
	struct str protocol; /* "ESMTPSA" */
	struct str peer;     /* client address */
	struct str helo;
	struct str user;  /* who logged in, or empty */
	struct str token; /* right to relay (common/spool/token.h), or empty */
	struct str body;  /* "7BIT", "8BITMIME" or empty */
	bool smtputf8;
	bool requiretls;     /* passed on under TLS alone, to servers that promise the same (RFC 8689) */
	struct str ret;      /* "FULL", "HDRS" or empty */
	struct str envid;    /* xtext, as given */
	struct str parent;   /* id of the message this was made from, and the step: "<id>/bounce"; or empty */
	struct str visited;  /* numbers of users whose forwardings made it, separated by blanks; or empty */
	struct str keywords; /* IMAP keywords of the copies that are delivered, separated by blanks */
	struct str arc; /* what was found of its chain of custody when it came (arc_word); empty: it was not looked at */
	struct str results; /* likewise of who sent it (results_unfold), for who seals it when it is passed on; or empty */
	bool hold;          /* neither delivered nor sent until an administrator releases it */
	int64_t release;    /* not before that time, seconds since 1970 (RFC 4865); 0: at once */
	int64_t
	    hold_until;  /* what goes to other servers waits until then, seconds since 1970; 0: as others (outgoing.hold) */
	int64_t expires; /* and is deleted then; 0: as others (outgoing.delete) */
	int64_t collector; /* number of the one that fetched it; 0: none did */
	struct spool_recipient *recipients;
	size_t recipient_count;
};

/* The envelope as text, with its closing empty line. -1: ERR_LIMIT, ERR_SYNTAX (a value holds a line end or NUL). */
int spool_envelope_format(const struct spool_envelope *envelope, struct buf *text, struct err *err);
/*
 * Parse the beginning of a spool file. Values are views into text or arena. *length_out: octets of envelope with the
 * empty line, where the message begins. -1: ERR_SYNTAX, ERR_LIMIT.
 */
int spool_envelope_parse(struct str text, struct arena *arena, struct spool_envelope *envelope, size_t *length_out,
                         struct err *err);

/*
 * Read the beginning of a spool file and parse it: text holds the envelope then, and the values are views into it.
 * -1: ERR_SYSTEM, ERR_SYNTAX, ERR_LIMIT.
 */
int spool_envelope_read(int fd, struct buf *text, struct arena *arena, struct spool_envelope *envelope,
                        size_t *length_out, struct err *err);

/*
 * One recipient in the words of a "to:" line, as the ipc field "recipient" has it too: "<address>", then " NOTIFY=",
 * " ORCPT=" and " FOLDER=" where they are given (RFC 3461 4.1, 4.2). parse: views into text; -1: ERR_SYNTAX.
 */
int spool_recipient_format(const struct spool_recipient *recipient, struct buf *text);
int spool_recipient_parse(struct str text, struct spool_recipient *recipient, struct err *err);

/* Is it "<13 hex digits>-<producer>-<8 hex digits>"? What is, can be a file name. */
bool spool_id_is_valid(struct str id);

/* A producer's drop, opened before the sandbox. */
struct spool_drop {
	char producer[24];
	int new_folder; /* descriptors of spool/<producer>/new and tmp */
	int tmp_folder;
	int scratch_folder; /* for spool_scratch, where that is another than tmp; else -1 */
};

int spool_drop_open(struct spool_drop *drop, const struct instance *instance, const char *producer, struct err *err);
void spool_drop_close(struct spool_drop *drop);

/*
 * An unnamed file on the spool's file system, to be read and written by this process alone; it is gone when it is
 * closed. The caller closes it. -1: ERR_SYSTEM.
 */
int spool_scratch(const struct spool_drop *drop, struct err *err);
/*
 * Have these files made in the folder `path` instead, which is there: for a process whose sandbox lets it make files in
 * the drop's tmp, where others' are, but not read there. -1: ERR_SYSTEM.
 */
int spool_scratch_in(struct spool_drop *drop, const char *path, struct err *err);

/* A message being written. */
struct spool_file {
	const struct spool_drop *drop;
	int fd;
	char id[SPOOL_ID_MAX];
	char tmp_name[SPOOL_ID_MAX]; /* "" where the file has no name yet (O_TMPFILE) */
	bool derived;                /* the id is a hash of its parent: a file of that name is this message, made before */
	int64_t size;                /* octets of message written, without the envelope */
	struct buf out;
};

/* Give the message an id (into file->id); deterministic where parent is not empty (a hash of it), else random. */
void spool_make_id(struct spool_file *file, const char *producer, struct str parent);
/* Open an unnamed file and write the envelope (with envelope->id set to file->id by the caller). -1: ERR_SYSTEM. */
int spool_begin(struct spool_file *file, const struct spool_drop *drop, const struct spool_envelope *envelope,
                struct err *err);
int spool_write(struct spool_file *file, struct str bytes, struct err *err);
/* Sync data, link into new/, sync the folder. 0: it is on disk under its name, or (deterministic id) was there before.
 */
int spool_commit(struct spool_file *file, struct err *err);
void spool_abort(struct spool_file *file);

/*
 * For who must remember in a database of his own what he made: park the message in tmp/ under its id; sync what is
 * parked; commit; then release it into new/. After a crash he releases what he committed and unparks the rest, so that
 * nothing is made twice though it may have been taken already. Many are synced together, which is much quicker than one
 * by one: spool_sync_parked before the commit, spool_sync_released after the last release.
 *
 * spool_park gives the descriptor of the file to the caller, for spool_sync_parked, and to be closed then.
 */
int spool_park(struct spool_file *file, int *fd_out, struct err *err);
int spool_sync_parked(const struct spool_drop *drop, const int *fds, size_t count, struct err *err);
int spool_release(const struct spool_drop *drop, struct str id, struct err *err); /* 0 also where it is released */
int spool_sync_released(const struct spool_drop *drop, struct err *err);
void spool_unpark(const struct spool_drop *drop, struct str id);

/* Free bytes for unprivileged users and the total on the file system of a descriptor. */
int spool_free_space(int fd, uint64_t *free_out, uint64_t *total_out, struct err *err);

#endif
