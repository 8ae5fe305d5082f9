/* store: what is left after kill -9, a lost or damaged index, lost marks, an index from a backup; and its repair. */
#include "common/store/changes.h"
#include "common/store/mailbox.h"
#include "t/unit/common/store/fixture.h"

#include <signal.h>
#include <sys/wait.h>

#define TEXT "Return-Path: <a@b.example>\r\nx\r\n"

static struct mailbox_repair repair(int64_t uid)
{
	struct mailbox_repair report;

	if (mailbox_repair(&instance, uid, 0, &report, &err) != 0)
		fail_msg("mailbox_repair: %s", err.text);
	return report;
}

/* A file in INBOX that no row knows, as a process leaves it that dies before its commit. */
static void put_file(int64_t uid, const char *name)
{
	char relative[200];
	FILE *file;

	snprintf(relative, sizeof relative, "msg/1/0/%s", name);
	file = fopen(in_mailbox(uid, relative), "w");
	assert_non_null(file);
	fputs(TEXT, file);
	fclose(file);
}

static uint32_t validity_of(struct mailbox *mailbox)
{
	struct mailbox_folder inbox;

	assert_int_equal(mailbox_folder(mailbox, STORE_INBOX, &inbox, &err), 0);
	return inbox.uidvalidity;
}

static void test_files_without_rows_are_taken_in(void **state)
{
	struct mailbox *mailbox = open_mailbox(7);
	uint32_t uid;

	(void)state;
	assert_int_equal(add(mailbox, "x\r\n", "id-1", NULL), STORE_ADDED);
	mailbox_close(mailbox);
	put_file(7, "2.id-2");
	put_file(7, "4.id-4");
	put_file(7, ".5.id-5"); /* it died while writing */
	mailbox = open_mailbox(7);
	assert_int_equal(count_messages(mailbox), 3);
	assert_content(mailbox, 4, TEXT);
	assert_int_equal(add(mailbox, "x\r\n", "id-2", &uid), STORE_DUPLICATE);
	assert_int_equal(add(mailbox, "x\r\n", "id-5", &uid), STORE_ADDED);
	assert_int_equal(uid, 5);
	assert_int_equal(access(in_mailbox(7, "msg/1/0/.5.id-5"), F_OK), -1);
	mailbox_close(mailbox);
}

static void test_lost_index(void **state)
{
	struct mailbox *mailbox = open_mailbox(7);
	struct mailbox_repair report;
	struct mailbox_folder folder;
	uint32_t uid, validity = validity_of(mailbox), gone = 3;
	int64_t sent;

	(void)state;
	assert_int_equal(mailbox_folder_create(mailbox, STR("Sent Items"), 0, &sent, &err), 0);
	for (int i = 0; i < 3; i++) {
		char id[16];

		snprintf(id, sizeof id, "id-%d", i);
		assert_int_equal(add(mailbox, "x\r\n", id, NULL), STORE_ADDED);
	}
	assert_int_equal(mailbox_expunge(mailbox, STORE_INBOX, &gone, 1, 0, NULL, &err), 0);
	mailbox_close(mailbox);
	remove_index(7);

	/* It is not made anew without a word: the UIDs would begin again. */
	assert_int_equal(mailbox_open(&mailbox, &instance, 7, 0, &err), -1);
	assert_int_equal(err.code, STORE_INDEX_LOST);
	report = repair(7);
	assert_true(report.index_rebuilt);
	assert_int_equal(report.messages, 2);
	assert_int_equal(report.bytes, 62);

	mailbox = open_mailbox(7);
	assert_int_equal(validity_of(mailbox), validity);
	assert_int_equal(count_messages(mailbox), 2);
	assert_content(mailbox, 1, TEXT);
	assert_int_equal(mailbox_folder_find(mailbox, STR("Sent Items"), &folder, &err), 0);
	assert_int_equal(folder.id, sent);
	assert_int_equal(add(mailbox, "x\r\n", "id-1", &uid), STORE_DUPLICATE);
	assert_int_equal(add(mailbox, "x\r\n", "id-9", &uid), STORE_ADDED);
	assert_true(uid > 3);
	mailbox_close(mailbox);
	assert_false(repair(7).index_rebuilt);
}

