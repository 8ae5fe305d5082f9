#include "configd/services.h"

#include "common/net/tls.h"

#include <stdlib.h>

/* What the catalogue cannot say of a value. */
static int check_meaning(const struct setting_definition *definition, const char *value, struct err *err)
{
	const struct tls_policy policy = {
	    .ciphers = definition == &setting_definitions[SETTING_TLS_CIPHERS] ? value : "",
	    .suites = definition == &setting_definitions[SETTING_TLS_SUITES] ? value : "",
	};

	if (policy.ciphers[0] == '\0' && policy.suites[0] == '\0')
		return 0;
	return tls_check_policy(&policy, err) == 0 ? 0 : err_prefix(err, "%s", definition->key);
}

/* A value as the log may show it. */
static const char *logged(const struct setting_definition *definition, struct buf *value)
{
	return definition->type == SETTING_SECRET && value->len > 0 ? "(a secret)" : buf_text(value);
}

int setting_store(struct change *change, struct str key, struct str value, struct err *err)
{
	const struct setting_definition *definition;
	struct buf normal;
	int result = -1;

	buf_init(&normal, SETTING_VALUE_MAX);
	if (catalogue_find(&setting_catalogue, key, &definition, err) == 0 &&
	    setting_check(definition, value, &normal, err) == 0 && check_meaning(definition, buf_text(&normal), err) == 0)
		result = config_run(change->config, err, "INSERT OR REPLACE INTO setting VALUES(?, ?)", "tt",
		                    str_of(definition->key), buf_str(&normal));
	if (result == 0)
		change_note(change, "set %s = %s", definition->key, logged(definition, &normal));
	buf_free(&normal);
	return result;
}

int setting_remove(struct change *change, struct str key, struct err *err)
{
	const struct setting_definition *definition;

	if (catalogue_find(&setting_catalogue, key, &definition, err) != 0 ||
	    config_run(change->config, err, "DELETE FROM setting WHERE key = ?", "t", str_of(definition->key)) != 0)
		return -1;
	change_note(change, "unset %s (now %s)", definition->key, definition->fallback);
	return 0;
}

/* The service that the request is about; NULL: about all. 0, -1. */
static int requested_service(struct change *change, struct service_object **service_out, struct err *err)
{
	struct str name = ipc_get(&change->incoming->message, "service");

	*service_out = NULL;
	if (name.data == NULL)
		return 0;
	*service_out = arena_get(&change->arena, sizeof **service_out);
	return service_need(change, str_trim(name), *service_out, err);
}

/* A setting that this service may have a value of its own for. */
static int find_own(const struct service_object *service, struct str key,
                    const struct setting_definition **definition_out, struct err *err)
{
	catalogue_find(&setting_catalogue, key, definition_out, err);
	if (*definition_out == NULL)
		return -1;
	if (setting_is_of_service(*definition_out, service->type->name))
		return 0;
	return err_set(err, ERR_DENIED, "%s cannot be set for the service %.*s alone", (*definition_out)->key,
	               STR_ARG(service->name));
}

int service_setting_store(struct change *change, const struct service_object *service, struct str key, struct str value,
                          struct err *err)
{
	const struct setting_definition *definition;
	struct buf normal;
	int result = -1;

	buf_init(&normal, SETTING_VALUE_MAX);
	if (find_own(service, key, &definition, err) == 0 && setting_check(definition, value, &normal, err) == 0)
		result = config_run(change->config, err, "INSERT OR REPLACE INTO service_setting VALUES(?, ?, ?)", "ntt",
		                    service->id, str_of(definition->key), buf_str(&normal));
	if (result == 0)
		change_note(change, "set %s = %s for service %.*s", definition->key, logged(definition, &normal),
		            STR_ARG(service->name));
	buf_free(&normal);
	return result;
}

int service_setting_remove(struct change *change, const struct service_object *service, struct str key, struct err *err)
{
	const struct setting_definition *definition;

	if (find_own(service, key, &definition, err) != 0 ||
	    config_run(change->config, err, "DELETE FROM service_setting WHERE service = ? AND key = ?", "nt", service->id,
	               str_of(definition->key)) != 0)
		return -1;
	change_note(change, "unset %s for service %.*s", definition->key, STR_ARG(service->name));
	return 0;
}

/*
 * The value in force, in arena; service NULL: the general one. is_default: it is not set there, but comes from the
 * catalogue, or, for a service, from the general settings.
 */
static int value_of(struct change *change, const struct setting_definition *definition,
                    const struct service_object *service, struct str *value_out, bool *is_default_out, struct err *err)
{
	int row = 0;

	if (service != NULL)
		row = config_text(change->config, &change->arena, value_out, err,
		                  "SELECT value FROM service_setting WHERE service = ? AND key = ?", "nt", service->id,
		                  str_of(definition->key));
	*is_default_out = service != NULL && row == 0;
	if (row == 0)
		row = config_text(change->config, &change->arena, value_out, err, "SELECT value FROM setting WHERE key = ?",
		                  "t", str_of(definition->key));
	*is_default_out = *is_default_out || row == 0;
	if (row == 0)
		*value_out = str_of(definition->fallback);
	return row < 0 ? -1 : 0;
}

