#include "queue-manager/control.h"

#include "common/addr/smtp_target.h"
#include "common/base/log.h"
#include "common/lan/destination.h"

enum { LISTED_MAX = 100, SMTP_PORT = 25 };

/* An entry of the listing: what of one message waits for one server. */
#define ENTRIES                                                                                                      \
	"SELECT m.key, m.id, coalesce(m.time, 0), coalesce(m.sender, ''), d.destination, d.target, d.attempts, d.state " \
	"FROM delivery d JOIN message m ON m.key = d.message WHERE d.kind = 4 AND d.state <= 1 AND m.held < 2 "          \
	"ORDER BY m.id, d.destination, d.position"

static void finish_entry(struct ipc_message *reply, json_t *entry)
{
	char *text = entry != NULL ? json_dumps(entry, JSON_COMPACT) : NULL;

	if (text != NULL)
		ipc_add_text(reply, "entry", text);
	free(text);
	json_decref(entry);
}

static json_t *begin_entry(const struct db_statement *row)
{
	json_t *entry = json_object();

	json_object_set_new(entry, "id", control_json(db_text(row, 1)));
	json_object_set_new(entry, "time", json_integer(db_number(row, 2) / 1000000));
	json_object_set_new(entry, "from", control_json(db_text(row, 3)));
	json_object_set_new(entry, "server", control_json(lan_destination_server(db_text(row, 4))));
	json_object_set_new(entry, "attempts", json_integer(db_number(row, 6)));
	json_object_set_new(entry, "recipients", json_array());
	return entry;
}

static int answer_list(struct queue *queue, struct ipc_message *reply, struct err *err)
{
	char id[SPOOL_ID_MAX] = "", server[SERVER_TEXT_MAX] = "";
	struct db_statement rows;
	json_t *entry = NULL;
	int row, count = 0;

	if (db_prepare(table_db(queue), &rows, ENTRIES, err) != 0)
		return -1;
	while ((row = db_step(&rows, err)) == 1) {
		if (entry == NULL || !str_equal(db_text(&rows, 1), str_of(id)) ||
		    !str_equal(lan_destination_server(db_text(&rows, 4)), str_of(server))) {
			finish_entry(reply, entry);
			entry = count++ < LISTED_MAX ? begin_entry(&rows) : NULL;
			if (entry == NULL)
				break;
			str_copy(db_text(&rows, 1), id, sizeof id);
			str_copy(lan_destination_server(db_text(&rows, 4)), server, sizeof server);
		}
		json_array_append_new(json_object_get(entry, "recipients"), control_json(db_text(&rows, 5)));
	}
	finish_entry(reply, entry);
	db_finalize(&rows);
	return row < 0 ? -1 : 0;
}

static bool may_change(const struct delivery *delivery)
{
	return delivery->kind == DELIVERY_LAN && delivery->state <= DELIVERY_PARKED && !delivery->busy;
}

/* What is being sent stays; the rest of the message goes on. */
static int delete_in_memory(struct message *message)
{
	int count = 0;

	for (size_t i = 0; i < message->delivery_count; i++) {
		struct delivery *delivery = &message->deliveries[i];

		if (!may_change(delivery))
			continue;
		delivery->state = DELIVERY_DONE;
		message_set_answer(message, delivery, "2.0.0", STR(""), STR("deleted by an administrator"));
		message_change(message, delivery);
		count++;
	}
	return count;
}

/* The message is looked at again, which ends it where nothing is left. */
static int delete_in_table(struct queue *queue, const char *id, int64_t *count, struct err *err)
{
	static const char *const statements[] = {
	    "UPDATE delivery SET state = 2 WHERE kind = 4 AND state <= 1 AND message = "
	    "(SELECT key FROM message WHERE id = ?1 AND held < 2 AND next IS NOT NULL)",
	    "UPDATE message SET next = 0 WHERE id = ?1 AND held < 2 AND next IS NOT NULL"};
	struct db *db = table_db(queue);
	int result = db_begin(db, err);

	if (result != 0)
		return -1;
	for (int i = 0; i < 2 && result == 0; i++) {
		struct db_statement statement;

		result = db_prepare(db, &statement, statements[i], err);
		if (result != 0)
			break;
		db_bind_text(&statement, 1, str_of(id));
		result = db_run(&statement, err);
		*count += i == 0 ? sqlite3_changes64(db->handle) : 0;
		db_finalize(&statement);
	}
	if (result == 0)
		return db_commit(db, err);
	db_rollback(db);
	return -1;
}

static int answer_delete(struct queue *queue, const struct ipc_message *request, struct ipc_message *reply,
                         struct err *err)
{
	struct message *message;
	char id[SPOOL_ID_MAX];
	int64_t count = 0;

