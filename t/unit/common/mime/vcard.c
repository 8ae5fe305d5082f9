/* Contacts: RFC 6350, with what older versions do. */
#include "common/mime/vcard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct arena arena;

static int set_up(void **state)
{
	(void)state;
	arena_init(&arena);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

static void assert_str(struct str actual, const char *expected)
{
	assert_string_equal(arena_text(&arena, actual), expected);
}

/* The one card of a text. */
static struct vcard card_of(const char *text)
{
	struct str rest = str_of(text);
	struct vcard card;
	size_t bad = 0;

	assert_true(vcard_next(&rest, &arena, &card, &bad));
	assert_int_equal(bad, 0);
	return card;
}

/* The first example of RFC 6350 (8). */
static void test_example(void **state)
{
	struct vcard card =
	    card_of("BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Simon Perreault\r\nN:Perreault;Simon;;;ing. jr,M.Sc.\r\n"
	            "BDAY:--0203\r\nGENDER:M\r\nLANG;PREF=1:fr\r\nORG;TYPE=work:Viagenie\r\n"
	            "ADR;TYPE=work:;Suite D2-630;2875 Laurier;Quebec;QC;G1V 2M2;Canada\r\n"
	            "TEL;VALUE=uri;TYPE=\"work,voice\";PREF=1:tel:+1-418-656-9254;ext=102\r\n"
	            "EMAIL;TYPE=work:simon.perreault@viagenie.ca\r\nEND:VCARD\r\n");

	(void)state;
	assert_str(card.name, "Simon Perreault");
	assert_str(card.organization, "Viagenie");
	assert_int_equal(card.addresses.count, 1);
	assert_str(card.addresses.list[0], "simon.perreault@viagenie.ca");
	assert_str(card.phones.list[0], "tel:+1-418-656-9254;ext=102");
	assert_str(card.places.list[0], "Suite D2-630, 2875 Laurier, Quebec, QC, G1V 2M2, Canada");
	assert_str(card.rest, "BDAY:--0203\r\nGENDER:M\r\nLANG;PREF=1:fr\r\n");
}

static void test_old_versions(void **state)
{
	struct vcard card = card_of(
	    "begin:vcard\nN;CHARSET=ISO-8859-1;QUOTED-PRINTABLE:M=FCller;Jan\nitem2.EMAIL:a@b.example\nend:vcard\n");

	(void)state;
	assert_str(card.name, "Jan M\xc3\xbcller");
	assert_str(card.addresses.list[0], "a@b.example");
	card = card_of("BEGIN:VCARD\r\nFN:A\r\nNOTE;ENCODING=QUOTED-PRINTABLE:one=0D=0A=\r\ntwo\r\nEND:VCARD");
	assert_non_null(strstr(arena_text(&arena, card.note), "two"));
}

static void test_escapes_and_folds(void **state)
{
	struct vcard card = card_of(
	    "BEGIN:VCARD\r\nFN:Comma\\, and\r\n  more\r\nNOTE:one\\ntwo\\;\\\\\r\nCATEGORIES:a\\,b,c\r\nEND:VCARD\r\n");

	(void)state;
	assert_str(card.name, "Comma, and more");
	assert_str(card.note, "one\ntwo;\\");
	assert_int_equal(card.groups.count, 2);
	assert_str(card.groups.list[0], "a,b");
}

static void test_several_and_bad_ones(void **state)
{
	struct str rest =
	    STR("garbage\r\nBEGIN:VCARD\r\nTEL:1\r\nEND:VCARD\r\nBEGIN:VCARD\r\nEMAIL:x@y.example\r\nEND:VCARD\r\n"
	        "BEGIN:VCARD\r\nFN:Last");
	struct vcard card;
	size_t bad = 0;

	(void)state;
	assert_true(vcard_next(&rest, &arena, &card, &bad));
	assert_int_equal(bad, 1);
	assert_str(card.name, "x@y.example");
	assert_true(vcard_next(&rest, &arena, &card, &bad));
	assert_str(card.name, "Last");
	assert_false(vcard_next(&rest, &arena, &card, &bad));
}

static void test_format(void **state)
{
	struct vcard card = {.uid = STR("u-1"),
	                     .name = STR("J\xc3\xb6rg, der; \\Lange"),
	                     .organization = STR(""),
	                     .title = STR(""),
	                     .note = STR("one\ntwo"),
	                     .rest = STR("X-A:1\r\n")};
	char longest[200];
	struct buf out;

	(void)state;
	memset(longest, 'x', sizeof longest);
	vcard_add(&card.addresses, STR("a@b.example"));
	vcard_add(&card.addresses, STR("A@B.example")); /* the same */
	vcard_add(&card.places, STR("Street 1, Town"));
	vcard_add(&card.groups, str_from(longest, sizeof longest));
	buf_init(&out, 10000);
	vcard_format(&card, &out);
	for (struct str rest = buf_str(&out); rest.len > 0;)
		assert_true(str_cut(&rest, '\n').len <= 76); /* 75 and the CR */
	assert_true(str_find(buf_str(&out), STR("FN:J\xc3\xb6rg\\, der\\; \\\\Lange\r\n")) > 0);
	assert_true(str_find(buf_str(&out), STR("ADR:;;Street 1\\, Town;;;;\r\n")) > 0);
	assert_true(str_find(buf_str(&out), STR("NOTE:one\\ntwo\r\n")) > 0);
	card = card_of(buf_text(&out));
	assert_str(card.name, "J\xc3\xb6rg, der; \\Lange");
	assert_int_equal(card.addresses.count, 1);
	assert_int_equal(card.groups.list[0].len, sizeof longest);
	assert_str(card.places.list[0], "Street 1, Town");
	assert_str(card.rest, "X-A:1\r\n");
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_example, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_old_versions, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_escapes_and_folds, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_several_and_bad_ones, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_format, set_up, tear_down),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("vcard", tests, NULL, NULL);
}
