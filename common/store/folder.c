#include "common/store/mailbox.h"

#include "common/store/marks.h"

#include <time.h>

/* Columns as FOLDER_COLUMNS names them. */
static void read_row(const struct db_statement *statement, struct folder_row *row)
{
	row->id = db_number(statement, 0);
	row->uidvalidity = db_number(statement, 2);
	row->uidnext = db_number(statement, 3);
	row->modseq = db_number(statement, 4);
	row->uid_mark = db_number(statement, 5);
	row->modseq_mark = db_number(statement, 6);
	row->totals.messages = db_number(statement, 7);
	row->totals.bytes = db_number(statement, 8);
	row->totals.held_messages = db_number(statement, 9);
	row->totals.held_bytes = db_number(statement, 10);
	row->totals.unseen = db_number(statement, 11);
	row->totals.deleted = db_number(statement, 12);
	row->totals.deleted_bytes = db_number(statement, 13);
	row->recent = db_number(statement, 14);
	row->forgotten = db_number(statement, 15);
	row->vanished = db_number(statement, 16);
}

static void read_folder(const struct db_statement *statement, struct mailbox_folder *folder)
{
	struct folder_row row;

	read_row(statement, &row);
	folder->id = row.id;
	str_copy(db_text(statement, 1), folder->name, sizeof folder->name);
	folder->uidvalidity = (uint32_t)row.uidvalidity;
	folder->uidnext = (uint32_t)row.uidnext;
	folder->modseq = row.modseq;
	folder->totals = row.totals;
}

int mailbox_stat(struct mailbox *mailbox, struct mailbox_totals *totals, struct err *err)
{
	struct db_statement *statement = index_statement(mailbox, STATEMENT_STAT, err);

	if (statement == NULL || db_step(statement, err) != 1)
		return -1;
	totals->messages = db_number(statement, 0);
	totals->bytes = db_number(statement, 1);
	totals->held_messages = db_number(statement, 2);
	totals->held_bytes = db_number(statement, 3);
	totals->unseen = db_number(statement, 4);
	totals->deleted = db_number(statement, 5);
	totals->deleted_bytes = db_number(statement, 6);
	db_reset(statement);
	return 0;
}

/* Step a query for one folder: 0 with a row to read (reset it then), or -1. */
static int find(struct db_statement *statement, struct err *err)
{
	int row = db_step(statement, err);

	if (row == 0)
		err_set(err, ERR_NOT_FOUND, "there is no such folder");
	return row == 1 ? 0 : -1;
}

/* The question for a folder by its number, at its row: to be read and reset. NULL with err where there is none. */
static struct db_statement *at_folder(struct mailbox *mailbox, int64_t id, struct err *err)
{
	struct db_statement *statement = index_statement(mailbox, STATEMENT_FOLDER_BY_ID, err);

	if (statement == NULL)
		return NULL;
	db_bind_number(statement, 1, id);
	return find(statement, err) == 0 ? statement : NULL;
}

int folder_read(struct mailbox *mailbox, int64_t id, struct folder_row *row, struct err *err)
{
	struct db_statement *statement = at_folder(mailbox, id, err);

	if (statement == NULL)
		return -1;
	read_row(statement, row);
	db_reset(statement);
	return 0;
}

int mailbox_folder(struct mailbox *mailbox, int64_t id, struct mailbox_folder *folder, struct err *err)
{
	struct db_statement *statement = at_folder(mailbox, id, err);

	if (statement == NULL)
		return -1;
	read_folder(statement, folder);
	db_reset(statement);
	return 0;
}

int mailbox_folder_find(struct mailbox *mailbox, struct str name, struct mailbox_folder *folder, struct err *err)
{
	struct db_statement *statement = index_statement(mailbox, STATEMENT_FOLDER_BY_NAME, err);

	if (statement == NULL)
		return -1;
	/* RFC 3501 5.1: INBOX is the one name without case. */
	db_bind_text(statement, 1, str_equal_nocase(name, STR("INBOX")) ? STR("INBOX") : name);
	if (find(statement, err) != 0)
		return -1;
	read_folder(statement, folder);
	db_reset(statement);
	return 0;
}

