#include "common/policy/geo_import.h"

#include "common/addr/cidr.h"
#include "common/base/io.h"
#include "common/base/memory.h"
#include "common/db/db.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

enum { GEO_MODE = 0644 /* who may enter the folder decides */, CHUNK = 65536 };

/* The value of a message, short enough for a line. */
#define SHOWN(value) STR_ARG(str_sub(value, 0, 80))

/* Rows come in any order; both tables get them sorted, with what each can reach. */
static const char schema[] =
    "CREATE TABLE geoipv4(id INTEGER PRIMARY KEY, addrfrom INTEGER NOT NULL, addrto INTEGER NOT NULL,"
    " result TEXT NOT NULL, reach INTEGER NOT NULL);"
    "CREATE TABLE geoipv6(id INTEGER PRIMARY KEY, addrfrom BLOB NOT NULL, addrto BLOB NOT NULL,"
    " result TEXT NOT NULL, reach BLOB NOT NULL);"
    "CREATE TABLE incoming(addrfrom, addrto, result TEXT);";

/* Index after the rows: they are many. */
static const char indexes[] = "CREATE INDEX geoipv4_from ON geoipv4(addrfrom);"
                              "CREATE INDEX geoipv6_from ON geoipv6(addrfrom);"
                              "DROP TABLE incoming;"
                              "VACUUM";

static const char *const table_names[] = {"geoipv4", "geoipv6"};

int geo_columns_parse(struct str digits, struct geo_columns *columns_out, struct err *err)
{
	unsigned *const columns[] = {&columns_out->from, &columns_out->to, &columns_out->result};

	for (size_t i = 0; i < 3; i++) {
		if (digits.len != 3 || digits.data[i] < '1' || digits.data[i] > '9')
			return err_set(err, ERR_SYNTAX,
			               "columns must be three digits from 1 to 9, for first address, last address and name, as in "
			               "125; \"%.*s\" is not",
			               SHOWN(digits));
		*columns[i] = (unsigned)(digits.data[i] - '0');
	}
	return 0;
}

/* A field in quotes, from behind the first one; *rest is set behind its comma, data NULL after the last field. */
static bool cut_quoted(struct str *rest, struct arena *arena, struct str *field_out)
{
	char *text = arena_get(arena, rest->len + 1);
	size_t len = 0, at = 0;

	for (; at < rest->len; at++) {
		if (rest->data[at] == '"' && (at + 1 == rest->len || rest->data[at + 1] != '"'))
			break;
		at += rest->data[at] == '"';
		text[len++] = rest->data[at];
	}
	if (at == rest->len)
		return false;
	*field_out = str_from(text, len);
	*rest = str_trim(str_skip(*rest, at + 1));
	if (rest->len == 0)
		rest->data = NULL;
	else if (rest->data[0] != ',')
		return false;
	else
		*rest = str_skip(*rest, 1);
	return true;
}

static int cut_field(struct str *rest, struct arena *arena, struct str *field_out, struct err *err)
{
	struct str trimmed = str_trim(*rest);

	if (trimmed.len == 0 || trimmed.data[0] != '"') {
		*field_out = str_trim(str_cut(rest, ','));
		return 0;
	}
	*rest = str_skip(trimmed, 1);
	if (!cut_quoted(rest, arena, field_out))
		return err_set(err, ERR_SYNTAX, "a quoted field does not end where it should");
	return 0;
}

static int parse_address(struct str text, bool is_ipv6, unsigned char address_out[16], struct err *err)
{
	struct cidr cidr;
	uint64_t number;
	uint32_t network;

	memset(address_out, 0, 16);
	if (!is_ipv6 && str_to_u64(text, UINT32_MAX, &number)) {
		network = htonl((uint32_t)number);
		memcpy(address_out, &network, sizeof network);
		return 0;
	}
	if (!cidr_is_address(text, is_ipv6) || cidr_parse(text, &cidr, NULL, NULL) != 0)
		return err_set(err, ERR_SYNTAX, "\"%.*s\" is no %s address", SHOWN(text), is_ipv6 ? "IPv6" : "IPv4");
	if (cidr.is_ipv6 == is_ipv6)
		memcpy(address_out, cidr.address, 16);
	else /* an IPv4 address in IPv6 is looked for as IPv4 */
		return err_set(err, ERR_SYNTAX, "\"%.*s\" is an IPv4 address", SHOWN(text));
	return 0;
}

int geo_row_parse(struct str line, const struct geo_columns *columns, bool is_ipv6, struct arena *arena,
                  struct geo_row *row_out, struct err *err)
{
	struct str fields[10] = {{NULL, 0}};
	const unsigned wanted[] = {columns->from, columns->to, columns->result};

