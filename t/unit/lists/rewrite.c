/* What members get: header fields, prefix, signature; and what is read of a message before (specification 03). */
#include "lists/reader.h"

#include "common/base/io.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static struct list_settings settings;
static struct recipe recipe;
static struct report report;
static struct arena arena;
static struct buf text;

/* The clock is main.c's; nothing here asks it. */
int64_t listd_time(void)
{
	return 0;
}

int64_t listd_time_ms(void)
{
	return 0;
}

static void set(enum list_setting setting, const char *value)
{
	settings.texts[setting] = value;
	settings.numbers[setting] = setting_to_number(&list_setting_definitions[setting], value);
}

static int setup(void **state)
{
	(void)state;
	for (int i = 0; i < LIST_SETTING_COUNT; i++)
		set((enum list_setting)i, list_setting_definitions[i].fallback);
	recipe = (struct recipe){
	    .settings = &settings,
	    .name = STR("mylist"),
	    .address = STR("mylist@example.com"),
	    .domain = STR("example.com"),
	    .moderator = STR("mod@example.com"),
	    .server = STR("listserver@example.com"),
	    .owner = STR("owner@example.com"),
	};
	buf_init(&text, 1 << 20);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	buf_free(&text);
	arena_free(&arena);
	return 0;
}

static void read_message(const char *message)
{
	struct mime_source source = mime_source_memory(str_of(message));
	struct err err;

	if (read_facts(&source, &recipe, &arena, &report, &err) != 0)
		fail_msg("%s", err.text);
}

/* What members get, as text. */
static const char *rewrite(const char *message)
{
	struct mime_source source = mime_source_memory(str_of(message));
	int fd = memfd_create("test", MFD_CLOEXEC);
	struct err err;
	char path[32];

	read_message(message);
	if (rewrite_message(&source, &recipe, &arena, fd, &report, &err) != 0)
		fail_msg("%s", err.text);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	buf_reset(&text);
	assert_int_equal(io_read_file(path, &text, &err), 0);
	close(fd);
	assert_int_equal(report.size, (int64_t)text.len);
	return buf_text(&text);
}

static void assert_has(const char *result, const char *part, int times)
{
	const char *at = result;
	int count = 0;

	while ((at = strstr(at, part)) != NULL) {
		count++;
		at += strlen(part);
	}
	if (count != times)
		fail_msg("\"%s\" is there %d times, not %d, in:\n%s", part, count, times, result);
}

#define PLAIN                                                                                               \
	"Received: by a.test\r\nReceived: by b.test\r\nReturn-Path: <ann@x.test>\r\nFrom: Ann <ann@x.test>\r\n" \
	"To: mylist@example.com\r\nReply-To: other@x.test\r\nReply-To: second@x.test\r\n"                       \
	"Return-Receipt-To: ann@x.test\r\nSubject: Re: hello\r\n\r\nText.\r\n"

/* [03-4.3] */
static void test_default_modifiers(void **state)
{
	const char *result;

	(void)state;
	result = rewrite(PLAIN);
	assert_has(result, "From: Ann <mylist@example.com>\r\n", 1);
	assert_has(result, "Precedence: bulk\r\n", 1);
	assert_has(result, "Received:", 0);
	assert_has(result, "Return-Path:", 0);
	assert_has(result, "Return-Receipt-To:", 0);
	assert_has(result, "Reply-To: mod@example.com\r\n", 1);
	assert_has(result, "Sender: mod@example.com\r\n", 1);
	assert_has(result, "X-Postroom-Loop: mylist@example.com\r\n", 1);
	assert_has(result, "\r\n\r\nText.\r\n", 1);
	assert_int_equal(report.to_at, -1);
	/* and its own post is known when it comes back */
	assert_false(report.has_marker);
	read_message(result);
	assert_true(report.has_marker);
	assert_true(report.is_automatic);
}

/* [03-4.2], [03-4.4] */
static void test_modifiers(void **state)
{
	const char *result;

	(void)state;
	set(LIST_SETTING_MODIFIERS, "Reply-To:mylist@example.com\nReturn-Receipt-To:");
	result = rewrite(PLAIN);
	assert_has(result, "Reply-To:", 1);
	assert_has(result, "Reply-To: mylist@example.com\r\n", 1);
	assert_has(result, "Return-Receipt-To", 0);
	assert_has(result, "Received: by a.test\r\nReceived: by b.test\r\n", 1);
	assert_has(result, "From: Ann <ann@x.test>\r\n", 1);
	set(LIST_SETTING_MODIFIERS, "X-A: 100%% of %z and %O by %n to %L");
	assert_has(rewrite(PLAIN), "X-A: 100% of %z and ann@x.test by Ann to mylist\r\n", 1);
	set(LIST_SETTING_MODIFIERS, "");
	result = rewrite("From: \"x\" <a@b.test>\r\nBcc: secret@b.test\r\n\r\nText.\r\n");
	assert_has(result, "Bcc", 0);
	assert_has(result, "From: \"x\" <a@b.test>\r\n", 1);
}

