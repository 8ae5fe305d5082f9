#include "configd/user_table.h"

/* Columns without an attribute, and other titles of those with one. */
static const struct {
	const char *title;
	int column;
} titles[] = {
    {"name", USER_COLUMN_NAME},
    {"user id", USER_COLUMN_NAME},
    {"password", USER_COLUMN_PASSWORD},
    {"group", USER_COLUMN_GROUP},
    {"template", USER_COLUMN_TEMPLATE},
    {"template user", USER_COLUMN_TEMPLATE},
    {"other", USER_COLUMN_OTHER},
    {"other options", USER_COLUMN_OTHER},
    {"ignore", USER_COLUMN_IGNORE},
    {"admin", ATTRIBUTE_ADMINISTRATOR},
    {"reply to", ATTRIBUTE_REPLY_ADDRESS},
    {"send only to assistant", ATTRIBUTE_ASSISTANT_REDIRECT},
    {"forward to", ATTRIBUTE_FORWARD},
    {"use forwarding", ATTRIBUTE_FORWARD_ENABLED},
    {"comments", ATTRIBUTE_COMMENT},
    {"in 'everyone' list", ATTRIBUTE_IN_EVERYONE},
    {"send internet mail", ATTRIBUTE_SEND_INTERNET},
    {"receive internet mail", ATTRIBUTE_RECEIVE_INTERNET},
    {"max outgoing size", ATTRIBUTE_SEND_MAX_SIZE},
};

static int read_title(struct str title, int *column_out, struct err *err)
{
	const struct setting_definition *definition;

	for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++)
		if (str_equal_nocase(title, str_of(titles[i].title))) {
			*column_out = titles[i].column;
			return 0;
		}
	if (catalogue_find(&attribute_catalogue, title, &definition, NULL) != 0 || !definition->of_users)
		return err_set(err, ERR_NOT_FOUND,
		               "there is no column \"%.*s\"; name, password, group, template, other, ignore and the attributes "
		               "of users are known",
		               STR_ARG(str_sub(title, 0, 60)));
	*column_out = (int)(definition - attribute_definitions);
	return 0;
}

int user_columns_read(const struct csv_row *row, struct user_columns *columns_out, struct err *err)
{
	bool known[USER_COLUMN_IGNORE] = {false};

	columns_out->count = row->count;
	for (size_t i = 0; i < row->count; i++) {
		int *column = &columns_out->columns[i];

		if (read_title(str_trim(row->fields[i]), column, err) != 0)
			return -1;
		if (*column == USER_COLUMN_IGNORE)
			continue;
		if (known[*column])
			return err_set(err, ERR_EXISTS, "the column \"%.*s\" stands there twice",
			               STR_ARG(str_sub(row->fields[i], 0, 60)));
		known[*column] = true;
	}
	return known[USER_COLUMN_NAME] ? 0 : err_set(err, ERR_SYNTAX, "the table has no column \"name\"");
}

/* Which columns an export has: those that somebody has something in. */
struct export
{
	bool verbose, passwords;
	bool wanted[ATTRIBUTE_COUNT];
	struct hash_lines hashes;
	struct buf out;
};

static int choose_columns(struct change *change, struct export *export, struct err *err)
{
	const struct setting_definition *definition;
	struct db_statement keys;
	int row;

	export->wanted[ATTRIBUTE_ADMINISTRATOR] = true;
	if (!export->verbose)
		return 0;
	export->wanted[ATTRIBUTE_ENABLED] = export->wanted[ATTRIBUTE_COMMENT] = true;
	if (config_query(change->config, &keys, err, "SELECT DISTINCT key FROM user_attribute", "") != 0)
		return -1;
	while ((row = db_step(&keys, err)) == 1)
		if (catalogue_find(&attribute_catalogue, db_text(&keys, 0), &definition, NULL) == 0)
			export->wanted[definition - attribute_definitions] = true;
	db_finalize(&keys);
	return row;
}

static void write_titles(struct export *export)
{
	csv_add_field(&export->out, STR("name"), true);
	if (export->passwords)
		csv_add_field(&export->out, STR("password"), false);
	if (export->verbose)
		csv_add_field(&export->out, STR("group"), false);
	for (int i = 0; i < ATTRIBUTE_COUNT; i++)
		if (export->wanted[i])
			csv_add_field(&export->out, str_of(attribute_definitions[i].key), false);
	csv_end_row(&export->out);
}

/* What the user has of his own; nothing where he has the default. */
static int write_attribute(struct change *change, struct export *export, int64_t uid, int attribute, struct err *err)
{
	const struct setting_definition *definition = &attribute_definitions[attribute];
	struct str value = STR("");

	if (config_text(change->config, &change->arena, &value, err,
	                "SELECT value FROM user_attribute WHERE uid = ? AND key = ?", "nt", uid,
	                str_of(definition->key)) < 0)
		return -1;
	csv_add_field(&export->out, value, false);
	return 0;
}

static int write_user(struct change *change, struct export *export, const struct db_statement *user, struct err *err)
{
	int64_t uid = db_number(user, 0);

	csv_add_field(&export->out, db_text(user, 1), true);
	if (export->passwords)
		csv_add_field(&export->out, hash_lines_find(&export->hashes, uid), false);
	if (export->verbose)
		csv_add_field(&export->out, db_text(user, 2), false);
	for (int i = 0; i < ATTRIBUTE_COUNT; i++)
		if (export->wanted[i] && write_attribute(change, export, uid, i, err) != 0)
			return -1;
	csv_end_row(&export->out);
	return 0;
}

static int write_table(struct change *change, struct export *export, struct err *err)
{
	struct db_statement user;
	int row = choose_columns(change, export, err);

	if (row != 0 || config_query(change->config, &user, err,
	                             "SELECT uid, user.name, ifnull((SELECT user_group.name FROM primary_group"
	                             " JOIN user_group ON id = group_id WHERE primary_group.uid = user.uid), '')"
	                             " FROM user ORDER BY user.name",
	                             "") != 0)
		return -1;
	buf_init(&export->out, IPC_MESSAGE_MAX - IPC_PACKET_MAX);
	write_titles(export);
	while ((row = db_step(&user, err)) == 1)
		if (write_user(change, export, &user, err) != 0) {
			row = -1;
			break;
		}
	db_finalize(&user);
	if (row == 0 && export->out.overflow)
		row = err_set(err, ERR_LIMIT, "there are too many users for one table");
	if (row == 0)
		ipc_add(&change->reply, "text", buf_str(&export->out));
	buf_free(&export->out);
	return row;
}

static int read_flags(struct change *change, struct export *export, struct err *err)
{
	return change_flag(change, "verbose", &export->verbose, err) != 0
	           ? -1
	           : change_flag(change, "passwords", &export->passwords, err);
}

static int dump_answered(struct change *change, const struct ipc_message *reply, struct err *err)
{
	struct export export = {0};

	if (read_flags(change, &export, err) != 0)
		return -1;
	export.hashes = hash_lines_read(change, reply);
	change_note(change, "users exported with password hashes");
	return write_table(change, &export, err);
}

int op_user_export(struct change *change, struct err *err)
{
	struct export export = {0};

	if (read_flags(change, &export, err) != 0)
		return -1;
	if (!export.passwords)
		return write_table(change, &export, err);
	change->answered = dump_answered;
	ipc_add_number(change_ask_before(change, "dump"), "passwords", 1);
	return 0;
}
