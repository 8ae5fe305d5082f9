#include "queue-manager/control.h"

#include "common/addr/smtp_target.h"
#include "common/base/log.h"
#include "common/dsn/dsn.h"
#include "queue-manager/senders.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum {
	LIST_DEFAULT = 200,
	LIST_MAX = 1000,
	SCAN_MAX = 5000, /* rows looked at for one answer, where a filter passes few */
	HEADERS_MAX = 65536,
	RECIPIENTS_SHOWN = 50, /* in a listing; `show` has all */
};

static const char *const states[] = {
    [DELIVERY_PENDING] = "deferred", [DELIVERY_PARKED] = "waiting",  [DELIVERY_DONE] = "done",
    [DELIVERY_FAILED] = "failed",    [DELIVERY_REFUSED] = "refused",
};

/* What strangers wrote, as JSON can hold it. */
json_t *control_json(struct str text)
{
	char clean[2048];
	size_t used = 0;

	if (dsn_is_utf8(text))
		return json_stringn(text.data, text.len);
	for (size_t i = 0; i < text.len && used < sizeof clean; i++)
		clean[used++] = (unsigned char)text.data[i] < 0x80 ? text.data[i] : '?';
	return json_stringn(clean, used);
}

/* Queue time as seconds since 1970; 0: never. */
static json_int_t wall_clock(int64_t when)
{
	int64_t now = queue_now();

	return when == QUEUE_NEVER ? 0 : (json_int_t)(time(NULL) + ((when < 0 ? now : when) - now) / 1000);
}

static void describe_message(json_t *json, struct str user, struct str peer, int64_t priority, int64_t hold_until,
                             int64_t expires, bool final)
{
	json_object_set_new(json, "user", control_json(user));
	json_object_set_new(json, "peer", control_json(peer));
	json_object_set_new(json, "priority", json_integer(priority));
	json_object_set_new(json, "held_until", json_integer(hold_until > queue_now() ? wall_clock(hold_until) : 0));
	json_object_set_new(json, "deleted_at", json_integer(expires != 0 ? wall_clock(expires) : 0));
	json_object_set_new(json, "final", json_boolean(final));
}

json_t *control_recipient(struct str address, const struct delivery *delivery)
{
	struct str rest = delivery->answer, code = str_cut(&rest, '\t');
	struct str host = rest.data != NULL ? str_cut(&rest, '\t') : STR("");
	json_t *json = json_object();
	struct arena arena;

	arena_init(&arena);
	json_object_set_new(json, "address",
	                    control_json(smtp_target_is(address) ? smtp_target_show(address, &arena) : address));
	arena_free(&arena);
	if (delivery->kind != DELIVERY_UNRESOLVED)
		json_object_set_new(json, "target", control_json(delivery->target));
	json_object_set_new(json, "state", json_string(states[delivery->state]));
	json_object_set_new(json, "attempts", json_integer(delivery->attempts));
	json_object_set_new(json, "code", control_json(code));
	json_object_set_new(json, "host", control_json(host));
	json_object_set_new(json, "answer", control_json(rest.data != NULL ? rest : STR("")));
	if (delivery->state == DELIVERY_PARKED)
		json_object_set_new(json, "waits_for", control_json(delivery->destination));
	return json;
}

static void add_recipient(struct listing *listing, struct str address, const struct delivery *delivery)
{
	listing->recipients++;
	if (delivery->attempts > listing->attempts)
		listing->attempts = delivery->attempts;
	listing->recipient_matches |= listing->recipient_filter.data == NULL ||
	                              str_matches_wildcard(address, listing->recipient_filter) ||
	                              str_matches_wildcard(delivery->target, listing->recipient_filter);
	if (listing->recipients <= listing->recipients_shown)
		json_array_append_new(listing->array, control_recipient(address, delivery));
}

