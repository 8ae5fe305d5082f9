/*
 * Unit tests of errors: each error once, repetitions counted, the file never larger than it may be.
 */
#include "statusd/historyd/errors.h"

#include "common/base/io.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];
static struct errors errors;
static struct err err;
static struct buf text;

static int setup(void **state)
{
	(void)state;
	snprintf(folder, sizeof folder, "/tmp/postroom-errors-XXXXXX");
	assert_non_null(mkdtemp(folder));
	buf_init(&text, 1 << 20);
	return errors_open(&errors, folder, NULL, &err);
}

static const char *path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	return path;
}

static int teardown(void **state)
{
	(void)state;
	errors_close(&errors);
	unlink(path_of("luaerrors.log"));
	unlink(path_of("luaerrors.lbk"));
	rmdir(folder);
	buf_free(&text);
	return 0;
}

/* The file without the times, which are local. */
static const char *content(const char *name)
{
	struct buf all;
	struct str rest;

	buf_init(&all, 1 << 20);
	buf_reset(&text);
	assert_int_equal(io_read_file(path_of(name), &all, &err), 0);
	for (rest = buf_str(&all); rest.len > 0;) {
		struct str line = str_cut(&rest, '\n');

		assert_true(line.len > 20 && line.data[4] == '-' && line.data[13] == ':' && line.data[19] == ' ');
		buf_add_str(&text, str_skip(line, 20));
		buf_add_char(&text, '\n');
	}
	buf_free(&all);
	return buf_text(&text);
}

static void test_repetitions(void **state)
{
	(void)state;
	assert_true(errors_add(&errors, STR("1795260037123\ta.lua\tf\ta.lua:1: x"), 0));
	assert_true(errors_add(&errors, STR("1795260037124\ta.lua\tf\ta.lua:1: x"), 10));
	assert_true(errors_add(&errors, STR("1795260037125\ta.lua\tg\ta.lua:1: x"), 20));
	assert_true(errors_add(&errors, STR("1795260037126\ta.lua\tf\ta.lua:1: x"), 30));
	assert_string_equal(content("luaerrors.log"), "a.lua f: a.lua:1: x\na.lua g: a.lua:1: x\n");
	errors_flush(&errors, ERRORS_REPEAT_MS - 1);
	assert_string_equal(content("luaerrors.log"), "a.lua f: a.lua:1: x\na.lua g: a.lua:1: x\n");
	errors_flush(&errors, ERRORS_REPEAT_MS);
	assert_string_equal(content("luaerrors.log"),
	                    "a.lua f: a.lua:1: x\na.lua g: a.lua:1: x\na.lua f: a.lua:1: x (2 times more)\n");
	/* what has not come again for a while is forgotten, and would be written anew */
	errors_flush(&errors, 3 * (int64_t)ERRORS_REPEAT_MS);
	assert_true(errors_add(&errors, STR("1795260037126\ta.lua\tg\ta.lua:1: x"), 3 * (int64_t)ERRORS_REPEAT_MS));
	assert_string_equal(content("luaerrors.log"), "a.lua f: a.lua:1: x\na.lua g: a.lua:1: x\n"
	                                              "a.lua f: a.lua:1: x (2 times more)\na.lua g: a.lua:1: x\n");
}

static void test_end_writes_counts(void **state)
{
	(void)state;
	errors_add(&errors, STR("1\ta.lua\tf\tx"), 0);
	errors_add(&errors, STR("1\ta.lua\tf\tx"), 0);
	errors_close(&errors);
	assert_string_equal(content("luaerrors.log"), "a.lua f: x\na.lua f: x (1 times more)\n");
	assert_int_equal(errors_open(&errors, folder, NULL, &err), 0);
}

static void test_what_is_none(void **state)
{
	(void)state;
	assert_false(errors_add(&errors, STR(""), 0));
	assert_false(errors_add(&errors, STR("1\ta.lua\tf"), 0));
	assert_false(errors_add(&errors, STR("x\ta.lua\tf\ty"), 0));
	assert_string_equal(content("luaerrors.log"), "");
}

/* Many different errors: each is written, the old file keeps what was before, and both stay small. */
static void test_size(void **state)
{
	char line[600];
	struct stat now, old;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		snprintf(line, sizeof line, "1\ta.lua\tf\t%0500d", i);
		assert_true(errors_add(&errors, str_of(line), i));
	}
	assert_int_equal(stat(path_of("luaerrors.log"), &now), 0);
	assert_int_equal(stat(path_of("luaerrors.lbk"), &old), 0);
	assert_true(now.st_size > 0 && now.st_size < ERRORS_FILE_MAX + 1000);
	assert_true(old.st_size >= ERRORS_FILE_MAX && old.st_size < ERRORS_FILE_MAX + 1000);
	assert_non_null(strstr(content("luaerrors.log"), "0999\n"));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_repetitions),
	    TEST(test_end_writes_counts),
	    TEST(test_what_is_none),
	    TEST(test_size),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
