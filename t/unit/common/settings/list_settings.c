/* Settings of lists: the catalogue is whole, and what is refused says which setting and why. */
#include "common/settings/list_settings.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const char *check(const char *key, const char *value, struct err *err)
{
	static struct buf normal;
	const struct setting_definition *definition;

	assert_int_equal(catalogue_find(&list_catalogue, str_of(key), &definition, err), 0);
	buf_free(&normal);
	buf_init(&normal, SETTING_VALUE_MAX);
	return object_setting_check(&list_kind, definition, str_of(value), &normal, err) == 0 ? buf_text(&normal) : NULL;
}

static void accept(const char *key, const char *value, const char *expected)
{
	struct err err = {0};
	const char *stored = check(key, value, &err);

	if (stored == NULL)
		fail_msg("%s = %s: %s", key, value, err.text);
	assert_string_equal(stored, expected);
}

static void refuse(const char *key, const char *value, const char *reason)
{
	struct err err = {0};

	if (check(key, value, &err) != NULL)
		fail_msg("%s = %s was accepted", key, value);
	if (strstr(err.text, reason) == NULL || strstr(err.text, key) == NULL)
		fail_msg("%s = %s: \"%s\" does not hold \"%s\" and the key", key, value, err.text, reason);
}

static void test_catalogue(void **state)
{
	(void)state;
	for (int i = 0; i < LIST_SETTING_COUNT; i++) {
		const struct setting_definition *definition = &list_setting_definitions[i];

		assert_true(definition->sentence[strlen(definition->sentence) - 1] == '.');
		assert_true(definition->paragraph[strlen(definition->paragraph) - 1] == '.');
		accept(definition->key, definition->fallback, definition->fallback);
	}
}

/* [03-4.4] and the table of the posting tab */
static void test_lines(void **state)
{
	(void)state;
	accept("header-modifiers", "Reply-To:list@example.com\r\nReturn-Receipt-To:\r\n",
	       "Reply-To:list@example.com\nReturn-Receipt-To:");
	refuse("header-modifiers", "Subject", "\"Subject\" is not \"Field: data\"");
	refuse("header-modifiers", "Sender:%m\nno colon here", "no colon here");
	refuse("header-modifiers", "a b: c", "not \"Field: data\"");
	refuse("header-modifiers", ": c", "not \"Field: data\"");
	accept("banned", "spam@a.test\n*@b.test\n/^x.*@c\\.test$/i", "spam@a.test\n*@b.test\n/^x.*@c\\.test$/i");
	refuse("banned", "a@b.test\n/(/", "line 2");
	refuse("banned", "not an address", "line 1");
}

static void test_addresses(void **state)
{
	(void)state;
	accept("listserver", "*", "*");
	accept("listserver", "lists@other.test", "lists@other.test");
	refuse("listserver", "lists", "domain");
	accept("return-address", "", "");
	refuse("return-address", "two@a.test, three@a.test", "");
	refuse("unsubscribe-url", "http://a.test/", "https://");
	refuse("unsubscribe-url", "https://a.test/ b", "blanks");
	refuse("spam-threshold", "-2", "from -1");
	refuse("who-may-post", "nobody", "anyone, members or moderators");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_catalogue),
	    cmocka_unit_test(test_lines),
	    cmocka_unit_test(test_addresses),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("list settings", tests, NULL, NULL);
}
