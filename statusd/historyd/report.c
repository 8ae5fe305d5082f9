#include "statusd/historyd/report.h"

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/daemon/logs.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	BUCKETS = 4096,
	LINE_MAX_OCTETS = 2048, /* ours are shorter */
	DAY_SECONDS = 24 * 3600,
	NAME_WIDTH = 24,
};

static const char *const item_names[SUMMARY_ITEMS] = {
    [SUMMARY_LOCAL_RECEIVED] = "local mail received",
    [SUMMARY_LOCAL_SENT] = "local mail sent",
    [SUMMARY_INTERNET_RECEIVED] = "Internet mail received",
    [SUMMARY_INTERNET_SENT] = "Internet mail sent",
    [SUMMARY_SYSTEM_RECEIVED] = "system messages received",
    [SUMMARY_LAN_QUEUED] = "LAN forwarding, queued",
    [SUMMARY_COLLECTED] = "collected",
    [SUMMARY_CLIENT_SENT] = "sent to other servers",
    [SUMMARY_LAN_SENT] = "LAN forwarding, sent",
    [SUMMARY_ONLINE] = "online time, seconds",
    [SUMMARY_URGENT] = "urgent messages",
    [SUMMARY_LAN_RECIPIENT] = "LAN forwarding, recipients",
};

/* The columns of a user, and what counts for each. */
static const struct column {
	const char *name;
	enum summary_item items[2];
} columns[] = {
    {"local in", {SUMMARY_LOCAL_RECEIVED, SUMMARY_SYSTEM_RECEIVED}},
    {"local out", {SUMMARY_LOCAL_SENT, SUMMARY_LOCAL_SENT}},
    {"Internet in", {SUMMARY_INTERNET_RECEIVED, SUMMARY_INTERNET_RECEIVED}},
    {"Internet out", {SUMMARY_INTERNET_SENT, SUMMARY_INTERNET_SENT}},
    {"LAN", {SUMMARY_LAN_QUEUED, SUMMARY_LAN_RECIPIENT}},
};

enum { COLUMNS = sizeof columns / sizeof columns[0] };

struct amount {
	uint64_t count, octets;
};

struct user {
	struct str name;
	struct amount columns[COLUMNS];
	uint64_t octets;
	struct user *next;
};

struct tally {
	struct arena arena;
	struct amount items[SUMMARY_ITEMS];
	struct user *buckets[BUCKETS];
	struct user others; /* for whom there was no room */
	size_t count;
};

static struct user *find_user(struct tally *tally, struct str name)
{
	unsigned hash = 5381;
	struct user **link;

	for (size_t i = 0; i < name.len; i++)
		hash = hash * 33 + (unsigned char)name.data[i];
	link = &tally->buckets[hash % BUCKETS];
	while (*link != NULL && !str_equal((*link)->name, name))
		link = &(*link)->next;
	if (*link != NULL)
		return *link;
	if (tally->count == REPORT_USERS)
		return &tally->others;
	*link = arena_get(&tally->arena, sizeof **link);
	**link = (struct user){.name = arena_copy(&tally->arena, name)};
	tally->count++;
	return *link;
}

static void add_amount(struct amount *amount, uint64_t octets)
{
	amount->count++;
	amount->octets += octets;
}

static void count_line(struct tally *tally, struct str line)
{
	struct str rest = line;
	uint64_t when, item, octets;
	struct user *user;

	if (!str_to_u64(str_cut(&rest, ','), INT64_MAX, &when) || rest.data == NULL ||
	    !str_to_u64(str_cut(&rest, ','), SUMMARY_ITEMS - 1, &item) || rest.data == NULL ||
	    !str_to_u64(str_cut(&rest, ','), INT64_MAX, &octets) || rest.data == NULL)
		return;
	add_amount(&tally->items[item], octets);
	for (size_t i = 0; i < COLUMNS && rest.len > 0; i++) {
		if (columns[i].items[0] != item && columns[i].items[1] != item)
			continue;
		user = find_user(tally, rest);
		add_amount(&user->columns[i], octets);
		user->octets += octets;
	}
}

/* The descriptor is the log's own, which is written by append: a copy of it may be read from its beginning. */
static void count_lines(struct tally *tally, int file)
{
	char line[LINE_MAX_OCTETS];
	int copy = fcntl(file, F_DUPFD_CLOEXEC, 0);
	FILE *in = copy >= 0 ? fdopen(copy, "r") : NULL;

	if (in == NULL) {
		log_error("the day's summary.log cannot be read");
		if (copy >= 0)
			close(copy);
		return;
	}
	rewind(in);
	while (fgets(line, sizeof line, in) != NULL)
		count_line(tally, str_trim(str_of(line)));
	fclose(in);
}

static int by_octets(const void *a, const void *b)
{
	const struct user *const *first = a, *const *second = b;

	if ((*first)->octets != (*second)->octets)
		return (*first)->octets < (*second)->octets ? 1 : -1;
	return str_compare((*first)->name, (*second)->name);
}

static void add_user(const struct user *user, struct buf *text)
{
	/* one that is longer than its column only moves what follows */
	buf_printf(text, "%-*.*s", NAME_WIDTH, STR_ARG(user->name));
	for (size_t i = 0; i < COLUMNS; i++)
		buf_printf(text, " %6" PRIu64 " %12" PRIu64, user->columns[i].count, user->columns[i].octets);
	buf_add_char(text, '\n');
}

