/*
 * Unit tests of script: what scripts may do, what they may not, and that nothing they try gets round the limits.
 */
#include "common/script/script.h"

#include "common/base/io.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Small, so that every test of a limit is short. */
static const struct script_limits limits = {4 << 20, 20 * 1000 * 1000, 300};

static struct instance instance;
static struct arena arena;
static struct script script;
static struct err err;

static int make_instance(void **state)
{
	char path[INSTANCE_PATH_MAX + 16];

	(void)state;
	snprintf(instance.etc, sizeof instance.etc, "/tmp/postroom-script-XXXXXX");
	assert_non_null(mkdtemp(instance.etc));
	assert_int_equal(mkdir(instance_path(path, sizeof path, instance.etc, "scripts"), 0755), 0);
	arena_init(&arena);
	return 0;
}

static int remove_instance(void **state)
{
	char path[INSTANCE_PATH_MAX + 32];

	(void)state;
	unlink(instance_path(path, sizeof path, instance.etc, "scripts/test.lua"));
	rmdir(instance_path(path, sizeof path, instance.etc, "scripts"));
	rmdir(instance.etc);
	arena_free(&arena);
	return 0;
}

static void write_script(const char *text)
{
	char path[INSTANCE_PATH_MAX + 32];

	instance_path(path, sizeof path, instance.etc, "scripts/test.lua");
	assert_int_equal(io_replace_file(path, str_of(text), 0644, &err), 0);
}

static void remove_script(void)
{
	char path[INSTANCE_PATH_MAX + 32];

	unlink(instance_path(path, sizeof path, instance.etc, "scripts/test.lua"));
}

static int open_script(void **state)
{
	(void)state;
	script_open(&script, &instance, "test", &limits, NULL);
	return 0;
}

static int close_script(void **state)
{
	(void)state;
	script_close(&script);
	arena_reset(&arena);
	return 0;
}

/* Call f() of a script; what it returns as text, "" for nil. NULL: it failed, or is not there. */
static const char *run(const char *text)
{
	struct script_value result = {.type = SCRIPT_TEXT};

	script_close(&script);
	script.rest_until_ms = 0;
	write_script(text);
	if (script_call(&script, "f", NULL, 0, &result, 1, &arena) != 1)
		return NULL;
	return result.type == SCRIPT_TEXT ? result.text.data : "";
}

static void test_absent(void **state)
{
	char path[INSTANCE_PATH_MAX + 32];

	(void)state;
	unlink(instance_path(path, sizeof path, instance.etc, "scripts/test.lua"));
	assert_int_equal(script_call(&script, "f", NULL, 0, NULL, 0, &arena), 0);
	assert_false(script_has_function(&script, "f"));
	assert_null(script.heap); /* nothing is allocated */
	write_script("function f() end x = 1");
	assert_true(script_has_function(&script, "f"));
	assert_false(script_has_function(&script, "g"));
	assert_false(script_has_function(&script, "x"));
	assert_int_equal(script_call(&script, "g", NULL, 0, NULL, 0, &arena), 0);
	assert_int_equal(script_call(&script, "f", NULL, 0, NULL, 0, &arena), 1);
	unlink(path);
	assert_int_equal(script_call(&script, "f", NULL, 0, NULL, 0, &arena), 0);
	assert_null(script.heap);
}

static void test_values(void **state)
{
	struct str items[] = {STR("a"), {"b\0c", 3}};
	struct script_value arguments[] = {script_text(str_from("t\0t", 3)),
	                                   script_number(INT64_MIN),
	                                   script_flag(true),
	                                   script_list(items, 2),
	                                   {.type = SCRIPT_NIL}};
	struct script_value results[] = {{.type = SCRIPT_TEXT}, {.type = SCRIPT_NUMBER}, {.type = SCRIPT_FLAG},
	                                 {.type = SCRIPT_LIST}, {.type = SCRIPT_TEXT},   {.type = SCRIPT_TEXT}};

	(void)state;
	write_script("function f(t, n, b, l, x) l[3] = 7 return t .. '!', n, not b, l, x end");
	assert_int_equal(script_call(&script, "f", arguments, 5, results, 6, &arena), 1);
	assert_int_equal(results[0].type, SCRIPT_TEXT);
	assert_int_equal(results[0].text.len, 4);
	assert_memory_equal(results[0].text.data, "t\0t!", 4);
	assert_true(results[1].number == INT64_MIN);
	assert_int_equal(results[2].type, SCRIPT_FLAG);
	assert_false(results[2].flag);
	assert_int_equal(results[3].count, 3);
	assert_memory_equal(results[3].items[1].data, "b\0c", 3);
	assert_string_equal(results[3].items[2].data, "7");
	assert_int_equal(results[4].type, SCRIPT_NIL); /* nil */
	assert_int_equal(results[5].type, SCRIPT_NIL); /* missing */
}

