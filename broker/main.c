#include "broker/broker.h"

#include "common/net/sandbox.h"

#include <signal.h>
#include <stdlib.h>

static void on_stop(evutil_socket_t signal_number, short what, void *context)
{
	(void)signal_number, (void)what;
	event_base_loopexit(context, NULL);
}

/* The sockets of those it asks, and no file at all. */
static void enter_sandbox(struct err *err)
{
	struct sandbox sandbox;

	if (sandbox_init(&sandbox, SANDBOX_ACCEPT | SANDBOX_UNIX, err) != 0 || sandbox_prepare(&sandbox, err) != 0 ||
	    sandbox_enter(&sandbox, err) != 0)
		daemon_fail(err);
	sandbox_free(&sandbox);
}

int main(int argc, char **argv)
{
	static struct broker broker;
	struct event *signals[2];
	struct err err;

	daemon_start(&broker.daemon, argc, argv, "brokerd");
	broker.base = event_base_new();
	if (broker.base == NULL) {
		err_set(&err, ERR_SYSTEM, "cannot start libevent");
		daemon_fail(&err);
	}
	signals[0] = evsignal_new(broker.base, SIGTERM, on_stop, broker.base);
	signals[1] = evsignal_new(broker.base, SIGINT, on_stop, broker.base);
	event_add(signals[0], NULL);
	event_add(signals[1], NULL);
	if (asks_init(&broker, &err) != 0 || ipc_serve(broker.base, &broker.daemon, asks_take, NULL, &broker, &err) != 0)
		daemon_fail(&err);
	enter_sandbox(&err);
	daemon_ready(&broker.daemon);
	event_base_dispatch(broker.base);
	event_free(signals[0]);
	event_free(signals[1]);
	asks_free(&broker);
	event_base_free(broker.base);
	return EXIT_SUCCESS;
}
