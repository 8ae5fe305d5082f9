/*
 * Unit tests of policyd's account: what counts when, who is blocked and for how long. The clock is the test's.
 */
#include "policyd/policyd.h"

#include "common/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR_MS = 60 * MINUTE };

static struct policyd policyd;
static struct err err;
static const int64_t start = 1800000000000;

/* In place of main.c's: what is loaded or ignored is chosen by it. */
int64_t policyd_time(void)
{
	return start;
}

/* Settings as they are where nothing was set. */
static void set_defaults(struct settings *settings)
{
	for (int i = 0; i < SETTING_COUNT; i++) {
		settings->values.texts[i] = setting_definitions[i].fallback;
		settings->values.numbers[i] = setting_to_number(&setting_definitions[i], setting_definitions[i].fallback);
	}
}

static int setup(void **state)
{
	char *state_folder = policyd.daemon.instance.state, folder[INSTANCE_PATH_MAX + 16];

	(void)state;
	memset(&policyd, 0, sizeof policyd);
	snprintf(state_folder, INSTANCE_PATH_MAX, "/tmp/postroom-policyd-XXXXXX");
	assert_non_null(mkdtemp(state_folder));
	snprintf(folder, sizeof folder, "%s/policy", state_folder);
	assert_int_equal(mkdir(folder, 0700), 0);
	set_defaults(&policyd.settings);
	policyd.base = event_base_new();
	policyd.known = memory_get(sizeof *policyd.known);
	policyd.idslog.fd = -1;

	return events_open(&policyd, &err) != 0 || blocks_load(&policyd, &err) != 0 ? -1 : 0;
}

static int teardown(void **state)
{
	static const char *const names[] = {"policy/policy.db", "policy/policy.db-wal", "policy/policy.db-shm", "policy",
	                                    ""};
	char path[INSTANCE_PATH_MAX + 32];

	(void)state;
	events_commit(&policyd);
	event_free(policyd.commit);
	event_base_free(policyd.base);
	db_close(&policyd.db);
	memory_free(policyd.blocks.list);
	memory_free(policyd.nevers.list);
	memory_free(policyd.known);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		remove(instance_path(path, sizeof path, policyd.daemon.instance.state, names[i]));
	return 0;
}

static void happens(const char *peer, enum policy_event number, int64_t when, int times)
{
	const struct policy_record record = {.time = when, .peer = str_of(peer), .service = STR("smtp"), .number = number};

	for (int i = 0; i < times; i++)
		assert_int_equal(events_add(&policyd, &record, &err), 0);
}

/* Is a client of that address refused at that time? */
static bool is_refused(const char *peer, int64_t when)
{
	struct cidr key;
	bool blocked;

	assert_true(policy_key(str_of(peer), &key));
	assert_int_equal(judge_connect(&policyd, &key, when, &blocked, &err), 0);
	return blocked;
}

static int64_t score(const char *peer, int64_t when)
{
	struct cidr key;
	int64_t points;

	assert_true(policy_key(str_of(peer), &key));
	assert_int_equal(events_score(&policyd, &key, when, &points, &err), 0);
	return points;
}

static struct cidr network(const char *text)
{
	struct cidr found;

	assert_int_equal(cidr_parse(str_of(text), &found, NULL, &err), 0);
	return found;
}

/* 05-12.1 2 * 100 + 5 * 50 + 12 * 50 = 1050; half an hour later the client is let in. */
static void test_block_ends(void **state)
{
	const char *client = "192.0.2.1";

	(void)state;
	happens(client, POLICY_RELAY_DENIED, start, 2);
	happens(client, POLICY_BAD_LOGIN, start, 5);
	happens(client, POLICY_BAD_RECIPIENT, start, 12);
	assert_int_equal(score(client, start), 1050);
	assert_true(is_refused(client, start + MINUTE));
	assert_true(is_refused(client, start + 31 * MINUTE - 1));
	assert_false(is_refused(client, start + 31 * MINUTE));
	assert_false(is_refused("192.0.2.2", start + MINUTE));
}

