/* Canonical forms (RFC 6376 3.4) and the hashes of bodies, however they are cut. */
#include "t/unit/common/mailauth/dkim/fixture.h"

#include <openssl/evp.h>

static const struct form_case {
	struct str body, simple, relaxed;
} cases[] = {
#define CASE(body, simple, relaxed)                                 \
	{                                                               \
		{(body), sizeof(body) - 1}, {(simple), sizeof(simple) - 1}, \
		{                                                           \
			(relaxed), sizeof(relaxed) - 1                          \
		}                                                           \
	}
    /* RFC 6376 3.4.5 */
    CASE(" C \r\nD \t E\r\n\r\n\r\n", " C \r\nD \t E\r\n", " C\r\nD E\r\n"),
    /* 3.4.3, 3.4.4: nothing, and nothing but empty lines */
    CASE("", "\r\n", ""),
    CASE("\r\n", "\r\n", ""),
    CASE("\r\n\r\n\r\n", "\r\n", ""),
    CASE(" \t\r\n \r\n", " \t\r\n \r\n", ""),
    /* no line end at the end */
    CASE("a", "a\r\n", "a\r\n"),
    CASE("a \t", "a \t\r\n", "a\r\n"),
    CASE(" ", " \r\n", ""),
    CASE("a\r\n\r\nb", "a\r\n\r\nb\r\n", "a\r\n\r\nb\r\n"),
    CASE("\r\n\r\na\r\n", "\r\n\r\na\r\n", "\r\n\r\na\r\n"),
    CASE("a\r\n \t\r\n\r\nb\r\n\r\n", "a\r\n \t\r\n\r\nb\r\n", "a\r\n\r\n\r\nb\r\n"),
    /* CR and LF alone are octets */
    CASE("a\r\r\nb\n\rc\r", "a\r\r\nb\n\rc\r\r\n", "a\r\r\nb\n\rc\r\r\n"),
    CASE("\n", "\n\r\n", "\n\r\n"),
    CASE("\r", "\r\r\n", "\r\r\n"),
    CASE("\r\r\n\r", "\r\r\n\r\r\n", "\r\r\n\r\r\n"),
    CASE("a \r b \n c", "a \r b \n c\r\n", "a \r b \n c\r\n"),
    CASE("a\r\n\rb", "a\r\n\rb\r\n", "a\r\n\rb\r\n"),
    CASE("a\0b \0\r\n", "a\0b \0\r\n", "a\0b \0\r\n"),
#undef CASE
};

static void assert_hash(const struct dkim_body *body, int which, struct str canonical)
{
	unsigned char expected[DKIM_HASH_SIZE];

	EVP_Digest(canonical.data, canonical.len, expected, NULL, EVP_sha256(), NULL);
	assert_memory_equal(body->hashes[which].hash, expected, sizeof expected);
}

static void feed_body(struct dkim_body *body, struct str octets, size_t piece)
{
	for (; octets.len != 0; octets = str_skip(octets, piece))
		dkim_body_feed(body, str_sub(octets, 0, piece));
	dkim_body_end(body);
}

static void test_bodies(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		for (size_t piece = 1; piece <= cases[i].body.len + 1; piece++) {
			struct dkim_body body;

			dkim_body_open(&body);
			assert_int_equal(dkim_body_want(&body, DKIM_RELAXED, DKIM_WHOLE_BODY), 0);
			assert_int_equal(dkim_body_want(&body, DKIM_SIMPLE, DKIM_WHOLE_BODY), 1);
			assert_int_equal(dkim_body_want(&body, DKIM_RELAXED, 3), 2);
			assert_int_equal(dkim_body_want(&body, DKIM_SIMPLE, 0), 3);
			assert_int_equal(dkim_body_want(&body, DKIM_SIMPLE, DKIM_WHOLE_BODY), 1);
			feed_body(&body, cases[i].body, piece);
			assert_hash(&body, 0, cases[i].relaxed);
			assert_hash(&body, 1, cases[i].simple);
			assert_hash(&body, 2, str_sub(cases[i].relaxed, 0, 3));
			assert_hash(&body, 3, STR(""));
			assert_int_equal(body.forms[DKIM_RELAXED].length, cases[i].relaxed.len);
			assert_int_equal(body.forms[DKIM_SIMPLE].length, cases[i].simple.len);
			dkim_body_close(&body);
		}
	}
}

