/* configd: the network services: what they are called, where they are bound, how they are encrypted. */
#include "configd/services.h"
#include "configd/access.h"

#include "common/net/endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <unistd.h>

/* Where the folder cannot be looked into nothing is said: the services do not announce what they do not have. */
static int check_certificate(struct change *change, enum service_encryption encryption, struct err *err)
{
	char path[INSTANCE_PATH_MAX + 128];

	if (encryption != SERVICE_REQUIRED && encryption != SERVICE_TLS)
		return 0;
	instance_path(path, sizeof path, change->config->instance->etc, "tls/cert.pem");
	if (access(path, F_OK) == 0 || errno != ENOENT)
		return 0;
	return err_set(err, ERR_DENIED,
	               "encryption %s is not possible: no certificate is installed (\"postroom tls install\" or "
	               "\"tls self-signed\")",
	               service_encryption_word(encryption));
}

static int read_service(struct change *change, struct db_statement *statement, struct service_object *out,
                        struct err *err)
{
	int row = db_step(statement, err);

	if (row == 1)
		*out = (struct service_object){
		    .id = db_number(statement, 0),
		    .type = service_type_find(db_text(statement, 1)),
		    .name = arena_copy(&change->arena, db_text(statement, 2)),
		    .enabled = db_number(statement, 3) != 0,
		    .encryption = (enum service_encryption)service_encryption_find(db_text(statement, 4)),
		};
	db_finalize(statement);
	return row;
}

int service_find(struct change *change, struct str name, struct service_object *service_out, struct err *err)
{
	struct db_statement statement;
	uint64_t id = 0;

	*service_out = (struct service_object){0};
	str_to_u64(name, INT64_MAX, &id);
	/* no name consists of digits alone */
	if (config_query(change->config, &statement, err,
	                 "SELECT id, type, name, enabled, encryption FROM service WHERE name = ? OR id = ?", "tn", name,
	                 (int64_t)id) != 0)
		return -1;
	return read_service(change, &statement, service_out, err);
}

int service_need(struct change *change, struct str name, struct service_object *service_out, struct err *err)
{
	int row = service_find(change, name, service_out, err);

	if (row == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no service \"%.*s\"; \"postroom service list\" lists them",
		               STR_ARG(str_sub(name, 0, 80)));
	return row == 1 ? 0 : -1;
}

/* A name that no other service than this one has. */
static int check_free(struct change *change, struct str name, int64_t id, struct err *err)
{
	struct service_object other;
	uint64_t number;
	int row;

	if (name.len == 0 || name.len > SERVICE_NAME_MAX)
		return err_set(err, ERR_SYNTAX, "the name of a service has 1 to %d octets, not %zu", SERVICE_NAME_MAX,
		               name.len);
	if (!str_is_utf8(name))
		return err_set(err, ERR_SYNTAX, "the name of a service must be valid UTF-8");
	for (size_t i = 0; i < name.len; i++)
		if ((unsigned char)name.data[i] < 0x20 || name.data[i] == 0x7f)
			return err_set(err, ERR_SYNTAX, "the name of a service must not hold control characters");
	if (str_equal_nocase(name, STR("global")) || str_equal_nocase(name, STR("admin-area")) ||
	    str_starts(name, STR("vrfy:")))
		return err_set(err, ERR_DENIED, "\"%.*s\" is the name of an access list and cannot be that of a service",
		               STR_ARG(name));
	if (str_to_u64(name, UINT64_MAX, &number))
		return err_set(err, ERR_SYNTAX, "the name of a service must not be a number");
	row = service_find(change, name, &other, err);
	if (row == 1 && other.id != id)
		return err_set(err, ERR_EXISTS, "the service %.*s exists already", STR_ARG(other.name));
	return row < 0 ? -1 : 0;
}

/* A new SMTP service begins with the rules of the first; they are its own from then on. */
static int copy_rules(struct change *change, const struct service_object *service, struct err *err)
{
	struct rule_list list;

	if (strcmp(service->type->name, "smtp") != 0)
		return 0;
	return smtp_rules_read(change, SERVICE_FIRST_SMTP, &list, err) != 0
	           ? -1
	           : smtp_rules_write(change, service->id, &list, err);
}

