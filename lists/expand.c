/*
 * From the table to the members: a post that is due gets a portion of its work done, then the next one has its turn.
 */
#include "lists/bounces.h"
#include "lists/source.h"

#include "common/addr/addr.h"
#include "common/base/log.h"
#include "common/base/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

enum {
	RECIPIENTS_EACH = 20000,      /* of one spool file, without slow posting */
	FILES_EACH = 50,              /* of one portion, with slow posting */
	WAITING_MAX = 1000,           /* files that queue-manager has not taken; with more of them slow posting waits */
	WAITING_OCTETS_MAX = 1 << 30, /* the same as octets */
	PAUSE_MS = 500,               /* until it is looked at again */
	TROUBLE_MS = 60 * 1000,       /* after the first failure of a source or the disk; then twice as long each time */
	TROUBLE_MAX_MS = 3600 * 1000,
	HOUR_SECONDS = 3600,
};

struct portion {
	struct listd *listd;
	struct arena arena;
	struct post post;
	struct list list;
	int fd;
};

static void schedule(struct listd *listd, int64_t ms)
{
	const struct timeval when = {ms / 1000, (suseconds_t)(ms % 1000) * 1000};

	event_add(listd->expand_timer, &when);
}

void expand_wake(struct listd *listd)
{
	schedule(listd, 0);
}

/* The post in the table as it is in memory. */
static int set_post(struct portion *portion, enum post_state state, int64_t next_ms, struct err *err)
{
	portion->post.state = state;
	portion->post.next = next_ms;
	return table_set_post(portion->listd, &portion->post, err);
}

static int finish_post(struct portion *portion, struct err *err)
{
	return set_post(portion, POST_DONE, 0, err);
}

/* Tell where reports go that the members could not be found out: the post itself goes with it. */
static int give_up(struct portion *portion, const char *why, struct err *err)
{
	const struct list *list = &portion->list;
	struct arena *arena = &portion->arena;
	struct mail mail = {
	    .server = list_server_address(portion->listd, list, arena),
	    .to = list_return_address(portion->listd, list, arena),
	    .subject = arena_printf(arena, "Message to %.*s was not distributed", STR_ARG(list->name)),
	    .text = arena_printf(arena,
	                         "The members of the list %.*s could not be found out for %d hours:\n%s\n\n"
	                         "The message was not distributed. It is attached.\n",
	                         STR_ARG(list->name), SOURCE_RETRY_HOURS, why),
	    .parent = arena_printf(arena, "%.*s/list/%" PRId64, STR_ARG(portion->post.id), list->id),
	    .attached = portion->fd,
	    .attached_size = portion->post.size,
	    .to_at = portion->post.to_at,
	    .attached_to = list->address,
	};

	log_error("id=%.*s list=%.*s not distributed: %s", STR_ARG(portion->post.id), STR_ARG(list->name), why);
	return mail.to.len != 0 && mail_send(portion->listd, &mail, err) != 0 ? -1 : finish_post(portion, err);
}

static void tell_administrator(struct portion *portion, const char *why)
{
	struct notice notice = {
	    .target = "MailingList",
	    .component = NOTICE_MISC,
	    .kind = NOTICE_OTHER,
	    .severity = NOTICE_ERROR,
	    .item = STR("Mailing Lists"),
	    .subject = arena_printf(&portion->arena, "The members of the list %.*s cannot be found out",
	                            STR_ARG(portion->list.name)),
	    .text = str_of(why),
	};

	notice_send(portion->listd->notices, &notice);
}

/* A source does not answer: the post waits, longer each time, and fails after three days. */
static int wait_for_source(struct portion *portion, const char *why, struct err *err)
{
	struct post *post = &portion->post;
	int64_t now = listd_time(), since = post->trouble != 0 ? now - post->trouble : 0, pause;

	if (post->trouble == 0) {
		post->trouble = now;
		tell_administrator(portion, why);
	} else if (since > (int64_t)SOURCE_RETRY_HOURS * HOUR_SECONDS) {
		return give_up(portion, why, err);
	}
	log_warning("id=%.*s list=%.*s waits for its members: %s", STR_ARG(post->id), STR_ARG(portion->list.name), why);
	pause = since * 1000 < TROUBLE_MS ? TROUBLE_MS / 12 : since * 1000;
	return set_post(portion, POST_GATHER, now * 1000 + (pause < TROUBLE_MAX_MS ? pause : TROUBLE_MAX_MS), err);
}

