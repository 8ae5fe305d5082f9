/*
 * store/append: one call of store_append from inside.
 *
 * The order is what the promises hang on, for all messages of the call together:
 *   1. lock each mailbox, look for the ids, give out UIDs (append.c)
 *   2. write the files under names with a leading dot, sync their bytes (append_file.c)
 *   3. rename and link them to their names, sync the folders they are in (append_file.c)
 *   4. commit the rows of each mailbox, sync the logs, unlock (append.c)
 * A crash before 3 leaves names with a dot, which nobody reads; between 3 and 4 complete messages without a row, which
 * the next opening takes in; after 4 nothing.
 */
#ifndef POSTROOM_STORE_APPEND_H
#define POSTROOM_STORE_APPEND_H

#include "common/store/mailbox.h"

enum job_state {
	JOB_OPEN,    /* has a UID, no file */
	JOB_WRITTEN, /* under its name with a dot */
	JOB_NAMED,   /* under its name */
	JOB_ENDED,   /* append->result says how; no file of it is left */
};

struct append_bucket {
	const struct mailbox *mailbox;
	int64_t folder;
	uint32_t number;
	int fd;
	bool touched; /* got a name that is not synced */
};

struct append_job {
	struct store_append *append;
	enum job_state state;
	const struct append_job *original; /* the job whose file this one links to; NULL: writes its own */
	size_t bucket;                     /* index into batch->buckets */
	int fd;                            /* to be synced, or -1 */
	char name[FILE_NAME_MAX + 1];      /* a dot and the name */
	struct str keywords;               /* sorted, in the batch's arena */
};

/* The appends of one folder; the ranges of one mailbox follow each other. */
struct append_range {
	struct mailbox *mailbox;
	size_t first, end; /* of batch->jobs */
	struct folder_row row;
	struct mailbox_totals change;
};

struct append_batch {
	struct append_job *jobs; /* by mailbox, then folder, then as given */
	size_t count;
	struct append_range *ranges;
	size_t range_count;
	struct append_bucket *buckets;
	size_t bucket_count;
	struct arena arena;
	bool together; /* all or none */
};

/* append_file.c. Failures are written into the appends concerned. */
void append_write_files(struct append_batch *batch);
void append_name_files(struct append_batch *batch);
/* Write what a source has to a file. */
int append_write_content(int fd, const struct store_source *source, struct err *err);
/* End a job as failed (err) or duplicate (NULL); its file, under whichever name, is removed. */
void append_end(struct append_batch *batch, struct append_job *job, const struct err *err);

/*
 * sync.c. Is one sync of the whole file system cheaper than one for each of so many files? It takes a third of the time
 * for a batch of small files, but waits for everybody's data: where it was slow it is left out for a while.
 */
bool sync_prefers_whole(size_t files);
int sync_whole(int fd, struct err *err);

#endif
