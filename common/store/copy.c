#include "common/store/marks.h"
#include "common/store/remove.h"
#include "common/store/transfer.h"

#include <time.h>

/* One call of mailbox_copy. */
struct copying {
	const struct store_copy *copy;
	struct transfer transfer;
	struct folder_row from;
	struct mailbox_totals from_change;
	struct vanish vanish;
};

static int gather(struct mailbox *mailbox, struct copying *work, const uint32_t *uids, size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		struct message_row row;
		int found = message_read(mailbox, work->copy->from, uids[i], &work->transfer.arena, &row, err);

		if (found < 0)
			return -1;
		if (found == 1 && !row.held)
			transfer_add(&work->transfer, &row);
	}
	return 0;
}

/* The row and the changes of the folder that messages leave: within one folder they are those of the other. */
static struct folder_row *from_row(struct copying *work)
{
	return work->copy->from == work->copy->to ? &work->transfer.to : &work->from;
}

static struct mailbox_totals *from_change(struct copying *work)
{
	return work->copy->from == work->copy->to ? &work->transfer.change : &work->from_change;
}

static int copy_item(struct mailbox *mailbox, struct copying *work, const struct transfer_item *item, int64_t now,
                     struct err *err)
{
	struct message_row row = item->row;

	row.save_date = now; /* RFC 8514 4.1 */
	if (!work->copy->keep) {
		row.internal_date = now;
		row.flags = 0;
		row.keywords = STR("");
	}
	row.flags &= ~work->copy->closed;
	if (work->copy->closed_keywords)
		row.keywords = STR("");
	if (transfer_insert(&work->transfer, item, &row, err) != 0)
		return -1;
	if (!work->copy->move)
		return 0;
	totals_count(from_change(work), -1, item->row.flags, false, item->row.size);
	if (vanish_add(&work->vanish, item->row.uid, err) != 0)
		return -1;
	return remove_row(mailbox, item->row.folder, item->row.uid, item->row.id, 0, err);
}

static int write_rows(struct mailbox *mailbox, struct copying *work, struct err *err)
{
	int64_t now = (int64_t)time(NULL);

	for (size_t i = 0; i < work->transfer.count; i++)
		if (copy_item(mailbox, work, &work->transfer.items[i], now, err) != 0)
			return -1;
	if (work->copy->move && vanish_end(&work->vanish, err) != 0)
		return -1;
	if (work->copy->move && work->copy->from != work->copy->to &&
	    folder_advance(mailbox, &work->from, &work->from_change, err) != 0)
		return -1;
	return folder_advance(mailbox, &work->transfer.to, &work->transfer.change, err);
}

static int copy_all(struct mailbox *mailbox, struct copying *work, struct err *err)
{
	if (work->copy->move && work->copy->from != work->copy->to) {
		if (folder_read(mailbox, work->copy->from, &work->from, err) != 0)
			return -1;
		work->from.modseq++;
		if (marks_reserve(mailbox, &work->from, work->from.uidnext - 1, err) != 0)
			return -1;
	}
	if (transfer_link(&work->transfer, err) != 0)
		return -1;
	work->vanish = (struct vanish){.mailbox = mailbox, .row = from_row(work)};
	if (db_begin(&mailbox->db, err) != 0)
		return -1;
	if (write_rows(mailbox, work, err) != 0) {
		db_rollback(&mailbox->db);
		return -1;
	}
	if (db_commit(&mailbox->db, err) != 0)
		return -1;
	mailbox->log_state = LOG_UNSYNCED;
	if (work->copy->move)
		removed_defer(mailbox, work->transfer.count);
	return 0;
}

static int copy_locked(struct mailbox *mailbox, struct copying *work, const uint32_t *uids, size_t count,
                       struct err *err)
{
	struct folder_row from;

	if (folder_read(mailbox, work->copy->from, &from, err) != 0 || gather(mailbox, work, uids, count, err) != 0)
		return -1;
	return work->transfer.count > 0 ? copy_all(mailbox, work, err) : 0;
}

int mailbox_copy(struct mailbox *mailbox, const struct store_copy *copy, const uint32_t *uids, size_t count,
                 struct store_pair *pairs, size_t *copied_out, int wait_ms, struct err *err)
{
	struct copying work = {.copy = copy};
	int result;

	*copied_out = 0;
	if (mailbox_lock(mailbox, wait_ms, err) != 0)
		return -1;
	result = transfer_begin(&work.transfer, mailbox, copy->to, err);
	if (result == 0)
		result = copy_locked(mailbox, &work, uids, count, err);
	for (size_t i = 0; i < work.transfer.count && result == 0; i++)
		pairs[(*copied_out)++] = (struct store_pair){work.transfer.items[i].row.uid, work.transfer.items[i].uid};
	transfer_end(&work.transfer, result != 0);
	mailbox_unlock(mailbox);
	return result == 0 && *copied_out > 0 ? index_sync_late(mailbox, err) : result;
}
