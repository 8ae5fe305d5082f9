#include "lists/bounces.h"
#include "lists/reader.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/base/memory.h"

#include <jansson.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct bounce {
	struct listd *listd;
	struct ipc_incoming *incoming;
	struct arena arena;
	struct str id, token, member;
	struct list list;
	struct reading reading;
	int64_t days, last_day;
	bool is_suspended;
};

bool bounces_are_counted(const struct list *list)
{
	return list_settings_number(&list->settings, LIST_SETTING_BOUNCE_LIMIT) > 0;
}

int bounces_return_path(struct listd *listd, const struct list *list, struct str member, struct arena *arena,
                        struct str *path_out, struct err *err)
{
	char fresh[LIST_BOUNCE_DIGITS + 1];
	struct db_statement query;
	int row;

	io_random_hex(fresh, LIST_BOUNCE_DIGITS);
	if (db_query_run(&listd->db, err, "INSERT OR IGNORE INTO bounce(token, list, address) VALUES(?, ?, ?)", "tnt",
	                 str_of(fresh), list->id, member) != 0 ||
	    db_query(&listd->db, &query, err, "SELECT token FROM bounce WHERE list = ? AND address = ?", "nt", list->id,
	             member) != 0)
		return -1;
	row = db_step(&query, err);
	if (row == 1)
		*path_out =
		    arena_printf(arena, LIST_BOUNCE_PREFIX "%.*s@%.*s", STR_ARG(db_text(&query, 0)), STR_ARG(list->domain));
	db_finalize(&query);
	return row == 1 ? 0 : -1;
}

int bounces_leave_out(struct listd *listd, const struct post *post, struct err *err)
{
	return db_query_run(&listd->db, err,
	                    "DELETE FROM post_member WHERE post = ? AND address IN"
	                    " (SELECT address FROM bounce WHERE list = ? AND suspended <> 0)",
	                    "nn", post->key, post->list);
}

int64_t bounces_count(int64_t days, int64_t last_day, int64_t today)
{
	if (days > 0 && today == last_day)
		return days;
	return today - last_day > BOUNCE_FORGET_DAYS ? 1 : days + 1;
}

static void free_bounce(struct bounce *bounce)
{
	if (bounce->reading.fd >= 0)
		close(bounce->reading.fd);
	arena_free(&bounce->arena);
	memory_free(bounce);
}

static void end(struct bounce *bounce, const char *word, const char *text)
{
	log_info("id=%.*s list=%.*s member=<%.*s> %s: %s", STR_ARG(bounce->id), STR_ARG(bounce->list.name),
	         STR_ARG(bounce->member), word, text);
	posts_answer(bounce->incoming, word, text);
	free_bounce(bounce);
}

static void put_off(struct bounce *bounce, const struct err *err)
{
	log_warning("id=%.*s report put off: %s", STR_ARG(bounce->id), err->text);
	posts_answer(bounce->incoming, "deferred", "the report cannot be taken now");
	free_bounce(bounce);
}

/* What no program can count is for the list's people. */
static int pass_on(struct bounce *bounce, struct err *err)
{
	struct listd *listd = bounce->listd;
	struct spool_recipient to = {.address = list_return_address(listd, &bounce->list, &bounce->arena)};
	struct spool_envelope envelope = {
	    .service = STR("list"),
	    .from = STR(""),
	    .parent = arena_printf(&bounce->arena, "%.*s/list/%lld", STR_ARG(bounce->id), (long long)bounce->list.id),
	    .body = STR("8BITMIME"),
	    .recipients = &to,
	    .recipient_count = 1,
	};
	struct spool_file file;

	if (to.address.len == 0)
		return 0;
	if (outbox_begin(listd, &file, &envelope, err) != 0)
		return -1;
	if (outbox_copy(&file, bounce->reading.fd, bounce->reading.offset, bounce->reading.size, err) != 0) {
		spool_abort(&file);
		return -1;
	}
	return outbox_add(listd, &file, err);
}

