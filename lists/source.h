/*
 * source: members that come from a database, each time the list is used (specification 03, External-database lists).
 *
 * unixODBC, a file of SQLite, or a command that prints an address a line. Whatever it is runs in a process of its own,
 * forked by another one (the fetcher) that listd forked at its start, before its sandbox: such a worker may read the
 * system's programs and libraries and the database, may connect, and may neither read nor write what is listd's. It
 * writes rows into an unnamed file, and is killed when its time is over. Rows that are no addresses are left out and
 * counted in the log.
 *
 * Security stance: the administrator says what is run and read; what it prints may be anybody's. A command runs as
 * listd's user, without its descriptors, environment, rights to its files, or a shell.
 */
#ifndef POSTROOM_LISTS_SOURCE_H
#define POSTROOM_LISTS_SOURCE_H

#include "lists/lists.h"

enum {
	SOURCE_ROWS_MAX = 1000000,
	SOURCE_OCTETS_MAX = 64 << 20, /* of all addresses */
	SOURCE_SECONDS = 60,
};

struct source_result {
	struct err err;   /* code ERR_NONE: what follows is valid */
	struct str lines; /* valid addresses, normalised, an LF behind each */
	int64_t count;    /* of them */
	int64_t skipped;  /* rows that were no addresses */
};

/* The result lives until the function returns. */
typedef void source_done(const struct source_result *result, void *context);

/* Start the fetcher, before the sandbox; hear its answers in the loop. */
int source_open(struct listd *listd, struct err *err);
void source_listen(struct listd *listd);
/* Ask the list's source; the function is called later, once. */
void source_fetch(struct listd *listd, const struct list *list, source_done *done, void *context);
/* Is the address among them? */
bool source_holds(const struct source_result *result, struct str address);

/* What a source is; texts that stay. */
struct source {
	struct str kind; /* "odbc", "sqlite", "command" */
	struct str name, query;
};

/* source_fetcher.c. The descriptor to the fetcher, or -1. */
int fetcher_start(const struct daemon *daemon, struct err *err);

/*
 * source_work.c, a worker's life: what the source gives goes to `file`, why it could not be read to `why`. Exit status
 * 0 where it could.
 */
void source_work(const struct instance *instance, const struct source *source, int file, int why)
    __attribute__((noreturn));

/* Rows on their way into the file. */
struct rows {
	int fd;
	struct buf text;
};
/* The first column of a row. */
int rows_add(struct rows *rows, struct str value, struct err *err);
int rows_flush(struct rows *rows, struct err *err);

/* source_odbc.c. -1: what the driver says. */
int source_read_odbc(const struct source *source, struct rows *rows, struct err *err);

#endif
