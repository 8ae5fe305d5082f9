#include "configd/access.h"
#include "configd/attributes.h"
#include "configd/connectors.h"
#include "configd/items.h"
#include "configd/lists.h"
#include "configd/mappings.h"
#include "configd/permissions.h"
#include "configd/scripts.h"
#include "configd/services.h"
#include "configd/user_table.h"

static const char introduction[] =
    "# Everything that \"postroom\" and the web set, as \"postroom import\" reads it. An import makes an instance\n"
    "# equal to this text: what is missing here is deleted there. Passwords of senders are not in it.\n";

static void add_flag(struct buf *out, enum text_kind kind, int field, bool value)
{
	buf_printf(out, "%s = %s\n", text_field_name(kind, field), value ? "on" : "off");
}

static int export_settings(struct change *change, struct buf *out, struct err *err)
{
	struct db_statement statement;
	int row;

	buf_add_str(out, STR("\n[settings]\n"));
	if (config_query(change->config, &statement, err, "SELECT key, value FROM setting ORDER BY key", "") != 0)
		return -1;
	while ((row = db_step(&statement, err)) == 1) {
		buf_printf(out, "%.*s = ", STR_ARG(db_text(&statement, 0)));
		setting_to_line(setting_find(db_text(&statement, 0)), db_text(&statement, 1), out);
		buf_add_char(out, '\n');
	}
	db_finalize(&statement);
	return row;
}

static int export_domains(struct change *change, struct buf *out, struct err *err)
{
	struct db_statement statement;
	int row;

	if (config_query(change->config, &statement, err, "SELECT name, is_default FROM domain ORDER BY name", "") != 0)
		return -1;
	while ((row = db_step(&statement, err)) == 1) {
		buf_add_str(out, STR("\n[domain]\n"));
		text_add_field(out, TEXT_DOMAIN, DOMAIN_NAME, db_text(&statement, 0));
		if (db_number(&statement, 1) != 0)
			add_flag(out, TEXT_DOMAIN, DOMAIN_DEFAULT, true);
	}
	db_finalize(&statement);
	return row;
}

static int export_groups(struct change *change, struct buf *out, struct err *err)
{
	struct db_statement statement;
	int row;

	if (config_query(change->config, &statement, err, "SELECT name FROM user_group ORDER BY name", "") != 0)
		return -1;
	while ((row = db_step(&statement, err)) == 1) {
		buf_add_str(out, STR("\n[group]\n"));
		text_add_field(out, TEXT_GROUP, GROUP_NAME, db_text(&statement, 0));
	}
	db_finalize(&statement);
	return row;
}

static int export_users(struct change *change, const struct hash_lines *hashes, struct buf *out, struct err *err)
{
	struct db_statement statement;
	int row;

	if (config_query(
	        change->config, &statement, err,
	        "SELECT uid, name, administrator, enabled, (SELECT group_concat(name, ', ') FROM (SELECT name"
	        " FROM user_group JOIN membership ON group_id = id WHERE membership.uid = own_user.uid ORDER BY name)),"
	        " (SELECT user_group.name FROM user_group JOIN primary_group ON group_id = id"
	        " WHERE primary_group.uid = own_user.uid) FROM own_user ORDER BY name",
	        "") != 0)
		return -1;
	while ((row = db_step(&statement, err)) == 1) {
		buf_add_str(out, STR("\n[user]\n"));
		text_add_field(out, TEXT_USER, USER_NAME, db_text(&statement, 1));
		add_flag(out, TEXT_USER, USER_ADMINISTRATOR, db_number(&statement, 2) != 0);
		add_flag(out, TEXT_USER, USER_ENABLED, db_number(&statement, 3) != 0);
		text_add_field(out, TEXT_USER, USER_PASSWORD_HASH, hash_lines_find(hashes, db_number(&statement, 0)));
		text_add_field(out, TEXT_USER, USER_GROUPS, db_text(&statement, 4));
		text_add_field(out, TEXT_USER, USER_PRIMARY_GROUP, db_text(&statement, 5));
	}
	db_finalize(&statement);
	return row;
}

static int export_smtp_rules(struct change *change, struct buf *out, struct err *err)
{
	struct db_statement statement;
	int row;

	if (config_query(change->config, &statement, err,
	                 "SELECT service.name, smtp_rule.name, stage, action, parameter, match, conditions FROM smtp_rule"
	                 " JOIN service ON service.id = service"
	                 " ORDER BY service, position",
	                 "") != 0)
		return -1;
	while ((row = db_step(&statement, err)) == 1) {
		struct str conditions = db_text(&statement, RULE_CONDITION);

		buf_add_str(out, STR("\n[smtp-rule]\n"));
		for (int field = RULE_SERVICE; field <= RULE_MATCH; field++)
			text_add_field(out, TEXT_SMTP_RULE, field, db_text(&statement, field));
		while (conditions.data != NULL)
			text_add_field(out, TEXT_SMTP_RULE, RULE_CONDITION, str_cut(&conditions, '\n'));
	}
	db_finalize(&statement);
	return row;
}

