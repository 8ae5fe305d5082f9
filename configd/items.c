#include "configd/items.h"
#include "configd/own.h"

#include "common/base/hidden.h"

/* Whose list, of which kind, a request is about; and the list. */
struct request {
	enum item_kind kind;
	int64_t owner;
	struct str owner_name;
	struct items items;
};

static const struct item_definition *definition_of(const struct request *request)
{
	return &item_definitions[request->kind];
}

static int find_owner(struct change *change, struct request *request, struct err *err)
{
	const struct item_definition *definition = definition_of(request);
	struct str name = ipc_get(&change->incoming->message, "user");
	struct user user;

	if (name.data == NULL && !definition->of_server)
		return err_set(err, ERR_SYNTAX, "whose %ss are meant?", definition->what);
	if (name.data != NULL && !definition->of_users)
		return err_set(err, ERR_SYNTAX, "a user has no %ss", definition->what);
	request->owner_name = STR("the server");
	if (name.data == NULL)
		return 0;
	if (user_need(change, name, &user, err) != 0)
		return -1;
	request->owner = user.uid;
	request->owner_name = user.name;
	return 0;
}

static int read_request(struct change *change, struct request *request, struct err *err)
{
	struct str word;

	*request = (struct request){.owner = ITEM_SERVER, .items = {arena_get(&change->arena, sizeof(struct item)), 0}};
	if (change_field(change, "kind", &word, err) != 0)
		return -1;
	request->kind = item_kind_find(word);
	if (request->kind == ITEM_KINDS)
		return err_set(err, ERR_SYNTAX, "there is no kind of item called \"%.*s\"", STR_ARG(str_sub(word, 0, 40)));
	if (find_owner(change, request, err) != 0)
		return -1;
	return items_load(&change->config->db, request->kind, request->owner, &change->arena, &request->items, err);
}

/* The place of the item that a request names: by its number, or by its name where the kind has names. */
static int read_position(struct change *change, const struct request *request, const char *key, size_t limit,
                         size_t *position, struct err *err)
{
	int name_field = item_field_find(request->kind, STR("name"));
	uint64_t number;
	struct str text;

	*position = 0;
	if (change_field(change, key, &text, err) != 0)
		return -1;
	if (str_to_u64(text, limit, &number) && number > 0) {
		*position = (size_t)number - 1;
		return 0;
	}
	for (size_t i = 0; name_field >= 0 && i < request->items.count; i++)
		if (str_equal_nocase(request->items.list[i].values[name_field], text)) {
			*position = i;
			return 0;
		}
	return err_set(err, ERR_NOT_FOUND, "there is no %s \"%.*s\"; %.*s has %zu", definition_of(request)->what,
	               STR_ARG(str_sub(text, 0, 40)), STR_ARG(request->owner_name), request->items.count);
}

static void forget_passwords(struct change *change, enum item_kind kind, const struct item *item)
{
	for (size_t field = 0; field < item_field_count(kind); field++)
		if (item_password_reader(kind, field) != NULL)
			password_forget(change, item->values[field]);
}

/* The texts that a request has take the place of the item's; those of several lines come one a field. */
static void take_values(struct change *change, enum item_kind kind, struct item *item)
{
	bool seen[ITEM_FIELDS_MAX] = {false};
	struct str key, value;

	for (size_t position = 0; ipc_next(&change->incoming->message, &position, &key, &value);) {
		int field = item_field_find(kind, key);

		if (field < 0)
			continue;
		if (seen[field] && item_definitions[kind].fields[field].has_lines)
			value = arena_printf(&change->arena, "%.*s\n%.*s", STR_ARG(item->values[field]), STR_ARG(value));
		seen[field] = true;
		if (item_password_reader(kind, (size_t)field) != NULL)
			value = password_keep(change, item_password_reader(kind, (size_t)field), item->values[field], value);
		item->values[field] = value;
	}
}

static int check_lines(const struct item_field *field, struct str value, struct err *err)
{
	if (value.len > ITEM_VALUE_MAX)
		return err_set(err, ERR_LIMIT, "%s: more than %d octets", field->name, ITEM_VALUE_MAX);
	if (!field->has_lines && str_find_char(value, '\n') >= 0)
		return err_set(err, ERR_SYNTAX, "%s: must be one line", field->name);
	while (value.data != NULL)
		if (str_cut(&value, '\n').len > ITEM_LINE_MAX)
			return err_set(err, ERR_LIMIT, "%s: a line has at most %d octets", field->name, ITEM_LINE_MAX);
	return 0;
}