/* The hashes that RFC 6376 3.4.3 and 3.4.4 give for an empty body. */
static void test_empty(void **state)
{
	static const unsigned char simple[] = {0x7e, 0xb7, 0x02, 0x57, 0x59, 0x3d, 0xa0, 0x6f, 0x68, 0x2a, 0x3d,
	                                       0xdd, 0xa5, 0x4a, 0x9d, 0x26, 0x0d, 0x4f, 0xc5, 0x14, 0xf6, 0x45,
	                                       0x23, 0x7f, 0x5c, 0xa7, 0x4b, 0x08, 0xf8, 0xda, 0x61, 0xa6};
	struct dkim_body body;

	(void)state;
	dkim_body_open(&body);
	dkim_body_want(&body, DKIM_SIMPLE, DKIM_WHOLE_BODY);
	dkim_body_want(&body, DKIM_RELAXED, DKIM_WHOLE_BODY);
	dkim_body_end(&body);
	assert_memory_equal(body.hashes[0].hash, simple, sizeof simple);
	assert_hash(&body, 1, STR(""));
	dkim_body_close(&body);
}

/* Words longer than the room they are gathered in, and line ends without number. */
static void test_long(void **state)
{
	struct dkim_body body;
	struct buf text, relaxed;

	(void)state;
	buf_init(&text, 1 << 20);
	buf_init(&relaxed, 1 << 20);
	for (int i = 0; i < 200; i++) {
		for (int j = 0; j < i * 20; j++) {
			buf_add_char(&text, (char)('a' + j % 26));
			buf_add_char(&relaxed, (char)('a' + j % 26));
		}
		buf_add_str(&text, i % 3 == 0 ? STR("\t \t") : STR(" \r\n"));
		buf_add_str(&relaxed, i % 3 == 0 ? STR(" ") : STR("\r\n"));
		for (int j = 0; i % 7 == 0 && j < 100; j++) {
			buf_add_str(&text, STR("\r\n"));
			if (i % 3 == 0 && j == 0)
				relaxed.len--; /* the blank is the line's last now */
			buf_add_str(&relaxed, STR("\r\n"));
		}
	}
	buf_add_str(&text, STR("end\r\n"));
	buf_add_str(&relaxed, STR("end\r\n"));
	for (size_t piece = 1; piece < 5000; piece += 611) {
		dkim_body_open(&body);
		dkim_body_want(&body, DKIM_RELAXED, DKIM_WHOLE_BODY);
		dkim_body_want(&body, DKIM_SIMPLE, DKIM_WHOLE_BODY);
		feed_body(&body, buf_str(&text), piece);
		assert_hash(&body, 0, buf_str(&relaxed));
		assert_hash(&body, 1, buf_str(&text));
		dkim_body_close(&body);
	}
	buf_free(&text);
	buf_free(&relaxed);
}

static void test_many_hashes(void **state)
{
	struct dkim_body body;

	(void)state;
	dkim_body_open(&body);
	for (int i = 0; i < DKIM_BODY_HASHES_MAX; i++)
		assert_int_equal(dkim_body_want(&body, DKIM_SIMPLE, (uint64_t)i), i);
	assert_int_equal(dkim_body_want(&body, DKIM_SIMPLE, 1000), -1);
	assert_int_equal(dkim_body_want(&body, DKIM_SIMPLE, 5), 5);
	dkim_body_close(&body);
}

static void assert_field(const char *field, const char *relaxed, const char *simple)
{
	struct buf out;

	buf_init(&out, 1000);
	dkim_field_canon(str_of(field), DKIM_RELAXED, &out);
	assert_string_equal(buf_text(&out), relaxed);
	buf_reset(&out);
	dkim_field_canon(str_of(field), DKIM_SIMPLE, &out);
	assert_string_equal(buf_text(&out), simple);
	buf_free(&out);
}

