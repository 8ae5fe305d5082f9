/*
 * store/open: from a UID to the file.
 *
 * A message's name never changes, so names may be remembered: who reads a mailbox from end to end asks the index once
 * for many messages, not for each. The one thing that can be out of date is that a message is gone, which the file
 * tells.
 */
#include "common/store/mailbox.h"

#include "common/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum {
	AHEAD_COUNT = 64, /* names asked for at a time */
	AHEAD_STEP = 8,   /* a UID so little above the last one is the next in a row: some may have been removed */
};

struct names_ahead {
	int64_t folder;
	uint32_t last; /* UID opened last */
	size_t count;
	struct {
		uint32_t uid;
		char id[STORE_ID_MAX + 1];
	} names[AHEAD_COUNT];
};

static const char *find_ahead(const struct names_ahead *ahead, int64_t folder, uint32_t uid)
{
	if (ahead->folder == folder)
		for (size_t i = 0; i < ahead->count; i++)
			if (ahead->names[i].uid == uid)
				return ahead->names[i].id;
	return NULL;
}

/* Ask for the names of count messages from uid on. */
static int look_ahead(struct mailbox *mailbox, int64_t folder, uint32_t uid, size_t count, struct err *err)
{
	struct names_ahead *ahead = mailbox->ahead;
	struct db_statement *statement = index_statement(mailbox, STATEMENT_NAMES, err);
	int row;

	ahead->folder = folder;
	ahead->count = 0;
	if (statement == NULL)
		return -1;
	db_bind_number(statement, 1, folder);
	db_bind_number(statement, 2, uid);
	db_bind_number(statement, 3, (int64_t)count);
	while ((row = db_step(statement, err)) == 1) {
		ahead->names[ahead->count].uid = (uint32_t)db_number(statement, 0);
		str_copy(db_text(statement, 1), ahead->names[ahead->count].id, sizeof ahead->names[ahead->count].id);
		ahead->count++;
	}
	return row;
}

/* The id in the name of a message's file. NULL: err. */
static const char *find_id(struct mailbox *mailbox, int64_t folder, uint32_t uid, struct err *err)
{
	struct names_ahead *ahead = mailbox->ahead;
	const char *id = find_ahead(ahead, folder, uid);
	bool in_a_row = ahead->folder == folder && uid > ahead->last && uid - ahead->last <= AHEAD_STEP;

	if (id == NULL && look_ahead(mailbox, folder, uid, in_a_row ? AHEAD_COUNT : 1, err) != 0)
		return NULL;
	ahead->last = uid;
	if (id == NULL)
		id = find_ahead(ahead, folder, uid);
	if (id == NULL)
		err_set(err, ERR_NOT_FOUND, "the message is not there any more");
	return id;
}

int mailbox_open_message(struct mailbox *mailbox, int64_t folder, uint32_t uid, int *fd_out, struct err *err)
{
	char bucket[FOLDER_PATH_MAX], name[FILE_NAME_MAX], path[FOLDER_PATH_MAX + FILE_NAME_MAX];
	const char *id;

	if (mailbox->ahead == NULL)
		mailbox->ahead = memory_get(sizeof *mailbox->ahead);
	id = find_id(mailbox, folder, uid, err);
	if (id == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/%s", file_bucket(bucket, folder, uid), file_name(name, uid, str_of(id)));
	*fd_out = openat(mailbox->root, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (*fd_out >= 0)
		return 0;
	/* It may have been removed since the index was asked. */
	if (errno == ENOENT)
		return err_set(err, ERR_NOT_FOUND, "the message's file %s/%s is gone", mailbox->path, path);
	return err_system(err, "cannot open %s/%s", mailbox->path, path);
}

void names_free(struct mailbox *mailbox)
{
	memory_free(mailbox->ahead);
	mailbox->ahead = NULL;
}
