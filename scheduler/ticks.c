/* scheduler: what is looked at every second, and every minute. */
#include "scheduler/scheduler.h"

#include "common/base/log.h"

static const struct timeval second = {1, 0};

static void plan_of(struct scheduler *scheduler, struct plan *plan, struct plan_connection *connections)
{
	*plan = (struct plan){
	    .items = scheduler->items,
	    .item_count = scheduler->item_count,
	    .connections = connections,
	    .skip_minutes = settings_number(&scheduler->settings, SETTING_SCHEDULE_SKIP),
	    .after_jump = settings_flag(&scheduler->settings, SETTING_SCHEDULE_AFTER_JUMP),
	    .waiting = scheduler->waiting,
	    .oldest_seconds = scheduler->oldest,
	    .has_urgent = scheduler->has_urgent,
	};
	for (size_t i = 0; i < scheduler->connection_count; i++) {
		connections[i] = scheduler_track(scheduler, scheduler->connections[i].id)->plan;
		connections[i].is_due = false;
	}
	plan->connection_count = scheduler->connection_count;
}

/* What is due runs; what was remembered stays. */
static void start_due(struct scheduler *scheduler, const struct plan *plan, const char *why)
{
	for (size_t i = 0; i < plan->connection_count; i++) {
		struct plan_connection *known = &scheduler_track(scheduler, plan->connections[i].id)->plan;

		known->auto_count = plan->connections[i].auto_count;
		known->auto_started = plan->connections[i].auto_started;
		known->auto_urgent_known = plan->connections[i].auto_urgent_known;
	}
	for (size_t i = 0; i < plan->connection_count; i++)
		if (plan->connections[i].is_due)
			run_start(scheduler, plan->connections[i].id, RUN_ALL, why, NULL, NULL);
}

/* With what waits known, as far as anybody needs it. */
static void decide(struct scheduler *scheduler)
{
	struct plan_connection connections[SCHEDULER_CONNECTIONS_MAX];
	struct plan plan;
	int weekday, minute;
	int64_t now = plan_minute((time_t)scheduler_now(), &weekday, &minute);
	bool is_due = scheduler->schedule_is_due && now == scheduler->minute;

	if (scheduler->paused || state_is_held(scheduler))
		return;
	if (is_due) {
		scheduler->schedule_is_due = false;
		plan_of(scheduler, &plan, connections);
		plan_schedule(&plan, scheduler->minute_before, now, weekday, minute);
		start_due(scheduler, &plan, "by the schedule");
	}
	plan_of(scheduler, &plan, connections);
	plan_auto(&plan, now);
	start_due(scheduler, &plan, "because of what waits to be sent");
}

static void queue_answered(struct ipc_message *reply, const struct err *err, void *context)
{
	struct scheduler *scheduler = context;
	int64_t urgent = 0;

	(void)err; /* queue-manager away: nothing waits that could be sent */
	scheduler->asks_queue = false;
	scheduler->waiting = scheduler->oldest = 0;
	if (reply != NULL) {
		ipc_get_number(reply, "count", 0, INT64_MAX, &scheduler->waiting);
		ipc_get_number(reply, "oldest", 0, INT64_MAX, &scheduler->oldest);
		ipc_get_number(reply, "urgent", 0, 1, &urgent);
	}
	scheduler->has_urgent = urgent != 0;
	scheduler_refresh(scheduler);
	decide(scheduler);
}

/* Where an answer is on its way already, it serves. */
static void ask_queue(struct scheduler *scheduler)
{
	struct ipc_message request;

	if (scheduler->asks_queue)
		return;
	scheduler->asks_queue = true;
	ipc_message_init(&request);
	ipc_request(&request, "waiting");
	ipc_client_call(scheduler->queue_manager, &request, IPC_TIMEOUT_MS, queue_answered, scheduler);
	ipc_message_free(&request);
}

static void people_answered(struct ipc_message *reply, const struct err *err, void *context)
{
	struct scheduler *scheduler = context;
	int64_t people = 0;

	(void)err; /* statusd away: nobody */
	if (reply != NULL)
		ipc_get_number(reply, "count", 0, INT64_MAX, &people);
	if (!plan_people(people, settings_number(&scheduler->settings, SETTING_SCHEDULE_PEOPLE),
	                 settings_number(&scheduler->settings, SETTING_SCHEDULE_PEOPLE_MINUTES), scheduler->minute,
	                 &scheduler->people_reached) ||
	    scheduler->paused || state_is_held(scheduler))
		return;
	scheduler->people_reached = PLAN_NEVER;
	scheduler->people_since = (int64_t)time(NULL);
	run_start_defaults(scheduler, "because people have looked for mail");
}

/* Who logged in since a default connection ran. */
static void ask_people(struct scheduler *scheduler)
{
	struct ipc_message request;

	if (settings_number(&scheduler->settings, SETTING_SCHEDULE_PEOPLE) == 0)
		return;
	ipc_message_init(&request);
	ipc_request(&request, "people");
	ipc_add_number(&request, "since", scheduler->people_since);
	ipc_client_call(scheduler->statusd, &request, IPC_TIMEOUT_MS, people_answered, scheduler);
	ipc_message_free(&request);
}

static void new_minute(struct scheduler *scheduler, int64_t now)
{
	struct plan_connection connections[SCHEDULER_CONNECTIONS_MAX];
	struct plan plan;

	scheduler->minute_before = scheduler->minute;
	scheduler->minute = now;
	scheduler->schedule_is_due = true;
	plan_of(scheduler, &plan, connections);
	if (plan_needs_queue(&plan))
		ask_queue(scheduler);
	else
		decide(scheduler);
	ask_people(scheduler);
	tell_day(scheduler);
}

/* Auto-connect looks at what waits more often than the schedule. */
static bool has_auto(const struct scheduler *scheduler)
{
	for (const struct track *track = scheduler->tracks; track != NULL; track = track->next)
		if (track->plan.auto_messages > 0 || track->plan.auto_urgent)
			return true;
	return false;
}

static void on_tick(evutil_socket_t fd, short what, void *context)
{
	struct scheduler *scheduler = context;
	int weekday, minute;
	int64_t now = plan_minute((time_t)scheduler_now(), &weekday, &minute);

	(void)fd, (void)what;
	scheduler_refresh(scheduler);
	if (state_take_now(scheduler) && run_start_defaults(scheduler, "by CONNECT.NOW") == 0)
		log_warning("CONNECT.NOW: there is no default connection");
	if (!scheduler->day_is_told)
		tell_day(scheduler); /* one that ended while nothing ran */
	if (now != scheduler->minute)
		new_minute(scheduler, now);
	else if (has_auto(scheduler) && !scheduler->paused)
		ask_queue(scheduler);
}

/* The minute of the start has been looked at, for all we know: nothing runs twice for a restart. */
void ticks_start(struct scheduler *scheduler)
{
	int weekday, minute;

	scheduler->minute = plan_minute((time_t)scheduler_now(), &weekday, &minute);
	scheduler->people_reached = PLAN_NEVER;
	scheduler->people_since = (int64_t)time(NULL);
	scheduler->tick = event_new(scheduler->base, -1, EV_PERSIST, on_tick, scheduler);
	event_add(scheduler->tick, &second);
}
