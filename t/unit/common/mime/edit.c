/* Another form of a message: RFC 2045, 2046 5.1.1, 5322 2.2.3; specification 06 "Global signature", 02-12. */
#include "common/mime/edit.h"

#include "common/mime/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

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

/* What is written for a message after it was changed. */
static struct str written(const struct mime_edit *edit)
{
	int fd = memfd_create("edit", 0);
	off_t size;
	char *bytes;
	struct err err;

	assert_true(fd >= 0);
	assert_int_equal(mime_edit_write(edit, fd, &err), 0);
	size = lseek(fd, 0, SEEK_END);
	bytes = arena_get(&arena, (size_t)size + 1);
	assert_int_equal(pread(fd, bytes, (size_t)size, 0), size);
	close(fd);
	return str_from(bytes, (size_t)size);
}

static struct mime_source source;
static struct mime_part *root;

static void begin(struct mime_edit *edit, struct str message)
{
	struct err err;

	source = mime_source_memory(message);
	assert_int_equal(mime_parse(&source, &arena, &root, &err), 0);
	assert_int_equal(mime_edit_open(edit, &source, root, &arena, &err), 0);
}

static struct str append(const char *message, const char *plain, const char *html)
{
	struct mime_edit edit;
	struct err err;

	begin(&edit, str_of(message));
	assert_int_equal(mime_edit_append(&edit, str_of(plain), str_of(html), &err), 0);
	return written(&edit);
}

static void check(const char *message, const char *plain, const char *html, const char *expected)
{
	assert_string_equal(append(message, plain, html).data, expected);
}

static void check_same(const char *message)
{
	struct mime_edit edit;
	struct err err;

	begin(&edit, str_of(message));
	assert_int_equal(mime_edit_append(&edit, STR(""), STR(""), &err), 0);
	assert_true(mime_edit_is_unchanged(&edit));
	assert_string_equal(written(&edit).data, message);
}

static void test_untouched(void **state)
{
	static const char message[] = "Received: a\r\n\tb\r\nFrom : x\r\nSubject:y\r\n\r\nline\r\nno end";
	struct mime_edit edit;

	(void)state;
	begin(&edit, str_of(message));
	assert_true(mime_edit_is_unchanged(&edit));
	assert_string_equal(written(&edit).data, message);
	check_same("Subject: no body");
	check_same("Subject: no body\r\n");
	check_same("no header at all\r\n\r\nbody");
}

static void test_plain(void **state)
{
	(void)state;
	check("Subject: x\r\n\r\nhello\r\n", "-- \nBob", "", "Subject: x\r\n\r\nhello\r\n\r\n-- \r\nBob\r\n");
	check("Subject: x\r\n\r\nhello", "Bob  ", "", "Subject: x\r\n\r\nhello\r\n\r\nBob\r\n");
	check("Subject: x\r\n\r\n", "Bob\r\n\r\n", "", "Subject: x\r\n\r\nBob\r\n");
	check("Subject: x\r\n\r\nhello\r\n\r\n", "Bob", "", "Subject: x\r\n\r\nhello\r\n\r\nBob\r\n");
}

static void test_html_signature_in_plain(void **state)
{
	(void)state;
	check("Subject: x\r\n\r\nhello\r\n", "", "<p><b>Bob</b> &amp; Co</p>",
	      "Subject: x\r\n\r\nhello\r\n\r\nBob & Co\r\n");
}

static void test_charsets(void **state)
{
	(void)state;
	/* nothing but ASCII is declared: UTF-8 then, and an encoding for 7 bits */
	check("Subject: x\r\n\r\na=b\r\n", "J\xc3\xb6rg", "",
	      "Subject: x\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n"
	      "MIME-Version: 1.0\r\n\r\na=3Db\r\n\r\nJ=C3=B6rg\r\n");
	/* the charset has the letter, 8 bits are allowed: the rest stays as it is */
	check("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
	      "gr\xfc\xdf\r\n",
	      "J\xc3\xb6rg", "",
	      "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
	      "gr\xfc\xdf\r\n\r\nJ\xf6rg\r\n");
	/* it has not: all of it becomes UTF-8 */
	check("MIME-Version: 1.0\r\nContent-Type: text/plain; format=flowed; charset=iso-8859-1\r\n"
	      "Content-Transfer-Encoding: 8bit\r\n\r\ngr\xfc\xdf\r\n",
	      "\xe2\x82\xac", "",
	      "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8; format=\"flowed\"\r\n"
	      "Content-Transfer-Encoding: 8bit\r\n\r\ngr\xc3\xbc\xc3\x9f\r\n\r\n\xe2\x82\xac\r\n");
}

