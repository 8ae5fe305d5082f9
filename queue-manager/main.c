/*
 * queue-manager: see queue.h.
 */
#include "queue-manager/senders.h"
#include "queue-manager/trace.h"

#include "common/base/log.h"
#include "common/net/sandbox.h"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

enum { STOP_PATIENCE_MS = 8000 };

static void on_second(evutil_socket_t fd, short what, void *context)
{
	static unsigned seconds;
	struct queue *queue = context;

	(void)fd, (void)what;
	advance_tick(queue);
	outgoing_look_for_expired(queue);
	scheduled_look_for_due(queue);
	trace_flush(queue);
	if (++seconds % 60 == 0)
		table_minute(queue);
}

static void on_stop(evutil_socket_t fd, short what, void *context)
{
	struct queue *queue = context;

	(void)fd, (void)what;
	queue->stopping = true;
	log_info("stopping");
}

/* Everything that happened since the last turn becomes durable, and what needs that goes on. */
static void turn(struct queue *queue)
{
	queue->turn_again = false;
	if (settings_refresh(&queue->settings)) {
		patience_read(queue);
		senders_settings(queue);
		remote_settings(queue);
		prepare_settings(queue);
	}
	schedule_turn(queue);
	intake_turn(queue);
	report_turn(queue);
	doom_turn(queue);
	remote_turn(queue);
	advance_all(queue); /* nothing may be touched between this and the commit */
	table_flush(queue);
	advance_all(queue);
	remote_turn(queue);
	pass_turn(queue);
}

/* A result that is on its way should not be lost: the message would be sent again. */
static bool is_over(const struct queue *queue)
{
	static int64_t deadline;

	if (!queue->stopping)
		return false;
	if (deadline == 0)
		deadline = queue_now() + STOP_PATIENCE_MS;
	trace_flush(queue);
	return (remote_busy(queue) == 0 && trace_is_told(queue)) || queue_now() > deadline;
}

static void run(struct queue *queue)
{
	while (!is_over(queue)) {
		event_base_loop(queue->base, queue->turn_again ? EVLOOP_ONCE | EVLOOP_NONBLOCK : EVLOOP_ONCE);
		turn(queue);
	}
	turn(queue); /* what the last results changed */
	if (db_exec(table_db(queue), "UPDATE message SET trying = 0 WHERE trying = 1", NULL) != 0)
		log_warning("queue.db could not be put in order at the end");
	table_close(queue);
}

/* Every message in memory holds a descriptor, and each on its way to another daemon one more. */
static void raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int enter_sandbox(const struct queue *queue, struct err *err)
{
	char state[INSTANCE_PATH_MAX + 128], settings[INSTANCE_PATH_MAX + 128];
	struct sandbox sandbox;
	int result;

	instance_path(state, sizeof state, queue->instance->state, "queue");
	instance_path(settings, sizeof settings, queue->instance->state, "settings");
	if (sandbox_init(&sandbox, SANDBOX_UNIX | SANDBOX_ACCEPT | SANDBOX_LOCK_OWNER, err) != 0)
		return -1;
	result = sandbox_allow(&sandbox, queue->instance->spool, SANDBOX_WRITE, err) != 0 ||
	                 sandbox_allow(&sandbox, state, SANDBOX_WRITE, err) != 0 ||
	                 sandbox_allow(&sandbox, settings, SANDBOX_READ, err) != 0 || sandbox_prepare(&sandbox, err) != 0 ||
	                 sandbox_enter(&sandbox, err) != 0
	             ? -1
	             : 0;
	sandbox_free(&sandbox);
	return result;
}

static int load_keys(struct queue *queue, struct err *err)
{
	static const char *const names[QUEUE_ISSUERS_MAX] = {"authd", "smtpd"};

	for (size_t i = 0; i < QUEUE_ISSUERS_MAX; i++) {
		queue->issuers[i].name = names[i];
		if (token_key_load(&queue->issuers[i].key, queue->instance, names[i], err) != 0)
			return -1;
	}
	return 0;
}

static void add_events(struct queue *queue)
{
	static const struct timeval second = {1, 0};
	struct event *stop = evsignal_new(queue->base, SIGTERM, on_stop, queue);
	struct event *interrupt = evsignal_new(queue->base, SIGINT, on_stop, queue);
	struct event *timer = event_new(queue->base, -1, EV_PERSIST, on_second, queue);

	event_add(stop, NULL);
	event_add(interrupt, NULL);
	event_add(timer, &second);
	queue->resolver = ipc_client_new(queue->base, queue->instance, "resolver", "queue-manager");
	queue->signer = ipc_client_new(queue->base, queue->instance, "signer", "queue-manager");
	queue->filterd = ipc_client_new(queue->base, queue->instance, "filterd", "queue-manager");
	queue->trace = trace_new(queue->base, queue->instance);
	buf_init(&queue->lan_matched, SIZE_MAX / 2);
	local_open(queue);
}

int main(int argc, char **argv)
{
	static struct daemon daemon;
	static struct queue queue;
	unsigned points;
	struct err err;

	daemon_start(&daemon, argc, argv, "queue-manager");
	raise_descriptors();
	queue.instance = &daemon.instance;
	queue.ready_last = &queue.ready;
	queue.reporting_last = &queue.reporting;
	queue.turn_again = true; /* the first turn comes without an event */
	queue.base = event_base_new();
	if (settings_open(&queue.settings, queue.instance, true, &err) != 0 || load_keys(&queue, &err) != 0 ||
	    intake_open(&queue, &err) != 0)
		daemon_fail(&err);
	queue.notices = notices_new(queue.base, queue.instance, "queue-manager");
	patience_read(&queue);
	prepare_settings(&queue);
	add_events(&queue);
	if (table_open(&queue, &err) != 0 || crash_watch(&queue, &points, &err) != 0 ||
	    recover(&queue, points, &err) != 0 || schedule_open(&queue, &err) != 0 || senders_open(&queue, &err) != 0 ||
	    remote_open(&queue, &err) != 0)
		daemon_fail(&err);
	if (ipc_serve(queue.base, &daemon, control_handle, NULL, &queue, &err) != 0 || enter_sandbox(&queue, &err) != 0)
		daemon_fail(&err);
	doom_begin(&queue);
	hand_resume(&queue);
	daemon_ready(&daemon);
	run(&queue);
	return 0;
}