/* Finish one message: put it into the answer where the filters pass it. Returns whether they do. */
static bool add_message(struct listing *listing, json_t *json, struct str from, const char *state)
{
	bool passes = listing->recipient_matches &&
	              (listing->sender_filter.data == NULL || str_matches_wildcard(from, listing->sender_filter)) &&
	              (listing->state_filter.data == NULL || str_equal_nocase(str_of(state), listing->state_filter));

	if (passes) {
		char *text;

		json_object_set_new(json, "from", control_json(from));
		json_object_set_new(json, "state", json_string(state));
		json_object_set_new(json, "attempts", json_integer(listing->attempts));
		json_object_set_new(json, "recipient_count", json_integer((json_int_t)listing->recipients));
		json_object_set(json, "recipients", listing->array);
		text = json_dumps(json, JSON_COMPACT);
		ipc_add_text(listing->reply, "message", text != NULL ? text : "{}");
		free(text);
		listing->added++;
	}
	json_decref(json);
	json_decref(listing->array);
	return passes;
}

static json_t *begin_message(struct listing *listing, struct str id, int64_t time_us, int64_t size)
{
	json_t *json = json_object();

	listing->array = json_array();
	listing->recipients = 0;
	listing->attempts = 0;
	listing->recipient_matches = listing->recipient_filter.data == NULL;
	json_object_set_new(json, "id", control_json(id));
	json_object_set_new(json, "time", json_integer(time_us / 1000000));
	json_object_set_new(json, "size", json_integer(size));
	return json;
}

static void list_memory(struct listing *listing, const struct message *message)
{
	json_t *json = begin_message(listing, str_of(message->id), message->envelope.time_us, message->size);

	json_object_set_new(json, "next", json_integer((json_int_t)time(NULL)));
	describe_message(json, message->envelope.user, message->envelope.peer, message->priority, message->hold_until,
	                 message->expires, message->final);
	for (size_t i = 0; i < message->delivery_count; i++)
		add_recipient(listing, message_recipient(message, &message->deliveries[i])->address, &message->deliveries[i]);
	add_message(listing, json, message->envelope.from, message->held ? "held" : "active");
}

static void list_row_recipients(struct listing *listing, int64_t row)
{
	struct db_statement *statement = &listing->deliveries;

	db_bind_number(statement, 1, row);
	while (db_step(statement, NULL) == 1) {
		struct delivery delivery = {
		    .kind = (enum delivery_kind)db_number(statement, 1),
		    .state = (enum delivery_state)db_number(statement, 2),
		    .target = db_text(statement, 3),
		    .attempts = (unsigned)db_number(statement, 4),
		    .answer = db_text(statement, 5),
		    .destination = db_text(statement, 6),
		};

		if (delivery.state <= DELIVERY_REFUSED)
			add_recipient(listing, db_text(statement, 0), &delivery);
	}
}

static const char *row_state(const struct db_statement *row)
{
	if (db_number(row, 6) != 0)
		return "held";
	if (db_is_null(row, 5))
		return "active";
	if (db_number(row, 10) > queue_now())
		return "held on a timer";
	return db_number(row, 5) == QUEUE_NEVER ? "waiting" : "deferred";
}

static void list_row(struct listing *listing, const struct db_statement *row)
{
	json_t *json = begin_message(listing, db_text(row, 1), db_number(row, 2), db_number(row, 3));

	json_object_set_new(json, "next", json_integer(db_is_null(row, 5) ? 0 : wall_clock(db_number(row, 5))));
	describe_message(json, db_text(row, 7), db_text(row, 8), db_number(row, 9), db_number(row, 10), db_number(row, 11),
	                 db_number(row, 12) != 0);
	list_row_recipients(listing, db_number(row, 0));
	add_message(listing, json, db_text(row, 4), row_state(row));
}

#define ROW_COLUMNS                                                                             \
	"key, id, time, size, coalesce(sender, ''), next, held, user, peer, priority, hold_until, " \
	"coalesce(expires, 0), final"

static int open_listing(struct listing *listing, struct queue *queue, struct ipc_message *reply, struct err *err)
{
	*listing = (struct listing){.queue = queue, .reply = reply, .recipients_shown = RECIPIENTS_SHOWN};
	return db_prepare(
	    table_db(queue), &listing->deliveries,
	    "SELECT address, kind, state, target, attempts, answer, destination FROM delivery WHERE message = ?1 "
	    "ORDER BY position",
	    err);
}

