#include "configd/connectors.h"

#include "common/addr/server.h"

#include <stdio.h>

static const char *const encryptions[] = {"none", "starttls-if-available", "starttls", "tls", NULL};

void sender_defaults(struct sender *sender, struct str name)
{
	*sender = (struct sender){
	    .name = name,
	    .method = STR("direct"),
	    .servers = STR(""),
	    .encryption = STR("starttls-if-available"),
	    .username = STR(""),
	};
}

int sender_find(struct change *change, struct str name, struct sender *sender_out, struct err *err)
{
	struct arena *arena = &change->arena;
	struct db_statement statement;
	int row;

	*sender_out = (struct sender){0};
	if (config_query(change->config, &statement, err,
	                 "SELECT id, name, method, servers, encryption, username, verify, has_password FROM sender"
	                 " WHERE name = ?",
	                 "t", name) != 0)
		return -1;
	row = db_step(&statement, err);
	if (row == 1)
		*sender_out = (struct sender){
		    .id = db_number(&statement, 0),
		    .name = arena_copy(arena, db_text(&statement, 1)),
		    .method = arena_copy(arena, db_text(&statement, 2)),
		    .servers = arena_copy(arena, db_text(&statement, 3)),
		    .encryption = arena_copy(arena, db_text(&statement, 4)),
		    .username = arena_copy(arena, db_text(&statement, 5)),
		    .verify = db_number(&statement, 6) != 0,
		    .has_password = db_number(&statement, 7) != 0,
		};
	db_finalize(&statement);
	return row;
}

static int need_sender(struct change *change, struct str name, struct sender *sender_out, struct err *err)
{
	int row = sender_find(change, name, sender_out, err);

	if (row == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no sender \"%.*s\"", STR_ARG(str_sub(name, 0, 80)));
	return row == 1 ? 0 : -1;
}

static int add_server(struct change *change, struct str item, struct buf *normal, struct err *err)
{
	struct server server;

	if (server_parse(item, 0, &change->arena, &server, err) != 0)
		return -1;
	buf_printf(normal, "%s%.*s", normal->len != 0 ? "," : "", STR_ARG(server_format(&server, &change->arena)));
	return 0;
}

static int normalise_servers(struct change *change, struct sender *sender, struct err *err)
{
	struct str rest = sender->servers, item;
	struct buf normal;
	int count = 0, result = 0;

	buf_init(&normal, SETTING_VALUE_MAX);
	while (result == 0 && (item = str_cut_item(&rest)).len != 0) {
		if (count++ == SERVERS_MAX)
			result = err_set(err, ERR_LIMIT, "a sender has at most %d servers", SERVERS_MAX);
		else
			result = add_server(change, item, &normal, err);
	}
	if (result == 0 && normal.overflow)
		result = err_set(err, ERR_LIMIT, "the list of servers is too long");
	sender->servers = arena_copy(&change->arena, buf_str(&normal));
	buf_free(&normal);
	return result;
}

static int check_encryption(struct str encryption, struct err *err)
{
	for (const char *const *word = encryptions; *word != NULL; word++)
		if (str_equal(encryption, str_of(*word)))
			return 0;
	return err_set(err, ERR_SYNTAX, "encryption must be none, starttls-if-available, starttls or tls, not \"%.*s\"",
	               STR_ARG(str_sub(encryption, 0, 40)));
}

static int check_username(struct str username, struct err *err)
{
	if (username.len > PASSWORD_MAX_LEN)
		return err_set(err, ERR_SYNTAX, "the user name for the server must not be longer than %d bytes",
		               PASSWORD_MAX_LEN);
	if (!str_is_utf8(username))
		return err_set(err, ERR_SYNTAX, "the user name for the server must be valid UTF-8");
	for (size_t i = 0; i < username.len; i++)
		if ((unsigned char)username.data[i] < 0x20 || username.data[i] == 0x7f)
			return err_set(err, ERR_SYNTAX, "the user name for the server must not hold control characters");
	return 0;
}