static void add_together(struct user *others, const struct user *user)
{
	for (size_t i = 0; i < COLUMNS; i++) {
		others->columns[i].count += user->columns[i].count;
		others->columns[i].octets += user->columns[i].octets;
	}
	others->octets += user->octets;
}

static void add_users(struct tally *tally, struct buf *text)
{
	struct user **list = arena_get(&tally->arena, (tally->count + 1) * sizeof(struct user *));
	size_t count = 0;

	for (size_t i = 0; i < BUCKETS; i++)
		for (struct user *user = tally->buckets[i]; user != NULL; user = user->next)
			list[count++] = user;
	if (count == 0)
		return;
	qsort(list, count, sizeof(struct user *), by_octets);
	buf_printf(text, "\n%-*s", NAME_WIDTH, "messages and bytes of");
	for (size_t i = 0; i < COLUMNS; i++)
		buf_printf(text, " %19s", columns[i].name);
	buf_add_char(text, '\n');
	for (size_t i = 0; i < count && i < REPORT_SHOWN; i++)
		add_user(list[i], text);
	for (size_t i = REPORT_SHOWN; i < count; i++)
		add_together(&tally->others, list[i]);
	tally->others.name = STR("(all others)");
	if (tally->others.octets > 0)
		add_user(&tally->others, text);
}

void report_write(int file, struct buf *text)
{
	struct tally *tally = memory_get(sizeof *tally);

	*tally = (struct tally){0};
	arena_init(&tally->arena);
	count_lines(tally, file);
	buf_printf(text, "%-*s %10s %16s\n", NAME_WIDTH + 4, "", "number", "bytes");
	for (size_t i = 0; i < SUMMARY_ITEMS; i++)
		buf_printf(text, "%-*s %10" PRIu64 " %16" PRIu64 "\n", NAME_WIDTH + 4, item_names[i], tally->items[i].count,
		           tally->items[i].octets);
	add_users(tally, text);
	arena_free(&tally->arena);
	memory_free(tally);
}

/* When somebody's last session ended, milliseconds since 1970; 0: never. -1: as databases fail. */
static int64_t last_session(struct db_statement *select, struct str user, struct err *err)
{
	int64_t last;
	int row;

	db_bind_text(select, 1, user);
	row = db_step(select, err);
	last = row == 1 ? db_number(select, 0) : 0;
	while (row == 1)
		row = db_step(select, err);
	return row == 0 ? last : -1;
}

static void add_idle(struct str user, int64_t last_ms, struct buf *text)
{
	time_t seconds = (time_t)(last_ms / 1000);
	struct tm local;
	char date[16];

	buf_printf(text, "%-*.*s ", NAME_WIDTH, STR_ARG(user));
	if (last_ms > 0 && localtime_r(&seconds, &local) != NULL && strftime(date, sizeof date, "%Y-%m-%d", &local) != 0)
		buf_printf(text, "since %s\n", date);
	else
		buf_add_str(text, STR("as long as the history goes back\n"));
}

int report_add_idle(struct historyd *historyd, int64_t now, struct buf *text, struct err *err)
{
	struct db_statement users, last;
	int64_t since = (now - DAY_SECONDS) * 1000;
	unsigned count = 0;
	int row;

	if (db_prepare(&historyd->settings.objects, &users, "SELECT name FROM user WHERE enabled ORDER BY name", err) != 0)
		return -1;
	if (db_prepare(&historyd->db, &last, "SELECT ifnull(max(end), 0) FROM session WHERE user <> '' AND user = ?",
	               err) != 0) {
		db_finalize(&users);
		return -1;
	}
	while ((row = db_step(&users, err)) == 1) {
		int64_t ended = last_session(&last, db_text(&users, 0), err);

		if (ended < 0) {
			row = -1;
			break;
		}
		if (ended >= since || ++count > REPORT_IDLE_SHOWN)
			continue;
		buf_add_str(text, count == 1 ? STR("\nNot logged in for at least a day:\n") : STR(""));
		add_idle(db_text(&users, 0), ended, text);
	}
	if (count > REPORT_IDLE_SHOWN)
		buf_printf(text, "and %u more\n", count - REPORT_IDLE_SHOWN);
	db_finalize(&users);
	db_finalize(&last);
	return row;
}

struct report *report_make(struct historyd *historyd, int file, struct tm day)
{
	struct report *report = memory_get(sizeof *report);
	char date[16] = "";
	struct err err;

	strftime(date, sizeof date, "%Y-%m-%d", &day);
	snprintf(report->subject, sizeof report->subject, "Postroom Daily usage Summary for %s", date);
	buf_init(&report->text, NOTICE_TEXT_MAX);
	report_write(file, &report->text);
	if (settings_flag(&historyd->settings, SETTING_SUMMARY_IDLE) &&
	    report_add_idle(historyd, time(NULL), &report->text, &err) != 0)
		log_error("the daily report does not say who is idle: %s", err.text);
	return report;
}

void report_free(struct report *report)
{
	if (report != NULL)
		buf_free(&report->text);
	memory_free(report);
}
