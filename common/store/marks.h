/*
 * store/marks: what must outlive the index, in a small text file.
 *
 *     postroom-marks 1
 *     next-folder 3
 *     last-validity 1763712399
 *     folder <id> <uidvalidity> <uid mark> <modseq mark> <name>
 *
 * UIDs (MODSEQ values) up to a folder's mark may have been given out, those above it not. The file is replaced and
 * synced before the first value above a mark is used.
 */
#ifndef POSTROOM_STORE_MARKS_H
#define POSTROOM_STORE_MARKS_H

#include "common/base/arena.h"
#include "common/store/mailbox.h"

struct marks_folder {
	int64_t id, uidvalidity, uid, modseq;
	struct str name;
};

struct marks {
	struct arena arena;
	bool found; /* there was a file */
	int64_t next_folder, last_validity;
	struct marks_folder *folders;
	size_t count;
};

/* Read; a missing file is no error (found is false). -1: ERR_CORRUPT, ERR_SYSTEM, ERR_LIMIT; nothing to free then. */
int marks_read(struct mailbox *mailbox, struct marks *marks, struct err *err);
void marks_free(struct marks *marks);

/*
 * Write the marks of all folders in the index and, where extra is not NULL, of that one in its place or besides; no
 * value becomes smaller than it was in the file. Synced. -1: ERR_SYSTEM, or as the database fails.
 */
int marks_write(struct mailbox *mailbox, const struct marks_folder *extra, struct err *err);

/* Reserve UIDs up to last_uid and MODSEQ up to row->modseq for a folder where they are not yet; updates row. */
int marks_reserve(struct mailbox *mailbox, struct folder_row *row, int64_t last_uid, struct err *err);

/*
 * Called when the index was opened: folders and values that marks knows and the index does not (an index older than the
 * marks, an unclean stop) are taken over, so that nothing is given out twice. Writes marks where there were none.
 * sweep: what was found in folders that came back is added.
 */
int marks_reconcile(struct mailbox *mailbox, struct sweep *sweep, struct err *err);

#endif
