/*
 * action: what each action of a download rule means (specification 04, "Actions"): R are the recipients that the header
 * has, T those that the rule names.
 */
#ifndef POSTROOM_COLLECTING_ACTION_H
#define POSTROOM_COLLECTING_ACTION_H

#include "common/rules/rule.h"

enum collect_fetch {
	COLLECT_LEAVE,   /* not now */
	COLLECT_HEADERS, /* the header alone */
	COLLECT_WHOLE,
};

enum collect_remove {
	COLLECT_REMOVE_LATER,   /* as the collector's leave-days say, counted from when it was fetched */
	COLLECT_REMOVE_NOW,     /* at once; of what is fetched: when it is stored */
	COLLECT_REMOVE_IGNORED, /* leave-days from when it was first seen; with 0 days never */
	COLLECT_REMOVE_QUERY,   /* collect.query-days from when it was asked for; counts instead of leave-days */
};

/* What R and T get. */
enum collect_news {
	COLLECT_MESSAGE, /* the message, or its header */
	COLLECT_QUESTION,
	COLLECT_WARNING,
	COLLECT_BOUNCE, /* a delivery report to the sender; nothing to R and T */
};

struct collect_action {
	enum collect_fetch fetch;
	enum collect_remove remove;
	bool to_recipients, to_targets;
	enum collect_news news;
};

/* Of an action that ends the rules; what is none of these is as "download". */
const struct collect_action *collect_action_of(enum rule_action action);

#endif