static int tell_moderators(struct bounce *bounce, bool leaves, struct err *err)
{
	struct listd *listd = bounce->listd;
	struct arena *arena = &bounce->arena;
	struct str *moderators = arena_get(arena, LIST_MODERATORS_MAX * sizeof *moderators);
	struct mail mail = {
	    .server = list_server_address(listd, &bounce->list, arena),
	    .subject =
	        arena_printf(arena, "%.*s: mail to %.*s comes back", STR_ARG(bounce->list.name), STR_ARG(bounce->member)),
	    .text =
	        arena_printf(arena, "Mail of the list %.*s to\n\n    %.*s\n\ncame back on %lld days. This member %s\n",
	                     STR_ARG(bounce->list.name), STR_ARG(bounce->member), (long long)bounce->days,
	                     leaves ? "was taken out of the list."
	                            : "gets no messages any more, until \"postroom list forgive\" lets them begin again."),
	    .parent = arena_printf(arena, "%.*s/bounce", STR_ARG(bounce->id)),
	    .attached = -1,
	};
	size_t count;

	if (list_moderators(listd, &bounce->list, arena, moderators, &count, err) != 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		mail.to = moderators[i];
		if (mail_send(listd, &mail, err) != 0)
			return -1;
	}
	return 0;
}

static void on_left(struct ipc_message *reply, const struct err *err, void *context)
{
	struct bounce *bounce = context;
	bool is_gone = err->code == ERR_NONE || err->code == ERR_NOT_FOUND;
	struct err reason;

	(void)reply;
	/* who comes back begins anew */
	if (is_gone &&
	    db_query_run(&bounce->listd->db, &reason, "DELETE FROM bounce WHERE token = ?", "t", bounce->token) != 0)
		log_error("%s", reason.text);
	if (!is_gone) /* he gets nothing any more in any case */
		log_warning("%.*s stays a member of %.*s: %s", STR_ARG(bounce->member), STR_ARG(bounce->list.name), err->text);
	end(bounce, "delivered", "its limit is reached, the member leaves the list");
}

static void leave(struct bounce *bounce)
{
	struct ipc_message request;

	ipc_message_init(&request);
	ipc_request(&request, "list-leave");
	ipc_add_number(&request, "list", bounce->list.id);
	ipc_add(&request, "address", bounce->member);
	ipc_client_call(bounce->listd->configd, &request, IPC_TIMEOUT_MS, on_left, bounce);
	ipc_message_free(&request);
}

/* One more report, within a transaction; *reached_out: this one was too much. */
static int count(struct bounce *bounce, bool leaves, bool *reached_out, struct err *err)
{
	int64_t today = listd_time() / DAY_SECONDS;

	bounce->days = bounces_count(bounce->days, bounce->last_day, today);
	*reached_out = !bounce->is_suspended &&
	               bounce->days >= list_settings_number(&bounce->list.settings, LIST_SETTING_BOUNCE_LIMIT);
	if (db_query_run(&bounce->listd->db, err, "UPDATE bounce SET days = ?, last = ?, suspended = ? WHERE token = ?",
	                 "nnnt", bounce->days, today, (int64_t)(*reached_out || bounce->is_suspended), bounce->token) != 0)
		return -1;
	return *reached_out ? tell_moderators(bounce, leaves, err) : 0;
}

static void settle(struct bounce *bounce, bool is_failure)
{
	bool leaves = list_settings_is(&bounce->list.settings, LIST_SETTING_BOUNCE_ACTION, "remove"), reached = false;
	struct listd *listd = bounce->listd;
	struct err err;
	int result;

	if (table_begin(listd, &err) != 0) {
		put_off(bounce, &err);
		return;
	}
	result = is_failure && bounces_are_counted(&bounce->list) ? count(bounce, leaves, &reached, &err)
	                                                          : pass_on(bounce, &err);
	if (result == 0)
		result = db_query_run(&listd->db, &err, "INSERT INTO command VALUES(?, ?)", "tn", bounce->id, listd_time());
	if (result != 0)
		table_rollback(listd);
	if (result != 0 || table_commit(listd, &err) != 0)
		put_off(bounce, &err);
	else if (reached && leaves)
		leave(bounce);
	else if (reached)
		end(bounce, "delivered", "its limit is reached, the member gets no messages any more");
	else
		end(bounce, "delivered", is_failure ? "a failure was counted" : "it is no failure, and was passed on");
}

static void on_report(const struct report *report, const struct err *err, void *context)
{
	struct bounce *bounce = context;

	if (report == NULL)
		put_off(bounce, err);
	else
		settle(bounce, report->is_failure);
}

