#include "common/imap/reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void kinds_of_lines(void **state)
{
	static const struct {
		const char *line;
		enum imap_reply_kind kind;
		enum imap_reply_status status;
		const char *text;
	} cases[] = {
	    {"* OK [CAPABILITY IMAP4rev1] hello", IMAP_REPLY_UNTAGGED, IMAP_REPLY_OK, "[CAPABILITY IMAP4rev1] hello"},
	    {"* PREAUTH hello", IMAP_REPLY_UNTAGGED, IMAP_REPLY_PREAUTH, "hello"},
	    {"* bye now", IMAP_REPLY_UNTAGGED, IMAP_REPLY_BYE, "now"},
	    {"* 3 EXISTS", IMAP_REPLY_UNTAGGED, IMAP_REPLY_OTHER, "3 EXISTS"},
	    {"p7 OK done", IMAP_REPLY_TAGGED, IMAP_REPLY_OK, "done"},
	    {"p7 NO [AUTHENTICATIONFAILED] sorry", IMAP_REPLY_TAGGED, IMAP_REPLY_NO, "[AUTHENTICATIONFAILED] sorry"},
	    {"p7 BAD", IMAP_REPLY_TAGGED, IMAP_REPLY_BAD, ""},
	    {"+ go ahead", IMAP_REPLY_CONTINUE, IMAP_REPLY_OTHER, "go ahead"},
	    {"+", IMAP_REPLY_CONTINUE, IMAP_REPLY_OTHER, ""},
	    {"p7 BYE", IMAP_REPLY_NONE, IMAP_REPLY_BYE, ""},
	    {"+OK POP3", IMAP_REPLY_NONE, IMAP_REPLY_OTHER, "POP3"},
	    {"", IMAP_REPLY_NONE, IMAP_REPLY_OTHER, ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct imap_reply reply = imap_reply_parse(str_of(cases[i].line));

		assert_int_equal(reply.kind, cases[i].kind);
		assert_int_equal(reply.status, cases[i].status);
		assert_true(str_equal(reply.text, str_of(cases[i].text)));
	}
	assert_true(str_equal(imap_reply_parse(STR("p12 OK")).tag, STR("p12")));
}

static void literals(void **state)
{
	uint64_t size;
	size_t head;

	(void)state;
	assert_true(imap_reply_ends_in_literal(STR("* 1 FETCH (BODY[] {310}"), &size, &head));
	assert_int_equal(size, 310);
	assert_int_equal(head, 5);
	assert_true(imap_reply_ends_in_literal(STR("x {0+}"), &size, &head));
	assert_int_equal(size, 0);
	assert_int_equal(head, 4);
	assert_false(imap_reply_ends_in_literal(STR("x {1} "), &size, &head));
	assert_false(imap_reply_ends_in_literal(STR("x {}"), &size, &head));
	assert_false(imap_reply_ends_in_literal(STR("x 1}"), &size, &head));
	assert_false(imap_reply_ends_in_literal(STR("{99999999999999999999}"), &size, &head));
	assert_false(imap_reply_ends_in_literal(STR(""), &size, &head));
}

static void codes_and_counts(void **state)
{
	uint64_t number;
	uint32_t count;

	(void)state;
	assert_true(imap_reply_code(STR("[UIDVALIDITY 3857529045] UIDs valid"), "UIDVALIDITY", &number));
	assert_int_equal(number, 3857529045);
	assert_false(imap_reply_code(STR("[UIDNEXT 5] x"), "UIDVALIDITY", &number));
	assert_false(imap_reply_code(STR("[UIDVALIDITY x]"), "UIDVALIDITY", &number));
	assert_false(imap_reply_code(STR("[UIDVALIDITY 5"), "UIDVALIDITY", &number));
	assert_true(imap_reply_exists(STR("172 EXISTS"), &count));
	assert_int_equal(count, 172);
	assert_false(imap_reply_exists(STR("172 RECENT"), &count));
	assert_int_equal(imap_reply_offer(STR("uidplus")), IMAP_OFFER_UIDPLUS);
	assert_int_equal(imap_reply_offer(STR("Special-Use")), IMAP_OFFER_SPECIAL_USE);
	assert_int_equal(imap_reply_offer(STR("LIST-EXTENDED")), IMAP_OFFER_LIST_EXTENDED);
	assert_int_equal(imap_reply_offer(STR("XLIST")), IMAP_OFFER_XLIST);
	assert_int_equal(imap_reply_offer(STR("X-ELSE")), 0);
	assert_true(str_equal(imap_reply_mechanism(STR("AUTH=PLAIN")), STR("PLAIN")));
	assert_int_equal(imap_reply_mechanism(STR("IDLE")).len, 0);
}

static struct imap_reply_fetch fetched(const char *text)
{
	struct imap_reply_fetch fetch;

	assert_true(imap_reply_fetch(str_of(text), &fetch));
	return fetch;
}

static void fetches(void **state)
{
	struct imap_reply_fetch fetch = fetched("3 FETCH (UID 17 RFC822.SIZE 4096)");

	(void)state;
	assert_int_equal(fetch.uid, 17);
	assert_true(fetch.has_size && fetch.size == 4096 && !fetch.has_body);
	fetch = fetched("3 fetch (FLAGS (\\Seen \"a)b\") rfc822.size 1 MODSEQ (9) uid 4)");
	assert_true(fetch.uid == 4 && fetch.size == 1);
	fetch = fetched("1 FETCH (BODY[] {310} UID 5)");
	assert_true(fetch.uid == 5 && fetch.has_body && fetch.quoted.len == 0);
	fetch = fetched("1 FETCH (UID 5 BODY[HEADER.FIELDS (From To)] \"a\\\"b\")");
	assert_true(fetch.has_body && str_equal(fetch.quoted, STR("a\\\"b")));
	fetch = fetched("1 FETCH (UID 5 BODY[] NIL)");
	assert_true(fetch.has_body && fetch.quoted.len == 0);
	assert_int_equal(fetched("1 FETCH (FLAGS ())").uid, 0);
}

static void no_fetches(void **state)
{
	static const char *const texts[] = {
	    "3 EXISTS",
	    "x FETCH (UID 1)",
	    "1 FETCH",
	    "1 FETCH UID 1",
	    "1 FETCH (UID 1",
	    "1 FETCH (UID 1) x",
	    "1 FETCH (BODY[] \"no end)",
	    "1 FETCH (X ((((((((((((((((((((((",
	    "99999999999 FETCH (UID 1)",
	};
	struct imap_reply_fetch fetch;

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		assert_false(imap_reply_fetch(str_of(texts[i]), &fetch));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(kinds_of_lines), cmocka_unit_test(literals),   cmocka_unit_test(codes_and_counts),
	    cmocka_unit_test(fetches),        cmocka_unit_test(no_fetches),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
