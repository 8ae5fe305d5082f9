/* Unit tests of queue-manager/wants: how many parked messages are fetched for whose line. */
#include "queue-manager/remote.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SESSIONS = 100, LINES = 50, MANY = 500 };

static struct senders senders;
static struct queue queue;
static struct remote ways[QUEUE_WAYS];
static struct remote *const remote = &ways[1]; /* by sender */
static const int64_t now = 1000000;

static int set_up(void **state)
{
	(void)state;
	senders = (struct senders){.list = {{.id = 1, .is_continuous = true}}, .count = 1};
	queue = (struct queue){.senders = &senders};
	for (size_t i = 0; i < QUEUE_WAYS; i++) {
		ways[i] = (struct remote){
		    .queue = &queue, .way = &remote_ways[i], .total = SESSIONS, .concurrency = 10, .ring_last = &ways[i].ring};
		queue.ways[i] = &ways[i];
	}
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (struct remote_destination *one = remote->ring; one != NULL; one = one->next_in_ring) {
		one->in_ring = false;
		one->standing_until = one->rest_until = 0;
	}
	remote_destinations_forget(remote, now);
	return 0;
}

static struct remote_destination *destination(int number, enum standing standing)
{
	struct remote_destination *made;
	char name[64];

	snprintf(name, sizeof name, "mx d%d.test 1", number);
	made = remote_destination_get(remote, str_of(name));
	made->parked = true;
	made->standing = standing;
	made->standing_until = INT64_MAX;
	return made;
}

/* All wants of one turn, and what becomes of them: messages on their way into lines. */
static unsigned fetch(void)
{
	struct remote_want wants[LINES];
	unsigned sum = 0;
	size_t count;

	standing_survey(remote, now);
	count = remote_wants(&queue, wants, LINES);
	for (size_t i = 0; i < count; i++) {
		assert_true(wants[i].count > 0);
		wants[i].destination->coming += wants[i].count;
		sum += wants[i].count;
	}
	return sum;
}

static void test_a_line_is_filled_as_far_as_it_has_room(void **state)
{
	struct remote_destination *one = destination(1, STANDING_PROVEN), *other = destination(2, STANDING_PROVEN);
	struct remote_want want;

	(void)state;
	one->sessions = 4;
	one->waiting = 3;
	other->sessions = 1;
	other->waiting = QUEUE_RETRIES_MAX / 3; /* all that proven ones may have */
	standing_survey(remote, now);
	assert_int_equal(remote_wants(&queue, &want, 1), 1);
	assert_ptr_equal(want.destination, one);
	assert_int_equal(want.count, REMOTE_LINE_HELD - 3);
}

static void test_what_is_on_its_way_is_not_fetched_again(void **state)
{
	struct remote_destination *one = destination(1, STANDING_PROVEN);

	(void)state;
	one->sessions = 1;
	assert_int_equal(fetch(), REMOTE_LINE_HELD);
	assert_int_equal(fetch(), 0);
	one->coming = 0; /* they came there, and left */
	assert_int_equal(fetch(), REMOTE_LINE_HELD);
}

static void test_many_of_which_nothing_is_known_have_their_part_of_the_memory(void **state)
{
	unsigned sum = 0;

	(void)state;
	for (int i = 0; i < MANY; i++)
		destination(i, STANDING_UNKNOWN);
	for (int turn = 0; turn < MANY; turn++)
		sum += fetch();
	assert_in_range(sum, QUEUE_RETRIES_MAX / 10, QUEUE_RETRIES_MAX / 6 + REMOTE_LINE_SHORT);
}

static void test_of_poor_ones_one_is_looked_at_in_a_turn(void **state)
{
	(void)state;
	for (int i = 0; i < MANY; i++)
		destination(i, STANDING_POOR);
	assert_int_equal(fetch(), REMOTE_LINE_SHORT);
	assert_int_equal(fetch(), REMOTE_LINE_SHORT);
}

static void test_nobody_wants_any_whose_sender_rests_or_who_cannot_be_reached(void **state)
{
	struct remote_destination *one = destination(1, STANDING_PROVEN);

	(void)state;
	one->sessions = 1;
	one->rest_until = INT64_MAX;
	assert_int_equal(fetch(), 0);
	one->rest_until = 0;
	senders.list[0].is_continuous = false;
	assert_int_equal(fetch(), 0);
	senders.list[0].is_continuous = true;
	assert_int_equal(fetch(), REMOTE_LINE_HELD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_a_line_is_filled_as_far_as_it_has_room, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_what_is_on_its_way_is_not_fetched_again, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_many_of_which_nothing_is_known_have_their_part_of_the_memory, set_up,
	                                    tear_down),
	    cmocka_unit_test_setup_teardown(test_of_poor_ones_one_is_looked_at_in_a_turn, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_nobody_wants_any_whose_sender_rests_or_who_cannot_be_reached, set_up,
	                                    tear_down),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
