#include "fetchd/fetchd.h"

#include "common/base/log.h"

enum {
	WORK_WAIT_MS = 3600 * 1000, /* authd answers when there is something to do */
	AGAIN_S = 1,
	DONE_MS = 10000,
};

static void ask_for_work(struct fetchd *fetchd);

/* authd is away, or had nothing for a long time. */
static void ask_later(struct fetchd *fetchd)
{
	const struct timeval wait = {.tv_sec = AGAIN_S};

	event_add(fetchd->ask_again, &wait);
}

static void on_again(evutil_socket_t fd, short what, void *context)
{
	(void)fd, (void)what;
	ask_for_work(context);
}

/* authd took it in; what administrators are to hear it says itself. */
static void on_told(struct ipc_message *reply, const struct err *err, void *context)
{
	struct fetchd *fetchd = context;
	struct str subject = reply != NULL ? ipc_get(reply, "notice") : (struct str){0};
	const struct notice notice = {
	    .target = "OAuth",
	    .component = NOTICE_SENDER,
	    .kind = NOTICE_PROTOCOL,
	    .severity = NOTICE_ERROR,
	    .item = reply != NULL ? ipc_get(reply, "account") : STR(""),
	    .subject = subject,
	};

	if (reply == NULL)
		log_warning("authd cannot be told what came of its errand: %s", err->text);
	if (subject.len != 0)
		notice_send(fetchd->notices, &notice);
}

static void asked(struct errand *errand, struct ipc_message *reply, const struct err *err)
{
	struct ipc_message report;
	struct str key, value;

	ipc_message_init(&report);
	ipc_request(&report, "oauth-done");
	ipc_add_number(&report, "work", errand->work);
	for (size_t position = 0; reply != NULL && ipc_next(reply, &position, &key, &value);)
		if (!str_equal(key, STR("status")) && !str_equal(key, STR("work")) && key.len < 64) {
			char name[64];

			str_copy(key, name, sizeof name);
			ipc_add(&report, name, value);
		}
	if (reply == NULL)
		ipc_add_text(&report, "failed", err->text);
	ipc_client_call(errand->fetchd->authd, &report, DONE_MS, on_told, errand->fetchd);
	ipc_message_free(&report);
}

static void on_work(struct ipc_message *reply, const struct err *err, void *context)
{
	struct fetchd *fetchd = context;
	struct errand *errand;

	(void)err;
	if (reply == NULL) {
		ask_later(fetchd);
		return;
	}
	errand = errand_new(fetchd, ERRAND_TOKEN);
	errand->done = asked;
	if (ipc_get_number(reply, "work", 1, INT64_MAX, &errand->work) &&
	    ipc_get_text(reply, "url", errand->url, sizeof errand->url) &&
	    buf_add_str(&errand->body, ipc_get(reply, "body")) == 0) {
		errand_start(errand);
	} else {
		log_error("authd's errand cannot be understood");
		errand_free(errand);
	}
	ask_for_work(fetchd);
}

static void ask_for_work(struct fetchd *fetchd)
{
	struct ipc_message request;

	ipc_message_init(&request);
	ipc_request(&request, "oauth-work");
	ipc_client_call(fetchd->authd, &request, WORK_WAIT_MS, on_work, fetchd);
	ipc_message_free(&request);
}

void tokens_start(struct fetchd *fetchd)
{
	fetchd->authd = ipc_client_new(fetchd->base, &fetchd->daemon.instance, "authd", "fetchd");
	fetchd->ask_again = evtimer_new(fetchd->base, on_again, fetchd);
	ask_for_work(fetchd);
}
