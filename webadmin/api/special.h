/*
 * special: calls that no row can say by itself.
 *
 * Each makes the reply of its call; the rows beside it say what it takes and answers, so that it is described and its
 * input is checked as of any other.
 */
#ifndef POSTROOM_WEBADMIN_API_SPECIAL_H
#define POSTROOM_WEBADMIN_API_SPECIAL_H

#include "webadmin/api/work.h"

/* grid.c: what the list of users shows beside configd's words: who is locked out; how full mailboxes are. */
api_join api_join_locks, api_join_usage;

/* catalogue.c: what can be set of what, and the texts of items. */
void api_run_catalogue(struct api_work *work);

/* dashboard.c: the numbers of now, once, and as they change (server-sent events). */
void api_run_status(struct api_work *work);
void api_run_live(struct api_work *work);

/* certificate.c: what TLS shows to clients. */
void api_run_certificates(struct api_work *work);

/* sessions.c */
void api_run_end_session(struct api_work *work);

/* together.c: several calls as one change. */
void api_run_together(struct api_work *work);

/* openapi.c */
void api_run_openapi(struct api_work *work);

#endif
