#include "common/settings/object_settings.h"

#include "common/addr/addr.h"

#include <stdio.h>

int object_setting_check(const struct object_kind *kind, const struct setting_definition *definition, struct str value,
                         struct buf *normal, struct err *err)
{
	if (setting_check(definition, value, normal, err) != 0)
		return -1;
	if (kind->check == NULL ||
	    kind->check((size_t)(definition - kind->catalogue->definitions), buf_str(normal), err) == 0)
		return 0;
	return err_prefix(err, "%s", definition->key);
}

int object_settings_load(struct db *objects, const struct object_kind *kind, int64_t id, struct arena *arena,
                         const char **texts, int64_t *numbers, struct err *err)
{
	const struct setting_definition *definitions = kind->catalogue->definitions, *definition;
	struct db_statement query;
	char sql[120];
	int row;

	for (size_t i = 0; i < kind->catalogue->count; i++) {
		texts[i] = definitions[i].fallback;
		numbers[i] = setting_to_number(&definitions[i], texts[i]);
	}
	snprintf(sql, sizeof sql, "SELECT key, value FROM %s_setting WHERE %s = ?", kind->word, kind->word);
	if (db_prepare(objects, &query, sql, err) != 0)
		return -1;
	db_bind_number(&query, 1, id);
	while ((row = db_step(&query, err)) == 1) {
		size_t setting;

		/* what a newer version stored is passed over */
		if (catalogue_find(kind->catalogue, db_text(&query, 0), &definition, NULL) != 0)
			continue;
		setting = (size_t)(definition - definitions);
		texts[setting] = arena_text(arena, db_text(&query, 1));
		numbers[setting] = setting_to_number(definition, texts[setting]);
	}
	db_finalize(&query);
	return row;
}

int object_check_address(struct str value, struct err *err)
{
	struct arena arena;
	struct addr addr;
	int result;

	if (value.len == 0)
		return 0;
	arena_init(&arena);
	result = addr_parse_mailbox(value, &arena, &addr, err);
	if (result == 0 && addr.domain.len == 0)
		result = err_set(err, ERR_SYNTAX, "the domain is missing"); /* as of "postmaster" */
	arena_free(&arena);
	return result;
}
