/*
 * A table of users taken in. The first half reads it and asks authd whether the passwords are allowed, and statusd who
 * is in use where users are to go; the second half stores row after row, each whole or not at all.
 */
#include "configd/attributes.h"
#include "configd/rows.h"
#include "configd/user_table.h"

#include "common/base/io.h"
#include "common/base/memory.h"

enum {
	PASSWORDS_MAX = 1000, /* of one table: each costs authd time, in which nothing else can be changed */
	RANDOM_OCTETS = 12,   /* of a password that is made */
};

struct user_row {
	unsigned line;
	struct str *fields;  /* as many as there are columns */
	struct str password; /* to be set; data is NULL where there is none */
	bool is_new, bad;
	struct user_row *next;
};

struct user_import {
	struct rows rows;
	struct user_columns columns;
	struct user_row *first, **tail;
	bool update, replace, hashes, random_passwords;
	struct str model;            /* whose settings new users get; data is NULL for nobody's */
	int64_t passwords, replaced; /* how many */
	int64_t *in_use;             /* uids of users with sessions */
	size_t in_use_count;
	struct ipc_message *restore; /* to authd: the password hashes; NULL until there is one */
};

static void refuse_row(struct user_import *import, struct user_row *row, const struct err *why)
{
	row->bad = true;
	rows_refuse(&import->rows, row->line, why);
}

/* Of a row, what stands under a column; data is NULL where the table has none. */
static struct str field_of(const struct user_import *import, const struct user_row *row, int column)
{
	for (size_t i = 0; i < import->columns.count; i++)
		if (import->columns.columns[i] == column)
			return row->fields[i];
	return str_from(NULL, 0);
}

static struct str name_of(const struct user_import *import, const struct user_row *row)
{
	return str_trim(field_of(import, row, USER_COLUMN_NAME));
}

static struct str random_password(struct change *change)
{
	static const char letters[] = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789-_+=#%.:";
	unsigned char octets[RANDOM_OCTETS];
	char *text = arena_get(&change->arena, sizeof octets + 1);

	io_random(octets, sizeof octets);
	for (size_t i = 0; i < sizeof octets; i++)
		text[i] = letters[octets[i] % (sizeof letters - 1)];
	memory_wipe(octets, sizeof octets);
	return str_from(text, sizeof octets);
}

/* What is to be said of the password before anything is stored. */
static int read_password(struct change *change, struct user_import *import, struct user_row *row, struct err *err)
{
	struct ipc_message *request;

	row->password = field_of(import, row, USER_COLUMN_PASSWORD);
	if (row->password.len == 0 && row->is_new && import->random_passwords)
		row->password = random_password(change);
	if (row->password.len == 0)
		row->password = str_from(NULL, 0);
	if (row->password.data == NULL)
		return 0;
	if (import->hashes) {
		request = change_ask_about(change, "restore", row);
		ipc_add_number(request, "check", 1);
		ipc_add(request, "hash", arena_printf(&change->arena, "1:%.*s", STR_ARG(row->password)));
		return 0;
	}
	if (user_check_password(change, row->password, err) != 0)
		return -1;
	if (++import->passwords > PASSWORDS_MAX)
		return err_set(err, ERR_LIMIT, "a table may set %d passwords; divide it", PASSWORDS_MAX);
	request = change_ask_about(change, "password-try", row);
	ipc_add(request, "user", name_of(import, row));
	ipc_add(request, "password", row->password);
	return 0;
}

static int look_at_row(struct change *change, struct user_import *import, struct user_row *row, size_t fields,
                       struct err *err)
{
	struct user user;
	int known;

	if (fields != import->columns.count)
		return err_set(err, ERR_SYNTAX, "it has %zu columns, not %zu", fields, import->columns.count);
	if (check_name(name_of(import, row), "user", err) != 0 ||
	    import_keep_name(change, name_of(import, row), err) != 0 ||
	    (known = user_find(change, name_of(import, row), &user, err)) < 0)
		return -1;
	row->is_new = known == 0;
	return known == 1 && !import->update ? 0 : read_password(change, import, row, err);
}

static int read_columns(struct change *change, struct user_import *import, struct csv *csv, struct err *err)
{
	struct str words = ipc_get(&change->incoming->message, "columns");
	struct csv_row titles;
	struct csv given;

	if (words.data != NULL) {
		csv_open(&given, words);
		csv = &given;
	}
	if (csv_next(csv, &change->arena, &titles, err) != 1)
		return words.len == 0 ? err_set(err, ERR_SYNTAX, "the table has no line with the titles of its columns") : -1;
	return user_columns_read(&titles, &import->columns, err);
}

/* The uids of new users are reserved before the transaction, so the table is read before it, too. */
static int read_rows(struct change *change, struct user_import *import, struct str text, int64_t *new_out,
                     struct err *err)
{
	struct csv csv;
	struct csv_row row;
	int found;

