#include "common/items/schedule.h"

#include "common/items/kinds.h"
#include "common/items/values.h"

enum { NAME, ENABLED, CONNECTIONS, EVERY, FROM, TO, ONCE, WAITING, DAYS };
enum { NAME_LIMIT = 80, LIST_LIMIT = 500, WAITING_MAX = 1000000, ALL_DAYS = 0x7f };

const struct item_field item_schedule_fields[] = {[NAME] = {"name", false},
                                                  [ENABLED] = {"enabled", false},
                                                  [CONNECTIONS] = {"connections", false},
                                                  [EVERY] = {"every", false},
                                                  [FROM] = {"from", false},
                                                  [TO] = {"to", false},
                                                  [ONCE] = {"once", false},
                                                  [WAITING] = {"waiting", false},
                                                  [DAYS] = {"days", false},
                                                  {NULL, false}};

/* "H:MM" or "HH:MM". */
static int read_time(const char *field, struct str text, int fallback, int *minute, struct err *err)
{
	struct str rest = text, hours = str_cut(&rest, ':');
	uint64_t hour, part;

	*minute = fallback;
	if (text.len == 0)
		return 0;
	if (rest.len != 2 || hours.len > 2 || !str_to_u64(hours, 23, &hour) || !str_to_u64(rest, 59, &part))
		return err_set(err, ERR_SYNTAX, "%s: must be a time from 0:00 to 23:59, not \"%.*s\"", field,
		               STR_ARG(str_sub(text, 0, 40)));
	*minute = (int)(hour * 60 + part);
	return 0;
}

static int read_times(const struct str *values, struct schedule_item *schedule, struct err *err)
{
	if (values[ONCE].len > 0 && (values[EVERY].len > 0 || values[FROM].len > 0 || values[TO].len > 0))
		return err_set(err, ERR_SYNTAX, "once: an item with once has neither every nor from nor to: empty those");
	if (values[ONCE].len > 0) {
		if (read_time("once", values[ONCE], 0, &schedule->from, err) != 0)
			return -1;
		schedule->to = schedule->from;
		return 0;
	}
	if (item_read_number("every", values[EVERY], SCHEDULE_DAY, SCHEDULE_EVERY, &schedule->every, err) != 0 ||
	    read_time("from", values[FROM], 0, &schedule->from, err) != 0 ||
	    read_time("to", values[TO], SCHEDULE_DAY - 1, &schedule->to, err) != 0)
		return -1;
	if (schedule->every == 0)
		return err_set(err, ERR_SYNTAX, "every: must be a number of minutes from 1 to %d", SCHEDULE_DAY);
	if (schedule->to < schedule->from)
		return err_set(err, ERR_SYNTAX,
		               "to: lies before from; an item does not go over midnight: make two, one until 23:59 and one "
		               "from 0:00");
	return 0;
}

static int read_connections(struct str text, struct schedule_item *schedule, struct err *err)
{
	size_t others = 0;

	schedule->connections = text.len > 0 ? text : STR(SCHEDULE_DEFAULT);
	for (struct str rest = schedule->connections, word; (word = str_cut_item(&rest)).len > 0;) {
		if (str_equal_nocase(word, STR(SCHEDULE_DENY)))
			schedule->denies = true;
		else if (str_equal_nocase(word, STR(SCHEDULE_DEFAULT)))
			schedule->defaults = true;
		else
			others++;
	}
	if (schedule->denies && (schedule->defaults || others > 0))
		return err_set(err, ERR_SYNTAX, "connections: an item that denies starts none");
	return 0;
}

int schedule_item_read(const struct item *item, struct schedule_item *schedule, struct err *err)
{
	const struct str *values = item->values;

	*schedule = (struct schedule_item){.id = item->id, .name = values[NAME]};
	if (!str_is_utf8(schedule->name) || schedule->name.len > NAME_LIMIT)
		return err_set(err, ERR_SYNTAX, "name: must be UTF-8 of %d octets at most", NAME_LIMIT);
	if (values[CONNECTIONS].len > LIST_LIMIT)
		return err_set(err, ERR_LIMIT, "connections: more than %d octets", LIST_LIMIT);
	if (item_read_switch("enabled", values[ENABLED], true, &schedule->enabled, err) != 0 ||
	    read_connections(values[CONNECTIONS], schedule, err) != 0 || read_times(values, schedule, err) != 0 ||
	    item_read_number("waiting", values[WAITING], WAITING_MAX, 0, &schedule->waiting, err) != 0 ||
	    item_read_days("days", values[DAYS], &schedule->weekdays, err) != 0)
		return -1;
	if (schedule->weekdays == 0)
		schedule->weekdays = ALL_DAYS;
	return 0;
}

static struct str time_text(int minute, struct arena *arena)
{
	return arena_printf(arena, "%d:%02d", minute / 60, minute % 60);
}

/* What was not said is written out: whoever looks at an item sees what it does. */
int item_schedule_check(struct item *item, struct arena *arena, struct err *err)
{
	struct schedule_item schedule;

	if (schedule_item_read(item, &schedule, err) != 0)
		return -1;
	item->values[ENABLED] = schedule.enabled ? STR("on") : STR("off");
	item->values[CONNECTIONS] = schedule.connections;
	if (schedule.every == 0) {
		item->values[ONCE] = time_text(schedule.from, arena);
		return 0;
	}
	item->values[EVERY] = arena_printf(arena, "%lld", (long long)schedule.every);
	item->values[FROM] = time_text(schedule.from, arena);
	item->values[TO] = time_text(schedule.to, arena);
	return 0;
}

bool schedule_item_is_minute(const struct schedule_item *item, int weekday, int minute)
{
	if ((item->weekdays & 1U << weekday) == 0 || minute < item->from || minute > item->to)
		return false;
	return item->every == 0 || (minute - item->from) % item->every == 0;
}

/* "Every 10 minutes between 0:00 and 23:00 on Su,M,Tu,W,Th,F,Sa", as the specification has it. */
struct str item_schedule_describe(const struct item *item, struct arena *arena)
{
	static const char *const words[] = {"Su", "M", "Tu", "W", "Th", "F", "Sa"};
	struct str days = STR(""), times, condition = STR("");
	struct schedule_item schedule;

	if (schedule_item_read(item, &schedule, NULL) != 0)
		return STR("");
	for (int day = 0; day < 7; day++)
		if ((schedule.weekdays & 1U << day) != 0)
			days = arena_printf(arena, "%.*s%s%s", STR_ARG(days), days.len != 0 ? "," : "", words[day]);
	if (schedule.every == 0)
		times = arena_printf(arena, "Once at %.*s", STR_ARG(time_text(schedule.from, arena)));
	else
		times = arena_printf(arena, "Every %lld minute%s between %.*s and %.*s", (long long)schedule.every,
		                     schedule.every == 1 ? "" : "s", STR_ARG(time_text(schedule.from, arena)),
		                     STR_ARG(time_text(schedule.to, arena)));
	if (schedule.waiting > 0)
		condition = arena_printf(arena, " if at least %lld message%s waiting to be sent", (long long)schedule.waiting,
		                         schedule.waiting == 1 ? " is" : "s are");
	return arena_printf(arena, "%.*s on %.*s%.*s", STR_ARG(times), STR_ARG(days), STR_ARG(condition));
}
