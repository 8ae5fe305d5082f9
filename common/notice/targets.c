#include "common/notice/targets.h"

bool notice_targets_next(struct str *rest, struct str *target_out, struct str *account_out)
{
	struct str item = str_cut_item(rest);

	*target_out = str_cut(&item, '=');
	*account_out = item.data != NULL ? item : STR("");
	return target_out->len != 0;
}

bool notice_is_nobody(struct str account)
{
	return str_equal_nocase(account, STR("none")) || str_equal_nocase(account, STR("<None>"));
}

/* The first row's first column: 1 = there is one, 0 = none, -1 = error. */
static int find(struct settings *settings, const char *sql, struct str name, int64_t uid, struct arena *arena,
                struct str *name_out, struct err *err)
{
	struct db_statement statement;
	int row;

	if (db_prepare(&settings->objects, &statement, sql, err) != 0)
		return -1;
	if (name.len != 0)
		db_bind_text(&statement, 1, name);
	else if (uid != 0)
		db_bind_number(&statement, 1, uid);
	row = db_step(&statement, err);
	if (row == 1)
		*name_out = arena_copy(arena, db_text(&statement, 0));
	db_finalize(&statement);
	return row;
}

static int find_named(struct settings *settings, struct str name, struct arena *arena, struct str *name_out,
                      struct err *err)
{
	return name.len == 0 ? 0 : find(settings, "SELECT name FROM user WHERE name = ?", name, 0, arena, name_out, err);
}

int notice_user_name(struct settings *settings, int64_t uid, struct arena *arena, struct str *name_out, struct err *err)
{
	*name_out = STR("");
	return find(settings, "SELECT name FROM user WHERE uid = ?", STR(""), uid, arena, name_out, err) < 0 ? -1 : 0;
}

int notice_account_user(struct settings *settings, struct str account, struct arena *arena, struct str *name_out,
                        struct err *err)
{
	int found;

	*name_out = STR("");
	if (notice_is_nobody(account))
		return 0;
	found = find_named(settings, account, arena, name_out, err);
	if (found == 0)
		found =
		    find_named(settings, str_of(settings_text(settings, SETTING_NOTICES_ADMINISTRATOR)), arena, name_out, err);
	if (found == 0)
		found = find(settings, "SELECT name FROM user ORDER BY administrator DESC, enabled DESC, uid LIMIT 1", STR(""),
		             0, arena, name_out, err);
	return found < 0 ? -1 : 0;
}

int notice_target_user(struct settings *settings, const char *target, struct arena *arena, struct str *name_out,
                       struct err *err)
{
	struct str rest = str_of(settings_text(settings, SETTING_NOTICES_TARGETS)), word, account;

	while (notice_targets_next(&rest, &word, &account))
		if (str_equal_nocase(word, str_of(target)))
			return notice_account_user(settings, account, arena, name_out, err);
	return notice_account_user(settings, STR(""), arena, name_out, err);
}
