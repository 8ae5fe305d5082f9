#include "policyd/policyd.h"

#include "common/base/log.h"

enum { DMARC_DAYS = 14 }; /* that rows are kept */

/* A number that a query with day and, if not NULL, a domain gives. */
static int look(struct policyd *policyd, const char *sql, int64_t day, const struct str *domain, int64_t *number,
                struct err *err)
{
	struct db_statement query;
	int row;

	if (db_prepare(&policyd->db, &query, sql, err) != 0)
		return -1;
	db_bind_number(&query, 1, day);
	if (domain != NULL)
		db_bind_text(&query, 2, *domain);
	row = db_step(&query, err);
	if (row == 1)
		*number = db_number(&query, 0);
	db_finalize(&query);
	return row;
}

static int run(struct policyd *policyd, const char *sql, int64_t day, struct str domain, const struct str *row,
               struct err *err)
{
	struct db_statement statement;
	int result;

	if (events_begin(policyd, err) != 0 || db_prepare(&policyd->db, &statement, sql, err) != 0)
		return -1;
	db_bind_number(&statement, 1, day);
	db_bind_text(&statement, 2, domain);
	if (row != NULL)
		db_bind_text(&statement, 3, *row);
	result = db_run(&statement, err);
	db_finalize(&statement);
	return result;
}

/* Is there room for another row? */
static int has_room(struct policyd *policyd, int64_t day, struct str domain, struct err *err)
{
	int64_t rows = 0, domains = 0;

	if (look(policyd, "SELECT count(*) FROM dmarc WHERE day = ? AND domain = ?", day, &domain, &rows, err) < 0)
		return -1;
	if (rows == 0 &&
	    look(policyd, "SELECT count(DISTINCT domain) FROM dmarc WHERE day = ?", day, NULL, &domains, err) < 0)
		return -1;
	return rows < DMARC_ROWS_MAX && domains < DMARC_DOMAINS_MAX;
}

int dmarc_add(struct policyd *policyd, int64_t day, struct str domain, struct str row, struct err *err)
{
	struct db_statement update;
	int64_t changed = 0;
	int result;

	if (events_begin(policyd, err) != 0 ||
	    db_prepare(&policyd->db, &update,
	               "UPDATE dmarc SET count = count + 1 WHERE day = ? AND domain = ? AND row = ? RETURNING 1", err) != 0)
		return -1;
	db_bind_number(&update, 1, day);
	db_bind_text(&update, 2, domain);
	db_bind_text(&update, 3, row);
	while ((result = db_step(&update, err)) == 1)
		changed++;
	db_finalize(&update);
	if (result != 0 || changed > 0)
		return result;
	result = has_room(policyd, day, domain, err);
	if (result <= 0)
		return result;
	return run(policyd, "INSERT INTO dmarc(day, domain, row, count) VALUES(?, ?, ?, 1)", day, domain, &row, err);
}

int dmarc_each_domain(struct policyd *policyd, int64_t day,
                      void (*visit)(struct str domain, int64_t messages, int64_t rows, bool sent, void *context),
                      void *context, struct err *err)
{
	struct db_statement query;
	int row;

	if (db_prepare(&policyd->db, &query,
	               "SELECT domain, sum(count), count(*), EXISTS (SELECT 1 FROM dmarc_sent WHERE dmarc_sent.day ="
	               " dmarc.day AND dmarc_sent.domain = dmarc.domain) FROM dmarc WHERE day = ? GROUP BY domain",
	               err) != 0)
		return -1;
	db_bind_number(&query, 1, day);
	while ((row = db_step(&query, err)) == 1)
		visit(db_text(&query, 0), db_number(&query, 1), db_number(&query, 2), db_number(&query, 3) != 0, context);
	db_finalize(&query);
	return row;
}

int dmarc_each_row(struct policyd *policyd, int64_t day, struct str domain,
                   void (*visit)(struct str row, int64_t count, void *context), void *context, struct err *err)
{
	struct db_statement query;
	int row;

	if (db_prepare(&policyd->db, &query, "SELECT row, count FROM dmarc WHERE day = ? AND domain = ?", err) != 0)
		return -1;
	db_bind_number(&query, 1, day);
	db_bind_text(&query, 2, domain);
	while ((row = db_step(&query, err)) == 1)
		visit(db_text(&query, 0), db_number(&query, 1), context);
	db_finalize(&query);
	return row;
}

int dmarc_set_sent(struct policyd *policyd, int64_t day, struct str domain, struct err *err)
{
	if (run(policyd, "INSERT OR IGNORE INTO dmarc_sent(day, domain) VALUES(?, ?)", day, domain, NULL, err) != 0)
		return -1;
	events_commit(policyd);
	return 0;
}

void dmarc_prune(struct policyd *policyd, int64_t now)
{
	events_remove(policyd, "DELETE FROM dmarc WHERE day < ?", now / DAY_MS - DMARC_DAYS);
	events_remove(policyd, "DELETE FROM dmarc_sent WHERE day < ?", now / DAY_MS - DMARC_DAYS);
}
