/* script: values on their way to Lua and back. */
#include "common/script/guard.h"
#include "common/script/parts.h"

#include <lauxlib.h>
#include <lua.h>
#include <string.h>

/* Tables may stand within tables; each asks for room of its own. */
static void push_table(lua_State *lua, const struct script_value *value)
{
	luaL_checkstack(lua, LUA_MINSTACK, NULL);
	lua_createtable(lua, 0, (int)value->count);
	for (size_t i = 0; i < value->count; i++) {
		script_push(lua, &value->fields[i].value);
		lua_setfield(lua, -2, value->fields[i].name);
	}
}

static void push_array(lua_State *lua, const struct script_value *value)
{
	luaL_checkstack(lua, LUA_MINSTACK, NULL);
	lua_createtable(lua, (int)value->count, 0);
	for (size_t i = 0; i < value->count; i++) {
		script_push(lua, &value->values[i]);
		lua_rawseti(lua, -2, (lua_Integer)i + 1);
	}
}

static void push_map(lua_State *lua, const struct script_value *value)
{
	lua_createtable(lua, 0, (int)value->count / 2);
	for (size_t i = 0; i + 1 < value->count; i += 2) {
		lua_pushlstring(lua, value->items[i].data, value->items[i].len);
		lua_pushlstring(lua, value->items[i + 1].len > 0 ? value->items[i + 1].data : "", value->items[i + 1].len);
		lua_rawset(lua, -3);
	}
}

void script_push(struct lua_State *lua, const struct script_value *value)
{
	switch (value->type) {
	case SCRIPT_NIL:
	case SCRIPT_TEXT_OR_FLAG:
		lua_pushnil(lua);
		break;
	case SCRIPT_TEXT:
		lua_pushlstring(lua, value->text.len > 0 ? value->text.data : "", value->text.len);
		break;
	case SCRIPT_NUMBER:
		lua_pushinteger(lua, value->number);
		break;
	case SCRIPT_FLAG:
		lua_pushboolean(lua, value->flag);
		break;
	case SCRIPT_LIST:
		lua_createtable(lua, (int)value->count, 0);
		for (size_t i = 0; i < value->count; i++) {
			lua_pushlstring(lua, value->items[i].len > 0 ? value->items[i].data : "", value->items[i].len);
			lua_rawseti(lua, -2, (lua_Integer)i + 1);
		}
		break;
	case SCRIPT_MAP:
		push_map(lua, value);
		break;
	case SCRIPT_TABLE:
		push_table(lua, value);
		break;
	case SCRIPT_ARRAY:
		push_array(lua, value);
		break;
	}
}

/* A string or number at index, copied. false: it is none. */
static bool take_text(lua_State *lua, int index, struct str *text, struct arena *arena)
{
	struct str view;

	if (lua_type(lua, index) != LUA_TSTRING && lua_type(lua, index) != LUA_TNUMBER)
		return false;
	view.data = lua_tolstring(lua, index, &view.len);
	guard_pause();
	*text = arena_copy(arena, view);
	guard_resume();
	return true;
}

static int take_list(lua_State *lua, int index, struct script_value *value, struct arena *arena, struct err *err)
{
	size_t count = lua_rawlen(lua, index);
	struct str *items;

	if (count > SCRIPT_LIST_MAX)
		return err_set(err, ERR_LIMIT, "is a list of %zu items, more than %d", count, SCRIPT_LIST_MAX);
	guard_pause();
	value->items = items = arena_get(arena, (count > 0 ? count : 1) * sizeof *items);
	guard_resume();
	for (value->count = 0; value->count < count; value->count++) {
		lua_rawgeti(lua, index, (lua_Integer)value->count + 1);
		if (!take_text(lua, -1, &items[value->count], arena))
			return err_set(err, ERR_SYNTAX, "is a list whose item %zu is a %s, where a string is expected",
			               value->count + 1, luaL_typename(lua, -1));
		lua_pop(lua, 1);
	}
	return 0;
}

/* Numbers stand for their texts, as names too; copies, since lua_next must find its key as it left it. */
static int take_map(lua_State *lua, int index, struct script_value *value, struct arena *arena, struct err *err)
{
	struct str *items;
	size_t count = 0;

	luaL_checkstack(lua, LUA_MINSTACK, NULL);
	index = lua_absindex(lua, index);
	for (lua_pushnil(lua); lua_next(lua, index) != 0; lua_pop(lua, 1))
		count++;
	if (count > SCRIPT_LIST_MAX)
		return err_set(err, ERR_LIMIT, "is a table of %zu fields, more than %d", count, SCRIPT_LIST_MAX);
	guard_pause();
	value->items = items = arena_get(arena, (2 * count + 1) * sizeof *items);
	guard_resume();
	value->count = 0;
	for (lua_pushnil(lua); lua_next(lua, index) != 0; lua_pop(lua, 2)) {
		lua_pushvalue(lua, -2);
		if (!take_text(lua, -1, &items[value->count], arena) || !take_text(lua, -2, &items[value->count + 1], arena))
			return err_set(err, ERR_SYNTAX, "is a table with a %s for a %s, where strings are expected",
			               luaL_typename(lua, -2), luaL_typename(lua, -1));
		value->count += 2;
	}
	return 0;
}

