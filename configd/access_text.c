/* access: lists in the text of export and import. */
#include "configd/access.h"

static void add_line(struct buf *out, enum text_kind kind, int field, struct str value)
{
	if (value.len != 0)
		buf_printf(out, "%s = %.*s\n", text_field_name(kind, field), STR_ARG(value));
}

static int export_rule(struct change *change, const struct access_name *name, const struct access_rule *rule,
                       struct buf *out, struct err *err)
{
	struct str users;

	if (access_users_format(change, rule->users, &users, err) != 0)
		return -1;
	buf_add_str(out, STR("\n[access-rule]\n"));
	add_line(out, TEXT_ACCESS_RULE, ACCESS_RULE_LIST, name->name);
	add_line(out, TEXT_ACCESS_RULE, ACCESS_RULE_RESTRICT, rule->allow ? STR("allow") : STR("block"));
	buf_printf(out, "%s = ", text_field_name(TEXT_ACCESS_RULE, ACCESS_RULE_ADDRESS));
	access_rule_format(rule, out);
	buf_add_char(out, '\n');
	if (rule->unauth)
		add_line(out, TEXT_ACCESS_RULE, ACCESS_RULE_UNAUTH, STR("on"));
	add_line(out, TEXT_ACCESS_RULE, ACCESS_RULE_USERS, users);
	add_line(out, TEXT_ACCESS_RULE, ACCESS_RULE_COMMENT, rule->comment);
	return 0;
}

static int export_list(struct change *change, const struct access_name *name, void *context, struct err *err)
{
	struct buf *out = context;
	struct access_stored stored;

	if (access_load(change->config, name->number, &change->arena, &stored, err) != 0)
		return -1;
	buf_add_str(out, STR("\n[access-list]\n"));
	add_line(out, TEXT_ACCESS_LIST, ACCESS_LIST_NAME, name->name);
	if (stored.use_global)
		add_line(out, TEXT_ACCESS_LIST, ACCESS_LIST_USE_GLOBAL, STR("on"));
	for (size_t i = 0; i < stored.rules.count; i++)
		if (export_rule(change, name, &stored.rules.list[i], out, err) != 0)
			return -1;
	return 0;
}

int access_export(struct change *change, struct buf *out, struct err *err)
{
	return access_each(change, export_list, out, err);
}

static int refuse(const struct text_object *object, struct err *err)
{
	return err_prefix(err, "import:%u", object->line);
}

static int import_rule(struct change *change, const struct access_name *name, const struct text_object *object,
                       struct access_rules *rules, struct err *err)
{
	struct str restrict_word = object->fields[ACCESS_RULE_RESTRICT], comment = object->fields[ACCESS_RULE_COMMENT];
	struct access_rule rule = {.comment = STR(""), .masked = STR("")};

	rule.allow = str_equal_nocase(restrict_word, STR("allow"));
	if (!rule.allow && !str_equal_nocase(restrict_word, STR("block")))
		return err_set(err, ERR_SYNTAX, "restrict must be allow or block");
	if (access_rule_parse(object->fields[ACCESS_RULE_ADDRESS], &change->arena, &rule, err) != 0 ||
	    text_flag(TEXT_ACCESS_RULE, object, ACCESS_RULE_UNAUTH, false, &rule.unauth, err) != 0 ||
	    access_users_parse(change, object->fields[ACCESS_RULE_USERS], &rule.users, err) != 0 ||
	    access_check_comment(comment, err) != 0)
		return -1;
	if (comment.data != NULL)
		rule.comment = comment;
	if (access_rule_check(change, name, &rule, err) != 0)
		return -1;
	return access_rules_add(rules, &change->arena, &rule, err);
}

/* Both in the interchange form, so that what is the same is left alone. */
static bool same_list(const struct access_stored *a, const struct access_stored *b)
{
	struct buf left, right;
	bool same;

	buf_init(&left, IPC_MESSAGE_MAX);
	buf_init(&right, IPC_MESSAGE_MAX);
	access_text_format(&a->rules, a->use_global, &left);
	access_text_format(&b->rules, b->use_global, &right);
	same = str_equal(buf_str(&left), buf_str(&right));
	buf_free(&left);
	buf_free(&right);
	return same;
}

static int import_list(struct change *change, const struct text *text, const struct text_object *object,
                       struct err *err)
{
	struct access_name name;
	struct access_stored stored, wanted = {.rules = {0}};

	if (access_need(change, object->fields[ACCESS_LIST_NAME], &name, err) != 0)
		return refuse(object, err);
	if (access_load(change->config, name.number, &change->arena, &stored, err) != 0 ||
	    text_flag(TEXT_ACCESS_LIST, object, ACCESS_LIST_USE_GLOBAL, false, &wanted.use_global, err) != 0)
		return -1;
	wanted.use_global = wanted.use_global && name.has_global;
	for (object = text->objects[TEXT_ACCESS_RULE]; object != NULL; object = object->next)
		if (str_equal_nocase(object->fields[ACCESS_RULE_LIST], name.name) &&
		    import_rule(change, &name, object, &wanted.rules, err) != 0)
			return refuse(object, err);
	access_rules_sort(&wanted.rules);
	if (same_list(&stored, &wanted))
		return 0;
	change_note(change, "access list %.*s has the %zu rules of the text", STR_ARG(name.name), wanted.rules.count);
	return access_store(change->config, name.number, &wanted, err);
}

static bool names_list(const struct text *text, struct str name)
{
	for (const struct text_object *object = text->objects[TEXT_ACCESS_LIST]; object != NULL; object = object->next)
		if (str_equal_nocase(object->fields[ACCESS_LIST_NAME], name))
			return true;
	return false;
}

int access_import(struct change *change, const struct text *text, struct err *err)
{
	const struct text_object *object;

	for (object = text->objects[TEXT_ACCESS_RULE]; object != NULL; object = object->next)
		if (!names_list(text, object->fields[ACCESS_RULE_LIST])) {
			err_set(err, ERR_SYNTAX, "a rule's list needs an [access-list] of its name");
			return refuse(object, err);
		}
	for (object = text->objects[TEXT_ACCESS_LIST]; object != NULL; object = object->next)
		if (import_list(change, text, object, err) != 0)
			return -1;
	return 0;
}