/* Spoil the pages behind the first: the header is fine, the content is not. */
static void damage_index(int64_t uid)
{
	char zeros[4096];
	struct stat info;
	int fd = open(in_mailbox(uid, "index.db"), O_RDWR);

	memset(zeros, 0x55, sizeof zeros);
	assert_int_equal(fstat(fd, &info), 0);
	assert_true(info.st_size > 8 * 4096);
	for (off_t at = 6 * 4096; at < info.st_size; at += 4 * 4096)
		assert_int_equal(pwrite(fd, zeros, sizeof zeros, at), sizeof zeros);
	close(fd);
}

static void test_damaged_index(void **state)
{
	struct mailbox *mailbox = open_mailbox(7);
	uint32_t validity = validity_of(mailbox), uid;
	struct mailbox_repair report;
	struct mailbox *open_meanwhile;

	(void)state;
	for (int i = 0; i < 400; i++) {
		char id[40];

		snprintf(id, sizeof id, "0123456789abcdef-smtpd-%08x", i);
		assert_int_equal(add(mailbox, "x\r\n", id, NULL), STORE_ADDED);
	}
	mailbox_close(mailbox);
	assert_int_equal(repair(7).messages, 400); /* which moves the log into the index */
	damage_index(7);
	open_meanwhile = NULL;
	if (mailbox_open(&open_meanwhile, &instance, 7, 0, &err) != 0)
		assert_int_equal(err.code, ERR_CORRUPT);
	report = repair(7);
	assert_true(report.index_rebuilt);
	assert_int_equal(report.messages, 400);

	/* A process that had the old index open goes on with the new one. */
	if (open_meanwhile != NULL) {
		assert_int_equal(add(open_meanwhile, "x\r\n", "id-new", &uid), STORE_ADDED);
		assert_int_equal(count_messages(open_meanwhile), 401);
		mailbox_close(open_meanwhile);
	}
	mailbox = open_mailbox(7);
	assert_int_equal(validity_of(mailbox), validity);
	assert_int_equal(add(mailbox, "x\r\n", "0123456789abcdef-smtpd-00000007", &uid), STORE_DUPLICATE);
	mailbox_close(mailbox);
}

