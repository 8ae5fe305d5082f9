/* access: the requests about access lists. */
#include "configd/access.h"

static int add_list(struct change *change, const struct access_name *name, void *context, struct err *err)
{
	int64_t rules = 0, use_global = 0;

	(void)context;
	if (config_number(change->config, &rules, err, "SELECT count(*) FROM access_rule WHERE list = ?", "n",
	                  name->number) != 1 ||
	    config_number(change->config, &use_global, err, "SELECT use_global FROM access_list WHERE list = ?", "n",
	                  name->number) < 0)
		return -1;
	change_list(change, "list",
	            json_pack("{s:s%, s:I, s:b}", "name", name->name.data, name->name.len, "rules", (json_int_t)rules,
	                      "use-global", use_global != 0));
	return 0;
}

int op_access_lists(struct change *change, struct err *err)
{
	return access_each(change, add_list, NULL, err);
}

/* The list that a request names, as it is stored. */
static int need_list(struct change *change, struct access_name *name, struct access_stored *stored, struct err *err)
{
	struct str wanted;

	if (change_field(change, "list", &wanted, err) != 0 || access_need(change, wanted, name, err) != 0)
		return -1;
	return access_load(change->config, name->number, &change->arena, stored, err);
}

static int list_rule(struct change *change, size_t number, const struct access_rule *rule, struct err *err)
{
	struct str users;
	struct buf what;

	if (access_users_format(change, rule->users, &users, err) != 0)
		return -1;
	buf_init(&what, 2 * ACCESS_TAGS_MAX);
	access_rule_format(rule, &what);
	change_list(change, "rule",
	            json_pack("{s:I, s:s, s:s, s:b, s:s%, s:s%}", "number", (json_int_t)number, "restrict",
	                      rule->allow ? "allow" : "block", "address", buf_text(&what), "unauth", rule->unauth, "users",
	                      users.data, users.len, "comment", rule->comment.data, rule->comment.len));
	buf_free(&what);
	return 0;
}

int op_access_list(struct change *change, struct err *err)
{
	struct access_name name;
	struct access_stored stored;

	if (need_list(change, &name, &stored, err) != 0)
		return -1;
	for (size_t i = 0; i < stored.rules.count; i++)
		if (list_rule(change, i + 1, &stored.rules.list[i], err) != 0)
			return -1;
	return 0;
}

static int parse_restrict(struct str word, bool *allow_out, struct err *err)
{
	*allow_out = str_equal_nocase(word, STR("allow"));
	if (!*allow_out && !str_equal_nocase(word, STR("block")))
		return err_set(err, ERR_SYNTAX, "a rule says allow or block, not \"%.*s\"", STR_ARG(str_sub(word, 0, 40)));
	return 0;
}

/* The rule that a request describes. */
static int read_rule(struct change *change, struct access_rule *rule, struct err *err)
{
	const struct ipc_message *request = &change->incoming->message;
	struct str word, address, users = ipc_get(request, "users"), comment = ipc_get(request, "comment");

	*rule = (struct access_rule){.users = STR(""), .comment = STR(""), .masked = STR("")};
	if (change_field(change, "restrict", &word, err) != 0 || change_field(change, "address", &address, err) != 0 ||
	    parse_restrict(word, &rule->allow, err) != 0 || access_rule_parse(address, &change->arena, rule, err) != 0 ||
	    change_flag(change, "unauth", &rule->unauth, err) != 0 ||
	    access_users_parse(change, users, &rule->users, err) != 0 || access_check_comment(comment, err) != 0)
		return -1;
	if (comment.data != NULL)
		rule->comment = comment;
	return 0;
}