/* A name can neither add a field nor an address. */
static void test_forged_name(void **state)
{
	const char *result;

	(void)state;
	result = rewrite("From: =?utf-8?q?a=0D=0ABcc:_x@y.test=2C_<z@y.test>?= <ann@x.test>\r\n\r\nText.\r\n");
	assert_has(result, "\nBcc", 0);
	assert_has(result, "<z@y.test>", 0);
	assert_has(result, "<mylist@example.com>\r\n", 1);
	result = rewrite("From: \"eve\\\" <e@y.test>, \\\"\" <ann@x.test>\r\n\r\nText.\r\n");
	assert_has(result, "e@y.test", 0);
	result = rewrite("From: <ann@x.test>\r\n\r\nText.\r\n");
	assert_has(result, "From: ann <mylist@example.com>\r\n", 1);
}

static void test_list_fields(void **state)
{
	const char *result;

	(void)state;
	set(LIST_SETTING_SUBSCRIBE, "on");
	result =
	    rewrite("From: a@b.test\r\nList-Id: <other.b.test>\r\nList-Unsubscribe: <mailto:x@b.test>\r\n\r\nText.\r\n");
	assert_has(result, "List-Id: <mylist.example.com>\r\n", 1);
	assert_has(result, "List-Post: <mailto:mylist@example.com>\r\n", 1);
	assert_has(result, "List-Unsubscribe: <mailto:listserver@example.com?subject=unsubscribe+mylist>\r\n", 1);
	assert_has(result, "List-Subscribe: <mailto:listserver@example.com?subject=subscribe+mylist>\r\n", 1);
	assert_has(result, "List-Owner: <mailto:owner@example.com>\r\n", 1);
	assert_has(result, "b.test>", 0);
	set(LIST_SETTING_UNSUBSCRIBE_URL, "https://example.com/u");
	result = rewrite(PLAIN);
	assert_has(result, "<https://example.com/u>", 1);
	assert_has(result, "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n", 1);
	set(LIST_SETTING_FIELDS, "off");
	assert_has(rewrite(PLAIN), "List-", 0);
}

static void test_prefix(void **state)
{
	const char *result;

	(void)state;
	set(LIST_SETTING_SUBJECT_PREFIX, "[my]");
	assert_has(rewrite(PLAIN), "Subject: Re: [my] hello\r\n", 1);
	assert_has(rewrite("From: a@b.test\r\nSubject: hello\r\n\r\n"), "Subject: [my] hello\r\n", 1);
	assert_has(rewrite("From: a@b.test\r\nSubject: Re: [my] hello\r\n\r\n"), "Subject: Re: [my] hello\r\n", 1);
	assert_has(rewrite("From: a@b.test\r\n\r\n"), "Subject: [my]", 1);
	result = rewrite("From: a@b.test\r\nSubject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\r\n\r\n");
	assert_has(result, "Subject: =?UTF-8?B?W215XSBncsO8w59l?=\r\n", 1);
}

/* Slow posting: the place for To is the end of the header. */
static void test_slow(void **state)
{
	const char *result;

	(void)state;
	set(LIST_SETTING_SLOW, "on");
	result = rewrite(PLAIN);
	assert_has(result, "\r\nTo:", 0);
	assert_true(report.to_at > 0);
	assert_memory_equal(result + report.to_at - 2, "\r\n\r\nText.", 9);
}

static void test_footer_plain(void **state)
{
	(void)state;
	set(LIST_SETTING_SIGNATURE, "-- \nThe list");
	assert_has(rewrite(PLAIN), "Text.\r\n-- \r\nThe list\r\n", 1);
	assert_has(rewrite("From: a@b.test\r\n\r\nno line end"), "no line end\r\n-- \r\nThe list\r\n", 1);
	assert_has(rewrite("From: a@b.test\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\na=3D\r\n"),
	           "a=3D\r\n--=20\r\nThe list\r\n", 1);
	set(LIST_SETTING_SIGNATURE, "Grüße");
	assert_has(rewrite("From: a@b.test\r\nContent-Type: text/plain; charset=utf-8\r\n"
	                   "Content-Transfer-Encoding: 8bit\r\n\r\nä\r\n"),
	           "ä\r\nGrüße\r\n", 1);
	assert_true(report.is_8bit);
}

