/*
 * What is in an Inbox for another server to have (specification 02, "Store and forward"): is it still there; it is to
 * go. Both are about one mailbox and cost one look at its Inbox.
 */
#include "common/base/log.h"
#include "deliver/deliver.h"

enum { INBOX = 1 /* the number of this folder */ };

/* 1: it is there; 0: not (any more); -1. */
static int find(struct cache *cache, const struct ipc_message *request, int64_t *user_out, struct mailbox **mailbox_out,
                uint32_t *message_out, struct err *err)
{
	struct str id = ipc_get(request, "id");

	if (!ipc_get_number(request, "uid", 1, INT64_MAX, user_out) || id.len == 0)
		return err_set(err, ERR_PROTOCOL, "the number of a user or the id of a message is missing");
	if (cache_get(cache, *user_out, mailbox_out, err) != 0)
		return err->code == DELIVER_NO_USER ? 0 : -1; /* the user was deleted */
	return mailbox_find_message(*mailbox_out, INBOX, id, message_out, err);
}

void stored_answer(struct cache *cache, struct ipc_incoming *incoming, struct ipc_message *reply)
{
	bool removes = ipc_is(&incoming->message, "unstore");
	struct mailbox *mailbox = NULL;
	uint32_t message = 0;
	struct err err;
	int64_t user = 0;
	int found = find(cache, &incoming->message, &user, &mailbox, &message, &err);

	if (found == 1 && removes && mailbox_expunge(mailbox, INBOX, &message, 1, 0, NULL, &err) != 0)
		found = -1;
	if (found < 0) {
		ipc_answer_error(incoming, &err);
		return;
	}
	if (found == 1 && removes)
		log_info("id=%.*s has been sent on, and leaves the Inbox of user uid=%lld",
		         STR_ARG(ipc_get(&incoming->message, "id")), (long long)user);
	ipc_reply_ok(reply);
	ipc_add_number(reply, "there", found);
	ipc_answer(incoming, reply);
}
