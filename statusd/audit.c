#include "statusd/audit.h"

#include "common/base/log.h"
#include "common/base/memory.h"

enum {
	ANSWER_MS = 3600 * 1000, /* an hour without a login is nothing special */
	RETRY_MS = 2000,
};

struct audit {
	struct ipc_client *client;
	struct event *ask;
	struct feed *history;
	bool failing;
};

static void answered(struct ipc_message *reply, const struct err *err, void *context)
{
	static const struct timeval pause = {RETRY_MS / 1000, RETRY_MS % 1000 * 1000};
	struct audit *audit = context;
	struct str key, value;
	size_t position = 0;

	if (err->code != ERR_NONE && err->code != ERR_TIMEOUT) {
		if (!audit->failing)
			log_warning("authd tells of no logins: %s", err->text);
		audit->failing = true;
		event_add(audit->ask, &pause);
		return;
	}
	audit->failing = false;
	while (reply != NULL && ipc_next(reply, &position, &key, &value))
		if (str_equal(key, STR("login")))
			feed_add(audit->history, "security", value);
	event_active(audit->ask, EV_TIMEOUT, 0);
}

static void ask(evutil_socket_t fd, short what, void *context)
{
	struct audit *audit = context;
	struct ipc_message request;

	(void)fd, (void)what;
	ipc_message_init(&request);
	ipc_request(&request, "audit");
	ipc_client_call(audit->client, &request, ANSWER_MS, answered, audit);
	ipc_message_free(&request);
}

struct audit *audit_open(struct event_base *base, const struct instance *instance, struct feed *history)
{
	struct audit *audit = memory_get(sizeof *audit);

	audit->client = ipc_client_new(base, instance, "authd", "statusd");
	audit->ask = evtimer_new(base, ask, audit);
	audit->history = history;
	event_active(audit->ask, EV_TIMEOUT, 0);
	return audit;
}

void audit_free(struct audit *audit)
{
	event_free(audit->ask);
	ipc_client_free(audit->client);
	memory_free(audit);
}
