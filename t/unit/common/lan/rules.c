/* Rules of LAN forwarding: what they may say (07, "Rule table") and which recipients they take. */
#include "common/lan/rules.h"
#include "common/lan/destination.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct arena arena;
static struct err err;

static struct lan_rule rule(const char *address, const char *rewrite, const char *condition)
{
	struct lan_rule made = {.id = 1,
	                        .address = str_of(address),
	                        .server = STR("192.0.2.1:2525"),
	                        .rewrite = str_of(rewrite),
	                        .condition = str_of(condition)};

	if (lan_rule_check(&made, &arena, &err) != 0)
		fail_msg("%s: %s", address, err.text);
	return made;
}

static void refuse(struct lan_rule bad, const char *field)
{
	err = (struct err){0};
	if (bad.server.len == 0)
		bad.server = STR("host");
	assert_int_equal(lan_rule_check(&bad, &arena, &err), -1);
	assert_int_equal(err.code, ERR_SYNTAX);
	if (strncmp(err.text, field, strlen(field)) != 0)
		fail_msg("\"%s\" does not begin with %s", err.text, field);
}

/* Which of the rules takes the address; "" for none, "sent to" the rewritten address. */
static const char *taken(const struct lan_rules *rules, const char *address, struct lan_question question,
                         bool left_over)
{
	struct str rest = str_of(address);
	const struct lan_rule *found;

	question.local_part = str_cut(&rest, '@');
	question.domain = rest;
	found = lan_rules_match(rules, &question, left_over);
	if (found == NULL)
		return "";
	return arena_printf(&arena, "%.*s -> %.*s", STR_ARG(found->address),
	                    STR_ARG(lan_rule_recipient(found, &question, &arena)))
	    .data;
}

static void test_order(void **state)
{
	struct lan_rule list[] = {rule("a@x.test", "", ""), rule("*@X.test", "*@inner.test", ""), rule("~@y.test", "", "")};
	struct lan_rules rules = {list, 3};
	const struct lan_question plain = {0};

	(void)state;
	assert_string_equal(taken(&rules, "a@x.test", plain, false), "a@x.test -> a@x.test");
	assert_string_equal(taken(&rules, "A@x.test", plain, false), "a@x.test -> A@x.test");
	assert_string_equal(taken(&rules, "b@x.test", plain, false), "*@x.test -> b@inner.test");
	assert_string_equal(taken(&rules, "b@sub.x.test", plain, false), "");
	assert_string_equal(taken(&rules, "b@y.test", plain, false), "");
	assert_string_equal(taken(&rules, "b@y.test", plain, true), "~@y.test -> b@y.test");
	assert_string_equal(taken(&rules, "a@x.test", plain, true), "");
}

static void test_conditions(void **state)
{
	struct lan_rule list[] = {rule("p@x.test", "", "POP3"), rule("s@x.test", "", "smtp"), rule("c@x.test", "", "2, 7")};
	struct lan_rules rules = {list, 3};
	const struct lan_question smtp = {0}, third = {.collected = true, .collector = 3},
	                          seventh = {.collected = true, .collector = 7};

	(void)state;
	assert_string_equal(taken(&rules, "p@x.test", smtp, false), "");
	assert_string_equal(taken(&rules, "p@x.test", third, false), "p@x.test -> p@x.test");
	assert_string_equal(taken(&rules, "s@x.test", smtp, false), "s@x.test -> s@x.test");
	assert_string_equal(taken(&rules, "s@x.test", third, false), "");
	assert_string_equal(taken(&rules, "c@x.test", smtp, false), "");
	assert_string_equal(taken(&rules, "c@x.test", third, false), "");
	assert_string_equal(taken(&rules, "c@x.test", seventh, false), "c@x.test -> c@x.test");
}