static int add_member(struct db_statement *insert, int64_t key, struct str address, struct err *err)
{
	db_bind_number(insert, 1, key);
	db_bind_text(insert, 2, address);
	return db_run(insert, err);
}

static int copy_members(struct portion *portion, struct db_statement *insert, struct err *err)
{
	struct db_statement query;
	int row;

	if (db_query(&portion->listd->settings.objects, &query, err, "SELECT address FROM list_member WHERE list = ?", "n",
	             portion->list.id) != 0)
		return -1;
	while ((row = db_step(&query, err)) == 1)
		if (add_member(insert, portion->post.key, db_text(&query, 0), err) != 0) {
			row = -1;
			break;
		}
	db_finalize(&query);
	return row;
}

static int copy_lines(struct portion *portion, struct str lines, struct db_statement *insert, struct err *err)
{
	while (lines.len > 0)
		if (add_member(insert, portion->post.key, str_cut(&lines, '\n'), err) != 0)
			return -1;
	return 0;
}

/* The members as they are now; result: of a database list's source, else NULL. */
static int gather(struct portion *portion, const struct source_result *result, struct err *err)
{
	struct db_statement insert;
	int done;

	if (result != NULL && result->err.code != ERR_NONE)
		return wait_for_source(portion, result->err.text, err);
	if (db_prepare(&portion->listd->db, &insert, "INSERT OR IGNORE INTO post_member VALUES(?, ?)", err) != 0)
		return -1;
	done = result != NULL ? copy_lines(portion, result->lines, &insert, err) : copy_members(portion, &insert, err);
	db_finalize(&insert);
	if (done == 0 && bounces_are_counted(&portion->list))
		done = bounces_leave_out(portion->listd, &portion->post, err);
	return done != 0 ? -1 : set_post(portion, POST_SEND, listd_time_ms(), err);
}

/* The next members, at most `most`; they are taken out of the table. */
static int take_members(struct portion *portion, size_t most, struct spool_recipient *members, size_t *count_out,
                        struct err *err)
{
	struct db_statement query;
	int row;

	*count_out = 0;
	if (db_query(&portion->listd->db, &query, err,
	             "SELECT address FROM post_member WHERE post = ? ORDER BY address LIMIT ?", "nn", portion->post.key,
	             (int64_t)most) != 0)
		return -1;
	while ((row = db_step(&query, err)) == 1)
		members[(*count_out)++].address = arena_copy(&portion->arena, db_text(&query, 0));
	db_finalize(&query);
	if (row != 0 || *count_out == 0)
		return row;
	if (db_query_run(&portion->listd->db, err, "DELETE FROM post_member WHERE post = ? AND address <= ?", "nt",
	                 portion->post.key, members[*count_out - 1].address) != 0)
		return -1;
	/* an envelope has addresses; the resolver knows a name by the domain, too */
	for (size_t i = 0; i < *count_out; i++)
		members[i].address = list_member_address(portion->listd, members[i].address, &portion->arena);
	return 0;
}

/* What a member's own copy has in its header. */
static struct str own_fields(struct portion *portion, struct str member)
{
	const struct list_settings *settings = &portion->list.settings;
	struct arena *arena = &portion->arena;
	struct str address = list_show_address(portion->listd, member, arena);
	struct str url = str_of(list_settings_text(settings, LIST_SETTING_UNSUBSCRIBE_URL));
	struct str to = arena_printf(arena, "To: <%.*s>\r\n", STR_ARG(address));
	struct str server = list_server_address(portion->listd, &portion->list, arena);
	ptrdiff_t at = str_find(url, STR("%A"));