static void test_encodings(void **state)
{
	(void)state;
	check("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: "
	      "quoted-printable\r\n"
	      "\r\nsoft=\r\nline =3D\r\n",
	      "J\xc3\xb6rg", "",
	      "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: "
	      "quoted-printable\r\n"
	      "\r\nsoft=\r\nline =3D\r\n\r\nJ=C3=B6rg\r\n");
	check("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
	      "aGVsbG8NCg==\r\n",
	      "Bob", "",
	      "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
	      "aGVsbG8NCg0KQm9iDQo=\r\n");
}

static void test_html(void **state)
{
	(void)state;
	check("MIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n<html><BODY>hi</BODY></html>\r\n", "J\xc3\xb6rg <x>\nY",
	      "",
	      "MIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n<html><BODY>hi<br>\r\nJ&#246;rg &lt;x&gt;<br>\r\nY\r\n"
	      "</BODY></html>\r\n");
	check("MIME-Version: 1.0\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
	      "<body a=3D1>hi</body>\r\n",
	      "", "<html><body class=\"a\"><i>B</i></body></html>",
	      "MIME-Version: 1.0\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
	      "<body a=3D1>hi=\r\n<br>\r\n<i>B</i>\r\n</body>\r\n");
}

#define ALTERNATIVE "Content-Type: multipart/alternative; boundary=b\r\nMIME-Version: 1.0\r\n\r\nprologue\r\n"

static void test_alternative(void **state)
{
	(void)state;
	check(ALTERNATIVE
	      "--b\r\n\r\nhello\r\n--b\r\nContent-Type: text/html\r\n\r\n<body>hello</body>\r\n--b--\r\nend\r\n",
	      "PLAIN", "<b>HTML</b>",
	      ALTERNATIVE "--b\r\n\r\nhello\r\n\r\nPLAIN\r\n--b\r\nContent-Type: text/html\r\n\r\n<body>hello<br>\r\n"
	                  "<b>HTML</b>\r\n</body>\r\n--b--\r\nend\r\n");
	/* the header of a part changes, the message's does not */
	check(ALTERNATIVE "--b\r\nX-A: 1\r\n\r\nhello\r\n--b--\r\n", "\xc3\xb6", "",
	      ALTERNATIVE "--b\r\nX-A: 1\r\nContent-Type: text/plain; charset=utf-8\r\n"
	                  "Content-Transfer-Encoding: quoted-printable\r\n\r\nhello\r\n\r\n=C3=B6\r\n--b--\r\n");
}

static void test_where(void **state)
{
	(void)state;
	/* the first part, no attachment */
	check("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhello\r\n--b\r\n\r\nattached\r\n--b--\r\n", "S",
	      "",
	      "Content-Type: multipart/mixed; "
	      "boundary=b\r\n\r\n--b\r\n\r\nhello\r\n\r\nS\r\n--b\r\n\r\nattached\r\n--b--\r\n");
}

static void check_sealed(const char *message)
{
	check(message, "SIG", "", message);
}

static void test_sealed(void **state)
{
	(void)state;
	check_sealed(
	    "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\nhello\r\n--b\r\n\r\nsignature\r\n--b--\r\n");
	check_sealed("Content-Type: multipart/encrypted; boundary=b\r\n\r\n--b\r\n\r\nhello\r\n--b--\r\n");
	check_sealed("Content-Type: application/pkcs7-mime\r\n\r\nabc\r\n");
	check_sealed("DKIM-Signature: v=1; d=other.test\r\n\r\nabc\r\n");
	check_sealed("Subject: x\r\n\r\n-----BEGIN PGP SIGNED MESSAGE-----\r\nabc\r\n");
	check_sealed(
	    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/signed; boundary=c\r\n\r\n"
	    "--c\r\n\r\nx\r\n--c--\r\n--b\r\n\r\nfooter\r\n--b--\r\n");
	check_sealed("Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n\r\nhello\r\n--b--\r\n");
	check_sealed("Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\nhello\r\n");
	check_sealed("Content-Type: text/plain\r\nContent-Disposition: attachment\r\n\r\nhello\r\n");
	check_sealed("Content-Type: image/png\r\n\r\nhello\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_untouched, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_plain, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_html_signature_in_plain, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_charsets, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_encodings, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_html, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_alternative, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_where, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_sealed, setup, teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("mime edit", tests, NULL, NULL);
}
