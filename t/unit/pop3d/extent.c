/* extent: TOP (RFC 1939 section 7) and the setting pop3.strip-blank-lines. */
#include "pop3d/extent.h"

#include "common/base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static int file_of(struct str content)
{
	int fd = memfd_create("message", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content.data, content.len), (ssize_t)content.len);
	return fd;
}

static int64_t top(struct str message, uint32_t lines)
{
	int fd = file_of(message);
	int64_t length = -1;
	struct err err;

	assert_int_equal(extent_top(fd, (int64_t)message.len, lines, &length, &err), 0);
	close(fd);
	return length;
}

static int64_t strip(struct str message)
{
	int fd = file_of(message);
	int64_t length = -1;
	struct err err;

	assert_int_equal(extent_strip(fd, (int64_t)message.len, &length, &err), 0);
	close(fd);
	return length;
}

#define HEADER "From: a\r\nSubject: b\r\n\r\n"

static void test_top(void **state)
{
	const struct str message = STR(HEADER "one\r\n\r\nthree\r\n");

	(void)state;
	assert_int_equal(top(message, 0), sizeof HEADER - 1);
	assert_int_equal(top(message, 1), sizeof HEADER "one\r\n" - 1);
	assert_int_equal(top(message, 2), sizeof HEADER "one\r\n\r\n" - 1); /* empty lines of the body count */
	assert_int_equal(top(message, 3), (int64_t)message.len);
	assert_int_equal(top(message, 4), (int64_t)message.len);
	assert_int_equal(top(message, UINT32_MAX), (int64_t)message.len);
}

static void test_top_of_odd_messages(void **state)
{
	(void)state;
	assert_int_equal(top(STR(""), 5), 0);
	assert_int_equal(top(STR("From: a\r\n"), 5), 9);        /* no body */
	assert_int_equal(top(STR("\r\none\r\ntwo\r\n"), 1), 7); /* no header */
	assert_int_equal(top(STR(HEADER "no end"), 1), (int64_t)sizeof HEADER "no end" - 1);
	assert_int_equal(top(STR("a: b\n\none\ntwo\n"), 1), 10);        /* line ends of another kind */
	assert_int_equal(top(STR("a\r\n\r\r\nb\r\n\r\nc\r\n"), 0), 11); /* CR CR LF is no empty line */
}

/* Line ends that fall on every position around the boundaries of the parts that are read. */
static void test_top_across_parts(void **state)
{
	(void)state;
	for (size_t pad = 16384 - 12; pad <= 16384 + 2; pad++) {
		struct buf message;
		size_t header;

		buf_init(&message, 100000);
		for (size_t i = 0; i < pad; i++)
			buf_add_char(&message, 'x');
		buf_add_str(&message, STR("\r\n\r\n"));
		header = message.len;
		buf_add_str(&message, STR("one\r\ntwo\r\n"));
		assert_int_equal(top(buf_str(&message), 0), (int64_t)header);
		assert_int_equal(top(buf_str(&message), 1), (int64_t)header + 5);
		buf_free(&message);
	}
}

static void test_strip(void **state)
{
	(void)state;
	assert_int_equal(strip(STR(HEADER "text\r\n\r\n\r\n\r\n\r\n\r\n")), sizeof HEADER "text\r\n" - 1);
	assert_int_equal(strip(STR(HEADER "text\r\n")), sizeof HEADER "text\r\n" - 1);
	assert_int_equal(strip(STR(HEADER "a\r\n\r\nb\r\n\r\n")), sizeof HEADER "a\r\n\r\nb\r\n" - 1);
	assert_int_equal(strip(STR(HEADER "text\r\n \r\n")), sizeof HEADER "text\r\n \r\n" - 1); /* not empty */
	assert_int_equal(strip(STR("")), 0);
	assert_int_equal(strip(STR("\r\n")), 2);
}

static void test_strip_keeps_the_end_of_the_header(void **state)
{
	(void)state;
	assert_int_equal(strip(STR(HEADER)), sizeof HEADER - 1);
	assert_int_equal(strip(STR(HEADER "\r\n\r\n\r\n")), sizeof HEADER - 1);
}

/* More empty lines than are looked at in one go. */
static void test_strip_many(void **state)
{
	(void)state;
	for (size_t lines = 250; lines < 260; lines++) {
		struct buf message;

		buf_init(&message, 100000);
		buf_add_str(&message, STR(HEADER "text\r\n"));
		for (size_t i = 0; i < lines * 3; i++)
			buf_add_str(&message, STR("\r\n"));
		assert_int_equal(strip(buf_str(&message)), sizeof HEADER "text\r\n" - 1);
		buf_free(&message);
	}
}

static void test_file_that_is_shorter(void **state)
{
	int fd = file_of(STR("From: a\r\n"));
	int64_t length;
	struct err err;

	(void)state;
	assert_int_equal(extent_top(fd, 100, 0, &length, &err), -1);
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_int_equal(extent_strip(fd, 100, &length, &err), -1);
	assert_int_equal(err.code, ERR_CORRUPT);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_top),
	    cmocka_unit_test(test_top_of_odd_messages),
	    cmocka_unit_test(test_top_across_parts),
	    cmocka_unit_test(test_strip),
	    cmocka_unit_test(test_strip_keeps_the_end_of_the_header),
	    cmocka_unit_test(test_strip_many),
	    cmocka_unit_test(test_file_that_is_shorter),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
