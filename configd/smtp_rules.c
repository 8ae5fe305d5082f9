/*
 * Rules of SMTP services. A list is always read, changed, checked and stored as a whole: whether an Else has its If
 * depends on all of them.
 */
#include "configd/services.h"

#include "common/addr/addr.h"
#include "common/rules/rules.h"

int smtp_rules_service(struct change *change, struct str name, int64_t *id_out, struct err *err)
{
	struct service_object service;

	*id_out = 0;
	if (service_need(change, name, &service, err) != 0)
		return -1;
	if (strcmp(service.type->name, "smtp") != 0)
		return err_set(err, ERR_DENIED, "%.*s is no SMTP service", STR_ARG(service.name));
	*id_out = service.id;
	return 0;
}

int smtp_rules_read(struct change *change, int64_t service, struct rule_list *list_out, struct err *err)
{
	struct arena *arena = &change->arena;
	struct db_statement statement;
	int row;

	*list_out = (struct rule_list){.items = arena_get(arena, (RULES_MAX + 1) * sizeof *list_out->items)};
	if (config_query(change->config, &statement, err,
	                 "SELECT name, stage, action, parameter, match, conditions FROM smtp_rule WHERE service = ?"
	                 " ORDER BY position",
	                 "n", service) != 0)
		return -1;
	while ((row = db_step(&statement, err)) == 1 && list_out->count < RULES_MAX)
		list_out->items[list_out->count++] = (struct rule_text){
		    .name = arena_copy(arena, db_text(&statement, 0)),
		    .stage = arena_copy(arena, db_text(&statement, 1)),
		    .action = arena_copy(arena, db_text(&statement, 2)),
		    .parameter = arena_copy(arena, db_text(&statement, 3)),
		    .match = arena_copy(arena, db_text(&statement, 4)),
		    .conditions = arena_copy(arena, db_text(&statement, 5)),
		};
	db_finalize(&statement);
	return row < 0 ? -1 : 0;
}

/* A name must lead to somebody; a folder is one of a mailbox here. */
static int check_target(struct change *change, const struct rule_target *target, struct err *err)
{
	struct addr addr;
	int known;

	if (str_find_char(target->address, '@') < 0) {
		known = config_number(change->config, NULL, err,
		                      "SELECT 1 FROM user WHERE name = ?1 UNION SELECT 1 FROM mapping WHERE pattern = ?1", "t",
		                      target->address);
		if (known == 0)
			err_set(err, ERR_NOT_FOUND, "parameter: there is neither a user nor a mapping \"%.*s\"",
			        STR_ARG(target->address));
		return known == 1 ? 0 : -1;
	}
	if (target->folder.len == 0)
		return 0;
	if (addr_parse_mailbox(target->address, &change->arena, &addr, err) != 0 ||
	    addr_normalise_domain(addr.domain, &change->arena, &addr.domain, err) != 0 ||
	    (known = domain_is_local(change, addr.domain, err)) < 0)
		return -1;
	return known == 1
	           ? 0
	           : err_set(err, ERR_SYNTAX, "parameter: %.*s is not of this server and has no folder \"%.*s\" here",
	                     STR_ARG(target->address), STR_ARG(target->folder));
}

/* What the rule asks of this server. */
static int check_rule(struct change *change, const struct rule *rule, struct err *err)
{
	for (size_t i = 0; i < rule->targets.count; i++)
		if (check_target(change, &rule->targets.list[i], err) != 0)
			return -1;
	return 0;
}

int smtp_rules_check(struct change *change, struct rule_list *list, ptrdiff_t changed, struct err *err)
{
	struct rules rules;
	int result = 0;

	rules_init(&rules);
	for (size_t i = 0; i < list->count && result == 0; i++) {
		if (rules_add(&rules, &list->items[i], err) != 0 ||
		    ((changed == SMTP_RULES_ALL || changed == (ptrdiff_t)i) && check_rule(change, &rules.list[i], err) != 0))
			result = err_prefix(err, "rule %zu", i + 1);
	}
	if (result == 0)
		result = rules_finish(&rules, err);
	for (size_t i = 0; i < list->count && result == 0; i++) {
		struct rule_text normal;

		rule_format(&rules.list[i], &rules.arena, &normal);
		list->items[i] = (struct rule_text){
		    .name = arena_copy(&change->arena, normal.name),
		    .stage = arena_copy(&change->arena, normal.stage),
		    .action = arena_copy(&change->arena, normal.action),
		    .parameter = arena_copy(&change->arena, normal.parameter),
		    .match = arena_copy(&change->arena, normal.match),
		    .conditions = arena_copy(&change->arena, normal.conditions),
		};
	}
	rules_free(&rules);
	return result;
}

