#include "common/store/mailbox.h"

enum { DETAILS_GAP = 16 };

/* The folder's values, by the names that views know them by. */
static int read_state(struct mailbox *mailbox, int64_t folder, struct mailbox_state *state, struct err *err)
{
	struct folder_row row;

	if (folder_read(mailbox, folder, &row, err) != 0)
		return -1;
	*state = (struct mailbox_state){.uidvalidity = (uint32_t)row.uidvalidity,
	                                .uidnext = (uint32_t)row.uidnext,
	                                .modseq = row.modseq,
	                                .remembered = row.forgotten,
	                                .messages = row.totals.messages,
	                                .recent = (uint32_t)row.recent};
	return 0;
}

static int visit_present(struct mailbox *mailbox, int64_t folder, int64_t since, const struct mailbox_visitor *visitor,
                         struct err *err)
{
	struct db_statement *statement =
	    index_statement(mailbox, since > 0 ? STATEMENT_FOLDER_SINCE : STATEMENT_FOLDER_ALL, err);
	int row;

	if (statement == NULL)
		return -1;
	db_bind_number(statement, 1, folder);
	if (since > 0)
		db_bind_number(statement, 2, since);
	while ((row = db_step(statement, err)) == 1) {
		struct mailbox_entry entry = {.uid = (uint32_t)db_number(statement, 0),
		                              .flags = (uint32_t)db_number(statement, 1),
		                              .modseq = db_number(statement, 2),
		                              .keywords = db_text(statement, 3)};

		visitor->present(&entry, visitor->context);
	}
	return row;
}

static int visit_vanished(struct mailbox *mailbox, int64_t folder, int64_t since, const struct mailbox_visitor *visitor,
                          struct err *err)
{
	struct db_statement *statement = index_statement(mailbox, STATEMENT_VANISHED_SINCE, err);
	int row;

	if (statement == NULL)
		return -1;
	db_bind_number(statement, 1, folder);
	db_bind_number(statement, 2, since);
	while ((row = db_step(statement, err)) == 1)
		visitor->vanished((uint32_t)db_number(statement, 0), (uint32_t)db_number(statement, 1), visitor->context);
	return row;
}

static int read_changes(struct mailbox *mailbox, int64_t folder, int64_t since, const struct mailbox_visitor *visitor,
                        struct mailbox_state *state, struct err *err)
{
	if (read_state(mailbox, folder, state, err) != 0)
		return -1;
	if (since >= state->modseq)
		return 0;
	if (visit_present(mailbox, folder, since, visitor, err) != 0)
		return -1;
	return since > 0 && visitor->vanished != NULL ? visit_vanished(mailbox, folder, since, visitor, err) : 0;
}

int mailbox_changes(struct mailbox *mailbox, int64_t folder, int64_t since, const struct mailbox_visitor *visitor,
                    struct mailbox_state *state, struct err *err)
{
	int result;

	if (mailbox_look(mailbox, err) != 0 || db_exec(&mailbox->db, "BEGIN", err) != 0)
		return -1;
	result = read_changes(mailbox, folder, since, visitor, state, err);
	db_rollback(&mailbox->db);
	if (since == 0)
		sqlite3_db_release_memory(mailbox->db.handle); /* the pages of a whole folder, read once */
	return result;
}

int mailbox_peek(struct mailbox *mailbox, int64_t folder, int64_t *modseq_out, uint32_t *uidnext_out, struct err *err)
{
	struct db_statement *statement;
	int row;

	if (mailbox_look(mailbox, err) != 0)
		return -1;
	statement = index_statement(mailbox, STATEMENT_PEEK, err);
	if (statement == NULL)
		return -1;
	db_bind_number(statement, 1, folder);
	row = db_step(statement, err);
	if (row == 0)
		err_set(err, ERR_NOT_FOUND, "there is no such folder");
	if (row != 1)
		return -1;
	*modseq_out = db_number(statement, 0);
	*uidnext_out = (uint32_t)db_number(statement, 1);
	db_reset(statement);
	return 0;
}

