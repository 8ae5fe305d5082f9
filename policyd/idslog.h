/*
 * idslog: ids.log, a line for each event, for tools outside of the house; and badsmtprecipients.log, a line for each
 * unknown recipient (specification 05, SMTP IDS/IPS and SMTP advanced).
 *
 * A child of policyd's own writes them, because the administrator may shape the lines by a script (idsline.lua), and no
 * event loop runs scripts. policyd hands it records over a socket and never waits: what the child cannot take is
 * counted and lost. The files are in a folder of policyd's, log/policy, so that they can be renamed away at any time:
 * before each line the writer looks whether the name is still its file, and makes a new one where it is not.
 *
 * Security stance: the child reads settings and scripts and writes in that folder, nothing else. Names of files, also
 * those that a script gives, are one word without "/", and lines hold no control characters, whatever clients sent.
 */
#ifndef POSTROOM_POLICYD_IDSLOG_H
#define POSTROOM_POLICYD_IDSLOG_H

#include "common/base/buf.h"
#include "common/daemon/daemon.h"
#include "common/policy/event.h"

enum {
	IDSLOG_LINE_MAX = 16384,
	IDSLOG_NAME_MAX = 64, /* octets of a file's name, with the NUL: setting_is_file_name */
};

struct idslog {
	int fd;        /* of the socket to the writer; -1: there is none */
	unsigned lost; /* records, since the last complaint */
};

/*
 * Fork the writer. Call before anything else is opened: it inherits nothing but the log. When the other end of its
 * socket closes it writes what it has and ends. -1: ERR_SYSTEM.
 */
int idslog_start(struct idslog *idslog, const struct daemon *daemon, struct err *err);
/* Hand on a record; at once, or it is lost. */
void idslog_add(struct idslog *idslog, const struct policy_record *record);

/* The writer's own: all that it does in its life. fd: where records come from. */
void idslog_write(const struct instance *instance, int fd) __attribute__((noreturn));

/* Add a line by a format: %T time, %I address, %e number, %E text, %D data, %% a percent sign. Made for one line. */
void idslog_format(struct buf *line, struct str format, const struct policy_record *record);

#endif
