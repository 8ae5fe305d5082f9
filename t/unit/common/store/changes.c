/* store: following a folder by MODSEQ (RFC 7162), flags, copies, moves, the cache. */
#include "common/store/changes.h"
#include "common/base/buf.h"
#include "common/store/bin.h"
#include "common/store/blocks.h"
#include "common/store/folders.h"
#include "t/unit/common/store/fixture.h"

#include <sqlite3.h>

/* What a visit told, as text: "uid:flags:keywords ..." and "first-last ...". */
static char present[4096], vanished[4096];
static struct mailbox_state now;

static void on_present(const struct mailbox_entry *entry, void *context)
{
	size_t len = strlen(present);

	(void)context;
	snprintf(present + len, sizeof present - len, "%s%u:%u:%.*s", len > 0 ? " " : "", entry->uid, entry->flags,
	         STR_ARG(entry->keywords));
}

static void on_vanished(uint32_t first, uint32_t last, void *context)
{
	size_t len = strlen(vanished);

	(void)context;
	snprintf(vanished + len, sizeof vanished - len, "%s%u-%u", len > 0 ? " " : "", first, last);
}

static const struct mailbox_visitor visitor = {on_present, on_vanished, NULL};

static void look(struct mailbox *mailbox, int64_t folder, int64_t since)
{
	present[0] = vanished[0] = '\0';
	if (mailbox_changes(mailbox, folder, since, &visitor, &now, &err) != 0)
		fail_msg("mailbox_changes: %s", err.text);
}

static void add_many(struct mailbox *mailbox, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(add(mailbox, "x\r\n", "", NULL), STORE_ADDED);
	}
}

static int change(struct mailbox *mailbox, uint32_t uid, enum store_how how, unsigned flags, const char *keywords)
{
	struct store_change wanted = {.how = how, .flags = flags, .keywords = str_of(keywords), .unchanged_since = -1};

	return mailbox_store(mailbox, STORE_INBOX, &uid, 1, &wanted, NULL, NULL, 0, &err);
}

static int64_t folder_of(struct mailbox *mailbox, const char *name)
{
	int64_t id;

	assert_int_equal(mailbox_folder_create(mailbox, str_of(name), 0, &id, &err), 0);
	return id;
}

static void test_flags(void **state)
{
	struct mailbox *mailbox = open_mailbox(7), *other = open_mailbox(7);
	struct mailbox_folder inbox;
	int64_t before, modseq;
	uint32_t uidnext;

	(void)state;
	add_many(mailbox, 3);
	look(mailbox, STORE_INBOX, 0);
	assert_string_equal(present, "1:0: 2:0: 3:0:");
	assert_int_equal(now.uidnext, 4);
	assert_int_equal(now.messages, 3);
	assert_int_equal(now.recent, 1);
	before = now.modseq;

	assert_int_equal(change(mailbox, 2, STORE_ADD, STORE_SEEN, "$Work  apple"), 0);
	look(other, STORE_INBOX, before);
	assert_string_equal(present, "2:1:$Work apple");
	assert_int_equal(now.modseq, before + 1);
	assert_int_equal(mailbox_peek(other, STORE_INBOX, &modseq, &uidnext, &err), 0);
	assert_int_equal(modseq, before + 1);
	assert_int_equal(uidnext, 4);

	/* What is so already keeps its MODSEQ. */
	assert_int_equal(change(mailbox, 2, STORE_ADD, STORE_SEEN, "APPLE"), 0);
	look(mailbox, STORE_INBOX, before + 1);
	assert_string_equal(present, "");
	assert_int_equal(now.modseq, before + 1);

	assert_int_equal(change(mailbox, 2, STORE_TAKE, 0, "APPLE zebra"), 0);
	assert_int_equal(change(mailbox, 2, STORE_ADD, STORE_DELETED, "Banana"), 0);
	look(mailbox, STORE_INBOX, before);
	assert_string_equal(present, "2:9:$Work Banana");
	assert_int_equal(mailbox_folder(mailbox, STORE_INBOX, &inbox, &err), 0);
	assert_int_equal(inbox.totals.unseen, 2);
	assert_int_equal(inbox.totals.deleted, 1);
	assert_int_equal(inbox.totals.deleted_bytes, 31);
	assert_int_equal(change(mailbox, 2, STORE_SET, STORE_FLAGGED, ""), 0);
	look(mailbox, STORE_INBOX, before);
	assert_string_equal(present, "2:4:");
	assert_int_equal(change(mailbox, 99, STORE_SET, STORE_FLAGGED, ""), 0); /* went */
	assert_int_equal(mailbox_sync(mailbox, &err), 0);
	mailbox_close(mailbox);
	mailbox_close(other);
}

