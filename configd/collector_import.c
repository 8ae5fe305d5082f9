/* collectors: made in bulk from a table, one a row. */
#include "configd/connectors.h"
#include "configd/rows.h"

#include "common/base/csv.h"

enum { NAME, SERVER, PORT, USERNAME, PASSWORD, ENCRYPTION, ROUTING, TARGET, COLUMNS };

/* A number for each row. */
int op_collector_import_reserve(struct change *change, struct err *err)
{
	struct csv_row row;
	struct csv csv;
	struct str text;
	int64_t count = 0;

	if (change_field(change, "text", &text, err) != 0)
		return -1;
	csv_open(&csv, text);
	while (count <= COLLECTORS_MAX && csv_next(&csv, &change->arena, &row, err) != 0)
		count++;
	if (count > COLLECTORS_MAX)
		return err_set(err, ERR_LIMIT, "the table has more than %d rows", COLLECTORS_MAX);
	return config_reserve(change->config, STR("collector"), count, &change->first_collector, err);
}

/* A column that is empty keeps the default. */
static int store_field(struct change *change, const struct object *object, const char *key, struct str value,
                       struct err *err)
{
	value = str_trim(value);
	return value.len == 0 ? 0 : object_setting_store(change, object, str_of(key), value, err);
}

static int import_row(struct change *change, const struct csv_row *row, struct err *err)
{
	const struct str *fields = row->fields;
	struct object object;
	bool by_headers;

	if (row->count < ROUTING || row->count > COLUMNS)
		return err_set(err, ERR_SYNTAX,
		               "a row is name,server,port,username,password,encryption,routing,target-or-domains");
	by_headers = row->count <= ROUTING || str_equal_nocase(str_trim(fields[ROUTING]), STR("headers"));
	if (collector_add(change, str_trim(fields[NAME]), &object, err) != 0 ||
	    store_field(change, &object, "pop3.server", fields[SERVER], err) != 0 ||
	    store_field(change, &object, "pop3.port", fields[PORT], err) != 0 ||
	    store_field(change, &object, "pop3.username", fields[USERNAME], err) != 0 ||
	    store_field(change, &object, "pop3.encryption", fields[ENCRYPTION], err) != 0)
		return -1;
	if (row->count > ROUTING && store_field(change, &object, "route", fields[ROUTING], err) != 0)
		return -1;
	if (row->count > TARGET &&
	    store_field(change, &object, by_headers ? "accepted-domains" : "target", fields[TARGET], err) != 0)
		return -1;
	/* The last: what authd is asked cannot be taken back. */
	return fields[PASSWORD].len == 0 ? 0 : collector_set_password(change, &object, fields[PASSWORD], err);
}

/* A row that is refused leaves nothing behind, and nothing is said of what it would have done. */
static int try_row(struct change *change, const struct csv_row *row, struct err *err)
{
	struct change_note **tail = change->notes_tail;
	struct err ignored;

	if (db_exec(&change->config->db, "SAVEPOINT row", err) != 0)
		return -1;
	if (import_row(change, row, err) == 0)
		return db_exec(&change->config->db, "RELEASE row", err);
	*tail = NULL;
	change->notes_tail = tail;
	db_exec(&change->config->db, "ROLLBACK TO row", &ignored);
	db_exec(&change->config->db, "RELEASE row", &ignored);
	return -1;
}

int op_collector_import(struct change *change, struct err *err)
{
	struct csv_row row;
	struct rows rows;
	struct csv csv;
	struct str text;
	int found;

	if (rows_begin(&rows, change, err) != 0 || change_field(change, "text", &text, err) != 0)
		return -1;
	csv_open(&csv, text);
	while ((found = csv_next(&csv, &change->arena, &row, err)) != 0) {
		if (found == 1 && row.line == 1 && str_equal_nocase(row.fields[NAME], STR("name")))
			continue; /* headings */
		if (found == 1 && try_row(change, &row, err) == 0)
			rows.added++;
		else
			rows_refuse(&rows, row.line, err);
	}
	rows_end(&rows, "collectors");
	return 0;
}
