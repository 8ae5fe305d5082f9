/*
 * parts: what the files of script share; for nobody else.
 */
#ifndef POSTROOM_SCRIPT_PARTS_H
#define POSTROOM_SCRIPT_PARTS_H

#include "common/script/script.h"

/* The folders of an instance's scripts, as script->folders. */
void store_use(struct script *script, const struct instance *instance);
/* The file of a script in the first folder that has one. False: there is none. */
bool store_find(const struct script *script, struct stat *file_out);
/*
 * Read it; file: what it was when it was read. 1: done, 0: there is none (any more), -1: it must not be used, or cannot
 * be read.
 */
int store_read(const struct script *script, struct buf *text, struct stat *file_out, struct err *err);
/* Of a text, to tell whether it is another one. */
uint64_t store_hash(struct str text);
/* require of Lua; script: whose folders are meant. Within guard_run. */
int store_require(struct lua_State *lua, const struct script *script);

/* Give a new state what scripts may use. Within guard_run; errors are of memory. */
void script_open_libraries(struct lua_State *lua, const struct script *script);

/* Put a value on Lua's stack. Within guard_run. */
void script_push(struct lua_State *lua, const struct script_value *value);
/*
 * The value at an index as the type that value has; SCRIPT_NIL where it is nil. Texts are copied into arena. Returns 0,
 * or -1 with what is wrong in words. Within guard_run, not paused: it pauses where it copies.
 */
int script_take(struct lua_State *lua, int index, struct script_value *value, struct arena *arena, struct err *err);

#endif