	if (at < 0 || !list_settings_flag(settings, LIST_SETTING_FIELDS))
		return to;
	/* RFC 8058 3.1 */
	return arena_printf(arena,
	                    "%.*sList-Unsubscribe: <mailto:%.*s?subject=unsubscribe+%.*s>,\r\n <%.*s%.*s%.*s>\r\n"
	                    "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
	                    STR_ARG(to), STR_ARG(server), STR_ARG(portion->list.name), (int)at, url.data, STR_ARG(address),
	                    STR_ARG(str_skip(url, (size_t)at + 2)));
}

static int write_copy(struct portion *portion, struct spool_recipient *members, size_t count, struct err *err)
{
	const struct post *post = &portion->post;
	struct spool_envelope envelope = {
	    .service = STR("list"),
	    .from = list_return_address(portion->listd, &portion->list, &portion->arena),
	    .parent = arena_printf(&portion->arena, "%.*s/list/%" PRId64, STR_ARG(post->id), post->list),
	    .body = post->is_8bit ? STR("8BITMIME") : STR("7BIT"),
	    .smtputf8 = post->is_utf8,
	    .arc = post->arc,
	    .results = post->results,
	    .recipients = members,
	    .recipient_count = count,
	};
	int64_t at = post->to_at >= 0 ? post->to_at : 0;
	struct spool_file file;

	if (bounces_are_counted(&portion->list) && bounces_return_path(portion->listd, &portion->list, members[0].address,
	                                                               &portion->arena, &envelope.from, err) != 0)
		return -1;
	if (outbox_begin(portion->listd, &file, &envelope, err) != 0)
		return -1;
	if (outbox_copy(&file, portion->fd, 0, at, err) != 0 ||
	    (post->to_at >= 0 && spool_write(&file, own_fields(portion, members[0].address), err) != 0) ||
	    outbox_copy(&file, portion->fd, at, post->size - at, err) != 0) {
		spool_abort(&file);
		return -1;
	}
	return outbox_add(portion->listd, &file, err);
}

/* Has queue-manager so many of ours to take that a portion of this one may as well wait? */
static bool is_full(const struct portion *portion)
{
	uint64_t waiting = outbox_waiting(portion->listd);

	return waiting >= WAITING_MAX || waiting * (uint64_t)portion->post.size >= WAITING_OCTETS_MAX;
}

/* Members get a message each where a post has a place for To, and where reports are counted. */
static int send_portion(struct portion *portion, struct err *err)
{
	bool is_slow = portion->post.to_at >= 0 || bounces_are_counted(&portion->list);
	size_t most = is_slow ? FILES_EACH : RECIPIENTS_EACH, count;
	struct spool_recipient *members = arena_get(&portion->arena, most * sizeof *members);

	if (is_slow && is_full(portion))
		return set_post(portion, POST_SEND, listd_time_ms() + PAUSE_MS, err);
	if (take_members(portion, most, members, &count, err) != 0)
		return -1;
	if (!is_slow && count > 0 && write_copy(portion, members, count, err) != 0)
		return -1;
	for (size_t i = 0; is_slow && i < count; i++)
		if (write_copy(portion, &members[i], 1, err) != 0)
			return -1;
	if (count > 0)
		log_info("id=%.*s list=%.*s sent to %zu members", STR_ARG(portion->post.id), STR_ARG(portion->list.name),
		         count);
	return count < most ? finish_post(portion, err) : set_post(portion, POST_SEND, listd_time_ms(), err);
}

/* The post stays as it is, and is tried again. */
static void put_off(struct portion *portion, const struct err *err)
{
	struct err reason;

	log_error("id=%.*s list=%.*s cannot go on now: %s", STR_ARG(portion->post.id), STR_ARG(portion->list.name),
	          err->text);
	if (db_query_run(&portion->listd->db, &reason, "UPDATE post SET next = ? WHERE key = ?", "nn",
	                 listd_time_ms() + TROUBLE_MS / 12, portion->post.key) != 0)
		log_error("%s", reason.text);
}

static void free_portion(struct portion *portion)
{
	expand_wake(portion->listd);
	if (portion->fd >= 0)
		close(portion->fd);
	arena_free(&portion->arena);
	memory_free(portion);
}

