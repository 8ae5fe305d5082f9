#include "configd/connectors.h"

#include "common/base/hidden.h"
#include "common/collecting/routing.h"
#include "common/lan/destination.h"
#include "common/settings/secret.h"

#define SHOWN(value) STR_ARG(str_sub(value, 0, 80))

int op_collector_reserve(struct change *change, struct err *err)
{
	return config_reserve(change->config, STR("collector"), 1, &change->first_collector, err);
}

int collector_add(struct change *change, struct str name, struct object *object_out, struct err *err)
{
	int64_t count;
	int found;

	if (check_name(name, "collector", err) != 0 ||
	    (found = object_find(change, &collector_kind, name, object_out, err)) < 0 ||
	    config_number(change->config, &count, err, "SELECT count(*) FROM collector", "") != 1)
		return -1;
	if (found == 1)
		return err_set(err, ERR_EXISTS, "the collector %.*s exists already", STR_ARG(object_out->name));
	if (count >= COLLECTORS_MAX)
		return err_set(err, ERR_LIMIT, "there are %d collectors already", COLLECTORS_MAX);
	object_out->id = change->first_collector++;
	object_out->name = name;
	if (config_run(change->config, err, "INSERT INTO collector VALUES(?, ?, 0)", "nt", object_out->id, name) != 0 ||
	    config_run(change->config, err, "INSERT INTO collector_connection SELECT ?, id FROM connection", "n",
	               object_out->id) != 0)
		return -1;
	change_note(change, "collector %.*s (%lld) added", STR_ARG(name), (long long)object_out->id);
	return 0;
}

int collector_set_connections(struct change *change, const struct object *object, struct str names, struct err *err)
{
	struct object connection;
	struct str rest = names, item;

	if (config_run(change->config, err, "DELETE FROM collector_connection WHERE collector = ?", "n", object->id) != 0)
		return -1;
	while ((item = str_cut_item(&rest)).len != 0)
		if (object_need(change, &connection_kind, item, &connection, err) != 0 ||
		    config_run(change->config, err, "INSERT OR IGNORE INTO collector_connection VALUES(?, ?)", "nn", object->id,
		               connection.id) != 0)
			return -1;
	change_note(change, "collector %.*s belongs to %.*s", STR_ARG(object->name), SHOWN(names));
	return 0;
}

int collector_connections(struct change *change, const struct object *object, struct str *names_out, struct err *err)
{
	return config_text(change->config, &change->arena, names_out, err,
	                   "SELECT ifnull(group_concat(name, ','), '') FROM (SELECT name FROM collector_connection"
	                   " JOIN connection ON id = connection WHERE collector = ? ORDER BY id)",
	                   "n", object->id) == 1
	           ? 0
	           : -1;
}

static int set_has_password(struct change *change, const struct object *object, bool has, struct err *err)
{
	return config_run(change->config, err, "UPDATE collector SET has_password = ? WHERE id = ?", "nn", (int64_t)has,
	                  object->id);
}

int collector_set_password(struct change *change, const struct object *object, struct str password, struct err *err)
{
	struct ipc_message *request;

	if (check_password(password, err) != 0 || set_has_password(change, object, true, err) != 0)
		return -1;
	request = change_ask_before(change, "secret-set");
	connector_add_secret(request, collector_kind.word, object->id);
	ipc_add(request, "value", password);
	change_note(change, "collector %.*s has another password", STR_ARG(object->name));
	return 0;
}

static int forget_password(struct change *change, const struct object *object, struct err *err)
{
	int found = config_number(change->config, NULL, err, "SELECT 1 FROM collector WHERE id = ? AND has_password", "n",
	                          object->id);

	if (found != 1)
		return found;
	connector_add_secret(change_ask_after(change, "secret-delete"), collector_kind.word, object->id);
	return set_has_password(change, object, false, err);
}

static struct str key_of(enum collector_setting setting)
{
	return str_of(collector_catalogue.definitions[setting].key);
}

/* The server to which all is forwarded, as it is stored; target_out->user is empty where there is none. */
static int stored_forward(struct change *change, const struct object *object, struct smtp_target *target_out,
                          struct err *err)
{
	struct str stored = STR("");

	*target_out = (struct smtp_target){.user = STR(""), .password = STR("")};
	if (object_setting_get(change, object, key_of(COLLECTOR_SETTING_FORWARD_SERVER), &stored, err) < 0)
		return -1;
	if (stored.len != 0)
		collector_parse_forward(stored, &change->arena, target_out, NULL);
	return 0;
}

