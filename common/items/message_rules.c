/* item: message rules. */
#include "common/items/kinds.h"

enum { NAME, TYPES, MATCH, CONDITION, ACTION };

const struct item_field item_message_rule_fields[] = {
    [NAME] = {"name", false},          [TYPES] = {"types", false},  [MATCH] = {"match", false},
    [CONDITION] = {"condition", true}, [ACTION] = {"action", true}, {NULL, false}};

struct message_rule_text item_message_rule_text(const struct item *item)
{
	return (struct message_rule_text){item->values[NAME], item->values[TYPES], item->values[MATCH],
	                                  item->values[CONDITION], item->values[ACTION]};
}

int item_message_rule_check(struct item *item, struct arena *arena, struct err *err)
{
	struct message_rule_text text = item_message_rule_text(item);
	struct message_rule rule;

	if (message_rule_parse(&text, arena, &rule, err) != 0)
		return -1;
	message_rule_format(&rule, arena, &text);
	message_rule_free(&rule);
	item->values[NAME] = text.name;
	item->values[TYPES] = text.types;
	item->values[MATCH] = text.match;
	item->values[CONDITION] = text.conditions;
	item->values[ACTION] = text.actions;
	return 0;
}
