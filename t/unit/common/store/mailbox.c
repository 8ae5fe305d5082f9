/* store: adding, listing, removing; UIDs never come twice; one copy of an id; many mailboxes in one call. */
#include "common/store/mailbox.h"
#include "common/base/buf.h"
#include "common/store/changes.h"
#include "common/store/discard.h"
#include "t/unit/common/store/fixture.h"

#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>

static void test_add_list_read(void **state)
{
	struct mailbox *mailbox = open_mailbox(7);
	struct mailbox_folder inbox;
	struct mailbox_list list;
	struct stat info;
	char unique[STORE_UNIQUE_MAX], expected[STORE_UNIQUE_MAX];
	uint32_t uid;

	(void)state;
	assert_int_equal(count_messages(mailbox), 0);
	assert_int_equal(add(mailbox, "Subject: one\r\n\r\n1\r\n", "id-1", &uid), STORE_ADDED);
	assert_int_equal(uid, 1);
	assert_int_equal(add(mailbox, "", "id-2", &uid), STORE_ADDED);
	assert_int_equal(uid, 2);
	assert_content(mailbox, 1, "Return-Path: <a@b.example>\r\nSubject: one\r\n\r\n1\r\n");
	assert_content(mailbox, 2, "Return-Path: <a@b.example>\r\n");
	assert_int_equal(stat(in_mailbox(7, "msg/1/0/1.id-1"), &info), 0);
	assert_int_equal(info.st_mode & 07777, 0440);

	assert_int_equal(mailbox_folder_find(mailbox, STR("inbox"), &inbox, &err), 0);
	assert_int_equal(mailbox_list(mailbox, STORE_INBOX, &list, &err), 0);
	assert_int_equal(list.count, 2);
	assert_int_equal(list.messages[0].uid, 1);
	assert_int_equal(list.messages[0].size, 28 + 19);
	assert_int_equal(list.messages[1].size, 28);
	assert_int_equal(list.bytes, 28 + 28 + 19);
	assert_int_equal(list.uidnext, 3);
	assert_int_equal(list.uidvalidity, inbox.uidvalidity);
	snprintf(expected, sizeof expected, "%u-2", inbox.uidvalidity);
	assert_string_equal(mailbox_unique(unique, list.uidvalidity, 2), expected);
	mailbox_list_free(&list);
	assert_int_equal(mailbox_list(mailbox, 99, &list, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	mailbox_close(mailbox);

	mailbox = open_mailbox(7);
	assert_int_equal(count_messages(mailbox), 2);
	mailbox_close(mailbox);
}

static void test_large_message(void **state)
{
	struct mailbox *mailbox = open_mailbox(7);
	size_t size = 300000;
	char *text = malloc(size + 1);
	char *read_back = malloc(size + 100);
	uint32_t uid;
	int fd;

	(void)state;
	for (size_t i = 0; i < size; i++)
		text[i] = (char)('a' + i % 23);
	text[size] = '\0';
	assert_int_equal(add(mailbox, text, "", &uid), STORE_ADDED);
	assert_int_equal(mailbox_open_message(mailbox, STORE_INBOX, uid, &fd, &err), 0);
	assert_int_equal(read(fd, read_back, size + 100), size + 28);
	assert_memory_equal(read_back + 28, text, size);
	close(fd);
	free(text);
	free(read_back);
	mailbox_close(mailbox);
}

static void test_one_copy_of_an_id(void **state)
{
	struct mailbox *mailbox = open_mailbox(7);
	struct store_source source = make_source("x\r\n", "id-1");
	struct store_append both[2] = {make_append(mailbox, &source), make_append(mailbox, &source)};
	uint32_t uid;

	(void)state;
	store_append(both, 2, 0);
	close(source.fd);
	assert_int_equal(both[0].result, STORE_ADDED);
	assert_int_equal(both[1].result, STORE_DUPLICATE);
	assert_int_equal(add(mailbox, "x\r\n", "id-1", &uid), STORE_DUPLICATE);
	assert_int_equal(count_messages(mailbox), 1);

	/* Also when the user has removed it meanwhile. */
	assert_int_equal(mailbox_expunge(mailbox, STORE_INBOX, &both[0].uid, 1, 0, NULL, &err), 0);
	assert_int_equal(add(mailbox, "x\r\n", "id-1", &uid), STORE_DUPLICATE);
	assert_int_equal(count_messages(mailbox), 0);

	/* Without an id there is nothing to compare. */
	assert_int_equal(add(mailbox, "x\r\n", "", &uid), STORE_ADDED);
	assert_int_equal(add(mailbox, "x\r\n", "", &uid), STORE_ADDED);
	assert_int_equal(add(mailbox, "x\r\n", "../evil", &uid), STORE_FAILED);
	assert_int_equal(err.code, ERR_SYNTAX);
	assert_int_equal(count_messages(mailbox), 2);
	mailbox_close(mailbox);
}

static void test_many_mailboxes_share_a_file(void **state)
{
	struct store_source source = make_source("to all\r\n", "id-1"), other = make_source("to one\r\n", "id-2");
	struct store_append appends[12];
	struct mailbox *mailboxes[10];
	struct stat info;

	(void)state;
	for (int i = 0; i < 10; i++) {
		mailboxes[i] = open_mailbox(100 + i);
		appends[i] = make_append(mailboxes[i], &source);
	}
	appends[10] = make_append(mailboxes[3], &other);
	appends[11] = make_append(mailboxes[3], &other);
	appends[11].folder = 5;
	store_append(appends, 12, 0);
	for (int i = 0; i < 11; i++)
		assert_int_equal(appends[i].result, STORE_ADDED);
	assert_int_equal(appends[11].result, STORE_FAILED);
	assert_int_equal(appends[11].err.code, ERR_NOT_FOUND);
	assert_int_equal(stat(in_mailbox(104, "msg/1/0/1.id-1"), &info), 0);
	assert_int_equal(info.st_nlink, 10);
	assert_content(mailboxes[9], 1, "Return-Path: <a@b.example>\r\nto all\r\n");
	assert_int_equal(count_messages(mailboxes[3]), 2);
	assert_content(mailboxes[3], 2, "Return-Path: <a@b.example>\r\nto one\r\n");

	/* One user's removal is nobody else's. */
	assert_int_equal(mailbox_expunge(mailboxes[0], STORE_INBOX, &appends[0].uid, 1, 0, NULL, &err), 0);
	assert_content(mailboxes[1], 1, "Return-Path: <a@b.example>\r\nto all\r\n");
	for (int i = 0; i < 10; i++)
		mailbox_close(mailboxes[i]);
	close(source.fd);
	close(other.fd);
}

static void test_a_locked_mailbox_is_put_off_alone(void **state)
{
	struct mailbox *free_one = open_mailbox(1), *locked_one = open_mailbox(2), *third;
	struct store_source source = make_source("x\r\n", "id-1");
	struct store_append appends[2] = {make_append(free_one, &source), make_append(locked_one, &source)};
	int fd = open(in_mailbox(2, "lock"), O_RDWR);
	uint32_t uid = 1;

	(void)state;
	assert_int_equal(flock(fd, LOCK_EX), 0);
	store_append(appends, 2, 0);
	assert_int_equal(appends[0].result, STORE_ADDED);
	assert_int_equal(appends[1].result, STORE_FAILED);
	assert_int_equal(appends[1].err.code, STORE_BUSY);
	assert_int_equal(mailbox_expunge(locked_one, STORE_INBOX, &uid, 1, 5, NULL, &err), -1);
	assert_int_equal(err.code, STORE_BUSY);
	assert_int_equal(mailbox_open(&third, &instance, 2, 0, &err), -1);
	assert_int_equal(err.code, STORE_BUSY);
	assert_null(third);
	assert_int_equal(count_messages(locked_one), 0); /* reading goes on */

	close(fd);
	store_append(appends, 2, 0);
	assert_int_equal(appends[0].result, STORE_DUPLICATE);
	assert_int_equal(appends[1].result, STORE_ADDED);
	mailbox_close(free_one);
	mailbox_close(locked_one);
	close(source.fd);
}

static void test_expunge_and_hold(void **state)
{
	struct mailbox *mailbox = open_mailbox(7);
	struct mailbox_totals totals;
	const uint32_t gone[] = {2, 4, 99, 4}, held[] = {1, 3};
	size_t count;
	int fd;

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_int_equal(add(mailbox, "x\r\n", "", NULL), STORE_ADDED);
	assert_int_equal(mailbox_open_message(mailbox, STORE_INBOX, 2, &fd, &err), 0);
	assert_int_equal(mailbox_expunge(mailbox, STORE_INBOX, gone, 4, 0, &count, &err), 0);
	assert_int_equal(count, 2);
	assert_int_equal(lseek(fd, 0, SEEK_END), 31); /* who reads it may finish */
	close(fd);
	mailbox_idle(mailbox);
	assert_int_equal(access(in_mailbox(7, "msg/1/0/2"), F_OK), -1);
	assert_int_equal(access(in_mailbox(7, "msg/1/0/3"), F_OK), 0);
	assert_int_equal(count_messages(mailbox), 3);

	assert_int_equal(mailbox_hold(mailbox, STORE_INBOX, held, 2, 0, &count, &err), 0);
	assert_int_equal(count, 2);
	assert_int_equal(mailbox_hold(mailbox, STORE_INBOX, held, 2, 0, &count, &err), 0);
	assert_int_equal(count, 0);
	assert_int_equal(count_messages(mailbox), 1);
	assert_int_equal(mailbox_stat(mailbox, &totals, &err), 0);
	assert_int_equal(totals.held_messages, 2);
	assert_int_equal(totals.held_bytes, 2 * 31);
	assert_content(mailbox, 3, "Return-Path: <a@b.example>\r\nx\r\n");
	mailbox_close(mailbox);
}

static void test_uids_grow_for_ever(void **state)
{
	struct mailbox *mailbox = open_mailbox(7);
	uint32_t uid, last = 0;

	(void)state;
	/* 01-15.5: a removed UID does not come back, also past the blocks that marks reserves. */
	for (int i = 0; i < 2200; i++) {
		assert_int_equal(add(mailbox, "x\r\n", "", &uid), STORE_ADDED);
		assert_true(uid > last);
		last = uid;
		if (i % 2 == 0)
			assert_int_equal(mailbox_expunge(mailbox, STORE_INBOX, &uid, 1, 0, NULL, &err), 0);
		if (i % 500 == 0) {
			mailbox_close(mailbox);
			mailbox = open_mailbox(7);
		}
	}
	assert_int_equal(last, 2200);
	assert_int_equal(count_messages(mailbox), 1100);
	mailbox_close(mailbox);
}

static void test_empty_buckets_go(void **state)
{
	struct mailbox *mailbox = open_mailbox(7);
	struct store_source source = make_source("x\r\n", "");
	struct store_append appends[1500];
	uint32_t uids[1500];

	(void)state;
	for (int i = 0; i < 1500; i++)
		appends[i] = make_append(mailbox, &source);
	store_append(appends, 1500, 0);
	close(source.fd);
	for (int i = 0; i < 1500; i++) {
		assert_int_equal(appends[i].result, STORE_ADDED);
		uids[i] = appends[i].uid;
	}
	assert_int_equal(access(in_mailbox(7, "msg/1/0"), F_OK), 0);
	assert_int_equal(mailbox_expunge(mailbox, STORE_INBOX, uids, 1500, 0, NULL, &err), 0);
	assert_int_equal(access(in_mailbox(7, "msg/1/0"), F_OK), -1);
	assert_int_equal(access(in_mailbox(7, "msg/1/1"), F_OK), 0); /* the next message goes there */
	assert_int_equal(count_messages(mailbox), 0);
	mailbox_close(mailbox);
}

static void test_pop3_lock(void **state)
{
	struct mailbox *one = open_mailbox(7), *two = open_mailbox(7);

	(void)state;
	assert_int_equal(mailbox_lock_pop3(one, &err), 0);
	assert_int_equal(mailbox_lock_pop3(two, &err), -1);
	assert_int_equal(err.code, STORE_BUSY);
	assert_int_equal(add(two, "x\r\n", "", NULL), STORE_ADDED); /* deliveries go on */
	mailbox_unlock_pop3(one);
	assert_int_equal(mailbox_lock_pop3(two, &err), 0);
	mailbox_close(two);
	assert_int_equal(mailbox_lock_pop3(one, &err), 0);
	mailbox_close(one);
}

static bool collect(const struct mailbox_folder *folder, void *context)
{
	return buf_printf(context, "%s;", folder->name) == 0;
}

static void test_folders(void **state)
{
	struct mailbox *mailbox = open_mailbox(7);
	struct mailbox_folder inbox, sent;
	struct buf names;
	int64_t id, next;

	(void)state;
	buf_init(&names, 1000);
	assert_int_equal(mailbox_folder_create(mailbox, STR("Sent Items"), 0, &id, &err), 0);
	assert_int_equal(mailbox_folder_create(mailbox, STR("Archiv/M\xc3\xa4rz"), 0, &next, &err), 0);
	assert_true(next > id && id > STORE_INBOX);
	assert_int_equal(mailbox_folder_each(mailbox, collect, &names, &err), 0);
	assert_string_equal(buf_text(&names), "INBOX;Archiv/M\xc3\xa4rz;Sent Items;");
	assert_int_equal(mailbox_folder(mailbox, STORE_INBOX, &inbox, &err), 0);
	assert_int_equal(mailbox_folder_find(mailbox, STR("Sent Items"), &sent, &err), 0);
	assert_int_equal(sent.id, id);
	assert_true(sent.uidvalidity > inbox.uidvalidity);
	assert_int_equal(mailbox_folder_create(mailbox, STR("Sent Items"), 0, &id, &err), -1);
	assert_int_equal(err.code, ERR_EXISTS);
	assert_int_equal(mailbox_folder_create(mailbox, STR("iNBOX"), 0, &id, &err), -1);
	assert_int_equal(err.code, ERR_EXISTS);
	assert_int_equal(mailbox_folder_create(mailbox, STR("a\nb"), 0, &id, &err), -1);
	assert_int_equal(err.code, ERR_SYNTAX);
	assert_int_equal(mailbox_folder_create(mailbox, STR("a//b"), 0, &id, &err), -1);
	assert_int_equal(mailbox_folder_create(mailbox, STR("\xff"), 0, &id, &err), -1);
	assert_int_equal(mailbox_folder_create(mailbox, STR(""), 0, &id, &err), -1);
	buf_free(&names);
	mailbox_close(mailbox);
}

static void test_short_and_unwritable(void **state)
{
	struct mailbox *mailbox = open_mailbox(7);
	struct store_source good = make_source("good\r\n", "id-1"), shorter = make_source("short\r\n", "id-2");
	struct store_source large = make_source("", "id-3");
	struct store_append appends[3] = {make_append(mailbox, &good), make_append(mailbox, &shorter),
	                                  make_append(mailbox, &large)};
	struct rlimit limit, before;

	(void)state;
	shorter.size += 1;
	assert_int_equal(ftruncate(large.fd, 3000000), 0);
	large.size = 2000000;
	/* The message is larger than what may be written: nothing half stays. */
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = 1000000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	store_append(appends, 3, 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(appends[0].result, STORE_ADDED);
	assert_int_equal(appends[1].result, STORE_FAILED);
	assert_int_equal(appends[2].result, STORE_FAILED);
	assert_int_equal(count_messages(mailbox), 1);
	assert_int_equal(access(in_mailbox(7, "msg/1/0/.3.id-3"), F_OK), -1);
	assert_int_equal(access(in_mailbox(7, "msg/1/0/3.id-3"), F_OK), -1);

	shorter.size -= 1;
	store_append(appends, 3, 0);
	assert_int_equal(appends[0].result, STORE_DUPLICATE);
	assert_int_equal(appends[1].result, STORE_ADDED);
	assert_int_equal(appends[2].result, STORE_ADDED);
	assert_int_equal(count_messages(mailbox), 3);
	mailbox_close(mailbox);
	close(good.fd);
	close(shorter.fd);
	close(large.fd);
}

static bool is_there(int64_t uid, const char *suffix)
{
	char path[STORE_PATH_MAX];

	mailbox_path(path, sizeof path - 8, &instance, uid);
	strncat(path, suffix, 7);
	return access(path, F_OK) == 0;
}

/* Nobody else's mail goes, not even what shares a file; nothing goes while somebody writes. */
static void test_discard(void **state)
{
	struct store_source source = make_source("for both\r\n", "id-1");
	struct mailbox *first = open_mailbox(7), *second = open_mailbox(107);
	struct store_append appends[2] = {make_append(first, &source), make_append(second, &source)};
	bool found;

	(void)state;
	store_append(appends, 2, 0);
	close(source.fd);
	assert_int_equal(mailbox_lock(first, 0, &err), 0);
	assert_int_equal(mailbox_discard(&instance, 7, 0, &found, &err), -1);
	assert_int_equal(err.code, STORE_BUSY);
	assert_true(is_there(7, ""));
	mailbox_unlock(first);
	assert_int_equal(mailbox_discard(&instance, 7, 0, &found, &err), 0);
	assert_true(found && !is_there(7, "") && !is_there(7, ".gone"));
	/* Who has it open still gets errors, and makes nothing again. */
	assert_int_equal(add(first, "late\r\n", "id-2", NULL), STORE_FAILED);
	mailbox_close(first);
	assert_false(is_there(7, ""));
	assert_int_equal(mailbox_discard(&instance, 7, 0, &found, &err), 0);
	assert_false(found);
	assert_int_equal(count_messages(second), 1);
	assert_content(second, appends[1].uid, "Return-Path: <a@b.example>\r\nfor both\r\n");
	mailbox_close(second);
	assert_int_equal(mailbox_discard(&instance, 0, 0, &found, &err), -1);
	assert_int_equal(mailbox_discard(&instance, 8, 0, &found, &err), 0);
	assert_false(found);
}

/* What a call that was ended has left, and a folder that was made again since, go by the next one. */
static void test_discard_again(void **state)
{
	char gone[STORE_PATH_MAX], path[STORE_PATH_MAX - 8];
	bool found;

	(void)state;
	mailbox_close(open_mailbox(7));
	snprintf(gone, sizeof gone, "%s.gone", mailbox_path(path, sizeof path, &instance, 7));
	assert_int_equal(rename(path, gone), 0);
	mailbox_close(open_mailbox(7));
	assert_int_equal(mailbox_discard(&instance, 7, 0, &found, &err), 0);
	assert_true(found && !is_there(7, "") && !is_there(7, ".gone"));
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, make_store, remove_store)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_STORE(test_add_list_read),
	    WITH_STORE(test_large_message),
	    WITH_STORE(test_one_copy_of_an_id),
	    WITH_STORE(test_many_mailboxes_share_a_file),
	    WITH_STORE(test_a_locked_mailbox_is_put_off_alone),
	    WITH_STORE(test_expunge_and_hold),
	    WITH_STORE(test_uids_grow_for_ever),
	    WITH_STORE(test_empty_buckets_go),
	    WITH_STORE(test_pop3_lock),
	    WITH_STORE(test_folders),
	    WITH_STORE(test_short_and_unwritable),
	    WITH_STORE(test_discard),
	    WITH_STORE(test_discard_again),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
