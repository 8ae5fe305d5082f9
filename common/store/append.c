#include "common/store/append.h"

#include "common/base/memory.h"
#include "common/store/marks.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* By mailbox, then folder, then as given (the jobs' appends stand in one array). */
static int compare_jobs(const void *a, const void *b)
{
	const struct store_append *left = ((const struct append_job *)a)->append;
	const struct store_append *right = ((const struct append_job *)b)->append;

	if (left->mailbox != right->mailbox)
		return left->mailbox < right->mailbox ? -1 : 1;
	if (left->folder != right->folder)
		return left->folder < right->folder ? -1 : 1;
	return left < right ? -1 : left > right;
}

static void make_batch(struct append_batch *batch, struct store_append *appends, size_t count)
{
	*batch = (struct append_batch){.count = count};
	batch->jobs = memory_get(count * sizeof *batch->jobs);
	batch->ranges = memory_get(count * sizeof *batch->ranges);
	batch->buckets = memory_get(count * sizeof *batch->buckets);
	for (size_t i = 0; i < count; i++) {
		batch->jobs[i].append = &appends[i];
		batch->jobs[i].fd = -1;
	}
	qsort(batch->jobs, count, sizeof *batch->jobs, compare_jobs);
	for (size_t i = 0; i < count; i++) {
		const struct store_append *append = batch->jobs[i].append;
		struct append_range *range = batch->range_count > 0 ? &batch->ranges[batch->range_count - 1] : NULL;

		if (range == NULL || range->mailbox != append->mailbox || range->row.id != append->folder) {
			range = &batch->ranges[batch->range_count++];
			range->mailbox = append->mailbox;
			range->row.id = append->folder;
			range->first = i;
		}
		range->end = i + 1;
	}
}

static void free_batch(struct append_batch *batch)
{
	for (size_t i = 0; i < batch->bucket_count; i++)
		close(batch->buckets[i].fd);
	memory_free(batch->buckets);
	memory_free(batch->ranges);
	memory_free(batch->jobs);
	arena_free(&batch->arena);
}

/* The end of the ranges that belong to the mailbox of the one at first. */
static size_t mailbox_end(const struct append_batch *batch, size_t first)
{
	size_t end = first;

	while (end < batch->range_count && batch->ranges[end].mailbox == batch->ranges[first].mailbox)
		end++;
	return end;
}

static void fail_range(struct append_batch *batch, const struct append_range *range, const struct err *err)
{
	for (size_t i = range->first; i < range->end; i++)
		if (batch->jobs[i].state != JOB_ENDED)
			append_end(batch, &batch->jobs[i], err);
}

static int sort_keywords(struct append_batch *batch, struct append_job *job, struct err *err)
{
	struct buf sorted;
	int result;

	buf_init(&sorted, STORE_KEYWORDS_MAX);
	result = keywords_sort(job->append->keywords, &sorted, err);
	if (result == 0)
		job->keywords = arena_copy(&batch->arena, buf_str(&sorted));
	buf_free(&sorted);
	return result;
}

/* Give a job its UID, or end it. */
static void prepare_job(struct append_batch *batch, struct append_range *range, struct append_job *job)
{
	struct str id = job->append->source->id;
	struct err err;
	int known;

	if (id.len > 0 && !file_id_valid(id)) {
		err_set(&err, ERR_SYNTAX, "\"%.*s\" is not a message id", STR_ARG(str_sub(id, 0, STORE_ID_MAX)));
		append_end(batch, job, &err);
		return;
	}
	if (job->append->keywords.len > 0 && sort_keywords(batch, job, &err) != 0) {
		append_end(batch, job, &err);
		return;
	}
	known = store_has_had(range->mailbox, id, &err);
	if (known != 0) {
		append_end(batch, job, known == 1 ? NULL : &err);
		return;
	}
	job->append->uid = (uint32_t)range->row.uidnext++;
}

