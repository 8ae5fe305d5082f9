/*
 * directory: what the address book says of a user (attribute "directory": lines "cn: Ann Example"), for texts and
 * scripts.
 */
#ifndef POSTROOM_SCRIPT_DIRECTORY_H
#define POSTROOM_SCRIPT_DIRECTORY_H

#include "common/script/script.h"

enum { DIRECTORY_MAX = 100 /* attributes that scripts see */ };

/* The value of an attribute, whatever the case of its name; "" where there is none. */
struct str directory_find(struct str lines, struct str name);

/*
 * Add all to fields, with keys in upper case; fields has room for max, of which count are taken. Returns how many there
 * are then. Texts are views of lines, keys in arena.
 */
size_t directory_add_fields(struct str lines, struct script_field *fields, size_t count, size_t max,
                            struct arena *arena);

#endif