static int export_service(struct change *change, const struct db_statement *row, struct buf *out, struct err *err)
{
	const struct service_object service = {.id = db_number(row, 0)};
	struct binding_list *list;

	if (service_bindings(change, &service, &list, err) != 0)
		return -1;
	buf_add_str(out, STR("\n[service]\n"));
	text_add_field(out, TEXT_SERVICE, SERVICE_NAME, db_text(row, 2));
	if (service.id < SERVICE_FIRST_OWN)
		buf_printf(out, "%s = %lld\n", text_field_name(TEXT_SERVICE, SERVICE_NUMBER), (long long)service.id);
	text_add_field(out, TEXT_SERVICE, SERVICE_TYPE, db_text(row, 1));
	add_flag(out, TEXT_SERVICE, SERVICE_ENABLED, db_number(row, 3) != 0);
	text_add_field(out, TEXT_SERVICE, SERVICE_ENCRYPTION, db_text(row, 4));
	text_add_field(out, TEXT_SERVICE, SERVICE_BINDINGS, service_bindings_text(change, list));
	return 0;
}

static int export_service_settings(struct change *change, struct buf *out, struct err *err)
{
	struct db_statement statement;
	int row;

	if (config_query(change->config, &statement, err,
	                 "SELECT name, key, value FROM service_setting JOIN service ON service = id ORDER BY id, key",
	                 "") != 0)
		return -1;
	while ((row = db_step(&statement, err)) == 1) {
		buf_add_str(out, STR("\n[service-setting]\n"));
		text_add_field(out, TEXT_SERVICE_SETTING, SERVICE_SETTING_NAME, db_text(&statement, 0));
		text_add_field(out, TEXT_SERVICE_SETTING, SERVICE_SETTING_KEY, db_text(&statement, 1));
		buf_printf(out, "%s = ", text_field_name(TEXT_SERVICE_SETTING, SERVICE_SETTING_VALUE));
		setting_to_line(setting_find(db_text(&statement, 1)), db_text(&statement, 2), out);
		buf_add_char(out, '\n');
	}
	db_finalize(&statement);
	return row;
}

static int export_services(struct change *change, struct buf *out, struct err *err)
{
	struct db_statement statement;
	int row;

	if (config_query(change->config, &statement, err,
	                 "SELECT id, type, name, enabled, encryption FROM service ORDER BY id", "") != 0)
		return -1;
	while ((row = db_step(&statement, err)) == 1)
		if (export_service(change, &statement, out, err) != 0) {
			row = -1;
			break;
		}
	db_finalize(&statement);
	return row == 0 ? export_service_settings(change, out, err) : -1;
}

static int write_text(struct change *change, const struct hash_lines *hashes, struct err *err)
{
	struct buf out;
	int result;

	buf_init(&out, IPC_MESSAGE_MAX - IPC_PACKET_MAX);
	buf_add_str(&out, str_of(introduction));
	result = export_settings(change, &out, err);
	if (result == 0)
		result = export_domains(change, &out, err);
	if (result == 0)
		result = export_groups(change, &out, err);
	if (result == 0)
		result = export_users(change, hashes, &out, err);
	if (result == 0)
		result = attributes_export(change, &out, err);
	if (result == 0)
		result = permissions_export(change, &out, err);
	if (result == 0)
		result = lists_export(change, &out, err);
	if (result == 0)
		result = mappings_export(change, &out, err);
	if (result == 0)
		result = connectors_export(change, &out, err);
	if (result == 0)
		result = export_services(change, &out, err);
	if (result == 0)
		result = export_smtp_rules(change, &out, err);
	if (result == 0)
		result = access_export(change, &out, err);
	if (result == 0)
		result = items_export(change, &out, err);
	if (result == 0)
		result = scripts_export(change, &out, err);
	if (result == 0 && out.overflow)
		result = err_set(err, ERR_LIMIT, "there is too much to export in one text");
	if (result == 0)
		ipc_add(&change->reply, "text", buf_str(&out));
	buf_free(&out);
	return result;
}

static int dump_answered(struct change *change, const struct ipc_message *reply, struct err *err)
{
	struct hash_lines hashes = hash_lines_read(change, reply);

	change_note(change, "settings exported with password hashes");
	return write_text(change, &hashes, err);
}

int op_export(struct change *change, struct err *err)
{
	static const struct hash_lines none;
	bool passwords = false;

	if (change_flag(change, "passwords", &passwords, err) != 0)
		return -1;
	if (!passwords)
		return write_text(change, &none, err);
	change->answered = dump_answered;
	ipc_add_number(change_ask_before(change, "dump"), "passwords", 1);
	return 0;
}
