#include "common/store/mailbox.h"

#include "common/base/memory.h"

#include <stdio.h>

int message_insert(struct mailbox *mailbox, const struct message_row *row, struct err *err)
{
	struct db_statement *statement = index_statement(mailbox, STATEMENT_ADD_MESSAGE, err);

	if (statement == NULL)
		return -1;
	db_bind_number(statement, 1, row->folder);
	db_bind_number(statement, 2, row->uid);
	db_bind_number(statement, 3, row->size);
	db_bind_number(statement, 4, row->internal_date);
	db_bind_number(statement, 5, row->save_date);
	db_bind_number(statement, 6, row->flags);
	db_bind_number(statement, 7, row->held);
	db_bind_number(statement, 8, row->modseq);
	db_bind_text(statement, 9, row->keywords);
	db_bind_text(statement, 10, row->id);
	db_bind_number(statement, 11, row->email_id);
	return db_run(statement, err);
}

void totals_count(struct mailbox_totals *totals, int sign, unsigned flags, bool held, int64_t size)
{
	if (held) {
		totals->held_messages += sign;
		totals->held_bytes += sign * size;
		return;
	}
	totals->messages += sign;
	totals->bytes += sign * size;
	if (!(flags & STORE_SEEN))
		totals->unseen += sign;
	if (flags & STORE_DELETED) {
		totals->deleted += sign;
		totals->deleted_bytes += sign * size;
	}
}

int message_read(struct mailbox *mailbox, int64_t folder, uint32_t uid, struct arena *arena, struct message_row *row,
                 struct err *err)
{
	struct db_statement *statement = index_statement(mailbox, STATEMENT_MESSAGE_ALL, err);
	int found;

	if (statement == NULL)
		return -1;
	db_bind_number(statement, 1, folder);
	db_bind_number(statement, 2, uid);
	found = db_step(statement, err);
	if (found != 1)
		return found;
	*row = (struct message_row){.folder = folder,
	                            .uid = uid,
	                            .size = db_number(statement, 0),
	                            .internal_date = db_number(statement, 1),
	                            .save_date = db_number(statement, 2),
	                            .flags = (unsigned)db_number(statement, 3),
	                            .held = db_number(statement, 4) != 0,
	                            .modseq = db_number(statement, 5),
	                            .keywords = arena_copy(arena, db_text(statement, 6)),
	                            .id = arena_copy(arena, db_text(statement, 7)),
	                            .email_id = db_number(statement, 8)};
	db_reset(statement);
	return 1;
}

int message_mark_delivered(struct mailbox *mailbox, struct str id, int64_t now, struct err *err)
{
	struct db_statement *statement;

	if (id.len == 0)
		return 1;
	statement = index_statement(mailbox, STATEMENT_ADD_DELIVERED, err);
	if (statement == NULL)
		return -1;
	db_bind_text(statement, 1, id);
	db_bind_number(statement, 2, now);
	if (db_run(statement, err) != 0)
		return -1;
	return sqlite3_changes(mailbox->db.handle) > 0;
}

int store_has_had(struct mailbox *mailbox, struct str id, struct err *err)
{
	struct db_statement *statement;
	int row;

	if (id.len == 0)
		return 0;
	statement = index_statement(mailbox, STATEMENT_WAS_DELIVERED, err);
	if (statement == NULL)
		return -1;
	db_bind_text(statement, 1, id);
	row = db_step(statement, err);
	if (row == 1)
		db_reset(statement);
	return row;
}

/* Make room for one more, and put it in. */
static void list_add(struct mailbox_list *list, size_t *capacity, struct mailbox_message message)
{
	if (list->count == *capacity) {
		*capacity = *capacity == 0 ? 64 : *capacity + *capacity / 2;
		list->messages = memory_resize(list->messages, *capacity * sizeof *list->messages);
	}
	list->messages[list->count++] = message;
	list->bytes += message.size;
}

static int read_list(struct mailbox *mailbox, int64_t folder, struct mailbox_list *list, struct err *err)
{
	struct db_statement *statement = index_statement(mailbox, STATEMENT_LIST, err);
	struct folder_row row;
	size_t capacity = 0;
	int more;

	if (statement == NULL || folder_read(mailbox, folder, &row, err) != 0)
		return -1;
	list->uidvalidity = (uint32_t)row.uidvalidity;
	list->uidnext = (uint32_t)row.uidnext;
	list->modseq = row.modseq;
	if (row.totals.messages > 0) {
		capacity = (size_t)row.totals.messages;
		list->messages = memory_get(capacity * sizeof *list->messages);
	}
	db_bind_number(statement, 1, folder);
	while ((more = db_step(statement, err)) == 1)
		list_add(list, &capacity,
		         (struct mailbox_message){(uint32_t)db_number(statement, 0), (uint32_t)db_number(statement, 1),
		                                  db_number(statement, 2)});
	return more;
}

int mailbox_list(struct mailbox *mailbox, int64_t folder, struct mailbox_list *list, struct err *err)
{
	int result;

	*list = (struct mailbox_list){0};
	/* One transaction, so that the folder's values and its messages are of one moment. */
	if (db_exec(&mailbox->db, "BEGIN", err) != 0)
		return -1;
	result = read_list(mailbox, folder, list, err);
	db_rollback(&mailbox->db);
	sqlite3_db_release_memory(mailbox->db.handle); /* the pages of a whole folder, read once: a session may last */
	if (result != 0)
		mailbox_list_free(list);
	return result;
}

void mailbox_list_free(struct mailbox_list *list)
{
	memory_free(list->messages);
	*list = (struct mailbox_list){0};
}

int mailbox_message_id(struct mailbox *mailbox, int64_t folder, uint32_t uid, char out[STORE_ID_MAX + 1],
                       struct err *err)
{
	struct message_row row;
	struct arena arena;
	int found;

	arena_init(&arena);
	found = message_read(mailbox, folder, uid, &arena, &row, err);
	if (found == 1)
		snprintf(out, STORE_ID_MAX + 1, "%.*s", STR_ARG(row.id));
	arena_free(&arena);
	if (found == 0)
		return err_set(err, ERR_NOT_FOUND, "the message is not there");
	return found == 1 ? 0 : -1;
}

const char *mailbox_unique(char out[STORE_UNIQUE_MAX], uint32_t uidvalidity, uint32_t uid)
{
	snprintf(out, STORE_UNIQUE_MAX, "%u-%u", uidvalidity, uid);
	return out;
}
