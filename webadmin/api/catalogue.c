/* What can be set of what, as the catalogues say it: what pages and programs make their forms of. */
#include "webadmin/api/answer.h"
#include "webadmin/api/special.h"

#include "common/items/item.h"
#include "common/settings/attributes.h"
#include "common/settings/connectors.h"
#include "common/settings/list_settings.h"

static const char *const type_names[] = {
    [SETTING_TEXT] = "text",
    [SETTING_FLAG] = "flag",
    [SETTING_NUMBER] = "number",
    [SETTING_CHOICE] = "choice",
    [SETTING_SET] = "set",
    [SETTING_SENDERS] = "senders",
    [SETTING_NETWORKS] = "networks",
    [SETTING_HOST] = "host",
    [SETTING_SERVERS] = "servers",
    [SETTING_SECONDS_LIST] = "seconds-list",
    [SETTING_ZONES] = "zones",
    [SETTING_POOLS] = "pools",
    [SETTING_BANDWIDTH] = "bandwidth",
    [SETTING_CEILINGS] = "ceilings",
    [SETTING_FILE_NAME] = "file-name",
    [SETTING_ACCOUNTS] = "accounts",
    [SETTING_CONTROLS] = "controls",
    [SETTING_SELECTORS] = "selectors",
    [SETTING_SECRET] = "secret",
    [SETTING_NUMBERS] = "numbers",
    [SETTING_PATTERNS] = "patterns",
    [SETTING_DATE] = "date",
    [SETTING_MOMENT] = "moment",
    [SETTING_FIELDS] = "fields",
    [SETTING_MODIFIERS] = "modifiers",
    [SETTING_DOMAIN_MAP] = "domain-map",
    [SETTING_TARGETS] = "targets",
    [SETTING_REWRITE] = "rewrite",
    [SETTING_SMTP_TARGET] = "smtp-target",
    [SETTING_TLS_DEMANDS] = "tls-demands",
    [SETTING_LINES] = "lines",
};

static json_t *fallback_of(const struct setting_definition *definition)
{
	if (definition->type == SETTING_FLAG)
		return json_boolean(setting_to_number(definition, definition->fallback) != 0);
	if (definition->type == SETTING_NUMBER)
		return json_integer(setting_to_number(definition, definition->fallback));
	return json_string(definition->fallback);
}

static json_t *words_of(const char *choices)
{
	json_t *list = json_array();
	struct str rest = str_of(choices);

	while (rest.data != NULL) {
		struct str word = str_cut(&rest, '|');

		json_array_append_new(list, json_stringn(word.data, word.len));
	}
	return list;
}

static json_t *describe(const struct setting_definition *definition)
{
	struct str rest = str_of(definition->key), section = str_cut(&rest, '.');
	json_t *object = json_pack("{s:s, s:s, s:o, s:s*, s:s, s:s*, s:s%}", "key", definition->key, "type",
	                           type_names[definition->type], "default", fallback_of(definition), "unit",
	                           definition->unit, "sentence", definition->sentence, "paragraph", definition->paragraph,
	                           "section", section.data, rest.data != NULL ? section.len : 0);

	if (definition->min != 0 || definition->max != 0) {
		json_object_set_new(object, "min", json_integer(definition->min));
		json_object_set_new(object, "max", json_integer(definition->max));
	}
	if (definition->choices != NULL)
		json_object_set_new(object, "words", words_of(definition->choices));
	return object;
}

static json_t *describe_all(const struct catalogue *catalogue)
{
	json_t *list = json_array();

	for (size_t i = 0; i < catalogue->count; i++) {
		const struct setting_definition *definition = &catalogue->definitions[i];
		json_t *object = describe(definition);

		if (catalogue == &setting_catalogue)
			json_object_set_new(object, "of-services", json_boolean(definition->of_services));
		if (catalogue == &attribute_catalogue) {
			json_object_set_new(object, "of-users", json_boolean(definition->of_users));
			json_object_set_new(object, "of-groups", json_boolean(definition->of_groups));
		}
		json_array_append_new(list, object);
	}
	return list;
}

static json_t *describe_items(void)
{
	json_t *kinds = json_object();

	for (int kind = 0; kind < ITEM_KINDS; kind++) {
		const struct item_definition *definition = &item_definitions[kind];
		json_t *texts = json_array();

		for (size_t i = 0; i < item_field_count((enum item_kind)kind); i++)
			json_array_append_new(texts, json_pack("{s:s, s:b, s:b}", "name", definition->fields[i].name, "lines",
			                                       (int)definition->fields[i].has_lines, "secret",
			                                       item_password_reader((enum item_kind)kind, i) != NULL));
		json_object_set_new(kinds, definition->word,
		                    json_pack("{s:s, s:I, s:b, s:b, s:o}", "sentence", definition->what, "most",
		                              (json_int_t)definition->max, "of-users", (int)definition->of_users, "of-server",
		                              (int)definition->of_server, "texts", texts));
	}
	return kinds;
}

void api_run_catalogue(struct api_work *work)
{
	json_t *all = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "settings", describe_all(&setting_catalogue),
	                        "attributes", describe_all(&attribute_catalogue), "list-settings",
	                        describe_all(&list_catalogue), "connection-settings", describe_all(&connection_catalogue),
	                        "sender-settings", describe_all(&sender_catalogue), "collector-settings",
	                        describe_all(&collector_catalogue), "items", describe_items());

	answer_description(work, all);
}
