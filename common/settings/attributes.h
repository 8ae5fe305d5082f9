/*
 * attributes: what users have: rights, limits, wishes.
 *
 * The catalogue (attributes.def) has each attribute once, as that of settings has theirs, and from it are made the
 * check of values, `postroom user set|get|unset`, `postroom group set|get|unset`, export and import, and
 * postroom-attributes(5). One more attribute is one more line there.
 *
 * configd stores what was set of users and groups, and publishes for each user what is in force: the value that his
 * primary group forces, else his own (configd/attributes.h). So a daemon reads one table and knows nothing of groups.
 */
#ifndef POSTROOM_SETTINGS_ATTRIBUTES_H
#define POSTROOM_SETTINGS_ATTRIBUTES_H

#include "common/settings/settings.h"

enum attribute {
#define ATTRIBUTE(name, key, type, fallback, min, max, choices, unit, sentence, paragraph) ATTRIBUTE_##name,
#include "common/settings/attributes.def"
#undef ATTRIBUTE
#undef USER_ATTRIBUTE
#undef GROUP_ATTRIBUTE
	ATTRIBUTE_COUNT
};

extern const struct setting_definition attribute_definitions[ATTRIBUTE_COUNT];
extern const struct catalogue attribute_catalogue;

/* The values in force of one user. */
struct attributes {
	const char *texts[ATTRIBUTE_COUNT];
	int64_t numbers[ATTRIBUTE_COUNT]; /* of flags and numbers */
};

/*
 * Read those of a user out of the snapshot that is loaded, whether it is kept open or not; a number that no user has
 * gives the defaults. Texts live as long as arena. Call it again when settings_refresh returns true. -1: the snapshot
 * cannot be read, or ERR_NOT_FOUND: it was replaced meanwhile (settings_refresh, and again).
 */
int attributes_load(struct settings *settings, int64_t uid, struct arena *arena, struct attributes *attributes_out,
                    struct err *err);

/* The same out of a snapshot that the caller has opened. */
int attributes_read(struct db *objects, int64_t uid, struct arena *arena, struct attributes *attributes_out,
                    struct err *err);

/* Does any user have an attribute whose key begins so? 1 = yes, 0 = no, -1 as attributes_load. */
int attributes_in_use(struct settings *settings, const char *prefix, struct err *err);

int64_t attributes_number(const struct attributes *attributes, enum attribute attribute);
bool attributes_flag(const struct attributes *attributes, enum attribute attribute);
const char *attributes_text(const struct attributes *attributes, enum attribute attribute);

#endif