static int list_rows(struct listing *listing, struct str after, int64_t limit, struct err *err)
{
	struct db_statement rows;
	char last[SPOOL_ID_MAX] = "";
	int result = 0, scanned = 0;

	if (db_prepare(table_db(listing->queue), &rows,
	               "SELECT " ROW_COLUMNS " FROM message WHERE id > ?1 AND held < 2 ORDER BY id LIMIT ?2", err) != 0)
		return -1;
	db_bind_text(&rows, 1, after);
	db_bind_number(&rows, 2, SCAN_MAX);
	while (listing->added < limit && (result = db_step(&rows, err)) == 1) {
		scanned++;
		str_copy(db_text(&rows, 1), last, sizeof last);
		list_row(listing, &rows);
	}
	if (listing->added >= limit || scanned == SCAN_MAX)
		ipc_add_text(listing->reply, "after", last); /* there may be more behind it */
	db_finalize(&rows);
	return result < 0 ? -1 : 0;
}

static int answer_list(struct queue *queue, const struct ipc_message *request, struct ipc_message *reply,
                       struct err *err)
{
	struct str after = ipc_get(request, "after");
	struct listing listing;
	int64_t limit = LIST_DEFAULT;
	int result;

	ipc_get_number(request, "limit", 1, LIST_MAX, &limit);
	if (open_listing(&listing, queue, reply, err) != 0)
		return -1;
	listing.sender_filter = ipc_get(request, "sender");
	listing.recipient_filter = ipc_get(request, "recipient");
	listing.state_filter = ipc_get(request, "state");
	/* those without a row come first, once; they are few and soon gone */
	for (const struct message *message = queue->messages; message != NULL && after.data == NULL;
	     message = message->next)
		if (message->row == 0)
			list_memory(&listing, message);
	limit += listing.added;
	result = list_rows(&listing, after.data != NULL ? after : STR(""), limit, err);
	db_finalize(&listing.deliveries);
	return result;
}