/* Whose token it is. 1 = found, 0 = nobody's any more, -1 = error. */
static int find_member(struct bounce *bounce, struct err *err)
{
	struct db_statement query;
	int64_t list = 0;
	int row;

	if (db_query(&bounce->listd->db, &query, err,
	             "SELECT list, address, days, last, suspended FROM bounce WHERE token = ?", "t", bounce->token) != 0)
		return -1;
	row = db_step(&query, err);
	if (row == 1) {
		list = db_number(&query, 0);
		bounce->member = arena_copy(&bounce->arena, db_text(&query, 1));
		bounce->days = db_number(&query, 2);
		bounce->last_day = db_number(&query, 3);
		bounce->is_suspended = db_number(&query, 4) != 0;
	}
	db_finalize(&query);
	return row == 1 ? list_load(bounce->listd, list, &bounce->arena, &bounce->list, err) : row;
}

static int take_fields(struct bounce *bounce, struct err *err)
{
	const struct ipc_message *request = &bounce->incoming->message;
	struct str id = ipc_get(request, "id"), name = ipc_get(request, "name");
	struct stat info;

	bounce->reading.fd = ipc_take_fd(&bounce->incoming->message, 0);
	if (!spool_id_is_valid(id) || ipc_get(request, "from").data == NULL || bounce->reading.fd < 0 ||
	    fstat(bounce->reading.fd, &info) != 0 || !S_ISREG(info.st_mode) ||
	    !ipc_get_number(request, "offset", 0, info.st_size, &bounce->reading.offset))
		return err_set(err, ERR_PROTOCOL, "a report about a member is a file with an id and a reverse-path");
	bounce->reading.size = info.st_size - bounce->reading.offset;
	bounce->id = arena_copy(&bounce->arena, id);
	bounce->token = arena_copy(&bounce->arena, str_sub(name, sizeof LIST_BOUNCE_PREFIX - 1, LIST_BOUNCE_DIGITS));
	return 0;
}

void bounces_take(struct listd *listd, struct ipc_incoming *incoming)
{
	struct bounce *bounce = memory_get(sizeof *bounce);
	struct err err;
	int known;

	bounce->listd = listd;
	bounce->incoming = incoming;
	bounce->reading = (struct reading){.fd = -1, .out = -1, .recipe = {.is_report = true}};
	arena_init(&bounce->arena);
	if (take_fields(bounce, &err) != 0) {
		log_error("%s", err.text);
		ipc_answer_error(incoming, &err);
		free_bounce(bounce);
		return;
	}
	known = db_query_number(&listd->db, NULL, &err, "SELECT 1 FROM command WHERE id = ?", "t", bounce->id);
	if (known == 1) {
		end(bounce, "delivered", "it was counted before");
		return;
	}
	if (known == 0)
		known = find_member(bounce, &err);
	if (known < 0)
		put_off(bounce, &err);
	else if (ipc_get(&incoming->message, "from").len != 0)
		end(bounce, "failed", "5.7.1 this address is for delivery reports alone");
	else if (known == 0)
		end(bounce, "delivered", "nobody's mail has that return path any more");
	else
		reader_start(listd, &bounce->reading, on_report, bounce);
}

int bounces_list(struct listd *listd, const struct list *list, struct ipc_message *reply, struct err *err)
{
	struct db_statement query;
	int row;

	if (db_query(&listd->db, &query, err,
	             "SELECT address, days, last, suspended FROM bounce WHERE list = ? AND days > 0 ORDER BY address", "n",
	             list->id) != 0)
		return -1;
	while ((row = db_step(&query, err)) == 1) {
		json_t *object =
		    json_pack("{s:s%, s:I, s:I, s:b}", "address", db_text(&query, 0).data, db_text(&query, 0).len, "days",
		              (json_int_t)db_number(&query, 1), "last", (json_int_t)db_number(&query, 2) * DAY_SECONDS,
		              "suspended", (int)db_number(&query, 3));
		char *text = json_dumps(object, JSON_COMPACT);

		ipc_add_text(reply, "bounce", text != NULL ? text : "{}");
		free(text);
		json_decref(object);
	}
	db_finalize(&query);
	return row;
}

int bounces_forget(struct listd *listd, const struct list *list, struct str address, struct err *err)
{
	if (db_query_run(&listd->db, err,
	                 "UPDATE bounce SET days = 0, last = 0, suspended = 0 WHERE list = ? AND address = ? AND days > 0",
	                 "nt", list->id, address) != 0)
		return -1;
	if (sqlite3_changes(listd->db.handle) == 0)
		return err_set(err, ERR_NOT_FOUND, "no mail of %.*s to \"%.*s\" came back", STR_ARG(list->name),
		               STR_ARG(str_sub(address, 0, 100)));
	return 0;
}
