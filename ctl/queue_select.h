/*
 * queue_select: which of the messages that wait are meant (specification 02, bulk actions).
 *
 * Texts: any part, upper and lower case being one, with '*' and '?' inside; or a regular expression in slashes. The
 * subject is looked for in the message's header, which is asked for only where nothing else has excluded it.
 */
#ifndef POSTROOM_CTL_QUEUE_SELECT_H
#define POSTROOM_CTL_QUEUE_SELECT_H

#include "common/rules/regex.h"
#include "ctl/ctl.h"

#include <getopt.h>
#include <jansson.h>

enum queue_text { QUEUE_FROM, QUEUE_TO, QUEUE_SUBJECT, QUEUE_USER, QUEUE_PEER, QUEUE_TEXTS };

struct queue_selection {
	const char *texts[QUEUE_TEXTS]; /* NULL: any */
	struct regex *regexes[QUEUE_TEXTS];
	const char *sender, *recipient, *state; /* whole patterns, and a state, which queue-manager looks at itself */
	int64_t least, most;                    /* octets */
	int held;                               /* 1: held ones alone, 0: those that are not, -1: both */
	bool any;                               /* some option chose something */
	bool all, json;                         /* --all, --json */
};

/* The options of getopt_long. */
extern const struct option queue_select_options[];

/*
 * Read options; optind is behind them then. Returns CTL_DONE, or the exit status after the reason was printed
 * (CTL_USAGE: it was not). Freed with queue_select_free in any case.
 */
int queue_select_read(struct queue_selection *selection, int argc, char **argv);
void queue_select_free(struct queue_selection *selection);

/*
 * Call each for each message that is meant, as `list` answers it (doc/ipc.md), until one returns other than CTL_DONE.
 * Returns that, or CTL_DONE.
 */
typedef int queue_each(const json_t *message, struct str line, void *context);
int queue_select_run(struct ctl *ctl, const struct queue_selection *selection, queue_each *each, void *context);

/* queue_move.c: `queue move` and `queue copy`, argv[0] being that word. */
int ctl_queue_move(struct ctl *ctl, const struct ctl_command *usage, int argc, char **argv);

#endif
