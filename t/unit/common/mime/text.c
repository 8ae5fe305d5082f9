/* The content of parts. Examples of RFC 2045 6.7, RFC 2049 A; RFC 4648 10. */
#include "common/mime/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct arena arena;

static int setup(void **state)
{
	(void)state;
	arena_init(&arena);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

static void assert_text(struct str s, const char *expected, const char *input)
{
	if (!str_equal(s, str_of(expected)))
		fail_msg("%s: \"%.*s\" is not \"%s\"", input, STR_ARG(s), expected);
}

/* Pass text through a sink in pieces of so many bytes. */
static void pass(struct mime_sink *sink, struct str text, size_t piece)
{
	struct err err;

	for (; text.len > 0; text = str_skip(text, piece))
		assert_int_equal(sink->write(sink, str_sub(text, 0, piece), &err), MIME_MORE);
}

static void check_decode(enum mime_encoding encoding, const char *input, const char *expected)
{
	for (size_t piece = 1; piece < 8; piece++) {
		struct mime_decoder decoder;
		struct mime_collect collect;
		struct buf out;
		struct err err;

		buf_init(&out, 10000);
		mime_collect_init(&collect, &out);
		mime_decoder_init(&decoder, encoding, &collect.sink);
		pass(&decoder.sink, str_of(input), piece);
		assert_int_equal(mime_decoder_finish(&decoder, &err), MIME_MORE);
		assert_text(buf_str(&out), expected, input);
		buf_free(&out);
	}
}

static void test_base64(void **state)
{
	(void)state;
	check_decode(MIME_BASE64, "", "");
	check_decode(MIME_BASE64, "Zg==", "f");
	check_decode(MIME_BASE64, "Zm8=", "fo");
	check_decode(MIME_BASE64, "Zm9v", "foo");
	check_decode(MIME_BASE64, "Zm9vYg==", "foob");
	check_decode(MIME_BASE64, "Zm9vYmE=", "fooba");
	check_decode(MIME_BASE64, "Zm9vYmFy", "foobar");
	check_decode(MIME_BASE64, "Zm9v\r\nYmFy\r\n", "foobar");
	/* RFC 2045 6.8: characters outside the alphabet do not count; the padding may be missing */
	check_decode(MIME_BASE64, "Zm 9v-Ym!Fy", "foobar");
	check_decode(MIME_BASE64, "Zm9vYg", "foob");
	check_decode(MIME_BASE64, "Zm9vYmE", "fooba");
	check_decode(MIME_BASE64, "Zm9vY", "foo");
	check_decode(MIME_BASE64, "Zg==Zg==", "ff");
	check_decode(MIME_BASE64, "====", "");
}

static void test_quoted_printable(void **state)
{
	(void)state;
	/* RFC 2045 6.7 */
	check_decode(MIME_QUOTED_PRINTABLE, "Now's the time =\r\nfor all folk to come=\r\n to the aid of their country.",
	             "Now's the time for all folk to come to the aid of their country.");
	check_decode(MIME_QUOTED_PRINTABLE, "=3D=0C=e4=E4", "=\x0c\xe4\xe4");
	check_decode(MIME_QUOTED_PRINTABLE, "blanks \t \r\nnext", "blanks\r\nnext");
	check_decode(MIME_QUOTED_PRINTABLE, "blanks =20\r\nnext", "blanks  \r\nnext");
	check_decode(MIME_QUOTED_PRINTABLE, "a= \t\r\nb", "ab");
	check_decode(MIME_QUOTED_PRINTABLE, "a\nb =\nc", "a\nb c");
	/* broken: it stands for itself (6.7, the notes to implementors) */
	check_decode(MIME_QUOTED_PRINTABLE, "a=b=3", "a=b=3");
	check_decode(MIME_QUOTED_PRINTABLE, "a=4x=xy==41", "a=4x=xy=A");
	check_decode(MIME_QUOTED_PRINTABLE, "a= b", "a= b");
	check_decode(MIME_QUOTED_PRINTABLE, "a=", "a");
	check_decode(MIME_QUOTED_PRINTABLE,
	             "                                                                                          x",
	             "                                                                                          x");
}

static void check_charset(const char *name, const char *input, const char *expected)
{
	for (size_t piece = 1; piece < 8; piece++) {
		struct mime_charset charset;
		struct mime_collect collect;
		struct buf out;
		struct err err;

		buf_init(&out, 10000);
		mime_collect_init(&collect, &out);
		mime_charset_init(&charset, str_of(name), &collect.sink);
		pass(&charset.sink, str_of(input), piece);
		assert_int_equal(mime_charset_finish(&charset, &err), MIME_MORE);
		assert_text(buf_str(&out), expected, input);
		assert_true(str_is_utf8(buf_str(&out)));
		buf_free(&out);
	}
}

static void test_charsets(void **state)
{
	(void)state;
	check_charset("utf-8", "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z", "aä€😀z");
	check_charset("UTF8", "a\xc3", "a\xef\xbf\xbd");
	check_charset("utf-8", "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	check_charset("us-ascii", "caf\xe9 \xc3\xa9", "café é");
	check_charset("", "\x80 \xe4\xf6", "€ äö");
	check_charset("iso-8859-1", "\xe4\x93\xff", "ä“ÿ");
	check_charset("ISO-8859-15", "\xa4", "€");
	check_charset("windows-1251", "\xcf\xf0\xe8\xe2\xe5\xf2", "Привет");
	check_charset("shift_jis", "\x93\xfa\x96\x7b", "日本");
	check_charset("iso-2022-jp", "\x1b$BF|K\\\x1b(B.", "日本.");
	check_charset("euc-kr", "\xb0\xa1", "가");
	check_charset("big5", "\xa4\xa4\xa4", "中\xef\xbf\xbd");
	check_charset("utf-7", "Hi Mom -+Jjo--!", "Hi Mom -☺-!");
	check_charset("UTF-8//IGNORE", "caf\xe9", "café");
	assert_true(mime_charset_known(STR("UTF-8")));
	assert_true(mime_charset_known(STR("US-ASCII")));
	assert_true(mime_charset_known(STR("koi8-r")));
	assert_false(mime_charset_known(STR("no-such-charset")));
	assert_false(mime_charset_known(STR("")));
	assert_false(mime_charset_known(STR("utf-8//translit")));
}

static void check_html(const char *input, const char *expected)
{
	for (size_t piece = 1; piece < 8; piece++) {
		struct mime_collect collect;
		struct mime_html html;
		struct buf out;
		struct err err;

		buf_init(&out, 10000);
		mime_collect_init(&collect, &out);
		mime_html_init(&html, &collect.sink);
		pass(&html.sink, str_of(input), piece);
		assert_int_equal(mime_html_finish(&html, &err), MIME_MORE);
		assert_text(buf_str(&out), expected, input);
		buf_free(&out);
	}
}

static void test_html(void **state)
{
	(void)state;
	check_html("plain", "plain");
	check_html("<p>one<p>two", "one\n\ntwo");
	check_html("a<br>b<br/>c", "a\nb\nc");
	check_html("a  \r\n <b>b</b>c", "a bc");
	check_html("<html><head><title>no</title><style>p > a { }</style></head><body>yes</body>", "yes");
	check_html("<script>if (a<b && c=='</p>') x(\"<\"); </script>text", "text");
	check_html("<table><tr><td>a</td><td>b</td></tr><tr><td>c</table>", "a b\nc");
	check_html("&lt;a&gt; &amp;&nbsp;&auml;&euro;&#228;&#xE4;&#X1F600;", "<a> & ä€ää😀");
	check_html("AT&T &unknown; &#0; &#xd800; a&b", "AT&T &unknown; &#0; &#xd800; a&b");
	check_html("&amp", "&");
	check_html("a<!-- <b> -- > c -->b", "ab");
	check_html("a<!doctype html>b<?xml x?>c", "abc");
	check_html("<a href=\"x>y\" title='a>b'>text</a>", "text");
	check_html("<a title=it's>text</a>", "text");
	check_html("1 < 2 <3", "1 < 2 <3");
	check_html("a<", "a<");
	check_html("<b", "");
	check_html("ä<i>ö</i>", "äö");
}

#define ALTERNATIVE                                                                                              \
	"Content-Type: multipart/alternative; boundary=b\r\n\r\n"                                                    \
	"--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" \
	"> quoted\r\n\r\nGr=FC=DFe  an=20\r\nalle\r\n-- \r\nAnna\r\n"                                                \
	"--b\r\nContent-Type: text/html\r\n\r\n<p>Other</p>\r\n--b--\r\n"

static struct str preview(const char *message, size_t max)
{
	struct mime_source source = mime_source_memory(str_of(message));
	struct mime_part *root;
	struct str text;
	struct err err;

	assert_int_equal(mime_parse(&source, &arena, &root, &err), 0);
	assert_int_equal(mime_preview(&source, root, max, &arena, &text, &err), 0);
	return text;
}

static void test_preview(void **state)
{
	(void)state;
	assert_text(preview(ALTERNATIVE, 200), "Grüße an alle", "alternative");
	assert_text(preview(ALTERNATIVE, 6), "Grüße", "no blank at the end");
	assert_text(preview(ALTERNATIVE, 7), "Grüße a", "cut");
	assert_text(preview("Subject: x\r\n\r\n> all\r\n> quoted\r\n", 200), "> all > quoted", "quoted");
	assert_text(preview("Content-Type: text/html\r\n\r\n<p>Hello<p>you", 200), "Hello you", "html");
	assert_text(preview("Content-Type: image/png\r\n\r\nHello", 200), "", "no text");
	assert_text(preview("Content-Type: text/plain\r\nContent-Disposition: attachment\r\n\r\nHello", 200), "", "file");
	assert_text(preview("\r\n", 200), "", "empty");
}

static void test_text_of_part(void **state)
{
	struct mime_source source = mime_source_memory(STR(ALTERNATIVE));
	struct mime_collect collect;
	struct mime_part *root;
	struct buf out;
	struct err err;
	int64_t size;

	(void)state;
	assert_int_equal(mime_parse(&source, &arena, &root, &err), 0);
	buf_init(&out, 1000);
	mime_collect_init(&collect, &out);
	assert_int_equal(mime_send_text(&source, root->first_child, true, &collect.sink, &err), MIME_MORE);
	assert_text(buf_str(&out), "> quoted\r\n\r\nGrüße  an \r\nalle\r\n--\r\nAnna", "plain");
	assert_int_equal(mime_decoded_size(&source, root->first_child, &size, &err), 0);
	assert_int_equal(size, out.len - 2); /* two characters of two bytes */
	buf_reset(&out);
	assert_int_equal(mime_send_text(&source, root->first_child->next, true, &collect.sink, &err), MIME_MORE);
	assert_text(buf_str(&out), "Other", "html as plain");
	buf_reset(&out);
	assert_int_equal(mime_send_text(&source, root->first_child->next, false, &collect.sink, &err), MIME_MORE);
	assert_text(buf_str(&out), "<p>Other</p>", "html as it is");
	buf_free(&out);
	buf_init(&out, 5);
	assert_int_equal(mime_send_text(&source, root->first_child, false, &collect.sink, &err), MIME_ENOUGH);
	assert_text(buf_str(&out), "> quo", "enough");
	buf_free(&out);
}

static void test_encodings(void **state)
{
	static const struct {
		const char *header;
		enum mime_encoding encoding;
	} cases[] = {
	    {"", MIME_IDENTITY},
	    {"Content-Transfer-Encoding: 8BIT\n", MIME_IDENTITY},
	    {"Content-Transfer-Encoding: Base64\n", MIME_BASE64},
	    {"Content-Transfer-Encoding: base64 (a comment)\n", MIME_BASE64},
	    {"Content-Transfer-Encoding: quoted-printable;\n", MIME_QUOTED_PRINTABLE},
	    {"Content-Transfer-Encoding: x-uuencode\n", MIME_UNKNOWN_ENCODING},
	    {"Content-Transfer-Encoding: base64\nContent-Type: multipart/mixed; boundary=a\n\n--a\n", MIME_IDENTITY},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct mime_source source = mime_source_memory(str_of(cases[i].header));
		struct mime_part *root;
		struct err err;

		assert_int_equal(mime_parse(&source, &arena, &root, &err), 0);
		assert_int_equal(mime_encoding(root), cases[i].encoding);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_base64, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_quoted_printable, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_charsets, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_html, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_preview, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_text_of_part, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_encodings, setup, teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("mime text", tests, NULL, NULL);
}
