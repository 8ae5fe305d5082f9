#include "policyd/policyd.h"

#include "common/base/log.h"

enum { DAYS = 14 /* that rows are kept */, SQL_MAX = 400 };

static const char *const tables[REPORTS] = {[REPORTS_DMARC] = "dmarc", [REPORTS_TLS] = "tls"};

/* sql: with the table's name wherever it says @. */
static int prepare(struct policyd *policyd, struct db_statement *statement, enum reports kind, const char *sql,
                   struct err *err)
{
	struct buf text;
	int result;

	buf_init(&text, SQL_MAX);
	for (; *sql != '\0'; sql++)
		if (*sql == '@')
			buf_add_str(&text, str_of(tables[kind]));
		else
			buf_add_char(&text, *sql);
	result = db_prepare(&policyd->db, statement, buf_text(&text), err);
	buf_free(&text);
	return result;
}

/* A number that a query with day and, if not NULL, a domain gives. */
static int look(struct policyd *policyd, enum reports kind, const char *sql, int64_t day, const struct str *domain,
                int64_t *number, struct err *err)
{
	struct db_statement query;
	int row;

	if (prepare(policyd, &query, kind, sql, err) != 0)
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

static int run(struct policyd *policyd, enum reports kind, const char *sql, int64_t day, struct str domain,
               const struct str *row, struct err *err)
{
	struct db_statement statement;
	int result;

	if (events_begin(policyd, err) != 0 || prepare(policyd, &statement, kind, sql, err) != 0)
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
static int has_room(struct policyd *policyd, enum reports kind, int64_t day, struct str domain, struct err *err)
{
	int64_t rows = 0, domains = 0;

	if (look(policyd, kind, "SELECT count(*) FROM @ WHERE day = ? AND domain = ?", day, &domain, &rows, err) < 0)
		return -1;
	if (rows == 0 &&
	    look(policyd, kind, "SELECT count(DISTINCT domain) FROM @ WHERE day = ?", day, NULL, &domains, err) < 0)
		return -1;
	return rows < REPORTS_ROWS_MAX && domains < REPORTS_DOMAINS_MAX;
}

int reports_add(struct policyd *policyd, enum reports kind, int64_t day, struct str domain, struct str row,
                struct err *err)
{
	struct db_statement update;
	int64_t changed = 0;
	int result;

	if (events_begin(policyd, err) != 0 ||
	    prepare(policyd, &update, kind,
	            "UPDATE @ SET count = count + 1 WHERE day = ? AND domain = ? AND row = ? RETURNING 1", err) != 0)
		return -1;
	db_bind_number(&update, 1, day);
	db_bind_text(&update, 2, domain);
	db_bind_text(&update, 3, row);
	while ((result = db_step(&update, err)) == 1)
		changed++;
	db_finalize(&update);
	if (result != 0 || changed > 0)
		return result;
	result = has_room(policyd, kind, day, domain, err);
	if (result <= 0)
		return result;
	return run(policyd, kind, "INSERT INTO @(day, domain, row, count) VALUES(?, ?, ?, 1)", day, domain, &row, err);
}

int reports_each_domain(struct policyd *policyd, enum reports kind, int64_t day,
                        void (*visit)(struct str domain, int64_t messages, int64_t rows, bool sent, void *context),
                        void *context, struct err *err)
{
	struct db_statement query;
	int row;

	if (prepare(policyd, &query, kind,
	            "SELECT domain, sum(count), count(*), EXISTS (SELECT 1 FROM @_sent WHERE @_sent.day ="
	            " @.day AND @_sent.domain = @.domain) FROM @ WHERE day = ? GROUP BY domain",
	            err) != 0)
		return -1;
	db_bind_number(&query, 1, day);
	while ((row = db_step(&query, err)) == 1)
		visit(db_text(&query, 0), db_number(&query, 1), db_number(&query, 2), db_number(&query, 3) != 0, context);
	db_finalize(&query);
	return row;
}

int reports_each_row(struct policyd *policyd, enum reports kind, int64_t day, struct str domain,
                     void (*visit)(struct str row, int64_t count, void *context), void *context, struct err *err)
{
	struct db_statement query;
	int row;

	if (prepare(policyd, &query, kind, "SELECT row, count FROM @ WHERE day = ? AND domain = ?", err) != 0)
		return -1;
	db_bind_number(&query, 1, day);
	db_bind_text(&query, 2, domain);
	while ((row = db_step(&query, err)) == 1)
		visit(db_text(&query, 0), db_number(&query, 1), context);
	db_finalize(&query);
	return row;
}

int reports_set_sent(struct policyd *policyd, enum reports kind, int64_t day, struct str domain, struct err *err)
{
	if (run(policyd, kind, "INSERT OR IGNORE INTO @_sent(day, domain) VALUES(?, ?)", day, domain, NULL, err) != 0)
		return -1;
	events_commit(policyd);
	return 0;
}

void reports_prune(struct policyd *policyd, int64_t now)
{
	events_remove(policyd, "DELETE FROM dmarc WHERE day < ?", now / DAY_MS - DAYS);
	events_remove(policyd, "DELETE FROM dmarc_sent WHERE day < ?", now / DAY_MS - DAYS);
	events_remove(policyd, "DELETE FROM tls WHERE day < ?", now / DAY_MS - DAYS);
	events_remove(policyd, "DELETE FROM tls_sent WHERE day < ?", now / DAY_MS - DAYS);
}
