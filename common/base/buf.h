/*
 * buf: bytes that grow, owned, with a limit that is never exceeded.
 *
 * Adding past the limit adds nothing, sets `overflow` and returns -1; the flag stays until buf_reset, so a writer may
 * add a whole line and look once. Memory that the system refuses ends the process (base/memory.h).
 */
#ifndef POSTROOM_BASE_BUF_H
#define POSTROOM_BASE_BUF_H

#include "common/base/str.h"

#include <stdarg.h>

struct buf {
	char *data;
	size_t len;
	size_t capacity;
	size_t limit;  /* largest len, in bytes */
	bool overflow; /* something did not fit since the last reset */
};

/* An empty buffer; nothing is allocated until something is added. */
void buf_init(struct buf *buf, size_t limit);
void buf_free(struct buf *buf);
void buf_reset(struct buf *buf); /* empty, memory kept */

int buf_add(struct buf *buf, const void *data, size_t len);
int buf_add_str(struct buf *buf, struct str s);
int buf_add_char(struct buf *buf, char c);
int buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
int buf_vprintf(struct buf *buf, const char *format, va_list args) __attribute__((format(printf, 2, 0)));
/* A stranger's text for a line of a log: a line end is added as \n, other control characters and what is not UTF-8 as
 * \xNN, a tab as a space. */
int buf_add_visible(struct buf *buf, struct str text);

/* Make room for len more bytes and return where they go (the caller then adds to buf->len), or NULL: past the limit. */
char *buf_reserve(struct buf *buf, size_t len);

/* Take the first count bytes away. */
void buf_consume(struct buf *buf, size_t count);

/* The content as a view, valid until the next change; and the content terminated by a NUL that is not counted. */
struct str buf_str(const struct buf *buf);
const char *buf_text(struct buf *buf);

#endif