static void add_headers(struct queue *queue, const char *id, struct ipc_message *reply)
{
	struct message *message = message_find(queue, str_of(id));
	struct message *own = NULL;
	char text[HEADERS_MAX];
	ssize_t count;
	int fd;

	if (message == NULL) { /* only to find where its headers begin */
		fd = openat(queue->active_folder, id, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		own = fd >= 0 ? message_new(queue, id, fd, NULL) : NULL;
		message = own;
	}
	if (message == NULL)
		return;
	count = pread(message->fd, text, sizeof text, (off_t)message->offset);
	if (count > 0) {
		struct str headers = str_from(text, (size_t)count);
		ptrdiff_t end = str_find(headers, STR("\r\n\r\n"));

		ipc_add(reply, "headers", str_sub(headers, 0, end >= 0 ? (size_t)end + 2 : headers.len));
	}
	if (own != NULL)
		message_free(own);
}

static int answer_show(struct queue *queue, const struct ipc_message *request, struct ipc_message *reply,
                       struct err *err)
{
	char id[SPOOL_ID_MAX];
	const struct message *message;
	struct db_statement row;
	struct listing listing;
	int result = 0;

	if (!ipc_get_text(request, "id", id, sizeof id) || !spool_id_is_valid(str_of(id)))
		return err_set(err, ERR_SYNTAX, "that is not the id of a message");
	if (open_listing(&listing, queue, reply, err) != 0)
		return -1;
	listing.recipients_shown = SPOOL_RECIPIENTS_MAX;
	message = message_find(queue, str_of(id));
	if (message != NULL) {
		list_memory(&listing, message);
	} else {
		result =
		    db_prepare(table_db(queue), &row, "SELECT " ROW_COLUMNS " FROM message WHERE id = ?1 AND held < 2", err);
		if (result == 0) {
			db_bind_text(&row, 1, str_of(id));
			if (db_step(&row, err) == 1)
				list_row(&listing, &row);
			db_finalize(&row);
		}
	}
	db_finalize(&listing.deliveries);
	if (result == 0 && listing.added == 0)
		return err_set(err, ERR_NOT_FOUND, "no message %s is in the queue", id);
	if (result == 0)
		add_headers(queue, id, reply);
	return result;
}

static int64_t count_rows(struct queue *queue, const char *sql)
{
	struct db_statement statement;
	int64_t count = 0;

	if (db_prepare(table_db(queue), &statement, sql, NULL) != 0)
		return 0;
	if (db_step(&statement, NULL) == 1)
		count = db_number(&statement, 0);
	db_finalize(&statement);
	return count;
}

/* Specification 09, 9.8: a temporary problem is a warning in the status. */
static void add_warnings(struct queue *queue, struct ipc_message *reply)
{
	struct db_statement statement;

	if (db_prepare(table_db(queue), &statement,
	               "SELECT DISTINCT answer FROM delivery WHERE state <= 1 AND kind = 2 AND answer <> '' LIMIT 20",
	               NULL) != 0)
		return;
	while (db_step(&statement, NULL) == 1) {
		struct str rest = db_text(&statement, 0);
		char text[1200];

		str_cut(&rest, '\t');
		if (rest.data == NULL)
			continue;
		str_cut(&rest, '\t');
		snprintf(text, sizeof text, "MX Send Warning - %.*s", STR_ARG(str_sub(rest, 0, 1000)));
		ipc_add_text(reply, "warning", text);
	}
	db_finalize(&statement);
}

static int answer_counts(struct queue *queue, struct ipc_message *reply)
{
	uint64_t free_octets, total;
	struct err err;

	ipc_add_number(reply, "incoming", intake_count(queue));
	ipc_add_number(reply, "active", queue->message_count);
	ipc_add_number(reply, "deferred",
	               count_rows(queue, "SELECT count(*) FROM message WHERE held = 0 AND next IS NOT NULL"));
	ipc_add_number(reply, "held", count_rows(queue, "SELECT count(*) FROM message WHERE held = 1"));
	if (spool_free_space(queue->active_folder, &free_octets, &total, &err) == 0) {
		ipc_add_number(reply, "free", (int64_t)free_octets);
		ipc_add_number(reply, "total", (int64_t)total);
	}
	add_warnings(queue, reply);
	return 0;
}

/* How many messages wait, of all and of one user; what smtpd may ask. */
static int answer_backlog(struct queue *queue, const struct ipc_message *request, struct ipc_message *reply,
                          struct err *err)
{
	struct db_statement statement;
	int row;

	if (db_prepare(
	        table_db(queue), &statement,
	        "SELECT (SELECT count(*) FROM message), (SELECT count(*) FROM message WHERE user = ?1 AND user <> '')",
	        err) != 0)
		return -1;
	db_bind_text(&statement, 1, ipc_get(request, "user"));
	row = db_step(&statement, err);
	if (row == 1) {
		ipc_add_number(reply, "all", db_number(&statement, 0));
		ipc_add_number(reply, "own", db_number(&statement, 1));
	}
	db_finalize(&statement);
	return row == 1 ? 0 : -1;
}

void control_handle(struct ipc_incoming *incoming, void *context)
{
	struct queue *queue = context;
	const struct ipc_message *request = &incoming->message;
	struct ipc_message reply;
	struct err err;
	struct control_changed changed;
	int result;

	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	if (strcmp(incoming->caller, "smtpd") != 0 && ipc_is(request, "send")) {
		ipc_message_free(&reply);
		if (pass_begin(queue, incoming, &err) != 0)
			ipc_answer_error(incoming, &err);
		return;
	}
	if (strcmp(incoming->caller, "smtpd") == 0) {
		result = ipc_is(request, "backlog") ? answer_backlog(queue, request, &reply, &err)
		                                    : err_set(&err, ERR_DENIED, "smtpd may not ask for that");
	} else if (ipc_is(request, "list")) {
		result = answer_list(queue, request, &reply, &err);
	} else if (ipc_is(request, "show")) {
		result = answer_show(queue, request, &reply, &err);
	} else if (ipc_is(request, "move") || ipc_is(request, "copy")) {
		result = hand_to_user(queue, request, &err);
	} else if (ipc_is(request, "counts")) {
		result = answer_counts(queue, &reply);
	} else if (ipc_is(request, "past")) {
		result = past_answer(queue, request, &reply, &err);
	} else if (ipc_is(request, "waiting")) {
		result = pass_answer_waiting(queue, &reply, &err);
	} else if (!lan_control_handle(queue, request, &reply, &result, &err) &&
	           !scheduled_handle(queue, request, &reply, &result, &err)) {
		result = control_change(queue, request, &changed, &err);
		if (result == 0) {
			ipc_add_number(&reply, "changed", changed.messages);
			ipc_add_number(&reply, "recipients", changed.recipients);
		}
	}
	if (result == 0)
		ipc_answer(incoming, &reply);
	else
		ipc_answer_error(incoming, &err);
	ipc_message_free(&reply);
}
