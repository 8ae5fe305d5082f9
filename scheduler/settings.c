#include "scheduler/scheduler.h"

#include "common/base/log.h"
#include "common/base/memory.h"

struct connection_settings *scheduler_connection(struct scheduler *scheduler, int64_t id)
{
	for (size_t i = 0; i < scheduler->connection_count; i++)
		if (scheduler->connections[i].id == id)
			return &scheduler->connections[i];
	return NULL;
}

struct connection_settings *scheduler_named(struct scheduler *scheduler, struct str name)
{
	for (size_t i = 0; i < scheduler->connection_count; i++)
		if (str_equal_nocase(str_of(scheduler->connections[i].name), name))
			return &scheduler->connections[i];
	return NULL;
}

struct track *scheduler_track(struct scheduler *scheduler, int64_t id)
{
	struct track *track = scheduler->tracks;

	while (track != NULL && track->plan.id != id)
		track = track->next;
	return track;
}

static void read_items(struct scheduler *scheduler)
{
	struct schedule_item *item;
	struct items items;
	struct err err;

	scheduler->items = NULL;
	scheduler->item_count = 0;
	if (items_load(&scheduler->settings.objects, ITEM_SCHEDULE, ITEM_SERVER, &scheduler->arena, &items, &err) != 0) {
		log_error("%s", err.text);
		return;
	}
	scheduler->items = arena_get(&scheduler->arena, (items.count + 1) * sizeof *scheduler->items);
	for (size_t i = 0; i < items.count; i++) {
		item = &scheduler->items[scheduler->item_count];
		if (schedule_item_read(&items.list[i], item, &err) == 0)
			scheduler->item_count++;
		else
			log_error("schedule item %zu is left out: %s", i + 1, err.text);
	}
}

/* What is known of a connection, with what is set of it now. */
static void follow(struct scheduler *scheduler, const struct connection_settings *connection)
{
	struct track *track = scheduler_track(scheduler, connection->id);

	if (track == NULL) {
		track = memory_get(sizeof *track);
		track->plan = (struct plan_connection){.started = PLAN_NEVER, .auto_started = PLAN_NEVER};
		track->next = scheduler->tracks;
		scheduler->tracks = track;
	}
	track->plan.id = connection->id;
	track->plan.name = str_of(connection->name);
	track->plan.is_default = connection->numbers[CONNECTION_SETTING_DEFAULT] != 0;
	track->plan.auto_messages = connection->numbers[CONNECTION_SETTING_AUTO_MESSAGES];
	track->plan.auto_minutes = connection->numbers[CONNECTION_SETTING_AUTO_MINUTES];
	track->plan.auto_urgent = connection->numbers[CONNECTION_SETTING_AUTO_URGENT] != 0;
}

/* Those that are gone; a run that one is in ends without it. */
static void forget(struct scheduler *scheduler)
{
	struct track **at = &scheduler->tracks, *track;

	while ((track = *at) != NULL) {
		if (scheduler_connection(scheduler, track->plan.id) != NULL) {
			at = &track->next;
			continue;
		}
		*at = track->next;
		memory_free(track);
	}
}

void scheduler_refresh(struct scheduler *scheduler)
{
	struct err err;

	if (!settings_refresh(&scheduler->settings) && scheduler->connections != NULL)
		return;
	arena_reset(&scheduler->arena);
	if (connections_load(&scheduler->settings.objects, &scheduler->arena, &scheduler->connections,
	                     &scheduler->connection_count, &err) != 0) {
		log_error("%s", err.text);
		scheduler->connection_count = 0;
	}
	if (scheduler->connection_count > SCHEDULER_CONNECTIONS_MAX)
		scheduler->connection_count = SCHEDULER_CONNECTIONS_MAX;
	for (size_t i = 0; i < scheduler->connection_count; i++)
		follow(scheduler, &scheduler->connections[i]);
	forget(scheduler);
	read_items(scheduler);
}
