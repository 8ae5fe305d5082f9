/*
 * authd: who is meant in an access list: users and groups go there by number, so that a rename neither takes rights
 * away nor gives them to somebody else; people call them by name. Sessions in their sandbox see no list of users.
 */
#include "authd/authd.h"

/* Ask for one value by one other. 1: out is set; 0: there is none; -1. */
static int look_up(struct settings *settings, const char *sql, struct str name, int64_t number, char *out, size_t size,
                   struct err *err)
{
	struct db_statement statement;
	int row;

	if (db_prepare(&settings->objects, &statement, sql, err) != 0)
		return -1;
	db_bind_text(&statement, 1, name);
	db_bind_number(&statement, 2, number);
	row = db_step(&statement, err);
	if (row == 1 && !str_copy(db_text(&statement, 0), out, size))
		row = 0;
	db_finalize(&statement);
	return row;
}

/* "anna" to "user 12", "$sales" to "group 3". */
static int find_number(struct settings *settings, struct str name, char out[NAMES_NAME_MAX], struct err *err)
{
	if (str_equal_nocase(name, STR("anyone")))
		return str_copy(STR("anyone"), out, NAMES_NAME_MAX);
	if (str_starts(name, STR("$")))
		return look_up(settings, "SELECT 'group ' || id FROM user_group WHERE name = ?1 AND ?2 = 0", str_skip(name, 1),
		               0, out, NAMES_NAME_MAX, err);
	return look_up(settings, "SELECT 'user ' || uid FROM user WHERE name = ?1 AND ?2 = 0", name, 0, out, NAMES_NAME_MAX,
	               err);
}

static int find_name(struct settings *settings, struct str grantee, char out[NAMES_NAME_MAX], struct err *err)
{
	struct str kind = grantee, number;
	uint64_t id;

	if (str_equal(grantee, STR("anyone")))
		return str_copy(grantee, out, NAMES_NAME_MAX);
	number = kind;
	kind = str_cut(&number, ' ');
	if (!str_to_u64(number, INT64_MAX, &id))
		return 0;
	if (str_equal(kind, STR("group")))
		return look_up(settings, "SELECT '$' || name FROM user_group WHERE ?1 = '' AND id = ?2", STR(""), (int64_t)id,
		               out, NAMES_NAME_MAX, err);
	if (str_equal(kind, STR("user")))
		return look_up(settings, "SELECT name FROM user WHERE ?1 = '' AND uid = ?2", STR(""), (int64_t)id, out,
		               NAMES_NAME_MAX, err);
	return 0;
}

void sharing_names(struct authd *authd, struct ipc_incoming *incoming)
{
	struct ipc_message reply;
	struct str key, value;
	size_t position = 0;
	struct err err;
	int found = 0;

	if (!sharing_is_bound(incoming))
		return;
	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	while (found >= 0 && ipc_next(&incoming->message, &position, &key, &value)) {
		char text[NAMES_NAME_MAX];
		bool by_name = str_equal(key, STR("name"));

		if (!by_name && !str_equal(key, STR("grantee")))
			continue;
		found =
		    by_name ? find_number(&authd->settings, value, text, &err) : find_name(&authd->settings, value, text, &err);
		ipc_add_text(&reply, by_name ? "grantee" : "name", found == 1 ? text : "");
	}
	if (found >= 0)
		ipc_answer(incoming, &reply);
	else
		request_put_off(incoming, &err);
	ipc_message_free(&reply);
}
