/*
 * object_settings: what can be set of one thing of a kind: of a list, a connection, a sender, a collector.
 *
 * Each kind has a catalogue (list_settings.def, connection_settings.def ...) with what can be set, each once, and a
 * table <word>_setting(<word>, key, value) with what was set, in config.db and each snapshot. The check of values, the
 * commands, export and import, and the manual are made from these and are the same for all kinds. Secrets are not in
 * it.
 */
#ifndef POSTROOM_SETTINGS_OBJECT_SETTINGS_H
#define POSTROOM_SETTINGS_OBJECT_SETTINGS_H

#include "common/settings/settings.h"

struct object_kind {
	const char *word; /* "list": its table, with id and name, and the column of <word>_setting that refers to it */
	const struct catalogue *catalogue;
	/* What a value must be beyond its type, or NULL. setting: its place in the catalogue. -1: ERR_SYNTAX, ERR_LIMIT. */
	int (*check)(size_t setting, struct str value, struct err *err);
	/* A value as people may see it: without passwords; or NULL. */
	struct str (*show)(size_t setting, struct str value, struct arena *arena);
};

/* Is value allowed? As setting_check, and as the kind's check wants it; errors begin with the key. */
int object_setting_check(const struct object_kind *kind, const struct setting_definition *definition, struct str value,
                         struct buf *normal, struct err *err);

/*
 * Read what is in force for the object with that number from a snapshot, or configd's database: texts and numbers have
 * room for each setting of the catalogue; numbers are those of flags and numbers. Texts live as long as arena. -1: as
 * db_prepare.
 */
int object_settings_load(struct db *objects, const struct object_kind *kind, int64_t id, struct arena *arena,
                         const char **texts, int64_t *numbers, struct err *err);

/* For checks: is it an address with its domain, or empty? -1: ERR_SYNTAX. */
int object_check_address(struct str value, struct err *err);

#endif
