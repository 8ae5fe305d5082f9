#include "configd/items.h"

/* A line that would not survive the reader's trimming stands in quotes. */
static struct str quoted(struct change *change, struct str line)
{
	bool is_bare = str_trim(line).len == line.len && (line.len == 0 || line.data[0] != '"');

	return is_bare ? line : arena_printf(&change->arena, "\"%.*s\"", STR_ARG(line));
}

static struct str unquoted(struct str line)
{
	bool is_quoted = line.len > 1 && line.data[0] == '"' && line.data[line.len - 1] == '"';

	return is_quoted ? str_sub(line, 1, line.len - 2) : line;
}

static void export_item(struct change *change, enum item_kind kind, struct str owner, const struct item *item,
                        struct buf *out)
{
	const struct item_field *fields = item_definitions[kind].fields;

	buf_printf(out, "\n[%s]\nowner = %.*s\n", item_definitions[kind].word, STR_ARG(owner));
	for (size_t i = 0; fields[i].name != NULL; i++) {
		struct str rest = item->values[i];

		while (rest.data != NULL && item->values[i].len > 0) {
			struct str line = quoted(change, str_cut(&rest, '\n'));

			buf_printf(out, "%s = %.*s\n", fields[i].name, STR_ARG(line));
		}
	}
}

static int export_list(struct change *change, enum item_kind kind, int64_t owner, struct str name, struct buf *out,
                       struct err *err)
{
	struct items items;

	if (items_load(&change->config->db, kind, owner, &change->arena, &items, err) != 0)
		return -1;
	for (size_t i = 0; i < items.count; i++)
		export_item(change, kind, name, &items.list[i], out);
	return 0;
}

/* Lists of the server first: those of users may name what stands in them. */
static int export_kind(struct change *change, enum item_kind kind, struct buf *out, struct err *err)
{
	struct db_statement statement;
	int row;

	if (export_list(change, kind, ITEM_SERVER, STR("*"), out, err) != 0 ||
	    config_query(change->config, &statement, err,
	                 "SELECT uid, name FROM user WHERE uid IN (SELECT owner FROM item WHERE kind = ?) ORDER BY name",
	                 "t", str_of(item_definitions[kind].word)) != 0)
		return -1;
	while ((row = db_step(&statement, err)) == 1)
		if (export_list(change, kind, db_number(&statement, 0), db_text(&statement, 1), out, err) != 0) {
			row = -1;
			break;
		}
	db_finalize(&statement);
	return row;
}

int items_export(struct change *change, struct buf *out, struct err *err)
{
	for (int kind = 0; kind < ITEM_KINDS; kind++)
		if (export_kind(change, (enum item_kind)kind, out, err) != 0)
			return -1;
	return 0;
}

/* One list as the text has it. */
struct text_list {
	int64_t owner;
	struct items items;
	struct text_list *next;
};

static int find_owner(struct change *change, enum item_kind kind, struct str name, int64_t *owner, struct err *err)
{
	const struct item_definition *definition = &item_definitions[kind];
	struct user user = {.uid = ITEM_SERVER};

	*owner = ITEM_SERVER;
	if (str_equal(name, STR("*")) ? !definition->of_server : !definition->of_users)
		return err_set(err, ERR_SYNTAX, "owner: \"%.*s\" cannot have a %s", STR_ARG(name), definition->what);
	if (!str_equal(name, STR("*")) && user_need(change, name, &user, err) != 0)
		return err_prefix(err, "owner");
	*owner = user.uid;
	return 0;
}

static struct text_list *find_list(struct change *change, enum item_kind kind, struct text_list **lists, int64_t owner)
{
	struct text_list *list = *lists;

	while (list != NULL && list->owner != owner)
		list = list->next;
	if (list != NULL)
		return list;
	list = arena_get(&change->arena, sizeof *list);
	list->owner = owner;
	list->items.list = arena_get(&change->arena, (item_definitions[kind].max + 1) * sizeof *list->items.list);
	list->next = *lists;
	*lists = list;
	return list;
}

static struct str joined(struct change *change, struct str lines)
{
	struct str text = STR("");

