#include "configd/own.h"

#include "common/items/kinds.h"

/* A list as it was and as it is to be. */
struct comparison {
	struct change *change;
	enum item_kind kind;
	int64_t uid;
	struct items before;
	const struct items *after;
};

static bool is_same(const struct item *a, const struct item *b, enum item_kind kind)
{
	for (size_t i = 0; i < item_field_count(kind); i++)
		if (!str_equal(a->values[i], b->values[i]))
			return false;
	return a->id == b->id;
}

static bool is_in(const struct item *item, const struct items *items, enum item_kind kind)
{
	for (size_t i = 0; i < items->count; i++)
		if (is_same(item, &items->list[i], kind))
			return true;
	return false;
}

static struct str field_of(const struct item *item, enum item_kind kind, const char *name)
{
	return item->values[item_field_find(kind, str_of(name))];
}

/* Rules that pass mail on need the right to, and addresses that are allowed. */
static int check_message_rule(const struct comparison *lists, const struct item *item, struct err *err)
{
	struct str actions = field_of(item, ITEM_MESSAGE_RULE, "action");

	while (actions.len > 0) {
		struct str line = str_cut(&actions, '\n'), word = str_cut_word(&line);

		if (str_equal(word, STR("forward")) &&
		    (own_check_right(lists->change, lists->uid, ATTRIBUTE_CHANGE_FORWARDS, err) != 0 ||
		     own_check_targets(lists->change, lists->uid, str_trim(line), err) != 0))
			return -1;
	}
	return 0;
}

static bool holds_script(struct str text)
{
	for (; text.len > 0; text = str_skip(text, 1))
		if (str_starts_nocase(text, STR("<lua>")))
			return true;
	return false;
}

/* Scripts are the administrator's, and copies go where mail may be passed on to. */
static int check_responder(const struct comparison *lists, const struct item *item, struct err *err)
{
	static const char *const addresses[] = {"copy-to", "send-to"};
	const struct item_field *fields = item_definitions[ITEM_RESPONDER].fields;

	for (size_t i = 0; fields[i].name != NULL; i++)
		if (holds_script(item->values[i]))
			return err_set(err, ERR_DENIED, "%s: scripts in autoresponders are the administrator's", fields[i].name);
	for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
		struct str list = field_of(item, ITEM_RESPONDER, addresses[i]);

		while (list.len > 0) /* separated by ';', ',' or blanks */
			if (own_check_targets(lists->change, lists->uid, str_cut(&list, ';'), err) != 0)
				return -1;
	}
	return 0;
}

/* Has somebody locked a rule that names this autoresponder? 1, 0, -1. */
static int is_locked(const struct comparison *lists, struct str responder, struct err *err)
{
	return config_number(lists->change->config, NULL, err,
	                     "SELECT 1 FROM item JOIN item_field AS l ON l.item = item.id AND l.key = 'locked'"
	                     " JOIN item_field AS r ON r.item = item.id AND r.key = 'responder'"
	                     " WHERE kind = 'autoresponder-rule' AND owner = ? AND l.value = 'on'"
	                     " AND r.value = ? COLLATE NOCASE",
	                     "nt", lists->uid, responder);
}

/* An item that comes or goes, whole or in part. */
static int check_changed(const struct comparison *lists, const struct item *item, bool comes, struct err *err)
{
	bool is_rule = lists->kind == ITEM_RESPONDER_RULE;
	int locked;

	if (is_rule || lists->kind == ITEM_RESPONDER) {
		locked = is_locked(lists, field_of(item, lists->kind, is_rule ? "responder" : "name"), err);
		if (locked != 0)
			return locked < 0 ? -1 : err_set(err, ERR_DENIED, "the administrator has locked this autoresponder");
	}
	if (is_rule && str_equal_nocase(field_of(item, lists->kind, "locked"), STR("on")))
		return err_set(err, ERR_DENIED, "locked: administrators lock rules");
	if (lists->kind == ITEM_MESSAGE_RULE && comes)
		return check_message_rule(lists, item, err);
	return lists->kind == ITEM_RESPONDER && comes ? check_responder(lists, item, err) : 0;
}

int own_check_items(struct change *change, enum item_kind kind, int64_t uid, const struct items *items, struct err *err)
{
	struct comparison lists = {.change = change, .kind = kind, .uid = uid, .after = items};
	bool answers = kind == ITEM_RESPONDER || kind == ITEM_RESPONDER_RULE || kind == ITEM_RESPONDER_FILTER;

	if (answers && own_check_right(change, uid, ATTRIBUTE_CHANGE_AUTORESPONDER, err) != 0)
		return -1;
	if (items_load(&change->config->db, kind, uid, &change->arena, &lists.before, err) != 0)
		return -1;
	for (size_t i = 0; i < lists.before.count; i++)
		if (!is_in(&lists.before.list[i], lists.after, kind) &&
		    check_changed(&lists, &lists.before.list[i], false, err) != 0)
			return -1;
	for (size_t i = 0; i < lists.after->count; i++)
		if (!is_in(&lists.after->list[i], &lists.before, kind) &&
		    check_changed(&lists, &lists.after->list[i], true, err) != 0)
			return -1;
	return 0;
}