	for (unsigned i = 1; i <= 9 && line.data != NULL; i++)
		if (cut_field(&line, arena, &fields[i], err) != 0)
			return -1;
	for (size_t i = 0; i < 3; i++)
		if (fields[wanted[i]].data == NULL)
			return err_set(err, ERR_SYNTAX, "there is no column %u", wanted[i]);
	row_out->result = str_trim(fields[columns->result]);
	if (row_out->result.len > GEO_RESULT_MAX)
		return err_set(err, ERR_LIMIT, "the name of a range has more than %d octets", GEO_RESULT_MAX);
	if (parse_address(fields[columns->from], is_ipv6, row_out->from, err) != 0 ||
	    parse_address(fields[columns->to], is_ipv6, row_out->to, err) != 0)
		return -1;
	if (memcmp(row_out->from, row_out->to, 16) > 0)
		return err_set(err, ERR_SYNTAX, "the first address is behind the last one");
	return 0;
}

static void bind_address(struct db_statement *statement, int position, const unsigned char address[16], bool is_ipv6)
{
	uint32_t number;

	memcpy(&number, address, sizeof number);
	if (is_ipv6)
		db_bind_blob(statement, position, str_from((const char *)address, 16));
	else
		db_bind_number(statement, position, ntohl(number));
}

/* A table being filled from lines. */
struct import {
	const struct geo_columns *columns;
	bool is_ipv6;
	struct db_statement insert;
	struct arena arena;
	int64_t line, rows;
};

static int take_line(struct import *import, struct str line, struct err *err)
{
	struct geo_row row = {.result = STR("")};
	int result = 0;

	import->line++;
	line = str_trim(line);
	if (line.len == 0)
		return 0;
	if (line.len > GEO_LINE_MAX)
		result = err_set(err, ERR_LIMIT, "the line has more than %d octets", GEO_LINE_MAX);
	else if (import->rows == GEO_ROWS_MAX)
		result = err_set(err, ERR_LIMIT, "there are more than %d rows", GEO_ROWS_MAX);
	else
		result = geo_row_parse(line, import->columns, import->is_ipv6, &import->arena, &row, err);
	if (result == 0 && row.result.len != 0) {
		bind_address(&import->insert, 1, row.from, import->is_ipv6);
		bind_address(&import->insert, 2, row.to, import->is_ipv6);
		db_bind_text(&import->insert, 3, row.result);
		result = db_run(&import->insert, err);
		import->rows++;
	}
	arena_reset(&import->arena);
	return result == 0 ? 0 : err_prefix(err, "line %lld", (long long)import->line);
}

/* Take the whole lines that pending begins with; at the file's end also the last one without its end. */
static int take_lines(struct import *import, struct buf *pending, bool at_end, struct err *err)
{
	struct str rest = buf_str(pending);

	while (rest.len != 0) {
		ptrdiff_t end = str_find_char(rest, '\n');
		struct str line = str_sub(rest, 0, end >= 0 ? (size_t)end : rest.len);

		if (end < 0 && !at_end && rest.len <= GEO_LINE_MAX)
			break;
		if (take_line(import, line, err) != 0)
			return -1;
		rest = str_skip(rest, end >= 0 ? (size_t)end + 1 : rest.len);
	}
	buf_consume(pending, pending->len - rest.len);
	return 0;
}

static int read_lines(struct import *import, int csv, struct err *err)
{
	struct buf pending;
	ssize_t count = 1;
	int result = 0;

	buf_init(&pending, 2 * CHUNK);
	while (result == 0 && count > 0) {
		char *room = buf_reserve(&pending, CHUNK);

		do
			count = read(csv, room, CHUNK);
		while (count < 0 && errno == EINTR);
		if (count < 0)
			result = err_system(err, "cannot read the file");
		else
			pending.len += (size_t)count;
		if (result == 0)
			result = take_lines(import, &pending, count == 0, err);
	}
	buf_free(&pending);
	return result;
}

/* What was imported, and what the tables had, in the order that looking up needs. */
static int sort_into(struct db *image, const char *table, struct err *err)
{
	char sql[300];

	snprintf(sql, sizeof sql,
	         "INSERT INTO %s(addrfrom, addrto, result, reach) SELECT addrfrom, addrto, result, max(addrto)"
	         " OVER (ORDER BY addrfrom, rowid ROWS UNBOUNDED PRECEDING) FROM incoming ORDER BY addrfrom, rowid;"
	         "DELETE FROM incoming",
	         table);
	return db_exec(image, sql, err);
}

/* Rows of the database that was, without those that `but` says (":address" is bound where it is one). */
static int keep_rows(struct db *old, struct db *image, const char *table, const char *but, const struct cidr *address,
                     struct err *err)
{
	struct db_statement read, write;
	char sql[200];
	int row;

