/*
 * object_settings: what is set of lists, connections, senders and collectors (common/settings/object_settings.h), for
 * all kinds alike: stored, removed, shown, written to the text of export, and read from there.
 */
#ifndef POSTROOM_CONFIGD_OBJECT_SETTINGS_H
#define POSTROOM_CONFIGD_OBJECT_SETTINGS_H

#include "configd/import.h"

#include "common/settings/object_settings.h"

/* One thing of a kind. */
struct object {
	const struct object_kind *kind;
	int64_t id;
	struct str name;
};

/* 1 = found, 0 = there is none of that name, -1 = error; and with an error where there is none. */
int object_find(struct change *change, const struct object_kind *kind, struct str name, struct object *object_out,
                struct err *err);
int object_need(struct change *change, const struct object_kind *kind, struct str name, struct object *object_out,
                struct err *err);

/* Check, store or remove, and note it. To store a value whose data is NULL is to remove what there is. */
int object_setting_store(struct change *change, const struct object *object, struct str key, struct str value,
                         struct err *err);
int object_setting_remove(struct change *change, const struct object *object, struct str key, struct err *err);
/* All that was set of it goes, without a note. */
int object_settings_delete(struct change *change, const struct object *object, struct err *err);
/* What is stored of one setting: 1 = found, 0 = it is not set, -1 = error. */
int object_setting_get(struct change *change, const struct object *object, struct str key, struct str *value_out,
                       struct err *err);

/* A row "setting" of an answer: key, value, default. */
void object_add_row(struct change *change, const char *key, struct str value, bool is_default);
/* Such a row for each setting. Where part is not empty: of keys with a dot those alone whose first part it is. */
int object_settings_show(struct change *change, const struct object *object, struct str part, struct err *err);

/*
 * The text of export and import: sections whose three fields are the object's name, key and value. Importing stores
 * with the given function (object_setting_store, or one that looks at more), and by the same removes what the text
 * lacks.
 */
typedef int object_store(struct change *change, const struct object *object, struct str key, struct str value,
                         struct err *err);
int object_settings_export(struct change *change, const struct object_kind *kind, enum text_kind section,
                           struct buf *out, struct err *err);
int object_settings_import(struct change *change, const struct object_kind *kind, enum text_kind section,
                           const struct text *text, object_store *store, struct err *err);

#endif
