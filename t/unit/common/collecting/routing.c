/* Whom collected messages are for: a table of settings, headers and recipients; specification 04-6, 01-10, 09-14. */
#include "common/collecting/options.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "common/addr/addr.h"
#include "common/addr/pattern.h"
#include "common/base/buf.h"

#include "t/unit/common/collecting/cases.h"

static struct arena arena;
static struct err err;

/* A resolver for the cases. */
struct asked {
	const struct routing_options *options;
	int count;
	bool is_away;
};

static int ask_address(void *context, struct arena *memory, struct routing_address *answer, struct err *problem)
{
	static const char *const users[] = {"bill", "kate", "fred", "joe", "bob", "anna", "user", "bob smith"};
	enum routing_standing *standing = &answer->standing;
	struct str address = answer->address;
	struct asked *asked = context;
	struct addr addr;
	struct str domain;
	bool accepted = false;

	(void)memory;
	if (asked->is_away)
		return err_set(problem, ERR_TEMPORARY, "the resolver is away");
	asked->count++;
	assert_int_equal(addr_parse_mailbox(address, &arena, &addr, &err), 0);
	*standing = ROUTING_VALID;
	if (str_equal_nocase(address, STR("members@club.test")))
		return 0;
	assert_int_equal(addr_normalise_domain(addr.domain, &arena, &domain, &err), 0);
	for (size_t i = 0; i < asked->options->domain_count; i++)
		accepted |= !addr.is_literal && addr_entry_holds(asked->options->domains[i], addr.local_part, domain);
	*standing = accepted ? ROUTING_UNKNOWN : ROUTING_FOREIGN;
	for (size_t i = 0; accepted && i < sizeof users / sizeof users[0]; i++)
		if (str_equal_nocase(addr.local_part, str_of(users[i])))
			*standing = ROUTING_VALID;
	if (accepted && str_equal_nocase(addr.local_part, STR("gone")))
		*standing = ROUTING_ELSEWHERE;
	return 0;
}

static int ask_author(void *context, struct str address, struct arena *memory, struct rule_targets *targets,
                      struct err *problem)
{
	(void)context;
	if (str_equal_nocase(address, STR("customer@ourclient.org")))
		return targets_parse(STR("fred"), memory, targets, problem);
	return 0;
}

static void read_settings(const char *text, struct collector_settings *settings)
{
	const struct catalogue *catalogue = collector_kind.catalogue;
	struct str rest = arena_printf(&arena, "accepted-domains=mycompany.com%s%s", text[0] != '\0' ? "&" : "", text);

	*settings = (struct collector_settings){.id = 1, .name = "isp"};
	for (size_t i = 0; i < catalogue->count; i++) {
		settings->texts[i] = catalogue->definitions[i].fallback;
		settings->numbers[i] = strcmp(settings->texts[i], "on") == 0;
	}
	while (rest.data != NULL) {
		struct str value = str_cut(&rest, '&'), key = str_cut(&value, '=');
		size_t i = 0;

		while (i < catalogue->count && !str_equal(key, str_of(catalogue->definitions[i].key)))
			i++;
		if (i == catalogue->count)
			fail_msg("there is no setting %.*s", STR_ARG(key));
		settings->texts[i] = arena_text(&arena, value);
		settings->numbers[i] = str_equal(value, STR("on"));
		if (collector_kind.check(i, value, &err) != 0)
			fail_msg("%.*s: %s", STR_ARG(key), err.text);
	}
}

static void add_word(struct buf *text, struct str word, const char *before)
{
	buf_printf(text, "%s%s%.*s", text->len > 0 ? " " : "", before, STR_ARG(word));
}

static void describe(const struct routing *routing, struct buf *text)
{
	for (size_t i = 0; i < routing->recipient_count; i++) {
		const struct spool_recipient *recipient = &routing->recipients[i];

		add_word(text, recipient->address, "");
		if (recipient->named)
			buf_add_char(text, '!');
		if (recipient->folder.len > 0)
			buf_printf(text, "/%.*s", STR_ARG(recipient->folder));
	}
	for (size_t i = 0; i < routing->address_count; i++)
		if (routing->addresses[i].standing == ROUTING_UNKNOWN)
			add_word(text, routing->addresses[i].address, "?");
	if (text->len == 0)
		buf_add_char(text, '-');
}

