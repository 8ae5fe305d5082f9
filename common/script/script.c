#include "common/script/script.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/script/guard.h"
#include "common/script/heap.h"
#include "common/script/parts.h"

#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>

enum { MESSAGE_MAX = 1500 }; /* octets of an error with its traceback */

/* What is asked of a script within guard_run, and what came of it. */
struct job {
	struct script *script;
	struct str text; /* to load */
	const char *function;
	const struct script_value *arguments;
	size_t argument_count;
	struct script_value *results;
	size_t result_count;
	struct script_field *fields; /* globals */
	size_t field_count;
	struct arena *arena;
	int result; /* 1: done, 0: there is no such function, -1: failed */
	char message[MESSAGE_MAX];
};

void script_open(struct script *script, const struct instance *instance, const char *name,
                 const struct script_limits *limits, struct status *status)
{
	static const struct script_limits usual = {SCRIPT_MEMORY_MAX, SCRIPT_INSTRUCTIONS_MAX, SCRIPT_CALL_MS};

	*script = (struct script){.limits = limits != NULL ? *limits : usual, .status = status};
	snprintf(script->name, sizeof script->name, "%s.lua", name);
	store_use(script, instance);
}

void script_open_inline(struct script *script, const struct instance *instance, const char *name,
                        const struct script_limits *limits, struct status *status)
{
	static const struct instance nowhere;

	script_open(script, instance != NULL ? instance : &nowhere, name, limits, status);
	str_copy(str_of(name), script->name, sizeof script->name);
	script->is_inline = true;
}

void script_settle(struct script *script)
{
	script->is_away = !script_is_installed(script);
}

void script_close(struct script *script)
{
	script_heap_free(script->heap);
	script->heap = NULL;
	script->lua = NULL;
	script->looked_at = false;
}

void script_report(const struct script *script, const char *function, struct str text)
{
	if (script->errors != NULL)
		buf_printf(script->errors, "%s%.*s", script->errors->len > 0 ? "\n" : "", STR_ARG(text));
	else if (script->status != NULL)
		status_script_error(script->status, script->name, function, text);
	else
		log_warning("script=%s function=%s: %.*s", script->name, function, STR_ARG(text));
}

/* An error becomes text with a traceback, also where it is an object that has its own idea of that. */
static int describe(lua_State *lua)
{
	const char *text = luaL_tolstring(lua, 1, NULL);

	luaL_traceback(lua, lua, text, 1);
	return 1;
}

/* Keep the error that a protected call left on the stack. */
static void keep_message(struct job *job)
{
	struct str text = STR("an error without words");

	if (lua_type(job->script->lua, -1) == LUA_TSTRING)
		text.data = lua_tolstring(job->script->lua, -1, &text.len);
	str_copy(text, job->message, sizeof job->message);
	job->result = -1;
}

static void push_globals(lua_State *lua, const struct script_field *fields, size_t count)
{
	lua_pushglobaltable(lua);
	for (size_t i = 0; i < count; i++) {
		lua_pushstring(lua, fields[i].name);
		script_push(lua, &fields[i].value);
		lua_rawset(lua, -3);
	}
	lua_settop(lua, 0);
}

/* Compile a text and run it, its errors kept. */
static void run_text(struct job *job, const char *name)
{
	lua_State *lua = job->script->lua;

	lua_pushcfunction(lua, describe);
	if (luaL_loadbufferx(lua, job->text.data, job->text.len, name, "t") != LUA_OK || lua_pcall(lua, 0, 0, 1) != LUA_OK)
		keep_message(job);
	else
		job->result = 1;
	lua_settop(lua, 0);
}

static void load(void *context)
{
	struct job *job = context;
	struct script *script = job->script;
	char chunk_name[sizeof script->name + 1];
	lua_State *lua = lua_newstate(script_heap_allocate, script->heap);

	script->lua = lua;
	job->result = -1;
	if (lua == NULL) {
		str_copy(STR("not enough memory"), job->message, sizeof job->message);
		return;
	}
	guard_watch(lua);
	script_open_libraries(lua, script);
	snprintf(chunk_name, sizeof chunk_name, "=%s", script->name);
	push_globals(lua, script->first, script->first_count);
	run_text(job, chunk_name);
}

