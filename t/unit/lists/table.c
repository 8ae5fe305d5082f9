/*
 * lists.db and what hangs on it: the outbox over crashes, tokens, posts that wait or are over, the time of digests. The
 * clock is the test's.
 */
#include "lists/lists.h"

#include "common/base/io.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static struct listd listd;
static struct arena arena;
static struct err err;
static int64_t now;
static char root[64];

int64_t listd_time(void)
{
	return now;
}

int64_t listd_time_ms(void)
{
	return now * 1000;
}

static int count_names(int folder)
{
	DIR *names = fdopendir(openat(folder, ".", O_RDONLY | O_DIRECTORY));
	int count = 0;

	for (const struct dirent *entry; (entry = readdir(names)) != NULL;)
		count += entry->d_name[0] != '.';
	closedir(names);
	return count;
}

static int open_all(void)
{
	const struct instance *instance = &listd.daemon.instance;
	char path[INSTANCE_PATH_MAX + 128];

	instance_path(path, sizeof path, instance->state, "lists/mail");
	listd.mail_folder = open(path, O_RDONLY | O_DIRECTORY);
	return spool_drop_open(&listd.drop, instance, "listd", &err) != 0 || table_open(&listd, &err) != 0;
}

static void close_all(void)
{
	db_close(&listd.db);
	spool_drop_close(&listd.drop);
	close(listd.mail_folder);
	while (listd.parked_count > 0)
		close(listd.parked[--listd.parked_count]);
	listd.is_parked = listd.released = false;
}

