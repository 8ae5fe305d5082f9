#include "common/store/append.h"

#include "common/base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum {
	COPY_SIZE = 64 * 1024,
	OPEN_MAX = 32, /* files that wait for their sync: sessions may have few descriptors */
};

static struct append_bucket *bucket_of(struct append_batch *batch, const struct append_job *job)
{
	return &batch->buckets[job->bucket];
}

void append_end(struct append_batch *batch, struct append_job *job, const struct err *err)
{
	if (job->state == JOB_WRITTEN)
		unlinkat(bucket_of(batch, job)->fd, job->name, 0);
	else if (job->state == JOB_NAMED)
		unlinkat(bucket_of(batch, job)->fd, job->name + 1, 0);
	if (job->fd >= 0)
		close(job->fd);
	job->fd = -1;
	job->state = JOB_ENDED;
	job->append->result = err != NULL ? STORE_FAILED : STORE_DUPLICATE;
	if (err != NULL)
		job->append->err = *err;
}

/* Find or open the bucket of a job. */
static int find_bucket(struct append_batch *batch, struct append_job *job, struct err *err)
{
	struct append_bucket wanted = {
	    .mailbox = job->append->mailbox, .folder = job->append->folder, .number = job->append->uid / BUCKET_SIZE};

	/* Jobs are sorted: it is the latest or a new one. */
	if (batch->bucket_count > 0) {
		const struct append_bucket *last = &batch->buckets[batch->bucket_count - 1];

		if (last->mailbox == wanted.mailbox && last->folder == wanted.folder && last->number == wanted.number) {
			job->bucket = batch->bucket_count - 1;
			return 0;
		}
	}
	wanted.fd = file_open_bucket(job->append->mailbox, wanted.folder, job->append->uid, err);
	if (wanted.fd < 0)
		return -1;
	job->bucket = batch->bucket_count;
	batch->buckets[batch->bucket_count++] = wanted;
	return 0;
}

/* Prefix and message; a small message goes out in one write. */
int append_write_content(int fd, const struct store_source *source, struct err *err)
{
	static char bytes[COPY_SIZE];
	int64_t offset = source->offset, left = source->size;
	size_t filled = 0;

	if (source->prefix.len >= sizeof bytes / 2) {
		if (io_write_all(fd, source->prefix.data, source->prefix.len, err) != 0)
			return -1;
	} else if (source->prefix.len > 0) { /* an empty one may have no address */
		memcpy(bytes, source->prefix.data, source->prefix.len);
		filled = source->prefix.len;
	}
	do {
		size_t room = sizeof bytes - filled;
		ssize_t count =
		    left > 0 ? pread(source->fd, bytes + filled, left < (int64_t)room ? (size_t)left : room, offset) : 0;

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return err_system(err, "cannot read the message");
		if (count == 0 && left > 0)
			return err_set(err, ERR_CORRUPT, "the message is shorter than it was said to be");
		if (io_write_all(fd, bytes, filled + (size_t)count, err) != 0)
			return -1;
		filled = 0;
		offset += count;
		left -= count;
	} while (left > 0);
	return 0;
}

/* Write a job's own file under the name with a dot; keep_open leaves it open for its sync. */
static int write_file(struct append_batch *batch, struct append_job *job, bool keep_open, struct err *err)
{
	int folder = bucket_of(batch, job)->fd;
	int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
	int fd = openat(folder, job->name, flags, 0440);
	int result;

	if (fd < 0 && errno == EEXIST && unlinkat(folder, job->name, 0) == 0) /* left by a writer that died */
		fd = openat(folder, job->name, flags, 0440);
	if (fd < 0)
		return err_system(err, "cannot create a file in %s/msg", job->append->mailbox->path);
	job->state = JOB_WRITTEN;
	result = append_write_content(fd, job->append->source, err);
	if (result == 0 && keep_open)
		job->fd = fd;
	else
		close(fd);
	return result;
}

static const struct append_job *find_original(const struct append_batch *batch, const struct append_job *job)
{
	for (const struct append_job *other = batch->jobs; other < job; other++)
		if (other->append->source == job->append->source && other->state == JOB_WRITTEN && other->original == NULL)
			return other;
	return NULL;
}