static void test_fields(void **state)
{
	(void)state;
	/* RFC 6376 3.4.5 */
	assert_field("A: X\r\n", "a:X\r\n", "A: X\r\n");
	assert_field("B : Y\t\r\n\tZ  \r\n", "b:Y Z\r\n", "B : Y\t\r\n\tZ  \r\n");
	/* 3.4.2 */
	assert_field("SUBJect: AbC\r\n", "subject:AbC\r\n", "SUBJect: AbC\r\n");
	assert_field("Subject:\r\n \r\n\ta  \r\n b:c\r\n", "subject:a b:c\r\n", "Subject:\r\n \r\n\ta  \r\n b:c\r\n");
	assert_field("Subject:\r\n", "subject:\r\n", "Subject:\r\n");
	assert_field("Subject: \t \r\n", "subject:\r\n", "Subject: \t \r\n");
	/* a header that is cut ends a line, too; half a line end is an octet */
	assert_field("A: b", "a:b\r\n", "A: b\r\n");
	assert_field("A: b\rc\nd\r\n", "a:b\rc\nd\r\n", "A: b\rc\nd\r\n");
	assert_field("A: b\n", "a:b\n\r\n", "A: b\n\r\n");
	assert_field("A: \303\204 b\r\n", "a:\303\204 b\r\n", "A: \303\204 b\r\n");
}

static void assert_taken(struct dkim_choice *choice, const char *name, const char *whole)
{
	const struct dkim_field *field = dkim_choice_take(choice, str_of(name));

	if (whole == NULL) {
		assert_null(field);
		return;
	}
	assert_non_null(field);
	assert_true(str_equal(field->whole, str_of(whole)));
}

/* RFC 6376 5.4.2: from the bottom up, each once; what is not there is nothing. */
static void test_choice(void **state)
{
	struct dkim_fields fields;
	struct dkim_choice choice;

	(void)state;
	assert_int_equal(dkim_fields_read(STR("Received: <A>\r\nX: 1\r\nreceived: <B>\r\nno field\r\nRECEIVED : <C>\r\n"
	                                      "\r\nReceived: <body>\r\n"),
	                                  &arena, &fields, &err),
	                 0);
	assert_int_equal(fields.count, 5);
	assert_int_equal(dkim_fields_count(&fields, STR("Received")), 3);
	choice = dkim_choice_begin(&fields, NULL, &arena);
	assert_taken(&choice, "Received", "RECEIVED : <C>\r\n");
	assert_taken(&choice, "X", "X: 1\r\n");
	assert_taken(&choice, "Received", "received: <B>\r\n");
	assert_taken(&choice, "x", NULL);
	assert_taken(&choice, "Received", "Received: <A>\r\n");
	assert_taken(&choice, "Received", NULL);
	assert_taken(&choice, "Y", NULL);
	choice = dkim_choice_begin(&fields, &fields.list[4], &arena);
	assert_taken(&choice, "Received", "received: <B>\r\n");
}

static void test_limits(void **state)
{
	struct dkim_fields fields;
	struct buf header;

	(void)state;
	buf_init(&header, DKIM_HEADER_MAX * 2);
	for (int i = 0; i < DKIM_FIELDS_MAX; i++)
		buf_printf(&header, "X-%d: y\r\n", i);
	assert_int_equal(dkim_fields_read(buf_str(&header), &arena, &fields, &err), 0);
	assert_int_equal(fields.count, DKIM_FIELDS_MAX);
	assert_true(str_equal(fields.list[DKIM_FIELDS_MAX - 1].name, STR("X-1999")));
	buf_add_str(&header, STR("From: a\r\n"));
	assert_int_equal(dkim_fields_read(buf_str(&header), &arena, &fields, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	buf_reset(&header);
	buf_add_str(&header, STR("X: "));
	while (header.len <= DKIM_HEADER_MAX)
		buf_add_str(&header, STR("0123456789abcdef"));
	assert_int_equal(dkim_fields_read(buf_str(&header), &arena, &fields, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	buf_free(&header);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_bodies),      cmocka_unit_test(test_empty),  cmocka_unit_test(test_long),
	    cmocka_unit_test(test_many_hashes), cmocka_unit_test(test_fields), cmocka_unit_test(test_choice),
	    cmocka_unit_test(test_limits),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("canonical forms", tests, fixture_setup, fixture_teardown);
}
