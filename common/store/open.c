/*
 * store/open: from a UID to the file.
 *
 * A message's name never changes, so names may be remembered: who reads a mailbox from end to end asks the index once
 * for many messages, not for each. The one thing that can be out of date is that a message is gone, which does not
 * matter: it may be read as long as its file is there.
 */
#include "common/store/mailbox.h"

#include "common/base/memory.h"

#include <errno.h>
#include <fcntl.h>
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

/* Open a message's file where it is: below msg/, or moved to the recycle bin since. -1 with errno. */
static int open_file(const struct mailbox *mailbox, int64_t folder, uint32_t uid, struct str id)
{
	char path[FILE_PATH_MAX];
	int fd = openat(mailbox->root, file_path(path, "msg", folder, uid, id), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 && errno == ENOENT)
		fd = openat(mailbox->root, file_path(path, "bin", folder, uid, id), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd;
}

/* RFC 2180 4.1: who was not told yet that a message is gone may go on reading it, where its file is still known. */
static int find_gone(struct mailbox *mailbox, int64_t folder, uint32_t uid, char id[STORE_ID_MAX + 1], struct err *err)
{
	struct db_statement *statement = index_statement(mailbox, STATEMENT_GONE_NAME, err);
	int row;

	if (statement == NULL)
		return -1;
	db_bind_number(statement, 1, folder);
	db_bind_number(statement, 2, uid);
	row = db_step(statement, err);
	if (row == 1)
		str_copy(db_text(statement, 0), id, STORE_ID_MAX + 1);
	db_reset(statement);
	if (row == 0)
		err_set(err, ERR_NOT_FOUND, "the message is not there any more");
	return row == 1 ? 0 : -1;
}

int mailbox_open_message(struct mailbox *mailbox, int64_t folder, uint32_t uid, int *fd_out, struct err *err)
{
	char gone_id[STORE_ID_MAX + 1];
	const char *id;

	if (mailbox->ahead == NULL)
		mailbox->ahead = memory_get(sizeof *mailbox->ahead);
	id = find_id(mailbox, folder, uid, err);
	if (id == NULL) {
		if (err->code != ERR_NOT_FOUND || find_gone(mailbox, folder, uid, gone_id, err) != 0)
			return -1;
		id = gone_id;
	}
	*fd_out = open_file(mailbox, folder, uid, str_of(id));
	if (*fd_out >= 0)
		return 0;
	/* It may have been removed for good since the index was asked. */
	if (errno == ENOENT)
		return err_set(err, ERR_NOT_FOUND, "the file of message %u of folder %lld in %s is gone", uid,
		               (long long)folder, mailbox->path);
	return err_system(err, "cannot open message %u of folder %lld in %s", uid, (long long)folder, mailbox->path);
}

void names_free(struct mailbox *mailbox)
{
	memory_free(mailbox->ahead);
	mailbox->ahead = NULL;
}
