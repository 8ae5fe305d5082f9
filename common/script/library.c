/* script: what scripts may use. */
#include "common/script/guard.h"
#include "common/script/parts.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

enum { OFFERED_ARGUMENTS_MAX = 8 };

/* Where a function of ours finds its script: a key of the registry. */
static const char script_key;

/* What Lua 5.1 had and published scripts use. */
static const char prelude[] = "unpack = table.unpack\n"
                              "loadstring = load\n"
                              "function table.getn(t) return #t end\n"
                              "function table.foreach(t, f)\n"
                              "	for k, v in pairs(t) do local r = f(k, v) if r ~= nil then return r end end\n"
                              "end\n"
                              "function table.foreachi(t, f)\n"
                              "	for i, v in ipairs(t) do local r = f(i, v) if r ~= nil then return r end end\n"
                              "end\n"
                              "function math.pow(x, y) return x ^ y end\n";

/* load(chunk, name, mode, environment) with text alone, whatever mode was given: bytecode is not checked by Lua. */
static int load_text(lua_State *lua)
{
	int count = lua_gettop(lua) < 3 ? 3 : lua_gettop(lua);

	lua_settop(lua, count);
	lua_pushliteral(lua, "t");
	lua_replace(lua, 3);
	lua_pushvalue(lua, lua_upvalueindex(1));
	lua_insert(lua, 1);
	lua_call(lua, count, LUA_MULTRET);
	return lua_gettop(lua);
}

static int print(lua_State *lua)
{
	int count = lua_gettop(lua);
	const struct script *script;
	luaL_Buffer line;
	struct str text;

	luaL_buffinit(lua, &line);
	for (int i = 1; i <= count; i++) {
		if (i > 1)
			luaL_addchar(&line, ' ');
		luaL_tolstring(lua, i, NULL);
		luaL_addvalue(&line);
	}
	luaL_pushresult(&line);
	text.data = lua_tolstring(lua, -1, &text.len);
	lua_rawgetp(lua, LUA_REGISTRYINDEX, &script_key);
	script = lua_touserdata(lua, -1);
	guard_pause();
	if (script->printed == NULL)
		script_report(script, "print", text);
	else if (script->printed->len == 0 || buf_add_char(script->printed, '\n') == 0)
		buf_add_str(script->printed, text);
	guard_resume();
	return 0;
}

static int require(lua_State *lua)
{
	lua_rawgetp(lua, LUA_REGISTRYINDEX, &script_key);
	lua_insert(lua, 1);
	return store_require(lua, lua_touserdata(lua, 1));
}

/* An argument of a function of ours. */
static struct script_value argument(lua_State *lua, int index)
{
	struct script_value value = {.type = SCRIPT_NIL};

	switch (lua_type(lua, index)) {
	case LUA_TSTRING:
		value.type = SCRIPT_TEXT;
		value.text.data = lua_tolstring(lua, index, &value.text.len);
		break;
	case LUA_TNUMBER:
		value = script_number((int64_t)lua_tonumber(lua, index));
		break;
	case LUA_TBOOLEAN:
		value = script_flag(lua_toboolean(lua, index));
		break;
	default:
		break;
	}
	return value;
}

static int call_offered(lua_State *lua)
{
	const struct script_offer *offer = lua_touserdata(lua, lua_upvalueindex(1));
	const struct script_function *function = lua_touserdata(lua, lua_upvalueindex(2));
	struct script_value arguments[OFFERED_ARGUMENTS_MAX], result;
	int count = lua_gettop(lua) < OFFERED_ARGUMENTS_MAX ? lua_gettop(lua) : OFFERED_ARGUMENTS_MAX;

	for (int i = 0; i < count; i++)
		arguments[i] = argument(lua, i + 1);
	guard_pause();
	result = function->run(offer->context, arguments, (size_t)count);
	guard_resume();
	script_push(lua, &result);
	return 1;
}

static void open_offer(lua_State *lua, const struct script_offer *offer)
{
	lua_createtable(lua, 0, (int)offer->count);
	for (size_t i = 0; i < offer->count; i++) {
		lua_pushlightuserdata(lua, (void *)offer);
		lua_pushlightuserdata(lua, (void *)&offer->functions[i]);
		lua_pushcclosure(lua, call_offered, 2);
		lua_setfield(lua, -2, offer->functions[i].name);
	}
	lua_setglobal(lua, offer->table);
}

static void remove_names(lua_State *lua)
{
	static const char *const removed[] = {"dofile", "loadfile", "collectgarbage", "warn"};

	for (size_t i = 0; i < sizeof removed / sizeof removed[0]; i++) {
		lua_pushnil(lua);
		lua_setglobal(lua, removed[i]);
	}
	lua_getglobal(lua, LUA_STRLIBNAME);
	lua_pushnil(lua);
	lua_setfield(lua, -2, "dump");
	lua_pop(lua, 1);
}

void script_open_libraries(struct lua_State *lua, const struct script *script)
{
	static const luaL_Reg libraries[] = {
	    {LUA_GNAME, luaopen_base},        {LUA_COLIBNAME, luaopen_coroutine}, {LUA_TABLIBNAME, luaopen_table},
	    {LUA_STRLIBNAME, luaopen_string}, {LUA_MATHLIBNAME, luaopen_math},    {LUA_UTF8LIBNAME, luaopen_utf8},
	};

	for (size_t i = 0; i < sizeof libraries / sizeof libraries[0]; i++) {
		luaL_requiref(lua, libraries[i].name, libraries[i].func, 1);
		lua_pop(lua, 1);
	}
	remove_names(lua);
	lua_getglobal(lua, "load");
	lua_pushcclosure(lua, load_text, 1);
	lua_setglobal(lua, "load");
	lua_pushlightuserdata(lua, (void *)script);
	lua_rawsetp(lua, LUA_REGISTRYINDEX, &script_key);
	lua_pushcfunction(lua, print);
	lua_setglobal(lua, "print");
	lua_pushcfunction(lua, require);
	lua_setglobal(lua, "require");
	if (script->offer != NULL)
		open_offer(lua, script->offer);
	if (luaL_loadbufferx(lua, prelude, sizeof prelude - 1, "=prelude", "t") != LUA_OK)
		lua_error(lua);
	lua_call(lua, 0, 0);
}