int mailbox_missing(struct mailbox *mailbox, int64_t folder, uint32_t first, uint32_t last,
                    const struct mailbox_visitor *visitor, struct err *err)
{
	struct db_statement *statement = index_statement(mailbox, STATEMENT_UIDS, err);
	int64_t expected = first;
	int row;

	if (statement == NULL)
		return -1;
	db_bind_number(statement, 1, folder);
	db_bind_number(statement, 2, first);
	db_bind_number(statement, 3, last);
	while ((row = db_step(statement, err)) == 1) {
		int64_t uid = db_number(statement, 0);

		if (uid > expected)
			visitor->vanished((uint32_t)expected, (uint32_t)uid - 1, visitor->context);
		expected = uid + 1;
	}
	if (row == 0 && expected <= last)
		visitor->vanished((uint32_t)expected, last, visitor->context);
	return row;
}

/* Details of the messages from the first of uids to the last; what is between them is passed over. */
static int visit_details(struct mailbox *mailbox, int64_t folder, const uint32_t *uids, size_t count,
                         void (*visit)(uint32_t uid, const struct mailbox_details *details, void *context),
                         void *context, struct err *err)
{
	struct db_statement *statement = index_statement(mailbox, STATEMENT_DETAILS, err);
	size_t next = 0;
	int row;

	if (statement == NULL)
		return -1;
	db_bind_number(statement, 1, folder);
	db_bind_number(statement, 2, uids[0]);
	db_bind_number(statement, 3, uids[count - 1]);
	while ((row = db_step(statement, err)) == 1) {
		struct mailbox_details details = {.size = db_number(statement, 1),
		                                  .internal_date = db_number(statement, 2),
		                                  .save_date = db_number(statement, 3),
		                                  .flags = (uint32_t)db_number(statement, 4),
		                                  .modseq = db_number(statement, 5),
		                                  .email_id = db_number(statement, 6)};
		uint32_t uid = (uint32_t)db_number(statement, 0);

		while (next < count && uids[next] < uid)
			next++;
		if (next < count && uids[next] == uid)
			visit(uid, &details, context);
	}
	return row;
}

int mailbox_details_each(struct mailbox *mailbox, int64_t folder, const uint32_t *uids, size_t count,
                         void (*visit)(uint32_t uid, const struct mailbox_details *details, void *context),
                         void *context, struct err *err)
{
	for (size_t first = 0, end; first < count; first = end) {
		/* UIDs that are near each other are read in one go, those between them passed over. */
		end = first + 1;
		while (end < count && uids[end] - uids[end - 1] <= DETAILS_GAP)
			end++;
		if (visit_details(mailbox, folder, uids + first, end - first, visit, context, err) != 0)
			return -1;
	}
	return 0;
}

struct details_found {
	struct mailbox_details *details;
	bool found;
};

static void keep_details(uint32_t uid, const struct mailbox_details *details, void *context)
{
	struct details_found *found = context;

	(void)uid;
	*found->details = *details;
	found->found = true;
}

int mailbox_details(struct mailbox *mailbox, int64_t folder, uint32_t uid, struct mailbox_details *details,
                    struct err *err)
{
	struct details_found found = {.details = details};

	if (visit_details(mailbox, folder, &uid, 1, keep_details, &found, err) != 0)
		return -1;
	return found.found ? 0 : err_set(err, ERR_NOT_FOUND, "the message is not there any more");
}

int mailbox_details_gone(struct mailbox *mailbox, int64_t folder, uint32_t uid, struct mailbox_details *details,
                         struct err *err)
{
	struct db_statement query;
	int row;

	if (db_prepare(&mailbox->db, &query,
	               "SELECT size, internal_date, save_date, flags, email_id FROM bin WHERE folder = ? AND uid = ?",
	               err) != 0)
		return -1;
	db_bind_number(&query, 1, folder);
	db_bind_number(&query, 2, uid);
	row = db_step(&query, err);
	if (row == 1)
		*details = (struct mailbox_details){.size = db_number(&query, 0),
		                                    .internal_date = db_number(&query, 1),
		                                    .save_date = db_number(&query, 2),
		                                    .flags = (uint32_t)db_number(&query, 3),
		                                    .email_id = db_number(&query, 4)};
	db_finalize(&query);
	if (row == 0)
		err_set(err, ERR_NOT_FOUND, "the message is not there any more");
	return row == 1 ? 0 : -1;
}
