#include "configd/configd.h"
#include "configd/text.h"

#include "common/rules/rules.h"

/* The rules of one service, as they stand in the text. */
struct service_rules {
	int64_t service;
	struct rule_list list;
};

struct service_table {
	struct service_rules *entries;
	size_t count;
};

static struct rule_text rule_of(const struct text_object *object)
{
	return (struct rule_text){
	    .name = object->fields[RULE_NAME],
	    .stage = object->fields[RULE_STAGE],
	    .action = object->fields[RULE_ACTION],
	    .parameter = object->fields[RULE_PARAMETER],
	    .match = object->fields[RULE_MATCH],
	    .conditions = object->fields[RULE_CONDITION],
	};
}

static int find_entry(struct change *change, struct service_table *table, int64_t service,
                      struct service_rules **entry_out, struct err *err)
{
	size_t i = 0;

	while (i < table->count && table->entries[i].service != service)
		i++;
	if (i == SERVICES_MAX)
		return err_set(err, ERR_LIMIT, "more than %d services have rules", SERVICES_MAX);
	*entry_out = &table->entries[i];
	if (i < table->count)
		return 0;
	table->count++;
	**entry_out = (struct service_rules){.service = service};
	(*entry_out)->list.items = arena_get(&change->arena, (RULES_MAX + 1) * sizeof *(*entry_out)->list.items);
	return 0;
}

static int add_object(struct change *change, struct service_table *table, const struct text_object *object,
                      struct err *err)
{
	struct rule_text text = rule_of(object);
	struct service_rules *entry;
	struct rule rule;
	int64_t service;

	if (smtp_rules_service(change, object->fields[RULE_SERVICE], &service, err) != 0 ||
	    find_entry(change, table, service, &entry, err) != 0)
		return -1;
	if (entry->list.count == RULES_MAX)
		return err_set(err, ERR_LIMIT, "a service has at most %d rules", RULES_MAX);
	/* Looked at here as well, so that what is wrong with it is told with its line. */
	if (rule_parse(&text, &change->arena, &rule, err) != 0)
		return -1;
	rule_free(&rule);
	entry->list.items[entry->list.count++] = text;
	return 0;
}

/* Services that have rules now, so that those that the text has none for lose theirs. */
static int add_stored(struct change *change, struct service_table *table, struct err *err)
{
	struct service_rules *entry;
	struct db_statement statement;
	int row;

	if (config_query(change->config, &statement, err, "SELECT DISTINCT service FROM smtp_rule", "") != 0)
		return -1;
	while ((row = db_step(&statement, err)) == 1)
		if (find_entry(change, table, db_number(&statement, 0), &entry, err) != 0) {
			row = -1;
			break;
		}
	db_finalize(&statement);
	return row;
}

static bool is_same(const struct rule_list *a, const struct rule_list *b)
{
	bool same = a->count == b->count;

	for (size_t i = 0; i < a->count && same; i++)
		same = str_equal(a->items[i].name, b->items[i].name) && str_equal(a->items[i].stage, b->items[i].stage) &&
		       str_equal(a->items[i].action, b->items[i].action) &&
		       str_equal(a->items[i].parameter, b->items[i].parameter) &&
		       str_equal(a->items[i].match, b->items[i].match) &&
		       str_equal(a->items[i].conditions, b->items[i].conditions);
	return same;
}

static int store(struct change *change, struct service_rules *entry, struct err *err)
{
	struct rule_list old;

	if (smtp_rules_read(change, entry->service, &old, err) != 0)
		return -1;
	if (smtp_rules_check(change, &entry->list, SMTP_RULES_ALL, err) != 0)
		return err_prefix(err, "SMTP service %lld", (long long)entry->service);
	if (is_same(&old, &entry->list))
		return 0;
	change_note(change, "SMTP service %lld has the %zu rules of the text", (long long)entry->service,
	            entry->list.count);
	return smtp_rules_write(change, entry->service, &entry->list, err);
}

int smtp_rules_import(struct change *change, const struct text *text, struct err *err)
{
	struct service_table table = {.entries = arena_get(&change->arena, SERVICES_MAX * sizeof *table.entries)};

	for (const struct text_object *object = text->objects[TEXT_SMTP_RULE]; object != NULL; object = object->next)
		if (add_object(change, &table, object, err) != 0)
			return err_prefix(err, "import:%u", object->line);
	if (add_stored(change, &table, err) != 0)
		return -1;
	for (size_t i = 0; i < table.count; i++)
		if (store(change, &table.entries[i], err) != 0)
			return -1;
	return 0;
}
