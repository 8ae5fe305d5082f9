#include "policyd/policyd.h"

enum {
	WINDOW_MS = 24 * 3600 * 1000, /* within which a second attempt has to come */
	PER_CLIENT_MAX = 1000,        /* attempts remembered of a client that has not come back */
	ATTEMPTS_MAX = 1000000,       /* of all; the oldest go first */
	PASSED_DAYS = 36,             /* without use */
};

/* The first number of a query with a key and, if not NULL, two texts in its places. -1: none or an error. */
static int look(struct policyd *policyd, const char *sql, struct str key, const struct str *texts, int64_t *number,
                struct err *err)
{
	struct db_statement query;
	int row;

	if (db_prepare(&policyd->db, &query, sql, err) != 0)
		return -1;
	db_bind_text(&query, 1, key);
	for (int i = 0; texts != NULL && i < 2; i++)
		db_bind_text(&query, 2 + i, texts[i]);
	row = db_step(&query, err);
	if (row == 1)
		*number = db_number(&query, 0);
	db_finalize(&query);
	return row;
}

/* Run a change with a key, a time and, if not NULL, two texts in its places. */
static int change(struct policyd *policyd, const char *sql, struct str key, int64_t now, const struct str *texts,
                  struct err *err)
{
	struct db_statement statement;
	int result;

	if (events_begin(policyd, err) != 0 || db_prepare(&policyd->db, &statement, sql, err) != 0)
		return -1;
	db_bind_text(&statement, 1, key);
	db_bind_number(&statement, 2, now);
	for (int i = 0; texts != NULL && i < 2; i++)
		db_bind_text(&statement, 3 + i, texts[i]);
	result = db_run(&statement, err);
	db_finalize(&statement);
	return result;
}

static int remember(struct policyd *policyd, struct str key, int64_t now, const struct str *texts, struct err *err)
{
	int64_t count = 0;

	if (look(policyd, "SELECT count(*) FROM grey WHERE client = ?", key, NULL, &count, err) < 0)
		return -1;
	if (count >= PER_CLIENT_MAX)
		return 0;
	return change(policyd, "INSERT OR REPLACE INTO grey(client, first, sender, recipient) VALUES(?1, ?2, ?3, ?4)", key,
	              now, texts, err);
}

static int pass_client(struct policyd *policyd, struct str key, int64_t now, struct err *err)
{
	return change(policyd, "INSERT OR REPLACE INTO grey_passed(client, used) VALUES(?1, ?2)", key, now, NULL, err) !=
	                   0 ||
	               change(policyd, "DELETE FROM grey WHERE client = ?1 AND ?2 > 0", key, now, NULL, err) != 0
	           ? -1
	           : 0;
}

int greylist_ask(struct policyd *policyd, const struct cidr *client, const struct grey_attempt *attempt, bool *pass,
                 struct err *err)
{
	const struct str texts[] = {attempt->sender, attempt->recipient};
	int64_t used = 0, first = 0, now = attempt->now;
	struct buf text;
	struct str key;
	int found, result = 0;

	buf_init(&text, CIDR_TEXT_MAX);
	cidr_format(client, &text);
	key = buf_str(&text);
	*pass = true;
	found = look(policyd, "SELECT used FROM grey_passed WHERE client = ?", key, NULL, &used, err);
	if (found == 1 && used > now - PASSED_DAYS * DAY_MS) {
		result = change(policyd, "UPDATE grey_passed SET used = ?2 WHERE client = ?1", key, now, NULL, err);
	} else if (found >= 0) {
		found = look(policyd, "SELECT first FROM grey WHERE client = ? AND sender = ? AND recipient = ?", key, texts,
		             &first, err);
		if (found == 1 && first <= now - attempt->wait_ms && first > now - WINDOW_MS) {
			result = pass_client(policyd, key, now, err);
		} else if (found >= 0) {
			*pass = false;
			if (found == 0 || first <= now - WINDOW_MS)
				result = remember(policyd, key, now, texts, err);
		}
	}
	buf_free(&text);
	return found < 0 ? -1 : result;
}

void greylist_prune(struct policyd *policyd, int64_t now)
{
	events_remove(policyd, "DELETE FROM grey WHERE first < ?", now - WINDOW_MS);
	events_remove(policyd, "DELETE FROM grey WHERE rowid <= (SELECT max(rowid) FROM grey) - ?", ATTEMPTS_MAX);
	events_remove(policyd, "DELETE FROM grey_passed WHERE used < ?", now - PASSED_DAYS * DAY_MS);
}
