/* What becomes of a post (specification 03, Posting): a table of settings and facts, in the order of the checks. */
#include "lists/decide.h"

#include "lists/lists.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* The clock is main.c's; nothing here asks it. */
int64_t listd_time(void)
{
	return 0;
}

int64_t listd_time_ms(void)
{
	return 0;
}

static struct list_settings settings;

static void set(enum list_setting setting, const char *value)
{
	settings.texts[setting] = value;
	settings.numbers[setting] = setting_to_number(&list_setting_definitions[setting], value);
}

static int setup(void **state)
{
	(void)state;
	for (int i = 0; i < LIST_SETTING_COUNT; i++)
		set((enum list_setting)i, list_setting_definitions[i].fallback);
	return 0;
}

static enum verdict decide(struct post_facts facts)
{
	const char *why;
	enum verdict verdict = decide_post(&settings, &facts, &why);

	assert_non_null(why);
	/* what may become a report begins with a status of class 5 (RFC 3463) */
	if (verdict == VERDICT_REFUSE)
		assert_memory_equal(why, "5.", 2);
	return verdict;
}

static void test_loop(void **state)
{
	(void)state;
	assert_int_equal(decide((struct post_facts){0}), VERDICT_DISTRIBUTE);
	assert_int_equal(decide((struct post_facts){.has_marker = true}), VERDICT_DISCARD);
	assert_int_equal(decide((struct post_facts){.null_sender = true}), VERDICT_DISCARD);
	assert_int_equal(decide((struct post_facts){.is_automatic = true}), VERDICT_DISCARD);
	assert_int_equal(decide((struct post_facts){.is_automatic = true, .from_listd = true}), VERDICT_DISTRIBUTE);
	assert_int_equal(decide((struct post_facts){.has_marker = true, .from_listd = true}), VERDICT_DISCARD);
	/* never a report to who has no return path, whatever else is wrong */
	assert_int_equal(decide((struct post_facts){.null_sender = true, .is_banned = true}), VERDICT_DISCARD);
}

static void test_refused(void **state)
{
	(void)state;
	assert_int_equal(decide((struct post_facts){.is_banned = true, .is_moderator = true}), VERDICT_REFUSE);
	set(LIST_SETTING_MAX_SIZE, "10");
	assert_int_equal(decide((struct post_facts){.size = 10240}), VERDICT_DISTRIBUTE);
	assert_int_equal(decide((struct post_facts){.size = 10241}), VERDICT_REFUSE);
	set(LIST_SETTING_REFUSED, "discard");
	assert_int_equal(decide((struct post_facts){.size = 10241}), VERDICT_DISCARD);
	assert_int_equal(decide((struct post_facts){.is_banned = true}), VERDICT_DISCARD);
}

/* [03-4.8] */
static void test_who_may_post(void **state)
{
	(void)state;
	set(LIST_SETTING_WHO_MAY_POST, "members");
	assert_int_equal(decide((struct post_facts){0}), VERDICT_REFUSE);
	assert_int_equal(decide((struct post_facts){.is_member = true}), VERDICT_DISTRIBUTE);
	assert_int_equal(decide((struct post_facts){.is_moderator = true}), VERDICT_DISTRIBUTE);
	set(LIST_SETTING_WHO_MAY_POST, "moderators");
	assert_int_equal(decide((struct post_facts){.is_member = true}), VERDICT_REFUSE);
	assert_int_equal(decide((struct post_facts){.is_moderator = true}), VERDICT_DISTRIBUTE);
}

/* [03-4.7] */
static void test_spam(void **state)
{
	(void)state;
	assert_int_equal(decide((struct post_facts){.has_score = true, .score = 500000}), VERDICT_DISTRIBUTE);
	set(LIST_SETTING_SPAM_THRESHOLD, "100");
	assert_int_equal(decide((struct post_facts){.has_score = true, .score = 9990}), VERDICT_DISTRIBUTE);
	assert_int_equal(decide((struct post_facts){.has_score = true, .score = 10000}), VERDICT_SPAM);
	assert_int_equal(decide((struct post_facts){.score = 12000}), VERDICT_DISTRIBUTE); /* nobody gave it one */
	set(LIST_SETTING_SPAM_THRESHOLD, "0");
	assert_int_equal(decide((struct post_facts){.has_score = true, .score = -10}), VERDICT_DISTRIBUTE);
	/* who may not post is told so before; spam is not held */
	set(LIST_SETTING_WHO_MAY_POST, "members");
	set(LIST_SETTING_MODERATION, "all");
	assert_int_equal(decide((struct post_facts){.has_score = true, .score = 100}), VERDICT_REFUSE);
	assert_int_equal(decide((struct post_facts){.has_score = true, .score = 100, .is_member = true}), VERDICT_SPAM);
}

static void test_moderation(void **state)
{
	(void)state;
	set(LIST_SETTING_MODERATION, "non-members");
	assert_int_equal(decide((struct post_facts){0}), VERDICT_HOLD);
	assert_int_equal(decide((struct post_facts){.is_member = true}), VERDICT_DISTRIBUTE);
	set(LIST_SETTING_MODERATION, "all");
	assert_int_equal(decide((struct post_facts){.is_member = true}), VERDICT_HOLD);
	assert_int_equal(decide((struct post_facts){.is_moderator = true}), VERDICT_DISTRIBUTE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(test_loop, setup),         cmocka_unit_test_setup(test_refused, setup),
	    cmocka_unit_test_setup(test_who_may_post, setup), cmocka_unit_test_setup(test_spam, setup),
	    cmocka_unit_test_setup(test_moderation, setup),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("lists decide", tests, NULL, NULL);
}
