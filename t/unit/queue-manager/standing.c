/* Unit and property tests of queue-manager/standing: who may begin beside whom, and how many may wait. */
#include "queue-manager/remote.h"

#include "common/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

enum {
	QUICK_MS = 200,
	LONG_MS = 60000,
	MINUTE_MS = 60000,
	TOTAL = 64, /* sessions */
	DESTINATIONS = 300,
	ROUNDS = 200,
};

/* A way with senders, one of which has ways to mail exchangers and one a relay. */
struct world {
	struct queue queue;
	struct senders senders;
	struct remote remote;
	struct remote_way way;
	struct remote_destination destinations[DESTINATIONS];
};

enum { BY_MX = 1, BY_RELAY = 2 };

static struct world *make_world(void)
{
	struct world *world = memory_get(sizeof *world);

	world->senders.list[0] = (struct sender){.id = BY_MX, .name = "mx"};
	world->senders.list[1] = (struct sender){.id = BY_RELAY, .name = "relay", .is_relay = true};
	world->senders.count = 2;
	world->queue.senders = &world->senders;
	world->way = (struct remote_way){.has_senders = true};
	world->remote.queue = &world->queue;
	world->remote.way = &world->way;
	world->remote.total = TOTAL;
	for (int i = 0; i < DESTINATIONS; i++)
		world->destinations[i].sender = BY_MX;
	return world;
}

static int setup(void **state)
{
	*state = make_world();
	return 0;
}

static int teardown(void **state)
{
	memory_free(*state);
	return 0;
}

static void learn(struct world *world, struct remote_destination *destination, enum standing standing)
{
	if (standing != STANDING_UNKNOWN)
		standing_learn(&world->remote, destination, standing == STANDING_PROVEN, QUICK_MS);
	world->remote.waiting[STANDING_POOR] = 0;
}

/* One of its jobs begins, as remote.c has it. */
static bool begin(struct world *world, const struct remote_destination *destination, int64_t now)
{
	if (world->remote.busy == TOTAL || !standing_may_begin(&world->remote, destination, now))
		return false;
	standing_begun(&world->remote, destination, now);
	world->remote.busy++;
	return true;
}

static unsigned begin_as_many_as_may(struct world *world, const struct remote_destination *destination, int64_t now)
{
	unsigned count = 0;

	while (begin(world, destination, now))
		count++;
	return count;
}

static void test_standing_is_learnt_and_forgotten(void **state)
{
	struct world *world = *state;
	struct remote_destination *one = &world->destinations[0];
	int64_t now = queue_now();

	assert_int_equal(standing_of(one, now), STANDING_UNKNOWN);
	standing_learn(&world->remote, one, true, QUICK_MS);
	assert_int_equal(standing_of(one, now + 9 * MINUTE_MS), STANDING_PROVEN);
	assert_int_equal(standing_of(one, now + 11 * MINUTE_MS), STANDING_UNKNOWN);
	standing_learn(&world->remote, one, false, QUICK_MS);
	assert_true(standing_is_poor(one, now + 4 * MINUTE_MS));
	assert_int_equal(standing_of(one, now + 6 * MINUTE_MS), STANDING_UNKNOWN);
}

static void test_slow_ones_are_poor_but_once_is_chance(void **state)
{
	struct world *world = *state;
	int64_t now = queue_now();

	standing_learn(&world->remote, &world->destinations[0], true, LONG_MS);
	assert_true(standing_is_poor(&world->destinations[0], now));
	learn(world, &world->destinations[1], STANDING_PROVEN);
	standing_learn(&world->remote, &world->destinations[1], true, LONG_MS);
	assert_int_equal(standing_of(&world->destinations[1], now), STANDING_PROVEN);
	standing_learn(&world->remote, &world->destinations[1], true, LONG_MS);
	assert_true(standing_is_poor(&world->destinations[1], now));
}