static void chunk(void *context)
{
	struct job *job = context;

	job->result = -1;
	run_text(job, "=text");
}

/* Push a global function; false: there is none. Looked up without metamethods, which would be the script's code. */
static bool push_function(lua_State *lua, const char *name)
{
	lua_pushglobaltable(lua);
	lua_pushstring(lua, name);
	lua_rawget(lua, -2);
	return lua_isfunction(lua, -1);
}

static void look_for(void *context)
{
	struct job *job = context;

	job->result = push_function(job->script->lua, job->function);
	lua_settop(job->script->lua, 0);
}

static void take_results(struct job *job, int first)
{
	struct err err;

	job->result = 1;
	for (size_t i = 0; i < job->result_count && job->result == 1; i++) {
		if (script_take(job->script->lua, first + (int)i, &job->results[i], job->arena, &err) == 0)
			continue;
		snprintf(job->message, sizeof job->message, "result %zu %s", i + 1, err.text);
		job->result = -1;
	}
}

static void call(void *context)
{
	struct job *job = context;
	lua_State *lua = job->script->lua;
	int first;

	job->result = 0;
	lua_pushcfunction(lua, describe);
	if (push_function(lua, job->function)) {
		first = lua_gettop(lua);
		luaL_checkstack(lua, (int)(job->argument_count + job->result_count) + LUA_MINSTACK, NULL);
		for (size_t i = 0; i < job->argument_count; i++)
			script_push(lua, &job->arguments[i]);
		if (lua_pcall(lua, (int)job->argument_count, (int)job->result_count, 1) == LUA_OK)
			take_results(job, first);
		else
			keep_message(job);
	}
	lua_settop(lua, 0);
}

