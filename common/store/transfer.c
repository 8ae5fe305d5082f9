#include "common/store/transfer.h"

#include "common/base/memory.h"
#include "common/store/append.h"
#include "common/store/marks.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

int transfer_begin(struct transfer *transfer, struct mailbox *mailbox, int64_t to, struct err *err)
{
	*transfer = (struct transfer){.mailbox = mailbox};
	arena_init(&transfer->arena);
	return folder_read(mailbox, to, &transfer->to, err);
}

void transfer_add(struct transfer *transfer, const struct message_row *row)
{
	if (transfer->count == transfer->capacity) {
		transfer->capacity = transfer->capacity == 0 ? 16 : 2 * transfer->capacity;
		transfer->items = memory_resize(transfer->items, transfer->capacity * sizeof *transfer->items);
	}
	transfer->items[transfer->count++] = (struct transfer_item){.row = *row};
}

/* UIDs are given out, and the names that will be made are listed as to be removed, until the rows are there. */
static int reserve(struct transfer *transfer, struct err *err)
{
	struct mailbox *mailbox = transfer->mailbox;
	struct mailbox_totals nothing = {0};
	struct folder_row row = transfer->to;

	for (size_t i = 0; i < transfer->count; i++)
		transfer->items[i].uid = (uint32_t)(transfer->to.uidnext + (int64_t)i);
	row.uidnext += (int64_t)transfer->count;
	row.modseq++;
	if (marks_reserve(mailbox, &row, row.uidnext - 1, err) != 0 || db_begin(&mailbox->db, err) != 0)
		return -1;
	row.modseq--;
	for (size_t i = 0; i < transfer->count; i++)
		if (removed_add(mailbox, row.id, transfer->items[i].uid, transfer->items[i].row.id, REMOVED_UNLINK, err) != 0)
			goto failed;
	if (folder_advance(mailbox, &row, &nothing, err) != 0)
		goto failed;
	if (db_commit(&mailbox->db, err) != 0)
		return -1;
	transfer->to = row;
	transfer->to.modseq++;
	return 0;

failed:
	db_rollback(&mailbox->db);
	return -1;
}

static int open_source(struct mailbox *mailbox, const struct message_row *row, const char **place, struct err *err)
{
	char path[FILE_PATH_MAX];
	int fd = -1;

	for (int i = 0; i < 2 && fd < 0; i++) {
		*place = i == 0 ? "msg" : "bin";
		fd = openat(mailbox->root, file_path(path, *place, row->folder, row->uid, row->id),
		            O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (fd < 0 && errno != ENOENT)
			break;
	}
	if (fd < 0)
		err_system(err, "cannot open %s/%s", mailbox->path, path);
	return fd;
}

/* A file of its own, where a link cannot be made: too many links, another file system. */
static int copy_file(struct mailbox *mailbox, const struct message_row *row, int bucket, const char *name,
                     struct err *err)
{
	const char *place;
	struct store_source source = {.fd = open_source(mailbox, row, &place, err), .size = row->size};
	int fd, result = -1;

	if (source.fd < 0)
		return -1;
	fd = openat(bucket, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0440);
	if (fd < 0) {
		err_system(err, "cannot create a file in %s/msg", mailbox->path);
	} else {
		result = append_write_content(fd, &source, err);
		if (result == 0 && fdatasync(fd) != 0)
			result = err_system(err, "cannot sync a message");
		close(fd);
	}
	close(source.fd);
	return result;
}

static int link_item(struct transfer *transfer, const struct transfer_item *item, int bucket, struct err *err)
{
	static const char *const places[] = {"msg", "bin"};
	char from[FILE_PATH_MAX], name[FILE_NAME_MAX];
	int root = transfer->mailbox->root;

	file_name(name, item->uid, item->row.id);
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		const char *path = file_path(from, places[i], item->row.folder, item->row.uid, item->row.id);

		if (linkat(root, path, bucket, name, 0) == 0)
			return 0;
		/* Left by a process whose UIDs went with the power: it has no row. */
		if (errno == EEXIST && unlinkat(bucket, name, 0) == 0 && linkat(root, path, bucket, name, 0) == 0)
			return 0;
		if (errno != ENOENT)
			return copy_file(transfer->mailbox, &item->row, bucket, name, err);
	}
	return err_set(err, ERR_CORRUPT, "the file of message %u of folder %lld in %s is missing", item->row.uid,
	               (long long)item->row.folder, transfer->mailbox->path);
}

/* The names of one bucket, synced. Returns how many, -1: err. */
static ssize_t link_bucket(struct transfer *transfer, size_t first, bool sync, struct err *err)
{
	uint32_t number = transfer->items[first].uid / BUCKET_SIZE;
	int bucket = file_open_bucket(transfer->mailbox, transfer->to.id, transfer->items[first].uid, err);
	size_t at = first;
	int result = 0;

	if (bucket < 0)
		return -1;
	for (; at < transfer->count && transfer->items[at].uid / BUCKET_SIZE == number && result == 0; at++)
		result = link_item(transfer, &transfer->items[at], bucket, err);
	if (result == 0 && sync && fsync(bucket) != 0)
		result = err_system(err, "cannot sync a folder of %s", transfer->mailbox->path);
	close(bucket);
	return result == 0 ? (ssize_t)(at - first) : -1;
}

int transfer_link(struct transfer *transfer, struct err *err)
{
	bool whole = sync_prefers_whole(transfer->count / BUCKET_SIZE);

	if (reserve(transfer, err) != 0)
		return -1;
	for (size_t at = 0; at < transfer->count;) {
		ssize_t done = link_bucket(transfer, at, !whole, err);

		if (done < 0)
			return -1;
		at += (size_t)done;
	}
	return whole ? sync_whole(transfer->mailbox->root, err) : 0;
}

static int unlist(struct transfer *transfer, uint32_t uid, struct err *err)
{
	struct db_statement *statement = index_statement(transfer->mailbox, STATEMENT_DELETE_REMOVED, err);

	if (statement == NULL)
		return -1;
	db_bind_number(statement, 1, transfer->to.id);
	db_bind_number(statement, 2, uid);
	return db_run(statement, err);
}

int transfer_insert(struct transfer *transfer, const struct transfer_item *item, const struct message_row *row,
                    struct err *err)
{
	struct message_row inserted = *row;

	inserted.folder = transfer->to.id;
	inserted.uid = item->uid;
	inserted.modseq = transfer->to.modseq;
	inserted.held = false;
	totals_count(&transfer->change, 1, inserted.flags, false, inserted.size);
	if (message_insert(transfer->mailbox, &inserted, err) != 0 || unlist(transfer, item->uid, err) != 0)
		return -1;
	return cache_copy(transfer->mailbox, item->row.folder, item->row.uid, inserted.folder, inserted.uid, err);
}

void transfer_end(struct transfer *transfer, bool finish)
{
	struct err later;

	/* What cannot be removed now is listed still; the next opening tries again. */
	if (finish && transfer->count > 0)
		removed_finish(transfer->mailbox, &later);
	memory_free(transfer->items);
	arena_free(&transfer->arena);
}
