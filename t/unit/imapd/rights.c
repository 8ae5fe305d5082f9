/* imapd/rights: what access lists say to the owner and to guests (RFC 4314 section 2). */
#include "imapd/rights.h"

#include "imapd/guest.h"
#include "t/unit/common/store/fixture.h"

static int64_t groups[] = {3, 5};
static struct guest guest = {.uid = 12, .owner = "karen", .name = "anna", .groups = groups, .group_count = 2};
static struct session session;

static void set_up(void)
{
	session = (struct session){.mailbox = open_mailbox(7), .guest = &guest};
	arena_init(&session.arena);
}

static void tear_down(void)
{
	mailbox_close(session.mailbox);
	arena_free(&session.arena);
}

static void entry(const char *identifier, const char *rights)
{
	assert_int_equal(mailbox_acl_set(session.mailbox, STORE_INBOX, str_of(identifier), str_of(rights), 0, &err), 0);
}

static const char *found(void)
{
	static char text[RIGHTS_TEXT_MAX];
	unsigned rights;

	assert_int_equal(rights_find(&session, STORE_INBOX, &rights, &err), 0);
	return rights_text(rights, false, text);
}

static void test_guest(void **state)
{
	(void)state;
	set_up();
	assert_string_equal(found(), "");
	entry("user 1", "lr");
	entry("user 120", "lr");
	entry("group 12", "lr");
	entry("group 4", "lr");
	entry("owner", "lr");
	assert_string_equal(found(), "");
	entry("anyone", "l");
	entry("group 3", "r");
	entry("group 5", "s");
	entry("user 12", "w");
	assert_string_equal(found(), "lrsw");
	entry("-group 5", "sw");
	entry("-user 1", "l");
	assert_string_equal(found(), "lr");
	entry("-anyone", "lrswipkxtea");
	assert_string_equal(found(), "");
	tear_down();
}

static void test_owner(void **state)
{
	(void)state;
	set_up();
	session.guest = NULL;
	assert_string_equal(found(), "lrswipkxtea");
	entry("-anyone", "lrswipkxtea");
	entry("user 7", "l");
	assert_string_equal(found(), "lrswipkxtea");
	entry("owner", "lrswipktea");
	assert_string_equal(found(), "lrswipktea");
	tear_down();
}

/* Section 4, STORE and COPY: "s" for \Seen, "t" for \Deleted, "w" for all others. */
static void test_flags(void **state)
{
	(void)state;
	assert_int_equal(rights_closed_flags(RIGHTS_ALL), 0);
	assert_int_equal(rights_closed_flags(RIGHT_WRITE), STORE_SEEN | STORE_DELETED);
	assert_int_equal(rights_closed_flags(RIGHT_SEEN | RIGHT_DELETED), STORE_ANSWERED | STORE_FLAGGED | STORE_DRAFT);
}

static void check_local(const char *name, const char *expected)
{
	struct str local = str_of(name);

	if (expected == NULL) {
		assert_false(guest_local_name(&session, &local));
		return;
	}
	assert_true(guest_local_name(&session, &local));
	assert_true(str_equal(local, str_of(expected)));
}

static void test_names(void **state)
{
	(void)state;
	set_up();
	check_local("#users/karen/Sales", "Sales");
	check_local("#users/KAREN/Sales/2026", "Sales/2026");
	check_local("#users/karen/inbox", "INBOX");
	check_local("Sales", "Sales");
	check_local("#users/bert/Sales", NULL);
	check_local("#users/karen", NULL);
	check_local("#users/karen/", NULL);
	check_local("#users", NULL);
	assert_true(str_equal(guest_full_name(&session, STR("Sales")), STR("#users/karen/Sales")));
	session.guest = NULL;
	assert_true(str_equal(guest_full_name(&session, STR("Sales")), STR("Sales")));
	tear_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_guest, make_store, remove_store),
	    cmocka_unit_test_setup_teardown(test_owner, make_store, remove_store),
	    cmocka_unit_test(test_flags),
	    cmocka_unit_test_setup_teardown(test_names, make_store, remove_store),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("imapd/rights", tests, NULL, NULL);
}