/* Its name at authd. Of what an earlier version stored: none. */
static struct str secret_of(const struct smtp_target *forward)
{
	return secret_is_name(forward->password, LAN_SECRETS_OF) ? forward->password : STR("");
}

/* Its password goes to authd; stars instead of one are the one that is there, which no other server gets. */
static int store_forward(struct change *change, const struct object *object, struct str value, struct err *err)
{
	struct smtp_target old, target;
	struct str key = key_of(COLLECTOR_SETTING_FORWARD_SERVER);

	if (stored_forward(change, object, &old, err) != 0)
		return -1;
	if (value.len == 0 || collector_parse_forward(value, &change->arena, &target, NULL) != 0) {
		password_forget(change, secret_of(&old));
		return object_setting_store(change, object, key, value, err); /* which says what is wrong with it */
	}
	if (str_equal(target.password, STR(HIDDEN_PASSWORD))) {
		target.password = old.password;
		if (!str_equal(target.user, old.user) ||
		    !str_equal(server_key(&target.server, &change->arena), server_key(&old.server, &change->arena)))
			return err_set(err, ERR_SYNTAX, "forward-server: another server or user needs its password");
	} else {
		target.password = password_keep(change, LAN_SECRETS_OF, secret_of(&old), target.password);
	}
	return object_setting_store(change, object, key, collector_format_forward(&target, &change->arena), err);
}

/* What is allowed, and hardly meant (specification 04, Header parsing: Check Order; Accepted Domains). */
static void advise(struct change *change, struct str key, struct str value)
{
	enum routing_step order[ROUTING_STEPS_MAX];
	struct str warnings[ROUTING_STEPS_MAX + 1];
	size_t count = 0;

	if (value.data == NULL)
		return;
	if (str_equal_nocase(key, key_of(COLLECTOR_SETTING_ORDER)) && routing_parse_order(value, order, NULL) == 0)
		count = routing_check_order(order, warnings, ROUTING_STEPS_MAX + 1, &change->arena);
	for (size_t i = 0; i < count; i++)
		ipc_add(&change->reply, "warning", arena_printf(&change->arena, "order: %.*s", STR_ARG(warnings[i])));
	if (!str_equal_nocase(key, key_of(COLLECTOR_SETTING_ACCEPTED_DOMAINS)))
		return;
	while (value.data != NULL)
		if (str_equal(str_trim(str_cut(&value, ';')), STR("*")))
			ipc_add_text(&change->reply, "warning",
			             "accepted-domains: with * every address counts, foreign ones of Cc too");
}

/* Beside what the catalogue has: the connections. */
static int store(struct change *change, const struct object *object, struct str key, struct str value, struct err *err)
{
	advise(change, key, value);
	if (str_equal_nocase(key, key_of(COLLECTOR_SETTING_FORWARD_SERVER)))
		return store_forward(change, object, value, err);
	return str_equal_nocase(key, STR("connections")) && value.data != NULL
	           ? collector_set_connections(change, object, value, err)
	           : object_setting_store(change, object, key, value, err);
}

/* What add and set have in common. */
static int take_fields(struct change *change, const struct object *object, int *count_out, struct err *err)
{
	struct str connections = ipc_get(&change->incoming->message, "connections");
	struct str password = ipc_get(&change->incoming->message, "password");

	if (connector_take_settings(change, object, store, count_out, err) != 0)
		return -1;
	if (connections.data != NULL && ++*count_out > 0 &&
	    collector_set_connections(change, object, connections, err) != 0)
		return -1;
	return password.data != NULL && ++*count_out > 0 ? collector_set_password(change, object, password, err) : 0;
}

static int requested(struct change *change, struct object *object_out, struct err *err)
{
	struct str name;

	return change_field(change, "name", &name, err) != 0 ? -1
	                                                     : object_need(change, &collector_kind, name, object_out, err);
}

int op_collector_add(struct change *change, struct err *err)
{
	struct str name, method = ipc_get(&change->incoming->message, "method");
	struct object object;
	int count;

	if (change_field(change, "name", &name, err) != 0 || collector_add(change, name, &object, err) != 0 ||
	    (method.data != NULL && object_setting_store(change, &object, STR("method"), method, err) != 0) ||
	    take_fields(change, &object, &count, err) != 0)
		return -1;
	ipc_add_number(&change->reply, "number", object.id);
	return 0;
}