static void test_keyword_limits(void **state)
{
	struct mailbox *mailbox = open_mailbox(7);
	char many[STORE_KEYWORDS_MAX + 1];

	(void)state;
	add_many(mailbox, 1);
	memset(many, 'a', sizeof many);
	many[STORE_KEYWORD_MAX] = '\0';
	assert_int_equal(change(mailbox, 1, STORE_ADD, 0, many), 0);
	memset(many, 'b', sizeof many);
	many[STORE_KEYWORD_MAX + 1] = '\0';
	assert_int_equal(change(mailbox, 1, STORE_ADD, 0, many), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	for (size_t i = 0; i < sizeof many - 1; i++)
		many[i] = i % 2 ? ' ' : (char)('a' + i / 2 % 26);
	many[sizeof many - 1] = '\0';
	assert_int_equal(change(mailbox, 1, STORE_SET, 0, many), 0);
	look(mailbox, STORE_INBOX, 0);
	assert_string_equal(present, "1:0:a b c d e f g h i j k l m n o p q r s t u v w x y z");
	mailbox_close(mailbox);
}

/* RFC 7162 3.1.3: a message changed since is left alone, and named. */
static void test_unchanged_since(void **state)
{
	struct mailbox *mailbox = open_mailbox(7);
	struct store_change wanted = {.how = STORE_ADD, .flags = STORE_FLAGGED, .keywords = STR(""), .unchanged_since = 0};
	uint32_t uids[] = {1, 2, 3}, failed[3];
	size_t failed_count;

	(void)state;
	add_many(mailbox, 3);
	look(mailbox, STORE_INBOX, 0);
	wanted.unchanged_since = now.modseq;
	assert_int_equal(change(mailbox, 2, STORE_ADD, STORE_SEEN, ""), 0);
	assert_int_equal(mailbox_store(mailbox, STORE_INBOX, uids, 3, &wanted, failed, &failed_count, 0, &err), 0);
	assert_int_equal(failed_count, 1);
	assert_int_equal(failed[0], 2);
	look(mailbox, STORE_INBOX, 0);
	assert_string_equal(present, "1:4: 2:1: 3:4:");
	mailbox_close(mailbox);
}

/* Between a look at the flags and the removal another session may take \Deleted back: its message stays. */
static void test_expunge_deleted(void **state)
{
	struct mailbox *mailbox = open_mailbox(7), *other = open_mailbox(7);
	const uint32_t both[] = {1, 2};

	(void)state;
	add_many(mailbox, 3);
	assert_int_equal(change(mailbox, 1, STORE_ADD, STORE_DELETED, ""), 0);
	assert_int_equal(change(mailbox, 2, STORE_ADD, STORE_DELETED, ""), 0);
	assert_int_equal(change(other, 1, STORE_TAKE, STORE_DELETED, ""), 0);
	assert_int_equal(mailbox_expunge_deleted(mailbox, STORE_INBOX, both, 2, 0, &err), 0);
	look(other, STORE_INBOX, 0);
	assert_string_equal(present, "1:0: 3:0:");
	mailbox_close(mailbox);
	mailbox_close(other);
}

static void test_vanished(void **state)
{
	struct mailbox *mailbox = open_mailbox(7);
	uint32_t gone[] = {2, 3, 5}, held[] = {7};
	int64_t before;

	(void)state;
	add_many(mailbox, 8);
	look(mailbox, STORE_INBOX, 0);
	before = now.modseq;
	assert_int_equal(mailbox_expunge(mailbox, STORE_INBOX, gone, 3, 0, NULL, &err), 0);
	look(mailbox, STORE_INBOX, before);
	assert_string_equal(present, "");
	assert_string_equal(vanished, "2-3 5-5");
	assert_int_equal(now.modseq, before + 1);
	assert_true(now.remembered <= before);
	assert_int_equal(mailbox_hold(mailbox, STORE_INBOX, held, 1, 0, NULL, &err), 0);
	look(mailbox, STORE_INBOX, before + 1);
	assert_string_equal(vanished, "7-7");
	vanished[0] = '\0';
	assert_int_equal(mailbox_missing(mailbox, STORE_INBOX, 1, 9, &visitor, &err), 0);
	assert_string_equal(vanished, "2-3 5-5 7-7 9-9");
	/* Nothing to remove is no change. */
	assert_int_equal(mailbox_expunge(mailbox, STORE_INBOX, gone, 3, 0, NULL, &err), 0);
	look(mailbox, STORE_INBOX, before);
	assert_int_equal(now.modseq, before + 2);
	mailbox_close(mailbox);
}

static void test_copy(void **state)
{
	struct mailbox *mailbox = open_mailbox(7);
	struct store_copy copy = {.from = STORE_INBOX, .to = folder_of(mailbox, "Work"), .move = false, .keep = true};
	struct mailbox_details first, second;
	struct store_pair pairs[4];
	uint32_t uids[] = {1, 3, 9};
	struct stat a, b;
	size_t copied;
	char path[64];

	(void)state;
	add_many(mailbox, 3);
	assert_int_equal(change(mailbox, 3, STORE_SET, STORE_ANSWERED, "$x"), 0);
	assert_int_equal(mailbox_copy(mailbox, &copy, uids, 3, pairs, &copied, 0, &err), 0);
	assert_int_equal(copied, 2);
	assert_int_equal(pairs[0].from, 1);
	assert_int_equal(pairs[0].to, 1);
	assert_int_equal(pairs[1].from, 3);
	assert_int_equal(pairs[1].to, 2);
	look(mailbox, copy.to, 0);
	assert_string_equal(present, "1:0: 2:2:$x");
	assert_int_equal(now.uidnext, 3);
	look(mailbox, STORE_INBOX, 0);
	assert_int_equal(now.messages, 3);
	/* One stored file; the same mail (RFC 8474 5.1). */
	snprintf(path, sizeof path, "msg/%lld/0/1", (long long)copy.to);
	assert_int_equal(stat(in_mailbox(7, "msg/1/0/1"), &a), 0);
	assert_int_equal(stat(in_mailbox(7, path), &b), 0);
	assert_int_equal(a.st_ino, b.st_ino);
	assert_int_equal(mailbox_details(mailbox, STORE_INBOX, 3, &first, &err), 0);
	assert_int_equal(mailbox_details(mailbox, copy.to, 2, &second, &err), 0);
	assert_true(first.email_id > 0);
	assert_int_equal(first.email_id, second.email_id);
	assert_int_equal(second.internal_date, 1000000000);

	copy.keep = false;
	assert_int_equal(mailbox_copy(mailbox, &copy, uids + 1, 1, pairs, &copied, 0, &err), 0);
	assert_int_equal(mailbox_details(mailbox, copy.to, 3, &second, &err), 0);
	assert_int_equal(second.flags, 0);
	assert_true(second.internal_date > 1000000000);
	copy.to = 99;
	assert_int_equal(mailbox_copy(mailbox, &copy, uids, 3, pairs, &copied, 0, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	mailbox_close(mailbox);
}

static void test_move(void **state)
{
	struct mailbox *mailbox = open_mailbox(7);
	struct store_copy move = {.from = STORE_INBOX, .to = folder_of(mailbox, "Work"), .move = true, .keep = true};
	struct mailbox_totals totals;
	struct mailbox_bin bin;
	struct store_pair pairs[4];
	uint32_t uids[] = {2, 3};
	int64_t before;
	size_t copied;

	(void)state;
	add_many(mailbox, 4);
	look(mailbox, STORE_INBOX, 0);
	before = now.modseq;
	assert_int_equal(mailbox_copy(mailbox, &move, uids, 2, pairs, &copied, 0, &err), 0);
	look(mailbox, STORE_INBOX, before);
	assert_string_equal(vanished, "2-3");
	look(mailbox, move.to, 0);
	assert_string_equal(present, "1:0: 2:0:");
	mailbox_idle(mailbox);
	assert_int_equal(access(in_mailbox(7, "msg/1/0/2"), F_OK), -1);
	assert_int_equal(mailbox_bin_stat(mailbox, 0, &bin, &err), 0);
	assert_int_equal(bin.messages, 0); /* moved is not removed */

	/* Within one folder they only get new UIDs. */
	move.to = STORE_INBOX;
	uids[0] = 1;
	assert_int_equal(mailbox_copy(mailbox, &move, uids, 1, pairs, &copied, 0, &err), 0);
	assert_int_equal(pairs[0].to, 5);
	look(mailbox, STORE_INBOX, 0);
	assert_string_equal(present, "4:0: 5:0:");
	assert_int_equal(mailbox_stat(mailbox, &totals, &err), 0);
	assert_int_equal(totals.messages, 4);
	assert_int_equal(totals.unseen, 4);
	assert_content(mailbox, 5, "Return-Path: <a@b.example>\r\nx\r\n");
	mailbox_close(mailbox);
}

/* RFC 3502: one that cannot be stored keeps the others out. */
static void test_together(void **state)
{
	struct mailbox *mailbox = open_mailbox(7);
	struct store_source good = make_source("good\r\n", ""), bad = make_source("bad\r\n", "");
	struct store_append appends[3];

	(void)state;
	bad.size = 1000;
	for (int i = 0; i < 3; i++)
		appends[i] = make_append(mailbox, i == 1 ? &bad : &good);
	appends[2].flags = STORE_SEEN | STORE_DELETED;
	appends[2].keywords = STR("b a");
	assert_int_equal(store_append_together(appends, 3, 0, &err), -1);
	assert_int_equal(err.code, ERR_CORRUPT);
	look(mailbox, STORE_INBOX, 0);
	assert_int_equal(now.messages, 0);
	appends[1] = appends[0];
	assert_int_equal(store_append_together(appends, 3, 0, &err), 0);
	look(mailbox, STORE_INBOX, 0);
	assert_int_equal(now.messages, 3);
	assert_string_equal(strrchr(present, ':'), ":a b");
	assert_int_equal(appends[1].uid, appends[0].uid + 1);
	close(good.fd);
	close(bad.fd);
	mailbox_close(mailbox);
}

static size_t blobs;

static void on_blob(uint32_t uid, struct str blob, void *context)
{
	char expected[16];

	(void)context;
	snprintf(expected, sizeof expected, "blob-%u", uid);
	assert_true(str_equal(blob, str_of(expected)));
	blobs++;
}

static void test_cache(void **state)
{
	struct mailbox *mailbox = open_mailbox(7);
	struct mailbox_cached cached[] = {{1, STR("blob-1")}, {2, STR("blob-2")}, {9, STR("blob-9")}};
	struct store_copy copy = {.from = STORE_INBOX, .to = folder_of(mailbox, "Work"), .move = false, .keep = true};
	struct store_pair pairs[2];
	uint32_t uids[] = {1, 2, 3, 9};
	size_t copied;

	(void)state;
	add_many(mailbox, 3);
	assert_int_equal(mailbox_cache_put(mailbox, STORE_INBOX, cached, 3, &err), 0);
	blobs = 0;
	assert_int_equal(mailbox_cache_each(mailbox, STORE_INBOX, uids, 4, on_blob, NULL, &err), 0);
	assert_int_equal(blobs, 2); /* 9 is not there */
	assert_int_equal(mailbox_copy(mailbox, &copy, uids, 2, pairs, &copied, 0, &err), 0);
	assert_int_equal(mailbox_cache_each(mailbox, copy.to, uids, 2, on_blob, NULL, &err), 0);
	assert_int_equal(blobs, 4);
	assert_int_equal(mailbox_expunge(mailbox, STORE_INBOX, uids, 1, 0, NULL, &err), 0);
	assert_int_equal(mailbox_cache_each(mailbox, STORE_INBOX, uids, 1, on_blob, NULL, &err), 0);
	assert_int_equal(blobs, 4);
	mailbox_idle(mailbox);
	assert_int_equal(mailbox_cache_each(mailbox, STORE_INBOX, uids, 2, on_blob, NULL, &err), 0);
	assert_int_equal(blobs, 5);
	mailbox_close(mailbox);
}

static struct buf seen_blocks;

static bool on_block(const struct mailbox_block *block, void *context)
{
	const char *stop = context;

	buf_printf(&seen_blocks, "%u-%u:%.*s ", block->first, block->last, STR_ARG(block->data));
	return stop == NULL || !str_equal(block->data, str_of(stop));
}

static const char *blocks_of(struct mailbox *mailbox, int64_t folder, char *stop)
{
	buf_reset(&seen_blocks);
	assert_int_equal(mailbox_blocks_each(mailbox, folder, on_block, stop, &err), 0);
	return buf_text(&seen_blocks);
}

static void test_blocks(void **state)
{
	struct mailbox *mailbox = open_mailbox(7), *other = open_mailbox(7);
	int64_t folder = folder_of(mailbox, "Work");
	struct mailbox_block blocks[] = {{1, 10, STR("a")}, {11, 20, STR("b")}, {21, 25, STR("c")}};
	struct mailbox_block tail[] = {{21, 30, STR("d")}}, across[] = {{16, 40, STR("e")}}, far[] = {{99, 99, STR("f")}};

	(void)state;
	buf_init(&seen_blocks, 1000);
	assert_string_equal(blocks_of(mailbox, folder, NULL), "");
	assert_int_equal(mailbox_blocks_put(mailbox, folder, blocks, 3, &err), 0);
	assert_string_equal(blocks_of(other, folder, NULL), "1-10:a 11-20:b 21-25:c ");
	assert_string_equal(blocks_of(mailbox, folder, (char *)"b"), "1-10:a 11-20:b ");
	assert_int_equal(mailbox_blocks_put(other, folder, tail, 1, &err), 0);
	assert_string_equal(blocks_of(mailbox, folder, NULL), "1-10:a 11-20:b 21-30:d ");
	/* by somebody with other borders: what is between is told of by nobody */
	assert_int_equal(mailbox_blocks_put(other, folder, across, 1, &err), 0);
	assert_string_equal(blocks_of(mailbox, folder, NULL), "1-10:a ");
	assert_int_equal(mailbox_blocks_put(other, folder, far, 1, &err), 0);
	assert_string_equal(blocks_of(mailbox, folder, NULL), "1-10:a ");
	assert_int_equal(mailbox_blocks_put(mailbox, folder, blocks, 1, &err), 0);
	assert_string_equal(blocks_of(mailbox, folder, NULL), "1-10:a ");
	assert_string_equal(blocks_of(mailbox, STORE_INBOX, NULL), "");
	/* they go with their folder, and none come to one that is gone */
	assert_int_equal(mailbox_folder_delete(mailbox, folder, 0, &err), 0);
	assert_string_equal(blocks_of(mailbox, folder, NULL), "");
	assert_int_equal(mailbox_blocks_put(other, folder, blocks, 3, &err), 0);
	assert_string_equal(blocks_of(mailbox, folder, NULL), "");
	buf_free(&seen_blocks);
	mailbox_close(other);
	mailbox_close(mailbox);
}

static void test_recent(void **state)
{
	struct mailbox *mailbox = open_mailbox(7);

	(void)state;
	add_many(mailbox, 2);
	assert_int_equal(mailbox_mark_recent(mailbox, STORE_INBOX, 3, 0, &err), 0);
	assert_int_equal(mailbox_mark_recent(mailbox, STORE_INBOX, 2, 0, &err), 0);
	look(mailbox, STORE_INBOX, 0);
	assert_int_equal(now.recent, 3);
	mailbox_close(mailbox);
}

/* Changes that the end of power has taken: no MODSEQ that a client has heard is given again. */
static void test_modseq_after_power_end(void **state)
{
	struct mailbox *mailbox = open_mailbox(7);
	int64_t before;
	sqlite3 *db;

	(void)state;
	add_many(mailbox, 1);
	look(mailbox, STORE_INBOX, 0);
	before = now.modseq;
	mailbox_close(mailbox);
	mailbox = open_mailbox(7);
	look(mailbox, STORE_INBOX, 0);
	assert_int_equal(now.modseq, before);
	mailbox_close(mailbox);
	assert_int_equal(sqlite3_open(in_mailbox(7, "index.db"), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "UPDATE mailbox SET boot = boot - 3600", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	mailbox = open_mailbox(7);
	look(mailbox, STORE_INBOX, 0);
	assert_true(now.modseq > before + 1000);
	before = now.modseq;
	assert_int_equal(change(mailbox, 1, STORE_ADD, STORE_SEEN, ""), 0);
	look(mailbox, STORE_INBOX, before);
	assert_string_equal(present, "1:1:");
	mailbox_close(mailbox);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_flags, make_store, remove_store),
	    cmocka_unit_test_setup_teardown(test_keyword_limits, make_store, remove_store),
	    cmocka_unit_test_setup_teardown(test_unchanged_since, make_store, remove_store),
	    cmocka_unit_test_setup_teardown(test_vanished, make_store, remove_store),
	    cmocka_unit_test_setup_teardown(test_expunge_deleted, make_store, remove_store),
	    cmocka_unit_test_setup_teardown(test_copy, make_store, remove_store),
	    cmocka_unit_test_setup_teardown(test_move, make_store, remove_store),
	    cmocka_unit_test_setup_teardown(test_together, make_store, remove_store),
	    cmocka_unit_test_setup_teardown(test_cache, make_store, remove_store),
	    cmocka_unit_test_setup_teardown(test_blocks, make_store, remove_store),
	    cmocka_unit_test_setup_teardown(test_recent, make_store, remove_store),
	    cmocka_unit_test_setup_teardown(test_modseq_after_power_end, make_store, remove_store),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("store/changes", tests, NULL, NULL);
}
