/* Unit tests of the rules of recipient resolution (specification 01, 10.2) on a small snapshot. */
#include "t/unit/resolver/fixture.h"

static const char objects[] =
    "INSERT INTO domain VALUES ('example.test', 1), ('second.test', 0), ('xn--bcher-kva.test', 0);"
    "INSERT INTO user VALUES (1, 'boss', 1, 1), (2, 'fred', 0, 1), (3, 'Kate', 0, 0), (4, 'a b', 0, 1), (5, 'fred.a', "
    "0, 1);"
    "INSERT INTO mapping(pattern, target) VALUES"
    " ('sales', 'fred'), ('sales@second.test', 'kate'), ('both', 'fred'), ('both', 'Fred'), ('both', 'kate'),"
    " ('kate2', 'sales'), ('someone@else.test', 'fred'), ('away', 'me@home.test'), ('away@example.test', "
    "'ME@home.test'),"
    " ('loop', 'kate@second.test'), ('dead', 'nobody'), ('dead@else.test', 'nobody'), ('fred@second.test', 'fred.a');";

static void publish(struct fixture *fixture, uint64_t generation, const char *more)
{
	fixture_publish(fixture, generation, arena_printf(&fixture->arena, "%s%s", objects, more).data);
}

static int set_up(void **state)
{
	*state = fixture_begin(objects);
	return 0;
}

static int tear_down(void **state)
{
	fixture_end(*state);
	return 0;
}

/* "local 2:fred 3:Kate", "remote x@y", "unknown": what an address resolves to. */
static const char *answer(struct fixture *fixture, const struct resolve_question *question)
{
	struct buf text;
	const char *result;

	if (resolve_address(&fixture->resolver, question, &fixture->arena, &fixture->resolution, &fixture->err) != 0)
		return "error";
	buf_init(&text, 100000);
	buf_printf(&text, "%s", resolve_kind_word(fixture->resolution.kind));
	for (size_t i = 0; i < fixture->resolution.target_count; i++) {
		const struct resolve_target *target = &fixture->resolution.targets[i];

		if (target->kind == TARGET_USER)
			buf_printf(&text, " %" PRId64 ":%.*s", target->id, STR_ARG(target->text));
		else
			buf_printf(&text, " %.*s", STR_ARG(target->text));
	}
	result = arena_text(&fixture->arena, buf_str(&text));
	buf_free(&text);
	return result;
}

static const char *resolved(struct fixture *fixture, const char *address)
{
	const struct resolve_question question = {.address = str_of(address), .explain = fixture->explain};

	return answer(fixture, &question);
}

static void users_are_implied(void **state)
{
	struct fixture *fixture = *state;

	assert_string_equal(resolved(fixture, "fred@example.test"), "local 2:fred");
	assert_string_equal(resolved(fixture, "FRED@EXAMPLE.Test"), "local 2:fred");
	assert_string_equal(resolved(fixture, "kate@second.test"), "local 3:Kate"); /* logins are off, mail still comes */
	assert_string_equal(resolved(fixture, "\"a b\"@example.test"), "local 4:a b");
	assert_string_equal(resolved(fixture, "\"fred\"@example.test"), "local 2:fred");
	assert_string_equal(resolved(fixture, "fred@b\xc3\xbc"
	                                      "cher.test"),
	                    "local 2:fred");
	assert_string_equal(resolved(fixture, "nobody@example.test"), "unknown");
}

static void mappings_come_first(void **state)
{
	struct fixture *fixture = *state;

	assert_string_equal(resolved(fixture, "sales@example.test"), "local 2:fred");
	assert_string_equal(resolved(fixture, "Sales@second.test"), "local 2:fred 3:Kate"); /* both patterns match */
	assert_string_equal(resolved(fixture, "both@example.test"), "local 2:fred 3:Kate");
	assert_string_equal(resolved(fixture, "fred@second.test"), "local 5:fred.a");
	assert_string_equal(resolved(fixture, "someone@else.test"), "local 2:fred");
	assert_string_equal(resolved(fixture, "away@example.test"), "local me@home.test");
	assert_string_equal(resolved(fixture, "loop@example.test"), "local 3:Kate");
}

static void targets_are_not_mapped_again(void **state)
{
	struct fixture *fixture = *state;

	assert_string_equal(resolved(fixture, "kate2@example.test"), "unknown"); /* "sales" is a mapping, no user */
	assert_string_equal(resolved(fixture, "dead@example.test"), "unknown");
	assert_string_equal(resolved(fixture, "dead@else.test"), "remote dead@else.test");
}

static void postmaster_always_exists(void **state)
{
	struct fixture *fixture = *state;

	assert_string_equal(resolved(fixture, "postmaster@example.test"), "local 1:boss");
	assert_string_equal(resolved(fixture, "PostMaster"), "local 1:boss");
	assert_string_equal(resolved(fixture, "mailer-daemon@second.test"), "local mailer-daemon@second.test");
	publish(fixture, 2, "INSERT INTO user VALUES (9, 'postmaster', 0, 1);");
	assert_int_equal(resolver_refresh(&fixture->resolver, &fixture->err), 0);
	assert_string_equal(resolved(fixture, "postmaster@example.test"), "local 9:postmaster");
	publish(fixture, 3, "INSERT INTO mapping(pattern, target) VALUES ('postmaster', 'fred');");
	assert_int_equal(resolver_refresh(&fixture->resolver, &fixture->err), 0);
	assert_string_equal(resolved(fixture, "postmaster"), "local 2:fred");
	assert_string_equal(resolved(fixture, "MAILER-DAEMON@example.test"), "local MAILER-DAEMON@example.test");
}

