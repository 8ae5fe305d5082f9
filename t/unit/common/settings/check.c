/* Settings: what is allowed, in which form it is stored. */
#include "common/settings/settings.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Check value for the setting of that key; the stored form, or NULL with the reason in err. */
static const char *check(const char *key, const char *value, struct err *err)
{
	static struct buf normal;
	const struct setting_definition *definition = setting_find(str_of(key));

	assert_non_null(definition);
	buf_free(&normal);
	buf_init(&normal, SETTING_VALUE_MAX);
	return setting_check(definition, str_of(value), &normal, err) == 0 ? buf_text(&normal) : NULL;
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
	for (int i = 0; i < SETTING_COUNT; i++) {
		const struct setting_definition *definition = &setting_definitions[i];

		assert_true(definition->sentence[strlen(definition->sentence) - 1] == '.');
		assert_true(definition->paragraph[strlen(definition->paragraph) - 1] == '.');
		assert_ptr_equal(setting_find(str_of(definition->key)), definition);
		accept(definition->key, definition->fallback, definition->fallback);
	}
}

static void not_found(const char *key, const char *words)
{
	const struct setting_definition *definition;
	struct err err = {0};

	assert_int_equal(catalogue_find(&setting_catalogue, str_of(key), &definition, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_null(definition);
	assert_non_null(strstr(err.text, words));
}

static void test_keys(void **state)
{
	(void)state;
	assert_ptr_equal(setting_find(STR("SMTP.Timeout")), &setting_definitions[SETTING_SMTP_TIMEOUT]);
	assert_null(setting_find(STR("smtp.timeou")));
	assert_null(setting_find(STR("")));
	not_found("smtp.timeot", "did you mean smtp.timeout?");
	not_found("max-recipients", "did you mean smtp.max-recipients?");
	not_found("smtp.relay-chek", "did you mean smtp.relay-check?");
	not_found("colour-of-the-sky", "\"postroom settings\" lists them");
	not_found("", "lists them");
	assert_true(str_matches_wildcard(str_of(setting_definitions[SETTING_SMTP_TIMEOUT].key), STR("smtp.*")));
	assert_false(str_matches_wildcard(str_of(setting_definitions[SETTING_POP3_TIMEOUT].key), STR("smtp.*")));
}

static void test_flags(void **state)
{
	(void)state;
	accept("server.anonymise", " on ", "on");
	accept("server.anonymise", "Yes", "on");
	accept("server.anonymise", "FALSE", "off");
	accept("server.anonymise", "0", "off");
	refuse("server.anonymise", "maybe", "on or off");
	refuse("server.anonymise", "", "on or off");
}

static void test_sets(void **state)
{
	(void)state;
	accept("smtp.spf-reject", "", "");
	accept("smtp.spf-reject", "TempError, fail fail", "fail,temperror");
	refuse("smtp.spf-reject", "fail,none", "\"none\" is none of fail|permerror|temperror|softfail");
	assert_true(settings_set_holds("fail,temperror", "temperror"));
	assert_false(settings_set_holds("softfail", "fail"));
	assert_false(settings_set_holds("", "fail"));
}

static void test_senders(void **state)
{
	(void)state;
	accept("smtp.spf-whitelist", "192.0.2.9/24 *@*.example,::1", "192.0.2.0/24 *@*.example, ::1");
	refuse("smtp.spf-whitelist", "x", "\"x\" is neither");
}

static void test_numbers(void **state)
{
	(void)state;
	accept("smtp.timeout", "5", "5");
	accept("smtp.timeout", "3600", "3600");
	accept("smtp.timeout", "0060", "60");
	refuse("smtp.timeout", "4", "from 5 to 3600 seconds");
	refuse("smtp.timeout", "3601", "from 5 to 3600 seconds");
	refuse("smtp.timeout", "-60", "not -60");
	refuse("smtp.timeout", "1m", "a number of seconds");
	refuse("smtp.timeout", "99999999999999999999", "a number");
	refuse("smtp.timeout", "", "a number");
	accept("smtp.disk-connect", "-1", "-1");
	refuse("smtp.disk-connect", "-2", "from -1");
	refuse("smtp.disk-connect", "--1", "a number of bytes");
}

static void test_choices(void **state)
{
	(void)state;
	accept("tls.oldest-version", " 1.3", "1.3");
	refuse("tls.oldest-version", "1", "1.2 or 1.3");
	refuse("tls.oldest-version", "1.2|1.3", "1.2 or 1.3");
}

static void test_hosts(void **state)
{
	(void)state;
	accept("server.host-name", "", "");
	accept("server.host-name", "Mail.Example.COM", "mail.example.com");
	accept("server.host-name", "m\xc3\xa4il.example", "xn--mil-qla.example");
	refuse("server.host-name", "mail example", "host name");
	refuse("server.host-name", "-a.example", "host name");
	refuse("server.host-name", "[192.0.2.1]", "host name");
}

static void test_network_lists(void **state)
{
	(void)state;
	accept("mail-auth.gateways", "", "");
	accept("mail-auth.gateways", "10.1.2.3/8, 192.0.2.1 fe80::1/10,::1", "10.0.0.0/8,192.0.2.1,fe80::/10,::1");
	accept("mail-auth.gateways", "::ffff:192.0.2.0/120", "192.0.2.0/24");
	accept("mail-auth.gateways", "0.0.0.0/0,::/0", "0.0.0.0/0,::/0");
	refuse("mail-auth.gateways", "10.0.0.0/33", "0 to 32");
	refuse("mail-auth.gateways", "10.0.0/8", "neither IPv4 nor IPv6");
	refuse("mail-auth.gateways", "10.0.0.0/", "prefix");
	refuse("mail-auth.gateways", "example.com", "neither IPv4 nor IPv6");
	refuse("mail-auth.gateways", "::/129", "0 to 128");
}

static void test_networks_hold(void **state)
{
	static const char networks[] = "127.0.0.0/8, 192.0.2.0/25 ::1,2001:db8::/33";

	(void)state;
	assert_true(settings_networks_hold(networks, "127.255.0.1"));
	assert_false(settings_networks_hold(networks, "128.0.0.1"));
	assert_true(settings_networks_hold(networks, "192.0.2.127"));
	assert_false(settings_networks_hold(networks, "192.0.2.128"));
	assert_true(settings_networks_hold(networks, "::1"));
	assert_false(settings_networks_hold(networks, "::2"));
	assert_true(settings_networks_hold(networks, "2001:db8:7fff::1"));
	assert_false(settings_networks_hold(networks, "2001:db8:8000::1"));
	/* An IPv4 client of a socket that takes both families. */
	assert_true(settings_networks_hold(networks, "::ffff:127.0.0.1"));
	assert_true(settings_networks_hold("::ffff:10.0.0.0/104", "10.1.1.1"));
	assert_true(settings_networks_hold("fe80::/10", "fe80::1%eth0"));
	/* Neither family holds the other's addresses. */
	assert_false(settings_networks_hold("0.0.0.0/0", "2001:db8::1"));
	assert_false(settings_networks_hold("::/0", "192.0.2.1"));
	assert_true(settings_networks_hold("0.0.0.0/0,::/0", "2001:db8::1"));
	assert_false(settings_networks_hold("", "127.0.0.1"));
	assert_false(settings_networks_hold("0.0.0.0/0", ""));
	assert_false(settings_networks_hold("0.0.0.0/0", "10.0.0.0/8"));
	assert_false(settings_networks_hold("0.0.0.0/0", "local"));
}

static void test_server_lists(void **state)
{
	(void)state;
	accept("dns.servers", "192.0.2.53", "192.0.2.53");
	accept("dns.servers", "192.0.2.53:5353,[2001:db8::53]:53 2001:DB8::54",
	       "192.0.2.53:5353,[2001:db8::53]:53,2001:db8::54");
	refuse("dns.servers", "192.0.2.53:0", "not a server");
	refuse("dns.servers", "192.0.2.53:65536", "not a server");
	refuse("dns.servers", "192.0.2.53:", "not a server");
	refuse("dns.servers", "ns.example.com", "not a server");
	refuse("dns.servers", "192.0.2.0/24", "not a server");
	refuse("dns.servers", "[2001:db8::53", "not a server");
	refuse("dns.servers", "[2001:db8::53]53", "not a server");
}

static void test_seconds_lists(void **state)
{
	(void)state;
	accept("sender.retry", "1, 60 3600", "1,60,3600");
	refuse("sender.retry", "", "at least one");
	refuse("sender.retry", "60,0", "\"0\"");
	refuse("sender.retry", "60,-1", "\"-1\"");
	refuse("sender.retry", "60,8640001", "from 1 to 8640000");
}

static void test_limits(void **state)
{
	char longest[SETTING_VALUE_MAX + 2];

	(void)state;
	memset(longest, '1', sizeof longest);
	longest[sizeof longest - 1] = '\0';
	refuse("dns.servers", longest, "longer than");
	for (size_t i = 0; i + 1 < sizeof longest; i++)
		longest[i] = i % 2 == 0 ? '1' : ',';
	longest[1000] = '\0';
	refuse("sender.retry", longest, "at most 100");
}

/* What export writes and import reads. */
static void test_lines(void **state)
{
	const struct setting_definition lines = {.key = "x", .type = SETTING_LINES}, text = {.key = "x"};
	static const char value[] = "a\\n\nb\\\n\n";
	struct arena arena;
	struct buf line;

	(void)state;
	arena_init(&arena);
	buf_init(&line, 100);
	setting_to_line(&lines, STR(value), &line);
	assert_string_equal(buf_text(&line), "a\\\\n\\nb\\\\\\n\\n");
	assert_true(str_equal(setting_from_line(&lines, buf_str(&line), &arena), STR(value)));
	assert_true(str_equal(setting_from_line(&lines, STR("end\\"), &arena), STR("end\\")));
	buf_reset(&line);
	setting_to_line(&text, STR("a\\n"), &line);
	assert_string_equal(buf_text(&line), "a\\n");
	assert_true(str_equal(setting_from_line(&text, STR("a\\n"), &arena), STR("a\\n")));
	buf_free(&line);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_catalogue),     cmocka_unit_test(test_keys),          cmocka_unit_test(test_flags),
	    cmocka_unit_test(test_numbers),       cmocka_unit_test(test_choices),       cmocka_unit_test(test_hosts),
	    cmocka_unit_test(test_server_lists),  cmocka_unit_test(test_seconds_lists), cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_network_lists), cmocka_unit_test(test_networks_hold), cmocka_unit_test(test_sets),
	    cmocka_unit_test(test_senders),       cmocka_unit_test(test_lines),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