/* A message that was removed, and whose file a process that died has left, does not come back by a repair. */
static void test_damaged_index_knows_what_is_gone(void **state)
{
	struct mailbox *mailbox = open_mailbox(7);
	struct mailbox_repair report;
	const uint32_t uid = 5;
	pid_t child;
	int status;

	(void)state;
	for (int i = 0; i < 400; i++)
		assert_int_equal(add(mailbox, "x\r\n", "", NULL), STORE_ADDED);
	mailbox_close(mailbox);
	repair(7);
	child = fork();
	if (child == 0) {
		mailbox = open_mailbox(7);
		mailbox_expunge(mailbox, STORE_INBOX, &uid, 1, 0, NULL, &err);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(access(in_mailbox(7, "msg/1/0/5"), F_OK), 0);
	damage_index(7);
	report = repair(7);
	assert_true(report.index_rebuilt);
	assert_int_equal(report.messages, 399);
	assert_int_equal(access(in_mailbox(7, "bin/1/0/5"), F_OK), 0);
}

static void test_index_from_a_backup(void **state)
{
	struct mailbox *mailbox = open_mailbox(7);
	char command[2 * STORE_PATH_MAX + 300];
	uint32_t uid;

	(void)state;
	assert_int_equal(add(mailbox, "x\r\n", "id-1", NULL), STORE_ADDED);
	mailbox_close(mailbox);
	repair(7);
	snprintf(command, sizeof command, "cp %s %s/copy", in_mailbox(7, "index.db"), instance.state);
	assert_int_equal(system(command), 0);
	mailbox = open_mailbox(7);
	for (int i = 0; i < 1500; i++)
		assert_int_equal(add(mailbox, "x\r\n", "", &uid), STORE_ADDED);
	mailbox_close(mailbox);
	remove_index(7);
	snprintf(command, sizeof command, "cp %s/copy %s", instance.state, in_mailbox(7, "index.db"));
	assert_int_equal(system(command), 0);

	/* Messages that the old index does not know are there, under their UIDs; new ones get new UIDs. */
	mailbox = open_mailbox(7);
	assert_int_equal(count_messages(mailbox), 1501);
	assert_int_equal(add(mailbox, "x\r\n", "", &uid), STORE_ADDED);
	assert_true(uid > 1501);
	mailbox_close(mailbox);
}

static void test_lost_marks(void **state)
{
	struct mailbox *mailbox = open_mailbox(7);
	uint32_t uid, validity = validity_of(mailbox);
	FILE *file;

	(void)state;
	assert_int_equal(add(mailbox, "x\r\n", "id-1", NULL), STORE_ADDED);
	mailbox_close(mailbox);
	/* The index alone, or the marks alone, tells enough. */
	assert_int_equal(unlink(in_mailbox(7, "marks")), 0);
	mailbox = open_mailbox(7);
	assert_int_equal(access(in_mailbox(7, "marks"), F_OK), 0);
	mailbox_close(mailbox);

	file = fopen(in_mailbox(7, "marks"), "w");
	fputs("postroom-marks 1\nfolder x\n", file);
	fclose(file);
	assert_int_equal(mailbox_open(&mailbox, &instance, 7, 0, &err), -1);
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_int_equal(repair(7).messages, 1);
	mailbox = open_mailbox(7);
	assert_int_equal(validity_of(mailbox), validity);
	assert_int_equal(add(mailbox, "x\r\n", "id-2", &uid), STORE_ADDED);
	assert_int_equal(uid, 2);
	mailbox_close(mailbox);
}

static void test_all_but_the_messages_lost(void **state)
{
	struct mailbox *mailbox = open_mailbox(7);
	uint32_t uid;

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(add(mailbox, "x\r\n", "", NULL), STORE_ADDED);
	mailbox_close(mailbox);
	put_file(7, "2.id-2"); /* two files with one UID: both are messages */
	remove_index(7);
	unlink(in_mailbox(7, "marks"));
	assert_int_equal(repair(7).messages, 4);
	mailbox = open_mailbox(7);
	assert_int_equal(count_messages(mailbox), 4);
	assert_content(mailbox, 4, TEXT);
	assert_int_equal(add(mailbox, "x\r\n", "id-2", &uid), STORE_DUPLICATE);
	assert_int_equal(add(mailbox, "x\r\n", "", &uid), STORE_ADDED);
	assert_int_equal(uid, 5);
	mailbox_close(mailbox);
}

static void test_repair_removes_what_belongs_to_nothing(void **state)
{
	struct mailbox *mailbox = open_mailbox(7);
	struct mailbox_repair report;

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(add(mailbox, "x\r\n", "", NULL), STORE_ADDED);
	put_file(7, "2.id-old"); /* UID 2 is another message: a leftover of one that was delivered otherwise or expunged */
	put_file(7, ".1.id-tmp");
	put_file(7, "note");
	assert_int_equal(unlink(in_mailbox(7, "msg/1/0/3")), 0);
	report = repair(7);
	assert_false(report.index_rebuilt);
	assert_int_equal(report.files_removed, 2);
	assert_int_equal(report.rows_removed, 1);
	assert_int_equal(report.messages, 2);
	assert_int_equal(access(in_mailbox(7, "msg/1/0/note"), F_OK), 0); /* not one of ours */
	assert_int_equal(count_messages(mailbox), 2);
	mailbox_close(mailbox);
	assert_int_equal(mailbox_repair(&instance, 8, 0, &report, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
}

/* Copy or move INBOX's message 1 into a folder. */
static void take_to(struct mailbox *mailbox, int64_t folder, bool move)
{
	const struct store_copy copy = {.from = STORE_INBOX, .to = folder, .move = move, .keep = true};
	const uint32_t uid = 1;
	struct store_pair pair;
	size_t count;

	assert_int_equal(mailbox_copy(mailbox, &copy, &uid, 1, &pair, &count, 0, &err), 0);
	assert_int_equal(count, 1);
}

static int64_t messages_in(struct mailbox *mailbox, const char *name)
{
	struct mailbox_folder folder;

	if (mailbox_folder_find(mailbox, str_of(name), &folder, &err) != 0)
		fail_msg("%s: %s", name, err.text);
	return folder.totals.messages;
}

/* A copy has the message id of the first, and is a message all the same. */
static void test_lost_index_keeps_copies(void **state)
{
	struct mailbox *mailbox = open_mailbox(7);
	int64_t folder;

	(void)state;
	assert_int_equal(add(mailbox, "x\r\n", "id-1", NULL), STORE_ADDED);
	assert_int_equal(mailbox_folder_create(mailbox, STR("Archive"), 0, &folder, &err), 0);
	take_to(mailbox, folder, false);
	mailbox_close(mailbox);
	remove_index(7);
	assert_int_equal(repair(7).messages, 2);
	mailbox = open_mailbox(7);
	assert_int_equal(messages_in(mailbox, "INBOX"), 1);
	assert_int_equal(messages_in(mailbox, "Archive"), 1);
	mailbox_close(mailbox);
}

/* The old index knows the id as delivered, and the file under a name that is gone. */
static void test_moved_since_the_backup(void **state)
{
	struct mailbox *mailbox = open_mailbox(7);
	char command[2 * STORE_PATH_MAX + 300];
	int64_t folder;

	(void)state;
	assert_int_equal(add(mailbox, "x\r\n", "id-1", NULL), STORE_ADDED);
	assert_int_equal(mailbox_folder_create(mailbox, STR("Archive"), 0, &folder, &err), 0);
	mailbox_close(mailbox);
	repair(7);
	snprintf(command, sizeof command, "cp %s %s/copy", in_mailbox(7, "index.db"), instance.state);
	assert_int_equal(system(command), 0);
	mailbox = open_mailbox(7);
	take_to(mailbox, folder, true);
	mailbox_close(mailbox);
	remove_index(7);
	snprintf(command, sizeof command, "cp %s/copy %s", instance.state, in_mailbox(7, "index.db"));
	assert_int_equal(system(command), 0);

	assert_int_equal(repair(7).messages, 1);
	mailbox = open_mailbox(7);
	assert_int_equal(messages_in(mailbox, "Archive"), 1);
	mailbox_close(mailbox);
}

/* Repair is the first to see an old index: what came since, into any folder and beyond its marks, stays. */
static void test_repair_of_an_old_index(void **state)
{
	struct mailbox *mailbox = open_mailbox(7);
	char command[2 * STORE_PATH_MAX + 300];
	struct store_source source = make_source("x\r\n", "");
	struct store_append append;
	int64_t folder;

	(void)state;
	assert_int_equal(mailbox_folder_create(mailbox, STR("Archive"), 0, &folder, &err), 0);
	mailbox_close(mailbox);
	repair(7);
	snprintf(command, sizeof command, "cp %s %s/copy", in_mailbox(7, "index.db"), instance.state);
	assert_int_equal(system(command), 0);
	mailbox = open_mailbox(7);
	append = make_append(mailbox, &source);
	append.folder = folder;
	store_append(&append, 1, 0);
	assert_int_equal(append.result, STORE_ADDED);
	mailbox_close(mailbox);
	close(source.fd);
	remove_index(7);
	snprintf(command, sizeof command, "cp %s/copy %s", instance.state, in_mailbox(7, "index.db"));
	assert_int_equal(system(command), 0);

	assert_int_equal(repair(7).messages, 1);
	mailbox = open_mailbox(7);
	assert_int_equal(messages_in(mailbox, "Archive"), 1);
	mailbox_close(mailbox);
}

/* Before a file goes, the loss of its row is on disk: also where the process that committed it died before its sync. */
static void test_files_go_after_the_sync(void **state)
{
	struct mailbox *mailbox = open_mailbox(7);

	(void)state;
	assert_int_equal(add(mailbox, "x\r\n", "id-1", NULL), STORE_ADDED);
	assert_int_equal(mailbox_lock(mailbox, 0, &err), 0);
	assert_int_equal(removed_add(mailbox, STORE_INBOX, 9, STR(""), REMOVED_UNLINK, &err), 0);
	mailbox->log_state = LOG_UNSYNCED;
	assert_int_equal(removed_finish(mailbox, &err), 0);
	assert_int_equal(mailbox->log_state, LOG_LOOSE); /* only that the list is empty is not on disk */
	mailbox_unlock(mailbox);
	mailbox_close(mailbox);
}

/* What the first version made, with a message that is read, one that is not, one that is held, and a file to remove. */
static const char first_version[] =
    "CREATE TABLE mailbox(one INTEGER PRIMARY KEY CHECK (one = 1), next_folder INTEGER NOT NULL,"
    " last_validity INTEGER NOT NULL, pruned INTEGER NOT NULL);"
    "CREATE TABLE folder(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, uidvalidity INTEGER NOT NULL,"
    " uidnext INTEGER NOT NULL, modseq INTEGER NOT NULL, uid_mark INTEGER NOT NULL, modseq_mark INTEGER NOT NULL,"
    " messages INTEGER NOT NULL, bytes INTEGER NOT NULL, held_messages INTEGER NOT NULL, held_bytes INTEGER NOT NULL);"
    "CREATE TABLE message(folder INTEGER NOT NULL, uid INTEGER NOT NULL, size INTEGER NOT NULL,"
    " internal_date INTEGER NOT NULL, save_date INTEGER NOT NULL, flags INTEGER NOT NULL, held INTEGER NOT NULL,"
    " modseq INTEGER NOT NULL, keywords TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (folder, uid)) WITHOUT ROWID;"
    "CREATE TABLE delivered(id TEXT PRIMARY KEY, time INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE removed(folder INTEGER NOT NULL, uid INTEGER NOT NULL, id TEXT NOT NULL,"
    " PRIMARY KEY (folder, uid)) WITHOUT ROWID;"
    "INSERT INTO mailbox VALUES(1, 2, 1700000000, 0);"
    "INSERT INTO folder VALUES(1, 'INBOX', 1700000000, 5, 7, 1005, 100005, 2, 62, 1, 31);"
    "INSERT INTO message VALUES(1, 1, 31, 9, 9, 1, 0, 5, '', 'id-1'), (1, 2, 31, 9, 9, 0, 0, 6, '', 'id-2'),"
    " (1, 3, 31, 9, 9, 0, 1, 7, '', 'id-3');"
    "INSERT INTO delivered VALUES('id-1', 9), ('id-2', 9), ('id-3', 9);"
    "INSERT INTO removed VALUES(1, 4, 'id-4');"
    "PRAGMA user_version = 1";

static void make_first_version(void)
{
	static const char *const names[] = {"1.id-1", "2.id-2", "3.id-3", "4.id-4"};
	struct db db;

	assert_int_equal(mailbox_make(&instance, 7, &err), 0);
	assert_int_equal(mkdir(in_mailbox(7, "msg/1"), 0700), 0);
	assert_int_equal(mkdir(in_mailbox(7, "msg/1/0"), 0700), 0);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		put_file(7, names[i]);
	assert_int_equal(db_open(&db, in_mailbox(7, "index.db"), DB_CREATE, 0, &err), 0);
	assert_int_equal(db_exec(&db, first_version, &err), 0);
	db_close(&db);
}

static void test_index_of_the_first_version(void **state)
{
	struct mailbox_details one, two;
	struct mailbox_folder inbox;
	struct mailbox *mailbox;
	uint32_t uid;

	(void)state;
	make_first_version();
	mailbox = open_mailbox(7);
	assert_int_equal(count_messages(mailbox), 2);
	assert_int_equal(validity_of(mailbox), 1700000000);
	assert_int_equal(mailbox_folder(mailbox, STORE_INBOX, &inbox, &err), 0);
	assert_int_equal(inbox.totals.unseen, 1);
	assert_int_equal(inbox.totals.held_messages, 1);
	assert_content(mailbox, 2, TEXT);
	assert_int_equal(access(in_mailbox(7, "msg/1/0/4.id-4"), F_OK), -1);
	assert_int_equal(mailbox_details(mailbox, STORE_INBOX, 1, &one, &err), 0);
	assert_int_equal(mailbox_details(mailbox, STORE_INBOX, 2, &two, &err), 0);
	assert_true(one.email_id > 0 && two.email_id > 0 && one.email_id != two.email_id);
	assert_int_equal(add(mailbox, "x\r\n", "id-2", &uid), STORE_DUPLICATE);
	assert_int_equal(add(mailbox, "x\r\n", "id-5", &uid), STORE_ADDED);
	assert_int_equal(uid, 5);
	mailbox_close(mailbox);
}

/* Store batches of ids and write down each that was acknowledged, until killed. */
static void deliver_until_killed(int round, int acknowledged)
{
	enum { BATCH = 5 };
	struct store_source sources[BATCH];
	struct store_append appends[2 * BATCH];
	struct mailbox *one = open_mailbox(1), *two = open_mailbox(2);

	for (int batch = 0;; batch++) {
		char ids[BATCH][32];

		for (int i = 0; i < BATCH; i++) {
			snprintf(ids[i], sizeof ids[i], "r%d-%d-%d", round, batch, i);
			sources[i] = make_source("x\r\n", ids[i]);
			appends[2 * i] = make_append(one, &sources[i]);
			appends[2 * i + 1] = make_append(two, &sources[i]);
		}
		store_append(appends, 2 * BATCH, 0);
		for (int i = 0; i < 2 * BATCH; i++) {
			char line[64];
			int len = snprintf(line, sizeof line, "%d %s\n", 1 + i % 2, ids[i / 2]);

			if (appends[i].result != STORE_ADDED || write(acknowledged, line, (size_t)len) != len)
				_exit(1);
		}
		for (int i = 0; i < BATCH; i++)
			close(sources[i].fd);
	}
}

/* Everything acknowledged is there, once, whole; what comes again is recognised. */
static void check_acknowledged(FILE *acknowledged, size_t counts[3])
{
	struct mailbox *mailboxes[3] = {NULL, open_mailbox(1), open_mailbox(2)};
	char id[64];
	int box;

	while (fscanf(acknowledged, "%d %63s", &box, id) == 2) {
		counts[box]++;
		assert_int_equal(add(mailboxes[box], "x\r\n", id, NULL), STORE_DUPLICATE);
	}
	for (box = 1; box <= 2; box++) {
		size_t there = count_messages(mailboxes[box]);
		struct mailbox_list list;

		/* At most the batch that was not acknowledged is there besides. */
		assert_in_range(there, counts[box], counts[box] + 5);
		counts[box] = there;
		assert_int_equal(mailbox_list(mailboxes[box], STORE_INBOX, &list, &err), 0);
		for (size_t i = list.count > 20 ? list.count - 20 : 0; i < list.count; i++)
			assert_content(mailboxes[box], list.messages[i].uid, TEXT);
		mailbox_list_free(&list);
		mailbox_close(mailboxes[box]);
	}
}

static void test_kill(void **state)
{
	size_t counts[3] = {0};

	(void)state;
	for (int round = 0; round < 25; round++) {
		int ends[2], status;
		FILE *acknowledged;
		pid_t child;

		assert_int_equal(pipe(ends), 0);
		assert_true(fcntl(ends[1], F_SETPIPE_SZ, 1 << 20) > 0);
		child = fork();
		if (child == 0)
			deliver_until_killed(round, ends[1]);
		close(ends[1]);
		usleep((useconds_t)(3000 + random() % 40000));
		kill(child, SIGKILL);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));
		acknowledged = fdopen(ends[0], "r");
		check_acknowledged(acknowledged, counts);
		fclose(acknowledged);
	}
	/* a kill between the commit of a row and the removal of the file's first name leaves that name, which repair takes
	 */
	assert_in_range(repair(1).files_removed, 0, 25);
	assert_int_equal(repair(1).files_removed, 0);
	assert_int_equal(repair(2).messages, counts[2]);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, make_store, remove_store)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_STORE(test_files_without_rows_are_taken_in),
	    WITH_STORE(test_lost_index),
	    WITH_STORE(test_damaged_index),
	    WITH_STORE(test_damaged_index_knows_what_is_gone),
	    WITH_STORE(test_index_from_a_backup),
	    WITH_STORE(test_lost_marks),
	    WITH_STORE(test_all_but_the_messages_lost),
	    WITH_STORE(test_repair_removes_what_belongs_to_nothing),
	    WITH_STORE(test_lost_index_keeps_copies),
	    WITH_STORE(test_moved_since_the_backup),
	    WITH_STORE(test_repair_of_an_old_index),
	    WITH_STORE(test_files_go_after_the_sync),
	    WITH_STORE(test_index_of_the_first_version),
	    WITH_STORE(test_kill),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("store recovery", tests, NULL, NULL);
}
