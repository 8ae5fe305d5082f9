#include "common/notice/notice.h"

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/ipc/loop.h"
#include "common/notice/record.h"

enum {
	PATIENCE_MS = 10000,
	WAITING_MAX = 100, /* notices that noticed has not taken yet; more of them say nothing new */
};

struct notices {
	struct ipc_client *client;
	unsigned waiting;
};

struct notices *notices_new(struct event_base *base, const struct instance *instance, const char *program)
{
	struct notices *notices = memory_get(sizeof *notices);

	notices->client = ipc_client_new(base, instance, "noticed", program);
	return notices;
}

void notices_free(struct notices *notices)
{
	if (notices == NULL)
		return;
	ipc_client_free(notices->client);
	memory_free(notices);
}

static void on_answer(struct ipc_message *reply, const struct err *err, void *context)
{
	struct notices *notices = context;

	(void)reply;
	notices->waiting--;
	if (err->code != ERR_NONE)
		log_warning("a notice is in the log alone: %s", err->text);
}

static void log_notice(const struct notice *notice)
{
	if (notice->severity == NOTICE_INFORMATIONAL)
		log_info("%s: %.*s", notice->target, STR_ARG(notice->subject));
	else if (notice->severity == NOTICE_WARNING)
		log_warning("%s: %.*s", notice->target, STR_ARG(notice->subject));
	else
		log_error("%s: %.*s", notice->target, STR_ARG(notice->subject));
}

void notice_send(struct notices *notices, const struct notice *notice)
{
	struct ipc_message request;

	log_notice(notice);
	if (notices->waiting >= WAITING_MAX)
		return;
	ipc_message_init(&request);
	ipc_request(&request, "notice");
	notice_write(notice, &request);
	notices->waiting++;
	ipc_client_call(notices->client, &request, PATIENCE_MS, on_answer, notices);
	ipc_message_free(&request);
}
