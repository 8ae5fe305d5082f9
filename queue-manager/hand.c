#include "queue-manager/queue.h"

#include "common/addr/addr.h"
#include "common/base/log.h"
#include "common/dsn/dsn.h"

enum { FOLDER_MAX = 1000 };

/* A user by his name, in any case, and the name as it is written. -1: ERR_NOT_FOUND, or as a database fails. */
static int find_user(struct queue *queue, struct str name, struct arena *arena, int64_t *uid_out, struct str *name_out,
                     struct err *err)
{
	struct db_statement statement;
	int row;

	if (db_prepare(&queue->settings.objects, &statement, "SELECT uid, name FROM user WHERE name = ?1 COLLATE NOCASE",
	               err) != 0)
		return -1;
	db_bind_text(&statement, 1, name);
	row = db_step(&statement, err);
	if (row == 1) {
		*uid_out = db_number(&statement, 0);
		*name_out = arena_copy(arena, db_text(&statement, 1));
	}
	db_finalize(&statement);
	if (row == 0)
		err_set(err, ERR_NOT_FOUND, "there is no user \"%.*s\"", STR_ARG(str_sub(name, 0, 80)));
	return row == 1 ? 0 : -1;
}

static int check_folder(struct str folder, struct err *err)
{
	bool clean = folder.len <= FOLDER_MAX && dsn_is_utf8(folder);

	for (size_t i = 0; i < folder.len; i++)
		clean &= (unsigned char)folder.data[i] >= 0x20 && folder.data[i] != 0x7f;
	return clean ? 0 : err_set(err, ERR_SYNTAX, "that is no name of a folder");
}

/* In memory, wherever it was. NULL: ERR_NOT_FOUND, ERR_SYNTAX, ERR_TEMPORARY. */
static struct message *find_message(struct queue *queue, const struct ipc_message *request, struct err *err)
{
	struct message *message;
	char id[SPOOL_ID_MAX];

	if (!ipc_get_text(request, "id", id, sizeof id) || !spool_id_is_valid(str_of(id))) {
		err_set(err, ERR_SYNTAX, "that is not the id of a message");
		return NULL;
	}
	message = message_find(queue, str_of(id));
	if (message == NULL && schedule_take(queue, str_of(id), err) != 0)
		return NULL;
	message = message_find(queue, str_of(id));
	if (message == NULL || message->deleted)
		err_set(err, ERR_NOT_FOUND, "no message %s is in the queue", id);
	else if (message->leaving)
		err_set(err, ERR_TEMPORARY, "queue.db cannot be written now");
	else
		return message;
	return NULL;
}

/* Nobody else gets it any more: neither by us, nor a word about it. */
static void withdraw(struct message *message)
{
	for (size_t i = 0; i < message->delivery_count; i++) {
		struct delivery *delivery = &message->deliveries[i];

		if (delivery->state > DELIVERY_PARKED || delivery->kind == DELIVERY_HANDED)
			continue;
		delivery->kind = DELIVERY_NOBODY;
		delivery->state = DELIVERY_DONE;
		delivery->report = REPORT_NONE;
		message_set_answer(message, delivery, "2.0.0", STR(""), STR("an administrator moved it to a user"));
		message_change(message, delivery);
	}
	message->held = false;
}

int hand_to_user(struct queue *queue, const struct ipc_message *request, struct err *err)
{
	struct str folder = ipc_get(request, "folder"), user;
	bool moves = ipc_is(request, "move");
	struct message *message;
	struct delivery *delivery;
	struct arena arena;
	char id[SPOOL_ID_MAX];
	int64_t uid;

	folder = folder.data != NULL ? folder : STR("");
	if (check_folder(folder, err) != 0 || (message = find_message(queue, request, err)) == NULL)
		return -1;
	if (moves && (message->jobs > 0 || message->resolving > 0))
		return err_set(err, ERR_DENIED, "message %s is busy: it is being sent; hold it first", message->id);
	arena_init(&arena);
	if (find_user(queue, ipc_get(request, "user"), &arena, &uid, &user, err) != 0) {
		arena_free(&arena);
		return -1;
	}
	if (moves)
		withdraw(message);
	delivery = message_add_delivery(message, 0);
	delivery->kind = DELIVERY_HANDED;
	delivery->uid = uid;
	delivery->target = arena_copy(&message->arena, user);
	delivery->destination = addr_xtext_encode(folder, &message->arena);
	log_info("id=%s %s by an administrator to user %.*s, folder %.*s", message->id, moves ? "moved" : "copied",
	         STR_ARG(user), STR_ARG(folder.len > 0 ? folder : STR("INBOX")));
	arena_free(&arena);
	str_copy(str_of(message->id), id, sizeof id);
	table_write(message);
	table_flush(queue); /* it may not be done before that is durable, nor said to be */
	message = message_find(queue, str_of(id));
	return message == NULL || !message->dirty
	           ? 0
	           : err_set(err, ERR_TEMPORARY, "queue.db cannot be written now; it is done as soon as it can");
}

/* Ids, each with its NUL, of held messages of which a copy was on its way to a user. */
static int find_held(struct queue *queue, struct buf *ids, struct err *err)
{
	struct db_statement rows;
	int row;

	if (db_prepare(table_db(queue), &rows,
	               "SELECT DISTINCT m.id FROM delivery d JOIN message m ON m.key = d.message WHERE d.kind = 6 AND "
	               "d.state = 0 AND m.held = 1",
	               err) != 0)
		return -1;
	while ((row = db_step(&rows, err)) == 1) {
		buf_add_str(ids, db_text(&rows, 0));
		buf_add_char(ids, '\0');
	}
	db_finalize(&rows);
	return row;
}

void hand_resume(struct queue *queue)
{
	struct buf ids;
	struct str rest;
	struct err err;

	buf_init(&ids, SIZE_MAX / 2);
	if (find_held(queue, &ids, &err) != 0)
		log_error("copies for users of held messages wait until these are released: %s", err.text);
	for (rest = buf_str(&ids); rest.len > 0;) {
		struct str id = str_cut(&rest, '\0');

		if (schedule_take(queue, id, &err) != 0)
			log_error("id=%.*s a copy of it waits until it is released: %s", STR_ARG(id), err.text);
	}
	buf_free(&ids);
}
