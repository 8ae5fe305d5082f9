/*
 * verb: commands that are one question to a daemon, most of the time configd. Each is a line of a table: what is asked,
 * what arguments and options mean, how an answer is shown; one function runs them all.
 */
#ifndef POSTROOM_CTL_VERB_H
#define POSTROOM_CTL_VERB_H

#include "ctl/ctl.h"

#include <jansson.h>

enum { VERB_TIME = '@', VERB_ARGUMENTS_MAX = 3, VERB_OPTIONS_MAX = 24, VERB_COLUMNS_MAX = 8 };

enum option_type {
	OPTION_TEXT = 1,
	OPTION_FILE,     /* the field is the content of the file that is named, "-": of standard input */
	OPTION_ON,       /* no argument: the field is 1 */
	OPTION_SWITCH,   /* on or off: the field is 1 or 0 */
	OPTION_PASSWORD, /* --password-stdin */
	OPTION_NO_PASSWORD,
};

struct verb_option {
	const char *name;
	enum option_type type;
	const char *field;
};

struct verb {
	struct ctl_command command;                    /* "user add", "user rule add" */
	const char *callee;                            /* who is asked; NULL: configd */
	const char *op;                                /* NULL where command.run does it all */
	const char *arguments[VERB_ARGUMENTS_MAX + 1]; /* fields that the arguments are */
	struct verb_option options[VERB_OPTIONS_MAX];
	const char *fixed_field; /* set to fixed_value */
	int64_t fixed_value;
	const char *fixed_text; /* set instead, where it is not NULL */
	bool has_pairs;         /* what follows is any number of KEY VALUE */
	bool wants_password;    /* asks on a terminal where --password-stdin is not given */
	const char *columns[VERB_COLUMNS_MAX +
	                    1]; /* of a listing, with VERB_TIME before what is seconds: "@added"; rows are fields named: */
	const char *row;
};

/* The command of a verb, for the table. */
#define VERB_USAGE(name, arguments, sentence)  \
	{                                          \
		name, arguments, sentence, NULL, false \
	}
/* The same for one with a function of its own. */
#define VERB_OF(name, arguments, sentence, run) \
	{                                           \
		name, arguments, sentence, run, false   \
	}

/*
 * Run the verb that argv[1] names; a table ends with a name of NULL. Returns the exit status.
 */
int verb_run(struct ctl *ctl, const struct verb *verbs, int argc, char **argv);
/* Print rows as a table of these columns (VERB_TIME before what is seconds; NULL at the end), or as JSON. */
void verb_print_rows(const char *const *columns, const json_t *rows, bool as_json);
/* What configd warns of in an answer, on standard error; verb_run does it itself. */
void verb_print_warnings(const struct ipc_message *reply);

#endif