int sender_check(struct change *change, struct sender *sender, struct err *err)
{
	bool relay = str_equal(sender->method, STR("relay"));

	if (check_name(sender->name, "sender", err) != 0)
		return -1;
	if (!relay && !str_equal(sender->method, STR("direct")))
		return err_set(err, ERR_SYNTAX, "method must be direct or relay, not \"%.*s\"",
		               STR_ARG(str_sub(sender->method, 0, 40)));
	if (normalise_servers(change, sender, err) != 0 || check_encryption(sender->encryption, err) != 0 ||
	    check_username(sender->username, err) != 0)
		return -1;
	if (relay && sender->servers.len == 0)
		return err_set(err, ERR_SYNTAX, "a sender that relays needs a server");
	if (!relay && sender->servers.len != 0)
		return err_set(err, ERR_SYNTAX, "a sender that delivers directly finds the servers by DNS and takes none");
	if (!relay && sender->username.len != 0)
		return err_set(err, ERR_SYNTAX, "a sender that delivers directly logs in nowhere and takes no user name");
	return 0;
}

/* The connection of its name, which is made where there is none: one that is always there. */
static int find_connection(struct change *change, struct sender *sender, struct err *err)
{
	struct object connection;
	int found = object_find(change, &connection_kind, sender->name, &connection, err);

	if (found == 0) {
		if (connection_add(change, sender->name, &connection, err) != 0 ||
		    object_setting_store(change, &connection, STR("continuous"), STR("on"), err) != 0)
			return -1;
		found = 1;
	}
	sender->id = connection.id;
	sender->name = connection.name;
	return found == 1 ? 0 : -1;
}

int sender_store(struct change *change, struct sender *sender, struct err *err)
{
	bool is_new = sender->id == 0;

	if (sender_check(change, sender, err) != 0 || (is_new && find_connection(change, sender, err) != 0))
		return -1;
	if (config_run(
	        change->config, err,
	        "INSERT OR REPLACE INTO sender(id, name, method, servers, encryption, verify, username, has_password)"
	        " VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
	        "nttttntn", sender->id, sender->name, sender->method, sender->servers, sender->encryption,
	        (int64_t)sender->verify, sender->username, (int64_t)sender->has_password) != 0)
		return -1;
	change_note(change, "sender %.*s %s: %.*s%s%.*s, encryption %.*s, %s%s", STR_ARG(sender->name),
	            is_new ? "added" : "changed", STR_ARG(sender->method), sender->servers.len != 0 ? " by " : "",
	            STR_ARG(sender->servers), STR_ARG(sender->encryption),
	            sender->verify ? "certificates verified" : "any certificate",
	            sender->username.len != 0 ? ", with a login" : "");
	return 0;
}

static void add_secret_name(struct ipc_message *request, int64_t id)
{
	connector_add_secret(request, sender_kind.word, id);
}

int sender_delete(struct change *change, struct str name, struct err *err)
{
	struct sender sender;
	struct object object;

	if (need_sender(change, name, &sender, err) != 0)
		return -1;
	object = (struct object){&sender_kind, sender.id, sender.name};
	if (object_settings_delete(change, &object, err) != 0 ||
	    config_run(change->config, err, "DELETE FROM sender WHERE id = ?", "n", sender.id) != 0)
		return -1;
	change_note(change, "sender %.*s deleted", STR_ARG(sender.name));
	if (sender.has_password)
		add_secret_name(change_ask_after(change, "secret-delete"), sender.id);
	return 0;
}

/* Is anything given but settings of the catalogue? */
static bool has_fields(const struct change *change)
{
	static const char *const fields[] = {"method", "servers", "encryption", "username", "verify", "password"};

	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		if (ipc_get(&change->incoming->message, fields[i]).data != NULL)
			return true;
	return false;
}

static int take_settings(struct change *change, const struct sender *sender, int *count_out, struct err *err)
{
	struct object object = {&sender_kind, sender->id, sender->name};

	return connector_take_settings(change, &object, object_setting_store, count_out, err);
}

static void take_field(struct change *change, const char *key, struct str *value)
{
	struct str given = ipc_get(&change->incoming->message, key);

	if (given.data != NULL)
		*value = str_trim(given);
}