static void other_domains_are_remote(void **state)
{
	struct fixture *fixture = *state;

	assert_string_equal(resolved(fixture, "Fred@Other.TEST"), "remote Fred@other.test");
	assert_string_equal(resolved(fixture, "fred@sub.example.test"), "remote fred@sub.example.test");
	assert_string_equal(resolved(fixture, "fred@[127.0.0.1]"), "remote fred@[127.0.0.1]");
	assert_string_equal(resolved(fixture, "sales@other.test"), "remote sales@other.test");
	assert_string_equal(resolved(fixture, "fred%example.test@other.test"), "remote fred%example.test@other.test");
	assert_string_equal(resolved(fixture, "fred%other.test@example.test"), "unknown");
}

static void what_is_no_address(void **state)
{
	static const char *const bad[] = {"", "fred", "@example.test", "fred@", "a b@example.test", "fred@-x.test"};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_string_equal(resolved(fixture, bad[i]), "error");
		assert_int_equal(fixture->err.code, ERR_SYNTAX);
	}
}

static void domains_are_known(void **state)
{
	struct fixture *fixture = *state;
	bool local;

	assert_int_equal(resolve_is_local(&fixture->resolver, STR("Example.TEST"), &fixture->arena, &local, &fixture->err),
	                 0);
	assert_true(local);
	assert_int_equal(resolve_is_local(&fixture->resolver, STR("x.test"), &fixture->arena, &local, &fixture->err), 0);
	assert_false(local);
	assert_int_equal(resolve_is_local(&fixture->resolver, STR("[127.0.0.1]"), &fixture->arena, &local, &fixture->err),
	                 0);
	assert_false(local);
	assert_int_equal(resolve_is_local(&fixture->resolver, STR("a b"), &fixture->arena, &local, &fixture->err), -1);
}

static void steps_are_explained(void **state)
{
	struct fixture *fixture = *state;
	const struct resolution *resolution = &fixture->resolution;

	fixture->explain = true;
	assert_string_equal(resolved(fixture, "sales@example.test"), "local 2:fred");
	assert_int_equal(resolution->step_count, 3);
	assert_string_equal(resolution->steps[0].data, "example.test is a local domain");
	assert_string_equal(resolution->steps[1].data, "the mapping sales -> fred matches");
	assert_string_equal(resolution->steps[2].data, "there is a user fred");
	fixture->explain = false;
	assert_string_equal(resolved(fixture, "sales@example.test"), "local 2:fred");
	assert_int_equal(resolution->step_count, 0);
}

static void targets_are_limited(void **state)
{
	struct fixture *fixture = *state;

	publish(fixture, 2,
	        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100001)"
	        " INSERT INTO mapping(pattern, target) SELECT 'many', 'x' || i || '@home.test' FROM n;");
	assert_int_equal(resolver_refresh(&fixture->resolver, &fixture->err), 0);
	assert_string_equal(resolved(fixture, "many@example.test"), "error");
	assert_int_equal(fixture->err.code, ERR_LIMIT);
	assert_string_equal(resolved(fixture, "fred@example.test"), "local 2:fred");
}

/* Of two users behind an address, one or both may not get mail from a stranger; our own always reach them. */
static void strangers_may_be_unwelcome(void **state)
{
	static const struct {
		const char *from;
		bool is_local;
		const char *expected;
	} rows[] = {
	    {"x@any.test", false, "local 3:Kate"},     {"x@any.test", true, "local 2:fred 3:Kate"},
	    {"x@spam.test", false, "unknown"},         {"x@spam.test", true, "local 2:fred 3:Kate"},
	    {"boss@spam.test", false, "local 3:Kate"}, {"", false, "local 3:Kate"},
	    {"X@SPAM.test", false, "unknown"},
	};
	struct fixture *fixture = *state;

	publish(fixture, 2,
	        "INSERT INTO user_attribute VALUES(2, 'receive.internet', 'off');"
	        "INSERT INTO permission VALUES(0, 'sender-black', '*@spam.test'), (3, 'sender-white', 'boss@*'),"
	        " (0, 'sender-white', '*@any.test');");
	assert_int_equal(resolver_refresh(&fixture->resolver, &fixture->err), 0);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct resolve_question question = {
		    .address = STR("both@example.test"), .from = str_of(rows[i].from), .is_local = rows[i].is_local};

		assert_string_equal(answer(fixture, &question), rows[i].expected);
	}
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(users_are_implied),          TEST(mappings_come_first),      TEST(targets_are_not_mapped_again),
	    TEST(postmaster_always_exists),   TEST(other_domains_are_remote), TEST(what_is_no_address),
	    TEST(domains_are_known),          TEST(steps_are_explained),      TEST(targets_are_limited),
	    TEST(strangers_may_be_unwelcome),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
