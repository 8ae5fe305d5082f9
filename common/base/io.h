/*
 * io: whole reads and writes, files that replace others, the clock.
 *
 * All of these go on after EINTR and after short reads and writes.
 */
#ifndef POSTROOM_BASE_IO_H
#define POSTROOM_BASE_IO_H

#include "common/base/buf.h"
#include "common/base/err.h"

#include <sys/types.h>

/* Write all of it. -1: ERR_SYSTEM. */
int io_write_all(int fd, const void *data, size_t len, struct err *err);

/* Write all that is in the file `from`, whatever its position, to `to`. -1: ERR_SYSTEM. */
int io_copy(int from, int to, struct err *err);

/* Add a file's content to text, up to text's limit. -1: ERR_SYSTEM, ERR_LIMIT. */
int io_read_file(const char *path, struct buf *text, struct err *err);

/*
 * Replace a file: written under a temporary name beside it, synced, renamed, the folder synced. The old content stays
 * where anything fails. mode as for open.
 */
int io_replace_file(const char *path, struct str content, mode_t mode, struct err *err);

/* Sync a folder's names to disk. -1: ERR_SYSTEM. */
int io_sync_folder(const char *path, struct err *err);

/* Make a folder if it is missing; its parents must exist. -1: ERR_SYSTEM. */
int io_make_folder(const char *path, mode_t mode, struct err *err);

/* len bytes that nobody can guess; ends the process where the kernel gives none. */
void io_random(void *out, size_t len);

/* len hexadecimal digits (lower case) and a NUL into out of at least len + 1 bytes; nobody can guess them. */
void io_random_hex(char *out, size_t len);

/* In a child: close all descriptors but the first three and those of keep (-1: none). */
void io_close_all_but(const int *keep, size_t count);

/* Milliseconds of the monotonic clock (does not jump; stands still in suspend). */
int64_t io_now_ms(void);

/* Compare without telling by the time taken where the difference is. */
bool io_equal_secret(struct str a, struct str b);

#endif