/* It is not open to everybody from the start. */
static int give_access_list(struct change *change, const struct service_object *service, struct err *err)
{
	const struct access_name name = {
	    .number = service->id,
	    .name = service->name,
	    .has_unauth = strcmp(service->type->name, "smtp") == 0,
	    .has_users = true,
	    .has_global = true,
	};
	struct access_stored stored = {.use_global = false};

	return access_defaults(&name, &change->arena, &stored.rules, err) != 0
	           ? -1
	           : access_store(change->config, service->id, &stored, err);
}

int service_add(struct change *change, struct service_object *service, struct err *err)
{
	int64_t count;

	if (check_free(change, service->name, 0, err) != 0 || check_certificate(change, service->encryption, err) != 0 ||
	    config_number(change->config, &count, err, "SELECT count(*) FROM service", "") != 1)
		return -1;
	if (count >= SERVICES_MAX)
		return err_set(err, ERR_LIMIT, "there are %d services already", SERVICES_MAX);
	service->id = change->first_service++;
	if (config_run(change->config, err, "INSERT INTO service VALUES(?, ?, ?, ?, ?)", "nttnt", service->id,
	               str_of(service->type->name), service->name, (int64_t)service->enabled,
	               str_of(service_encryption_word(service->encryption))) != 0)
		return -1;
	change_note(change, "service %.*s added: %s, number %lld", STR_ARG(service->name), service->type->name,
	            (long long)service->id);
	return give_access_list(change, service, err) != 0 ? -1 : copy_rules(change, service, err);
}

int service_delete(struct change *change, struct str name, struct err *err)
{
	static const char *const tables[] = {
	    "DELETE FROM smtp_rule WHERE service = ?",         "DELETE FROM access_rule WHERE list IN (?1, -?1)",
	    "DELETE FROM access_list WHERE list IN (?1, -?1)", "DELETE FROM service_binding WHERE service = ?",
	    "DELETE FROM service_setting WHERE service = ?",   "DELETE FROM service WHERE id = ?"};
	struct service_object service;

	if (service_need(change, name, &service, err) != 0)
		return -1;
	if (service.id < SERVICE_FIRST_OWN)
		return err_set(err, ERR_DENIED, "%.*s is a standard service: it can be %s, not deleted", STR_ARG(service.name),
		               service_is_always_on(service.id) ? "changed" : "disabled");
	for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
		if (config_run(change->config, err, tables[i], "n", service.id) != 0)
			return -1;
	change_note(change, "service %.*s deleted", STR_ARG(service.name));
	service_follow(change, &service);
	return 0;
}

int service_rename(struct change *change, struct service_object *service, struct str to, struct err *err)
{
	if (check_free(change, to, service->id, err) != 0 ||
	    config_run(change->config, err, "UPDATE service SET name = ? WHERE id = ?", "tn", to, service->id) != 0)
		return -1;
	change_note(change, "service %.*s is called %.*s", STR_ARG(service->name), STR_ARG(to));
	service->name = to;
	service_follow(change, service);
	return 0;
}

bool service_is_always_on(int64_t id)
{
	return id == SERVICE_FIRST_SMTP || id == SERVICE_FIRST_POP3 || id == SERVICE_FIRST_WEB;
}

/* Before a service listens at all its places again: are they free? */
static int ask_for_all(struct change *change, const struct service_object *service, struct err *err)
{
	struct binding_list *list;

	if (service_bindings(change, service, &list, err) != 0)
		return -1;
	for (; list != NULL; list = list->next)
		service_ask_binding(change, service, list->address, list->port);
	return 0;
}

