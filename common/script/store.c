/* script: where scripts are, and how they are read. */
#include "common/script/parts.h"

#include "common/script/guard.h"
#include "common/script/name.h"

#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>
#include <unistd.h>

/* What require gave in this state, by name: a key of the registry. */
static const char required_key;

int script_allow(struct sandbox *sandbox, const struct instance *instance, struct err *err)
{
	char path[INSTANCE_PATH_MAX + 24];

	instance_path(path, sizeof path, instance->state, SCRIPT_PUBLISHED);
	if (access(path, F_OK) == 0 && sandbox_allow(sandbox, path, SANDBOX_READ, err) != 0)
		return -1;
	instance_path(path, sizeof path, instance->etc, "scripts");
	return access(path, F_OK) == 0 ? sandbox_allow(sandbox, path, SANDBOX_READ, err) : 0;
}

void store_use(struct script *script, const struct instance *instance)
{
	if (instance->etc[0] == '\0')
		return;
	snprintf(script->folders[0], sizeof script->folders[0], "%s/scripts", instance->etc);
	snprintf(script->folders[1], sizeof script->folders[1], "%s/" SCRIPT_PUBLISHED, instance->state);
}

/* Of the script, or of another one of that name. */
static void make_path(const struct script *script, int folder, const char *name, char *path, size_t size)
{
	snprintf(path, size, "%s/%s", script->folders[folder], name);
	for (char *c = path + strlen(script->folders[folder]); folder > 0 && *c != '\0'; c++)
		*c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c; /* the folder of a user may be called as he is */
}

static bool find_named(const struct script *script, const char *name, struct stat *file_out, char *path, size_t size)
{
	for (int i = 0; i < SCRIPT_FOLDERS && script->folders[i][0] != '\0'; i++) {
		make_path(script, i, name, path, size);
		if (stat(path, file_out) == 0)
			return true;
	}
	return false;
}

bool store_find(const struct script *script, struct stat *file_out)
{
	char path[sizeof script->folders[0] + sizeof script->name + 1];

	return find_named(script, script->name, file_out, path, sizeof path);
}

/* What is put down counts only where who may change the server's settings anyhow has written it. */
static int check_file(const struct stat *file, bool is_published, struct err *err)
{
	if (!S_ISREG(file->st_mode))
		return err_set(err, ERR_DENIED, "is no regular file");
	if (!is_published && ((file->st_uid != 0 && file->st_uid != geteuid()) || (file->st_mode & S_IWOTH) != 0))
		return err_set(err, ERR_DENIED, "must belong to root, and not be writable by others");
	if (file->st_size > SCRIPT_FILE_MAX)
		return err_set(err, ERR_LIMIT, "has more than %d octets", SCRIPT_FILE_MAX);
	return 0;
}

static int read_all(int fd, struct buf *text, struct err *err)
{
	ssize_t count = 1;

	while (count > 0) {
		char *room = buf_reserve(text, 16384);

		count = room != NULL ? read(fd, room, 16384) : 0;
		if (count < 0)
			return err_system(err, "cannot be read");
		text->len += (size_t)count;
	}
	return 0;
}

static int read_named(const struct script *script, const char *name, struct buf *text, struct stat *file_out,
                      struct err *err)
{
	char path[sizeof script->folders[0] + SCRIPT_NAME_MAX + 6];
	int fd = -1, result, folder = 0;

	for (; folder < SCRIPT_FOLDERS && script->folders[folder][0] != '\0'; folder++) {
		make_path(script, folder, name, path, sizeof path);
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
		if (fd >= 0 || (errno != ENOENT && errno != ENOTDIR))
			break;
	}
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : err_system(err, "cannot be opened");
	result = fstat(fd, file_out) == 0 ? check_file(file_out, folder > 0, err) : err_system(err, "cannot be looked at");
	if (result == 0)
		result = read_all(fd, text, err);
	close(fd);
	return result == 0 ? 1 : -1;
}

int store_read(const struct script *script, struct buf *text, struct stat *file_out, struct err *err)
{
	return read_named(script, script->name, text, file_out, err);
}

/* FNV-1a: whoever writes scripts gains nothing by two with the same value. */
uint64_t store_hash(struct str text)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t i = 0; i < text.len; i++)
		hash = (hash ^ (unsigned char)text.data[i]) * 0x100000001b3;
	return hash;
}

/* Put the text of another script on the stack; it is read outside of Lua's memory. */
static void push_text(lua_State *lua, const struct script *script, const char *name)
{
	char path[sizeof script->folders[0] + SCRIPT_NAME_MAX + 6];
	struct err err = {0};
	struct stat file;
	struct buf text;
	char *room = NULL;
	int row = 0;

	if (find_named(script, name, &file, path, sizeof path) && file.st_size <= SCRIPT_FILE_MAX)
		room = lua_newuserdatauv(lua, (size_t)file.st_size + 1, 0);
	guard_pause();
	buf_init(&text, SCRIPT_FILE_MAX + 16384);
	if (room != NULL)
		row = read_named(script, name, &text, &file, &err);
	if (row == 1 && text.len <= lua_rawlen(lua, -1) - 1)
		memcpy(room, buf_text(&text), text.len);
	else if (row == 1)
		row = 0; /* it was changed just now */
	file.st_size = (off_t)text.len;
	buf_free(&text);
	guard_resume();
	if (row != 1)
		luaL_error(lua, "there is no script %s%s%s", name, row < 0 ? " to be used: it " : "", err.text);
	lua_pushlstring(lua, room, (size_t)file.st_size);
}

/* The table of what was required, on the stack. */
static void push_required(lua_State *lua)
{
	if (lua_rawgetp(lua, LUA_REGISTRYINDEX, &required_key) == LUA_TTABLE)
		return;
	lua_pop(lua, 1);
	lua_newtable(lua);
	lua_pushvalue(lua, -1);
	lua_rawsetp(lua, LUA_REGISTRYINDEX, &required_key);
}

int store_require(struct lua_State *lua, const struct script *script)
{
	char name[SCRIPT_NAME_MAX + 6], chunk_name[SCRIPT_NAME_MAX + 8];
	size_t length;
	const char *wanted = luaL_checklstring(lua, 2, &length);
	struct err err;

	if (script_name_normalise(str_from(wanted, length), name, sizeof name, &err) != 0)
		return luaL_error(lua, "%s", err.text);
	push_required(lua);
	if (lua_getfield(lua, -1, name) != LUA_TNIL)
		return 1;
	lua_pushboolean(lua, 1); /* one that requires itself gets this */
	lua_setfield(lua, -3, name);
	push_text(lua, script, name);
	snprintf(chunk_name, sizeof chunk_name, "=%s", name);
	if (luaL_loadbufferx(lua, lua_tostring(lua, -1), lua_rawlen(lua, -1), chunk_name, "t") != LUA_OK)
		return lua_error(lua);
	lua_call(lua, 0, 1);
	if (lua_isnil(lua, -1))
		lua_pushboolean(lua, 1);
	lua_pushvalue(lua, -1);
	lua_setfield(lua, 3, name);
	return 1;
}
