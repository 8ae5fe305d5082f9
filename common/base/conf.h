/*
 * conf: reader of conf files: "[section]", "key = value", comments from ';' or '#' at the start of a line.
 *
 * Section and key names are lower-cased; a value is the rest of the line, trimmed, at most 4,096 bytes; a line that is
 * none of these is an error that names file and line, as in "postroom.conf:12: ...". The reader knows no keys: who asks
 * for one marks it as known, and conf_report_unknown names the rest.
 */
#ifndef POSTROOM_BASE_CONF_H
#define POSTROOM_BASE_CONF_H

#include "common/base/arena.h"
#include "common/base/err.h"

struct conf_entry {
	const char *section; /* "" before the first section line */
	const char *key;
	const char *value;
	unsigned line;
	bool known;
	struct conf_entry *next;
};

struct conf {
	struct arena arena;
	struct conf_entry *first;
	char name[64]; /* file name without folder, for messages */
};

/* Read a file (at most 1 MB), or text already in memory. -1: ERR_SYSTEM, ERR_SYNTAX, ERR_LIMIT; nothing to free then.
 */
int conf_read(struct conf *conf, const char *path, struct err *err);
int conf_parse(struct conf *conf, const char *name, struct str text, struct err *err);
void conf_free(struct conf *conf);

/* The last value given for a key, or fallback. The text lives as long as conf. */
const char *conf_get(struct conf *conf, const char *section, const char *key, const char *fallback);
/* A number from min to max; -1 with ERR_SYNTAX naming file and line where it is none. */
int conf_get_number(struct conf *conf, const char *section, const char *key, long min, long max, long *value,
                    struct err *err);

/* One warning in the log for each key that nobody asked for. */
void conf_report_unknown(const struct conf *conf);

#endif
