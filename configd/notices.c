/*
 * Users whom the settings name as those who are told of what happens (common/notice/targets.h): they must be there, and
 * the settings follow where they are renamed or deleted.
 */
#include "configd/configd.h"

#include "common/notice/targets.h"

#define ADMINISTRATOR "notices.administrator"
#define TARGETS       "notices.targets"

/* What is set, into arena; empty: nothing. */
static int read_setting(struct config *config, const char *key, struct arena *arena, struct str *value_out,
                        struct err *err)
{
	*value_out = STR("");
	return config_text(config, arena, value_out, err, "SELECT value FROM setting WHERE key = ?", "t", str_of(key)) < 0
	           ? -1
	           : 0;
}

static int need_user(struct config *config, const char *key, struct str name, struct err *err)
{
	int found = config_number(config, NULL, err, "SELECT 1 FROM user WHERE name = ?", "t", name);

	if (found == 0)
		err_set(err, ERR_NOT_FOUND, "%s: there is no user \"%.*s\"", key, STR_ARG(str_sub(name, 0, 80)));
	return found == 1 ? 0 : -1;
}

int check_notices(struct config *config, struct err *err)
{
	struct str value, target, account;
	struct arena arena;
	int result;

	arena_init(&arena);
	result = read_setting(config, ADMINISTRATOR, &arena, &value, err);
	if (result == 0 && value.len != 0)
		result = need_user(config, ADMINISTRATOR, value, err);
	if (result == 0)
		result = read_setting(config, TARGETS, &arena, &value, err);
	while (result == 0 && notice_targets_next(&value, &target, &account))
		if (!notice_is_nobody(account))
			result = need_user(config, TARGETS, account, err);
	arena_free(&arena);
	return result;
}

/* The list with one name in place of another; without its items where the new one is empty. */
static struct str replace_account(struct change *change, struct str list, struct str from, struct str to)
{
	struct str target, account, out = STR("");

	while (notice_targets_next(&list, &target, &account)) {
		if (str_equal_nocase(account, from))
			account = to;
		if (account.len != 0)
			out = arena_printf(&change->arena, "%.*s%s%.*s=%.*s", STR_ARG(out), out.len != 0 ? "," : "",
			                   STR_ARG(target), STR_ARG(account));
	}
	return out;
}

static int write_setting(struct change *change, const char *key, struct str value, struct err *err)
{
	return value.len != 0
	           ? config_run(change->config, err, "UPDATE setting SET value = ? WHERE key = ?", "tt", value, str_of(key))
	           : config_run(change->config, err, "DELETE FROM setting WHERE key = ?", "t", str_of(key));
}

int notices_follow(struct change *change, struct str from, struct str to, struct err *err)
{
	struct str value;

	if (read_setting(change->config, ADMINISTRATOR, &change->arena, &value, err) != 0)
		return -1;
	/* specification 01-6: where he is deleted it is whoever did that */
	if (value.len != 0 && str_equal_nocase(value, from) &&
	    write_setting(change, ADMINISTRATOR, to.len != 0 ? to : change->actor.name, err) != 0)
		return -1;
	if (read_setting(change->config, TARGETS, &change->arena, &value, err) != 0)
		return -1;
	return value.len == 0 ? 0 : write_setting(change, TARGETS, replace_account(change, value, from, to), err);
}
