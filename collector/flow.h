/*
 * flow: what comes of the messages that were asked for, in the order in which the server likes to send it; for fetch.c.
 *
 * A window is asked for twice at most: for the headers of some of its messages, then for some of these. What comes goes
 * to the message it belongs to: a header into its offer, a message to message.c. What does not come is gone, and left
 * for the next session, which hears whether it is there.
 *
 * Security stance: a server may send what nobody asked for, or twice; that is read, and thrown away.
 */
#ifndef POSTROOM_COLLECTOR_FLOW_H
#define POSTROOM_COLLECTOR_FLOW_H

#include "collector/arrival.h"

struct window {
	struct pick picks[WINDOW_MAX];
	size_t count;
	struct arena arena;
	bool whole;     /* what was asked for last */
	bool is_asked;  /* for that */
	unsigned asks;  /* under way */
	bool is_broken; /* the server said that it could not give something of it */
};

struct flow {
	struct window windows[2];
	struct {
		struct window *window;
		struct pick *only; /* or NULL: it was for several */
	} asks[ASKS_MAX];
	size_t ask_count;
};

void flow_init(struct flow *flow);
void flow_free(struct flow *flow);
/* There is nothing in it. */
void window_reset(struct window *window);

/* Ask for the headers, or the messages, that are wanted of a window. */
void flow_ask(struct session *session, struct flow *flow, struct window *window, bool whole);
/* Read until all of these have come; they are asked for first where they were not. -1: the session cannot go on. */
int flow_receive(struct session *session, struct flow *flow, struct window *window, bool whole, struct err *err);

#endif
