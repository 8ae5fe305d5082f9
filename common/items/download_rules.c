#include "common/items/download_rules.h"

#include "common/items/kinds.h"

enum { NAME, ACTION, PARAMETER, MATCH, CONDITION };

const struct item_field item_download_rule_fields[] = {
    [NAME] = {"name", false},   [ACTION] = {"action", false},      [PARAMETER] = {"parameter", false},
    [MATCH] = {"match", false}, [CONDITION] = {"condition", true}, {NULL, false}};

/* NULL where nothing is there: the first word of its list then. */
static struct str given(struct str text)
{
	return text.len > 0 ? text : (struct str){NULL, 0};
}

struct rule_text item_download_rule_text(const struct item *item)
{
	return (struct rule_text){.name = item->values[NAME],
	                          .action = item->values[ACTION],
	                          .parameter = item->values[PARAMETER],
	                          .match = given(item->values[MATCH]),
	                          .conditions = item->values[CONDITION],
	                          .dialect = CONDITION_DOWNLOAD};
}

int item_download_rule_check(struct item *item, struct arena *arena, struct err *err)
{
	struct rule_text text = item_download_rule_text(item);
	struct rule rule;

	if (rule_parse(&text, arena, &rule, err) != 0)
		return -1;
	rule_format(&rule, arena, &text);
	rule_free(&rule);
	item->values[NAME] = text.name;
	item->values[ACTION] = text.action;
	item->values[PARAMETER] = text.parameter;
	item->values[MATCH] = text.match;
	item->values[CONDITION] = text.conditions;
	return 0;
}

static int add_all(struct rules *rules, const struct items *items, struct err *err)
{
	for (size_t i = 0; i < items->count; i++) {
		struct rule_text text = item_download_rule_text(&items->list[i]);

		if (rules_add(rules, &text, err) != 0)
			return err_prefix(err, "rule %zu", i + 1);
	}
	return rules_finish(rules, err);
}

int item_download_rules_check(const struct items *items, struct err *err)
{
	struct rules rules;
	int result;

	rules_init(&rules);
	result = add_all(&rules, items, err);
	rules_free(&rules);
	return result;
}

int download_rules_load(struct rules *rules, struct db *db, struct err *err)
{
	struct arena arena;
	struct items items;
	int result;

	arena_init(&arena);
	result = items_load(db, ITEM_DOWNLOAD_RULE, ITEM_SERVER, &arena, &items, err);
	if (result == 0)
		result = add_all(rules, &items, err);
	arena_free(&arena);
	return result;
}