/* The fields of sender-add and sender-set, and what follows for the password. */
static int store_requested(struct change *change, struct sender *sender, struct err *err)
{
	struct str password = ipc_get(&change->incoming->message, "password");
	struct ipc_message *request;

	take_field(change, "method", &sender->method);
	take_field(change, "servers", &sender->servers);
	take_field(change, "encryption", &sender->encryption);
	take_field(change, "username", &sender->username);
	if (change_flag(change, "verify", &sender->verify, err) != 0)
		return -1;
	if (password.data != NULL) {
		if (check_password(password, err) != 0)
			return -1;
		sender->has_password = true;
	}
	if (sender->username.len == 0 && password.data != NULL)
		return err_set(err, ERR_SYNTAX, "a password needs a user name");
	if (sender->username.len != 0 && !sender->has_password)
		return err_set(err, ERR_SYNTAX, "a user name needs a password");
	if (sender->username.len == 0 && sender->has_password) {
		sender->has_password = false;
		add_secret_name(change_ask_after(change, "secret-delete"), sender->id);
	}
	if (sender_store(change, sender, err) != 0)
		return -1;
	if (password.data != NULL) {
		request = change_ask_before(change, "secret-set");
		add_secret_name(request, sender->id);
		ipc_add(request, "value", password);
	}
	return 0;
}

int op_sender_add(struct change *change, struct err *err)
{
	struct sender sender, other;
	struct str name;
	int row, count;

	if (change_field(change, "name", &name, err) != 0 || (row = sender_find(change, name, &other, err)) < 0)
		return -1;
	if (row == 1)
		return err_set(err, ERR_EXISTS, "the sender %.*s exists already", STR_ARG(other.name));
	sender_defaults(&sender, name);
	return store_requested(change, &sender, err) != 0 ? -1 : take_settings(change, &sender, &count, err);
}

int op_sender_set(struct change *change, struct err *err)
{
	struct sender sender;
	struct str name;
	int count;

	if (change_field(change, "name", &name, err) != 0 || need_sender(change, name, &sender, err) != 0 ||
	    take_settings(change, &sender, &count, err) != 0)
		return -1;
	return count > 0 && !has_fields(change) ? 0 : store_requested(change, &sender, err);
}

int op_sender_unset(struct change *change, struct err *err)
{
	struct object object;
	struct str name, key;

	if (change_field(change, "name", &name, err) != 0 || change_field(change, "key", &key, err) != 0 ||
	    object_need(change, &sender_kind, name, &object, err) != 0)
		return -1;
	return object_setting_remove(change, &object, key, err);
}

int op_sender_show(struct change *change, struct err *err)
{
	struct sender sender;
	struct object object;
	struct str name;

	if (change_field(change, "name", &name, err) != 0 || need_sender(change, name, &sender, err) != 0)
		return -1;
	object_add_row(change, "method", sender.method, false);
	object_add_row(change, "servers", sender.servers, sender.servers.len == 0);
	object_add_row(change, "encryption", sender.encryption, false);
	object_add_row(change, "verify", sender.verify ? STR("on") : STR("off"), !sender.verify);
	object_add_row(change, "username", sender.username, sender.username.len == 0);
	object = (struct object){&sender_kind, sender.id, sender.name};
	return object_settings_show(change, &object, STR(""), err);
}

int op_sender_delete(struct change *change, struct err *err)
{
	struct str name;

	return change_field(change, "name", &name, err) != 0 ? -1 : sender_delete(change, name, err);
}

int op_sender_list(struct change *change, struct err *err)
{
	struct db_statement statement;
	int row;

	if (config_query(change->config, &statement, err,
	                 "SELECT name, method, servers, encryption, verify, username, has_password FROM sender ORDER BY id",
	                 "") != 0)
		return -1;
	while ((row = db_step(&statement, err)) == 1)
		change_list(change, "sender",
		            json_pack("{s:s%, s:s%, s:s%, s:s%, s:b, s:s%, s:b}", "name", db_text(&statement, 0).data,
		                      db_text(&statement, 0).len, "method", db_text(&statement, 1).data,
		                      db_text(&statement, 1).len, "servers", db_text(&statement, 2).data,
		                      db_text(&statement, 2).len, "encryption", db_text(&statement, 3).data,
		                      db_text(&statement, 3).len, "verify", (int)db_number(&statement, 4), "username",
		                      db_text(&statement, 5).data, db_text(&statement, 5).len, "password",
		                      (int)db_number(&statement, 6)));
	db_finalize(&statement);
	return row;
}