	snprintf(sql, sizeof sql, "SELECT addrfrom, addrto, result FROM %s WHERE NOT (%s) ORDER BY id", table, but);
	if (db_prepare(old, &read, sql, err) != 0)
		return -1;
	if (db_prepare(image, &write, "INSERT INTO incoming VALUES(?, ?, ?)", err) != 0) {
		db_finalize(&read);
		return -1;
	}
	if (address != NULL)
		bind_address(&read, 1, address->address, address->is_ipv6);
	while ((row = db_step(&read, err)) == 1) {
		for (int i = 0; i < 3; i++)
			sqlite3_bind_value(write.handle, i + 1, sqlite3_column_value(read.handle, i));
		if (db_run(&write, err) != 0) {
			row = -1;
			break;
		}
	}
	db_finalize(&write);
	db_finalize(&read);
	return row == 0 ? sort_into(image, table, err) : -1;
}

static int write_image(struct db *image, const char *path, struct err *err)
{
	sqlite3_int64 size = 0;
	unsigned char *bytes;
	int result;

	if (db_exec(image, indexes, err) != 0)
		return -1;
	bytes = sqlite3_serialize(image->handle, "main", &size, 0);
	if (bytes == NULL)
		return err_set(err, ERR_TEMPORARY, "not enough memory for the table");
	result = io_replace_file(path, str_from((const char *)bytes, (size_t)size), GEO_MODE, err);
	sqlite3_free(bytes);
	return result;
}

static int open_image(struct db *image, struct err *err)
{
	if (db_open(image, ":memory:", DB_CREATE | DB_MEMORY, 0, err) != 0)
		return -1;
	if (db_exec(image, schema, err) == 0)
		return 0;
	db_close(image);
	return -1;
}

/* The database that was, which may not be there: then its handle is NULL. */
static int open_old(struct db *old, const char *path, struct err *err)
{
	old->handle = NULL;
	if (access(path, F_OK) != 0 && errno == ENOENT)
		return 0;
	return db_open(old, path, DB_READ_ONLY | DB_IMMUTABLE, 0, err);
}

static int import_into(struct db *image, int csv, struct import *import, struct err *err)
{
	int result;

	if (db_prepare(image, &import->insert, "INSERT INTO incoming VALUES(?, ?, ?)", err) != 0)
		return -1;
	arena_init(&import->arena);
	result = read_lines(import, csv, err);
	arena_free(&import->arena);
	db_finalize(&import->insert);
	return result == 0 ? sort_into(image, table_names[import->is_ipv6], err) : -1;
}

int geo_import(const char *path, int csv, const struct geo_columns *columns, bool is_ipv6, int64_t *rows_out,
               struct err *err)
{
	struct import import = {.columns = columns, .is_ipv6 = is_ipv6};
	struct db image, old;
	int result;

	if (open_old(&old, path, err) != 0)
		return -1;
	result = open_image(&image, err);
	if (result == 0) {
		result = import_into(&image, csv, &import, err);
		if (result == 0 && old.handle != NULL)
			result = keep_rows(&old, &image, table_names[!is_ipv6], "0", NULL, err);
		if (result == 0)
			result = write_image(&image, path, err);
		db_close(&image);
	}
	if (old.handle != NULL)
		db_close(&old);
	*rows_out = import.rows;
	return result;
}

static int64_t count_rows(struct db *db, struct err *err)
{
	struct db_statement count;
	int64_t rows = -1;

	if (db_prepare(db, &count, "SELECT (SELECT count(*) FROM geoipv4) + (SELECT count(*) FROM geoipv6)", err) != 0)
		return -1;
	if (db_step(&count, err) == 1)
		rows = db_number(&count, 0);
	db_finalize(&count);
	return rows;
}

static int delete_from(struct db *old, const char *path, const struct cidr *address, int64_t *rows_out, struct err *err)
{
	struct db image;
	int64_t before, after = -1;
	int result;

	if (open_image(&image, err) != 0)
		return -1;
	before = count_rows(old, err);
	result = before < 0 ? -1
	                    : keep_rows(old, &image, table_names[address->is_ipv6], "addrfrom <= ?1 AND addrto >= ?1",
	                                address, err);
	if (result == 0)
		result = keep_rows(old, &image, table_names[!address->is_ipv6], "0", NULL, err);
	if (result == 0)
		after = count_rows(&image, err);
	if (result == 0)
		result = after < 0 ? -1 : after < before ? write_image(&image, path, err) : 0;
	*rows_out = before - after;
	db_close(&image);
	return result;
}

int geo_delete(const char *path, struct str address, int64_t *rows_out, struct err *err)
{
	struct cidr cidr;
	struct db old;
	int result;

	*rows_out = 0;
	if (cidr_parse(address, &cidr, NULL, err) != 0)
		return -1;
	if (!cidr_is_host(&cidr))
		return err_set(err, ERR_SYNTAX, "\"%.*s\" is not a single address", SHOWN(address));
	if (open_old(&old, path, err) != 0 || old.handle == NULL)
		return old.handle == NULL ? 0 : -1;
	result = delete_from(&old, path, &cidr, rows_out, err);
	db_close(&old);
	return result;
}