static void sync_written(struct append_batch *batch, bool whole)
{
	struct err err;
	int failed = 0;

	if (whole && batch->bucket_count > 0)
		failed = sync_whole(batch->buckets[0].fd, &err);
	for (struct append_job *job = batch->jobs; job < batch->jobs + batch->count; job++) {
		if (job->state != JOB_WRITTEN || (!whole && job->fd < 0))
			continue;
		if (!whole) {
			failed = fdatasync(job->fd);
			if (failed != 0)
				err_system(&err, "cannot sync a message");
			close(job->fd);
			job->fd = -1;
		}
		if (failed != 0)
			append_end(batch, job, &err);
	}
}

void append_write_files(struct append_batch *batch)
{
	bool whole = sync_prefers_whole(batch->count);
	size_t open = 0;
	struct err err;

	for (struct append_job *job = batch->jobs; job < batch->jobs + batch->count; job++) {
		if (job->state != JOB_OPEN)
			continue;
		job->name[0] = '.';
		file_name(job->name + 1, job->append->uid, job->append->source->id);
		if (find_bucket(batch, job, &err) != 0) {
			append_end(batch, job, &err);
			continue;
		}
		job->original = find_original(batch, job);
		if (job->original == NULL && write_file(batch, job, !whole, &err) != 0)
			append_end(batch, job, &err);
		else if (job->original == NULL && !whole) {
			sync_file_range(job->fd, 0, 0, SYNC_FILE_RANGE_WRITE); /* begins; the syncs below wait for all of them */
			open++;
		}
		if (open == OPEN_MAX) {
			sync_written(batch, false);
			open = 0;
		}
	}
	sync_written(batch, whole);
}

static int give_name(struct append_batch *batch, struct append_job *job, struct err *err)
{
	struct append_bucket *bucket = bucket_of(batch, job);

	if (renameat(bucket->fd, job->name, bucket->fd, job->name + 1) != 0)
		return err_system(err, "cannot rename a file in %s/msg", job->append->mailbox->path);
	job->state = JOB_NAMED;
	bucket->touched = true;
	return 0;
}

/* A file of its own, where a link cannot be made (too many links, another file system, the sandbox). */
static int copy_file(struct append_batch *batch, struct append_job *job, struct err *err)
{
	if (write_file(batch, job, true, err) != 0)
		return -1;
	if (fdatasync(job->fd) != 0)
		return err_system(err, "cannot sync a message");
	close(job->fd);
	job->fd = -1;
	return give_name(batch, job, err);
}

static int link_name(struct append_batch *batch, struct append_job *job, struct err *err)
{
	const struct append_job *original = job->original;
	struct append_bucket *bucket = bucket_of(batch, job);
	int from = bucket_of(batch, original)->fd;
	int failed;

	if (original->state != JOB_NAMED)
		return copy_file(batch, job, err);
	failed = linkat(from, original->name + 1, bucket->fd, job->name + 1, 0);
	if (failed != 0 && errno == EEXIST && unlinkat(bucket->fd, job->name + 1, 0) == 0)
		failed = linkat(from, original->name + 1, bucket->fd, job->name + 1, 0);
	if (failed != 0)
		return copy_file(batch, job, err);
	job->state = JOB_NAMED;
	bucket->touched = true;
	return 0;
}

/* Sync the names. Where it fails, every message in the folder fails: none is known to be there after a power cut. */
static void sync_names(struct append_batch *batch)
{
	size_t touched = 0;
	struct err err;
	bool whole;

	for (size_t i = 0; i < batch->bucket_count; i++)
		touched += batch->buckets[i].touched;
	whole = sync_prefers_whole(touched);
	if (whole && sync_whole(batch->buckets[0].fd, &err) == 0)
		return;
	for (size_t i = 0; i < batch->bucket_count; i++) {
		if (!batch->buckets[i].touched)
			continue;
		if (!whole && fsync(batch->buckets[i].fd) == 0)
			continue;
		if (!whole)
			err_system(&err, "cannot sync a folder of %s", batch->buckets[i].mailbox->path);
		for (struct append_job *job = batch->jobs; job < batch->jobs + batch->count; job++)
			if (job->state == JOB_NAMED && job->bucket == i)
				append_end(batch, job, &err);
	}
}

void append_name_files(struct append_batch *batch)
{
	struct err err;

	for (struct append_job *job = batch->jobs; job < batch->jobs + batch->count; job++)
		if (job->state == JOB_WRITTEN && give_name(batch, job, &err) != 0)
			append_end(batch, job, &err);
	for (struct append_job *job = batch->jobs; job < batch->jobs + batch->count; job++)
		if (job->state == JOB_OPEN && link_name(batch, job, &err) != 0)
			append_end(batch, job, &err);
	sync_names(batch);
}