static void test_tables(void **state)
{
	struct str items[] = {STR("a"), STR("b")};
	const struct script_field inner[] = {{"Flag", script_flag(true)}};
	const struct script_field fields[] = {{"Text", script_text(STR("t"))},
	                                      {"Number", script_number(7)},
	                                      {"List", script_list(items, 2)},
	                                      {"Inner", script_table(inner, 1)},
	                                      {"Nil", {.type = SCRIPT_NIL}}};
	struct script_value argument = script_table(fields, 5), result = {.type = SCRIPT_TEXT};

	(void)state;
	write_script("function f(t) local n = 0 for _ in pairs(t) do n = n + 1 end"
	             " return t.Text .. t.Number .. #t.List .. t.List[2] .. tostring(t.Inner.Flag) .. n end");
	assert_int_equal(script_call(&script, "f", &argument, 1, &result, 1, &arena), 1);
	assert_string_equal(result.text.data, "t72btrue4");
}

/* What the caller cannot use is an error, not a guess. */
static void test_wrong_results(void **state)
{
	static const struct {
		const char *text;
		enum script_type wanted;
		int result;
	} cases[] = {
	    {"function f() return {} end", SCRIPT_TEXT, -1},
	    {"function f() return true end", SCRIPT_TEXT, -1},
	    {"function f() return 12 end", SCRIPT_TEXT, 1},
	    {"function f() return '12' end", SCRIPT_NUMBER, 1},
	    {"function f() return 12.0 end", SCRIPT_NUMBER, 1},
	    {"function f() return 12.5 end", SCRIPT_NUMBER, -1},
	    {"function f() return 'x' end", SCRIPT_NUMBER, -1},
	    {"function f() return 1e300 end", SCRIPT_NUMBER, -1},
	    {"function f() return 1 end", SCRIPT_FLAG, -1},
	    {"function f() return 'x' end", SCRIPT_LIST, -1},
	    {"function f() return {{}} end", SCRIPT_LIST, -1},
	    {"function f() return {} end", SCRIPT_LIST, 1},
	    {"function f() local t = {} for i = 1, 10001 do t[i] = 'x' end return t end", SCRIPT_LIST, -1},
	    {"function f() return setmetatable({}, {__len = function() return 1 << 40 end}) end", SCRIPT_LIST, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct script_value result = {.type = cases[i].wanted};

		script_close(&script);
		write_script(cases[i].text);
		assert_int_equal(script_call(&script, "f", NULL, 0, &result, 1, &arena), cases[i].result);
	}
}

static void test_errors(void **state)
{
	(void)state;
	assert_null(run("function f( return 1 end"));        /* does not compile */
	assert_false(script_has_function(&script, "f"));     /* and is not tried again */
	assert_null(run("error('at the start')"));           /* does not begin */
	assert_null(run("function f() return nil + 1 end")); /* fails */
	assert_string_equal(run("function f() return 'x' end"), "x");
	assert_null(run("function f() error() end"));
	assert_null(run("function f() error(setmetatable({}, {__tostring = function() return 'words' end})) end"));
	assert_null(run("function f() error(setmetatable({}, {__tostring = function() error('again') end})) end"));
	assert_null(run("function f() error(setmetatable({}, {__tostring = function() return 7 end})) end"));
	assert_null(run("function f() error(setmetatable({}, {__name = 7, __metatable = 8})) end"));
	assert_null(run("error(('x'):rep(1000000))"));
}

/* Another error does not harm what is loaded: globals stay from call to call. */
static void test_globals_stay(void **state)
{
	struct script_value result = {.type = SCRIPT_NUMBER};

	(void)state;
	write_script("n = 0 function f() n = n + 1 return n end function g() n = n + 1 error('x') end");
	assert_int_equal(script_call(&script, "f", NULL, 0, &result, 1, &arena), 1);
	assert_int_equal(script_call(&script, "g", NULL, 0, NULL, 0, &arena), -1);
	result.type = SCRIPT_NUMBER;
	assert_int_equal(script_call(&script, "f", NULL, 0, &result, 1, &arena), 1);
	assert_int_equal(result.number, 3);
}

static void test_reload(void **state)
{
	struct script_value result = {.type = SCRIPT_TEXT};

	(void)state;
	write_script("function f() return 'old' end");
	assert_int_equal(script_call(&script, "f", NULL, 0, &result, 1, &arena), 1);
	assert_string_equal(result.text.data, "old");
	write_script("function f() return 'new' end"); /* of the same size, at once */
	assert_int_equal(script_call(&script, "f", NULL, 0, &result, 1, &arena), 1);
	assert_string_equal(result.text.data, "new");
	write_script("function f() retur");
	assert_int_equal(script_call(&script, "f", NULL, 0, &result, 1, &arena), 0);
	write_script("function f() return 'mended' end");
	assert_int_equal(script_call(&script, "f", NULL, 0, &result, 1, &arena), 1);
	assert_string_equal(result.text.data, "mended");
}

static void test_what_is_there(void **state)
{
	(void)state;
	assert_string_equal(run("function f()\n"
	                        " for _, name in ipairs{'os', 'io', 'debug', 'package', 'dofile', 'loadfile',\n"
	                        "  'collectgarbage', 'warn'} do if _G[name] ~= nil then return name end end\n"
	                        " return string.dump == nil and 'none' or 'dump' end"),
	                    "none");
	assert_string_equal(run("function f() return load('return 1 + 1')() end"), "2");
	assert_string_equal(run("function f() return loadstring('return ...')(3) end"), "3");
	assert_string_equal(run("function f() return load(function() end) and 'y' end"), "y");
	assert_string_equal(run("function f() local e = {x = 5} return load('return x', 'c', 'bt', e)() end"), "5");
	assert_string_equal(
	    run("function f() return (load('return x', 'c', 't', nil)) and pcall(load('return x', 'c', 't', "
	        "nil)) and 'y' or 'no globals' end"),
	    "no globals");
	assert_string_equal(run("function f() local s = 0 table.foreach({1, 2}, function(k, v) s = s + v end)\n"
	                        " return s .. unpack({'x'}) .. table.getn({1}) .. math.floor(math.pow(2, 3)) end"),
	                    "3x18");
	assert_string_equal(run("function f() print('a', {}, nil) return 'y' end"), "y");
}

/* Bytecode is refused in a file and in load, whatever mode is asked for. */
static void test_bytecode(void **state)
{
	(void)state;
	assert_null(run("\033Lua\x54\0function f() end"));
	assert_string_equal(run("function f() local g, e = load('\\27Lua', 'x', 'b') return g == nil and 'refused' end"),
	                    "refused");
	assert_string_equal(run("function f() local g, e = load('\\27Lua') return g == nil and 'refused' end"), "refused");
	assert_string_equal(
	    run("function f() local d = false\n"
	        " local g, e = load(function() if not d then d = true return '\\27Lua' end end, 'x', 'bt')\n"
	        " return g == nil and 'refused' end"),
	    "refused");
}

/* Each of these would run for ever. */
static void test_endless(void **state)
{
	static const char *const scripts[] = {
	    "while true do end",
	    "function f() while true do end end",
	    "function f() repeat pcall(function() while true do end end) until false end",
	    "function f() while true do pcall(pcall, error) end end",
	    "function f() xpcall(error, function() while true do end end) end",
	    "function f() error(setmetatable({}, {__tostring = function() while true do end end})) end",
	    "function f() while true do coroutine.resume(coroutine.create(function() while true do end end)) end end",
	    "local function g() while true do pcall(coroutine.wrap(g)) end end function f() g() end",
	    "function f() local c = coroutine.wrap(function() while true do coroutine.yield() end end)\n"
	    " while true do c() end end",
	    "function f() setmetatable({}, {__gc = function() while true do end end}) while true do local t = {} end end",
	    "function f() return setmetatable({}, {__index = function(t, k) return t[k .. 'x'] end}).a .. '' end\n"
	    "local g = f f = function() while true do pcall(g) end end",
	    "function f() local c <close> = setmetatable({}, {__close = function() while true do end end}) error('x') end",
	    /* within library functions, where no instruction is counted */
	    "function f() return (('a'):rep(40)):find(('a*'):rep(20) .. 'b') end",
	    "function f() return pcall(string.find, ('a'):rep(100000), ('.-'):rep(20) .. 'b') end",
	    "function f() return coroutine.wrap(function() return (('a'):rep(40)):match(('a*'):rep(20) .. 'b') end)() end",
	    "function f() string.gsub(('a'):rep(100000), '.-.-.-.-b', '') end",
	    "function f() table.concat(setmetatable({}, {__len = function() return 1 << 60 end,\n"
	    " __index = function() return '' end})) end",
	    "function f() table.move({}, 1, 1 << 60, 2) end",
	    "function f() for _ in pairs(setmetatable({}, {__pairs = function() return function() return 1 end end})) do "
	    "end end",
	    "function f() table.sort({3, 2, 1}, function() while true do end end) end",
	    "getmetatable('').__index = function() while true do end end function f() return ('x').y end",
	    "function f() load(function() return ' ' end) end",
	};

	(void)state;
	for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
		int64_t begin = io_now_ms();

		if (run(scripts[i]) != NULL)
			fail_msg("script %zu ended by itself", i);
		if (io_now_ms() - begin > 3000)
			fail_msg("script %zu took %lld ms", i, (long long)(io_now_ms() - begin));
	}
}

