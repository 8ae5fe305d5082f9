/* store/attributes: what is kept about folders beside their messages: counts, uses, subscriptions, rights, metadata. */
#include "common/store/folders.h"
#include "common/store/mailbox.h"
#include "common/store/marks.h"

#include <stdio.h>

int mailbox_folder_counts(struct mailbox *mailbox, int64_t id, struct mailbox_counts *counts, struct err *err)
{
	struct db_statement query;
	int row;

	if (mailbox_look(mailbox, err) != 0 ||
	    db_prepare(&mailbox->db, &query,
	               "SELECT unseen, deleted, deleted_bytes, (SELECT count(*) FROM message WHERE folder = folder.id"
	               " AND uid >= recent AND held = 0) FROM folder WHERE id = ?",
	               err) != 0)
		return -1;
	db_bind_number(&query, 1, id);
	row = db_step(&query, err);
	if (row == 1)
		*counts = (struct mailbox_counts){db_number(&query, 0), db_number(&query, 1), db_number(&query, 2),
		                                  db_number(&query, 3)};
	else if (row == 0)
		err_set(err, ERR_NOT_FOUND, "there is no such folder");
	db_finalize(&query);
	return row == 1 ? 0 : -1;
}

/* Bind ?1 to a folder, ?2 and ?3 to texts, as far as the statement has them. */
static void bind(struct db_statement *statement, int64_t folder, struct str a, struct str b)
{
	int count = sqlite3_bind_parameter_count(statement->handle);

	if (count >= 1)
		db_bind_number(statement, 1, folder);
	if (count >= 2)
		db_bind_text(statement, 2, a);
	if (count >= 3)
		db_bind_text(statement, 3, b);
}

/* Does the query find a row? 1, 0, or -1. */
static int finds(struct mailbox *mailbox, const char *sql, int64_t folder, struct str a, struct str b, struct err *err)
{
	struct db_statement query;
	int row;

	if (db_prepare(&mailbox->db, &query, sql, err) != 0)
		return -1;
	bind(&query, folder, a, b);
	row = db_step(&query, err);
	db_finalize(&query);
	return row;
}

static int run(struct mailbox *mailbox, const char *sql, int64_t folder, struct str a, struct str b, struct err *err)
{
	struct db_statement statement;
	int result;

	if (db_prepare(&mailbox->db, &statement, sql, err) != 0)
		return -1;
	bind(&statement, folder, a, b);
	result = db_run(&statement, err);
	db_finalize(&statement);
	return result;
}

/* A change of one row, synced. full: a query that finds a row where there are as many as may be. */
struct attribute_change {
	const char *exists; /* finds a row where the folder is there; NULL: not asked */
	const char *full, *sql;
	const char *what; /* there are too many of */
	int64_t folder;
	struct str a, b;
	bool has_modseq; /* the change raises the folder's MODSEQ */
};

static int run_change(struct mailbox *mailbox, const struct attribute_change *change, struct err *err)
{
	const struct mailbox_totals none = {0};
	struct folder_row row;

	if (!change->has_modseq)
		return run(mailbox, change->sql, change->folder, change->a, change->b, err);
	if (folder_read(mailbox, change->folder, &row, err) != 0)
		return -1;
	row.modseq++;
	if (marks_reserve(mailbox, &row, row.uidnext - 1, err) != 0 || db_begin(&mailbox->db, err) != 0)
		return -1;
	if (run(mailbox, change->sql, change->folder, change->a, change->b, err) == 0 &&
	    folder_advance(mailbox, &row, &none, err) == 0)
		return db_commit(&mailbox->db, err);
	db_rollback(&mailbox->db);
	return -1;
}

static int change_locked(struct mailbox *mailbox, const struct attribute_change *change, struct err *err)
{
	int found;

	if (change->exists != NULL) {
		found = finds(mailbox, change->exists, change->folder, change->a, change->b, err);
		if (found <= 0)
			return found == 0 ? err_set(err, ERR_NOT_FOUND, "there is no such folder") : -1;
	}
	if (change->full != NULL) {
		found = finds(mailbox, change->full, change->folder, change->a, change->b, err);
		if (found != 0)
			return found == 1 ? err_set(err, ERR_LIMIT, "there are too many %s", change->what) : -1;
	}
	if (run_change(mailbox, change, err) != 0)
		return -1;
	return index_sync(mailbox, err);
}

static int change(struct mailbox *mailbox, const struct attribute_change *wanted, int wait_ms, struct err *err)
{
	int result;

	if (mailbox_lock(mailbox, wait_ms, err) != 0)
		return -1;
	result = change_locked(mailbox, wanted, err);
	mailbox_unlock(mailbox);
	return result;
}

