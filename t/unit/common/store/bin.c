/* store: the recycle bin (02-13.5, 06-5.6), folders renamed and removed, what is kept beside them; all verified. */
#include "common/store/bin.h"
#include "common/base/buf.h"
#include "common/store/changes.h"
#include "common/store/folders.h"
#include "common/store/verify.h"
#include "t/unit/common/store/fixture.h"

#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <time.h>

static void on_finding(const char *what, void *context)
{
	(void)context;
	fail_msg("verify: %s", what);
}

static void assert_sound(struct mailbox *mailbox)
{
	struct mailbox_verify report;

	assert_int_equal(mailbox_verify(mailbox, 0, on_finding, NULL, &report, &err), 0);
	assert_int_equal(report.findings, 0);
}

static void add_many(struct mailbox *mailbox, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_int_equal(add(mailbox, "x\r\n", "", NULL), STORE_ADDED);
}

static int64_t folder_of(struct mailbox *mailbox, const char *name)
{
	int64_t id;

	assert_int_equal(mailbox_folder_create(mailbox, str_of(name), 0, &id, &err), 0);
	return id;
}

static struct mailbox_folder find(struct mailbox *mailbox, const char *name)
{
	struct mailbox_folder folder;

	if (mailbox_folder_find(mailbox, str_of(name), &folder, &err) != 0)
		fail_msg("%s: %s", name, err.text);
	return folder;
}

static void copy_to(struct mailbox *mailbox, int64_t to, uint32_t uid)
{
	struct store_copy copy = {.from = STORE_INBOX, .to = to, .move = false, .keep = true};
	struct store_pair pair;
	size_t copied;

	assert_int_equal(mailbox_copy(mailbox, &copy, &uid, 1, &pair, &copied, 0, &err), 0);
	assert_int_equal(copied, 1);
}

