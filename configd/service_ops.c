/* configd: the requests about services, and what every instance has of them. */
#include "configd/services.h"

int op_service_reserve(struct change *change, struct err *err)
{
	return config_reserve(change->config, STR("service"), 1, &change->first_service, err);
}

/* The service that the request names. */
static int requested(struct change *change, struct service_object *service, struct err *err)
{
	struct str name;

	return change_field(change, "name", &name, err) != 0 ? -1 : service_need(change, str_trim(name), service, err);
}

static int requested_encryption(struct change *change, enum service_encryption *encryption, struct err *err)
{
	struct str word = ipc_get(&change->incoming->message, "encryption");
	int found;

	if (word.data == NULL)
		return 0;
	found = service_encryption_find(word);
	if (found < 0)
		return err_set(err, ERR_SYNTAX, "encryption must be none, optional, required or tls, not \"%.*s\"",
		               STR_ARG(str_sub(word, 0, 40)));
	*encryption = (enum service_encryption)found;
	return 0;
}

static int requested_binding(struct change *change, const char **address_out, int64_t *port_out, struct err *err)
{
	struct str address;

	if (change_field(change, "address", &address, err) != 0 ||
	    binding_normalise(change, str_trim(address), address_out, err) != 0)
		return -1;
	if (!ipc_get_number(&change->incoming->message, "port", 1, UINT16_MAX, port_out))
		return err_set(err, ERR_SYNTAX, "the port must be a number from 1 to %d", UINT16_MAX);
	return 0;
}

int op_service_add(struct change *change, struct err *err)
{
	struct service_object service = {.enabled = true, .encryption = SERVICE_OPTIONAL};
	struct str type, name, bindings = ipc_get(&change->incoming->message, "bindings");
	struct binding_list *list;

	if (change_field(change, "type", &type, err) != 0 || change_field(change, "name", &name, err) != 0 ||
	    requested_encryption(change, &service.encryption, err) != 0 ||
	    service_bindings_parse(change, bindings.data != NULL ? bindings : STR(""), &list, err) != 0)
		return -1;
	service.type = service_type_find(str_trim(type));
	service.name = str_trim(name);
	if (service.type == NULL)
		return err_set(err, ERR_SYNTAX, "the type of a service must be smtp, pop3, imap or web, not \"%.*s\"",
		               STR_ARG(str_sub(type, 0, 40)));
	if (service_add(change, &service, err) != 0 || service_rebind(change, &service, list, err) != 0)
		return -1;
	ipc_add_number(&change->reply, "number", service.id);
	return 0;
}

int op_service_delete(struct change *change, struct err *err)
{
	struct str name;

	return change_field(change, "name", &name, err) != 0 ? -1 : service_delete(change, str_trim(name), err);
}

int op_service_rename(struct change *change, struct err *err)
{
	struct service_object service;
	struct str to;

	if (requested(change, &service, err) != 0 || change_field(change, "to", &to, err) != 0)
		return -1;
	return service_rename(change, &service, str_trim(to), err);
}

int op_service_set(struct change *change, struct err *err)
{
	struct service_object service;
	enum service_encryption encryption;
	bool enabled;

	if (requested(change, &service, err) != 0)
		return -1;
	enabled = service.enabled;
	encryption = service.encryption;
	if (change_flag(change, "enabled", &enabled, err) != 0 || requested_encryption(change, &encryption, err) != 0)
		return -1;
	return service_set(change, &service, enabled, encryption, err);
}

int op_service_bind(struct change *change, struct err *err)
{
	struct service_object service;
	const char *address;
	int64_t port;

	if (requested(change, &service, err) != 0 || requested_binding(change, &address, &port, err) != 0)
		return -1;
	return service_bind(change, &service, address, port, err);
}

int op_service_unbind(struct change *change, struct err *err)
{
	struct service_object service;
	const char *address;
	int64_t port;

	if (requested(change, &service, err) != 0 || requested_binding(change, &address, &port, err) != 0)
		return -1;
	return service_unbind(change, &service, address, port, err);
}

/* The standard services at all addresses and their own ports again. */
int op_service_defaults(struct change *change, struct err *err)
{
	for (const struct standard_service *standard = standard_services; standard->name != NULL; standard++) {
		struct binding_list list = {.address = "any", .port = standard->port};
		struct service_object service;

		if (service_need(change, arena_printf(&change->arena, "%lld", (long long)standard->id), &service, err) != 0 ||
		    service_rebind(change, &service, &list, err) != 0)
			return -1;
	}
	return 0;
}

static int list_service(struct change *change, const struct service_object *service, struct err *err)
{
	struct binding_list *list;
	struct str bindings;

	if (service_bindings(change, service, &list, err) != 0)
		return -1;
	bindings = service_bindings_text(change, list);
	change_list(change, "service",
	            json_pack("{s:I, s:s, s:s%, s:b, s:s, s:s%}", "number", (json_int_t)service->id, "type",
	                      service->type->name, "name", service->name.data, service->name.len, "enabled",
	                      (int)service->enabled, "encryption", service_encryption_word(service->encryption), "bindings",
	                      bindings.data, bindings.len));
	return 0;
}

int op_service_list(struct change *change, struct err *err)
{
	int64_t id = 0;
	int row;

	while ((row = config_number(change->config, &id, err, "SELECT id FROM service WHERE id > ? ORDER BY id LIMIT 1",
	                            "n", id)) == 1) {
		struct service_object service;

		if (service_need(change, arena_printf(&change->arena, "%lld", (long long)id), &service, err) != 0 ||
		    list_service(change, &service, err) != 0)
			return -1;
	}
	return row;
}

/* One standard service of an instance that has it not; its mode is what a setting of earlier versions says. */
static int make_standard(struct config *config, const struct standard_service *standard, struct err *err)
{
	struct str mode = str_of(service_encryption_word(standard->encryption));
	int known = config_number(config, NULL, err, "SELECT 1 FROM service WHERE id = ?", "n", standard->id);

	if (known != 0)
		return known < 0 ? -1 : 0;
	if (config_run(config, err,
	               "INSERT INTO service VALUES(?, ?, ?, 1, coalesce((SELECT value FROM setting WHERE key = ?), ?))",
	               "ntttt", standard->id, str_of(standard->type), str_of(standard->name),
	               str_of(standard->old_encryption != NULL ? standard->old_encryption : ""), mode) != 0 ||
	    config_run(config, err, "INSERT INTO service_binding VALUES(?, 'any', ?)", "nn", standard->id,
	               (int64_t)standard->port) != 0)
		return -1;
	if (standard->old_encryption != NULL &&
	    config_run(config, err, "DELETE FROM setting WHERE key = ?", "t", str_of(standard->old_encryption)) != 0)
		return -1;
	return standard->key == NULL ? 0
	                             : config_run(config, err, "INSERT INTO service_setting VALUES(?, ?, ?)", "ntt",
	                                          standard->id, str_of(standard->key), str_of(standard->value));
}

int services_make_standard(struct config *config, struct err *err)
{
	if (db_begin(&config->db, err) != 0)
		return -1;
	for (const struct standard_service *standard = standard_services; standard->name != NULL; standard++)
		if (make_standard(config, standard, err) != 0) {
			db_rollback(&config->db);
			return -1;
		}
	return db_commit(&config->db, err);
}
