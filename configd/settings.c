#include "configd/configd.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static int find_definition(struct str key, const struct setting_definition **definition_out, struct err *err)
{
	const struct setting_definition *nearest;

	*definition_out = setting_find(key);
	if (*definition_out != NULL)
		return 0;
	nearest = setting_nearest(key);
	if (nearest != NULL)
		return err_set(err, ERR_NOT_FOUND, "there is no setting \"%.*s\"; did you mean %s?",
		               STR_ARG(str_sub(key, 0, 64)), nearest->key);
	return err_set(err, ERR_NOT_FOUND, "there is no setting \"%.*s\"; \"postroom settings\" lists them",
	               STR_ARG(str_sub(key, 0, 64)));
}

/*
 * Encryption cannot be required of clients while there is no certificate to offer. Where the folder cannot be looked
 * into nothing is said: the services do not announce what they do not have.
 */
static int check_certificate(struct config *config, const struct setting_definition *definition, struct str value,
                             struct err *err)
{
	char path[INSTANCE_PATH_MAX + 128];

	if (!str_ends_nocase(str_of(definition->key), STR(".encryption")) || !str_equal(value, STR("required")))
		return 0;
	instance_path(path, sizeof path, config->instance->etc, "tls/cert.pem");
	if (access(path, F_OK) == 0 || errno != ENOENT)
		return 0;
	return err_set(
	    err, ERR_DENIED,
	    "%s cannot be required: no certificate is installed (\"postroom tls install\" or \"tls self-signed\")",
	    definition->key);
}

int setting_store(struct change *change, struct str key, struct str value, struct err *err)
{
	const struct setting_definition *definition;
	struct buf normal;
	int result = -1;

	buf_init(&normal, SETTING_VALUE_MAX);
	if (find_definition(key, &definition, err) == 0 && setting_check(definition, value, &normal, err) == 0 &&
	    check_certificate(change->config, definition, buf_str(&normal), err) == 0)
		result = config_run(change->config, err, "INSERT OR REPLACE INTO setting VALUES(?, ?)", "tt",
		                    str_of(definition->key), buf_str(&normal));
	if (result == 0)
		change_note(change, "set %s = %s", definition->key, buf_text(&normal));
	buf_free(&normal);
	return result;
}

int setting_remove(struct change *change, struct str key, struct err *err)
{
	const struct setting_definition *definition;

	if (find_definition(key, &definition, err) != 0 ||
	    config_run(change->config, err, "DELETE FROM setting WHERE key = ?", "t", str_of(definition->key)) != 0)
		return -1;
	change_note(change, "unset %s (now %s)", definition->key, definition->fallback);
	return 0;
}

/* The value in force, in arena. */
static int value_of(struct change *change, const struct setting_definition *definition, struct str *value_out,
                    bool *is_default_out, struct err *err)
{
	int row = config_text(change->config, &change->arena, value_out, err, "SELECT value FROM setting WHERE key = ?",
	                      "t", str_of(definition->key));

	*is_default_out = row == 0;
	if (row == 0)
		*value_out = str_of(definition->fallback);
	return row < 0 ? -1 : 0;
}

int setting_number(struct change *change, enum setting setting, int64_t *value_out, struct err *err)
{
	struct str value;
	bool is_default;

	if (value_of(change, &setting_definitions[setting], &value, &is_default, err) != 0)
		return -1;
	*value_out = strtoll(value.data, NULL, 10);
	return 0;
}

static int add_value(struct change *change, const struct setting_definition *definition, struct err *err)
{
	struct str value;
	bool is_default;

	if (value_of(change, definition, &value, &is_default, err) != 0)
		return -1;
	ipc_add(&change->reply, "value", arena_printf(&change->arena, "%s=%.*s", definition->key, STR_ARG(value)));
	ipc_add_number(&change->reply, "default", is_default);
	return 0;
}

int op_get(struct change *change, struct err *err)
{
	struct str key = ipc_get(&change->incoming->message, "key");
	const struct setting_definition *definition;
	int found = 0;

	if (key.data != NULL && str_find_char(key, '*') < 0 && str_find_char(key, '?') < 0)
		return find_definition(key, &definition, err) != 0 ? -1 : add_value(change, definition, err);
	for (int i = 0; i < SETTING_COUNT; i++) {
		definition = &setting_definitions[i];
		if (key.data != NULL && !str_matches_wildcard(str_of(definition->key), key))
			continue;
		if (add_value(change, definition, err) != 0)
			return -1;
		found++;
	}
	return found > 0 ? 0 : err_set(err, ERR_NOT_FOUND, "no setting matches \"%.*s\"", STR_ARG(str_sub(key, 0, 64)));
}

int op_set(struct change *change, struct err *err)
{
	struct str key, value;

	if (change_field(change, "key", &key, err) != 0 || change_field(change, "value", &value, err) != 0)
		return -1;
	return setting_store(change, key, value, err);
}

int op_unset(struct change *change, struct err *err)
{
	struct str key;

	return change_field(change, "key", &key, err) != 0 ? -1 : setting_remove(change, key, err);
}