static void assert_open(struct mailbox *mailbox, uint32_t uid, bool there)
{
	int fd;

	if (there) {
		assert_content(mailbox, uid, "Return-Path: <a@b.example>\r\nx\r\n");
		return;
	}
	assert_int_equal(mailbox_open_message(mailbox, STORE_INBOX, uid, &fd, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
}

static void test_undelete(void **state)
{
	struct mailbox *mailbox = open_mailbox(7);
	struct store_change wanted = {
	    .how = STORE_SET, .flags = STORE_SEEN | STORE_DELETED, .keywords = STR("$Label"), .unchanged_since = -1};
	struct mailbox_details details;
	struct mailbox_bin bin;
	uint32_t uids[] = {1, 2};

	(void)state;
	add_many(mailbox, 3);
	assert_int_equal(mailbox_store(mailbox, STORE_INBOX, uids, 2, &wanted, NULL, NULL, 0, &err), 0);
	assert_int_equal(mailbox_expunge(mailbox, STORE_INBOX, uids, 2, 0, NULL, &err), 0);
	mailbox_idle(mailbox);
	assert_int_equal(access(in_mailbox(7, "bin/1/0/2"), F_OK), 0);
	assert_int_equal(access(in_mailbox(7, "msg/1/0/2"), F_OK), -1);
	assert_sound(mailbox);
	assert_int_equal(mailbox_bin_stat(mailbox, 0, &bin, &err), 0);
	assert_int_equal(bin.messages, 2);
	assert_int_equal(bin.bytes, 62);
	assert_int_equal(mailbox_bin_stat(mailbox, (int64_t)time(NULL) + 10, &bin, &err), 0);
	assert_int_equal(bin.messages, 0);
	assert_int_equal(mailbox_undelete(mailbox, (int64_t)time(NULL) + 10, false, false, 0, &bin, &err), 0);
	assert_int_equal(bin.messages, 0);

	assert_int_equal(mailbox_undelete(mailbox, (int64_t)time(NULL) - 10, true, true, 0, &bin, &err), 0);
	assert_int_equal(bin.messages, 2);
	assert_int_equal(count_messages(mailbox), 3);
	assert_int_equal(mailbox_details(mailbox, STORE_INBOX, 5, &details, &err), 0);
	assert_int_equal(details.flags, STORE_FLAGGED);
	assert_int_equal(details.internal_date, 1000000000);
	assert_content(mailbox, 5, "Return-Path: <a@b.example>\r\nx\r\n");
	assert_int_equal(access(in_mailbox(7, "bin/1/0/2"), F_OK), -1);
	assert_sound(mailbox);
	mailbox_close(mailbox);
}

static void test_no_bin(void **state)
{
	struct mailbox *mailbox = open_mailbox(7);
	struct mailbox_bin bin;
	uint32_t uid = 1;

	(void)state;
	add_many(mailbox, 2);
	mailbox_set_bin(mailbox, 0);
	assert_int_equal(mailbox_expunge(mailbox, STORE_INBOX, &uid, 1, 0, NULL, &err), 0);
	assert_int_equal(mailbox_bin_stat(mailbox, 0, &bin, &err), 0);
	assert_int_equal(bin.messages, 0);
	mailbox_idle(mailbox);
	assert_int_equal(access(in_mailbox(7, "bin"), F_OK), -1);
	assert_int_equal(access(in_mailbox(7, "msg/1/0/1"), F_OK), -1);
	assert_open(mailbox, 1, false);
	assert_sound(mailbox);
	mailbox_close(mailbox);
}

/* RFC 2180 4.1: who was not told that a message is gone may read it, for as long as there is something to read. */
static void test_read_after_expunge(void **state)
{
	struct mailbox *one = open_mailbox(7), *other = open_mailbox(7);
	struct mailbox_details details;
	struct mailbox_bin purged;
	uint32_t uids[] = {1, 2};

	(void)state;
	add_many(one, 3);
	assert_open(other, 1, true);
	assert_int_equal(mailbox_expunge(one, STORE_INBOX, uids, 2, 0, NULL, &err), 0);
	assert_open(other, 1, true);
	assert_open(other, 2, true);
	assert_int_equal(mailbox_details_gone(other, STORE_INBOX, 2, &details, &err), 0);
	assert_int_equal(details.size, 31);
	assert_int_equal(details.internal_date, 1000000000);
	assert_int_equal(mailbox_details_gone(other, STORE_INBOX, 3, &details, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	mailbox_idle(one);
	assert_open(other, 1, true);
	mailbox_idle(other); /* what it knew of names is forgotten */
	assert_open(other, 2, true);
	assert_int_equal(mailbox_bin_purge(one, INT64_MAX, 0, &purged, &err), 0);
	assert_open(other, 1, false);
	assert_open(other, 2, false);
	assert_open(other, 3, true);
	mailbox_close(one);
	mailbox_close(other);
}

/* Files that go later: a session that has many goes on with them, who comes next does what a dead one has left. */
static void test_files_go_later(void **state)
{
	struct mailbox *mailbox = open_mailbox(7);
	struct store_source source = make_source("x\r\n", "");
	struct store_append appends[600];
	uint32_t uid;
	pid_t child;
	int status;

	(void)state;
	for (size_t i = 0; i < 600; i++)
		appends[i] = make_append(mailbox, &source);
	store_append(appends, 600, 0);
	close(source.fd);
	for (uid = 1; uid < 600; uid++) {
		assert_int_equal(mailbox_expunge(mailbox, STORE_INBOX, &uid, 1, 0, NULL, &err), 0);
		if (uid == 1)
			assert_int_equal(access(in_mailbox(7, "msg/1/0/1"), F_OK), 0);
	}
	assert_int_equal(access(in_mailbox(7, "msg/1/0/1"), F_OK), -1);
	assert_int_equal(access(in_mailbox(7, "msg/1/0/599"), F_OK), 0);
	mailbox_close(mailbox);
	assert_int_equal(access(in_mailbox(7, "msg/1/0/599"), F_OK), -1);

	child = fork();
	if (child == 0) {
		mailbox = open_mailbox(7);
		mailbox_expunge(mailbox, STORE_INBOX, &uid, 1, 0, NULL, &err);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(access(in_mailbox(7, "msg/1/0/600"), F_OK), 0);
	mailbox = open_mailbox(7);
	assert_int_equal(access(in_mailbox(7, "msg/1/0/600"), F_OK), -1);
	assert_int_equal(access(in_mailbox(7, "bin/1/0/600"), F_OK), 0);
	assert_sound(mailbox);
	mailbox_close(mailbox);
}

static void test_purge(void **state)
{
	struct mailbox *mailbox = open_mailbox(7);
	struct mailbox_bin bin;
	uint32_t uid = 1;
	sqlite3 *db;

	(void)state;
	add_many(mailbox, 3);
	assert_int_equal(mailbox_expunge(mailbox, STORE_INBOX, &uid, 1, 0, NULL, &err), 0);
	mailbox_close(mailbox);
	/* 73 hours later. */
	assert_int_equal(sqlite3_open(in_mailbox(7, "index.db"), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "UPDATE bin SET time = time - 73 * 3600", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	mailbox = open_mailbox(7);
	uid = 2;
	assert_int_equal(mailbox_expunge(mailbox, STORE_INBOX, &uid, 1, 0, NULL, &err), 0);
	mailbox_idle(mailbox);
	assert_int_equal(access(in_mailbox(7, "bin/1/0/1"), F_OK), 0);
	mailbox_set_bin(mailbox, 72 * 3600);
	assert_int_equal(access(in_mailbox(7, "bin/1/0/1"), F_OK), -1);
	assert_int_equal(mailbox_bin_stat(mailbox, 0, &bin, &err), 0);
	assert_int_equal(bin.messages, 1);
	assert_sound(mailbox);
	assert_int_equal(mailbox_bin_purge(mailbox, INT64_MAX, 0, &bin, &err), 0);
	assert_int_equal(bin.messages, 1);
	assert_int_equal(access(in_mailbox(7, "bin/1"), F_OK), -1);
	assert_sound(mailbox);
	mailbox_close(mailbox);
}

static void test_folder_delete(void **state)
{
	struct mailbox *mailbox = open_mailbox(7);
	struct mailbox_folder folder;
	struct mailbox_bin bin;
	char path[64];
	int64_t id = folder_of(mailbox, "Work"), empty = folder_of(mailbox, "Empty");

	(void)state;
	add_many(mailbox, 1);
	copy_to(mailbox, id, 1);
	copy_to(mailbox, id, 1);
	assert_int_equal(mailbox_acl_set(mailbox, id, STR("bert"), STR("lrs"), 0, &err), 0);
	assert_int_equal(mailbox_folder_set_use(mailbox, id, STR("\\Archive"), 0, &err), 0);
	assert_int_equal(mailbox_folder_delete(mailbox, STORE_INBOX, 0, &err), -1);
	assert_int_equal(err.code, ERR_DENIED);
	assert_int_equal(mailbox_folder_delete(mailbox, id, 0, &err), 0);
	assert_int_equal(mailbox_folder_delete(mailbox, id, 0, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_int_equal(mailbox_folder_delete(mailbox, empty, 0, &err), 0);
	snprintf(path, sizeof path, "msg/%lld", (long long)id);
	assert_int_equal(access(in_mailbox(7, path), F_OK), -1);
	assert_sound(mailbox);
	mailbox_close(mailbox);

	/* It does not come back by itself. */
	mailbox = open_mailbox(7);
	assert_int_equal(mailbox_folder_find(mailbox, STR("Work"), &folder, &err), -1);
	assert_int_equal(mailbox_bin_stat(mailbox, 0, &bin, &err), 0);
	assert_int_equal(bin.folders, 2);
	assert_int_equal(bin.folder_messages, 2);
	assert_int_equal(mailbox_undelete(mailbox, 0, false, false, 0, &bin, &err), 0);
	assert_int_equal(bin.folders, 2);
	assert_int_equal(bin.folder_messages, 2);
	folder = find(mailbox, "Work");
	assert_true(folder.id > empty);
	assert_int_equal(folder.totals.messages, 2);
	assert_int_equal(mailbox_folder_use(mailbox, folder.id, path, sizeof path, &err), 0);
	assert_string_equal(path, "\\Archive");
	assert_int_equal(find(mailbox, "Empty").totals.messages, 0);
	assert_sound(mailbox);
	mailbox_close(mailbox);
}

/* A process that dies between the commit and the new marks. */
static void test_deleted_folder_stays_away(void **state)
{
	struct mailbox *mailbox = open_mailbox(7);
	char old[4096] = "";
	int64_t id = folder_of(mailbox, "Work");
	struct mailbox_folder folder;
	FILE *marks = fopen(in_mailbox(7, "marks"), "r");
	size_t len = fread(old, 1, sizeof old, marks);

	(void)state;
	fclose(marks);
	assert_int_equal(mailbox_folder_delete(mailbox, id, 0, &err), 0);
	mailbox_close(mailbox);
	marks = fopen(in_mailbox(7, "marks"), "w");
	fwrite(old, 1, len, marks);
	fclose(marks);
	mailbox = open_mailbox(7);
	assert_int_equal(mailbox_folder_find(mailbox, STR("Work"), &folder, &err), -1);
	assert_sound(mailbox);
	mailbox_close(mailbox);
}

static void test_rename(void **state)
{
	struct mailbox *mailbox = open_mailbox(7);
	int64_t a = folder_of(mailbox, "a"), below = folder_of(mailbox, "a/b\xc3\xa4/c");
	struct mailbox_folder folder;

	(void)state;
	folder_of(mailbox, "ab");
	folder_of(mailbox, "z/b\xc3\xa4/c");
	assert_int_equal(mailbox_folder_rename(mailbox, a, STR("a/x"), 0, &err), -1);
	assert_int_equal(err.code, ERR_DENIED);
	assert_int_equal(mailbox_folder_rename(mailbox, a, STR("ab"), 0, &err), -1);
	assert_int_equal(err.code, ERR_EXISTS);
	assert_int_equal(mailbox_folder_rename(mailbox, a, STR("z"), 0, &err), -1); /* below it */
	assert_int_equal(err.code, ERR_EXISTS);
	assert_int_equal(mailbox_folder_rename(mailbox, a, STR("inbox"), 0, &err), -1);
	assert_int_equal(err.code, ERR_EXISTS);
	assert_int_equal(mailbox_folder_rename(mailbox, a, STR("new/name"), 0, &err), 0);
	assert_int_equal(find(mailbox, "new/name").id, a);
	assert_int_equal(find(mailbox, "new/name/b\xc3\xa4/c").id, below);
	assert_int_equal(mailbox_folder_find(mailbox, STR("a"), &folder, &err), -1);
	find(mailbox, "ab");

	/* RFC 9051 6.3.6: INBOX's messages move, INBOX stays. */
	add_many(mailbox, 2);
	assert_int_equal(mailbox_folder_rename(mailbox, STORE_INBOX, STR("old"), 0, &err), 0);
	assert_int_equal(find(mailbox, "old").totals.messages, 2);
	assert_int_equal(find(mailbox, "INBOX").totals.messages, 0);
	assert_sound(mailbox);
	mailbox_close(mailbox);
}

static char texts[1024];

static bool on_name(struct str name, void *context)
{
	size_t len = strlen(texts);

	(void)context;
	snprintf(texts + len, sizeof texts - len, "%.*s;", STR_ARG(name));
	return true;
}

static bool on_pair(struct str first, struct str second, void *context)
{
	on_name(first, context);
	return on_name(second, context);
}

static void test_attributes(void **state)
{
	struct mailbox *mailbox = open_mailbox(7);
	int64_t work = folder_of(mailbox, "Work"), sub, before, modseq;
	uint32_t uidnext;
	struct mailbox_counts counts;
	bool subscribed;

	(void)state;
	assert_int_equal(mailbox_subscribe(mailbox, STR("b"), true, 0, &err), 0);
	assert_int_equal(mailbox_subscribe(mailbox, STR("a/not there"), true, 0, &err), 0);
	assert_int_equal(mailbox_subscribe(mailbox, STR("b"), true, 0, &err), 0);
	texts[0] = '\0';
	assert_int_equal(mailbox_subscription_each(mailbox, on_name, NULL, &err), 0);
	assert_string_equal(texts, "a/not there;b;");
	assert_int_equal(mailbox_subscribe(mailbox, STR("b"), false, 0, &err), 0);
	assert_int_equal(mailbox_is_subscribed(mailbox, STR("b"), &subscribed, &err), 0);
	assert_false(subscribed);

	assert_int_equal(mailbox_folder_set_use(mailbox, work, STR("\\Sent \\Junk"), 0, &err), 0);
	sub = folder_of(mailbox, "Other");
	assert_int_equal(mailbox_folder_set_use(mailbox, sub, STR("\\junk"), 0, &err), -1);
	assert_int_equal(err.code, ERR_EXISTS);

	assert_int_equal(mailbox_acl_set(mailbox, work, STR("bert"), STR("lr"), 0, &err), 0);
	assert_int_equal(mailbox_acl_set(mailbox, work, STR("anyone"), STR("l"), 0, &err), 0);
	assert_int_equal(mailbox_acl_set(mailbox, work, STR("bert"), STR("lrs"), 0, &err), 0);
	assert_int_equal(mailbox_acl_set(mailbox, 99, STR("bert"), STR("lrs"), 0, &err), -1);
	sub = folder_of(mailbox, "Work/sub");
	texts[0] = '\0';
	assert_int_equal(mailbox_acl_each(mailbox, sub, on_pair, NULL, &err), 0);
	assert_string_equal(texts, "anyone;l;bert;lrs;");
	assert_int_equal(mailbox_acl_set(mailbox, sub, STR("anyone"), STR(""), 0, &err), 0);

	assert_int_equal(mailbox_metadata_set(mailbox, 0, STR("/private/a"), STR("v"), 0, &err), 0);
	assert_int_equal(mailbox_metadata_set(mailbox, 0, STR("/private/A"), STR("w"), 0, &err), 0);
	texts[0] = '\0';
	assert_int_equal(mailbox_metadata_each(mailbox, 0, on_pair, NULL, &err), 0);
	assert_non_null(strstr(texts, ";w;"));
	assert_null(strstr(texts, ";v;"));
	assert_int_equal(mailbox_metadata_set(mailbox, 0, STR("/private/a"), (struct str){NULL, 0}, 0, &err), 0);
	texts[0] = '\0';
	assert_int_equal(mailbox_metadata_each(mailbox, 0, on_pair, NULL, &err), 0);
	assert_string_equal(texts, "");

	/* RFC 7162 3.2: a folder's annotation raises its MODSEQ. */
	assert_int_equal(mailbox_peek(mailbox, work, &before, &uidnext, &err), 0);
	assert_int_equal(mailbox_metadata_set(mailbox, work, STR("/private/a"), STR("v"), 0, &err), 0);
	assert_int_equal(mailbox_peek(mailbox, work, &modseq, &uidnext, &err), 0);
	assert_int_equal(modseq, before + 1);
	assert_int_equal(mailbox_metadata_set(mailbox, 99, STR("/private/a"), STR("v"), 0, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);

	add_many(mailbox, 3);
	assert_int_equal(mailbox_mark_recent(mailbox, STORE_INBOX, 3, 0, &err), 0);
	assert_int_equal(mailbox_folder_counts(mailbox, STORE_INBOX, &counts, &err), 0);
	assert_int_equal(counts.unseen, 3);
	assert_int_equal(counts.recent, 1);
	mailbox_close(mailbox);
}

/* Flags, the bin and the rest survive the index, by index.bak. */
static void test_lost_index(void **state)
{
	struct mailbox *mailbox = open_mailbox(7);
	struct store_change wanted = {
	    .how = STORE_SET, .flags = STORE_FLAGGED, .keywords = STR("$Label"), .unchanged_since = -1};
	struct mailbox_details before, after;
	struct mailbox_repair report;
	struct mailbox_bin bin;
	uint32_t uids[] = {1, 2};
	bool subscribed;

	(void)state;
	add_many(mailbox, 3);
	assert_int_equal(mailbox_subscribe(mailbox, STR("x"), true, 0, &err), 0);
	assert_int_equal(mailbox_store(mailbox, STORE_INBOX, uids, 2, &wanted, NULL, NULL, 0, &err), 0);
	assert_int_equal(mailbox_details(mailbox, STORE_INBOX, 1, &before, &err), 0);
	assert_int_equal(mailbox_expunge(mailbox, STORE_INBOX, uids + 1, 1, 0, NULL, &err), 0);
	mailbox_close(mailbox);
	assert_int_equal(access(in_mailbox(7, "index.bak"), F_OK), 0);
	mailbox = open_mailbox(7);
	uids[0] = 3;
	assert_int_equal(mailbox_expunge(mailbox, STORE_INBOX, uids, 1, 0, NULL, &err), 0);
	mailbox_close(mailbox);
	remove_index(7);
	assert_int_equal(mailbox_repair(&instance, 7, 0, &report, &err), 0);
	assert_true(report.index_rebuilt);
	mailbox = open_mailbox(7);
	assert_int_equal(count_messages(mailbox), 1);
	assert_int_equal(mailbox_details(mailbox, STORE_INBOX, 1, &after, &err), 0);
	assert_int_equal(after.flags, STORE_FLAGGED);
	assert_int_equal(after.email_id, before.email_id);
	assert_true(after.modseq > before.modseq);
	assert_int_equal(mailbox_is_subscribed(mailbox, STR("x"), &subscribed, &err), 0);
	assert_true(subscribed);
	assert_int_equal(mailbox_bin_stat(mailbox, 0, &bin, &err), 0);
	assert_int_equal(bin.messages, 2); /* one of them the files alone knew */
	assert_sound(mailbox);
	assert_int_equal(mailbox_undelete(mailbox, 0, false, false, 0, &bin, &err), 0);
	assert_int_equal(count_messages(mailbox), 3);
	assert_sound(mailbox);
	mailbox_close(mailbox);
}

/* Until it is killed: add, copy, move, remove, bring back, at random. */
static void work_until_killed(unsigned seed)
{
	struct mailbox *mailbox;
	struct mailbox_folder work;

	srandom(seed);
	if (mailbox_open(&mailbox, &instance, 7, 1000, &err) != 0 ||
	    mailbox_folder_find(mailbox, STR("Work"), &work, &err) != 0)
		_exit(1);
	for (;;) {
		struct store_copy copy = {.from = STORE_INBOX, .to = work.id, .move = random() % 2, .keep = true};
		struct store_source source = make_source("x\r\n", "");
		struct store_append appends[3];
		struct mailbox_list list;
		struct store_pair pairs[64];
		struct mailbox_bin bin;
		uint32_t uids[64];
		size_t copied, count = 0;
		int result = 0;

		if (random() % 2)
			copy.from = work.id, copy.to = STORE_INBOX;
		if (mailbox_list(mailbox, copy.from, &list, &err) != 0)
			_exit(2);
		for (size_t i = 0; i < list.count && count < 64; i++)
			if (random() % 4 == 0)
				uids[count++] = list.messages[i].uid;
		mailbox_list_free(&list);
		for (int i = 0; i < 3; i++)
			appends[i] = make_append(mailbox, &source);
		switch (random() % 8) {
		case 0:
			result = mailbox_expunge(mailbox, copy.from, uids, count, 1000, NULL, &err);
			break;
		case 1:
			result = mailbox_undelete(mailbox, (int64_t)time(NULL) - 1, false, false, 1000, &bin, &err);
			break;
		case 2:
		case 3:
			result = store_append_together(appends, 3, 1000, &err);
			break;
		default:
			copy.move = copy.move || count > 20;
			result = mailbox_copy(mailbox, &copy, uids, count, pairs, &copied, 1000, &err);
		}
		close(source.fd);
		if (result != 0)
			_exit(3);
	}
}

/* Another process has the mailbox open all the time: it goes on, and what the dead one left is mended. */
static void test_kill(void **state)
{
	struct mailbox *mailbox = open_mailbox(7);
	struct mailbox_folder inbox;
	uint32_t uidnext = 0, uid;

	(void)state;
	folder_of(mailbox, "Work");
	for (unsigned round = 0; round < 40; round++) {
		pid_t child = fork();
		int status;

		if (child == 0)
			work_until_killed(round);
		usleep((useconds_t)(5000 + random() % 30000));
		kill(child, SIGKILL);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(add(mailbox, "after\r\n", "", &uid), STORE_ADDED);
		assert_true(uid >= uidnext);
		assert_int_equal(mailbox_folder(mailbox, STORE_INBOX, &inbox, &err), 0);
		uidnext = inbox.uidnext;
		assert_content(mailbox, uid, "Return-Path: <a@b.example>\r\nafter\r\n");
		assert_sound(mailbox);
	}
	mailbox_close(mailbox);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, make_store, remove_store)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_STORE(test_undelete),
	    WITH_STORE(test_no_bin),
	    WITH_STORE(test_read_after_expunge),
	    WITH_STORE(test_files_go_later),
	    WITH_STORE(test_purge),
	    WITH_STORE(test_folder_delete),
	    WITH_STORE(test_deleted_folder_stays_away),
	    WITH_STORE(test_rename),
	    WITH_STORE(test_attributes),
	    WITH_STORE(test_lost_index),
	    WITH_STORE(test_kill),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("store/bin", tests, NULL, NULL);
}