static void route(const char *settings_text, const char *header, struct routing *routing, int *asked_out)
{
	struct collector_settings settings;
	struct routing_options options;
	struct asked asked = {&options, 0, false};
	const struct routing_asker asker = {ask_address, ask_author, &asked};

	read_settings(settings_text, &settings);
	if (routing_read_options(&settings, STR("own.test"), &arena, &options, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(routing_find(&options, str_of(header), &asker, true, &arena, routing, &err), 0);
	*asked_out = asked.count;
	routing_options_free(&options);
}

static void test_cases(void **state)
{
	bool failed = false;

	(void)state;
	assert_true(sizeof cases / sizeof cases[0] >= 100);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct routing routing;
		struct buf text;
		int asked;

		buf_init(&text, 65536);
		route(cases[i].settings, cases[i].header, &routing, &asked);
		describe(&routing, &text);
		if (strcmp(buf_text(&text), cases[i].expected) != 0) {
			print_message("# %s: got %s, not %s\n", cases[i].name, buf_text(&text), cases[i].expected);
			for (size_t step = 0; step < routing.step_count; step++)
				print_message("#     %.*s\n", STR_ARG(routing.steps[step]));
			failed = true;
		}
		buf_free(&text);
		arena_reset(&arena);
	}
	assert_false(failed);
}

static void test_each_address_is_asked_for_once(void **state)
{
	struct routing routing;
	struct buf header;
	int asked;

	(void)state;
	route("", "To: bill@mycompany.com, Bill@MYCOMPANY.com, x@y.test\nCc: bill@mycompany.com, x@y.test\n", &routing,
	      &asked);
	assert_int_equal(asked, 2);
	buf_init(&header, 1 << 20);
	buf_add_str(&header, STR("To: "));
	for (int i = 0; i < ROUTING_ADDRESSES_MAX + 500; i++)
		buf_printf(&header, "user%d@mycompany.com,\n ", i);
	route("", buf_text(&header), &routing, &asked);
	assert_int_equal(asked, ROUTING_ADDRESSES_MAX);
	assert_int_equal(routing.address_count, ROUTING_ADDRESSES_MAX);
	buf_free(&header);
	arena_reset(&arena);
}

/* RFC 5321 4.4: Return-Path; "<>" stays what it is. */
static void test_sender(void **state)
{
	static const struct {
		const char *header, *sender, *author;
	} senders[] = {
	    {"Return-Path: <a@x.test>\nFrom: b@x.test\n", "a@x.test", "b@x.test"},
	    {"Return-Path: <>\nFrom: b@x.test\n", "", "b@x.test"},
	    {"From: B <b@x.test>, c@x.test\n", "b@x.test", "b@x.test"},
	    {"Return-Path: nonsense here\nFrom: b@x.test\n", "b@x.test", "b@x.test"},
	    {"From: nobody\nSender: c@x.test\n", "c@x.test", "c@x.test"},
	    {"Subject: x\n", "", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof senders / sizeof senders[0]; i++) {
		struct routing routing;
		int asked;

		route("", senders[i].header, &routing, &asked);
		assert_true(str_equal(routing.sender, str_of(senders[i].sender)));
		assert_true(str_equal(routing.author, str_of(senders[i].author)));
		arena_reset(&arena);
	}
}

static void test_nobody_to_ask(void **state)
{
	struct collector_settings settings;
	struct routing_options options;
	struct asked asked = {&options, 0, true};
	const struct routing_asker asker = {ask_address, ask_author, &asked};
	struct routing routing;

	(void)state;
	read_settings("", &settings);
	assert_int_equal(routing_read_options(&settings, STR("own.test"), &arena, &options, &err), 0);
	assert_int_equal(routing_find(&options, STR("To: bill@mycompany.com\n"), &asker, false, &arena, &routing, &err),
	                 -1);
	assert_int_equal(err.code, ERR_TEMPORARY);
	routing_options_free(&options);
	arena_reset(&arena);
}

static void test_order_is_checked(void **state)
{
	static const struct {
		const char *order;
		size_t warnings;
		const char *words;
	} orders[] = {
	    {"special, stop-if-found, standard, stop-if-found, received", 0, ""},
	    {"special standard", 0, ""},
	    {"special, stop, standard", 1, "step 3, \"standard\", is never reached"},
	    {"standard, special, standard", 1, "step 3, \"standard\", is there twice"},
	    {"stop-if-found, standard", 1, "step 1, \"stop-if-found\", comes before anything was read"},
	    {"none", 1, "nothing is read"},
	    {"stop, standard", 3, "step 1, \"stop\", comes before anything was read"},
	};
	enum routing_step order[ROUTING_STEPS_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
		struct str warnings[8];

		assert_int_equal(routing_parse_order(str_of(orders[i].order), order, &err), 0);
		assert_int_equal(routing_check_order(order, warnings, 8, &arena), orders[i].warnings);
		if (orders[i].warnings > 0)
			assert_true(str_starts(warnings[0], str_of(orders[i].words)));
	}
	assert_int_equal(routing_parse_order(STR("special, standart"), order, &err), -1);
	assert_int_equal(err.code, ERR_SYNTAX);
	assert_int_equal(routing_parse_order(STR("none none none none none none"), order, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	arena_reset(&arena);
}

/* What cannot work is refused when it is set (04-6.3). */
static void test_settings_are_checked(void **state)
{
	static const struct {
		enum collector_setting setting;
		const char *value, *words;
	} refused[] = {
	    {COLLECTOR_SETTING_SPECIAL_FIELDS, "X-A\nX-B: /(/", "line 2: the regular expression is wrong"},
	    {COLLECTOR_SETTING_SPECIAL_FIELDS, "X-B: /x/", "line 1: the regular expression has no (group)"},
	    {COLLECTOR_SETTING_SPECIAL_FIELDS, "X B", "line 1: \"X B\" is not the name of a header field"},
	    {COLLECTOR_SETTING_SPECIAL_FIELDS, "X-B: abc", "line 1: one * has to stand"},
	    {COLLECTOR_SETTING_SPECIAL_FIELDS, "X-B: a * b * c", "line 1: one * has to stand"},
	    {COLLECTOR_SETTING_ACCEPTED_DOMAINS, "a.test b.test", "\"a.test b.test\" is neither"},
	    {COLLECTOR_SETTING_ACCEPTED_DOMAINS, "joe@", "\"joe@\" has no domain"},
	    {COLLECTOR_SETTING_ACCEPTED_DOMAINS, "-.test", ""},
	    {COLLECTOR_SETTING_TARGET, "fred, ,bob", "an address is missing"},
	    {COLLECTOR_SETTING_SUBJECT_MARKER, "/[/", "the regular expression is wrong"},
	    {COLLECTOR_SETTING_SUBJECT_MARKER, "/(a)(b)/", "the expression has 2 groups, not one"},
	    {COLLECTOR_SETTING_FORWARD_SERVER, "host:99999", ""},
	    {COLLECTOR_SETTING_ORDER, "stop, go", "\"go\" is none of"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
		if (collector_kind.check(refused[i].setting, str_of(refused[i].value), &err) != -1)
			fail_msg("%s is taken", refused[i].value);
		if (!str_starts(str_of(err.text), str_of(refused[i].words)))
			fail_msg("%s: %s", refused[i].value, err.text);
		assert_true(err.code == ERR_SYNTAX || err.code == ERR_LIMIT);
	}
	assert_int_equal(collector_kind.check(COLLECTOR_SETTING_ACCEPTED_DOMAINS,
	                                      STR("@a.test; joe.*@example.org;*;bücher.test;"), &err),
	                 0);
	assert_int_equal(collector_kind.check(COLLECTOR_SETTING_FORWARD_SERVER, STR("user:password@mail.test:587"), &err),
	                 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cases),
	    cmocka_unit_test(test_each_address_is_asked_for_once),
	    cmocka_unit_test(test_sender),
	    cmocka_unit_test(test_nobody_to_ask),
	    cmocka_unit_test(test_order_is_checked),
	    cmocka_unit_test(test_settings_are_checked),
	};
	int failed;

	arena_init(&arena);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = cmocka_run_group_tests_name("common/collecting/routing", tests, NULL, NULL);
	arena_free(&arena);
	return failed;
}