int op_collector_set(struct change *change, struct err *err)
{
	struct object object;
	int count;

	if (requested(change, &object, err) != 0 || take_fields(change, &object, &count, err) != 0)
		return -1;
	return count > 0 ? 0 : err_set(err, ERR_SYNTAX, "collector-set needs a key and a value, or a password");
}

int op_collector_unset(struct change *change, struct err *err)
{
	struct object object;
	struct str key;

	if (requested(change, &object, err) != 0 || change_field(change, "key", &key, err) != 0)
		return -1;
	return str_equal_nocase(key, STR("password")) ? forget_password(change, &object, err)
	                                              : store(change, &object, key, (struct str){0}, err);
}

int op_collector_rename(struct change *change, struct err *err)
{
	struct object object, other;
	struct str to;
	int found;

	if (requested(change, &object, err) != 0 || change_field(change, "to", &to, err) != 0 ||
	    check_name(to, "collector", err) != 0 || (found = object_find(change, &collector_kind, to, &other, err)) < 0)
		return -1;
	if (found == 1 && other.id != object.id)
		return err_set(err, ERR_EXISTS, "the collector %.*s exists already", STR_ARG(other.name));
	change_note(change, "collector %.*s renamed to %.*s", STR_ARG(object.name), STR_ARG(to));
	return config_run(change->config, err, "UPDATE collector SET name = ? WHERE id = ?", "tn", to, object.id);
}

int collector_delete(struct change *change, struct str name, struct err *err)
{
	struct smtp_target forward;
	struct object object;

	if (object_need(change, &collector_kind, name, &object, err) != 0 || forget_password(change, &object, err) != 0 ||
	    stored_forward(change, &object, &forward, err) != 0)
		return -1;
	password_forget(change, secret_of(&forward));
	if (object_settings_delete(change, &object, err) != 0 ||
	    config_run(change->config, err, "DELETE FROM collector_connection WHERE collector = ?", "n", object.id) != 0)
		return -1;
	change_note(change, "collector %.*s deleted", STR_ARG(object.name));
	return config_run(change->config, err, "DELETE FROM collector WHERE id = ?", "n", object.id);
}

int op_collector_delete(struct change *change, struct err *err)
{
	struct str name;

	return change_field(change, "name", &name, err) != 0 ? -1 : collector_delete(change, name, err);
}

int op_collector_show(struct change *change, struct err *err)
{
	struct str connections, method = str_of(collector_kind.catalogue->definitions[COLLECTOR_SETTING_METHOD].fallback);
	struct object object;
	int64_t has_password = 0;

	if (requested(change, &object, err) != 0 || collector_connections(change, &object, &connections, err) != 0 ||
	    object_setting_get(change, &object, STR("method"), &method, err) < 0 ||
	    config_number(change->config, &has_password, err, "SELECT has_password FROM collector WHERE id = ?", "n",
	                  object.id) != 1)
		return -1;
	object_add_row(change, "number", arena_printf(&change->arena, "%lld", (long long)object.id), false);
	object_add_row(change, "connections", connections, false);
	object_add_row(change, "password", has_password != 0 ? STR(HIDDEN_PASSWORD) : STR(""), has_password == 0);
	return object_settings_show(change, &object, method, err);
}

int op_collector_list(struct change *change, struct err *err)
{
	struct collector_settings *list;
	struct str connections;
	size_t count;

	if (collectors_load(&change->config->db, &change->arena, &list, &count, err) != 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		const struct collector_settings *collector = &list[i];
		struct object object = {&collector_kind, collector->id, str_of(collector->name)};

		if (collector_connections(change, &object, &connections, err) != 0)
			return -1;
		change_list(change, "collector",
		            json_pack("{s:I, s:s, s:s, s:b, s:I, s:s%}", "number", (json_int_t)collector->id, "name",
		                      collector->name, "method", collector->texts[COLLECTOR_SETTING_METHOD], "enabled",
		                      (int)collector->numbers[COLLECTOR_SETTING_ENABLED], "priority",
		                      (json_int_t)collector->numbers[COLLECTOR_SETTING_PRIORITY], "connections",
		                      connections.data, connections.len));
	}
	return 0;
}