static void test_bare_names_and_rewriting(void **state)
{
	struct lan_rule list[] = {rule("bob", "robert@inner.test", ""), rule("ann?@*.test", "", "")};
	struct lan_rules rules = {list, 2};
	const struct lan_question foreign = {0}, local = {.is_local = true};

	(void)state;
	assert_string_equal(taken(&rules, "bob@x.test", foreign, false), "");
	assert_string_equal(taken(&rules, "bob@x.test", local, false), "bob -> robert@inner.test");
	assert_string_equal(taken(&rules, "anna@any.test", foreign, false), "ann?@*.test -> anna@any.test");
	assert_string_equal(taken(&rules, "ann@any.test", foreign, false), "");
	assert_false(lan_rule_is_wide(&list[0]));
	assert_true(lan_rule_is_wide(&list[1]));
	list[0] = rule("~@x.test", "", "");
	assert_true(lan_rule_is_wide(&list[0]));
}

static void test_refused(void **state)
{
	(void)state;
	refuse((struct lan_rule){.address = STR("*@*")}, "address");
	refuse((struct lan_rule){.address = STR("*@*.?")}, "address");
	refuse((struct lan_rule){.address = STR("bob@")}, "address");
	refuse((struct lan_rule){.address = STR("@x.test")}, "address");
	refuse((struct lan_rule){.address = STR("")}, "address");
	refuse((struct lan_rule){.address = STR("~")}, "address");
	refuse((struct lan_rule){.address = STR("a b@x.test")}, "address");
	refuse((struct lan_rule){.address = STR("a@x..test")}, "address");
	refuse((struct lan_rule){.address = STR("a@x.test"), .server = STR("host:0")}, "server");
	refuse((struct lan_rule){.address = STR("a@x.test"), .rewrite = STR("*@inner.test")}, "rewrite");
	refuse((struct lan_rule){.address = STR("*@x.test"), .rewrite = STR("*@")}, "rewrite");
	refuse((struct lan_rule){.address = STR("*@x.test"), .rewrite = STR("inner.test")}, "rewrite");
	refuse((struct lan_rule){.address = STR("*@x.test"), .username = STR("fred")}, "username");
	refuse((struct lan_rule){.address = STR("*@x.test"), .condition = STR("imap")}, "condition");
	refuse((struct lan_rule){.address = STR("*@x.test"), .condition = STR("1,x")}, "condition");
}

static void test_destination(void **state)
{
	struct lan_destination made = {.rule = 7, .user = STR("fr ed"), .password = STR("p=+"), .has_from = true}, read;
	struct str line;

	(void)state;
	made.from = STR("");
	assert_int_equal(server_parse(STR("[2001:db8::1]:2525"), 25, &arena, &made.server, &err), 0);
	assert_int_equal(lan_destination_format(&made, &arena, &line, &err), 0);
	assert_string_equal(line.data, "lan 7 [2001:db8::1]:2525 USER=fr+20ed PASSWORD=p+3D+2B FROM=");
	assert_int_equal(lan_destination_parse(line, &arena, &read, &err), 0);
	assert_int_equal(read.rule, 7);
	assert_true(str_equal(read.user, STR("fr ed")) && str_equal(read.password, STR("p=+")));
	assert_true(read.has_from && read.from.len == 0);
	assert_int_equal(read.server.port, 2525);
	assert_true(str_equal(lan_destination_server(line), STR("[2001:db8::1]:2525")));
	assert_int_equal(lan_destination_server(STR("mx example.com")).len, 0);
	assert_int_equal(lan_destination_parse(STR("mx example.com"), &arena, &read, &err), -1);
	assert_int_equal(lan_destination_parse(STR("lan x host"), &arena, &read, &err), -1);
	assert_int_equal(lan_destination_parse(STR("lan 1 host SIZE=1"), &arena, &read, &err), -1);
}

static int clean_up(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_order),
	    cmocka_unit_test(test_conditions),
	    cmocka_unit_test(test_bare_names_and_rewriting),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_destination),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("common/lan/rules", tests, NULL, clean_up);
}