	for (bool is_first = true; lines.data != NULL; is_first = false) {
		struct str line = unquoted(str_cut(&lines, '\n'));

		text = is_first ? line : arena_printf(&change->arena, "%.*s\n%.*s", STR_ARG(text), STR_ARG(line));
	}
	return text;
}

static int add_object(struct change *change, enum item_kind kind, const struct text_object *object,
                      struct text_list **lists, struct err *err)
{
	const struct item_definition *definition = &item_definitions[kind];
	struct text_list *list;
	struct item *item;
	int64_t owner;

	if (find_owner(change, kind, object->fields[ITEM_OWNER], &owner, err) != 0)
		return -1;
	list = find_list(change, kind, lists, owner);
	if (list->items.count == definition->max)
		return err_set(err, ERR_LIMIT, "more than %zu %ss of one owner", definition->max, definition->what);
	item = &list->items.list[list->items.count++];
	for (size_t i = 0; i < item_field_count(kind); i++) {
		struct str value = object->fields[ITEM_OWNER + 1 + i];

		item->values[i] = definition->fields[i].has_lines ? joined(change, value) : value;
	}
	/* Looked at here as well, so that what is wrong with it is told with its line. */
	return definition->check(item, &change->arena, err);
}

static bool is_same(enum item_kind kind, const struct items *a, const struct items *b)
{
	for (size_t i = 0; i < a->count && a->count == b->count; i++)
		for (size_t field = 0; field < item_field_count(kind); field++)
			if (!str_equal(a->list[i].values[field], b->list[i].values[field]))
				return false;
	return a->count == b->count;
}

/* What stays, as far as its first text tells, keeps its number. */
static void keep_numbers(const struct items *old, struct items *items)
{
	for (size_t i = 0; i < items->count; i++)
		for (size_t j = 0; j < old->count; j++)
			if (items->list[i].id == 0 && old->list[j].id != 0 &&
			    str_equal(items->list[i].values[0], old->list[j].values[0])) {
				items->list[i].id = old->list[j].id;
				old->list[j].id = 0;
			}
}

static int import_list(struct change *change, enum item_kind kind, struct text_list *list, struct err *err)
{
	struct items old;

	if (items_load(&change->config->db, kind, list->owner, &change->arena, &old, err) != 0 ||
	    items_check(change, kind, list->owner, &list->items, err) != 0)
		return -1;
	if (is_same(kind, &old, &list->items))
		return 0;
	keep_numbers(&old, &list->items);
	change_note(change, "user %lld has the %zu %ss of the text", (long long)list->owner, list->items.count,
	            item_definitions[kind].what);
	return items_store(change, kind, list->owner, &list->items, err);
}

/* Owners that have such a list now, so that those that the text has none for lose theirs. */
static int add_stored(struct change *change, enum item_kind kind, struct text_list **lists, struct err *err)
{
	struct db_statement statement;
	int row;

	if (config_query(change->config, &statement, err, "SELECT DISTINCT owner FROM item WHERE kind = ?", "t",
	                 str_of(item_definitions[kind].word)) != 0)
		return -1;
	while ((row = db_step(&statement, err)) == 1)
		find_list(change, kind, lists, db_number(&statement, 0));
	db_finalize(&statement);
	return row;
}

static int import_kind(struct change *change, const struct text *text, enum item_kind kind, struct err *err)
{
	struct text_list *lists = NULL;

	for (const struct text_object *object = text->objects[TEXT_ITEM + kind]; object != NULL; object = object->next)
		if (add_object(change, kind, object, &lists, err) != 0)
			return err_prefix(err, "import:%u", object->line);
	if (add_stored(change, kind, &lists, err) != 0)
		return -1;
	for (; lists != NULL; lists = lists->next)
		if (import_list(change, kind, lists, err) != 0)
			return -1;
	return 0;
}

int items_import(struct change *change, const struct text *text, struct err *err)
{
	for (int kind = 0; kind < ITEM_KINDS; kind++)
		if (import_kind(change, text, (enum item_kind)kind, err) != 0)
			return -1;
	return 0;
}