/* 05-12.2 800 + 2 * 100 blocks again; one denial alone does not, and what was before the block counts no more. */
static void test_block_again(void **state)
{
	const char *client = "192.0.2.1";
	int64_t after = start + 31 * MINUTE;

	(void)state;
	happens(client, POLICY_RELAY_DENIED, start, 10);
	assert_true(is_refused(client, start + MINUTE));
	assert_int_equal(score(client, after), 800);
	happens(client, POLICY_RELAY_DENIED, after + MINUTE, 1);
	assert_false(is_refused(client, after + MINUTE));
	happens(client, POLICY_RELAY_DENIED, after + 2 * MINUTE, 1);
	assert_true(is_refused(client, after + 2 * MINUTE));
	/* a whole period after the second block all is forgotten */
	assert_false(is_refused(client, after + 93 * MINUTE));
	assert_int_equal(score(client, after + 93 * MINUTE), 0);
}

/* 05-12.3 the threshold itself blocks; and an event counts until it is a period old, to the millisecond. */
static void test_boundaries(void **state)
{
	(void)state;
	policyd.settings.values.numbers[SETTING_IDS_SYNTAX] = 111;
	happens("192.0.2.1", POLICY_SYNTAX, start, 9);
	assert_false(is_refused("192.0.2.1", start));
	policyd.settings.values.numbers[SETTING_IDS_THRESHOLD] = 999;
	assert_false(is_refused("192.0.2.1", start + 60 * MINUTE));
	assert_true(is_refused("192.0.2.1", start + 60 * MINUTE - 1));
}

/* 05-12.4 nothing weighs against the never-block list, and who gets on it is free. */
static void test_never(void **state)
{
	struct cidr wide = network("192.0.2.0/24");

	(void)state;
	happens("192.0.2.1", POLICY_VIRUS, start, 25);
	assert_true(is_refused("192.0.2.1", start));
	assert_int_equal(blocks_never_add(&policyd, &wide, start, &err), 0);
	assert_false(is_refused("192.0.2.1", start));
	assert_int_equal(blocks_never_delete(&policyd, &wide, &err), 0);
	assert_false(is_refused("192.0.2.1", start)); /* 05-12.5: its block was taken off, so its events are ignored */
	happens("127.0.0.1", POLICY_VIRUS, start, 25);
	assert_false(is_refused("127.0.0.1", start));
}

/* 07-19.1 the tenth failure within the window blocks, at whichever services, at once. */
static void test_logins(void **state)
{
	struct cidr key = network("192.0.2.1");

	(void)state;
	happens("192.0.2.1", POLICY_BAD_LOGIN, start, 9);
	assert_false(blocks_hold(&policyd, &key, start));
	happens("192.0.2.1", POLICY_BAD_LOGIN, start + 30 * MINUTE - 1, 1);
	assert_true(blocks_hold(&policyd, &key, start + 30 * MINUTE - 1));
	/* 07-19.3 and for the block time */
	assert_true(blocks_hold(&policyd, &key, start + 60 * MINUTE - 2));
	assert_false(blocks_hold(&policyd, &key, start + 60 * MINUTE - 1));
	/* nine more afterwards are nine */
	happens("192.0.2.1", POLICY_BAD_LOGIN, start + 60 * MINUTE, 9);
	assert_false(blocks_hold(&policyd, &key, start + 60 * MINUTE));
	happens("192.0.2.1", POLICY_BAD_LOGIN, start + 60 * MINUTE, 1);
	assert_true(blocks_hold(&policyd, &key, start + 60 * MINUTE));
}

/* 07-19.2 31 minutes apart they never add up. */
static void test_slow_logins(void **state)
{
	struct cidr key = network("192.0.2.1");

	(void)state;
	policyd.settings.values.numbers[SETTING_IDS_BAD_LOGIN] = 0;
	for (int i = 0; i < 50; i++) {
		happens("192.0.2.1", POLICY_BAD_LOGIN, start + (int64_t)i * 31 * MINUTE, 1);
		assert_false(blocks_hold(&policyd, &key, start + (int64_t)i * 31 * MINUTE));
	}
}

