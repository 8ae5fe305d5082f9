/*
 * input: what a client sends, checked against the call's row and put into the request.
 *
 * What is missing, of the wrong type, unknown or not among the words that are taken is refused (400) with the name of
 * the field, before any daemon is asked. What values mean the daemon checks (422).
 */
#ifndef POSTROOM_WEBADMIN_API_INPUT_H
#define POSTROOM_WEBADMIN_API_INPUT_H

#include "webadmin/api/rows.h"
#include "webadmin/api/work.h"

enum {
	INPUT_EACH_MAX = 10000,        /* things of one call that is made for each */
	INPUT_REQUEST_MAX = 60 * 1024, /* octets of fields of a request without a document */
};

/*
 * Look at all that came, and read the body where it is JSON and work->body is not there yet. wish: NULL where the call
 * is no collection. -1: refused.
 */
int input_check(struct api_work *work, struct rows_wish *wish);
/* Add the call's fields to work->ask. each: the one that this request is for; NULL: there is none. -1: refused. */
int input_add(struct api_work *work, const json_t *each);
/* The array of things that the request is made for, one after another; NULL: it is made once. */
const json_t *input_each(const struct api_work *work);

#endif