#define FOLDER_EXISTS "SELECT 1 FROM folder WHERE id = ?1"

/* Is one of the words another folder's use? 1, 0 or -1. */
static int use_taken(struct mailbox *mailbox, int64_t id, struct str uses, struct err *err)
{
	struct str word;
	int found = 0;

	while (found == 0 && (word = str_cut_word(&uses)).len > 0)
		found = finds(mailbox,
		              "SELECT 1 FROM folder WHERE id <> ?1 AND instr(lower(' ' || special_use || ' '),"
		              " lower(' ' || ?2 || ' ')) > 0",
		              id, word, STR(""), err);
	return found;
}

int mailbox_folder_set_use(struct mailbox *mailbox, int64_t id, struct str uses, int wait_ms, struct err *err)
{
	struct attribute_change wanted = {
	    .exists = FOLDER_EXISTS, .sql = "UPDATE folder SET special_use = ?2 WHERE id = ?1", .folder = id, .a = uses};
	int result;

	if (uses.len >= STORE_NAME_MAX)
		return err_set(err, ERR_LIMIT, "the special uses are too long");
	if (mailbox_lock(mailbox, wait_ms, err) != 0)
		return -1;
	result = use_taken(mailbox, id, uses, err);
	if (result == 1)
		result = err_set(err, ERR_EXISTS, "another folder has this special use");
	if (result == 0)
		result = change_locked(mailbox, &wanted, err);
	mailbox_unlock(mailbox);
	return result;
}

int mailbox_folder_use(struct mailbox *mailbox, int64_t id, char *out, size_t size, struct err *err)
{
	struct db_statement query;
	int row;

	if (db_prepare(&mailbox->db, &query, "SELECT special_use FROM folder WHERE id = ?", err) != 0)
		return -1;
	db_bind_number(&query, 1, id);
	row = db_step(&query, err);
	if (row == 1)
		str_copy(db_text(&query, 0), out, size);
	else if (row == 0)
		err_set(err, ERR_NOT_FOUND, "there is no such folder");
	db_finalize(&query);
	return row == 1 ? 0 : -1;
}

int mailbox_subscribe(struct mailbox *mailbox, struct str name, bool subscribed, int wait_ms, struct err *err)
{
	char full[160];
	struct attribute_change wanted = {.what = "subscriptions", .a = name};

	if (folder_check_name(name, err) != 0)
		return -1;
	if (!subscribed) {
		wanted.sql = "DELETE FROM subscription WHERE ?1 = 0 AND name = ?2";
		return change(mailbox, &wanted, wait_ms, err);
	}
	snprintf(full, sizeof full,
	         "SELECT 1 WHERE (SELECT count(*) FROM subscription) >= %d AND ?1 = 0"
	         " AND NOT EXISTS (SELECT 1 FROM subscription WHERE name = ?2)",
	         STORE_SUBSCRIPTIONS_MAX);
	wanted.full = full;
	wanted.sql = "INSERT OR IGNORE INTO subscription SELECT ?2 WHERE ?1 = 0";
	return change(mailbox, &wanted, wait_ms, err);
}

int mailbox_subscription_each(struct mailbox *mailbox, bool (*visit)(struct str name, void *context), void *context,
                              struct err *err)
{
	struct db_statement query;
	int row;

	if (mailbox_look(mailbox, err) != 0 ||
	    db_prepare(&mailbox->db, &query, "SELECT name FROM subscription ORDER BY name", err) != 0)
		return -1;
	while ((row = db_step(&query, err)) == 1)
		if (!visit(db_text(&query, 0), context))
			break;
	db_finalize(&query);
	return row < 0 ? -1 : 0;
}

int mailbox_is_subscribed(struct mailbox *mailbox, struct str name, bool *subscribed, struct err *err)
{
	int found = finds(mailbox, "SELECT 1 FROM subscription WHERE ?1 = 0 AND name = ?2", 0, name, STR(""), err);

	*subscribed = found == 1;
	return found < 0 ? -1 : 0;
}

/* Visit rows of two columns. */
static int each_pair(struct mailbox *mailbox, const char *sql, int64_t folder,
                     bool (*visit)(struct str first, struct str second, void *context), void *context, struct err *err)
{
	struct db_statement query;
	int row;

	if (mailbox_look(mailbox, err) != 0 || db_prepare(&mailbox->db, &query, sql, err) != 0)
		return -1;
	db_bind_number(&query, 1, folder);
	while ((row = db_step(&query, err)) == 1)
		if (!visit(db_text(&query, 0), db_text(&query, 1), context))
			break;
	db_finalize(&query);
	return row < 0 ? -1 : 0;
}

