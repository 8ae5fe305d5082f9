/* imap/hooks: 05-services (IMAP4 service, Script), and the grammar of RFC 9051 section 9 that answers are held to. */
#include "common/imap/hooks.h"

#include "common/base/io.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct instance instance;
static struct arena arena;
static struct script script;

static int make_instance(void **state)
{
	char path[INSTANCE_PATH_MAX + 16];

	(void)state;
	snprintf(instance.etc, sizeof instance.etc, "/tmp/postroom-hooks-XXXXXX");
	assert_non_null(mkdtemp(instance.etc));
	assert_int_equal(mkdir(instance_path(path, sizeof path, instance.etc, "scripts"), 0755), 0);
	arena_init(&arena);
	return 0;
}

static int remove_instance(void **state)
{
	char path[INSTANCE_PATH_MAX + 32];

	(void)state;
	unlink(instance_path(path, sizeof path, instance.etc, "scripts/imap4svr.lua"));
	rmdir(instance_path(path, sizeof path, instance.etc, "scripts"));
	rmdir(instance.etc);
	arena_free(&arena);
	return 0;
}

static void write_script(const char *text)
{
	char path[INSTANCE_PATH_MAX + 32];
	struct err err;

	script_close(&script);
	instance_path(path, sizeof path, instance.etc, "scripts/imap4svr.lua");
	assert_int_equal(io_replace_file(path, str_of(text), 0644, &err), 0);
	script_open(&script, &instance, IMAP_SCRIPT, NULL, NULL);
}

static int close_script(void **state)
{
	(void)state;
	script_close(&script);
	arena_reset(&arena);
	return 0;
}

static const char *capabilities(const char *text)
{
	write_script(text);
	return arena_text(&arena, imap_hook_capabilities(&script, "192.0.2.1", STR("IMAP4rev1 IDLE ID"), &arena));
}

static void test_capabilities(void **state)
{
	(void)state;
	assert_string_equal(capabilities(""), "IMAP4rev1 IDLE ID");
	assert_string_equal(capabilities("function DoCapability(a, c) return c end"), "IMAP4rev1 IDLE ID");
	assert_string_equal(capabilities("function DoCapability(a, c) return (c:gsub(' IDLE ', ' ')) end"), "IMAP4rev1 ID");
	assert_string_equal(capabilities("function DoCapability(a, c) return (c:gsub(' ID ', ' ')) end"), "IMAP4rev1 IDLE");
	assert_string_equal(capabilities("function DoCapability(a, c) return (c:gsub(' IMAP4rev1 ', '')) end"),
	                    "IMAP4rev1 IDLE ID");
	assert_string_equal(capabilities("function DoCapability(a, c) return 'id imap4rev1 ID X' end"), "id imap4rev1");
	assert_string_equal(capabilities("function DoCapability(a, c) return '' end"), "IMAP4rev1 IDLE ID");
	assert_string_equal(capabilities("function DoCapability(a, c) return {} end"), "IMAP4rev1 IDLE ID");
	assert_string_equal(capabilities("function DoCapability(a, c) return c:gsub('[^ ]+', a) end"), "IMAP4rev1 IDLE ID");
}

/* "attributes|extended data", or "hidden". */
static const char *listed(const char *results)
{
	struct str attributes = STR("\\Old"), extended = STR(" (\"OLD\" ())");

	write_script(arena_text(&arena, arena_printf(&arena, "function DoListResult(f, a, e) return %s end", results)));
	if (!imap_hook_list(&script, STR("Folder"), &attributes, &extended, &arena))
		return "hidden";
	return arena_text(&arena, arena_printf(&arena, "%.*s|%.*s", STR_ARG(attributes), STR_ARG(extended)));
}

static void test_list(void **state)
{
	(void)state;
	assert_string_equal(listed(""), "\\Old| (\"OLD\" ())");
	assert_string_equal(listed("true, a, e"), "\\Old| (\"OLD\" ())");
	assert_string_equal(listed("f ~= 'Folder', a, e"), "hidden");
	assert_string_equal(listed("true, '', ''"), "|");
	assert_string_equal(listed("nil, ' \\\\A\\tb  $c ', nil"), "\\A b $c| (\"OLD\" ())");
	assert_string_equal(listed("1"), "\\Old| (\"OLD\" ())");
}

