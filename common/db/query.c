#include "common/db/query.h"

int db_query_va(struct db *db, struct db_statement *statement, struct err *err, const char *sql, const char *types,
                va_list args)
{
	if (db_prepare(db, statement, sql, err) != 0)
		return -1;
	for (int i = 0; types[i] != '\0'; i++) {
		if (types[i] == 't')
			db_bind_text(statement, i + 1, va_arg(args, struct str));
		else
			db_bind_number(statement, i + 1, va_arg(args, int64_t));
	}
	return 0;
}

int db_query(struct db *db, struct db_statement *statement, struct err *err, const char *sql, const char *types, ...)
{
	va_list args;
	int result;

	va_start(args, types);
	result = db_query_va(db, statement, err, sql, types, args);
	va_end(args);
	return result;
}

int db_query_run_va(struct db *db, struct err *err, const char *sql, const char *types, va_list args)
{
	struct db_statement statement;
	int result;

	if (db_query_va(db, &statement, err, sql, types, args) != 0)
		return -1;
	result = db_run(&statement, err);
	db_finalize(&statement);
	return result;
}

int db_query_run(struct db *db, struct err *err, const char *sql, const char *types, ...)
{
	va_list args;
	int result;

	va_start(args, types);
	result = db_query_run_va(db, err, sql, types, args);
	va_end(args);
	return result;
}

int db_query_number_va(struct db *db, int64_t *value_out, struct err *err, const char *sql, const char *types,
                       va_list args)
{
	struct db_statement statement;
	int row;

	if (db_query_va(db, &statement, err, sql, types, args) != 0)
		return -1;
	row = db_step(&statement, err);
	if (row == 1 && value_out != NULL)
		*value_out = db_number(&statement, 0);
	db_finalize(&statement);
	return row;
}

int db_query_number(struct db *db, int64_t *value_out, struct err *err, const char *sql, const char *types, ...)
{
	va_list args;
	int row;

	va_start(args, types);
	row = db_query_number_va(db, value_out, err, sql, types, args);
	va_end(args);
	return row;
}
