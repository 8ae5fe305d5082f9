/*
 * mailauth/tags: lists of tag=value (RFC 6376 3.2), as in DKIM-Signature and ARC fields and in records of keys.
 *
 * Strict: a list with anything in it that the grammar does not know, or with a tag twice, is none at all. What tags
 * mean is the business of whoever asks for them. UTF-8 may stand in values (RFC 6376 3.2, RFC 8616), control
 * characters may not. Strangers wrote the text; nothing of it is changed, and what is returned are views into it.
 */
#ifndef POSTROOM_MAILAUTH_TAGS_H
#define POSTROOM_MAILAUTH_TAGS_H

#include "common/base/arena.h"
#include "common/base/err.h"

enum { MAILAUTH_TAGS_MAX = 64 }; /* in one list; the standards know fifteen */

struct mailauth_tag {
	struct str name;  /* case counts */
	struct str value; /* without blanks and folding around it; folding inside is left */
	struct str raw;   /* all between "=" and ";", or the end of the list */
};

struct mailauth_tags {
	struct mailauth_tag *list; /* in the order they stand */
	size_t count;
};

/* Take a list apart. A line end at its end is the field's and belongs to no tag. -1: ERR_SYNTAX, ERR_LIMIT. */
int mailauth_tags_parse(struct str text, struct arena *arena, struct mailauth_tags *tags_out, struct err *err);

/* A tag by name, NULL where there is none. */
const struct mailauth_tag *mailauth_tag(const struct mailauth_tags *tags, const char *name);

/* A tag's value, fallback where there is none. */
struct str mailauth_tag_value(const struct mailauth_tags *tags, const char *name, struct str fallback);

/* A value without all blanks and folding in it: of tags in which they do not count. */
struct str mailauth_tag_squeeze(struct str value, struct arena *arena);

/*
 * The bytes that a value in base64 stands for; blanks and folding in it do not count, and the padding may be missing
 * (RFC 6376 2.10). False: it is none, or is empty.
 */
bool mailauth_tag_base64(struct str value, struct arena *arena, struct str *bytes_out);

/* Does a list separated by colons, with blanks around them or none, name this item? Case counts. */
bool mailauth_tag_lists(struct str value, struct str item);

#endif