int mailbox_acl_set(struct mailbox *mailbox, int64_t folder, struct str identifier, struct str rights, int wait_ms,
                    struct err *err)
{
	char full[200];
	struct attribute_change wanted = {
	    .exists = FOLDER_EXISTS, .what = "entries", .folder = folder, .a = identifier, .b = rights};

	if (identifier.len == 0 || identifier.len > STORE_NAME_MAX || rights.len > STORE_RIGHTS_MAX)
		return err_set(err, ERR_LIMIT, "the entry is empty or too long");
	snprintf(full, sizeof full,
	         "SELECT 1 WHERE (SELECT count(*) FROM acl WHERE folder = ?1) >= %d"
	         " AND NOT EXISTS (SELECT 1 FROM acl WHERE folder = ?1 AND identifier = ?2)",
	         STORE_ACL_MAX);
	wanted.full = rights.len > 0 ? full : NULL;
	wanted.sql = rights.len > 0 ? "INSERT OR REPLACE INTO acl VALUES(?1, ?2, ?3)"
	                            : "DELETE FROM acl WHERE folder = ?1 AND identifier = ?2";
	return change(mailbox, &wanted, wait_ms, err);
}

int mailbox_acl_each(struct mailbox *mailbox, int64_t folder,
                     bool (*visit)(struct str identifier, struct str rights, void *context), void *context,
                     struct err *err)
{
	return each_pair(mailbox, "SELECT identifier, rights FROM acl WHERE folder = ? ORDER BY identifier", folder, visit,
	                 context, err);
}

int mailbox_acl_grantees(struct mailbox *mailbox, bool (*visit)(struct str identifier, void *context), void *context,
                         struct err *err)
{
	struct db_statement query;
	int row;

	if (mailbox_look(mailbox, err) != 0 ||
	    db_prepare(
	        &mailbox->db, &query,
	        "SELECT DISTINCT identifier FROM acl WHERE identifier <> 'owner' AND substr(identifier, 1, 1) <> '-'",
	        err) != 0)
		return -1;
	while ((row = db_step(&query, err)) == 1)
		if (!visit(db_text(&query, 0), context))
			break;
	db_finalize(&query);
	return row < 0 ? -1 : 0;
}

int acl_inherit(struct mailbox *mailbox, int64_t id, struct str name, struct err *err)
{
	ptrdiff_t slash = str_find_last_char(name, '/');

	if (slash < 0)
		return 0;
	return run(mailbox,
	           "INSERT INTO acl SELECT ?1, identifier, rights FROM acl"
	           " WHERE folder = (SELECT id FROM folder WHERE name = ?2)",
	           id, str_sub(name, 0, (size_t)slash), STR(""), err);
}

int mailbox_metadata_set(struct mailbox *mailbox, int64_t folder, struct str entry, struct str value, int wait_ms,
                         struct err *err)
{
	char full[200];
	struct attribute_change wanted = {.exists = folder != 0 ? FOLDER_EXISTS : NULL,
	                                  .what = "entries of metadata",
	                                  .folder = folder,
	                                  .a = entry,
	                                  .b = value,
	                                  .has_modseq = folder != 0}; /* RFC 7162 3.2 */

	if (entry.len == 0 || entry.len > STORE_NAME_MAX || value.len > STORE_METADATA_VALUE_MAX)
		return err_set(err, ERR_LIMIT, "the entry or its value is too long");
	snprintf(full, sizeof full,
	         "SELECT 1 WHERE (SELECT count(*) FROM metadata WHERE folder = ?1) >= %d"
	         " AND NOT EXISTS (SELECT 1 FROM metadata WHERE folder = ?1 AND entry = ?2)",
	         STORE_METADATA_MAX);
	wanted.full = value.data != NULL ? full : NULL;
	wanted.sql = value.data != NULL ? "INSERT OR REPLACE INTO metadata VALUES(?1, ?2, ?3)"
	                                : "DELETE FROM metadata WHERE folder = ?1 AND entry = ?2";
	return change(mailbox, &wanted, wait_ms, err);
}

int mailbox_metadata_each(struct mailbox *mailbox, int64_t folder,
                          bool (*visit)(struct str entry, struct str value, void *context), void *context,
                          struct err *err)
{
	return each_pair(mailbox, "SELECT entry, value FROM metadata WHERE folder = ? ORDER BY entry", folder, visit,
	                 context, err);
}
