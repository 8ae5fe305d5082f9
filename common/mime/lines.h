/*
 * lines: a source, line by line; for this folder alone.
 *
 * A line that is longer than the buffer comes in pieces. A message in memory is not copied.
 */
#ifndef POSTROOM_MIME_LINES_H
#define POSTROOM_MIME_LINES_H

#include "common/mime/mime.h"

struct lines {
	const struct mime_source *source;
	char *buffer;      /* NULL where the source is in memory */
	const char *data;  /* what was read last */
	size_t start, end; /* of what is left of it */
	int64_t at;        /* position in the message of what is left */
	bool inside;       /* the last piece did not end its line */
};

struct line {
	struct str text;  /* without the line end */
	int64_t at;       /* where it begins */
	unsigned end_len; /* of the line end: 2, 1; 0: the line goes on, or the message ends here */
	bool is_rest;     /* not the beginning of its line */
};

void lines_open(struct lines *lines, const struct mime_source *source);
void lines_close(struct lines *lines);
/* 1: a line, 0: the end of the message, -1: err. */
int lines_next(struct lines *lines, struct line *line, struct err *err);

#endif
