/* Decisions of access lists, with lists made here: first match, two lists, users (specification 05). */
#include "common/policy/access.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { SERVICE = 7 };

static struct arena arena;
static struct access access_lists;
static struct access_list own, global;
static struct cidr router;

static struct cidr address_of(const char *text)
{
	struct cidr cidr;

	assert_int_equal(cidr_parse(str_of(text), &cidr, NULL, NULL), 0);
	return cidr;
}

/* Make a list from the interchange form of its rules. */
static void fill(struct access_list *list, const char *text)
{
	struct err err = {0};

	if (access_text_parse(str_of(text), &arena, &list->rules, &list->use_global, &err) != 0)
		fail_msg("%s", err.text);
}

static struct access_decision decide(const char *address)
{
	struct access_decision decision;
	struct cidr cidr = address_of(address);

	access_decide(&access_lists, SERVICE, &cidr, &decision);
	return decision;
}

static int set_up(void **state)
{
	(void)state;
	arena_init(&arena);
	arena_init(&access_lists.scratch);
	own = (struct access_list){.id = SERVICE, .next = &global};
	global = (struct access_list){.id = ACCESS_LIST_GLOBAL};
	access_lists.lists = &own;
	router = address_of("192.0.2.1");
	access_lists.networks = (struct networks){.routers = &router, .router_count = 1, .notices = -1};
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(&arena);
	arena_free(&access_lists.scratch);
	return 0;
}

static void test_first_match(void **state)
{
	(void)state;
	/* 05-2.1: block routers, allow 192.168.66.0/24, allow any for user 5 */
	fill(&own, "0\n0|0||2|0||\n1|2|192.168.66.0|24|0||\n1|0||0|0|5|");
	assert_true(decide("192.168.66.9").allow);
	assert_true(access_allows_user(&(struct access_decision){.users = STR("")}, 9));
	assert_false(decide("192.0.2.1").allow);
	assert_true(decide("192.0.2.1").matched);
	assert_true(decide("203.0.113.5").allow);
	assert_true(access_allows_user(&(struct access_decision){.users = decide("203.0.113.5").users}, 5));
	assert_false(access_allows_user(&(struct access_decision){.users = decide("203.0.113.5").users}, 6));
}

static void test_nothing_matches(void **state)
{
	(void)state;
	fill(&own, "0\n1|2|10.0.0.0|8|1||");
	assert_true(decide("10.1.2.3").allow);
	assert_true(decide("10.1.2.3").unauth);
	assert_false(decide("11.1.2.3").allow);
	assert_false(decide("11.1.2.3").matched);
	assert_false(decide("2001:db8::1").allow);
}

static void test_families(void **state)
{
	(void)state;
	fill(&own, "0\n1|2||0|0||\n0|23||0|0||");
	assert_true(decide("203.0.113.5").allow);
	assert_true(decide("::ffff:203.0.113.5").allow);
	assert_false(decide("2001:db8::1").allow);
}

/* 05-2.4 */
static void test_global(void **state)
{
	(void)state;
	fill(&global, "0\n0|2|203.0.113.5|32|0||\n1|0||0|1||");
	fill(&own, "0\n1|0||0|1||");
	assert_true(decide("203.0.113.5").allow);
	fill(&own, "1\n1|0||0|1||");
	assert_false(decide("203.0.113.5").allow);
	assert_false(decide("203.0.113.5").unauth);
	assert_true(decide("203.0.113.6").allow);
	assert_true(decide("203.0.113.6").unauth);
	fill(&own, "0");
	assert_false(decide("203.0.113.5").allow);
	assert_true(decide("203.0.113.6").allow);
	assert_true(decide("203.0.113.6").matched);
	assert_false(decide("203.0.113.6").unauth);
	/* the box is of no meaning while the global list is empty */
	fill(&global, "0");
	fill(&own, "1\n1|0||0|0||");
	assert_true(decide("203.0.113.5").allow);
}

static void test_empty(void **state)
{
	(void)state;
	assert_true(decide("203.0.113.5").allow);
	assert_false(decide("203.0.113.5").matched); /* so that nobody relays */
	access_lists.lists = NULL;
	assert_true(decide("203.0.113.5").allow);
	assert_false(decide("203.0.113.5").matched);
}

static void test_blocked_users(void **state)
{
	struct access_decision decision;

	(void)state;
	fill(&own, "0\n0|0||0|0|5\t6|");
	decision = decide("203.0.113.5");
	assert_true(decision.allow);
	assert_false(decision.unauth);
	assert_false(access_allows_user(&decision, 5));
	assert_false(access_allows_user(&decision, 6));
	assert_true(access_allows_user(&decision, 7));
}

static void test_vrfy_stands_alone(void **state)
{
	struct access_list vrfy = {.id = ACCESS_LIST_VRFY(SERVICE)};
	struct access_decision decision;
	struct cidr cidr = address_of("203.0.113.5");

	(void)state;
	fill(&global, "0\n1|0||0|1||");
	vrfy.next = access_lists.lists;
	access_lists.lists = &vrfy;
	access_decide(&access_lists, vrfy.id, &cidr, &decision);
	assert_false(decision.matched);
	fill(&vrfy, "1\n1|2|203.0.113.0|24|0||");
	access_decide(&access_lists, vrfy.id, &cidr, &decision);
	assert_true(decision.matched && decision.allow);
}

static void test_networks(void **state)
{
	struct networks networks;
	struct cidr loopback = address_of("127.0.0.2"), loopback6 = address_of("::1"), own_link = address_of("fe80::1:2:3"),
	            foreign = address_of("203.0.113.5");
	struct err err;

	(void)state;
	assert_int_equal(networks_open(&networks, &err), 0);
	assert_true(networks_is_local(&networks, &loopback));
	assert_true(networks_is_local(&networks, &loopback6));
	assert_true(networks_is_local(&networks, &own_link));
	assert_false(networks_is_local(&networks, &foreign));
	assert_false(networks_is_router(&networks, &loopback));
	networks_refresh(&networks);
	assert_true(networks_is_local(&networks, &loopback));
	networks_close(&networks);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {TEST(test_first_match),
	                                   TEST(test_nothing_matches),
	                                   TEST(test_families),
	                                   TEST(test_global),
	                                   TEST(test_empty),
	                                   TEST(test_blocked_users),
	                                   TEST(test_vrfy_stands_alone),
	                                   cmocka_unit_test(test_networks)};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("common/policy/access", tests, NULL, NULL);
}