static void prepare_range(struct append_batch *batch, struct append_range *range)
{
	struct err err;

	if (folder_read(range->mailbox, range->row.id, &range->row, &err) != 0) {
		fail_range(batch, range, &err);
		return;
	}
	range->row.modseq++;
	for (size_t i = range->first; i < range->end; i++)
		prepare_job(batch, range, &batch->jobs[i]);
	if (marks_reserve(range->mailbox, &range->row, range->row.uidnext - 1, &err) != 0)
		fail_range(batch, range, &err);
}

/* Lock every mailbox that can be locked; those that cannot are out, their ranges' mailbox is NULL. */
static void prepare(struct append_batch *batch, int wait_ms)
{
	for (size_t first = 0, end; first < batch->range_count; first = end) {
		struct err err;
		bool locked;

		end = mailbox_end(batch, first);
		locked = mailbox_lock(batch->ranges[first].mailbox, wait_ms, &err) == 0;
		for (size_t i = first; i < end; i++)
			if (locked) {
				prepare_range(batch, &batch->ranges[i]);
			} else {
				fail_range(batch, &batch->ranges[i], &err);
				batch->ranges[i].mailbox = NULL;
			}
	}
}

/* The rows of one message. A second copy of an id in the same batch ends here as a duplicate. */
static int add_rows(struct append_batch *batch, struct append_range *range, struct append_job *job, int64_t now,
                    struct err *err)
{
	const struct store_append *append = job->append;
	const struct store_source *source = append->source;
	struct message_row row = {.folder = append->folder,
	                          .uid = append->uid,
	                          .size = (int64_t)source->prefix.len + source->size,
	                          .internal_date = append->internal_date,
	                          .save_date = now,
	                          .modseq = range->row.modseq,
	                          .flags = append->flags,
	                          .keywords = job->keywords,
	                          .id = source->id};
	int fresh = message_mark_delivered(range->mailbox, source->id, now, err);

	if (fresh == 0)
		append_end(batch, job, NULL);
	if (fresh <= 0)
		return fresh;
	totals_count(&range->change, 1, row.flags, false, row.size);
	return message_insert(range->mailbox, &row, err);
}

static bool has_named(const struct append_batch *batch, const struct append_range *range)
{
	for (size_t i = range->first; i < range->end; i++)
		if (batch->jobs[i].state == JOB_NAMED)
			return true;
	return false;
}

static int add_range(struct append_batch *batch, struct append_range *range, int64_t now, struct err *err)
{
	/* Where all have failed, the UIDs may not even be reserved: the folder stays as it was. */
	if (!has_named(batch, range))
		return 0;
	for (size_t i = range->first; i < range->end; i++)
		if (batch->jobs[i].state == JOB_NAMED && add_rows(batch, range, &batch->jobs[i], now, err) != 0)
			return -1;
	return folder_advance(range->mailbox, &range->row, &range->change, err);
}

/* Commit the rows of one mailbox, all or none. */
static void commit_mailbox(struct append_batch *batch, size_t first, size_t end, int64_t now)
{
	struct mailbox *mailbox = batch->ranges[first].mailbox;
	bool any = false;
	struct err err;
	int result;

	for (size_t i = first; i < end && mailbox != NULL; i++)
		any = any || has_named(batch, &batch->ranges[i]);
	if (!any)
		return;
	result = db_begin(&mailbox->db, &err);
	for (size_t i = first; i < end && result == 0; i++)
		result = add_range(batch, &batch->ranges[i], now, &err);
	if (result == 0)
		result = index_prune(mailbox, now, &err);
	if (result == 0)
		result = db_commit(&mailbox->db, &err);
	else
		db_rollback(&mailbox->db);
	if (result == 0)
		mailbox->log_state = LOG_UNSYNCED;
	else
		for (size_t i = first; i < end; i++)
			fail_range(batch, &batch->ranges[i], &err);
}