/* What was stopped rests, unless it is mended. */
static void test_rest(void **state)
{
	(void)state;
	write_script("function f() while true do end end function g() end");
	assert_int_equal(script_call(&script, "f", NULL, 0, NULL, 0, &arena), -1);
	assert_null(script.heap);
	assert_int_equal(script_call(&script, "g", NULL, 0, NULL, 0, &arena), 0);
	write_script("function g() end");
	assert_int_equal(script_call(&script, "g", NULL, 0, NULL, 0, &arena), 1);
}

/* Each of these would take all memory, or overflow a stack. */
static void test_greedy(void **state)
{
	static const char *const scripts[] = {
	    "function f() return ('x'):rep(1 << 40) end",
	    "function f() return ('x'):rep(1 << 62, 'yy') end",
	    "function f() local s = 'x' while true do s = s .. s end end",
	    "function f() local t = {} for i = 1, 1e9 do t[i] = i end end",
	    "function f() local t = {} while true do t = {t} end end",
	    "function f() return table.pack(table.unpack({}, 1, 1e8)) end",
	    "function f() return table.concat({}, ('x'):rep(1e6), 1, 0) .. ('x'):rep(5e6) end",
	    "function f() return (string.format('%99d', 1)):rep(1e6) end",
	    "local function g(n) return 1 + g(n + 1) end function f() return g(1) end",
	    "function f() local t = setmetatable({}, {}) getmetatable(t).__index = function(a, k) return a[k] end return "
	    "t.x end",
	    "function f() return ('(' ):rep(1000):find(('('):rep(1000)) end",
	    "function f() return load(('('):rep(1e5) .. '1' .. (')'):rep(1e5))() end",
	    "function f() return ('a'):gsub('a', function() return f() end) end",
	    "function f() return coroutine.wrap(f)() end",
	    "function f() return table.sort({1, 2, 3}, function() return f() end) end",
	    "function f() return tostring(setmetatable({}, {__tostring = f})) end",
	    "function f() local b = {} for i = 1, 1e6 do b[#b + 1] = coroutine.create(f) end end",
	};

	(void)state;
	for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
		if (run(scripts[i]) != NULL)
			fail_msg("script %zu got what it wanted", i);
	}
	/* it may be caught, and the script goes on */
	assert_string_equal(run("function f() return pcall(string.rep, 'x', 1 << 40) and 'y' or 'caught' end"), "caught");
	assert_string_equal(run("function f() for i = 1, 200 do local s = ('x'):rep(100000 + i) end return 'reused' end"),
	                    "reused");
}

