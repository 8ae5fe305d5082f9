/*
 * Rows by unixODBC, in a worker: whatever a driver does, it does it to that process.
 */
#include "lists/source.h"

#include <sql.h>
#include <sqlext.h>

enum { COLUMN_MAX = 1000 };

struct connection {
	SQLHENV environment;
	SQLHDBC database;
	SQLHSTMT statement;
};

/* What the driver manager or driver says of the last call with a handle. */
static int say(SQLSMALLINT type, SQLHANDLE handle, const char *what, struct err *err)
{
	SQLCHAR state[6] = "", text[200] = "";
	SQLINTEGER code;
	SQLSMALLINT len;

	SQLGetDiagRec(type, handle, 1, state, &code, text, sizeof text, &len);
	return err_set(err, ERR_TEMPORARY, "%s: %s %s", what, (const char *)state, (const char *)text);
}

/* A name of odbc.ini, or a connection string. */
static int open_connection(struct connection *connection, const struct source *source, struct err *err)
{
	bool is_name = str_find_char(source->name, '=') < 0;
	struct arena arena;
	struct str text;
	int result = 0;

	if (!SQL_SUCCEEDED(SQLAllocHandle(SQL_HANDLE_ENV, SQL_NULL_HANDLE, &connection->environment)))
		return err_set(err, ERR_SYSTEM, "unixODBC cannot begin");
	/* an integer where the interface has a pointer, as ODBC wants it */
	SQLSetEnvAttr(connection->environment, SQL_ATTR_ODBC_VERSION, (SQLPOINTER)SQL_OV_ODBC3, 0); /* NOLINT */
	if (!SQL_SUCCEEDED(SQLAllocHandle(SQL_HANDLE_DBC, connection->environment, &connection->database)))
		return say(SQL_HANDLE_ENV, connection->environment, "unixODBC cannot begin", err);
	arena_init(&arena);
	text = arena_printf(&arena, "%s%.*s", is_name ? "DSN=" : "", STR_ARG(source->name));
	if (!SQL_SUCCEEDED(SQLDriverConnect(connection->database, NULL, (SQLCHAR *)text.data, (SQLSMALLINT)text.len, NULL,
	                                    0, NULL, SQL_DRIVER_NOPROMPT)))
		result = say(SQL_HANDLE_DBC, connection->database, "cannot connect", err);
	arena_free(&arena);
	return result;
}

static int read_rows(struct connection *connection, const struct source *source, struct rows *rows, struct err *err)
{
	SQLCHAR value[COLUMN_MAX];
	SQLRETURN status;
	SQLLEN len;

	if (!SQL_SUCCEEDED(SQLAllocHandle(SQL_HANDLE_STMT, connection->database, &connection->statement)))
		return say(SQL_HANDLE_DBC, connection->database, "cannot ask", err);
	if (!SQL_SUCCEEDED(
	        SQLExecDirect(connection->statement, (SQLCHAR *)source->query.data, (SQLINTEGER)source->query.len)))
		return say(SQL_HANDLE_STMT, connection->statement, "the query fails", err);
	while (SQL_SUCCEEDED(status = SQLFetch(connection->statement))) {
		if (!SQL_SUCCEEDED(SQLGetData(connection->statement, 1, SQL_C_CHAR, value, sizeof value, &len)))
			return say(SQL_HANDLE_STMT, connection->statement, "a row cannot be read", err);
		if (rows_add(rows, len == SQL_NULL_DATA ? STR("") : str_of((const char *)value), err) != 0)
			return -1;
	}
	return status == SQL_NO_DATA ? 0 : say(SQL_HANDLE_STMT, connection->statement, "the rows cannot be read", err);
}

int source_read_odbc(const struct source *source, struct rows *rows, struct err *err)
{
	struct connection connection = {0};
	int result = open_connection(&connection, source, err);

	if (result == 0)
		result = read_rows(&connection, source, rows, err);
	if (connection.statement != NULL)
		SQLFreeHandle(SQL_HANDLE_STMT, connection.statement);
	if (connection.database != NULL) {
		SQLDisconnect(connection.database);
		SQLFreeHandle(SQL_HANDLE_DBC, connection.database);
	}
	if (connection.environment != NULL)
		SQLFreeHandle(SQL_HANDLE_ENV, connection.environment);
	return result;
}