static void test_relays_and_the_lan_are_not_judged(void **state)
{
	struct world *world = *state;
	struct remote_destination *relay = &world->destinations[0];
	int64_t now = queue_now();

	relay->sender = BY_RELAY;
	standing_learn(&world->remote, relay, false, LONG_MS);
	assert_int_equal(standing_of(relay, now), STANDING_UNKNOWN);
	assert_int_equal(begin_as_many_as_may(world, relay, now), TOTAL);
	assert_int_equal(standing_room(&world->remote, relay, now), REMOTE_LINE_MAX);
	world->way.has_senders = false;
	standing_learn(&world->remote, &world->destinations[1], false, LONG_MS);
	assert_int_equal(standing_of(&world->destinations[1], now), STANDING_UNKNOWN);
	assert_true(standing_may_begin(&world->remote, &world->destinations[1], now));
}

static void test_a_quarter_is_kept_for_the_proven(void **state)
{
	struct world *world = *state;
	int64_t now = queue_now();

	learn(world, &world->destinations[1], STANDING_PROVEN);
	assert_int_equal(begin_as_many_as_may(world, &world->destinations[0], now), TOTAL - TOTAL / 4);
	assert_int_equal(begin_as_many_as_may(world, &world->destinations[1], now), TOTAL / 4);
}

static void test_one_session_is_for_anybody(void **state)
{
	struct world *world = *state;
	int64_t now = queue_now();

	world->remote.total = 1;
	assert_true(standing_may_begin(&world->remote, &world->destinations[0], now));
	learn(world, &world->destinations[0], STANDING_POOR);
	assert_true(standing_may_begin(&world->remote, &world->destinations[0], now));
}

static void test_poor_ones_yield_but_are_never_shut_out(void **state)
{
	struct world *world = *state;
	struct remote_destination *poor = &world->destinations[0], *proven = &world->destinations[1];
	int64_t now = queue_now();
	unsigned begun = 0;

	learn(world, poor, STANDING_POOR);
	learn(world, proven, STANDING_PROVEN);
	world->remote.others_wait = world->remote.poor_wait = true;
	for (int64_t second = 1; second <= TOTAL; second++)
		begun += begin(world, poor, now + second * 1000);
	assert_int_equal(begun, TOTAL / 8);
	assert_int_equal(begin_as_many_as_may(world, proven, now), TOTAL - TOTAL / 8);
}

/* Without poor ones in the sessions, an eighth of these stays free for those that wait. */
static void test_others_leave_an_eighth_to_poor_ones_that_wait(void **state)
{
	struct world *world = *state;
	int64_t now = queue_now();

	learn(world, &world->destinations[0], STANDING_PROVEN);
	world->remote.poor_wait = true;
	assert_int_equal(begin_as_many_as_may(world, &world->destinations[0], now), TOTAL - TOTAL / 8);
}

static void test_who_took_long_has_half_at_most(void **state)
{
	struct world *world = *state;
	int64_t now = queue_now();

	standing_learn(&world->remote, &world->destinations[0], false, LONG_MS);
	assert_int_equal(begin_as_many_as_may(world, &world->destinations[0], now), TOTAL / 2);
}

static void test_a_sender_shares_out_its_own_sessions(void **state)
{
	struct world *world = *state;
	int64_t now = queue_now();

	world->senders.list[0].threads = 8;
	assert_int_equal(begin_as_many_as_may(world, &world->destinations[0], now), 6);
}

static void test_strangers_have_little_time_where_many_are_tried(void **state)
{
	struct world *world = *state;
	int64_t now = queue_now();

	assert_int_equal(standing_patience(&world->remote, &world->destinations[0], now), 0);
	begin_as_many_as_may(world, &world->destinations[0], now);
	assert_true(standing_patience(&world->remote, &world->destinations[0], now) > 0);
	learn(world, &world->destinations[1], STANDING_PROVEN);
	assert_int_equal(standing_patience(&world->remote, &world->destinations[1], now), 0);
}

static void test_survey_suspects_who_takes_long_at_first(void **state)
{
	struct world *world = *state;
	struct remote_job job = {0};
	struct remote_session sessions[2] = {
	    {.destination = &world->destinations[0], .job = &job, .began = queue_now() - LONG_MS, .next = &sessions[1]},
	    {.destination = &world->destinations[1], .job = &job, .began = queue_now()},
	};
	int64_t now = queue_now();

	world->remote.sessions = sessions;
	world->destinations[2].waiting = 7;
	world->remote.ring = &world->destinations[2];
	standing_survey(&world->remote, now);
	assert_true(standing_is_poor(&world->destinations[0], now));
	assert_int_equal(standing_of(&world->destinations[1], now), STANDING_UNKNOWN);
	assert_int_equal(world->remote.standings.unproven, 2);
	assert_int_equal(world->remote.standings.poor, 1);
	assert_int_equal(world->remote.waiting[STANDING_UNKNOWN], 7);
	world->remote.sessions = NULL;
	world->remote.ring = NULL;
}