int mailbox_folder_each(struct mailbox *mailbox, bool (*visit)(const struct mailbox_folder *folder, void *context),
                        void *context, struct err *err)
{
	struct mailbox_folder folder;
	struct db_statement statement;
	int row;

	if (db_prepare(&mailbox->db, &statement, "SELECT " FOLDER_COLUMNS " FROM folder ORDER BY id <> 1, name", err) != 0)
		return -1;
	while ((row = db_step(&statement, err)) == 1) {
		read_folder(&statement, &folder);
		if (!visit(&folder, context))
			break;
	}
	db_finalize(&statement);
	return row < 0 ? -1 : 0;
}

int folder_advance(struct mailbox *mailbox, const struct folder_row *row, const struct mailbox_totals *change,
                   struct err *err)
{
	struct db_statement *statement = index_statement(mailbox, STATEMENT_FOLDER_ADVANCE, err);

	if (statement == NULL)
		return -1;
	db_bind_number(statement, 1, row->id);
	db_bind_number(statement, 2, row->uidnext);
	db_bind_number(statement, 3, row->modseq);
	db_bind_number(statement, 4, row->uid_mark);
	db_bind_number(statement, 5, row->modseq_mark);
	db_bind_number(statement, 6, change->messages);
	db_bind_number(statement, 7, change->bytes);
	db_bind_number(statement, 8, change->held_messages);
	db_bind_number(statement, 9, change->held_bytes);
	db_bind_number(statement, 10, change->unseen);
	db_bind_number(statement, 11, change->deleted);
	db_bind_number(statement, 12, change->deleted_bytes);
	db_bind_number(statement, 13, row->recent);
	db_bind_number(statement, 14, row->forgotten);
	db_bind_number(statement, 15, row->vanished);
	return db_run(statement, err);
}

int folder_insert(struct mailbox *mailbox, const struct folder_row *row, struct str name, struct err *err)
{
	struct db_statement statement;
	int result;

	if (db_prepare(
	        &mailbox->db, &statement,
	        "INSERT INTO folder(id, name, uidvalidity, uidnext, modseq, uid_mark, modseq_mark, messages, bytes,"
	        " held_messages, held_bytes, recent, forgotten) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, 0, 0, 0, ?4, ?5)",
	        err) != 0)
		return -1;
	db_bind_number(&statement, 1, row->id);
	db_bind_text(&statement, 2, name);
	db_bind_number(&statement, 3, row->uidvalidity);
	db_bind_number(&statement, 4, row->uidnext);
	db_bind_number(&statement, 5, row->modseq);
	db_bind_number(&statement, 6, row->uid_mark);
	db_bind_number(&statement, 7, row->modseq_mark);
	result = db_run(&statement, err);
	db_finalize(&statement);
	return result;
}

/* U+0000 to 001F, 007F to 009F, and the separators of lines and paragraphs, U+2028 and 2029 (RFC 6855 section 3). */
static bool holds_controls(struct str utf8)
{
	for (size_t i = 0; i < utf8.len; i++) {
		unsigned char c = (unsigned char)utf8.data[i], next = i + 1 < utf8.len ? (unsigned char)utf8.data[i + 1] : 0;

		if (c < 0x20 || c == 0x7f || (c == 0xc2 && next < 0xa0) || str_starts(str_skip(utf8, i), STR("\u2028")) ||
		    str_starts(str_skip(utf8, i), STR("\u2029")))
			return true;
	}
	return false;
}

int folder_check_name(struct str name, struct err *err)
{
	if (name.len == 0 || name.len > STORE_NAME_MAX)
		return err_set(err, ERR_SYNTAX, "a folder's name has 1 to %d bytes", STORE_NAME_MAX);
	if (!str_is_utf8(name))
		return err_set(err, ERR_SYNTAX, "a folder's name is UTF-8");
	if (holds_controls(name))
		return err_set(err, ERR_SYNTAX, "a folder's name holds no control characters");
	if (str_starts(name, STR("/")) || str_ends_nocase(name, STR("/")) || str_find(name, STR("//")) >= 0)
		return err_set(err, ERR_SYNTAX, "no level of a folder's name is empty");
	return 0;
}

