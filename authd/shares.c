#include "authd/shares.h"

enum { BUSY_MS = 2000 };

static const char *const schema[] = {
    "CREATE TABLE share(owner INTEGER NOT NULL, grantee TEXT NOT NULL, PRIMARY KEY (owner, grantee)) WITHOUT ROWID;"
    "CREATE INDEX share_grantee ON share(grantee);",
};

int shares_open(struct shares *shares, const char *path, struct err *err)
{
	if (db_open(&shares->db, path, DB_CREATE, BUSY_MS, err) != 0)
		return -1;
	if (db_migrate(&shares->db, schema, sizeof schema / sizeof schema[0], err) == 0)
		return 0;
	shares_close(shares);
	return -1;
}

void shares_close(struct shares *shares)
{
	db_close(&shares->db);
}

bool shares_grantee_valid(struct str grantee)
{
	struct str kind = str_cut(&grantee, ' ');
	uint64_t number;

	if (str_equal(kind, STR("anyone")))
		return grantee.data == NULL;
	return (str_equal(kind, STR("user")) || str_equal(kind, STR("group"))) && str_to_u64(grantee, INT64_MAX, &number) &&
	       number > 0;
}

static int delete_where(struct shares *shares, const char *sql, int64_t uid, struct err *err)
{
	struct db_statement statement;
	int result;

	if (db_prepare(&shares->db, &statement, sql, err) != 0)
		return -1;
	db_bind_number(&statement, 1, uid);
	result = db_run(&statement, err);
	db_finalize(&statement);
	return result;
}

static int insert_all(struct shares *shares, int64_t owner, const struct str *grantees, size_t count, struct err *err)
{
	struct db_statement statement;
	int result = db_prepare(&shares->db, &statement, "INSERT OR IGNORE INTO share VALUES(?1, ?2)", err);

	if (result != 0)
		return -1;
	for (size_t i = 0; i < count && result == 0; i++) {
		db_bind_number(&statement, 1, owner);
		db_bind_text(&statement, 2, grantees[i]);
		result = db_run(&statement, err);
	}
	db_finalize(&statement);
	return result;
}

int shares_set(struct shares *shares, int64_t owner, const struct str *grantees, size_t count, struct err *err)
{
	if (count > SHARES_GRANTEES_MAX)
		return err_set(err, ERR_LIMIT, "a mailbox is shared with at most %d users and groups", SHARES_GRANTEES_MAX);
	for (size_t i = 0; i < count; i++)
		if (!shares_grantee_valid(grantees[i]))
			return err_set(err, ERR_SYNTAX, "\"%.*s\" is nobody to share with", STR_ARG(str_sub(grantees[i], 0, 64)));
	if (db_begin(&shares->db, err) != 0)
		return -1;
	if (delete_where(shares, "DELETE FROM share WHERE owner = ?1", owner, err) == 0 &&
	    insert_all(shares, owner, grantees, count, err) == 0)
		return db_commit(&shares->db, err);
	db_rollback(&shares->db);
	return -1;
}

int shares_forget(struct shares *shares, int64_t uid, struct err *err)
{
	return delete_where(shares, "DELETE FROM share WHERE owner = ?1 OR grantee = 'user ' || ?1", uid, err);
}

/*
 * Step through the owners who name one grantee. kind is "user" or "group"; number 0 with "anyone". owner 0: all of
 * them. visit may be NULL. Returns how many there were, or -1.
 */
static int each_naming(struct shares *shares, const char *kind, int64_t number, int64_t owner, int64_t but,
                       void (*visit)(int64_t owner, void *context), void *context, struct err *err)
{
	struct db_statement statement;
	int row, count = 0;

	if (db_prepare(&shares->db, &statement,
	               "SELECT owner FROM share WHERE grantee = CASE ?2 WHEN 0 THEN ?1 ELSE ?1 || ' ' || ?2 END"
	               " AND (?3 = 0 OR owner = ?3) AND owner != ?4 ORDER BY owner",
	               err) != 0)
		return -1;
	db_bind_text(&statement, 1, str_of(kind));
	db_bind_number(&statement, 2, number);
	db_bind_number(&statement, 3, owner);
	db_bind_number(&statement, 4, but);
	while ((row = db_step(&statement, err)) == 1) {
		count++;
		if (visit != NULL)
			visit(db_number(&statement, 0), context);
	}
	db_finalize(&statement);
	return row < 0 ? -1 : count;
}

/* The same for everything that may mean the person. An owner may be visited several times. */
static int each_meaning(struct shares *shares, const struct shares_person *person, int64_t owner,
                        void (*visit)(int64_t owner, void *context), void *context, struct err *err)
{
	int found = each_naming(shares, "anyone", 0, owner, person->uid, visit, context, err), more;

	if (found < 0 || (more = each_naming(shares, "user", person->uid, owner, person->uid, visit, context, err)) < 0)
		return -1;
	found += more;
	for (size_t i = 0; i < person->group_count; i++) {
		more = each_naming(shares, "group", person->groups[i], owner, person->uid, visit, context, err);
		if (more < 0)
			return -1;
		found += more;
	}
	return found;
}

int shares_reach(struct shares *shares, int64_t owner, const struct shares_person *person, struct err *err)
{
	int found = each_meaning(shares, person, owner, NULL, NULL, err);

	return found > 0 ? 1 : found;
}

int shares_each_owner(struct shares *shares, const struct shares_person *person,
                      void (*visit)(int64_t owner, void *context), void *context, struct err *err)
{
	return each_meaning(shares, person, 0, visit, context, err) < 0 ? -1 : 0;
}
