/*
 * log: one line an event, to standard error, in a single write of at most PIPE_BUF octets (what is longer is cut).
 *
 * The supervisor points standard error at the log writer's pipe (ctl/log_writer.h), systemd at the journal. A line
 * reads 2026-11-21T10:00:00.123Z smtpd[812]: info: id=... what happened, key=value ... A message's id stands in every
 * line about it as id=ID. Control characters and bytes that are not UTF-8 of what strangers sent are written as \xNN,
 * so that nobody can forge a line. Never log a password.
 */
#ifndef POSTROOM_BASE_LOG_H
#define POSTROOM_BASE_LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Name the process in its lines; name must stay valid. Lines above the level are left out (default: info). */
void log_open(const char *name);
void log_set_level(enum log_level level);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