int smtp_rules_write(struct change *change, int64_t service, const struct rule_list *list, struct err *err)
{
	if (config_run(change->config, err, "DELETE FROM smtp_rule WHERE service = ?", "n", service) != 0)
		return -1;
	for (size_t i = 0; i < list->count; i++) {
		const struct rule_text *rule = &list->items[i];

		if (config_run(change->config, err,
		               "INSERT INTO smtp_rule(service, position, name, stage, action, parameter, match, conditions)"
		               " VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
		               "nntttttt", service, (int64_t)i + 1, rule->name, rule->stage, rule->action, rule->parameter,
		               rule->match, rule->conditions) != 0)
			return -1;
	}
	return 0;
}

static int store(struct change *change, int64_t service, struct rule_list *list, ptrdiff_t changed, struct err *err)
{
	return smtp_rules_check(change, list, changed, err) != 0 ? -1 : smtp_rules_write(change, service, list, err);
}

int smtp_rules_copy(struct change *change, int64_t from, int64_t to, struct err *err)
{
	struct rule_list list;

	if (smtp_rules_read(change, from, &list, err) != 0 || smtp_rules_write(change, to, &list, err) != 0)
		return -1;
	change_note(change, "SMTP service %lld has the %zu rules of service %lld", (long long)to, list.count,
	            (long long)from);
	return 0;
}

/* The service that a request is about, the first where it names none, and its rules. */
static int read_requested(struct change *change, int64_t *service, struct rule_list *list, struct err *err)
{
	struct str name = ipc_get(&change->incoming->message, "service");

	if (smtp_rules_service(change, name.data != NULL ? name : STR("smtp"), service, err) != 0)
		return -1;
	return smtp_rules_read(change, *service, list, err);
}

/* The position that a field names, from 0, below limit. */
static int read_position(struct change *change, const char *key, size_t limit, size_t *position, struct err *err)
{
	uint64_t number;
	struct str text;

	*position = 0;
	if (change_field(change, key, &text, err) != 0)
		return -1;
	if (!str_to_u64(text, limit, &number) || number == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no rule \"%.*s\"; the service has %zu",
		               STR_ARG(str_sub(text, 0, 40)), limit);
	*position = (size_t)number - 1;
	return 0;
}

static void take_text(const struct ipc_message *message, const char *key, struct str *text)
{
	struct str given = ipc_get(message, key);

	if (given.data != NULL)
		*text = given;
}

/* Conditions come one a field. What is given takes the place of all that were there. */
static void take_conditions(struct change *change, struct rule_text *rule)
{
	const struct ipc_message *message = &change->incoming->message;
	struct str key, value;
	bool is_first = true;

	for (size_t position = 0; ipc_next(message, &position, &key, &value);) {
		if (!str_equal(key, STR("condition")))
			continue;
		rule->conditions =
		    is_first ? value : arena_printf(&change->arena, "%.*s\n%.*s", STR_ARG(rule->conditions), STR_ARG(value));
		is_first = false;
	}
}

/* The texts that the request has. Another action begins without the parameter of the one before it. */
static void take_texts(struct change *change, struct rule_text *rule)
{
	const struct ipc_message *message = &change->incoming->message;
	struct str action = ipc_get(message, "action");

	if (action.data != NULL && !str_equal_nocase(action, rule->action))
		rule->parameter = STR("");
	if (str_equal_nocase(action, STR("else")) || str_equal_nocase(action, STR("end-if")))
		rule->conditions = STR("");
	take_text(message, "name", &rule->name);
	take_text(message, "stage", &rule->stage);
	take_text(message, "action", &rule->action);
	take_text(message, "parameter", &rule->parameter);
	take_text(message, "match", &rule->match);
	take_conditions(change, rule);
}

static void note(struct change *change, int64_t service, size_t position, const struct rule_text *rule,
                 const char *what)
{
	change_note(change, "rule %zu \"%.*s\" of SMTP service %lld %s: %.*s %.*s", position + 1, STR_ARG(rule->name),
	            (long long)service, what, STR_ARG(rule->action), STR_ARG(rule->parameter));
}

/* Put a rule in before the one at a position; the list has room for one more than it may have. */
static void insert(struct rule_list *list, size_t position, const struct rule_text *rule)
{
	memmove(&list->items[position + 1], &list->items[position], (list->count - position) * sizeof *rule);
	list->items[position] = *rule;
	list->count++;
}