/* The process is as before: signals, its timer, and its memory. */
static void test_leaves_nothing(void **state)
{
	struct sigaction before, after;
	struct itimerval timer;

	(void)state;
	sigaction(SIGALRM, NULL, &before);
	assert_null(run("function f() while true do end end"));
	assert_string_equal(run("function f() return 'x' end"), "x");
	sigaction(SIGALRM, NULL, &after);
	assert_true(before.sa_handler == after.sa_handler);
	getitimer(ITIMER_REAL, &timer);
	assert_true(timer.it_value.tv_sec == 0 && timer.it_value.tv_usec == 0);
}

static void test_files(void **state)
{
	char path[INSTANCE_PATH_MAX + 32];

	(void)state;
	write_script("function f() return 'x' end");
	instance_path(path, sizeof path, instance.etc, "scripts/test.lua");
	assert_int_equal(chmod(path, 0646), 0);
	assert_false(script_has_function(&script, "f")); /* anybody could have written it */
	assert_int_equal(chmod(path, 0644), 0);
	assert_true(script_has_function(&script, "f"));
	if (geteuid() == 0) {
		assert_int_equal(chown(path, 65534, (gid_t)-1), 0);
		assert_false(script_has_function(&script, "f"));
	}
	unlink(path);
	assert_int_equal(mkfifo(path, 0644), 0);
	assert_false(script_has_function(&script, "f"));
	unlink(path);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_false(script_has_function(&script, "f"));
	rmdir(path);
}