/* The next folder's id and UIDVALIDITY; both grow for ever. */
static int next_values(struct mailbox *mailbox, struct folder_row *row, struct err *err)
{
	struct db_statement statement;
	struct marks marks;
	int64_t now = (int64_t)time(NULL);
	int found, count = 0;

	if (marks_read(mailbox, &marks, err) != 0)
		return -1;
	found = db_prepare(&mailbox->db, &statement,
	                   "SELECT max(next_folder, ?1), max(last_validity, ?2) + 1, (SELECT count(*) FROM folder)"
	                   " FROM mailbox",
	                   err);
	if (found == 0) {
		db_bind_number(&statement, 1, marks.next_folder);
		db_bind_number(&statement, 2, marks.last_validity);
		found = db_step(&statement, err) == 1 ? 0 : -1;
	}
	marks_free(&marks);
	if (found == 0) {
		row->id = db_number(&statement, 0);
		row->uidvalidity = db_number(&statement, 1);
		count = (int)db_number(&statement, 2);
	}
	db_finalize(&statement);
	if (found == 0 && row->uidvalidity < now)
		row->uidvalidity = now;
	return count < STORE_FOLDERS_MAX ? found
	                                 : err_set(err, ERR_LIMIT, "a mailbox has at most %d folders", STORE_FOLDERS_MAX);
}

static int write_values(struct mailbox *mailbox, const struct folder_row *row, struct err *err)
{
	struct db_statement statement;
	int result;

	if (db_prepare(&mailbox->db, &statement, "UPDATE mailbox SET next_folder = ?, last_validity = ?", err) != 0)
		return -1;
	db_bind_number(&statement, 1, row->id + 1);
	db_bind_number(&statement, 2, row->uidvalidity);
	result = db_run(&statement, err);
	db_finalize(&statement);
	return result;
}

int folder_create(struct mailbox *mailbox, struct str name, int64_t *id_out, struct err *err)
{
	struct mailbox_folder there;
	struct folder_row row = {.uidnext = 1, .modseq = 1, .modseq_mark = MODSEQ_BLOCK};
	struct marks_folder mark;

	if (mailbox_folder_find(mailbox, name, &there, err) == 0)
		return err_set(err, ERR_EXISTS, "the folder exists already");
	if (err->code != ERR_NOT_FOUND || next_values(mailbox, &row, err) != 0)
		return -1;
	mark = (struct marks_folder){row.id, row.uidvalidity, row.uid_mark, row.modseq_mark, name};
	if (marks_write(mailbox, &mark, err) != 0 || db_begin(&mailbox->db, err) != 0)
		return -1;
	if (folder_insert(mailbox, &row, name, err) != 0 || write_values(mailbox, &row, err) != 0 ||
	    acl_inherit(mailbox, row.id, name, err) != 0) {
		db_rollback(&mailbox->db);
		return -1;
	}
	if (db_commit(&mailbox->db, err) != 0 || index_sync(mailbox, err) != 0)
		return -1;
	*id_out = row.id;
	return 0;
}

int mailbox_folder_create(struct mailbox *mailbox, struct str name, int wait_ms, int64_t *id_out, struct err *err)
{
	int result;

	if (folder_check_name(name, err) != 0 || mailbox_lock(mailbox, wait_ms, err) != 0)
		return -1;
	result = folder_create(mailbox, name, id_out, err);
	mailbox_unlock(mailbox);
	return result;
}

int mailbox_find_message(struct mailbox *mailbox, int64_t folder, struct str id, uint32_t *uid_out, struct err *err)
{
	struct db_statement *statement = index_statement(mailbox, STATEMENT_MESSAGE_BY_ID, err);
	int row;

	if (statement == NULL)
		return -1;
	db_bind_number(statement, 1, folder);
	db_bind_text(statement, 2, id);
	row = db_step(statement, err);
	if (row == 1)
		*uid_out = (uint32_t)db_number(statement, 0);
	db_reset(statement);
	return row;
}
