/*
 * list_settings: what can be set of a list.
 *
 * The catalogue (list_settings.def) has each once; from it are made the check of values, `postroom list set`, export
 * and import, and the manual. configd stores and publishes what was set; listd, the resolver and others read it here.
 */
#ifndef POSTROOM_SETTINGS_LIST_SETTINGS_H
#define POSTROOM_SETTINGS_LIST_SETTINGS_H

#include "common/settings/object_settings.h"

enum list_setting {
#define LIST_SETTING(name, key, type, fallback, min, max, choices, unit, sentence, paragraph) LIST_SETTING_##name,
#include "common/settings/list_settings.def"
#undef LIST_SETTING
	LIST_SETTING_COUNT
};

extern const struct setting_definition list_setting_definitions[LIST_SETTING_COUNT];
extern const struct catalogue list_catalogue;
/*
 * Beside their types: lines of banned are addresses, patterns or regular expressions that compile, lines of
 * header-modifiers have a colon behind the name of a field, listserver is "*" or an address, return-address an address
 * or empty, unsubscribe-url one of https.
 */
extern const struct object_kind list_kind;

/*
 * Local parts of the return paths that members' copies have: LIST_BOUNCE_PREFIX and so many hexadecimal digits
 * (lists/bounces.h). The resolver leads such addresses at local domains to listd.
 */
#define LIST_BOUNCE_PREFIX "list-bounce-"
enum { LIST_BOUNCE_DIGITS = 24 };
bool list_is_bounce_name(struct str local_part);

/* The values of one list. */
struct list_settings {
	const char *texts[LIST_SETTING_COUNT];
	int64_t numbers[LIST_SETTING_COUNT]; /* of flags and numbers */
};

/* Read those of the list with that number from an open snapshot. Texts live as long as arena. -1: as db_prepare. */
int list_settings_load(struct db *objects, int64_t list, struct arena *arena, struct list_settings *settings_out,
                       struct err *err);

int64_t list_settings_number(const struct list_settings *settings, enum list_setting setting);
bool list_settings_flag(const struct list_settings *settings, enum list_setting setting);
const char *list_settings_text(const struct list_settings *settings, enum list_setting setting);
/* Is a choice this word? */
bool list_settings_is(const struct list_settings *settings, enum list_setting setting, const char *word);

#endif
