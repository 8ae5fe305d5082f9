/* imapd/view: what the client believes, while another session changes the folder (RFC 9051 2.3.1.2, 7.5.1). */
#include "imapd/view.h"
#include "t/unit/common/store/fixture.h"

static struct mailbox *mailbox, *other;
static struct view *view;
static char told[256];

static void set_up(size_t messages)
{
	struct mailbox_folder inbox;

	mailbox = open_mailbox(7);
	other = open_mailbox(7);
	while (messages-- > 0)
		assert_int_equal(add(mailbox, "x\r\n", "", NULL), STORE_ADDED);
	assert_int_equal(mailbox_folder(mailbox, STORE_INBOX, &inbox, &err), 0);
	assert_int_equal(view_open(&view, mailbox, &inbox, false, &err), 0);
	told[0] = '\0';
}

static void tear_down(void)
{
	view_close(view);
	mailbox_close(mailbox);
	mailbox_close(other);
}

static void follow(void)
{
	assert_int_equal(view_follow(view, mailbox, &err), 0);
}

static void change(struct mailbox *by, uint32_t uid, enum store_how how, unsigned flags, const char *keywords)
{
	struct store_change wanted = {.how = how, .flags = flags, .keywords = str_of(keywords), .unchanged_since = -1};

	assert_int_equal(mailbox_store(by, STORE_INBOX, &uid, 1, &wanted, NULL, NULL, 0, &err), 0);
}

static void expunge(uint32_t uid)
{
	assert_int_equal(mailbox_expunge(other, STORE_INBOX, &uid, 1, 0, NULL, &err), 0);
}

static void note_told(uint32_t number, uint32_t uid, void *context)
{
	size_t len = strlen(told);

	(void)context;
	snprintf(told + len, sizeof told - len, "%u=%u ", number, uid);
}

static void test_open(void **state)
{
	(void)state;
	set_up(3);
	assert_int_equal(view->count, 3);
	assert_int_equal(view->told, 3);
	assert_int_equal(view->recent, 3);
	assert_int_equal(view_number(view, 2), 2);
	assert_int_equal(view_number(view, 4), 0);
	assert_int_equal(view_lower_bound(view, 9), 3);
	tear_down();
}

static void test_expunge_waits(void **state)
{
	(void)state;
	set_up(4);
	expunge(1);
	expunge(3);
	assert_int_equal(add(other, "x\r\n", "", NULL), STORE_ADDED);
	follow();
	/* until it may be told, every message keeps its number */
	assert_int_equal(view->gone, 2);
	assert_int_equal(view->count, 5);
	assert_int_equal(view->told, 4);
	assert_int_equal(view_number(view, 4), 4);
	view_remove_gone(view, note_told, NULL);
	assert_string_equal(told, "1=1 2=3 "); /* each as its number is when those before it are gone */
	assert_int_equal(view->count, 3);
	assert_int_equal(view->told, 2);
	assert_int_equal(view_number(view, 4), 2);
	assert_int_equal(view_number(view, 5), 3);
	tear_down();
}

static void test_came_and_went(void **state)
{
	(void)state;
	set_up(1);
	assert_int_equal(add(other, "x\r\n", "", NULL), STORE_ADDED);
	follow();
	expunge(2);
	follow();
	view_remove_gone(view, note_told, NULL);
	assert_string_equal(told, ""); /* the client never heard of it */
	assert_int_equal(view->count, 1);
	tear_down();
}

static void test_flags_of_others(void **state)
{
	(void)state;
	set_up(3);
	change(other, 2, STORE_ADD, STORE_SEEN, "$Work");
	follow();
	assert_int_equal(view->messages[1].flags & (STORE_SEEN | VIEW_CHANGED), STORE_SEEN | VIEW_CHANGED);
	assert_true(view_has_keyword(view, &view->messages[1], STR("$WORK")));
	assert_false(view_has_keyword(view, &view->messages[0], STR("$Work")));
	assert_true(view->words_grew);
	assert_int_equal(view->due_first, 2);
	assert_int_equal(view->due_last, 2);
	assert_int_equal(view->messages[0].flags & VIEW_CHANGED, 0);
	tear_down();
}

static void test_expected_is_no_news(void **state)
{
	struct store_change seen = {.how = STORE_ADD, .flags = STORE_SEEN, .keywords = STR("$Work"), .unchanged_since = -1};

	(void)state;
	set_up(2);
	/* the session's own silent change, which no other disturbs */
	change(mailbox, 1, STORE_ADD, STORE_SEEN, "$Work");
	view_expect(view, &view->messages[0], &seen);
	follow();
	assert_int_equal(view->messages[0].flags & (VIEW_CHANGED | VIEW_MODSEQ), VIEW_MODSEQ);
	/* with another's change the result is not what was expected */
	change(other, 2, STORE_ADD, STORE_FLAGGED, "");
	change(mailbox, 2, STORE_ADD, STORE_SEEN, "$Work");
	view_expect(view, &view->messages[1], &seen);
	follow();
	assert_int_equal(view->messages[1].flags & VIEW_CHANGED, VIEW_CHANGED);
	tear_down();
}

static void test_nothing_happened(void **state)
{
	int64_t modseq;

	(void)state;
	set_up(2);
	modseq = view->state.modseq;
	follow();
	assert_int_equal(view->state.modseq, modseq);
	assert_true(view->due_first > view->due_last);
	tear_down();
}

static void test_many_combinations(void **state)
{
	char keyword[16];

	(void)state;
	set_up(2);
	for (int i = 0; i < 1500; i++) {
		snprintf(keyword, sizeof keyword, "k%d", i);
		change(mailbox, 1, STORE_SET, 0, keyword);
		follow();
	}
	assert_true(view->keyword_count < 1200); /* those that no message has any more are forgotten */
	assert_true(str_equal(view_keywords(view, &view->messages[0]), STR("k1499")));
	tear_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_open, make_store, remove_store),
	    cmocka_unit_test_setup_teardown(test_expunge_waits, make_store, remove_store),
	    cmocka_unit_test_setup_teardown(test_came_and_went, make_store, remove_store),
	    cmocka_unit_test_setup_teardown(test_flags_of_others, make_store, remove_store),
	    cmocka_unit_test_setup_teardown(test_expected_is_no_news, make_store, remove_store),
	    cmocka_unit_test_setup_teardown(test_nothing_happened, make_store, remove_store),
	    cmocka_unit_test_setup_teardown(test_many_combinations, make_store, remove_store),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("imapd/view", tests, NULL, NULL);
}
