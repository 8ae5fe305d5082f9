/*
 * extent: how much of a stored message is sent: up to some line of its body, or without the empty lines at its end.
 *
 * Only measures; a part that is sent is then always a prefix of the file.
 */
#ifndef POSTROOM_POP3D_EXTENT_H
#define POSTROOM_POP3D_EXTENT_H

#include "common/base/err.h"

#include <stdint.h>

/*
 * Octets of the header, the empty line behind it, and the first `lines` lines of the body (RFC 1939 section 7, TOP), of
 * the first size octets of a message. -1: ERR_SYSTEM, ERR_CORRUPT (the file is shorter).
 */
int extent_top(int fd, int64_t size, uint32_t lines, int64_t *length_out, struct err *err);

/*
 * Octets of a message without the empty lines at its end. The empty line that ends the header stays. -1 as extent_top.
 */
int extent_strip(int fd, int64_t size, int64_t *length_out, struct err *err);

#endif
