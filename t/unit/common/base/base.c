/* Unit tests of str, buf, arena, conf, io, tree. */
#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/conf.h"
#include "common/base/io.h"
#include "common/base/tree.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void str_numbers_are_checked(void **state)
{
	uint64_t value;

	(void)state;
	assert_true(str_to_u64(STR("0"), 10, &value) && value == 0);
	assert_true(str_to_u64(STR("18446744073709551615"), UINT64_MAX, &value) && value == UINT64_MAX);
	assert_false(str_to_u64(STR("18446744073709551616"), UINT64_MAX, &value));
	assert_false(str_to_u64(STR("11"), 10, &value));
	assert_false(str_to_u64(STR(""), 10, &value));
	assert_false(str_to_u64(STR("-1"), 10, &value));
	assert_false(str_to_u64(STR("1x"), 10, &value));
}

static void str_cuts_parts(void **state)
{
	struct str rest = STR("a,,b"), word = STR("  one\ttwo ");
	int parts = 0;

	(void)state;
	while (rest.data != NULL) {
		str_cut(&rest, ',');
		parts++;
	}
	assert_int_equal(parts, 3);
	assert_true(str_equal(str_cut_word(&word), STR("one")));
	assert_true(str_equal(str_cut_word(&word), STR("two")));
	assert_int_equal(str_cut_word(&word).len, 0);
}

/* Spec 09 section 8: '*' any run, also none; '?' exactly one; the whole value, case ignored. */
static void str_wildcards(void **state)
{
	(void)state;
	assert_true(str_matches_wildcard(STR("anna@example.com"), STR("*@EXAMPLE.com")));
	assert_true(str_matches_wildcard(STR("abc"), STR("a*b*c*")));
	assert_true(str_matches_wildcard(STR(""), STR("*")));
	assert_false(str_matches_wildcard(STR("abc"), STR("a?")));
	assert_false(str_matches_wildcard(STR("ab"), STR("a?b")));
	assert_true(str_matches_wildcard(STR("aXbXbc"), STR("a*bc")));
}

static void str_blot_hides_each_place(void **state)
{
	char text[40];

	(void)state;
	str_copy(STR("PASS abcd, abcabcd of abc"), text, sizeof text);
	str_blot(text, STR("abcd"));
	assert_string_equal(text, "PASS ***, abc*** of abc");
	str_blot(text, STR("of"));
	assert_string_equal(text, "PASS ***, abc*** ** abc");
	str_blot(text, STR(""));
	assert_string_equal(text, "PASS ***, abc*** ** abc");
}

static void str_copies_say_what_was_cut(void **state)
{
	char out[4];

	(void)state;
	assert_true(str_copy(STR("abc"), out, sizeof out));
	assert_false(str_copy(STR("abcd"), out, sizeof out));
	assert_string_equal(out, "abc");
	assert_false(str_copy(str_from("a\0b", 3), out, sizeof out));
}

static void buf_keeps_its_limit(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 5);
	assert_int_equal(buf_add_str(&buf, STR("abc")), 0);
	assert_int_equal(buf_add_str(&buf, STR("def")), -1);
	assert_true(buf.overflow);
	assert_true(str_equal(buf_str(&buf), STR("abc")));
	assert_int_equal(buf_printf(&buf, "%d", 42), 0);
	assert_string_equal(buf_text(&buf), "abc42");
	buf_consume(&buf, 3);
	assert_string_equal(buf_text(&buf), "42");
	buf_reset(&buf);
	assert_false(buf.overflow);
	buf_free(&buf);
}

static void arena_gives_aligned_zeroed_memory(void **state)
{
	struct arena arena;

	(void)state;
	arena_init(&arena);
	for (size_t size = 1; size < 20000; size = size * 3 + 1) {
		char *memory = arena_get(&arena, size);

		assert_int_equal((uintptr_t)memory % sizeof(void *), 0);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(memory[i], 0);
		memset(memory, 'x', size);
	}
	arena_reset(&arena);
	assert_true(str_equal(arena_printf(&arena, "%s-%d", "a", 1), STR("a-1")));
	arena_free(&arena);
}

static void conf_reads_sections_and_values(void **state)
{
	struct conf conf;
	struct err err;
	long number = 7;

	(void)state;
	assert_int_equal(
	    conf_parse(&conf, "postroom.conf",
	               STR("# comment\n[Server]\nBind = 127.0.0.1\n ; another\nport-offset=100\r\nlist = a=b\n"), &err),
	    0);
	assert_string_equal(conf_get(&conf, "server", "bind", "x"), "127.0.0.1");
	assert_string_equal(conf_get(&conf, "server", "list", "x"), "a=b");
	assert_string_equal(conf_get(&conf, "other", "bind", "x"), "x");
	assert_int_equal(conf_get_number(&conf, "server", "port-offset", 0, 1000, &number, &err), 0);
	assert_int_equal(number, 100);
	assert_int_equal(conf_get_number(&conf, "server", "port-offset", 0, 10, &number, &err), -1);
	assert_string_equal(err.text, "postroom.conf:5: port-offset must be a number from 0 to 10");
	conf_free(&conf);
}