int service_set(struct change *change, const struct service_object *service, bool enabled,
                enum service_encryption encryption, struct err *err)
{
	if (!enabled && service_is_always_on(service->id))
		return err_set(err, ERR_DENIED, "%.*s is the first service of its kind, which cannot be disabled",
		               STR_ARG(service->name));
	if (encryption != service->encryption && check_certificate(change, encryption, err) != 0)
		return err_prefix(err, "service %.*s", STR_ARG(service->name));
	if (config_run(change->config, err, "UPDATE service SET enabled = ?, encryption = ? WHERE id = ?", "ntn",
	               (int64_t)enabled, str_of(service_encryption_word(encryption)), service->id) != 0)
		return -1;
	if (enabled != service->enabled)
		change_note(change, "service %.*s %s", STR_ARG(service->name), enabled ? "enabled" : "disabled");
	if (encryption != service->encryption)
		change_note(change, "service %.*s has encryption %s", STR_ARG(service->name),
		            service_encryption_word(encryption));
	service_follow(change, service);
	return enabled && !service->enabled ? ask_for_all(change, service, err) : 0;
}

int service_bindings(struct change *change, const struct service_object *service, struct binding_list **list_out,
                     struct err *err)
{
	struct binding_list **tail = list_out;
	struct db_statement statement;
	int row;

	*list_out = NULL;
	if (config_query(change->config, &statement, err,
	                 "SELECT address, port FROM service_binding WHERE service = ? ORDER BY rowid", "n",
	                 service->id) != 0)
		return -1;
	while ((row = db_step(&statement, err)) == 1) {
		*tail = arena_get(&change->arena, sizeof **tail);
		(*tail)->address = arena_text(&change->arena, db_text(&statement, 0));
		(*tail)->port = db_number(&statement, 1);
		tail = &(*tail)->next;
	}
	db_finalize(&statement);
	return row;
}

struct str service_bindings_text(struct change *change, const struct binding_list *list)
{
	struct str text = STR("");

	for (; list != NULL; list = list->next) {
		bool is_v6 = strchr(list->address, ':') != NULL;

		text = arena_printf(&change->arena, "%.*s%s%s%s%s:%lld", STR_ARG(text), text.len != 0 ? "," : "",
		                    is_v6 ? "[" : "", list->address, is_v6 ? "]" : "", (long long)list->port);
	}
	return text;
}

int binding_normalise(struct change *change, struct str address, const char **address_out, struct err *err)
{
	static const char *const words[] = {"any", "any4", "any6"};
	unsigned char bytes[16];
	char text[INET6_ADDRSTRLEN];

	if (address.len > 2 && address.data[0] == '[' && address.data[address.len - 1] == ']')
		address = str_sub(address, 1, address.len - 2);
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (str_equal_nocase(address, str_of(words[i]))) {
			*address_out = words[i];
			return 0;
		}
	if (str_copy(address, text, sizeof text))
		for (int family = AF_INET; family == AF_INET || family == AF_INET6; family = family == AF_INET ? AF_INET6 : 0)
			if (inet_pton(family, text, bytes) == 1) {
				inet_ntop(family, bytes, text, sizeof text);
				*address_out = arena_text(&change->arena, str_of(text));
				return 0;
			}
	return err_set(err, ERR_SYNTAX, "\"%.*s\" is no address: write any, any4, any6, or one as 192.0.2.1 or 2001:db8::1",
	               STR_ARG(str_sub(address, 0, 80)));
}

int service_bind(struct change *change, const struct service_object *service, const char *address, int64_t port,
                 struct err *err)
{
	struct endpoint endpoints[ENDPOINTS_MAX];
	int64_t count;
	size_t found;
	int known;

	if (port < 1 || port > UINT16_MAX)
		return err_set(err, ERR_SYNTAX, "the port must be from 1 to %d", UINT16_MAX);
	if (endpoints_of(change->config->instance, address, (unsigned)port, endpoints, &found, err) != 0)
		return -1;
	known = config_number(change->config, NULL, err,
	                      "SELECT 1 FROM service_binding WHERE service = ? AND address = ? AND port = ?", "ntn",
	                      service->id, str_of(address), port);
	if (known != 0)
		return known < 0 ? -1
		                 : err_set(err, ERR_EXISTS, "the service %.*s is bound to %s port %lld already",
		                           STR_ARG(service->name), address, (long long)port);
	if (config_number(change->config, &count, err, "SELECT count(*) FROM service_binding WHERE service = ?", "n",
	                  service->id) != 1)
		return -1;
	if (count >= SERVICE_BINDINGS_MAX)
		return err_set(err, ERR_LIMIT, "a service has at most %d bindings", SERVICE_BINDINGS_MAX);
	if (config_run(change->config, err, "INSERT INTO service_binding VALUES(?, ?, ?)", "ntn", service->id,
	               str_of(address), port) != 0)
		return -1;
	change_note(change, "service %.*s bound to %s port %lld", STR_ARG(service->name), address, (long long)port);
	if (service->enabled)
		service_ask_binding(change, service, address, port);
	service_follow(change, service);
	return 0;
}

