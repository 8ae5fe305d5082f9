#include "webadmin/mail/events.h"

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/imap/text.h"
#include "webadmin/mail/session.h"

#include <stdlib.h>

enum {
	PENDING_MAX = 256 * 1024, /* octets of events that wait for the browser */
	SILENCE_MS = WEB_SILENCE_MS / 2,
};

struct events {
	struct web *web;
	struct imap_talk *talk;
	struct buf pending;
};

static void add_event(struct events *events, const char *name, json_t *data)
{
	char *text = json_dumps(data, JSON_COMPACT);

	/* what does not fit is left out: the browser looks at the folder with the next event */
	if (text != NULL)
		buf_printf(&events->pending, "event: %s\ndata: %s\n\n", name, text);
	free(text);
	json_decref(data);
}

static void add_folder(struct events *events, const struct imap_value *value)
{
	static const struct {
		const char *item, *key;
	} counts[] = {{"MESSAGES", "messages"}, {"UNSEEN", "unseen"}, {"UIDNEXT", "uidnext"}};
	json_t *data = json_object();
	struct buf name;
	uint64_t number;

	buf_init(&name, MAIL_FOLDER_MAX);
	if (mutf7_decode(imap_value_text(imap_value_at(value, 1)), &name, NULL) == 0)
		json_object_set_new(data, "name", json_stringn(name.data, name.len));
	buf_free(&name);
	for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
		if (imap_value_number(imap_value_of(imap_value_at(value, 2), counts[i].item), INT64_MAX, &number))
			json_object_set_new(data, counts[i].key, json_integer((json_int_t)number));
	add_event(events, "folder", data);
}

static int take_news(const struct imap_reply *reply, const struct imap_value *value, void *context, struct err *err)
{
	struct events *events = context;

	(void)err;
	if (reply->status == IMAP_REPLY_BYE)
		return -1;
	if (imap_value_is(imap_value_at(value, 0), "STATUS"))
		add_folder(events, value);
	else if (imap_value_is(imap_value_at(value, 0), "LIST"))
		add_event(events, "folders", json_object());
	return 0;
}

static int begin(struct events *events, struct err *err)
{
	imap_talk_begin(events->talk, "ENABLE CONDSTORE"); /* so that each change of flags is told */
	if (imap_talk_finish(events->talk, NULL, NULL, err) != 0)
		return -1;
	imap_talk_begin(events->talk, "NOTIFY SET (personal (MessageNew MessageExpunge FlagChange MailboxName))");
	if (imap_talk_finish(events->talk, take_news, events, err) != 0)
		return -1;
	imap_talk_begin(events->talk, "IDLE");
	return imap_talk_continue(events->talk, take_news, events, err);
}

/* Between two lines of comment, by which a proxy and we see that the other one is still there. */
static int wait_for_news(struct events *events)
{
	struct conn *conn = imap_talk_conn(events->talk);
	struct err err;
	int ready = 1;

	if (!conn_has_input(conn))
		ready = web_wait(events->web, conn->fd, SILENCE_MS);
	if (ready < 0)
		return -1;
	if (ready == 0)
		return buf_add_str(&events->pending, STR(":\n\n"));
	if (imap_talk_listen(events->talk, 0, take_news, events, &err) >= 0)
		return 0;
	log_info("events of a mailbox end: %s", err.text);
	return -1;
}

static ssize_t read_events(void *context, char *out, size_t size)
{
	struct events *events = context;

	while (events->pending.len == 0)
		if (wait_for_news(events) != 0)
			return 0;
	if (size > events->pending.len)
		size = events->pending.len;
	memcpy(out, events->pending.data, size);
	buf_consume(&events->pending, size);
	events->pending.overflow = false;
	return (ssize_t)size;
}

/* The session ends with them: it stands in the middle of a command. */
static void end_events(void *context)
{
	struct events *events = context;

	imap_talk_close(events->talk);
	buf_free(&events->pending);
	memory_free(events);
}

void mail_events(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	struct mail *mail = mail_open(web, request, reply);
	struct events *events;
	struct err err;

	if (mail == NULL)
		return;
	events = memory_get(sizeof *events);
	events->web = web;
	events->talk = &mail->talk;
	buf_init(&events->pending, PENDING_MAX);
	if (begin(events, &err) != 0) {
		end_events(events);
		mail_failed(mail, &err, reply);
		return;
	}
	buf_add_str(&events->pending, STR("retry: 2000\n\n"));
	web_reply_stream(reply, 200, "text/event-stream",
	                 &(struct web_stream){.read = read_events, .end = end_events, .context = events});
	web_reply_header(reply, "Cache-Control", "no-store");
}