static int check_item(struct change *change, enum item_kind kind, struct item *item, struct err *err)
{
	const struct item_definition *definition = &item_definitions[kind];

	for (size_t i = 0; definition->fields[i].name != NULL; i++)
		if (check_lines(&definition->fields[i], item->values[i], err) != 0)
			return -1;
	return definition->check(item, &change->arena, err);
}

int items_check(struct change *change, enum item_kind kind, int64_t owner, const struct items *items, struct err *err)
{
	(void)owner;
	for (size_t i = 0; i < items->count; i++)
		if (check_item(change, kind, &items->list[i], err) != 0)
			return err_prefix(err, "%s %zu", item_definitions[kind].what, i + 1);
	return item_definitions[kind].check_list != NULL ? item_definitions[kind].check_list(items, err) : 0;
}

static int delete_list(struct change *change, enum item_kind kind, int64_t owner, struct err *err)
{
	struct str word = str_of(item_definitions[kind].word);

	if (config_run(change->config, err,
	               "DELETE FROM item_field WHERE item IN (SELECT id FROM item WHERE kind = ? AND owner = ?)", "tn",
	               word, owner) != 0)
		return -1;
	return config_run(change->config, err, "DELETE FROM item WHERE kind = ? AND owner = ?", "tn", word, owner);
}

static int insert_item(struct change *change, enum item_kind kind, int64_t owner, size_t position,
                       const struct item *item, struct err *err)
{
	struct str word = str_of(item_definitions[kind].word);
	int64_t id = item->id;

	if (id == 0 && config_run(change->config, err, "INSERT INTO item(kind, owner, position) VALUES(?, ?, ?)", "tnn",
	                          word, owner, (int64_t)position) != 0)
		return -1;
	if (id == 0)
		id = sqlite3_last_insert_rowid(change->config->db.handle);
	else if (config_run(change->config, err, "INSERT INTO item VALUES(?, ?, ?, ?)", "ntnn", id, word, owner,
	                    (int64_t)position) != 0)
		return -1;
	for (size_t i = 0; i < item_field_count(kind); i++)
		if (item->values[i].len > 0 &&
		    config_run(change->config, err, "INSERT INTO item_field VALUES(?, ?, ?)", "ntt", id,
		               str_of(item_definitions[kind].fields[i].name), item->values[i]) != 0)
			return -1;
	return 0;
}

int items_store(struct change *change, enum item_kind kind, int64_t owner, const struct items *items, struct err *err)
{
	if (delete_list(change, kind, owner, err) != 0)
		return -1;
	for (size_t i = 0; i < items->count; i++)
		if (insert_item(change, kind, owner, i + 1, &items->list[i], err) != 0)
			return -1;
	return 0;
}

int items_check_references(struct config *config, struct err *err)
{
	struct arena arena;
	struct str name;
	int row;

	arena_init(&arena);
	row = config_text(config, &arena, &name, err,
	                  "SELECT f.value FROM item r JOIN item_field f ON f.item = r.id AND f.key = 'responder'"
	                  " WHERE r.kind = 'autoresponder-rule' AND f.value <> 'none' COLLATE NOCASE AND NOT EXISTS"
	                  " (SELECT 1 FROM item d JOIN item_field n ON n.item = d.id AND n.key = 'name'"
	                  " WHERE d.kind = 'autoresponder' AND d.owner IN (r.owner, 0)"
	                  " AND n.value = f.value COLLATE NOCASE) LIMIT 1",
	                  "");
	if (row == 1)
		err_set(err, ERR_NOT_FOUND, "responder: a rule names the autoresponder \"%.*s\", which is not there",
		        STR_ARG(name));
	arena_free(&arena);
	return row == 0 ? 0 : -1;
}

int items_delete_owner(struct change *change, int64_t owner, struct err *err)
{
	for (int kind = 0; kind < ITEM_KINDS; kind++)
		if (delete_list(change, (enum item_kind)kind, owner, err) != 0)
			return -1;
	return 0;
}

/* Own prune rules that have no effect are not changed: whoever does it would expect one. */
static int check_prune_rules_are_own(struct change *change, const struct request *request, struct err *err)
{
	int row;

	if (request->kind != ITEM_PRUNE_RULE || request->owner == ITEM_SERVER)
		return 0;
	row = config_number(change->config, NULL, err,
	                    "SELECT 1 FROM effective_attribute WHERE uid = ? AND key = 'prune.global' AND value = 'off'",
	                    "n", request->owner);
	if (row == 0)
		return err_set(err, ERR_DENIED, "%.*s uses the prune rules of the server; set prune.global off first",
		               STR_ARG(request->owner_name));
	return row == 1 ? 0 : -1;
}