	if (!ipc_get_text(request, "id", id, sizeof id) || !spool_id_is_valid(str_of(id)))
		return err_set(err, ERR_SYNTAX, "that is not the id of a message");
	message = message_find(queue, str_of(id));
	if (message != NULL)
		count = delete_in_memory(message);
	else if (delete_in_table(queue, id, &count, err) != 0)
		return -1;
	if (count == 0)
		return err_set(err, ERR_NOT_FOUND, "%s has nothing that waits for LAN forwarding, or it is being sent", id);
	log_info("id=%s deleted from LAN forwarding by an administrator: %lld recipients", id, (long long)count);
	ipc_add_number(reply, "changed", count);
	schedule_at(queue, 0);
	return 0;
}

/* The same destination at another server; false: it is not at the old one. */
static bool retarget(struct str line, struct str from, const struct server *to, struct arena *arena,
                     struct str *new_out)
{
	struct lan_destination destination;

	if (!str_equal(lan_destination_server(line), from) || lan_destination_parse(line, arena, &destination, NULL) != 0)
		return false;
	destination.server = *to;
	return lan_destination_format(&destination, arena, new_out, NULL) == 0;
}

static void retarget_memory(struct queue *queue, struct str from, const struct server *to, int64_t *count)
{
	for (struct message *message = queue->messages; message != NULL; message = message->next)
		for (size_t i = 0; i < message->delivery_count; i++) {
			struct delivery *delivery = &message->deliveries[i];

			if (!may_change(delivery) ||
			    !retarget(delivery->destination, from, to, &message->arena, &delivery->destination))
				continue;
			message_change(message, delivery);
			++*count;
		}
}

static int retarget_rows(struct queue *queue, struct str from, const struct server *to, struct arena *arena,
                         int64_t *count, struct err *err)
{
	struct db_statement lines, change;
	struct str new;
	int row;

	if (db_prepare(table_db(queue), &lines, "SELECT DISTINCT destination FROM delivery WHERE kind = 4 AND state <= 1",
	               err) != 0)
		return -1;
	if (db_prepare(table_db(queue), &change,
	               "UPDATE delivery SET destination = ?2 WHERE destination = ?1 AND kind = 4 AND state <= 1 AND "
	               "(SELECT next FROM message WHERE key = message) IS NOT NULL",
	               err) != 0) {
		db_finalize(&lines);
		return -1;
	}
	while ((row = db_step(&lines, err)) == 1) {
		struct str line = arena_copy(arena, db_text(&lines, 0));

		if (!retarget(line, from, to, arena, &new))
			continue;
		db_bind_text(&change, 1, line);
		db_bind_text(&change, 2, new);
		if (db_run(&change, err) != 0) {
			row = -1;
			break;
		}
		*count += sqlite3_changes64(table_db(queue)->handle);
		remote_note_parked(queue, new);
	}
	db_finalize(&change);
	db_finalize(&lines);
	return row;
}

static int answer_retarget(struct queue *queue, const struct ipc_message *request, struct ipc_message *reply,
                           struct err *err)
{
	struct server from, to;
	struct arena arena;
	int64_t count = 0;
	int result = -1;

	arena_init(&arena);
	if (server_parse(ipc_get(request, "from"), SMTP_PORT, &arena, &from, err) == 0 &&
	    server_parse(ipc_get(request, "to"), SMTP_PORT, &arena, &to, err) == 0) {
		retarget_memory(queue, server_key(&from, &arena), &to, &count);
		result = retarget_rows(queue, server_key(&from, &arena), &to, &arena, &count, err);
		log_info("LAN forwarding to %.*s goes to %.*s now: %lld recipients", STR_ARG(server_key(&from, &arena)),
		         STR_ARG(server_key(&to, &arena)), (long long)count);
		ipc_add_number(reply, "changed", count);
	}
	arena_free(&arena);
	return result;
}

static int answer_matches(struct queue *queue, struct ipc_message *reply, struct err *err)
{
	struct db_statement statement;
	char text[64];
	int row;

	if (db_prepare(table_db(queue), &statement, "SELECT rule, matches FROM lan_match ORDER BY rule", err) != 0)
		return -1;
	while ((row = db_step(&statement, err)) == 1) {
		snprintf(text, sizeof text, "%lld %lld", (long long)db_number(&statement, 0),
		         (long long)db_number(&statement, 1));
		ipc_add_text(reply, "match", text);
	}
	db_finalize(&statement);
	return row;
}

bool lan_control_handle(struct queue *queue, const struct ipc_message *request, struct ipc_message *reply, int *result,
                        struct err *err)
{
	if (ipc_is(request, "lan-list"))
		*result = answer_list(queue, reply, err);
	else if (ipc_is(request, "lan-delete"))
		*result = answer_delete(queue, request, reply, err);
	else if (ipc_is(request, "lan-retarget"))
		*result = answer_retarget(queue, request, reply, err);
	else if (ipc_is(request, "lan-matches"))
		*result = answer_matches(queue, reply, err);
	else
		return false;
	return true;
}
