/* Unit tests of archives, octet by octet as APPNOTE.TXT 6.3.x says (4.3.7, 4.3.12, 4.3.16). */
#include "webadmin/mail/zip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { ARCHIVE_MAX = 1 << 16 };

static struct zip zip;
static struct err err;
static unsigned char archive[ARCHIVE_MAX];

static int set_up(void **state)
{
	int fd = memfd_create("archive", MFD_CLOEXEC);

	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	zip_init(&zip, fd);
	return fd >= 0 ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	close(zip.fd);
	zip_free(&zip);
	return 0;
}

/* What was written. */
static size_t read_archive(void)
{
	ssize_t len = pread(zip.fd, archive, sizeof archive, 0);

	assert_true(len >= 0);
	return (size_t)len;
}

static uint32_t number(size_t at, unsigned octets)
{
	uint32_t value = 0;

	while (octets-- > 0)
		value = value << 8 | archive[at + octets];
	return value;
}

static void add(const char *name, const char *first, const char *second)
{
	/* 2026-01-31 13:14:16 UTC */
	assert_int_equal(zip_begin(&zip, str_of(name), 1769865256, &err), 0);
	assert_int_equal(zip_write(&zip, str_of(first), &err), 0);
	assert_int_equal(zip_write(&zip, str_of(second), &err), 0);
	assert_int_equal(zip_end(&zip, &err), 0);
}

static void an_empty_archive_is_its_end(void **state)
{
	static const unsigned char expected[22] = {'P', 'K', 5, 6};

	(void)state;
	assert_int_equal(zip_finish(&zip, &err), 0);
	assert_int_equal(read_archive(), sizeof expected);
	assert_memory_equal(archive, expected, sizeof expected);
}

/* The CRC-32 of "123456789" is cbf43926. */
static void check_file(size_t at, const char *name)
{
	assert_int_equal(number(at, 2), 20);        /* version that is needed: 2.0 */
	assert_int_equal(number(at + 2, 2), 0x800); /* names in UTF-8 */
	assert_int_equal(number(at + 4, 2), 0);     /* stored */
	assert_int_equal(number(at + 6, 2), 13 << 11 | 14 << 5 | 16 / 2);
	assert_int_equal(number(at + 8, 2), (2026 - 1980) << 9 | 1 << 5 | 31);
	assert_int_equal(number(at + 10, 4), 0xcbf43926);
	assert_int_equal(number(at + 14, 4), 9);
	assert_int_equal(number(at + 18, 4), 9);
	assert_int_equal(number(at + 22, 2), strlen(name));
	assert_int_equal(number(at + 24, 2), 0); /* no extra field */
}

static void files_stand_one_behind_the_other(void **state)
{
	static const char name[] = "Inbox/gr\xc3\xbc\xc3\x9f.eml";
	size_t second = 30 + strlen(name) + 9, directory = 2 * second - strlen(name) + 1, end, len;

	(void)state;
	add(name, "1234", "56789");
	add("b", "123456789", "");
	assert_int_equal(zip_finish(&zip, &err), 0);
	len = read_archive();
	assert_memory_equal(archive, "PK\3\4", 4);
	check_file(4, name);
	assert_memory_equal(archive + 30, name, strlen(name));
	assert_memory_equal(archive + 30 + strlen(name), "123456789", 9);
	assert_memory_equal(archive + second, "PK\3\4", 4);
	check_file(second + 4, "b");
	assert_memory_equal(archive + directory, "PK\1\2", 4);
	check_file(directory + 6, name);
	assert_int_equal(number(directory + 42, 4), 0); /* where its header stands */
	end = directory + 46 + strlen(name);
	assert_memory_equal(archive + end, "PK\1\2", 4);
	check_file(end + 6, "b");
	assert_int_equal(number(end + 42, 4), second);
	end += 46 + 1;
	assert_memory_equal(archive + end, "PK\5\6", 4);
	assert_int_equal(number(end + 8, 2), 2);
	assert_int_equal(number(end + 10, 2), 2);
	assert_int_equal(number(end + 12, 4), end - directory);
	assert_int_equal(number(end + 16, 4), directory);
	assert_int_equal(len, end + 22);
}

static void limits_are_kept(void **state)
{
	(void)state;
	zip.count = ZIP_FILES_MAX;
	assert_int_equal(zip_begin(&zip, STR("one more"), 0, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	zip.count = 0;
	assert_int_equal(zip_begin(&zip, STR("large"), 0, &err), 0);
	zip.at = UINT32_MAX - 3;
	assert_int_equal(zip_write(&zip, STR("abc"), &err), 0);
	assert_int_equal(zip_write(&zip, STR("d"), &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	assert_int_equal(zip_finish(&zip, &err), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(an_empty_archive_is_its_end, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(files_stand_one_behind_the_other, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(limits_are_kept, set_up, tear_down),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("webadmin/mail_zip", tests, NULL, NULL);
}
