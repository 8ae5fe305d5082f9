#include "fetchd/fetchd.h"

static void done(struct errand *errand, struct ipc_message *reply, const struct err *err)
{
	struct ipc_message answer;

	if (reply == NULL || err->code != ERR_NONE) {
		ipc_answer_error(errand->incoming, err);
		return;
	}
	ipc_message_init(&answer);
	ipc_reply_ok(&answer);
	ipc_answer(errand->incoming, &answer);
	ipc_message_free(&answer);
}

void posts_take(struct fetchd *fetchd, struct ipc_incoming *incoming)
{
	struct errand *errand = errand_new(fetchd, ERRAND_POST);
	struct str body = ipc_get(&incoming->message, "body");
	struct err err;

	errand->incoming = incoming;
	errand->done = done;
	if (ipc_get_text(&incoming->message, "url", errand->url, sizeof errand->url) &&
	    ipc_get_text(&incoming->message, "type", errand->type, sizeof errand->type) && body.len > 0 &&
	    buf_add_str(&errand->body, body) == 0) {
		errand_start(errand);
		return;
	}
	err_set(&err, ERR_PROTOCOL, "post needs url, type and body, of %d octets at most", WEB_POST_MAX);
	ipc_answer_error(incoming, &err);
	errand_free(errand);
}