int service_unbind(struct change *change, const struct service_object *service, const char *address, int64_t port,
                   struct err *err)
{
	int known = config_number(change->config, NULL, err,
	                          "SELECT 1 FROM service_binding WHERE service = ? AND address = ? AND port = ?", "ntn",
	                          service->id, str_of(address), port);

	if (known <= 0)
		return known < 0 ? -1
		                 : err_set(err, ERR_NOT_FOUND, "the service %.*s is not bound to %s port %lld",
		                           STR_ARG(service->name), address, (long long)port);
	if (config_run(change->config, err, "DELETE FROM service_binding WHERE service = ? AND address = ? AND port = ?",
	               "ntn", service->id, str_of(address), port) != 0)
		return -1;
	change_note(change, "service %.*s bound to %s port %lld no more", STR_ARG(service->name), address, (long long)port);
	service_follow(change, service);
	return 0;
}

int service_bindings_parse(struct change *change, struct str text, struct binding_list **list_out, struct err *err)
{
	struct binding_list **tail = list_out;
	struct str item;

	*list_out = NULL;
	while ((item = str_cut_item(&text)).len != 0) {
		ptrdiff_t colon = str_find_last_char(item, ':');
		const char *address = NULL;
		uint64_t port;

		if (colon < 0 || !str_to_u64(str_skip(item, (size_t)colon + 1), UINT16_MAX, &port) || port == 0)
			return err_set(err, ERR_SYNTAX, "\"%.*s\" is no binding; write ADDRESS:PORT, as in any:25 or [::1]:25",
			               STR_ARG(str_sub(item, 0, 80)));
		if (binding_normalise(change, str_sub(item, 0, (size_t)colon), &address, err) != 0)
			return -1;
		*tail = arena_get(&change->arena, sizeof **tail);
		(*tail)->address = address;
		(*tail)->port = (int64_t)port;
		tail = &(*tail)->next;
	}
	return 0;
}

static bool is_in(const struct binding_list *list, const struct binding_list *wanted)
{
	while (list != NULL && (list->port != wanted->port || strcmp(list->address, wanted->address) != 0))
		list = list->next;
	return list != NULL;
}

int service_rebind(struct change *change, const struct service_object *service, const struct binding_list *list,
                   struct err *err)
{
	struct binding_list *before;

	if (service_bindings(change, service, &before, err) != 0)
		return -1;
	for (const struct binding_list *old = before; old != NULL; old = old->next)
		if (!is_in(list, old) && service_unbind(change, service, old->address, old->port, err) != 0)
			return -1;
	for (; list != NULL; list = list->next)
		if (!is_in(before, list) && service_bind(change, service, list->address, list->port, err) != 0)
			return -1;
	return 0;
}

/* The listeners' index of a type. */
static int type_index(const struct service_type *type)
{
	return (int)(type - service_types);
}

void service_ask_binding(struct change *change, const struct service_object *service, const char *address, int64_t port)
{
	struct ipc_message *request = change_ask_listener(change, true, type_index(service->type), "can-bind");

	ipc_add_text(request, "address", address);
	ipc_add_number(request, "port", port);
}

void service_follow(struct change *change, const struct service_object *service)
{
	int index = type_index(service->type);

	if ((change->followed & 1U << index) != 0)
		return;
	change->followed |= 1U << index;
	ipc_add_number(change_ask_listener(change, false, index, "follow"), "generation",
	               (int64_t)change->config->generation + 1);
}
