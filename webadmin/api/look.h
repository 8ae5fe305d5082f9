/*
 * look: a call's request, what is there now, and whether that is what a client has seen.
 *
 * A change with If-Match is made to what its tag is of, or not at all (RFC 9110 13.1.1): the request carries the number
 * of the settings that the tag was found with, and configd refuses it where anything was changed since. Was it
 * something else that changed, the tag is the same with the new settings, and the request is made again. What other
 * daemons change has no such number: a change between the look and theirs is not seen.
 */
#ifndef POSTROOM_WEBADMIN_API_LOOK_H
#define POSTROOM_WEBADMIN_API_LOOK_H

#include "webadmin/api/answer.h"
#include "webadmin/api/work.h"

enum { LOOK_ROWS_MAX = 20000 /* rows of a long listing that are looked at */ };

/*
 * Make the call's request once and wait for work->answer. each: the thing that it is made for, or NULL. -1: it was
 * refused, err says why, and where each is NULL the reply is filled; err->code is ERR_NONE where what came is no good,
 * and the reply is filled in any case.
 */
int look_ask(struct api_work *work, const json_t *each, struct err *err);
/* All rows, or at least `enough`, added to rows; *more_out: there are others. -1: the reply is filled. */
int look_rows(struct api_work *work, int64_t enough, json_t *rows, bool *more_out);
/*
 * What a call with the method GET shows, a new reference, and its tag; what is joined is no part of it. -1: the reply
 * is filled.
 */
int look_one(struct api_work *work, char tag_out[ANSWER_TAG_SIZE], json_t **json_out);
/*
 * Before a change: is what it would change as If-Match wants it? Where the client says nothing, it is. work->generation
 * is set to what the look was at. -1: it is not; the reply is filled (412, with the tag of now).
 */
int look_is_unchanged(struct api_work *work);

#endif
