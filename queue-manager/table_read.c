#include "queue-manager/table.h"

static bool has_all_recipients(const struct message *message)
{
	size_t recipient = 0; /* the first delivery of each is in the order of the envelope */

	for (size_t i = 0; i < message->delivery_count; i++)
		recipient += message->deliveries[i].recipient == recipient;
	return recipient == message->envelope.recipient_count;
}

static int read_deliveries(struct table *table, struct message *message, struct err *err)
{
	struct db_statement *statement = &table->statements[TABLE_READ_DELIVERIES];
	int result;

	db_bind_number(statement, 1, message->row);
	while ((result = db_step(statement, err)) == 1) {
		struct delivery *delivery;
		int64_t recipient = db_number(statement, 1);

		if (db_number(statement, 0) != (int64_t)message->delivery_count || recipient < 0 ||
		    recipient >= (int64_t)message->envelope.recipient_count) {
			db_reset(statement);
			return err_set(err, ERR_CORRUPT, "its rows are not those of its envelope");
		}
		delivery = message_add_delivery(message, (unsigned)recipient);
		delivery->kind = (enum delivery_kind)db_number(statement, 2);
		delivery->state = (enum delivery_state)db_number(statement, 3);
		delivery->uid = db_number(statement, 4);
		delivery->target = arena_copy(&message->arena, db_text(statement, 5));
		delivery->attempts = (unsigned)db_number(statement, 6);
		delivery->next = db_number(statement, 7);
		delivery->destination = arena_copy(&message->arena, db_text(statement, 8));
		delivery->answer = arena_copy(&message->arena, db_text(statement, 9));
		delivery->report = (enum report_kind)db_number(statement, 10);
		delivery->rank = db_number(statement, 11);
		delivery->dirty = false;
	}
	/* some recipients without a row would be recipients without mail */
	if (result == 0 && message->delivery_count != 0 && !has_all_recipients(message))
		return err_set(err, ERR_CORRUPT, "its rows leave recipients out");
	return result;
}

int table_read(struct message *message, int64_t row, struct err *err)
{
	struct table *table = message->queue->table;
	struct db_statement *statement = &table->statements[TABLE_READ];
	int result;

	db_bind_number(statement, 1, row);
	result = db_step(statement, err);
	if (result != 1)
		return result == 0 ? err_set(err, ERR_NOT_FOUND, "there is no row") : -1;
	message->row = message->written_row = row;
	message->born = db_number(statement, 0);
	message->crashes = (unsigned)db_number(statement, 1);
	message->held = db_number(statement, 2) != 0;
	message->warned = db_number(statement, 3) != 0;
	message->reports = (unsigned)db_number(statement, 4);
	message->trying = db_number(statement, 5) != 0;
	message->prepared = (unsigned)db_number(statement, 6);
	message->outgoing_from = arena_copy(&message->arena, db_text(statement, 7));
	message->priority = db_number(statement, 8);
	message->hold_until = db_number(statement, 9);
	message->expires = db_number(statement, 10);
	message->final = db_number(statement, 11) != 0;
	message->release = db_number(statement, 12);
	db_reset(statement);
	return read_deliveries(table, message, err);
}