/* Run a job within the limits. What exceeded them has left the script's memory in the middle of something. */
static int run(struct job *job, void (*work)(void *context))
{
	struct script *script = job->script;
	enum guard_outcome outcome = guard_run(work, job, script->limits.call_ms, script->limits.instructions);

	if (outcome == GUARD_TIME)
		snprintf(job->message, sizeof job->message, "stopped after %d ms", script->limits.call_ms);
	else if (outcome == GUARD_INSTRUCTIONS)
		snprintf(job->message, sizeof job->message, "stopped after %lld instructions",
		         (long long)script->limits.instructions);
	else if (outcome == GUARD_MEMORY)
		snprintf(job->message, sizeof job->message, "not enough memory");
	if (outcome != GUARD_DONE) {
		script_close(script);
		script->rest_until_ms = io_now_ms() + SCRIPT_REST_MS;
		job->result = -1;
	}
	if (job->result < 0)
		script_report(script, job->function, str_of(job->message));
	return job->result;
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* Read it, and load it where it is not what was loaded before under another name of the file. */
static void load_file(struct script *script)
{
	struct job job = {.script = script, .function = "(load)"};
	struct buf text;
	struct err err;
	int row;

	buf_init(&text, SCRIPT_FILE_MAX + 16384);
	row = store_read(script, &text, &script->file, &err);
	if (row == 1 && script->lua != NULL && store_hash(buf_str(&text)) == script->text_hash) {
		buf_free(&text);
		return;
	}
	script_close(script);
	script->text_hash = store_hash(buf_str(&text));
	if (row < 0) {
		script_report(script, job.function, str_of(err.text));
	} else if (row == 1 && (script->heap = script_heap_new(script->limits.memory)) == NULL) {
		script_report(script, job.function, STR("not enough memory"));
	} else if (row == 1) {
		job.text = buf_str(&text);
		if (run(&job, load) < 0)
			script_close(script);
	}
	script->looked_at = row != 0; /* what failed is not tried again until it changes */
	buf_free(&text);
}

/* A state without a script in it. */
static bool load_nothing(struct script *script)
{
	struct job job = {.script = script, .function = "(load)", .text = STR("")};

	if (script->lua != NULL || script->rest_until_ms > io_now_ms())
		return script->lua != NULL;
	script->heap = script_heap_new(script->limits.memory);
	if (script->heap == NULL)
		script_report(script, job.function, STR("not enough memory"));
	else if (run(&job, load) < 0)
		script_close(script);
	return script->lua != NULL;
}

/* Is the script there, as it is on disk now? */
static bool refresh(struct script *script)
{
	struct stat file;

	if (script->is_inline)
		return load_nothing(script);
	if (script->is_pinned && script->lua != NULL)
		return true;
	if (script->is_away)
		return false;
	if (!store_find(script, &file)) {
		if (script->looked_at)
			script_close(script);
		return false;
	}
	if (script->looked_at && is_same_file(&file, &script->file))
		return script->lua != NULL;
	if (script->rest_until_ms > io_now_ms() && is_same_file(&file, &script->file))
		return false;
	load_file(script);
	return script->lua != NULL;
}

static void set_globals(void *context)
{
	struct job *job = context;

	push_globals(job->script->lua, job->fields, job->field_count);
	job->result = 1;
}

static void get_globals(void *context)
{
	struct job *job = context;
	lua_State *lua = job->script->lua;
	struct err err;

	job->result = 1;
	lua_pushglobaltable(lua);
	for (size_t i = 0; i < job->field_count; i++) {
		struct script_value value = job->fields[i].value;

		lua_pushstring(lua, job->fields[i].name);
		lua_rawget(lua, 1);
		if (script_take(lua, -1, &value, job->arena, &err) == 0 && value.type != SCRIPT_NIL) {
			job->fields[i].value = value;
		} else if (value.type != SCRIPT_NIL) {
			snprintf(job->message, sizeof job->message, "%s %s", job->fields[i].name, err.text);
			job->result = -1;
		}
		lua_settop(lua, 1);
	}
	lua_settop(lua, 0);
}

int script_set_globals(struct script *script, const struct script_field *fields, size_t count)
{
	struct job job = {.script = script,
	                  .function = "(globals)",
	                  .fields = (struct script_field *)fields, /* only read */
	                  .field_count = count};

	return refresh(script) ? run(&job, set_globals) : 0;
}

int script_get_globals(struct script *script, struct script_field *fields, size_t count, struct arena *arena)
{
	struct job job = {
	    .script = script, .function = "(globals)", .fields = fields, .field_count = count, .arena = arena};

	return script->lua != NULL ? run(&job, get_globals) : 0;
}

bool script_is_installed(const struct script *script)
{
	struct stat file;

	return !script->is_away && store_find(script, &file);
}

bool script_is_stale(const struct script *script)
{
	struct stat file;
	struct buf text;
	struct err err;
	bool stale;

	if (!store_find(script, &file))
		return script->looked_at;
	if (script->looked_at && is_same_file(&file, &script->file))
		return false;
	buf_init(&text, SCRIPT_FILE_MAX + 16384);
	stale = store_read(script, &text, &file, &err) != 1 || store_hash(buf_str(&text)) != script->text_hash;
	buf_free(&text);
	return stale;
}

int script_run(struct script *script, const struct script_field *fields, size_t count)
{
	struct stat file;
	bool loaded;

	if (!store_find(script, &file))
		return 0;
	script_close(script);
	script->first = fields;
	script->first_count = count;
	loaded = refresh(script);
	script->first = NULL;
	script->first_count = 0;
	return loaded ? 1 : -1;
}

int script_chunk(struct script *script, struct str text, struct buf *printed)
{
	struct job job = {.script = script, .function = "(text)", .text = text};
	int result = -1;

	script->printed = printed;
	if (refresh(script))
		result = run(&job, chunk);
	script->printed = NULL;
	return result;
}

bool script_exists(struct script *script)
{
	return refresh(script);
}

bool script_has_function(struct script *script, const char *function)
{
	struct job job = {.script = script, .function = function};

	return refresh(script) && run(&job, look_for) == 1;
}

int script_call(struct script *script, const char *function, const struct script_value *arguments,
                size_t argument_count, struct script_value *results, size_t result_count, struct arena *arena)
{
	struct job job = {
	    .script = script,
	    .function = function,
	    .arguments = arguments,
	    .argument_count = argument_count,
	    .results = results,
	    .result_count = result_count,
	    .arena = arena,
	};

	return refresh(script) ? run(&job, call) : 0;
}
