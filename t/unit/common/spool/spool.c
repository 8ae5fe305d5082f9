#include "common/spool/spool.h"

#include "common/base/io.h"
#include "common/base/memory.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct instance instance;
static struct spool_drop drop;
static struct err err;

static int make_drop(void **state)
{
	char path[512], folder[] = "/tmp/spool-test-XXXXXX";

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(instance.spool, sizeof instance.spool, "%s", folder);
	snprintf(path, sizeof path, "%s/smtpd", folder);
	assert_int_equal(mkdir(path, 0750), 0);
	snprintf(path, sizeof path, "%s/smtpd/new", folder);
	assert_int_equal(mkdir(path, 0750), 0);
	snprintf(path, sizeof path, "%s/smtpd/tmp", folder);
	assert_int_equal(mkdir(path, 0750), 0);
	return spool_drop_open(&drop, &instance, "smtpd", &err);
}

static int remove_drop(void **state)
{
	char command[600];

	(void)state;
	spool_drop_close(&drop);
	snprintf(command, sizeof command, "rm -rf '%s'", instance.spool);
	return system(command) == 0 ? 0 : -1;
}

static int count_names(const char *folder)
{
	char path[512];
	int count = 0;
	DIR *names;

	snprintf(path, sizeof path, "%s/smtpd/%s", instance.spool, folder);
	names = opendir(path);
	assert_non_null(names);
	for (struct dirent *entry; (entry = readdir(names)) != NULL;)
		count += entry->d_name[0] != '.';
	closedir(names);
	return count;
}

static struct spool_recipient recipient = {.address = {"a@example.com", 13}, .orcpt = {"", 0}};

static void begin(struct spool_file *file, struct str parent)
{
	struct spool_envelope envelope = {.producer = STR("smtpd"), .recipients = &recipient, .recipient_count = 1};

	spool_make_id(file, "smtpd", parent);
	envelope.id = str_of(file->id);
	envelope.parent = parent;
	assert_int_equal(spool_begin(file, &drop, &envelope, &err), 0);
}

static void test_commit(void **state)
{
	struct spool_envelope envelope;
	struct spool_file file;
	struct arena arena;
	struct stat status;
	char path[512];
	struct buf text, large;
	size_t length;

	(void)state;
	arena_init(&arena);
	buf_init(&text, 1 << 22);
	buf_init(&large, 1 << 22);
	for (int i = 0; i < 20000; i++)
		buf_printf(&large, "line %d of a large message\r\n", i);
	begin(&file, STR(""));
	assert_true(spool_id_is_valid(str_of(file.id)));
	assert_int_equal(spool_write(&file, STR("Subject: x\r\n\r\n"), &err), 0);
	for (size_t at = 0; at < large.len; at += 1000)
		assert_int_equal(spool_write(&file, str_sub(buf_str(&large), at, 1000), &err), 0);
	assert_int_equal(spool_write(&file, buf_str(&large), &err), 0);
	assert_int_equal(file.size, (int64_t)(14 + 2 * large.len));
	assert_int_equal(count_names("new"), 0);
	assert_int_equal(spool_commit(&file, &err), 0);

	snprintf(path, sizeof path, "%s/smtpd/new/%s", instance.spool, file.id);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0640);
	assert_int_equal(status.st_nlink, 1);
	assert_int_equal(io_read_file(path, &text, &err), 0);
	assert_int_equal(spool_envelope_parse(buf_str(&text), &arena, &envelope, &length, &err), 0);
	buf_consume(&text, length);
	assert_int_equal(text.len, file.size);
	assert_memory_equal(text.data, "Subject: x\r\n\r\n", 14);
	assert_memory_equal(text.data + 14, large.data, large.len);
	assert_memory_equal(text.data + 14 + large.len, large.data, large.len);
	buf_free(&text);
	buf_free(&large);
	arena_free(&arena);
}