static unsigned next_random(void)
{
	static uint64_t seed = 20261122;

	seed = seed * 6364136223846793005 + 1442695040888963407;
	return (unsigned)(seed >> 33);
}

/* Whoever comes in whatever order: the shares hold, and nobody who waits is kept out of all of them. */
static void test_shares_hold_in_any_order(void **state)
{
	struct world *world = *state;

	for (int round = 0; round < ROUNDS; round++) {
		struct standings *now_busy = &world->remote.standings;
		int64_t now = queue_now() + round;

		world->remote.standings = (struct standings){0};
		world->remote.busy = 0;
		world->remote.total = 2 + next_random() % TOTAL;
		world->remote.others_wait = next_random() % 2 == 0;
		for (int i = 0; i < DESTINATIONS; i++)
			learn(world, &world->destinations[i], (enum standing)(next_random() % STANDINGS));
		for (int i = 0; i < 4 * TOTAL && world->remote.busy < world->remote.total; i++)
			begin(world, &world->destinations[next_random() % DESTINATIONS], now + (int64_t)i * 1000);
		assert_in_range(now_busy->unproven, 0,
		                world->remote.total - (world->remote.total >= 4 ? world->remote.total / 4 : 1));
		assert_in_range(now_busy->poor, 0, now_busy->unproven);
		if (world->remote.others_wait)
			assert_in_range(now_busy->poor, 0, world->remote.total >= 8 ? world->remote.total / 8 : 1);
	}
}

/* The memory is shared out: lines that are filled one after another, by any, never hold more than there is room for. */
static void test_lines_hold_what_there_is_room_for(void **state)
{
	struct world *world = *state;
	int64_t now = queue_now();
	unsigned all = 0;

	for (int i = 0; i < DESTINATIONS; i++)
		learn(world, &world->destinations[i], (enum standing)(next_random() % STANDINGS));
	for (int i = 0; i < 50 * DESTINATIONS; i++) {
		struct remote_destination *one = &world->destinations[next_random() % DESTINATIONS];
		unsigned room = standing_room(&world->remote, one, now);

		assert_in_range(room, 0, REMOTE_LINE_MAX - one->waiting);
		if (standing_is_poor(one, now))
			assert_in_range(room + one->waiting, 0,
			                REMOTE_LINE_SHORT > one->waiting ? REMOTE_LINE_SHORT : one->waiting);
		if (room == 0)
			continue;
		one->waiting++;
		world->remote.waiting[standing_of(one, now)]++;
		all++;
	}
	assert_in_range(all, QUEUE_RETRIES_MAX / 3, QUEUE_RETRIES_MAX);
	/* one that takes mail and has a session is never without work */
	learn(world, &world->destinations[0], STANDING_PROVEN);
	world->destinations[0].sessions = 1;
	world->destinations[0].waiting = 0;
	assert_true(standing_room(&world->remote, &world->destinations[0], now) >= REMOTE_LINE_HELD);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_standing_is_learnt_and_forgotten),
	    TEST(test_slow_ones_are_poor_but_once_is_chance),
	    TEST(test_relays_and_the_lan_are_not_judged),
	    TEST(test_a_quarter_is_kept_for_the_proven),
	    TEST(test_one_session_is_for_anybody),
	    TEST(test_poor_ones_yield_but_are_never_shut_out),
	    TEST(test_others_leave_an_eighth_to_poor_ones_that_wait),
	    TEST(test_who_took_long_has_half_at_most),
	    TEST(test_a_sender_shares_out_its_own_sessions),
	    TEST(test_strangers_have_little_time_where_many_are_tried),
	    TEST(test_survey_suspects_who_takes_long_at_first),
	    TEST(test_shares_hold_in_any_order),
	    TEST(test_lines_hold_what_there_is_room_for),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
