#include "common/script/script.h"

#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>

int script_check(struct str text, const char *name, struct err *err)
{
	lua_State *lua = luaL_newstate();
	char chunk_name[INSTANCE_PATH_MAX + 2];
	int result = 0;

	if (lua == NULL)
		return err_set(err, ERR_LIMIT, "not enough memory");
	if (text.len > SCRIPT_FILE_MAX) {
		result = err_set(err, ERR_LIMIT, "%s is larger than %d bytes", name, SCRIPT_FILE_MAX);
	} else {
		snprintf(chunk_name, sizeof chunk_name, "=%s", name);
		if (luaL_loadbufferx(lua, text.data, text.len, chunk_name, "t") != LUA_OK)
			result = err_set(err, ERR_SYNTAX, "%s", lua_tostring(lua, -1));
	}
	lua_close(lua);
	return result;
}