/* The fields that the caller asks for; looked up without metamethods, which would be the script's code. */
static int take_table(lua_State *lua, int index, struct script_value *value, struct arena *arena, struct err *err)
{
	struct script_field *fields = (struct script_field *)value->fields; /* the caller's, who wants them written */

	luaL_checkstack(lua, LUA_MINSTACK, NULL);
	index = lua_absindex(lua, index);
	for (size_t i = 0; i < value->count; i++) {
		lua_pushstring(lua, fields[i].name);
		lua_rawget(lua, index);
		if (script_take(lua, -1, &fields[i].value, arena, err) != 0)
			return err_prefix(err, "has a field %s that", fields[i].name);
		lua_pop(lua, 1);
	}
	return 0;
}

/* Tables, each with the fields of the one that the caller gives as a pattern. */
static int take_array(lua_State *lua, int index, struct script_value *value, const struct script_value *pattern,
                      struct arena *arena, struct err *err)
{
	size_t count = lua_rawlen(lua, index), size = pattern->count * sizeof *pattern->fields;
	struct script_value *values;

	if (count > SCRIPT_LIST_MAX)
		return err_set(err, ERR_LIMIT, "is a list of %zu items, more than %d", count, SCRIPT_LIST_MAX);
	index = lua_absindex(lua, index);
	guard_pause();
	value->values = values = arena_get(arena, (count + 1) * sizeof *values);
	for (size_t i = 0; i < count; i++) {
		struct script_field *fields = arena_get(arena, size + 1);

		memcpy(fields, pattern->fields, size);
		values[i] = script_table(fields, pattern->count);
	}
	guard_resume();
	for (value->count = 0; value->count < count; value->count++) {
		lua_rawgeti(lua, index, (lua_Integer)value->count + 1);
		if (lua_type(lua, -1) != LUA_TTABLE)
			return err_set(err, ERR_SYNTAX, "is a list whose item %zu is a %s, where a table is expected",
			               value->count + 1, luaL_typename(lua, -1));
		if (script_take(lua, -1, &values[value->count], arena, err) != 0)
			return err_prefix(err, "is a list whose item %zu", value->count + 1);
		lua_pop(lua, 1);
	}
	return 0;
}

int script_take(struct lua_State *lua, int index, struct script_value *value, struct arena *arena, struct err *err)
{
	static const char *const expected[] = {"nil",       "a string", "an integer",
	                                       "a boolean", "a table",  "a table",
	                                       "a table",   "a table",  "a string or a boolean"};
	const struct script_value *pattern = value->values;
	enum script_type wanted = value->type;
	int type = lua_type(lua, index), is_integer = 0;

	if (wanted == SCRIPT_TEXT_OR_FLAG)
		value->type = type == LUA_TBOOLEAN ? SCRIPT_FLAG : SCRIPT_TEXT;
	*value = (struct script_value){
	    .type = type == LUA_TNIL ? SCRIPT_NIL : value->type, .fields = value->fields, .count = value->count};
	switch (value->type) {
	case SCRIPT_NIL:
		return 0;
	case SCRIPT_TEXT:
		if (take_text(lua, index, &value->text, arena))
			return 0;
		break;
	case SCRIPT_NUMBER:
		value->number = lua_tointegerx(lua, index, &is_integer);
		if (is_integer)
			return 0;
		break;
	case SCRIPT_FLAG:
		value->flag = lua_toboolean(lua, index);
		if (type == LUA_TBOOLEAN)
			return 0;
		break;
	case SCRIPT_LIST:
		if (type == LUA_TTABLE)
			return take_list(lua, index, value, arena, err);
		break;
	case SCRIPT_MAP:
		if (type == LUA_TTABLE)
			return take_map(lua, index, value, arena, err);
		break;
	case SCRIPT_TABLE:
		if (type == LUA_TTABLE)
			return take_table(lua, index, value, arena, err);
		break;
	case SCRIPT_ARRAY:
		if (type == LUA_TTABLE)
			return take_array(lua, index, value, pattern, arena, err);
		break;
	case SCRIPT_TEXT_OR_FLAG: /* is one of the two by now */
		break;
	}
	return err_set(err, ERR_SYNTAX, "is a %s, where %s is expected", luaL_typename(lua, index), expected[wanted]);
}
