/*
 * answer: what a daemon answered, as its call's row wants it told.
 */
#ifndef POSTROOM_WEBADMIN_API_ANSWER_H
#define POSTROOM_WEBADMIN_API_ANSWER_H

#include "webadmin/api/rows.h"
#include "webadmin/api/work.h"

/* The fields of work->answer that the row's columns name, as a new object. */
json_t *answer_object(const struct api_work *work);
/* Add the rows that work->answer holds to an array. */
void answer_add_rows(const struct api_work *work, json_t *rows);
/* Of rows the one that the path means, borrowed; NULL: there is none. */
json_t *answer_find_row(const struct api_work *work, const json_t *rows);

/* Reply with JSON that carries its ETag; 304 where the client has it. json is taken over. tag: as answer_tag makes it.
 */
enum { ANSWER_TAG_SIZE = 33 };
void answer_reply(struct api_work *work, json_t *json, const char tag[ANSWER_TAG_SIZE]);
/* Reply with a description of this program: the same for everybody, so browsers may keep it, and it is compressed. */
void answer_description(struct api_work *work, json_t *json);
/* The tag of what is in force: a hash. */
void answer_tag(const json_t *json, char tag_out[ANSWER_TAG_SIZE]);

#endif
