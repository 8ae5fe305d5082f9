/*
 * script/name: what scripts are called, and which ones the server calls.
 *
 * A name is in lower case, of letters, digits, '.', '-' and '_', and ends in ".lua"; before it may stand the folder of
 * a user and '/'. So it is the name of a file wherever it is used as one, and never another one's.
 */
#ifndef POSTROOM_SCRIPT_NAME_H
#define POSTROOM_SCRIPT_NAME_H

#include "common/base/err.h"
#include "common/base/str.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * The name in its normal form: in lower case, ".lua" added where it is missing. out: SCRIPT_NAME_MAX + 6 octets. -1:
 * ERR_SYNTAX.
 */
int script_name_normalise(struct str name, char *out, size_t size, struct err *err);

/* A script that the server calls where it is there. */
struct script_hook {
	const char *name; /* without ".lua" */
	const char *sentence;
};

/* All of them, in alphabetical order; ends with a name of NULL. */
extern const struct script_hook script_hooks[];
/*
 * Is a script of that name (in its normal form) called? Those of single users are, where there is one for all of them,
 * and those of rules of each SMTP service (smtprules_NUMBER).
 */
bool script_is_hook(struct str name);

#endif