static void test_list_attributes_outside_the_grammar(void **state)
{
	static const char *const wrong[] = {"\\\\",  "\\\\A)", "(", "a\\r\\nb", "\\\\a\\\\b",
	                                    "a\\\"", "{1}",    "*", "\\200",    "a\\0"};

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		char results[64];

		snprintf(results, sizeof results, "true, '%s', ' (x)'", wrong[i]);
		assert_string_equal(listed(results), "\\Old| (x)");
	}
}

static void test_list_extended_data(void **state)
{
	static const char *const right[] = {"", " (x)", " ((a) (b))", " (\"\")", " (\"a)(\" \"\\\\\"\")"};
	static const char *const wrong[] = {"x",     "(x)",   " x",       " (",        " (x",          " (x))",
	                                    " (x) ", " (\")", " (\"\\\\", " (\\r\\n)", " (\\195\\188)"};

	(void)state;
	for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
		char results[64];

		snprintf(results, sizeof results, "true, a, '%s'", right[i]);
		assert_null(strstr(listed(results), "OLD"));
	}
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		char results[64];

		snprintf(results, sizeof results, "true, '', '%s'", wrong[i]);
		assert_string_equal(listed(results), "| (\"OLD\" ())");
	}
}

static enum service_encryption encryption(const char *result, enum service_encryption usual)
{
	const struct conn conn = {.peer = "192.0.2.1", .local = "192.0.2.2", .local_port = 143};

	write_script(arena_text(
	    &arena, arena_printf(&arena, "function GetEncryption(ip, localip, localport, mode) return %s end", result)));
	return imap_hook_encryption(&script, &conn, usual, &arena);
}

static void test_encryption(void **state)
{
	static const enum service_encryption all[] = {SERVICE_CLEAR, SERVICE_OPTIONAL, SERVICE_REQUIRED, SERVICE_TLS};

	(void)state;
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		assert_int_equal(encryption("nil", all[i]), all[i]);
		assert_int_equal(encryption("mode", all[i]), all[i]);
		assert_int_equal(encryption("'SSL'", all[i]), all[i]);
		assert_int_equal(encryption("false", all[i]), all[i]);
		assert_int_equal(encryption("'starttls'", all[i]), SERVICE_REQUIRED);
	}
	assert_int_equal(encryption("'ssl'", SERVICE_CLEAR), SERVICE_TLS);
	assert_int_equal(encryption("'none/starttls'", SERVICE_TLS), SERVICE_OPTIONAL);
	assert_int_equal(
	    encryption("ip == '192.0.2.1' and localip == '192.0.2.2' and localport == 143 and 'ssl'", SERVICE_CLEAR),
	    SERVICE_TLS);
}

static void test_without_a_script(void **state)
{
	struct str attributes = STR("\\Old"), extended = STR(""), words = STR("IMAP4rev1");
	const struct conn conn = {.peer = "192.0.2.1"};
	char path[INSTANCE_PATH_MAX + 32];

	(void)state;
	unlink(instance_path(path, sizeof path, instance.etc, "scripts/imap4svr.lua"));
	script_open(&script, &instance, IMAP_SCRIPT, NULL, NULL);
	assert_ptr_equal(imap_hook_capabilities(&script, "192.0.2.1", words, &arena).data, words.data);
	assert_true(imap_hook_list(&script, STR("x"), &attributes, &extended, &arena));
	assert_true(str_equal(attributes, STR("\\Old")));
	assert_int_equal(imap_hook_encryption(&script, &conn, SERVICE_REQUIRED, &arena), SERVICE_REQUIRED);
	assert_null(script.heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(test_capabilities, close_script),
	    cmocka_unit_test_teardown(test_list, close_script),
	    cmocka_unit_test_teardown(test_list_attributes_outside_the_grammar, close_script),
	    cmocka_unit_test_teardown(test_list_extended_data, close_script),
	    cmocka_unit_test_teardown(test_encryption, close_script),
	    cmocka_unit_test(test_without_a_script),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, make_instance, remove_instance);
}
