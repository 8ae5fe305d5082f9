/* configd: services out of the text of an import. */
#include "configd/import.h"
#include "configd/services.h"

/* The service that an entry is about, by its number where it is a standard one; id 0: there is none yet. */
static int find(struct change *change, const struct text_object *object, struct service_object *service,
                struct err *err)
{
	struct str number = object->fields[SERVICE_NUMBER];
	uint64_t id;

	*service = (struct service_object){0};
	if (number.data == NULL)
		return service_find(change, object->fields[SERVICE_NAME], service, err);
	if (!str_to_u64(number, SERVICE_FIRST_OWN - 1, &id))
		return err_set(err, ERR_SYNTAX, "the number of a standard service is from 1 to %d", SERVICE_FIRST_OWN - 1);
	return service_need(change, number, service, err) == 0 ? 1 : -1;
}

static int read_fields(const struct text_object *object, struct service_object *service, struct err *err)
{
	struct str type = object->fields[SERVICE_TYPE], word = object->fields[SERVICE_ENCRYPTION];
	const struct service_type *found = type.data != NULL ? service_type_find(type) : service->type;
	int encryption = word.data != NULL ? service_encryption_find(word) : SERVICE_OPTIONAL;

	if (found == NULL || (service->type != NULL && service->type != found))
		return err_set(err, ERR_SYNTAX, "the type of a service is smtp, pop3, imap or web, and stays as it is");
	if (encryption < 0)
		return err_set(err, ERR_SYNTAX, "encryption must be none, optional, required or tls, not \"%.*s\"",
		               STR_ARG(str_sub(word, 0, 40)));
	service->type = found;
	service->encryption = (enum service_encryption)encryption;
	return text_flag(TEXT_SERVICE, object, SERVICE_ENABLED, true, &service->enabled, err);
}

static int store(struct change *change, const struct text_object *object, struct err *err)
{
	struct str name = object->fields[SERVICE_NAME], bindings = object->fields[SERVICE_BINDINGS];
	struct service_object old, service;
	struct binding_list *list;
	int known = find(change, object, &old, err);

	if (known < 0)
		return -1;
	service = old;
	if (read_fields(object, &service, err) != 0 ||
	    service_bindings_parse(change, bindings.data != NULL ? bindings : STR(""), &list, err) != 0)
		return -1;
	service.name = name;
	if (known == 0)
		return service_add(change, &service, err) != 0 ? -1 : service_rebind(change, &service, list, err);
	if (!str_equal(old.name, name) && service_rename(change, &old, name, err) != 0)
		return -1;
	if (service_rebind(change, &service, list, err) != 0)
		return -1;
	if (old.enabled == service.enabled && old.encryption == service.encryption)
		return 0;
	return service_set(change, &old, service.enabled, service.encryption, err);
}

static int import_setting(struct change *change, const struct text_object *object, struct err *err)
{
	struct str name = object->fields[SERVICE_SETTING_NAME], key = object->fields[SERVICE_SETTING_KEY];
	struct str value = object->fields[SERVICE_SETTING_VALUE], stored = STR("");
	struct service_object service;
	int row;

	if (key.data == NULL || value.data == NULL)
		return err_set(err, ERR_SYNTAX, "a [service-setting] needs key and value");
	if (service_need(change, name, &service, err) != 0 ||
	    import_keep_name(change, arena_printf(&change->arena, "%lld %.*s", (long long)service.id, STR_ARG(key)), err) !=
	        0)
		return -1;
	value = setting_from_line(setting_find(key), value, &change->arena);
	row = config_text(change->config, &change->arena, &stored, err,
	                  "SELECT value FROM service_setting WHERE service = ? AND key = ?", "nt", service.id, key);
	if (row < 0)
		return -1;
	return row == 1 && str_equal(stored, value) ? 0 : service_setting_store(change, &service, key, value, err);
}

static int remove_setting(struct change *change, struct str name, struct err *err)
{
	struct str key = name, number = str_cut(&key, ' ');
	struct service_object service;

	return service_need(change, number, &service, err) != 0 ? -1 : service_setting_remove(change, &service, key, err);
}

static int import_settings(struct change *change, const struct text *text, struct err *err)
{
	if (import_begin_names(change, err) != 0)
		return -1;
	for (const struct text_object *object = text->objects[TEXT_SERVICE_SETTING]; object != NULL; object = object->next)
		if (import_setting(change, object, err) != 0)
			return err_prefix(err, "import:%u", object->line);
	return import_for_missing(change, "SELECT service || ' ' || key AS name FROM service_setting", remove_setting, err);
}

/* A text of an earlier version has no services, and leaves them as they are. */
int import_services(struct change *change, const struct text *text, struct err *err)
{
	if (text->counts[TEXT_SERVICE] == 0)
		return 0;
	if (import_begin_names(change, err) != 0)
		return -1;
	for (const struct text_object *object = text->objects[TEXT_SERVICE]; object != NULL; object = object->next)
		if (import_keep_name(change, object->fields[SERVICE_NAME], err) != 0)
			return err_prefix(err, "import:%u", object->line);
	/* first, since what is bound anew may have been theirs */
	if (import_for_missing(change, "SELECT name FROM service WHERE id >= 100", service_delete, err) != 0)
		return -1;
	for (const struct text_object *object = text->objects[TEXT_SERVICE]; object != NULL; object = object->next)
		if (store(change, object, err) != 0)
			return err_prefix(err, "import:%u", object->line);
	return import_settings(change, text, err);
}