/* A /64 is one client; a block of one of its addresses shuts it out, and its neighbour goes on. */
static void test_ipv6(void **state)
{
	struct cidr one = network("2001:db8:0:1::1");

	(void)state;
	happens("2001:db8:0:1::1", POLICY_RELAY_DENIED, start, 5);
	happens("2001:db8:0:1:ffff::2", POLICY_RELAY_DENIED, start, 5);
	happens("2001:db8:0:2::1", POLICY_RELAY_DENIED, start, 5);
	assert_true(is_refused("2001:db8:0:1::3", start));
	assert_false(is_refused("2001:db8:0:2::1", start));
	assert_int_equal(blocks_delete(&policyd, &policyd.blocks.list[0].network, start, &err), 0);
	assert_false(is_refused("2001:db8:0:1::3", start));
	assert_int_equal(blocks_add(&policyd, &one, start, start + MINUTE, STR("admin"), &err), 0);
	assert_true(is_refused("2001:db8:0:1::3", start));
	/* an IPv4 address in IPv6's clothes is the IPv4 address */
	happens("::ffff:192.0.2.7", POLICY_VIRUS, start, 5);
	assert_true(is_refused("192.0.2.7", start));
}

/* Lists outlive a restart, and a block that ended still gives its client the score of one who was blocked. */
static void test_restart(void **state)
{
	(void)state;
	happens("192.0.2.1", POLICY_RELAY_DENIED, start - 40 * MINUTE, 10);
	assert_true(is_refused("192.0.2.1", start - 40 * MINUTE));
	happens("192.0.2.2", POLICY_RELAY_DENIED, start, 10);
	assert_true(is_refused("192.0.2.2", start));
	events_commit(&policyd);
	assert_int_equal(blocks_load(&policyd, &err), 0);
	assert_true(is_refused("192.0.2.2", start + MINUTE));
	assert_int_equal(score("192.0.2.1", start), 800);
	blocks_prune(&policyd, start);
	assert_int_equal(score("192.0.2.1", start), 800);
}

static bool is_turned_away(const char *text)
{
	const struct known known = {.file = policyd.known};
	struct cidr client = network(text);

	return known_is_blocked(&known, &client);
}

/* What the listeners' table says: who is blocked for certain, until when the clock says it is over. */
static void test_table(void **state)
{
	struct cidr one = network("192.0.2.1"), wide = network("198.51.100.0/24"), six = network("2001:db8::/64");
	int64_t now = (int64_t)time(NULL) * 1000; /* listeners look at the real clock */

	(void)state;
	assert_false(is_turned_away("192.0.2.1"));
	assert_int_equal(blocks_add(&policyd, &one, now, start + HOUR_MS, STR("auto"), &err), 0);
	assert_int_equal(blocks_add(&policyd, &wide, now, start + HOUR_MS, STR("auto"), &err), 0);
	assert_int_equal(blocks_add(&policyd, &six, now, start + HOUR_MS, STR("auto"), &err), 0);
	assert_true(is_turned_away("192.0.2.1"));
	assert_true(is_turned_away("2001:db8::77"));
	assert_false(is_turned_away("192.0.2.2"));
	assert_false(is_turned_away("198.51.100.1")); /* a network is asked about */
	known_rebuild(&policyd);
	assert_true(is_turned_away("192.0.2.1"));
	assert_int_equal(blocks_delete(&policyd, &one, now, &err), 0);
	known_rebuild(&policyd);
	assert_false(is_turned_away("192.0.2.1"));
	assert_int_equal(blocks_never_add(&policyd, &one, now, &err), 0);
	assert_int_equal(blocks_add(&policyd, &one, now, start + HOUR_MS, STR("admin"), &err), 0);
	assert_false(is_turned_away("192.0.2.1"));
	assert_int_equal(blocks_delete(&policyd, &six, now, &err), 0);
	assert_int_equal(blocks_add(&policyd, &six, now, now - 1000, STR("auto"), &err), 0);
	known_rebuild(&policyd);
	assert_false(is_turned_away("2001:db8::77")); /* it is over */
}

/* A block is remembered as long as failed logins before it could count again. */
static void test_long_window(void **state)
{
	struct cidr key = network("192.0.2.1");

	(void)state;
	policyd.settings.values.numbers[SETTING_INTRUSION_PERIOD] = 600;
	happens("192.0.2.1", POLICY_BAD_LOGIN, start, 10);
	assert_true(blocks_hold(&policyd, &key, start));
	blocks_prune(&policyd, start + 200 * MINUTE);
	happens("192.0.2.1", POLICY_BAD_LOGIN, start + 200 * MINUTE, 1);
	assert_false(blocks_hold(&policyd, &key, start + 200 * MINUTE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_block_ends, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_block_again, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_boundaries, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_never, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_logins, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_slow_logins, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_ipv6, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_restart, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_table, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_long_window, setup, teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
