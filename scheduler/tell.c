/* scheduler: what connections do, for people: in logs, and by mail. */
#include "scheduler/scheduler.h"

#include "common/base/log.h"
#include "common/daemon/logs.h"
#include "common/notice/notice.h"

static void told(struct ipc_message *reply, const struct err *err, void *context)
{
	(void)reply, (void)context;
	if (err != NULL && err->code != ERR_NONE)
		log_debug("historyd was not told: %s", err->text);
}

void tell_log(struct scheduler *scheduler, const char *text)
{
	struct ipc_message request;

	log_info("%s", text);
	ipc_message_init(&request);
	ipc_request(&request, "connector");
	ipc_add_text(&request, "text", text);
	ipc_client_call(scheduler->historyd, &request, IPC_TIMEOUT_MS, told, NULL);
	ipc_message_free(&request);
}

void tell_online(struct scheduler *scheduler, int64_t seconds)
{
	struct ipc_message request;

	ipc_message_init(&request);
	ipc_request(&request, "summary");
	ipc_add_number(&request, "item", SUMMARY_ONLINE);
	ipc_add_number(&request, "value", seconds);
	ipc_client_call(scheduler->historyd, &request, IPC_TIMEOUT_MS, told, NULL);
	ipc_message_free(&request);
}

static void take_day(struct ipc_message *reply, const struct err *err, void *context)
{
	struct scheduler *scheduler = context;
	struct notice notice = {.target = "DailySummary", .severity = NOTICE_INFORMATIONAL, .item = STR("Daily Summary")};
	int64_t html = 0;

	scheduler->asks_day = false;
	scheduler->day_is_told |= err->code == ERR_NONE;
	if (err->code != ERR_NONE || ipc_get(reply, "subject").data == NULL)
		return;
	ipc_get_number(reply, "html", 0, 1, &html);
	notice.html = html == 1;
	notice.subject = ipc_get(reply, "subject");
	notice.text = ipc_get(reply, "text");
	notice_send(scheduler->notices, &notice);
}

void tell_day(struct scheduler *scheduler)
{
	struct ipc_message request;

	if (scheduler->asks_day)
		return;
	scheduler->asks_day = true;
	ipc_message_init(&request);
	ipc_request(&request, "day-report");
	ipc_client_call(scheduler->historyd, &request, IPC_TIMEOUT_MS, take_day, scheduler);
	ipc_message_free(&request);
}

void tell_not_up(struct scheduler *scheduler, const char *connection, const char *why)
{
	char subject[NOTICE_SUBJECT_MAX], text[SCHEDULER_TEXT_MAX + 200];
	struct notice notice = {
	    .target = "CollectErrors", .component = NOTICE_COLLECTOR, .severity = NOTICE_ERROR, .item = str_of(connection)};

	snprintf(subject, sizeof subject, "Connection %s cannot be brought up", connection);
	snprintf(text, sizeof text,
	         "The connect-command of the connection %s failed: %s.\nNothing was collected or sent.\n", connection, why);
	notice.subject = str_of(subject);
	notice.text = str_of(text);
	notice_send(scheduler->notices, &notice);
}
