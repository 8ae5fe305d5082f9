/*
 * output: octets on their way into a file, watched for what an envelope has to say of them.
 */
#ifndef POSTROOM_LISTS_OUTPUT_H
#define POSTROOM_LISTS_OUTPUT_H

#include "common/base/buf.h"
#include "common/mime/mime.h"

struct output {
	int fd;
	struct buf buf;
	int64_t size; /* octets written so far */
	bool is_8bit; /* an octet was above 127 */
	char last[3]; /* the latest octets, the last one last */
};

void output_init(struct output *output, int fd);
void output_free(struct output *output);
int output_add(struct output *output, struct str bytes, struct err *err);
/* A text with LF or CRLF, written with CRLF. */
int output_add_lines(struct output *output, struct str text, struct err *err);
/* Copy len octets of a message from position at on. */
int output_copy(struct output *output, const struct mime_source *source, int64_t at, int64_t len, struct err *err);
/* Begin a new line where the last one did not end. */
int output_end_line(struct output *output, struct err *err);
/* What is still in memory to the file. */
int output_flush(struct output *output, struct err *err);

#endif
