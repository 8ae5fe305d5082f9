#include "configd/names.h"

/* Groups that are always there; "anyone" and "owner" mean something in permissions of folders (RFC 4314). */
static const char *const built_in[] = {"everyone", "admins", "no-one", "anyone", "owner"};
enum { BUILT_IN_GROUPS = 3, BUILT_IN_COUNT = sizeof built_in / sizeof *built_in };

const char *name_kind_word(enum name_kind kind)
{
	static const char *const words[NAME_KINDS] = {"user", "list", "group"};

	return words[kind];
}

int name_find(struct change *change, struct str name, struct named *named_out, struct err *err)
{
	struct db_statement statement;
	int row;

	*named_out = (struct named){0};
	for (int i = 0; i < BUILT_IN_GROUPS; i++)
		if (str_equal_nocase(name, str_of(built_in[i]))) {
			*named_out = (struct named){NAME_GROUP, 0, str_of(built_in[i])};
			return 1;
		}
	if (config_query(
	        change->config, &statement, err,
	        "SELECT 0, uid, name FROM user WHERE name = ?1 UNION ALL SELECT 1, id, name FROM list WHERE name = ?1"
	        " UNION ALL SELECT 2, id, name FROM user_group WHERE name = ?1 LIMIT 1",
	        "t", name) != 0)
		return -1;
	row = db_step(&statement, err);
	if (row == 1)
		*named_out = (struct named){(enum name_kind)db_number(&statement, 0), db_number(&statement, 1),
		                            arena_copy(&change->arena, db_text(&statement, 2))};
	db_finalize(&statement);
	return row;
}

/* Names that have a meaning of their own. */
static int check_reserved(struct change *change, struct str name, enum name_kind kind, struct err *err)
{
	struct str mailer, listserver;
	bool reserved = false;

	if (setting_text(change, SETTING_MAILER_DAEMON, &mailer, err) != 0 ||
	    setting_text(change, SETTING_LISTSERVER_NAME, &listserver, err) != 0)
		return -1;
	for (int i = 0; i < BUILT_IN_COUNT; i++)
		reserved |= str_equal_nocase(name, str_of(built_in[i]));
	reserved |= str_equal_nocase(name, mailer) || str_equal_nocase(name, STR("mailer-daemon")) ||
	            str_equal_nocase(name, listserver);
	if (kind == NAME_LIST)
		reserved |= str_equal_nocase(name, STR("spam")) || str_equal_nocase(name, STR("notspam"));
	if (!reserved)
		return 0;
	return err_set(err, ERR_DENIED, "\"%.*s\" has a meaning of its own and cannot be the name of a %s", STR_ARG(name),
	               name_kind_word(kind));
}

int name_check_free(struct change *change, struct str name, enum name_kind kind, struct err *err)
{
	struct named other;
	int row;

	if (check_reserved(change, name, kind, err) != 0 || (row = name_find(change, name, &other, err)) < 0)
		return -1;
	if (row == 0 || (change->import != NULL && other.kind != kind))
		return 0;
	return err_set(err, ERR_EXISTS, "the %s %.*s exists already", name_kind_word(other.kind), STR_ARG(other.name));
}

int check_names(struct config *config, struct err *err)
{
	struct db_statement statement;
	int row;

	if (config_query(config, &statement, err,
	                 "SELECT name, group_concat(kind, ' and a ') FROM (SELECT name, 'user' AS kind FROM user UNION ALL"
	                 " SELECT name, 'list' FROM list UNION ALL SELECT name, 'group' FROM user_group)"
	                 " GROUP BY lower(name) HAVING count(*) > 1",
	                 "") != 0)
		return -1;
	row = db_step(&statement, err);
	if (row == 1)
		row = err_set(err, ERR_EXISTS, "there would be a %.*s of the name %.*s", STR_ARG(db_text(&statement, 1)),
		              STR_ARG(db_text(&statement, 0)));
	db_finalize(&statement);
	return row;
}

/* A setting that names a user. */
static int follow_setting(struct change *change, struct str from, struct str to, struct err *err)
{
	return config_run(change->config, err,
	                  "UPDATE setting SET value = ? WHERE key = 'fax.mailbox' AND value = ? COLLATE NOCASE", "tt", to,
	                  from);
}

int name_changed(struct change *change, struct str from, struct str to, struct err *err)
{
	if (follow_setting(change, from, to, err) != 0)
		return -1;
	if (config_run(change->config, err, "UPDATE mapping SET target = ? WHERE target = ? COLLATE NOCASE", "tt", to,
	               from) != 0)
		return -1;
	return config_run(change->config, err, "UPDATE list_member SET address = ? WHERE address = ?", "tt", to, from);
}

/* A note for each row that a query names. */
static int note_each(struct change *change, const char *sql, struct str name, const char *what, struct err *err)
{
	struct db_statement statement;
	int row;

	if (config_query(change->config, &statement, err, sql, "t", name) != 0)
		return -1;
	while ((row = db_step(&statement, err)) == 1)
		change_note(change, "%s %.*s, which %.*s was behind, deleted", what, STR_ARG(db_text(&statement, 0)),
		            STR_ARG(name));
	db_finalize(&statement);
	return row;
}

int name_deleted(struct change *change, struct str name, struct err *err)
{
	if (follow_setting(change, name, STR(""), err) != 0)
		return -1;
	if (note_each(change, "SELECT pattern FROM mapping WHERE target = ? COLLATE NOCASE", name, "mapping", err) != 0 ||
	    config_run(change->config, err, "DELETE FROM mapping WHERE target = ? COLLATE NOCASE", "t", name) != 0)
		return -1;
	return config_run(change->config, err, "DELETE FROM list_member WHERE address = ?", "t", name);
}