/* Where scripts run: a session that may read the scripts' folder, and can do little else. */
static int run_confined(void)
{
	struct sandbox sandbox;

	if (sandbox_init(&sandbox, 0, &err) != 0 || script_allow(&sandbox, &instance, &err) != 0 ||
	    sandbox_prepare(&sandbox, &err) != 0 || sandbox_limit((size_t)256 << 20, 60, 64, &err) != 0 ||
	    sandbox_enter(&sandbox, &err) != 0)
		return 1;
	script_open(&script, &instance, "test", NULL, NULL); /* with the usual limits, which must fit the session's */
	if (script_call(&script, "f", NULL, 0, NULL, 0, &arena) != 1)
		return 2;
	script.limits.call_ms = 200;
	if (script_call(&script, "g", NULL, 0, NULL, 0, &arena) != -1)
		return 3;
	script.rest_until_ms = 0;
	return script_call(&script, "f", NULL, 0, NULL, 0, &arena) == 1 ? 0 : 4;
}

static void test_in_sandbox(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	write_script("function f() local t = {} for i = 1, 10000 do t[i] = i .. '' end end\n"
	             "function g() return (('a'):rep(40)):find(('a*'):rep(20) .. 'b') end");
	pid = fork();
	if (pid == 0)
		_exit(run_confined());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static struct script_value add(void *context, const struct script_value *arguments, size_t count)
{
	int64_t *calls = context;

	++*calls;
	if (count != 2 || arguments[0].type != SCRIPT_NUMBER || arguments[1].type != SCRIPT_NUMBER)
		return (struct script_value){.type = SCRIPT_NIL};
	return script_number(arguments[0].number + arguments[1].number);
}

static void test_offer(void **state)
{
	static const struct script_function functions[] = {{"Add", add}};
	struct script_value results[] = {{.type = SCRIPT_NUMBER}, {.type = SCRIPT_NUMBER}};
	int64_t calls = 0;
	const struct script_offer offer = {"Postroom", functions, 1, &calls};

	(void)state;
	write_script("function f() return Postroom.Add(2, 3), Postroom.Add('x', {}) end");
	script.offer = &offer;
	assert_int_equal(script_call(&script, "f", NULL, 0, results, 2, &arena), 1);
	assert_int_equal(results[0].number, 5);
	assert_int_equal(results[1].type, SCRIPT_NIL);
	assert_int_equal(calls, 2);
}

static void test_globals(void **state)
{
	const struct script_field given[] = {{"Count", script_number(7)}, {"Name", script_text(STR("anna"))}};
	struct script_field taken[] = {
	    {"Count", script_number(7)}, {"Missing", script_number(3)}, {"Flag", {.type = SCRIPT_FLAG}}};
	struct script_field wrong[] = {{"Name", script_number(9)}};

	(void)state;
	remove_script();
	assert_int_equal(script_set_globals(&script, given, 2), 0);
	write_script("function f() if Name == 'anna' then Count = Count + 1 Flag = true end end");
	assert_int_equal(script_set_globals(&script, given, 2), 1);
	assert_int_equal(script_call(&script, "f", NULL, 0, NULL, 0, &arena), 1);
	assert_int_equal(script_get_globals(&script, taken, 3, &arena), 1);
	assert_int_equal(taken[0].value.number, 8);
	assert_int_equal(taken[1].value.number, 3); /* nil leaves it */
	assert_true(taken[2].value.flag);
	assert_int_equal(script_get_globals(&script, wrong, 1, &arena), -1);
	assert_int_equal(wrong[0].value.number, 9);
}

static void test_tables_back(void **state)
{
	struct script_field fields[] = {{"Ignore", {.type = SCRIPT_FLAG}}, {"To", {.type = SCRIPT_LIST}}};
	struct script_value elements[] = {script_number(1), script_text(STR("x"))};
	struct script_value argument = script_array(elements, 2);
	struct script_value result = script_table(fields, 2);

	(void)state;
	write_script("function f(a) return {Ignore = #a == 2 and a[2] == 'x', To = {'b', 'c'}, other = {}} end\n"
	             "function g() return {Ignore = 5} end");
	assert_int_equal(script_call(&script, "f", &argument, 1, &result, 1, &arena), 1);
	assert_int_equal(result.type, SCRIPT_TABLE);
	assert_true(fields[0].value.flag);
	assert_int_equal(fields[1].value.count, 2);
	assert_true(str_equal(fields[1].value.items[1], STR("c")));
	result = script_table(fields, 2);
	fields[0].value = (struct script_value){.type = SCRIPT_FLAG};
	fields[1].value = (struct script_value){.type = SCRIPT_LIST};
	assert_int_equal(script_call(&script, "g", NULL, 0, &result, 1, &arena), -1);
}

/* Tables by any names, both ways; numbers are their texts. */
static void test_maps(void **state)
{
	const struct str items[] = {STR("a:25"), STR("10"), STR("b"), STR("20")};
	struct script_value argument = script_map(items, 4), result = {.type = SCRIPT_MAP};

	(void)state;
	write_script("function f(m) return {[m['a:25'] .. m.b] = 5} end\n"
	             "function g() return {} end\n"
	             "function h() return {a = {}} end\n"
	             "function i() local t = {} for n = 1, 10001 do t[n] = n end return t end");
	assert_int_equal(script_call(&script, "f", &argument, 1, &result, 1, &arena), 1);
	assert_int_equal(result.type, SCRIPT_MAP);
	assert_int_equal(result.count, 2);
	assert_true(str_equal(result.items[0], STR("1020")));
	assert_true(str_equal(result.items[1], STR("5")));
	result = (struct script_value){.type = SCRIPT_MAP};
	assert_int_equal(script_call(&script, "g", NULL, 0, &result, 1, &arena), 1);
	assert_int_equal(result.count, 0);
	result = (struct script_value){.type = SCRIPT_MAP};
	assert_int_equal(script_call(&script, "h", NULL, 0, &result, 1, &arena), -1);
	result = (struct script_value){.type = SCRIPT_MAP};
	assert_int_equal(script_call(&script, "i", NULL, 0, &result, 1, &arena), -1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_script, close_script)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_offer),        TEST(test_globals),    TEST(test_tables_back),   TEST(test_absent),
	    TEST(test_values),       TEST(test_tables),     TEST(test_wrong_results), TEST(test_errors),
	    TEST(test_globals_stay), TEST(test_reload),     TEST(test_what_is_there), TEST(test_bytecode),
	    TEST(test_endless),      TEST(test_rest),       TEST(test_greedy),        TEST(test_leaves_nothing),
	    TEST(test_files),        TEST(test_in_sandbox), TEST(test_maps),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, make_instance, remove_instance);
}
