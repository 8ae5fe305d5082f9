/* users: the list of them, with what somebody who looks after them wants to see at a glance. */
#include "configd/configd.h"

#include "common/items/responder.h"

#include <time.h>

enum column { UID, NAME, ADMINISTRATOR, ENABLED, GROUP, COMMENT, FORWARD, RULES };

static const char columns[] =
    "SELECT uid, name, administrator, enabled, ifnull((SELECT user_group.name FROM primary_group"
    " JOIN user_group ON id = group_id WHERE primary_group.uid = effective_user.uid), ''),"
    " ifnull((SELECT value FROM effective_attribute AS its WHERE its.uid = effective_user.uid AND key = 'comment'), "
    "''),"
    " EXISTS (SELECT 1 FROM effective_attribute AS its WHERE its.uid = effective_user.uid AND (key = 'assistant'"
    " AND value <> '' OR key = 'forward' AND value <> '' AND EXISTS (SELECT 1 FROM effective_attribute AS used"
    " WHERE used.uid = its.uid AND used.key = 'forward.enabled' AND used.value = 'on'))),"
    " EXISTS (SELECT 1 FROM item WHERE kind = 'autoresponder-rule' AND owner = uid)"
    " FROM effective_user WHERE ?1 = '' OR name = ?1 COLLATE NOCASE ORDER BY name";

/* Is one of the user's autoresponders in force now? What is turned off, or answers nothing, is none. NULL: error. */
static const char *responder_state(struct change *change, int64_t uid, struct err *err)
{
	const char *state = "none";
	struct items items;

	if (items_load(&change->config->db, ITEM_RESPONDER_RULE, uid, &change->arena, &items, err) != 0)
		return NULL;
	for (size_t i = 0; i < items.count; i++) {
		struct responder_rule rule;

		if (responder_rule_read(&items.list[i], &rule, NULL) != 0 || !rule.enabled || rule.responder.len == 0)
			continue;
		if (responder_rule_is_time(&rule, time(NULL)))
			return "active";
		state = "inactive";
	}
	return state;
}

static int list_one(struct change *change, const struct db_statement *row, struct err *err)
{
	struct str name = db_text(row, NAME), group = db_text(row, GROUP), comment = db_text(row, COMMENT);
	const char *responder = db_number(row, RULES) != 0 ? responder_state(change, db_number(row, UID), err) : "none";

	if (responder == NULL)
		return -1;
	change_list(change, "user",
	            json_pack("{s:I, s:s%, s:b, s:b, s:s%, s:s%, s:b, s:s}", "uid", (json_int_t)db_number(row, UID), "name",
	                      name.data, name.len, "administrator", (int)db_number(row, ADMINISTRATOR), "enabled",
	                      (int)db_number(row, ENABLED), "group", group.data, group.len, "comment", comment.data,
	                      comment.len, "forward", (int)db_number(row, FORWARD), "responder", responder));
	return 0;
}

int op_user_list(struct change *change, struct err *err)
{
	struct str name = ipc_get(&change->incoming->message, "name");
	struct db_statement row;
	int found;

	if (config_query(change->config, &row, err, columns, "t", name.data != NULL ? name : STR("")) != 0)
		return -1;
	while ((found = db_step(&row, err)) == 1 && list_one(change, &row, err) == 0)
		;
	db_finalize(&row);
	return found == 0 ? 0 : -1;
}
