/* deliver: what `postroom user answers` asks about autoresponders. */
#include "deliver/answered.h"
#include "deliver/deliver.h"

#include <jansson.h>
#include <stdlib.h>

enum { LISTED_MAX = 10000 };

static void add_answer(struct ipc_message *reply, const struct db_statement *row)
{
	struct str address = db_text(row, 0), message = db_text(row, 2);
	json_t *object = json_pack("{s:s%, s:I, s:s%}", "address", address.data, address.len, "time",
	                           (json_int_t)db_number(row, 1), "message", message.data, message.len);
	char *text = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;

	if (text != NULL)
		ipc_add_text(reply, "answer", text);
	free(text);
	json_decref(object);
}

static int list(struct db *db, int64_t responder, struct ipc_message *reply, struct err *err)
{
	struct db_statement statement;
	int row;

	if (db_prepare(db, &statement,
	               "SELECT address, time, message FROM answer WHERE responder = ? ORDER BY time DESC LIMIT ?",
	               err) != 0)
		return -1;
	db_bind_number(&statement, 1, responder);
	db_bind_number(&statement, 2, LISTED_MAX);
	while ((row = db_step(&statement, err)) == 1)
		add_answer(reply, &statement);
	db_finalize(&statement);
	return row;
}

void control_handle(struct ipc_incoming *incoming, const struct instance *instance)
{
	struct ipc_message reply;
	int64_t responder;
	struct db db;
	struct err err;
	int result;

	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	if (!ipc_get_number(&incoming->message, "responder", 1, INT64_MAX, &responder)) {
		result = err_set(&err, ERR_SYNTAX, "the number of an autoresponder is missing");
	} else if ((result = answered_open(&db, instance, &err)) == 0) {
		result = ipc_is(&incoming->message, "answers") ? list(&db, responder, &reply, &err)
		                                               : answered_forget(&db, responder, &err);
		db_close(&db);
	}
	if (result == 0)
		ipc_answer(incoming, &reply);
	else
		ipc_answer_error(incoming, &err);
	ipc_message_free(&reply);
}
