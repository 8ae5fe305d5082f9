#include "common/store/mailbox.h"

static int write_range(struct vanish *vanish, struct err *err)
{
	struct db_statement *statement;

	if (vanish->first == 0)
		return 0;
	statement = index_statement(vanish->mailbox, STATEMENT_ADD_VANISHED, err);
	if (statement == NULL)
		return -1;
	db_bind_number(statement, 1, vanish->row->id);
	db_bind_number(statement, 2, vanish->row->modseq);
	db_bind_number(statement, 3, vanish->first);
	db_bind_number(statement, 4, vanish->last);
	vanish->first = 0;
	vanish->row->vanished++;
	return db_run(statement, err);
}

int vanish_add(struct vanish *vanish, uint32_t uid, struct err *err)
{
	if (vanish->first != 0 && uid == vanish->last + 1) {
		vanish->last = uid;
		return 0;
	}
	if (write_range(vanish, err) != 0)
		return -1;
	vanish->first = vanish->last = uid;
	return 0;
}

/* The MODSEQ that the oldest range to be kept has. */
static int find_cut(struct vanish *vanish, int64_t *cut, struct err *err)
{
	struct db_statement statement;
	int row;

	if (db_prepare(&vanish->mailbox->db, &statement,
	               "SELECT modseq FROM vanished WHERE folder = ? ORDER BY modseq DESC LIMIT 1 OFFSET ?", err) != 0)
		return -1;
	db_bind_number(&statement, 1, vanish->row->id);
	db_bind_number(&statement, 2, STORE_VANISHED_KEPT - 1);
	row = db_step(&statement, err);
	*cut = row == 1 ? db_number(&statement, 0) : 0;
	db_finalize(&statement);
	return row < 0 ? -1 : 0;
}

static int forget(struct vanish *vanish, struct err *err)
{
	struct db_statement statement;
	int64_t cut;
	int result;

	if (find_cut(vanish, &cut, err) != 0 ||
	    db_prepare(&vanish->mailbox->db, &statement, "DELETE FROM vanished WHERE folder = ? AND modseq < ?", err) != 0)
		return -1;
	db_bind_number(&statement, 1, vanish->row->id);
	db_bind_number(&statement, 2, cut);
	result = db_run(&statement, err);
	db_finalize(&statement);
	vanish->row->vanished -= sqlite3_changes(vanish->mailbox->db.handle);
	if (cut - 1 > vanish->row->forgotten)
		vanish->row->forgotten = cut - 1;
	return result;
}

int vanish_end(struct vanish *vanish, struct err *err)
{
	if (write_range(vanish, err) != 0)
		return -1;
	/* Seldom, and many then. */
	return vanish->row->vanished < 2 * (int64_t)STORE_VANISHED_KEPT ? 0 : forget(vanish, err);
}