int op_access_add(struct change *change, struct err *err)
{
	struct access_name name;
	struct access_stored stored;
	struct access_rule rule;
	struct buf what;

	if (need_list(change, &name, &stored, err) != 0 || read_rule(change, &rule, err) != 0 ||
	    access_rule_check(change, &name, &rule, err) != 0 ||
	    access_refuse_open_relay(change, &name, &rule, 1, err) != 0 ||
	    access_rules_add(&stored.rules, &change->arena, &rule, err) != 0 ||
	    access_store(change->config, name.number, &stored, err) != 0)
		return -1;
	buf_init(&what, 2 * ACCESS_TAGS_MAX);
	access_rule_format(&rule, &what);
	change_note(change, "access list %.*s: rule %s %s added", STR_ARG(name.name), rule.allow ? "allow" : "block",
	            buf_text(&what));
	buf_free(&what);
	return 0;
}

int op_access_remove(struct change *change, struct err *err)
{
	struct access_name name;
	struct access_stored stored;
	int64_t number;

	if (need_list(change, &name, &stored, err) != 0)
		return -1;
	if (!ipc_get_number(&change->incoming->message, "number", 1, (int64_t)stored.rules.count, &number))
		return err_set(err, ERR_NOT_FOUND, "the access list %.*s has no rule of that number; it has %zu",
		               STR_ARG(name.name), stored.rules.count);
	stored.rules.count--;
	memmove(&stored.rules.list[number - 1], &stored.rules.list[number],
	        (stored.rules.count - (size_t)number + 1) * sizeof *stored.rules.list);
	if (access_store(change->config, name.number, &stored, err) != 0)
		return -1;
	change_note(change, "access list %.*s: rule %lld removed", STR_ARG(name.name), (long long)number);
	return 0;
}

int op_access_set(struct change *change, struct err *err)
{
	struct access_name name;
	struct access_stored stored;

	if (need_list(change, &name, &stored, err) != 0 || change_flag(change, "use-global", &stored.use_global, err) != 0)
		return -1;
	if (!name.has_global)
		return err_set(err, ERR_DENIED, "the list %.*s stands alone; the global list is one of services",
		               STR_ARG(name.name));
	if (access_store(change->config, name.number, &stored, err) != 0)
		return -1;
	change_note(change, "access list %.*s: the global list %s", STR_ARG(name.name),
	            stored.use_global ? "must allow too" : "counts only where this one is empty");
	return 0;
}

int op_access_defaults(struct change *change, struct err *err)
{
	struct access_name name;
	struct access_stored stored;

	if (need_list(change, &name, &stored, err) != 0 ||
	    access_defaults(&name, &change->arena, &stored.rules, err) != 0 ||
	    access_store(change->config, name.number, &stored, err) != 0)
		return -1;
	change_note(change, "access list %.*s: rules are the defaults", STR_ARG(name.name));
	return 0;
}

int op_access_export(struct change *change, struct err *err)
{
	struct access_name name;
	struct access_stored stored;
	struct buf text;
	int result = 0;

	if (need_list(change, &name, &stored, err) != 0)
		return -1;
	buf_init(&text, IPC_MESSAGE_MAX - IPC_PACKET_MAX);
	access_text_format(&stored.rules, stored.use_global, &text);
	if (text.overflow)
		result = err_set(err, ERR_LIMIT, "the list is too long for one text");
	else
		ipc_add(&change->reply, "text", buf_str(&text));
	buf_free(&text);
	return result;
}

int op_access_import(struct change *change, struct err *err)
{
	struct access_name name;
	struct access_stored stored;
	struct str text;

	if (need_list(change, &name, &stored, err) != 0 || change_field(change, "text", &text, err) != 0 ||
	    access_text_parse(text, &change->arena, &stored.rules, &stored.use_global, err) != 0)
		return -1;
	for (size_t i = 0; i < stored.rules.count; i++)
		if (access_rule_check(change, &name, &stored.rules.list[i], err) != 0)
			return err_prefix(err, "rule %zu", i + 1);
	if (access_refuse_open_relay(change, &name, stored.rules.list, stored.rules.count, err) != 0)
		return -1;
	stored.use_global = stored.use_global && name.has_global;
	if (access_store(change->config, name.number, &stored, err) != 0)
		return -1;
	change_note(change, "access list %.*s: %zu rules imported", STR_ARG(name.name), stored.rules.count);
	return 0;
}
