/*
 * base64: RFC 4648 section 4, strict: what SASL exchanges, key files and MIME's simple cases need.
 *
 * Decoding accepts exactly what encoding makes: the standard alphabet, padding where it belongs, no blanks, no line
 * ends, unused bits zero (RFC 4648 section 3.5), so that one value has one spelling.
 */
#ifndef POSTROOM_BASE_BASE64_H
#define POSTROOM_BASE_BASE64_H

#include "common/base/buf.h"

/* Add the encoding of data to text. -1 where it does not fit text's limit. */
int base64_encode(struct str data, struct buf *text);

/* Add the bytes that text stands for to data. -1: not base64, or it does not fit data's limit. */
int base64_decode(struct str text, struct buf *data);

#endif
