/*
 * work: one call of the API while it is worked on, and the way to brokerd.
 *
 * A request to a daemon is begun, gets its fields, and is sent by way of brokerd with the visitor's session; whether he
 * may is decided there. What goes wrong is told to the client at once: a function that returns -1 has filled the reply.
 */
#ifndef POSTROOM_WEBADMIN_API_WORK_H
#define POSTROOM_WEBADMIN_API_WORK_H

#include "webadmin/api/table.h"
#include "webadmin/http.h"

struct api_work {
	struct web *web;
	const struct web_request *request;
	struct web_reply *reply;
	const struct api_call *call;
	json_t *body; /* what came as JSON; NULL: nothing did */
	struct ipc_message ask, answer;
	int step;           /* where it is one of several (together.c): which, from 1; 0: it is alone */
	int64_t generation; /* of the settings that a change is based on, as the client saw them (If-Match); -1: any */
};

/* Begin a request to a daemon in work->ask; the caller adds its fields by ipc_add. */
void api_begin(struct api_work *work, const char *callee, const char *op);
/*
 * Send it and wait for work->answer; timeout_ms 0: IPC_TIMEOUT_MS. -1: err says why; the reply is not touched.
 */
int api_send(struct api_work *work, int timeout_ms, struct err *err);
/* Tell the client of the answer's error: who must log in 401, who may not 403, what cannot be done as things are 409.
 */
void api_refuse(struct api_work *work, const struct err *err);
/* The same, for an answer among several: the HTTP status, and the word. */
int api_status_of(const struct api_work *work, const struct err *err, const char **code_out);
/* Has the broker refused, so that no further request of this session would go through? */
bool api_is_barred(const struct api_work *work);

#endif