static void test_abort_leaves_nothing(void **state)
{
	int before = count_names("new");
	struct spool_file file;

	(void)state;
	begin(&file, STR(""));
	spool_write(&file, STR("x"), &err);
	spool_abort(&file);
	assert_int_equal(count_names("new"), before);
	assert_int_equal(count_names("tmp"), 0);
}

static void test_derived_is_made_once(void **state)
{
	int before = count_names("new");
	struct spool_file first, second, other;

	(void)state;
	begin(&first, STR("64f0a1b2c3d4e-smtpd-0a1b2c3d/report/1"));
	assert_int_equal(spool_commit(&first, &err), 0);
	begin(&second, STR("64f0a1b2c3d4e-smtpd-0a1b2c3d/report/1"));
	assert_string_equal(first.id, second.id);
	assert_int_equal(strncmp(first.id, "64f0a1b2", 8), 0); /* sorts with its parent, to seconds */
	assert_int_equal(strncmp(first.id + 13, "-smtpd-", 7), 0);
	assert_int_equal(spool_commit(&second, &err), 0);
	assert_int_equal(count_names("new"), before + 1);
	begin(&other, STR("64f0a1b2c3d4e-smtpd-0a1b2c3d/report/2"));
	assert_string_not_equal(first.id, other.id);
	spool_abort(&other);
}

static void test_park_and_release(void **state)
{
	int before = count_names("new");
	struct spool_file kept, dropped;
	int fds[2];

	(void)state;
	begin(&kept, STR(""));
	begin(&dropped, STR(""));
	assert_int_equal(spool_write(&kept, STR("x\r\n"), &err), 0);
	assert_int_equal(spool_park(&kept, &fds[0], &err), 0);
	assert_int_equal(spool_park(&dropped, &fds[1], &err), 0);
	assert_int_equal(spool_sync_parked(&drop, fds, 2, &err), 0);
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(count_names("tmp"), 2);
	assert_int_equal(count_names("new"), before);
	assert_int_equal(spool_release(&drop, str_of(kept.id), &err), 0);
	spool_unpark(&drop, str_of(dropped.id));
	assert_int_equal(spool_sync_released(&drop, &err), 0);
	assert_int_equal(count_names("tmp"), 0);
	assert_int_equal(count_names("new"), before + 1);
	assert_int_equal(spool_release(&drop, str_of(kept.id), &err), 0); /* after a crash: it is out already */
	assert_int_equal(spool_release(&drop, STR("../x"), &err), -1);
}

static int compare_ids(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* A long list makes a message for each member: two with one name would be one that is lost. */
static void test_derived_differ(void **state)
{
	enum { COUNT = 300000 };
	char(*ids)[SPOOL_ID_MAX] = memory_get(COUNT * sizeof *ids);

	(void)state;
	for (int i = 0; i < COUNT; i++) {
		struct spool_file file;
		char parent[80];

		snprintf(parent, sizeof parent, "64f0a1b2c3d4e-smtpd-0a1b2c3d/post/7/%d", i);
		spool_make_id(&file, "listd", str_of(parent));
		memcpy(ids[i], file.id, SPOOL_ID_MAX);
	}
	qsort(ids, COUNT, sizeof *ids, compare_ids);
	for (int i = 1; i < COUNT; i++)
		assert_string_not_equal(ids[i - 1], ids[i]);
	memory_free(ids);
}

static void test_never_over_another(void **state)
{
	struct spool_file first, second;

	(void)state;
	begin(&first, STR(""));
	assert_int_equal(spool_commit(&first, &err), 0);
	begin(&second, STR(""));
	memcpy(second.id, first.id, sizeof second.id);
	assert_int_equal(spool_commit(&second, &err), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_commit),
	    cmocka_unit_test(test_abort_leaves_nothing),
	    cmocka_unit_test(test_derived_is_made_once),
	    cmocka_unit_test(test_park_and_release),
	    cmocka_unit_test(test_derived_differ),
	    cmocka_unit_test(test_never_over_another),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("common/spool/spool", tests, make_drop, remove_drop);
}
