/*
 * mail/ask: a request by way of brokerd, which a user makes for himself, also where he is an administrator; for this
 * folder alone.
 */
#ifndef POSTROOM_WEBADMIN_MAIL_ASK_H
#define POSTROOM_WEBADMIN_MAIL_ASK_H

#include "webadmin/http.h"

struct mail_ask {
	struct web *web;
	const struct web_request *request;
	struct web_reply *reply;
	struct ipc_message ask, answer;
};

/* op of callee, as doc/ipc.md has them; its fields are added to asking->ask then. */
void mail_ask_begin(struct mail_ask *asking, struct web *web, const struct web_request *request,
                    struct web_reply *reply, const char *callee, const char *op);
/* The same of an administrator, for all. */
void mail_ask_begin_for_all(struct mail_ask *asking, struct web *web, const struct web_request *request,
                            struct web_reply *reply, const char *callee, const char *op);
/* False: the reply says what went wrong. */
bool mail_ask_put(struct mail_ask *asking);
/* Values of that key in the answer, each of which is JSON; the caller gives it back. */
json_t *mail_ask_list(const struct mail_ask *asking, const char *name);
void mail_ask_end(struct mail_ask *asking);

#endif
