/* A mail store in a temporary folder, for the tests of common/store. Each test program includes it once. */
#ifndef POSTROOM_T_STORE_FIXTURE_H
#define POSTROOM_T_STORE_FIXTURE_H

#include "common/store/store.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct instance instance;
static struct err err;

static int make_store(void **state)
{
	(void)state;
	snprintf(instance.state, sizeof instance.state, "/tmp/postroom-store-XXXXXX");
	return mkdtemp(instance.state) != NULL ? 0 : -1;
}

static int remove_store(void **state)
{
	char command[INSTANCE_PATH_MAX + 16];

	(void)state;
	snprintf(command, sizeof command, "rm -rf %s", instance.state);
	return system(command);
}

static inline struct mailbox *open_mailbox(int64_t uid)
{
	struct mailbox *mailbox;

	if (mailbox_open(&mailbox, &instance, uid, 0, &err) != 0)
		fail_msg("mailbox_open: %s", err.text);
	return mailbox;
}

/* A message to be stored: a file with something before it, as in the spool. */
static inline struct store_source make_source(const char *text, const char *id)
{
	struct store_source source = {
	    .fd = memfd_create("message", 0), .offset = 10, .size = (int64_t)strlen(text), .id = str_of(id)};

	assert_true(source.fd >= 0);
	assert_int_equal(write(source.fd, "0123456789", 10), 10);
	assert_int_equal(write(source.fd, text, strlen(text)), strlen(text));
	source.prefix = STR("Return-Path: <a@b.example>\r\n");
	return source;
}

static inline struct store_append make_append(struct mailbox *mailbox, const struct store_source *source)
{
	return (struct store_append){
	    .mailbox = mailbox, .folder = STORE_INBOX, .source = source, .internal_date = 1000000000, .keywords = STR("")};
}

/* Store one message in INBOX; its result, and its UID where it was added. */
static inline enum store_result add(struct mailbox *mailbox, const char *text, const char *id, uint32_t *uid)
{
	struct store_source source = make_source(text, id);
	struct store_append append = make_append(mailbox, &source);

	store_append(&append, 1, 0);
	close(source.fd);
	if (append.result == STORE_FAILED)
		err = append.err;
	if (uid != NULL)
		*uid = append.uid;
	return append.result;
}

static inline size_t count_messages(struct mailbox *mailbox)
{
	struct mailbox_list list;
	struct mailbox_totals totals;
	size_t count;

	assert_int_equal(mailbox_list(mailbox, STORE_INBOX, &list, &err), 0);
	assert_int_equal(mailbox_stat(mailbox, &totals, &err), 0);
	assert_int_equal(totals.messages, list.count);
	assert_int_equal(totals.bytes, list.bytes);
	count = list.count;
	mailbox_list_free(&list);
	return count;
}

static inline void assert_content(struct mailbox *mailbox, uint32_t uid, const char *expected)
{
	char text[4096];
	ssize_t len;
	int fd;

	if (mailbox_open_message(mailbox, STORE_INBOX, uid, &fd, &err) != 0)
		fail_msg("message %u: %s", uid, err.text);
	len = read(fd, text, sizeof text - 1);
	assert_true(len >= 0);
	text[len] = '\0';
	assert_string_equal(text, expected);
	close(fd);
}

/* A path in a mailbox. */
static inline const char *in_mailbox(int64_t uid, const char *name)
{
	static char path[STORE_PATH_MAX + 128];
	char folder[STORE_PATH_MAX];

	snprintf(path, sizeof path, "%s/%s", mailbox_path(folder, sizeof folder, &instance, uid), name);
	return path;
}

static inline void remove_index(int64_t uid)
{
	unlink(in_mailbox(uid, "index.db"));
	unlink(in_mailbox(uid, "index.db-wal"));
	unlink(in_mailbox(uid, "index.db-shm"));
}

#endif
