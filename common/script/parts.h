/*
 * parts: what the files of script share; for nobody else.
 */
#ifndef POSTROOM_SCRIPT_PARTS_H
#define POSTROOM_SCRIPT_PARTS_H

#include "common/script/script.h"

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
