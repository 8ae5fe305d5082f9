/* deliver: what the warden (warden.h) does: it hears of sizes, and says whom they concern. */
#include "deliver/warden.h"

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/db/query.h"
#include "common/net/sandbox.h"
#include "common/notice/notice.h"
#include "common/policy/mailbox_quota.h"
#include "common/settings/texts.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

enum {
	DAY_SECONDS = 24 * 60 * 60,
	FIRST_SECONDS = 10, /* until the first daily look: all that a notice needs is there then, on a busy machine too */
	PATIENCE_SECONDS = 60,
};

struct watch {
	struct settings *settings;
	struct notices *notices;
	int parent;
	struct event *day;   /* the daily look begins */
	struct event *stuck; /* no answer to a question came */
	int64_t asked;       /* the user whose size is asked for */
};

struct owner {
	char name[64];
	int64_t quota; /* octets; 0: none */
};

/* 1 = there is such a user, 0 = none, -1 = the settings cannot be read. */
static int find_owner(struct watch *watch, int64_t uid, struct owner *owner, struct err *err)
{
	struct db_statement query = {0};
	struct attributes attributes;
	struct arena arena;
	struct db objects;
	int found = -1;

	if (settings_open_snapshot(watch->settings, &objects, err) != 0)
		return -1;
	arena_init(&arena);
	if (attributes_read(&objects, uid, &arena, &attributes, err) == 0 &&
	    db_prepare(&objects, &query, "SELECT name FROM user WHERE uid = ?", err) == 0) {
		db_bind_number(&query, 1, uid);
		found = db_step(&query, err);
		if (found == 1) {
			str_copy(db_text(&query, 0), owner->name, sizeof owner->name);
			owner->quota = mailbox_quota_of(watch->settings, &attributes);
		}
	}
	db_finalize(&query);
	arena_free(&arena);
	db_close(&objects);
	return found;
}

static void tell(struct watch *watch, int64_t uid, const struct owner *owner, int64_t size)
{
	struct arena arena;
	struct text_filled words;
	struct notice notice = {.target = "MailboxQuota",
	                        .uid = uid,
	                        .component = NOTICE_MISC,
	                        .kind = NOTICE_OTHER,
	                        .item = str_of(owner->name)};
	int64_t percent = mailbox_quota_percent(owner->quota, size);

	arena_init(&arena);
	text_fill(settings_text(watch->settings, uid != 0 ? SETTING_TEXT_QUOTA : SETTING_TEXT_QUOTA_ADMINISTRATOR),
	          (const struct text_value[]){{"username", str_of(owner->name)},
	                                      {"percent", arena_printf(&arena, "%" PRId64, percent)},
	                                      {"mailboxsize", arena_printf(&arena, "%" PRId64, size)},
	                                      {"mailboxquota", arena_printf(&arena, "%" PRId64, owner->quota)}},
	          4, &arena, &words);
	notice.severity = percent > 100 ? NOTICE_WARNING : NOTICE_INFORMATIONAL;
	notice.subject = str_sub(words.subject, 0, NOTICE_SUBJECT_MAX);
	notice.text = words.body;
	notice_send(watch->notices, &notice);
	arena_free(&arena);
}

/* The name of an autoresponder, in arena; empty: it has gone. */
static struct str responder_name(struct watch *watch, int64_t responder, struct arena *arena)
{
	struct str name = STR("");
	struct db_statement query;
	struct db objects;
	struct err err;

	if (settings_open_snapshot(watch->settings, &objects, &err) != 0)
		return name;
	if (db_query(&objects, &query, &err, "SELECT value FROM item_field WHERE item = ? AND key = 'name'", "n",
	             responder) == 0) {
		if (db_step(&query, &err) == 1)
			name = arena_copy(arena, db_text(&query, 0));
		db_finalize(&query);
	}
	db_close(&objects);
	return name;
}

static void tell_failing(struct watch *watch, int64_t uid, int64_t responder)
{
	struct notice notice = {.target = "Autoresponder", .component = NOTICE_MISC, .severity = NOTICE_ERROR};
	struct owner owner;
	struct arena arena;
	struct err err;

	if (find_owner(watch, uid, &owner, &err) != 1)
		return;
	arena_init(&arena);
	notice.item = str_of(owner.name);
	notice.subject = arena_printf(&arena, "An autoresponder of %s does not answer", owner.name);
	notice.text =
	    arena_printf(&arena,
	                 "A script of the autoresponder \"%.*s\" of the user %s failed. Where it is within its text,\n"
	                 "the message was kept and nothing was answered. The log says what is wrong.\n",
	                 STR_ARG(responder_name(watch, responder, &arena)), owner.name);
	notice_send(watch->notices, &notice);
	arena_free(&arena);
}

/* A mailbox grew. */
static void judge_growth(struct watch *watch, const struct warden_packet *packet, const struct owner *owner)
{
	const char *for_user = settings_text(watch->settings, SETTING_MAILBOX_QUOTA_WARN_USER);
	const char *for_administrator = settings_text(watch->settings, SETTING_MAILBOX_QUOTA_WARN_ADMINISTRATOR);

	if (mailbox_quota_passes(for_user, owner->quota, packet->before, packet->after))
		tell(watch, packet->uid, owner, packet->after);
	if (mailbox_quota_passes(for_administrator, owner->quota, packet->before, packet->after))
		tell(watch, 0, owner, packet->after);
}

