#include "common/items/item.h"

#include "common/items/kinds.h"

const struct item_definition item_definitions[ITEM_KINDS] = {
    [ITEM_MESSAGE_RULE] = {"message-rule", "message rule", item_message_rule_fields, ITEM_RULES_MAX, true, false,
                           item_message_rule_check, NULL, NULL},
    [ITEM_LAN_RULE] = {"lan-rule", "LAN rule", item_lan_rule_fields, LAN_RULES_MAX, false, true, item_lan_rule_check,
                       NULL, NULL},
    [ITEM_LAN_VERIFIER] = {"lan-verifier", "LAN verifier", item_lan_verifier_fields, LAN_VERIFIERS_MAX, false, true,
                           item_lan_verifier_check, NULL, NULL},
    [ITEM_RESPONDER] = {"autoresponder", "autoresponder", item_responder_fields, RESPONDERS_MAX, true, true,
                        item_responder_check, NULL, NULL},
    [ITEM_RESPONDER_RULE] = {"autoresponder-rule", "autoresponder rule", item_responder_rule_fields,
                             RESPONDER_RULES_MAX, true, false, item_responder_rule_check, NULL, NULL},
    [ITEM_RESPONDER_FILTER] = {"autoresponder-filter", "autoresponder filter", item_responder_filter_fields,
                               RESPONDER_FILTERS_MAX, true, false, item_responder_filter_check, NULL, NULL},
    [ITEM_PRUNE_RULE] = {"prune-rule", "prune rule", item_prune_rule_fields, PRUNE_RULES_MAX, true, true,
                         item_prune_rule_check, NULL, NULL},
    [ITEM_DOWNLOAD_RULE] = {"download-rule", "download rule", item_download_rule_fields, RULES_MAX, false, true,
                            item_download_rule_check, item_download_rules_check, NULL},
    [ITEM_SCHEDULE] = {"schedule", "schedule item", item_schedule_fields, SCHEDULE_ITEMS_MAX, false, true,
                       item_schedule_check, NULL, item_schedule_describe},
};

const char *item_password_reader(enum item_kind kind, size_t field)
{
	static const char *const readers[ITEM_KINDS] = {[ITEM_LAN_RULE] = "lfwd", [ITEM_LAN_VERIFIER] = "lfwd"};
	bool is_password = strcmp(item_definitions[kind].fields[field].name, "password") == 0;

	return is_password ? readers[kind] : NULL;
}

enum item_kind item_kind_find(struct str word)
{
	int kind = 0;

	while (kind < ITEM_KINDS && !str_equal(word, str_of(item_definitions[kind].word)))
		kind++;
	return (enum item_kind)kind;
}

size_t item_field_count(enum item_kind kind)
{
	size_t count = 0;

	while (item_definitions[kind].fields[count].name != NULL)
		count++;
	return count;
}

int item_field_find(enum item_kind kind, struct str name)
{
	const struct item_field *fields = item_definitions[kind].fields;

	for (int i = 0; fields[i].name != NULL; i++)
		if (str_equal(name, str_of(fields[i].name)))
			return i;
	return -1;
}

/* Room for one more, beside those that are there. */
static struct item *next_item(struct items *items, size_t *room, struct arena *arena)
{
	if (items->count + 1 >= *room) {
		struct item *longer = arena_get(arena, 2 * *room * sizeof *longer);

		memcpy(longer, items->list, items->count * sizeof *longer);
		items->list = longer;
		*room *= 2;
	}
	return &items->list[items->count++];
}

static int read_rows(struct db_statement *statement, enum item_kind kind, struct arena *arena, struct items *items,
                     struct err *err)
{
	size_t room = 4;
	struct item *item = NULL;
	int row;

	*items = (struct items){.list = arena_get(arena, room * sizeof *items->list)};
	while ((row = db_step(statement, err)) == 1) {
		int field = item_field_find(kind, db_text(statement, 1));

		if (item == NULL || item->id != db_number(statement, 0)) {
			if (items->count == item_definitions[kind].max)
				return 0;
			item = next_item(items, &room, arena);
			item->id = db_number(statement, 0);
		}
		if (field >= 0)
			item->values[field] = arena_copy(arena, db_text(statement, 2));
	}
	return row;
}

int items_load(struct db *db, enum item_kind kind, int64_t owner, struct arena *arena, struct items *items,
               struct err *err)
{
	struct db_statement statement;
	int result;

	if (db_prepare(db, &statement,
	               "SELECT id, key, value FROM item LEFT JOIN item_field ON item_field.item = id"
	               " WHERE kind = ? AND owner = ? ORDER BY position, id",
	               err) != 0)
		return -1;
	db_bind_text(&statement, 1, str_of(item_definitions[kind].word));
	db_bind_number(&statement, 2, owner);
	result = read_rows(&statement, kind, arena, items, err);
	db_finalize(&statement);
	return result;
}