/* Check and store the list of a request, and say what was done. position: of the item that changed. */
static int store(struct change *change, struct request *request, size_t position, const char *what, struct err *err)
{
	if (check_prune_rules_are_own(change, request, err) != 0 ||
	    items_check(change, request->kind, request->owner, &request->items, err) != 0 ||
	    (change->actor.own && own_check_items(change, request->kind, request->owner, &request->items, err) != 0) ||
	    items_store(change, request->kind, request->owner, &request->items, err) != 0)
		return -1;
	change_note(change, "%s %zu of %.*s %s", definition_of(request)->what, position + 1, STR_ARG(request->owner_name),
	            what);
	return 0;
}

/* Put an item in before the one at a position; a list has room for one more than it may have. */
static void insert(struct items *items, size_t position, const struct item *item)
{
	for (size_t i = items->count++; i > position; i--)
		items->list[i] = items->list[i - 1];
	items->list[position] = *item;
}

static void take_out(struct items *items, size_t position)
{
	items->count--;
	for (size_t i = position; i < items->count; i++)
		items->list[i] = items->list[i + 1];
}

int op_item_add(struct change *change, struct err *err)
{
	struct request request;
	struct item item = {0};
	size_t position;

	if (read_request(change, &request, err) != 0)
		return -1;
	position = request.items.count;
	if (request.items.count == definition_of(&request)->max)
		return err_set(err, ERR_LIMIT, "%.*s has %zu %ss already, which is the limit", STR_ARG(request.owner_name),
		               definition_of(&request)->max, definition_of(&request)->what);
	if (ipc_get(&change->incoming->message, "at").data != NULL &&
	    read_position(change, &request, "at", request.items.count + 1, &position, err) != 0)
		return -1;
	take_values(change, request.kind, &item);
	insert(&request.items, position, &item);
	ipc_add_number(&change->reply, "number", (int64_t)position + 1);
	return store(change, &request, position, "added", err);
}

int op_item_set(struct change *change, struct err *err)
{
	struct request request;
	size_t position;

	if (read_request(change, &request, err) != 0 ||
	    read_position(change, &request, "number", request.items.count, &position, err) != 0)
		return -1;
	take_values(change, request.kind, &request.items.list[position]);
	return store(change, &request, position, "changed", err);
}

int op_item_move(struct change *change, struct err *err)
{
	struct request request;
	struct item item;
	size_t from, to;

	if (read_request(change, &request, err) != 0 ||
	    read_position(change, &request, "number", request.items.count, &from, err) != 0 ||
	    read_position(change, &request, "to", request.items.count, &to, err) != 0)
		return -1;
	item = request.items.list[from];
	take_out(&request.items, from);
	insert(&request.items, to, &item);
	return store(change, &request, to, "moved", err);
}

int op_item_delete(struct change *change, struct err *err)
{
	struct request request;
	size_t position;

	if (read_request(change, &request, err) != 0 ||
	    read_position(change, &request, "number", request.items.count, &position, err) != 0)
		return -1;
	forget_passwords(change, request.kind, &request.items.list[position]);
	take_out(&request.items, position);
	return store(change, &request, position, "deleted", err);
}

static json_t *lines_of(struct str text)
{
	json_t *list = json_array();

	while (text.len > 0 || (text.data != NULL && json_array_size(list) > 0)) {
		struct str line = str_cut(&text, '\n');

		json_array_append_new(list, json_stringn(line.data, line.len));
	}
	return list;
}

static json_t *value_of(enum item_kind kind, const struct item *item, size_t field)
{
	struct str value = item->values[field];

	if (item_definitions[kind].fields[field].has_lines)
		return lines_of(value);
	if (value.len != 0 && item_password_reader(kind, field) != NULL)
		value = STR(HIDDEN_PASSWORD);
	return json_stringn(value.len > 0 ? value.data : "", value.len);
}

int op_item_list(struct change *change, struct err *err)
{
	const struct item_field *fields;
	struct request request;

	if (read_request(change, &request, err) != 0)
		return -1;
	fields = definition_of(&request)->fields;
	for (size_t i = 0; i < request.items.count; i++) {
		const struct item *item = &request.items.list[i];
		json_t *object = json_pack("{s:I, s:I}", "number", (json_int_t)i + 1, "id", (json_int_t)item->id);

		for (size_t field = 0; fields[field].name != NULL; field++)
			json_object_set_new(object, fields[field].name, value_of(request.kind, item, field));
		if (definition_of(&request)->describe != NULL) {
			struct str words = definition_of(&request)->describe(item, &change->arena);

			json_object_set_new(object, "description", json_stringn(words.data, words.len));
		}
		change_list(change, "item", object);
	}
	return 0;
}
