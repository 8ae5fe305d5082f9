/*
 * told: calls that other parts of webadmin serve (sessions, webmail, what mail clients ask for), described for
 * openapi.json.
 *
 * Who may make a call, its path and what it is for stand with its route; a row here says what it takes and answers, as
 * the rows of table.h do, but nothing is checked by it: its handler does that.
 */
#ifndef POSTROOM_WEBADMIN_API_TOLD_H
#define POSTROOM_WEBADMIN_API_TOLD_H

#include "webadmin/api/table.h"

/* Each ends with a method of NULL. */
extern const struct api_call api_told_sessions[], api_told_mail[], api_told_own[];

/* What is told of a route, by its method and whole path; NULL: nothing. */
const struct api_call *api_find_told(const char *method, const char *path);

#endif
