/*
 * control: how often the same is said (specification 06, "Message control").
 *
 * A list of controls is one line, as the setting notices.controls has it: controls separated by ";", each
 *
 *     COMPONENT KIND SEVERITY FORGET STEPS [ITEM,ITEM...] [/PATTERN/]
 *     sender    all  all      10080  1:0,2:10,3:60,4:1440
 *
 * COMPONENT, KIND and SEVERITY are words of notice.h or "all"; FORGET is minutes after which it is as if nothing had
 * been said; a step N:M means: from the Nth message on, M minutes after the one before. Items name which of the
 * component's it is about, blanks written as "-" ("Database-Backup"), upper or lower case; the pattern is a regular
 * expression over the text (common/rules/regex.h). The first control that fits decides; where none fits everything is
 * said.
 *
 * Parsed lists own their expressions: controls_free. Nothing here keeps time: the caller says what it is.
 */
#ifndef POSTROOM_NOTICE_CONTROL_H
#define POSTROOM_NOTICE_CONTROL_H

#include "common/base/err.h"
#include "common/notice/notice.h"
#include "common/rules/regex.h"

enum { CONTROLS_MAX = 50, CONTROL_STEPS_MAX = 5, CONTROL_ITEMS_MAX = 20, CONTROL_MINUTES_MAX = 525600 };

struct control {
	int component, kind, severity; /* -1: all */
	int64_t forget_ms;
	struct control_step {
		int64_t number, wait_ms;
	} steps[CONTROL_STEPS_MAX];
	size_t step_count;
	struct str items[CONTROL_ITEMS_MAX]; /* views into the text that was parsed */
	size_t item_count;
	struct regex *pattern; /* NULL: any */
	struct str text;       /* the whole control, a view */
};

struct controls {
	struct control list[CONTROLS_MAX];
	size_t count;
};

/* -1: ERR_SYNTAX or ERR_LIMIT with the control's number and what is wrong; nothing is to be freed then. */
int controls_parse(struct str text, struct controls *controls_out, struct err *err);
void controls_free(struct controls *controls);

/* The first that fits; NULL: none. */
const struct control *controls_find(const struct controls *controls, const struct notice *notice);

/* What is known of one event under one control; zero: nothing yet. Times in ms of any clock. */
struct control_state {
	int64_t first, seen, sent;
	int64_t count; /* how often it was said */
};

/* It happens again at `now`: is it to be said? The state follows. */
bool control_allows(const struct control *control, struct control_state *state, int64_t now);

#endif
