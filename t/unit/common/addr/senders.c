/* Lists of clients and senders: what may be written, its normal form, for whom it holds. */
#include "common/addr/senders.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void normal_forms(void **state)
{
	static const struct {
		const char *list, *normal;
	} cases[] = {
	    {"", ""},
	    {" , ,", ""},
	    {"127.0.0.1", "127.0.0.1"},
	    {"192.0.2.9/24  *@*.example ,service=2 ::1", "192.0.2.0/24 *@*.example, ::1 service=2"},
	    {"Service=12 anna@b.test 10.0.0.0/255.0.0.0", "10.0.0.0/8 anna@b.test service=12"},
	    {"@b.test,anna@,@", "*@b.test, anna@*, *@*"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct buf normal;
		struct err err;

		buf_init(&normal, 1000);
		assert_int_equal(senders_normalise(str_of(cases[i].list), &normal, &err), 0);
		assert_string_equal(buf_text(&normal), cases[i].normal);
		buf_free(&normal);
	}
}

static void refused(void **state)
{
	static const char *const lists[] = {"300.1.1.1",         "b.test",       "10.0.0.0/33",
	                                    "service=0",         "service=x",    "service=1 service=2",
	                                    "a@b.test c@d.test", "10.0.0.1 ::1", "10.0.0.1, x"};

	(void)state;
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
		struct buf normal;
		struct err err = {0};

		buf_init(&normal, 1000);
		assert_int_equal(senders_normalise(str_of(lists[i]), &normal, &err), -1);
		assert_int_equal(err.code, ERR_SYNTAX);
		buf_free(&normal);
	}
}

static void too_many(void **state)
{
	struct buf list, normal;
	struct err err;

	(void)state;
	buf_init(&list, 100000);
	buf_init(&normal, 100000);
	for (int i = 0; i < SENDERS_MAX; i++)
		buf_add_str(&list, STR("::1,"));
	assert_int_equal(senders_normalise(buf_str(&list), &normal, &err), 0);
	buf_add_str(&list, STR("::1"));
	assert_int_equal(senders_normalise(buf_str(&list), &normal, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	buf_free(&list);
	buf_free(&normal);
}

static bool holds(const char *list, const char *client, const char *local_part, const char *domain, int64_t service)
{
	struct cidr address;
	struct sender_facts facts = {
	    .client = client != NULL ? &address : NULL,
	    .local_part = str_of(local_part),
	    .domain = str_of(domain),
	    .service = service,
	};

	if (client != NULL)
		assert_int_equal(cidr_parse(str_of(client), &address, NULL, NULL), 0);
	return senders_hold(str_of(list), &facts);
}

/* 05-8.7 */
static void all_words_of_an_entry_must_hold(void **state)
{
	static const char list[] = "192.0.2.0/24 *@*.example";

	(void)state;
	assert_true(holds(list, "192.0.2.9", "x", "mail.example", 1));
	assert_true(holds(list, "::ffff:192.0.2.9", "x", "MAIL.Example", 2));
	assert_false(holds(list, "198.51.100.1", "x", "mail.example", 1));
	assert_false(holds(list, "192.0.2.9", "x", "mail.example.org", 1));
	assert_false(holds(list, NULL, "x", "mail.example", 1));
	assert_true(holds("192.0.2.1 service=2, anna@*", "192.0.2.1", "x", "b.test", 2));
	assert_false(holds("192.0.2.1 service=2, anna@*", "192.0.2.1", "x", "b.test", 1));
	assert_true(holds("192.0.2.1 service=2, anna@*", NULL, "Anna", "b.test", 1));
	assert_true(holds("@", NULL, "", "", 1));
	assert_false(holds("?@*", NULL, "", "", 1));
	assert_false(holds("", "192.0.2.9", "x", "b.test", 1));
}

static void unreadable_entries_hold_for_nobody(void **state)
{
	(void)state;
	assert_false(holds("nonsense", "192.0.2.9", "x", "b.test", 1));
	assert_false(holds("192.0.2.9 nonsense", "192.0.2.9", "x", "b.test", 1));
	assert_true(holds("nonsense, 192.0.2.9", "192.0.2.9", "x", "b.test", 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(normal_forms),
	    cmocka_unit_test(refused),
	    cmocka_unit_test(too_many),
	    cmocka_unit_test(all_words_of_an_entry_must_hold),
	    cmocka_unit_test(unreadable_entries_hold_for_nobody),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