static void take_out(struct rule_list *list, size_t position)
{
	list->count--;
	memmove(&list->items[position], &list->items[position + 1], (list->count - position) * sizeof *list->items);
}

int op_smtp_rule_add(struct change *change, struct err *err)
{
	struct rule_text rule = {.name = STR(""), .parameter = STR(""), .conditions = STR("")};
	struct rule_list list;
	size_t position;
	int64_t service;

	if (read_requested(change, &service, &list, err) != 0)
		return -1;
	position = list.count;
	if (ipc_get(&change->incoming->message, "at").data != NULL &&
	    read_position(change, "at", list.count + 1, &position, err) != 0)
		return -1;
	take_texts(change, &rule);
	insert(&list, position, &rule);
	if (store(change, service, &list, (ptrdiff_t)position, err) != 0)
		return -1;
	note(change, service, position, &list.items[position], "added");
	ipc_add_number(&change->reply, "number", (int64_t)position + 1);
	return 0;
}

int op_smtp_rule_set(struct change *change, struct err *err)
{
	struct rule_list list;
	size_t position;
	int64_t service;

	if (read_requested(change, &service, &list, err) != 0 ||
	    read_position(change, "number", list.count, &position, err) != 0)
		return -1;
	take_texts(change, &list.items[position]);
	if (store(change, service, &list, (ptrdiff_t)position, err) != 0)
		return -1;
	note(change, service, position, &list.items[position], "changed");
	return 0;
}

int op_smtp_rule_move(struct change *change, struct err *err)
{
	struct rule_list list;
	struct rule_text rule;
	size_t from, to;
	int64_t service;

	if (read_requested(change, &service, &list, err) != 0 ||
	    read_position(change, "number", list.count, &from, err) != 0 ||
	    read_position(change, "to", list.count, &to, err) != 0)
		return -1;
	rule = list.items[from];
	take_out(&list, from);
	insert(&list, to, &rule);
	if (store(change, service, &list, (ptrdiff_t)to, err) != 0)
		return -1;
	note(change, service, to, &list.items[to], "moved");
	return 0;
}

int op_smtp_rule_delete(struct change *change, struct err *err)
{
	struct rule_list list;
	struct rule_text rule;
	size_t position;
	int64_t service;

	if (read_requested(change, &service, &list, err) != 0 ||
	    read_position(change, "number", list.count, &position, err) != 0)
		return -1;
	rule = list.items[position];
	take_out(&list, position);
	if (store(change, service, &list, SMTP_RULES_NONE, err) != 0)
		return -1;
	note(change, service, position, &rule, "deleted");
	return 0;
}

int op_smtp_rule_copy(struct change *change, struct err *err)
{
	struct str from, to;
	int64_t source, copy;

	if (change_field(change, "service", &from, err) != 0 || change_field(change, "to", &to, err) != 0 ||
	    smtp_rules_service(change, from, &source, err) != 0 || smtp_rules_service(change, to, &copy, err) != 0)
		return -1;
	return smtp_rules_copy(change, source, copy, err);
}

static json_t *lines_of(struct str text)
{
	json_t *list = json_array();

	while (text.data != NULL) {
		struct str line = str_cut(&text, '\n');

		if (line.len > 0)
			json_array_append_new(list, json_stringn(line.data, line.len));
	}
	return list;
}

int op_smtp_rule_list(struct change *change, struct err *err)
{
	struct rule_list list;
	int64_t service;

	if (read_requested(change, &service, &list, err) != 0)
		return -1;
	ipc_add_number(&change->reply, "service", service);
	for (size_t i = 0; i < list.count; i++) {
		const struct rule_text *rule = &list.items[i];

		change_list(change, "rule",
		            json_pack("{s:I, s:s%, s:s%, s:s%, s:s%, s:s%, s:o, s:I}", "number", (json_int_t)i + 1, "name",
		                      rule->name.data, rule->name.len, "stage", rule->stage.data, rule->stage.len, "action",
		                      rule->action.data, rule->action.len, "parameter", rule->parameter.data,
		                      rule->parameter.len, "match", rule->match.data, rule->match.len, "conditions",
		                      lines_of(rule->conditions), "condition-count",
		                      (json_int_t)(rule->conditions.len > 0 ? str_count_char(rule->conditions, '\n') + 1 : 0)));
	}
	return 0;
}