/* One portion of work, whole or not at all. */
static void work(struct portion *portion, const struct source_result *result)
{
	struct listd *listd = portion->listd;
	int64_t key = portion->post.key;
	struct err err;
	bool is_done;
	int failed;

	if (table_begin(listd, &err) != 0) {
		put_off(portion, &err);
		free_portion(portion);
		return;
	}
	failed = portion->post.state == POST_GATHER ? gather(portion, result, &err) : send_portion(portion, &err);
	if (failed != 0)
		table_rollback(listd);
	if (failed != 0 || table_commit(listd, &err) != 0) {
		put_off(portion, &err);
	} else {
		is_done = portion->post.state == POST_DONE && !portion->post.is_archived;
		if (is_done)
			archive_remove(listd, key);
	}
	free_portion(portion);
}

static void on_members(const struct source_result *result, void *context)
{
	struct portion *portion = context;

	portion->listd->gathering = 0;
	work(portion, result);
}

/* A list that was deleted meanwhile takes its posts with it. */
static void drop(struct portion *portion)
{
	struct err err;

	log_warning("id=%.*s is not distributed: its list was deleted", STR_ARG(portion->post.id));
	if (finish_post(portion, &err) != 0)
		log_error("%s", err.text);
	free_portion(portion);
}

/* One source at a time; meanwhile other posts go on. */
static void ask_source(struct portion *portion)
{
	struct listd *listd = portion->listd;
	struct err err;

	if (listd->gathering == 0) {
		listd->gathering = portion->post.key;
		source_fetch(listd, &portion->list, on_members, portion);
		expand_wake(listd);
		return;
	}
	if (set_post(portion, POST_GATHER, listd_time_ms() + PAUSE_MS, &err) != 0)
		log_error("%s", err.text);
	free_portion(portion);
}

static void begin(struct portion *portion)
{
	struct listd *listd = portion->listd;
	struct err err;
	int found = list_load(listd, portion->post.list, &portion->arena, &portion->list, &err);

	if (found == 0) {
		drop(portion);
		return;
	}
	if (found > 0)
		portion->fd = archive_open(listd, portion->post.key, &err);
	if (portion->fd < 0) {
		put_off(portion, &err);
		free_portion(portion);
	} else if (portion->post.state == POST_GATHER && portion->list.is_database) {
		ask_source(portion);
	} else {
		work(portion, NULL);
	}
}

/* How long until something is due; -1: nothing is. */
static int64_t time_left(struct listd *listd, int64_t now_ms)
{
	int64_t next;

	if (db_query_number(&listd->db, &next, NULL,
	                    "SELECT next FROM post WHERE state IN (?, ?) AND key <> ? ORDER BY next", "nnn",
	                    (int64_t)POST_GATHER, (int64_t)POST_SEND, listd->gathering) != 1)
		return -1;
	return next > now_ms ? next - now_ms : 0;
}

static void on_turn(evutil_socket_t fd, short what, void *context)
{
	struct listd *listd = context;
	struct portion *portion;
	struct db_statement query;
	struct err err;
	int64_t left = time_left(listd, listd_time_ms());
	int row = 0;

	(void)fd, (void)what;
	if (left < 0)
		return;
	if (left > 0) {
		schedule(listd, left);
		return;
	}
	settings_refresh(&listd->settings);
	portion = memory_get(sizeof *portion);
	portion->listd = listd;
	portion->fd = -1;
	if (table_posts(listd, &query, &err, "state IN (?, ?) AND key <> ? AND next <= ? ORDER BY next LIMIT 1", "nnnn",
	                (int64_t)POST_GATHER, (int64_t)POST_SEND, listd->gathering, listd_time_ms()) == 0) {
		row = table_next_post(&query, &portion->arena, &portion->post, &err);
		db_finalize(&query);
	}
	if (row == 1)
		begin(portion);
	else
		free_portion(portion);
}

int expand_open(struct listd *listd, struct err *err)
{
	listd->expand_timer = evtimer_new(listd->base, on_turn, listd);
	if (listd->expand_timer == NULL)
		return err_set(err, ERR_SYSTEM, "cannot make a timer");
	expand_wake(listd);
	return 0;
}