static void test_footer_parts(void **state)
{
	const char *result;

	(void)state;
	set(LIST_SETTING_SIGNATURE, "The list");
	result = rewrite("From: a@b.test\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
	                 "--b\r\n\r\none\r\n--b--\r\n");
	assert_has(result,
	           "--b\r\n\r\none\r\n--b\r\nContent-Type: text/plain; charset=us-ascii\r\n"
	           "Content-Disposition: inline\r\n\r\nThe list\r\n\r\n--b--\r\n",
	           1);
	result = rewrite("From: a@b.test\r\nMIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n<p>one</p>\r\n");
	assert_has(result, "Content-Type: multipart/mixed;", 1);
	assert_has(result, "Content-Type: text/html\r\n\r\n<p>one</p>\r\n", 1);
	assert_has(result, "\r\n\r\nThe list\r\n", 1);
	assert_has(result, "MIME-Version: 1.0", 1);
	/* a non-ASCII signature where the charset cannot say it */
	set(LIST_SETTING_SIGNATURE, "Grüße");
	result = rewrite(PLAIN);
	assert_has(result, "Content-Type: multipart/mixed;", 1);
	assert_has(result, "Gr=C3=BC=C3=9Fe\r\n", 1);
	assert_false(report.is_8bit);
}

/* Signed and encrypted messages keep every octet of their body. */
static void test_sealed(void **state)
{
	static const char *const sealed[] = {
	    "From: a@b.test\r\nMIME-Version: 1.0\r\nContent-Type: multipart/signed; boundary=b;"
	    " protocol=\"application/pgp-signature\"\r\n\r\n--b\r\n\r\none \r\n--b\r\n"
	    "Content-Type: application/pgp-signature\r\n\r\nxx\r\n--b--\r\n",
	    "From: a@b.test\r\nContent-Type: multipart/encrypted; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b--\r\n",
	    "From: a@b.test\r\nContent-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n",
	    "From: a@b.test\r\n\r\n-----BEGIN PGP SIGNED MESSAGE-----\r\nHash: SHA256\r\n\r\none\r\n",
	};

	(void)state;
	set(LIST_SETTING_SIGNATURE, "The list");
	for (size_t i = 0; i < sizeof sealed / sizeof sealed[0]; i++) {
		const char *result = rewrite(sealed[i]), *body = strstr(result, "\r\n\r\n");

		assert_string_equal(body, strstr(sealed[i], "\r\n\r\n"));
	}
}

static void test_facts(void **state)
{
	(void)state;
	set(LIST_SETTING_BANNED, "bad@x.test\n*@spam.test\n/^a\\d+@/i");
	read_message("From: Ann <Ann@X.TEST>\r\nX-Postroom-Spam: 120.5 - A(1.0)\r\n\r\n");
	assert_true(str_equal(report.from, STR("Ann@x.test")));
	assert_true(report.has_score);
	assert_int_equal(report.score, 12050);
	assert_false(report.is_banned);
	read_message("From: bad@x.test\r\n\r\n");
	assert_true(report.is_banned);
	read_message("From: any@spam.test\r\n\r\n");
	assert_true(report.is_banned);
	read_message("From: A17@x.test\r\n\r\n");
	assert_true(report.is_banned);
	read_message("From: x@y.test\r\nAuto-Submitted: auto-replied (vacation)\r\n\r\n");
	assert_true(report.is_automatic);
	read_message("From: x@y.test\r\nAuto-Submitted: auto-generated\r\n\r\n");
	assert_false(report.is_automatic);
	recipe.settings = NULL; /* the ListServer takes nothing automatic */
	read_message("From: x@y.test\r\nAuto-Submitted: auto-generated\r\n\r\n");
	assert_true(report.is_automatic);
	read_message("no header at all");
	assert_int_equal(report.from.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_default_modifiers, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_modifiers, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_forged_name, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_list_fields, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_prefix, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_slow, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_footer_plain, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_footer_parts, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_sealed, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_facts, setup, teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("lists rewrite", tests, NULL, NULL);
}
