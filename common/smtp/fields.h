/*
 * smtp/fields: an eye on the header of a message that streams by.
 *
 * Counts Received fields (loops), sees whether Date and Message-ID are there, and tells where fields can be added. Only
 * the names of fields are looked at; nothing is changed, and no more than the beginning of a line is kept.
 */
#ifndef POSTROOM_SMTP_FIELDS_H
#define POSTROOM_SMTP_FIELDS_H

#include "common/base/str.h"

enum {
	FIELDS_NAME_MAX = 16, /* longer than the names looked for */
	FIELDS_FIRST_MIN = 1000,
};

struct fields {
	bool ended;      /* the header is over: at its empty line, or since there is none */
	bool is_missing; /* the first line is no field: the message has no header */
	bool has_date;
	bool has_message_id;
	unsigned received;    /* number of Received fields */
	bool first_line_read; /* private from here on */
	bool line_is_judged;
	bool name_ended; /* blanks follow it */
	char name[FIELDS_NAME_MAX];
	size_t name_len;
};

void fields_init(struct fields *fields);

/*
 * Look at the next octets of a message with CRLF line ends, no CR parted from its LF. The first call needs the first
 * line as a whole, or FIELDS_FIRST_MIN octets of it. Returns how many octets belong to the header: less than bytes.len
 * once it has ended. What is behind begins with the empty line, or is the first line of a message without a header;
 * fields that are missing belong before it.
 */
size_t fields_look(struct fields *fields, struct str bytes);

#endif
