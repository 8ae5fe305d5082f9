#include "collector/session.h"

#include <unistd.h>

void batch_init(struct batch *batch)
{
	ipc_message_init(&batch->request);
	ipc_request(&batch->request, "stored");
}

static void add_text(struct batch *batch, const char *key, struct str value)
{
	if (value.len != 0)
		ipc_add(&batch->request, key, str_sub(value, 0, COLLECT_TEXT_MAX));
}

void batch_add_message(struct batch *batch, const struct fate *fate)
{
	const bool happened[] = {fate->downloaded, fate->headers_only, fate->asked, fate->told, fate->remove};
	char letters[sizeof happened + 1] = "";
	size_t count = 0;

	for (size_t i = 0; i < sizeof happened; i++)
		if (happened[i])
			letters[count++] = DIALOGUE_FATES[i];
	batch->message_count++;
	batch->is_partial = false;
	ipc_add(&batch->request, "message", fate->identity);
	ipc_add_number(&batch->request, "size", fate->size);
	add_text(batch, "subject", fate->subject);
	add_text(batch, "from", fate->from);
	add_text(batch, "to", fate->to);
	if (fate->date > 0)
		ipc_add_number(&batch->request, "date", fate->date);
	add_text(batch, "token", fate->token);
	ipc_add_text(&batch->request, "fate", letters);
}

void batch_add_answerer(struct batch *batch, struct str address)
{
	ipc_add(&batch->request, "answerer", address);
}

int batch_add_mail(struct session *session, struct spool_file *file, struct err *err)
{
	struct batch *batch = &session->batch;
	char id[SPOOL_ID_MAX];

	batch->is_partial = true;
	memcpy(id, file->id, sizeof id);
	batch->octets += (uint64_t)file->size;
	if (spool_park(file, &batch->fds[batch->mail_count], err) != 0)
		return -1;
	batch->mail_count++;
	ipc_add_text(&batch->request, "mail", id);
	return 0;
}

int batch_flush(struct session *session, bool in_any_case, struct err *err)
{
	struct batch *batch = &session->batch;
	struct ipc_message reply;
	int result = 0;

	if (!in_any_case && batch->mail_count < BATCH_MAILS_MAX && batch->octets < BATCH_OCTETS_MAX &&
	    batch->message_count < BATCH_MESSAGES_MAX)
		return 0;
	if (batch->is_partial) /* nothing of it is told, and all of it fetched again */
		return err_set(err, ERR_SYSTEM, "a message could not be stored");
	if (batch->message_count == 0)
		return 0;
	if (batch->mail_count > 0)
		result = spool_sync_parked(&session->drop, batch->fds, batch->mail_count, err);
	while (batch->mail_count > 0)
		close(batch->fds[--batch->mail_count]);
	ipc_message_init(&reply);
	if (result == 0)
		result = ipc_call(&session->keeper, &batch->request, &reply, DIALOGUE_TIMEOUT_MS, err);
	ipc_message_free(&reply);
	ipc_message_reset(&batch->request);
	ipc_request(&batch->request, "stored");
	batch->octets = 0;
	batch->message_count = 0;
	return result;
}
