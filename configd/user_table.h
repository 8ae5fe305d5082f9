/*
 * user_table: users as a table (CSV, specification 02, "Import and export of users").
 *
 * A column is an attribute by its key, or "name", "password", "group" (the primary one), "template" (whose settings a
 * new user gets first), "other" (key=value pairs, separated by semicolons), "ignore". The titles that other programs
 * write for them are known, too ("User Id", "Send Internet Mail"). Passwords leave as hashes only, and only where they
 * are asked for.
 */
#ifndef POSTROOM_CONFIGD_USER_TABLE_H
#define POSTROOM_CONFIGD_USER_TABLE_H

#include "common/base/csv.h"
#include "common/settings/attributes.h"
#include "configd/configd.h"

/* What a column holds: an attribute, or one of these. */
enum user_column {
	USER_COLUMN_NAME = ATTRIBUTE_COUNT,
	USER_COLUMN_PASSWORD,
	USER_COLUMN_GROUP,
	USER_COLUMN_TEMPLATE,
	USER_COLUMN_OTHER,
	USER_COLUMN_IGNORE,
};

struct user_columns {
	int columns[CSV_FIELDS_MAX];
	size_t count;
};

/* Read the titles. -1: ERR_NOT_FOUND (no such column), ERR_EXISTS (it stands there twice), ERR_SYNTAX (no "name"). */
int user_columns_read(const struct csv_row *titles, struct user_columns *columns_out, struct err *err);

/* hashes.c: what authd's answer to "dump" has, a line for each user. */
struct hash_line {
	int64_t uid;
	struct str hash; /* as authd's "restore" takes it behind the number */
};

struct hash_lines {
	struct hash_line *lines;
	size_t count;
};

/* The lines live as long as the change and the answer. */
struct hash_lines hash_lines_read(struct change *change, const struct ipc_message *dump);
/* The hash of a user; data is NULL where he has no password. */
struct str hash_lines_find(const struct hash_lines *hashes, int64_t uid);

#endif