/* What is committed and synced is added; a row whose sync failed is there but not acknowledged, its file stays. */
static void finish_range(struct append_batch *batch, const struct append_range *range, const struct err *err)
{
	for (size_t i = range->first; i < range->end; i++) {
		struct append_job *job = &batch->jobs[i];

		if (job->state != JOB_NAMED)
			continue;
		job->state = JOB_ENDED;
		job->append->result = err == NULL ? STORE_ADDED : STORE_FAILED;
		if (err != NULL)
			job->append->err = *err;
	}
}

static void sync_logs(struct append_batch *batch)
{
	struct err err;
	size_t logs = 0, any = 0;
	bool whole;
	int failed = 0;

	for (size_t first = 0; first < batch->range_count; first = mailbox_end(batch, first))
		if (batch->ranges[first].mailbox != NULL && batch->ranges[first].mailbox->log_state == LOG_UNSYNCED) {
			logs++;
			any = first;
		}
	whole = logs > 0 && sync_prefers_whole(logs);
	if (whole && batch->ranges[any].mailbox != NULL)
		failed = sync_whole(batch->ranges[any].mailbox->root, &err);
	for (size_t first = 0, end; first < batch->range_count; first = end) {
		struct mailbox *mailbox = batch->ranges[first].mailbox;

		end = mailbox_end(batch, first);
		if (mailbox == NULL || mailbox->log_state != LOG_UNSYNCED)
			continue;
		if (whole)
			mailbox->log_state = failed == 0 ? LOG_SYNCED : LOG_DOUBTFUL;
		else
			failed = index_sync(mailbox, &err);
		for (size_t i = first; i < end; i++)
			finish_range(batch, &batch->ranges[i], failed == 0 ? NULL : &err);
	}
}

/* Where one of those that belong together has failed, all fail, for its reason. */
static void keep_together(struct append_batch *batch)
{
	const struct append_job *failed = NULL;

	for (size_t i = 0; i < batch->count && batch->together && failed == NULL; i++)
		if (batch->jobs[i].state == JOB_ENDED)
			failed = &batch->jobs[i];
	for (size_t i = 0; i < batch->range_count && failed != NULL; i++)
		fail_range(batch, &batch->ranges[i], &failed->append->err);
}

static void unlock_all(struct append_batch *batch)
{
	for (size_t first = 0; first < batch->range_count; first = mailbox_end(batch, first))
		if (batch->ranges[first].mailbox != NULL)
			mailbox_unlock(batch->ranges[first].mailbox);
}

static void append(struct append_batch *batch, int wait_ms)
{
	int64_t now = (int64_t)time(NULL);

	prepare(batch, wait_ms);
	keep_together(batch);
	append_write_files(batch);
	keep_together(batch);
	append_name_files(batch);
	keep_together(batch);
	for (size_t first = 0, end; first < batch->range_count; first = end) {
		end = mailbox_end(batch, first);
		commit_mailbox(batch, first, end, now);
	}
	/* Who writes to one mailbox lets others in before the sync, which brings their rows to disk as well. */
	if (mailbox_end(batch, 0) == batch->range_count) {
		unlock_all(batch);
		sync_logs(batch);
	} else {
		sync_logs(batch);
		unlock_all(batch);
	}
}

void store_append(struct store_append *appends, size_t count, int wait_ms)
{
	struct append_batch batch;

	if (count == 0)
		return;
	make_batch(&batch, appends, count);
	arena_init(&batch.arena);
	append(&batch, wait_ms);
	free_batch(&batch);
}

int store_append_together(struct store_append *appends, size_t count, int wait_ms, struct err *err)
{
	struct append_batch batch;

	if (count == 0)
		return 0;
	make_batch(&batch, appends, count);
	arena_init(&batch.arena);
	batch.together = true;
	append(&batch, wait_ms);
	free_batch(&batch);
	for (size_t i = 0; i < count; i++)
		if (appends[i].result != STORE_ADDED) {
			*err = appends[i].err;
			return -1;
		}
	return 0;
}