static int setup(void **state)
{
	static const char *const folders[] = {"",       "/state",       "/state/lists",     "/state/lists/mail",
	                                      "/spool", "/spool/listd", "/spool/listd/tmp", "/spool/listd/new"};
	struct instance *instance = &listd.daemon.instance;
	char path[128];

	(void)state;
	now = 1800000000;
	memset(&listd, 0, sizeof listd);
	str_copy(STR("/tmp/postroom-lists-XXXXXX"), root, sizeof root);
	assert_non_null(mkdtemp(root));
	for (size_t i = 1; i < sizeof folders / sizeof folders[0]; i++) {
		snprintf(path, sizeof path, "%s%s", root, folders[i]);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	snprintf(instance->state, sizeof instance->state, "%s/state", root);
	snprintf(instance->spool, sizeof instance->spool, "%s/spool", root);
	return open_all();
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	close_all();
	arena_free(&arena);
	snprintf(command, sizeof command, "rm -r %s", root);
	return system(command); /* NOLINT(cert-env33-c): a path of our own */
}

/* Park a mail; the transaction is open. */
static void park(void)
{
	struct spool_recipient to = {.address = STR("a@b.test")};
	struct spool_envelope envelope = {.service = STR("list"), .recipients = &to, .recipient_count = 1};
	struct spool_file file;

	assert_int_equal(outbox_begin(&listd, &file, &envelope, &err), 0);
	assert_int_equal(spool_write(&file, STR("Subject: x\r\n\r\n"), &err), 0);
	assert_int_equal(outbox_add(&listd, &file, &err), 0);
}

static void assert_mails(int parked, int released)
{
	assert_int_equal(count_names(listd.drop.tmp_folder), parked);
	assert_int_equal(count_names(listd.drop.new_folder), released);
}

static void test_outbox(void **state)
{
	(void)state;
	assert_int_equal(table_begin(&listd, &err), 0);
	park();
	park();
	assert_mails(2, 0);
	assert_int_equal(table_commit(&listd, &err), 0);
	assert_mails(0, 2);
	assert_int_equal(table_begin(&listd, &err), 0);
	park();
	table_rollback(&listd);
	assert_mails(0, 2);
	assert_int_equal(outbox_waiting(&listd), 2);
}

/* The process ends at the worst moments. */
static void test_outbox_crash(void **state)
{
	(void)state;
	/* before the commit: nothing was made */
	assert_int_equal(table_begin(&listd, &err), 0);
	park();
	close_all();
	assert_int_equal(open_all(), 0);
	assert_mails(1, 0);
	assert_int_equal(outbox_recover(&listd, &err), 0);
	assert_mails(0, 0);
	/* after it, before the release: it is released now, once */
	assert_int_equal(table_begin(&listd, &err), 0);
	park();
	assert_int_equal(outbox_sync(&listd, &err), 0);
	assert_int_equal(db_commit(&listd.db, &err), 0);
	close_all();
	assert_int_equal(open_all(), 0);
	assert_int_equal(outbox_recover(&listd, &err), 0);
	assert_mails(0, 1);
	assert_int_equal(outbox_recover(&listd, &err), 0);
	assert_mails(0, 1);
}

/* [03-5.2]: three days, and the same is not asked for twice within the hour. */
static void test_tokens(void **state)
{
	struct token token = {.list = 1, .action = STR("subscribe"), .address = STR("a@b.test"), .moderator = STR("")},
	             found;

	(void)state;
	assert_int_equal(token_make(&listd, &token, &err), 0);
	assert_int_equal(strlen(token.token), TOKEN_LEN);
	assert_int_equal(token_find(&listd, str_of(token.token), &arena, &found, &err), 1);
	assert_true(str_equal(found.address, STR("a@b.test")));
	assert_int_equal(token_find(&listd, STR("0123456789abcdef0123456789abcdef"), &arena, &found, &err), 0);
	assert_int_equal(token_find(&listd, STR(""), &arena, &found, &err), 0);
	now += 3599;
	token.address = STR("A@b.test");
	assert_int_equal(token_make(&listd, &token, &err), -1);
	assert_int_equal(err.code, ERR_EXISTS);
	now += 3 * DAY_SECONDS - 3599 - 1;
	assert_int_equal(token_find(&listd, str_of(token.token), &arena, &found, &err), 1);
	now += 1;
	assert_int_equal(token_find(&listd, str_of(token.token), &arena, &found, &err), 0);
	now -= 10;
	assert_int_equal(token_delete(&listd, &found, &err), 0);
	assert_int_equal(token_find(&listd, str_of(token.token), &arena, &found, &err), 0);
}

static struct post add_post(const char *id, enum post_state post_state)
{
	struct post post = {
	    .id = str_of(id),
	    .list = 1,
	    .state = post_state,
	    .time = listd_time_ms(),
	    .origin = STR("a@b.test"),
	    .subject = STR("hello"),
	    .token = STR(""),
	    .is_archived = true,
	};
	int fd = archive_create(&listd, &err);

	assert_true(fd >= 0);
	assert_int_equal(io_write_all(fd, "text", 4, &err), 0);
	assert_int_equal(table_begin(&listd, &err), 0);
	assert_int_equal(table_add_post(&listd, &post, &err), 0);
	assert_int_equal(archive_keep(&listd, fd, post.key, &err), 0);
	assert_int_equal(table_commit(&listd, &err), 0);
	close(fd);
	return post;
}

static void test_posts(void **state)
{
	struct post first = add_post("id-1", POST_HELD), second = add_post("id-2", POST_HELD), found;
	int fd;

	(void)state;
	/* one and the same is known */
	assert_int_equal(table_begin(&listd, &err), 0);
	assert_int_equal(table_add_post(&listd, &first, &err), -1);
	table_rollback(&listd);
	first.key = second.key - 1;
	assert_int_equal(held_decide(&listd, &first, true, &err), 0);
	assert_int_equal(held_decide(&listd, &second, false, &err), 0);
	assert_int_equal(table_get_post(&listd, &arena, &found, &err, "id = ? AND list = ?", STR("id-1"), 1), 1);
	assert_int_equal(found.state, POST_GATHER);
	assert_true(found.is_archived);
	assert_int_equal(table_get_post(&listd, &arena, &found, &err, "id = ? AND list = ?", STR("id-2"), 1), 1);
	assert_int_equal(found.state, POST_DONE);
	assert_false(found.is_archived);
	/* what was rejected is not kept, what is on its way is */
	assert_int_equal(count_names(listd.mail_folder), 2);
	archive_sweep(&listd);
	assert_int_equal(count_names(listd.mail_folder), 1);
	fd = archive_open(&listd, first.key, &err);
	assert_true(fd >= 0);
	close(fd);
}

/* Seven days, then a post that nobody decided about is dropped. */
static void test_expiry(void **state)
{
	struct post post = add_post("id-1", POST_HELD), found;

	(void)state;
	post.next = listd_time_ms() + (int64_t)HELD_DAYS * DAY_SECONDS * 1000;
	assert_int_equal(table_set_post(&listd, &post, &err), 0);
	held_prune(&listd, now + (int64_t)HELD_DAYS * DAY_SECONDS);
	assert_int_equal(table_get_post(&listd, &arena, &found, &err, "id = ? AND list = ?", STR("id-1"), 1), 1);
	assert_int_equal(found.state, POST_HELD);
	held_prune(&listd, now + (int64_t)HELD_DAYS * DAY_SECONDS + 1);
	assert_int_equal(table_get_post(&listd, &arena, &found, &err, "id = ? AND list = ?", STR("id-1"), 1), 1);
	assert_int_equal(found.state, POST_DONE);
}

static int64_t at(int year, int month, int day, int hour, int minute)
{
	struct tm local = {
	    .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = hour, .tm_min = minute, .tm_isdst = -1};

	return mktime(&local);
}

static void test_digest_time(void **state)
{
	(void)state;
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	assert_int_equal(digest_next(at(2026, 11, 21, 17, 0), 1), at(2026, 11, 22, 0, 5));
	assert_int_equal(digest_next(at(2026, 11, 22, 0, 5), 1), at(2026, 11, 23, 0, 5));
	assert_int_equal(digest_next(at(2026, 12, 28, 12, 0), 7), at(2027, 1, 4, 0, 5));
	/* the days on which clocks change have 23 and 25 hours */
	assert_int_equal(digest_next(at(2026, 3, 29, 0, 5), 1), at(2026, 3, 29, 0, 5) + 23 * 3600);
	assert_int_equal(digest_next(at(2026, 10, 25, 0, 5), 1), at(2026, 10, 25, 0, 5) + 25 * 3600);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_outbox, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_outbox_crash, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_tokens, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_posts, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_expiry, setup, teardown),
	    cmocka_unit_test(test_digest_time),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("lists table", tests, NULL, NULL);
}
