/*
 * texts: what the server writes to people, where the administrator may say it in words of his own: the settings whose
 * keys begin with "text.".
 *
 * A text is any number of lines. "{name}" stands for a value that the one who sends it knows (the paragraph of the
 * setting lists them); names that are not known stay as they are. A line "<Subject: ...>" is the subject, and is taken
 * out. Values are one line each, whatever a stranger put into them, and cannot make a line of that form.
 */
#ifndef POSTROOM_SETTINGS_TEXTS_H
#define POSTROOM_SETTINGS_TEXTS_H

#include "common/base/arena.h"

#include <stddef.h>

enum { TEXT_LINE_MAX = 900 /* octets: longer ones are broken (RFC 5322 2.1.1) */ };

struct text_value {
	const char *name;
	struct str value;
};

struct text_filled {
	struct str subject; /* empty where the text has none */
	struct str body;    /* lines that end with LF, without empty ones at its beginning; empty where it has none */
};

/* Both live as long as arena. */
void text_fill(const char *text, const struct text_value *values, size_t count, struct arena *arena,
               struct text_filled *out);

#endif