int setting_text(struct change *change, enum setting setting, struct str *value_out, struct err *err)
{
	bool is_default;

	return value_of(change, &setting_definitions[setting], NULL, value_out, &is_default, err);
}

int setting_number(struct change *change, enum setting setting, int64_t *value_out, struct err *err)
{
	struct str value;
	bool is_default;

	if (value_of(change, &setting_definitions[setting], NULL, &value, &is_default, err) != 0)
		return -1;
	*value_out = strtoll(value.data, NULL, 10);
	return 0;
}

static int add_value(struct change *change, const struct setting_definition *definition,
                     const struct service_object *service, struct err *err)
{
	struct str value;
	bool is_default;

	if (value_of(change, definition, service, &value, &is_default, err) != 0)
		return -1;
	ipc_add(&change->reply, "value", arena_printf(&change->arena, "%s=%.*s", definition->key, STR_ARG(value)));
	ipc_add_number(&change->reply, "default", is_default);
	return 0;
}

static int get_one(struct change *change, struct str key, const struct service_object *service, struct err *err)
{
	const struct setting_definition *definition;

	if ((service != NULL ? find_own(service, key, &definition, err)
	                     : catalogue_find(&setting_catalogue, key, &definition, err)) != 0)
		return -1;
	return add_value(change, definition, service, err);
}

static bool is_pattern(struct str key)
{
	return str_find_char(key, '*') >= 0 || str_find_char(key, '?') >= 0;
}

/* Does a pattern, or none, mean this setting, which the service, where there is one, may have a value of its own for?
 */
static bool is_meant(const struct setting_definition *definition, struct str pattern,
                     const struct service_object *service)
{
	return (pattern.data == NULL || str_matches_wildcard(str_of(definition->key), pattern)) &&
	       (service == NULL || setting_is_of_service(definition, service->type->name));
}

static int refuse_pattern(struct str pattern, struct err *err)
{
	return err_set(err, ERR_NOT_FOUND, "no setting matches \"%.*s\"", STR_ARG(str_sub(pattern, 0, 64)));
}

int op_get(struct change *change, struct err *err)
{
	struct str key = ipc_get(&change->incoming->message, "key");
	struct service_object *service;
	int found = 0;

	if (requested_service(change, &service, err) != 0)
		return -1;
	if (key.data != NULL && !is_pattern(key))
		return get_one(change, key, service, err);
	for (int i = 0; i < SETTING_COUNT; i++) {
		const struct setting_definition *definition = &setting_definitions[i];

		if (!is_meant(definition, key, service))
			continue;
		if (add_value(change, definition, service, err) != 0)
			return -1;
		found++;
	}
	return found > 0 ? 0 : refuse_pattern(key, err);
}

static int remove_one(struct change *change, struct str key, const struct service_object *service, struct err *err)
{
	return service != NULL ? service_setting_remove(change, service, key, err) : setting_remove(change, key, err);
}

/* All that the request sets and unsets, or nothing. */
int op_set(struct change *change, struct err *err)
{
	struct service_object *service;
	size_t position = 0, count = 0;
	struct str key, value;
	int more;

	if (requested_service(change, &service, err) != 0)
		return -1;
	for (; (more = change_next_setting(change, &position, &key, &value, err)) == 1; count++)
		if (value.data == NULL ? remove_one(change, key, service, err) != 0
		    : service != NULL  ? service_setting_store(change, service, key, value, err) != 0
		                       : setting_store(change, key, value, err) != 0)
			return -1;
	return more == 0 && count == 0 ? err_set(err, ERR_SYNTAX, "set needs a key and a value") : more;
}

/* All that the pattern means, as far as they are set. */
static int remove_matching(struct change *change, struct str pattern, const struct service_object *service,
                           struct err *err)
{
	int found = 0;

	for (int i = 0; i < SETTING_COUNT; i++) {
		const struct setting_definition *definition = &setting_definitions[i];
		struct str value;
		bool is_default;

		if (!is_meant(definition, pattern, service))
			continue;
		found++;
		if (value_of(change, definition, service, &value, &is_default, err) != 0 ||
		    (!is_default && remove_one(change, str_of(definition->key), service, err) != 0))
			return -1;
	}
	return found > 0 ? 0 : refuse_pattern(pattern, err);
}

int op_unset(struct change *change, struct err *err)
{
	struct service_object *service;
	struct str key;

	if (change_field(change, "key", &key, err) != 0 || requested_service(change, &service, err) != 0)
		return -1;
	return is_pattern(key) ? remove_matching(change, key, service, err) : remove_one(change, key, service, err);
}