/* The daily look at one. */
static void judge_size(struct watch *watch, const struct warden_packet *packet, const struct owner *owner)
{
	int64_t for_user = settings_number(watch->settings, SETTING_MAILBOX_QUOTA_DAILY_USER);
	int64_t for_administrator = settings_number(watch->settings, SETTING_MAILBOX_QUOTA_DAILY_ADMINISTRATOR);

	if (mailbox_quota_reaches(for_user, owner->quota, packet->after))
		tell(watch, packet->uid, owner, packet->after);
	if (mailbox_quota_reaches(for_administrator, owner->quota, packet->after))
		tell(watch, 0, owner, packet->after);
}

/* The next user behind one; 0: there is none, or it cannot be said. */
static int64_t next_user(struct watch *watch, int64_t uid)
{
	struct db_statement query = {0};
	struct db objects;
	int64_t next = 0;
	struct err err;

	if (settings_open_snapshot(watch->settings, &objects, &err) != 0)
		return 0;
	if (db_prepare(&objects, &query, "SELECT min(uid) FROM user WHERE uid > ?", &err) == 0) {
		db_bind_number(&query, 1, uid);
		if (db_step(&query, &err) == 1)
			next = db_number(&query, 0);
	}
	db_finalize(&query);
	db_close(&objects);
	return next;
}

/* Ask for the size of the next user's mailbox who has a quota, or end the look until tomorrow. */
static void ask_behind(struct watch *watch, int64_t uid)
{
	static const struct timeval day = {DAY_SECONDS, 0}, patience = {PATIENCE_SECONDS, 0};
	struct owner owner;
	struct err err;

	event_del(watch->stuck);
	while ((uid = next_user(watch, uid)) != 0) {
		const struct warden_packet question = {.uid = uid};

		if (find_owner(watch, uid, &owner, &err) != 1 || owner.quota == 0)
			continue;
		watch->asked = uid;
		event_add(watch->stuck, &patience);
		if (send(watch->parent, &question, sizeof question, MSG_NOSIGNAL) != (ssize_t)sizeof question)
			_exit(1);
		return;
	}
	watch->asked = 0;
	event_add(watch->day, &day);
}

static void on_day(evutil_socket_t fd, short what, void *context)
{
	struct watch *watch = context;
	struct err err;

	(void)fd, (void)what;
	settings_refresh(watch->settings);
	ask_behind(watch, mailbox_quota_in_use(watch->settings, &err) == 1 ? 0 : INT64_MAX);
}

static void on_stuck(evutil_socket_t fd, short what, void *context)
{
	struct watch *watch = context;

	(void)fd, (void)what;
	ask_behind(watch, watch->asked);
}

static void on_packet(evutil_socket_t fd, short what, void *context)
{
	struct watch *watch = context;
	struct warden_packet packet;
	struct owner owner;
	struct err err;
	int found;

	(void)what;
	if (recv(fd, &packet, sizeof packet, 0) != (ssize_t)sizeof packet)
		_exit(0);
	settings_refresh(watch->settings);
	if (packet.before == WARDEN_FAILING) {
		tell_failing(watch, packet.uid, packet.after);
		return;
	}
	found = packet.after >= 0 ? find_owner(watch, packet.uid, &owner, &err) : 0;
	if (found < 0)
		log_warning("the quota of user uid=%" PRId64 " cannot be looked at: %s", packet.uid, err.text);
	if (found == 1 && owner.quota > 0)
		packet.before < 0 ? judge_size(watch, &packet, &owner) : judge_growth(watch, &packet, &owner);
	if (packet.before < 0 && packet.uid == watch->asked)
		ask_behind(watch, packet.uid);
}

/* Settings to read, noticed to connect to. */
static int confine(const struct instance *instance, struct err *err)
{
	char settings[INSTANCE_PATH_MAX + 128];
	struct sandbox sandbox;
	int result;

	instance_path(settings, sizeof settings, instance->state, "settings");
	if (sandbox_init(&sandbox, SANDBOX_UNIX, err) != 0)
		return -1;
	result = sandbox_allow(&sandbox, settings, SANDBOX_READ, err);
	if (result == 0)
		result = sandbox_prepare(&sandbox, err);
	if (result == 0)
		result = sandbox_enter(&sandbox, err);
	sandbox_free(&sandbox);
	return result;
}

void watch_run(const struct instance *instance, struct settings *settings, int parent)
{
	static const struct timeval at_start = {FIRST_SECONDS, 0};
	struct event_base *base = event_base_new();
	struct watch watch = {.settings = settings, .parent = parent};
	struct err err;

	if (base == NULL || confine(instance, &err) != 0) {
		log_error("%s", base == NULL ? "cannot make an event loop" : err.text);
		_exit(1);
	}
	watch.notices = notices_new(base, instance, "deliver");
	watch.day = evtimer_new(base, on_day, &watch);
	watch.stuck = evtimer_new(base, on_stuck, &watch);
	event_add(watch.day, &at_start);
	event_add(event_new(base, parent, EV_READ | EV_PERSIST, on_packet, &watch), NULL);
	event_base_dispatch(base);
	_exit(0);
}