	*new_out = 0;
	csv_open(&csv, text);
	if (read_columns(change, import, &csv, err) != 0 || import_begin_names(change, err) != 0)
		return -1;
	while ((found = csv_next(&csv, &change->arena, &row, err)) != 0) {
		struct user_row *user = arena_get(&change->arena, sizeof *user);

		user->line = row.line;
		user->fields = arena_get(&change->arena, import->columns.count * sizeof *user->fields);
		memcpy(user->fields, row.fields, import->columns.count * sizeof *user->fields);
		*import->tail = user;
		import->tail = &user->next;
		if (found < 0 || look_at_row(change, import, user, row.count, err) != 0)
			refuse_row(import, user, err);
		else
			*new_out += user->is_new;
	}
	return 0;
}

int op_user_import_prepare(struct change *change, struct err *err)
{
	struct user_import *import = arena_get(&change->arena, sizeof *import);
	struct str text;
	int64_t count;

	change->user_import = import;
	import->tail = &import->first;
	import->model = ipc_get(&change->incoming->message, "copy-from");
	if (change_field(change, "text", &text, err) != 0 || rows_begin(&import->rows, change, err) != 0 ||
	    change_flag(change, "check", &change->only_check, err) != 0 ||
	    change_flag(change, "update", &import->update, err) != 0 ||
	    change_flag(change, "replace", &import->replace, err) != 0 ||
	    change_flag(change, "hashes", &import->hashes, err) != 0 ||
	    change_flag(change, "random-passwords", &import->random_passwords, err) != 0)
		return -1;
	if (import->hashes && import->random_passwords)
		return err_set(err, ERR_SYNTAX, "passwords are either hashes or made at random");
	if (read_rows(change, import, text, &count, err) != 0)
		return -1;
	return config_reserve(change->config, STR("uid"), count, &change->first_uid, err);
}

/* "comment=at work;enabled=off" */
static int store_pairs(struct change *change, const struct attribute_holder *holder, struct str pairs, struct err *err)
{
	while (pairs.len != 0) {
		struct str value = str_trim(str_cut(&pairs, ';')), key = str_trim(str_cut(&value, '='));

		if (value.data == NULL && key.len != 0)
			return err_set(err, ERR_SYNTAX, "\"%.*s\" is no key=value", STR_ARG(str_sub(key, 0, 40)));
		if (key.len != 0 && attribute_store(change, holder, key, str_trim(value), err) != 0)
			return -1;
	}
	return 0;
}

/* Also takes the user into the group, where he is not in it. */
static int store_group(struct change *change, const struct user *user, struct str name, struct err *err)
{
	struct group group;
	int known;

	if (name.len == 0)
		return group_set_primary(change, NULL, user, err);
	if (group_need(change, name, &group, err) != 0 || (known = group_is_member(change, &group, user, err)) < 0 ||
	    (known == 0 && group_set_member(change, &group, user, true, err) != 0) ||
	    group_set_primary(change, &group, user, err) != 0)
		return -1;
	return known == 0 ? attributes_hand_out(change, &group, user, err) : 0;
}

static int store_attributes(struct change *change, const struct user_row *row, const struct user *user, struct err *err)
{
	const struct user_import *import = change->user_import;
	const struct attribute_holder holder = {false, user->uid, user->name};

	for (size_t i = 0; i < import->columns.count; i++) {
		int column = import->columns.columns[i];
		struct str key, value = row->fields[i];

		if (column >= ATTRIBUTE_COUNT)
			continue;
		key = str_of(attribute_definitions[column].key);
		if (value.len == 0 ? attribute_remove(change, &holder, key, err) != 0
		                   : attribute_store(change, &holder, key, value, err) != 0)
			return -1;
	}
	return store_pairs(change, &holder, field_of(import, row, USER_COLUMN_OTHER), err);
}

static int store_password(struct change *change, const struct user_row *row, const struct user *user, struct err *err)
{
	struct user_import *import = change->user_import;

	if (row->password.data == NULL)
		return 0;
	if (!import->hashes)
		return user_set_password(change, user, row->password, false, err);
	if (import->restore == NULL)
		import->restore = change_ask_before(change, "restore");
	ipc_add(import->restore, "hash",
	        arena_printf(&change->arena, "%lld:%.*s", (long long)user->uid, STR_ARG(row->password)));
	return 0;
}