/* 09-6.5: a line without "=" is named by file and line. */
static void conf_names_the_bad_line(void **state)
{
	struct conf conf;
	struct err err;

	(void)state;
	assert_int_equal(conf_parse(&conf, "postroom.conf", STR("[server]\nbind = x\nkey\n"), &err), -1);
	assert_int_equal(err.code, ERR_SYNTAX);
	assert_true(str_starts(str_of(err.text), STR("postroom.conf:3:")));
	assert_int_equal(conf_parse(&conf, "c", STR("[server\n"), &err), -1);
	assert_int_equal(conf_parse(&conf, "c", str_from("a = \0\n", 6), &err), -1);
}

static void io_replaces_files_whole(void **state)
{
	char folder[] = "/tmp/postroom-io-XXXXXX", path[64];
	struct buf text;
	struct err err;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/file", folder);
	assert_int_equal(io_replace_file(path, STR("one"), 0600, &err), 0);
	assert_int_equal(io_replace_file(path, STR("two"), 0600, &err), 0);
	buf_init(&text, 100);
	assert_int_equal(io_read_file(path, &text, &err), 0);
	assert_true(str_equal(buf_str(&text), STR("two")));
	buf_free(&text);
	buf_init(&text, 2);
	assert_int_equal(io_read_file(path, &text, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	buf_free(&text);
	assert_int_equal(io_replace_file("/nonexistent/file", STR("x"), 0600, &err), -1);
	assert_int_equal(err.code, ERR_SYSTEM);
	unlink(path);
	assert_int_equal(rmdir(folder), 0);
}

static void make_file(const char *folder, const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CREAT, 0400);
	assert_true(fd >= 0);
	close(fd);
}

/* Links are removed, what they lead to is not. */
static void trees_are_removed_whole(void **state)
{
	char folder[] = "/tmp/postroom-tree-XXXXXX", path[128], deep[TREE_DEPTH_MAX * 2 + 8] = "d";
	struct err err;
	int parent;

	(void)state;
	assert_non_null(mkdtemp(folder));
	parent = open(folder, O_RDONLY | O_DIRECTORY);
	assert_int_equal(tree_remove(parent, "none", &err), 0);
	assert_int_equal(mkdirat(parent, "stays", 0700), 0);
	make_file(folder, "stays/file");
	assert_int_equal(mkdirat(parent, "goes", 0700), 0);
	assert_int_equal(mkdirat(parent, "goes/below", 0700), 0);
	make_file(folder, "goes/below/file");
	assert_int_equal(symlinkat("../stays", parent, "goes/link"), 0);
	assert_int_equal(tree_remove(parent, "goes", &err), 1);
	assert_int_equal(faccessat(parent, "goes", F_OK, 0), -1);
	assert_int_equal(faccessat(parent, "stays/file", F_OK, 0), 0);
	assert_int_equal(symlinkat("stays", parent, "link"), 0);
	assert_int_equal(tree_remove(parent, "link", &err), -1);
	assert_int_equal(faccessat(parent, "stays/file", F_OK, 0), 0);
	for (int i = 0; i < TREE_DEPTH_MAX + 2; i++) {
		assert_int_equal(mkdirat(parent, deep, 0700), 0);
		strncat(deep, "/d", sizeof deep - strlen(deep) - 1);
	}
	assert_int_equal(tree_remove(parent, "d", &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	snprintf(path, sizeof path, "rm -r %s", folder);
	assert_int_equal(system(path), 0);
	close(parent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(trees_are_removed_whole),
	    cmocka_unit_test(str_numbers_are_checked),
	    cmocka_unit_test(str_cuts_parts),
	    cmocka_unit_test(str_wildcards),
	    cmocka_unit_test(str_blot_hides_each_place),
	    cmocka_unit_test(str_copies_say_what_was_cut),
	    cmocka_unit_test(buf_keeps_its_limit),
	    cmocka_unit_test(arena_gives_aligned_zeroed_memory),
	    cmocka_unit_test(conf_reads_sections_and_values),
	    cmocka_unit_test(conf_names_the_bad_line),
	    cmocka_unit_test(io_replaces_files_whole),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
