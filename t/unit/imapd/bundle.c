/* imapd/target: messages from another session, which may have been taken over. */
#include "imapd/target.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static struct imapd imapd;
static struct session session = {.imapd = &imapd};

/* A request with a file of ten octets and one message. */
static int take(const char *field, int fd, struct upload *upload)
{
	struct ipc_message message;
	struct err err;
	int result;

	ipc_message_init(&message);
	ipc_request(&message, "store");
	if (field != NULL)
		ipc_add_text(&message, "message", field);
	if (fd >= 0)
		ipc_add_fd(&message, fd);
	message.fds_owned = true;
	upload_init(upload, &session);
	result = bundle_take(&message, upload, &err);
	ipc_message_free(&message);
	return result;
}

static int make_file(void)
{
	int fd = memfd_create("messages", MFD_CLOEXEC);

	assert_int_equal(write(fd, "0123456789", 10), 10);
	return fd;
}

static void test_good(void **state)
{
	struct upload upload;

	(void)state;
	assert_int_equal(take("2 8 9 1000 $Red work", make_file(), &upload), 0);
	assert_int_equal(upload.count, 1);
	assert_int_equal(upload.messages[0].offset, 2);
	assert_int_equal(upload.messages[0].size, 8);
	assert_int_equal(upload.messages[0].flags, STORE_SEEN | STORE_DELETED);
	assert_int_equal(upload.messages[0].internal_date, 1000);
	assert_true(str_equal(upload.messages[0].keywords, STR("$Red work")));
	upload_free(&upload);
	assert_int_equal(take("0 10 0 -1 ", make_file(), &upload), 0);
	assert_int_equal(upload.messages[0].internal_date, -1);
	upload_free(&upload);
}

static void test_bad(void **state)
{
	static const char *const wrong[] = {"",
	                                    "0",
	                                    "0 10 0 0",
	                                    "0 11 0 0 ",
	                                    "11 0 0 0 ",
	                                    "1 10 0 0 ",
	                                    "-1 5 0 0 ",
	                                    "0 -5 0 0 ",
	                                    "0 5 32 0 ",
	                                    "0 5 -1 0 ",
	                                    "0 5 0 - ",
	                                    "0 5 0 --1 ",
	                                    "a b c d e",
	                                    "9223372036854775807 1 0 0 ",
	                                    "1 9223372036854775807 0 0 ",
	                                    "18446744073709551616 1 0 0 ",
	                                    "0 5 0 0  ",
	                                    "0 5 0 0 a ",
	                                    "0 5 0 0 a  b",
	                                    "0 5 0 0  a",
	                                    "0 5 0 0 a\r\nb",
	                                    "0 5 0 0 a\tb",
	                                    "0 5 0 0 (a",
	                                    "0 5 0 0 a]",
	                                    "0 5 0 0 \\Seen",
	                                    "0 5 0 0 \xc3\xa4"};
	struct upload upload;

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		assert_int_equal(take(wrong[i], make_file(), &upload), -1);
		upload_free(&upload);
	}
}

static void test_long_keywords(void **state)
{
	char field[STORE_KEYWORD_MAX + 20] = "0 5 0 0 ";
	struct upload upload;

	(void)state;
	memset(field + 8, 'k', STORE_KEYWORD_MAX);
	assert_int_equal(take(field, make_file(), &upload), 0);
	upload_free(&upload);
	field[8 + STORE_KEYWORD_MAX] = 'k';
	assert_int_equal(take(field, make_file(), &upload), -1);
	upload_free(&upload);
}

static void test_files(void **state)
{
	struct upload upload;
	int pair[2];

	(void)state;
	assert_int_equal(take("0 5 0 0 ", -1, &upload), -1);
	upload_free(&upload);
	assert_int_equal(pipe(pair), 0);
	assert_int_equal(take("0 0 0 0 ", pair[0], &upload), -1);
	upload_free(&upload);
	close(pair[1]);
	assert_int_equal(take(NULL, make_file(), &upload), -1);
	upload_free(&upload);
}

static void test_stored(void **state)
{
	uint32_t uids[] = {7, 8};
	struct stored stored = {.uidvalidity = 5, .uids = uids}, taken;
	struct ipc_message message;
	struct err err;

	(void)state;
	ipc_message_init(&message);
	ipc_reply_ok(&message);
	bundle_add_stored(&message, &stored, 2);
	assert_int_equal(bundle_take_stored(&session, &message, 2, &taken, &err), 0);
	assert_int_equal(taken.uidvalidity, 5);
	assert_int_equal(taken.uids[1], 8);
	assert_int_equal(bundle_take_stored(&session, &message, 3, &taken, &err), -1);
	ipc_message_free(&message);
	arena_free(&session.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_good),  cmocka_unit_test(test_bad),    cmocka_unit_test(test_long_keywords),
	    cmocka_unit_test(test_files), cmocka_unit_test(test_stored),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("imapd/bundle", tests, NULL, NULL);
}