static int store_row(struct change *change, const struct user_row *row, struct user *user, struct err *err)
{
	struct user_import *import = change->user_import;
	struct str model = field_of(import, row, USER_COLUMN_TEMPLATE), name = name_of(import, row);
	struct str group = field_of(import, row, USER_COLUMN_GROUP);
	struct user from;

	if (model.len == 0)
		model = import->model;
	if (row->is_new ? user_add(change, name, false, true, user, err) != 0 : user_need(change, name, user, err) != 0)
		return -1;
	if (row->is_new && model.len != 0 &&
	    (user_need(change, str_trim(model), &from, err) != 0 || user_copy_settings(change, &from, user, err) != 0))
		return -1;
	if (group.data != NULL && store_group(change, user, str_trim(group), err) != 0)
		return -1;
	return store_attributes(change, row, user, err);
}

/* Whole or not at all. */
static int take_row(struct change *change, struct user_row *row, struct err *err)
{
	struct change_note **notes = change->notes_tail;
	struct user_import *import = change->user_import;
	struct user user;
	int result;

	if (db_exec(&change->config->db, "SAVEPOINT user_row", err) != 0)
		return -1;
	result = store_row(change, row, &user, err);
	if (result == 0)
		result = store_password(change, row, &user, err);
	*notes = NULL; /* one line of the log for each row */
	change->notes_tail = notes;
	if (result != 0) {
		refuse_row(import, row, err);
		if (db_exec(&change->config->db, "ROLLBACK TO user_row", err) != 0)
			return -1;
	} else {
		change_note(change, "user %.*s %s a table", STR_ARG(user.name), row->is_new ? "added by" : "changed by");
		import->rows.added += row->is_new;
		import->rows.known += !row->is_new;
		if (import->random_passwords && row->password.data != NULL)
			ipc_add(&change->reply, "generated",
			        arena_printf(&change->arena, "%.*s\t%.*s", STR_ARG(user.name), STR_ARG(row->password)));
	}
	return db_exec(&change->config->db, "RELEASE user_row", err);
}

static int remove_user(struct change *change, struct str name, struct err *err)
{
	struct user_import *import = change->user_import;
	bool in_use = false;
	struct user user;

	if (user_need(change, name, &user, err) != 0)
		return -1;
	if (user.administrator || str_equal_nocase(name, STR("postmaster"))) {
		ipc_add(&change->reply, "kept", arena_printf(&change->arena, "%.*s: administers this server", STR_ARG(name)));
		return 0;
	}
	for (size_t i = 0; i < import->in_use_count; i++)
		in_use |= import->in_use[i] == user.uid;
	if (in_use) {
		ipc_add(&change->reply, "kept", arena_printf(&change->arena, "%.*s: is in use", STR_ARG(name)));
		return 0;
	}
	if (user_delete(change, &user, err) != 0)
		return -1;
	import->replaced++;
	ipc_add_number(change_ask_after(change, "user-delete"), "uid", user.uid);
	return 0;
}

static int take_rows(struct change *change, struct err *err)
{
	struct user_import *import = change->user_import;

	change->refused = NULL;
	for (struct user_row *row = import->first; row != NULL; row = row->next) {
		if (row->bad)
			continue;
		if (!row->is_new && !import->update)
			import->rows.known++;
		else if (take_row(change, row, err) != 0)
			return -1;
	}
	if (import->replace && import_for_missing(change, "SELECT name FROM user", remove_user, err) != 0)
		return -1;
	ipc_add_number(&change->reply, "removed", import->replaced);
	rows_end(&import->rows, "users");
	return 0;
}

/* A password that authd would not take costs its row alone; that authd cannot say now costs the import. */
static int password_refused(struct change *change, const struct change_ask *asked, const struct err *why)
{
	if (asked->subject == NULL || why->code == ERR_TEMPORARY || why->code == ERR_SYSTEM || why->code == ERR_TIMEOUT ||
	    why->code == ERR_CLOSED)
		return -1;
	refuse_row(change->user_import, asked->subject, why);
	return 0;
}

static int keep_in_use(struct change *change, const struct ipc_message *reply, struct err *err)
{
	struct user_import *import = change->user_import;
	struct str key, value;
	uint64_t uid;

	(void)err;
	for (size_t position = 0; ipc_next(reply, &position, &key, &value);)
		import->in_use_count += str_equal(key, STR("uid"));
	if (import->in_use_count == 0 || import->in_use != NULL)
		return 0;
	import->in_use = arena_get(&change->arena, import->in_use_count * sizeof *import->in_use);
	import->in_use_count = 0;
	for (size_t position = 0; ipc_next(reply, &position, &key, &value);)
		if (str_equal(key, STR("uid")) && str_to_u64(value, INT64_MAX, &uid))
			import->in_use[import->in_use_count++] = (int64_t)uid;
	return 0;
}

int op_user_import(struct change *change, struct err *err)
{
	(void)err;
	if (change->user_import->replace)
		change_ask_in_use(change);
	change->answered = keep_in_use;
	change->refused = password_refused;
	change->then = take_rows;
	return 0;
}
