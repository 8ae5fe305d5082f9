/*
 * The order that must hold: mail parked and synced < its row in outbox committed, with whatever it belongs to < mail
 * released < its row removed, with the next commit. At start rows say what is to be released; the rest of tmp/ was
 * never committed.
 */
#include "lists/lists.h"

#include "common/base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

enum { COPY_MAX = 64 * 1024 };

int outbox_begin(struct listd *listd, struct spool_file *file, struct spool_envelope *envelope, struct err *err)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	spool_make_id(file, listd->drop.producer, STR(""));
	envelope->id = str_of(file->id);
	envelope->producer = str_of(listd->drop.producer);
	envelope->time_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
	return spool_begin(file, &listd->drop, envelope, err);
}

int outbox_add(struct listd *listd, struct spool_file *file, struct err *err)
{
	if (listd->parked_count == OUTBOX_MAX && outbox_sync(listd, err) != 0)
		return -1;
	if (spool_park(file, &listd->parked[listd->parked_count], err) != 0)
		return -1;
	listd->parked_count++;
	listd->is_parked = true;
	return db_query_run(&listd->db, err, "INSERT INTO outbox VALUES(?)", "t", str_of(file->id));
}

int outbox_copy(struct spool_file *file, int fd, int64_t offset, int64_t size, struct err *err)
{
	char part[COPY_MAX];

	while (size > 0) {
		ssize_t count = pread(fd, part, size < COPY_MAX ? (size_t)size : COPY_MAX, (off_t)offset);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return err_system(err, "cannot read a message");
		if (count == 0)
			return err_set(err, ERR_CORRUPT, "a message is shorter than it was");
		if (spool_write(file, str_from(part, (size_t)count), err) != 0)
			return -1;
		offset += count;
		size -= count;
	}
	return 0;
}

static void close_parked(struct listd *listd)
{
	while (listd->parked_count > 0)
		close(listd->parked[--listd->parked_count]);
}

int outbox_sync(struct listd *listd, struct err *err)
{
	int result =
	    listd->parked_count == 0 ? 0 : spool_sync_parked(&listd->drop, listd->parked, listd->parked_count, err);

	close_parked(listd);
	return result;
}

/* Release what the table has. */
static int release_all(struct listd *listd, struct err *err)
{
	struct db_statement query;
	int row;

	if (db_query(&listd->db, &query, err, "SELECT id FROM outbox", "") != 0)
		return -1;
	while ((row = db_step(&query, err)) == 1)
		if (spool_release(&listd->drop, db_text(&query, 0), err) != 0) {
			row = -1;
			break;
		}
	db_finalize(&query);
	return row != 0 ? -1 : spool_sync_released(&listd->drop, err);
}

void outbox_release(struct listd *listd)
{
	struct err err;

	if (!listd->is_parked)
		return;
	if (release_all(listd, &err) != 0) {
		log_error("mail waits in the drop for the next commit: %s", err.text);
		return;
	}
	listd->is_parked = false;
	listd->released = true;
}

/* Of every name in a folder of the drop. */
static void each_name(int folder, void (*visit)(struct listd *listd, const char *name), struct listd *listd)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *names = fd >= 0 ? fdopendir(fd) : NULL;

	if (names == NULL) {
		log_error("cannot read the drop: %s", strerror(errno));
		if (fd >= 0)
			close(fd);
		return;
	}
	for (const struct dirent *entry; (entry = readdir(names)) != NULL;)
		if (entry->d_name[0] != '.')
			visit(listd, entry->d_name);
	closedir(names);
}

static void unpark(struct listd *listd, const char *name)
{
	if (db_query_number(&listd->db, NULL, NULL, "SELECT 1 FROM outbox WHERE id = ?", "t", str_of(name)) == 0)
		spool_unpark(&listd->drop, str_of(name));
}

void outbox_forget(struct listd *listd)
{
	close_parked(listd);
	if (listd->is_parked)
		each_name(listd->drop.tmp_folder, unpark, listd);
	listd->is_parked = false;
}

int outbox_recover(struct listd *listd, struct err *err)
{
	each_name(listd->drop.tmp_folder, unpark, listd);
	listd->released = true;
	return release_all(listd, err);
}

unsigned outbox_waiting(const struct listd *listd)
{
	int fd = openat(listd->drop.new_folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *names = fd >= 0 ? fdopendir(fd) : NULL;
	unsigned count = 0;

	if (names == NULL) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	for (const struct dirent *entry; (entry = readdir(names)) != NULL;)
		count += entry->d_name[0] != '.';
	closedir(names);
	return count;
}
