#include "common/store/verify.h"

#include "common/store/mailbox.h"
#include "common/store/marks.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

struct verify {
	struct mailbox *mailbox;
	struct mailbox_verify *report;
	void (*found)(const char *what, void *context);
	void *context;
};

__attribute__((format(printf, 2, 3))) static void report(struct verify *verify, const char *format, ...)
{
	char text[320];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	verify->report->findings++;
	verify->found(text, verify->context);
}

/* Each row of a query is a finding: its text. */
static int report_rows(struct verify *verify, const char *sql, struct err *err)
{
	struct db_statement query;
	int row;

	if (db_prepare(&verify->mailbox->db, &query, sql, err) != 0)
		return -1;
	while ((row = db_step(&query, err)) == 1)
		report(verify, "%.*s", STR_ARG(str_sub(db_text(&query, 0), 0, 300)));
	db_finalize(&query);
	return row;
}

/* What the index says of itself. */
static const char *const index_checks[] = {
    "SELECT 'index.db: ' || quick_check FROM pragma_quick_check WHERE quick_check <> 'ok'",

    "SELECT format('folder %d: the totals say %d messages, %d bytes, %d held, %d unseen, %d deleted; there are"
    " %d, %d, %d, %d, %d', id, messages, bytes, held_messages, unseen, deleted, m, b, h, u, d) FROM"
    " (SELECT folder.*, ifnull(sum(NOT held), 0) AS m, ifnull(sum(size * NOT held), 0) AS b,"
    " ifnull(sum(held), 0) AS h, ifnull(sum(size * held), 0) AS hb,"
    " ifnull(sum(NOT held AND flags & 1 = 0), 0) AS u, ifnull(sum(NOT held AND flags & 8 <> 0), 0) AS d,"
    " ifnull(sum(size * (NOT held AND flags & 8 <> 0)), 0) AS db"
    " FROM folder LEFT JOIN message ON message.folder = folder.id GROUP BY folder.id)"
    " WHERE (messages, bytes, held_messages, held_bytes, unseen, deleted, deleted_bytes)"
    " <> (m, b, h, hb, u, d, db)",

    "SELECT format('folder %d: UID %d is not below uidnext %d', id, top, uidnext) FROM"
    " (SELECT folder.id, uidnext, max(uid) AS top FROM folder JOIN message ON folder = folder.id GROUP BY folder.id)"
    " WHERE top >= uidnext",

    "SELECT format('folder %d: a message has MODSEQ %d, the folder %d', id, top, modseq) FROM"
    " (SELECT folder.id, folder.modseq, max(message.modseq) AS top FROM folder JOIN message ON folder = folder.id"
    " GROUP BY folder.id) WHERE top > modseq",

    "SELECT format('message %d of folder %d: MODSEQ %d', uid, folder, modseq) FROM message WHERE modseq < 1",

    "SELECT format('folder %d: uidnext %d or MODSEQ %d is above what is reserved (%d, %d)', id, uidnext, modseq,"
    " uid_mark, modseq_mark) FROM folder WHERE uidnext - 1 > uid_mark OR modseq > max(modseq_mark, 1)",

    "SELECT format('messages of folder %d, which there is not', folder) FROM message"
    " WHERE folder NOT IN (SELECT id FROM folder) GROUP BY folder",

    "SELECT format('folder %d: UIDs %d to %d vanished with MODSEQ %d, but uidnext is %d, MODSEQ %d', id, first, last,"
    " vanished.modseq, uidnext, folder.modseq) FROM vanished JOIN folder ON folder.id = vanished.folder"
    " WHERE last >= uidnext OR vanished.modseq > folder.modseq OR first > last",

    "SELECT format('folder %d: UIDs %d to %d vanished, but are there', vanished.folder, first, last) FROM vanished"
    " WHERE EXISTS (SELECT 1 FROM message WHERE message.folder = vanished.folder AND uid BETWEEN first AND last"
    " AND held = 0)",

    "SELECT format('folder %d: %d ranges of UIDs vanished, the folder says %d', id, n, vanished) FROM"
    " (SELECT id, folder.vanished, (SELECT count(*) FROM vanished WHERE folder = folder.id) AS n FROM folder)"
    " WHERE n <> vanished",

    "SELECT format('message %d of folder %d is in the recycle bin too', uid, folder) FROM bin"
    " JOIN message USING (folder, uid)",

    "SELECT format('file %d of folder %d waits to be removed', uid, folder) FROM removed",

    "SELECT format('something is kept about message %d of folder %d, which there is not', key & 0xffffffff, key >> 32)"
    " FROM cache WHERE NOT EXISTS (SELECT 1 FROM message WHERE folder = key >> 32 AND uid = key & 0xffffffff)",

    "SELECT format('something is kept about the messages of folder %d, which there is not', folder)"
    " FROM block WHERE folder NOT IN (SELECT id FROM folder)",

    "SELECT format('folder %d is not below next_folder', id) FROM folder WHERE id >= (SELECT next_folder FROM mailbox)",
};

/* Each row has its file, of its size. sql: folder, uid, id, size. */
static int check_rows(struct verify *verify, const char *place, const char *sql, struct err *err)
{
	struct mailbox *mailbox = verify->mailbox;
	char path[FILE_PATH_MAX];
	struct db_statement query;
	struct stat info;
	int row;

	if (db_prepare(&mailbox->db, &query, sql, err) != 0)
		return -1;
	while ((row = db_step(&query, err)) == 1) {
		file_path(path, place, db_number(&query, 0), (uint32_t)db_number(&query, 1), db_text(&query, 2));
		verify->report->messages++;
		verify->report->bytes += db_number(&query, 3);
		if (fstatat(mailbox->root, path, &info, AT_SYMLINK_NOFOLLOW) != 0)
			report(verify, "%s is missing", path);
		else if (!S_ISREG(info.st_mode) || info.st_size != db_number(&query, 3))
			report(verify, "%s has %lld bytes, its row says %lld", path, (long long)info.st_size,
			       (long long)db_number(&query, 3));
	}
	db_finalize(&query);
	return row;
}

struct file_check {
	struct verify *verify;
	struct db_statement row;
};

/* Each file has its row. */
static int check_file(struct mailbox *mailbox, const struct file_place *place, const char *name, void *context,
                      struct err *err)
{
	struct file_check *check = context;
	struct str id;
	uint32_t uid;
	int row = 0;

	(void)mailbox;
	if (file_parse_name(name, &uid, &id) && uid / BUCKET_SIZE == place->bucket) {
		db_bind_number(&check->row, 1, place->folder);
		db_bind_number(&check->row, 2, uid);
		db_bind_text(&check->row, 3, id);
		row = db_step(&check->row, err);
		db_reset(&check->row);
	}
	if (row == 0)
		report(check->verify, "%s/%lld/%lld/%s has no row", place->place, (long long)place->folder,
		       (long long)place->bucket, name);
	return row < 0 ? -1 : 0;
}

static int check_files(struct verify *verify, const char *place, const char *sql, struct err *err)
{
	struct file_check check = {.verify = verify};
	int result;

	if (db_prepare(&verify->mailbox->db, &check.row, sql, err) != 0)
		return -1;
	result = file_each_name(verify->mailbox, place, check_file, &check, err);
	db_finalize(&check.row);
	return result;
}

/* What was given out must not be above the marks on disk. */
static int check_marks(struct verify *verify, struct err *err)
{
	struct mailbox *mailbox = verify->mailbox;
	struct marks marks;

	if (marks_read(mailbox, &marks, err) != 0)
		return -1;
	for (size_t i = 0; i < marks.count; i++) {
		const struct marks_folder *mark = &marks.folders[i];
		struct folder_row row;

		if (folder_read(mailbox, mark->id, &row, err) != 0) {
			if (err->code == ERR_NOT_FOUND)
				continue; /* removed since */
			marks_free(&marks);
			return -1;
		}
		verify->report->folders++;
		if (row.uidvalidity != mark->uidvalidity || row.uidnext - 1 > mark->uid ||
		    (row.modseq > mark->modseq && row.modseq > 1))
			report(verify, "folder %lld: the marks (%lld, %lld, %lld) are behind (%lld, %lld, %lld)", (long long)row.id,
			       (long long)mark->uidvalidity, (long long)mark->uid, (long long)mark->modseq,
			       (long long)row.uidvalidity, (long long)row.uidnext - 1, (long long)row.modseq);
	}
	marks_free(&marks);
	return 0;
}

static int verify_locked(struct verify *verify, struct err *err)
{
	struct mailbox_verify *report_out = verify->report;
	struct mailbox_verify bin;

	for (size_t i = 0; i < sizeof index_checks / sizeof index_checks[0]; i++)
		if (report_rows(verify, index_checks[i], err) != 0)
			return -1;
	if (check_marks(verify, err) != 0)
		return -1;
	/* What is in the bin is looked at, but not counted as messages. */
	bin = *report_out;
	if (check_rows(verify, "bin", "SELECT folder, uid, id, size FROM bin", err) != 0)
		return -1;
	report_out->messages = bin.messages;
	report_out->bytes = bin.bytes;
	if (check_rows(verify, "msg", "SELECT folder, uid, id, size FROM message", err) != 0 ||
	    check_files(verify, "msg", "SELECT 1 FROM message WHERE folder = ? AND uid = ? AND id = ?", err) != 0 ||
	    check_files(verify, "bin", "SELECT 1 FROM bin WHERE folder = ? AND uid = ? AND id = ?", err) != 0)
		return -1;
	return 0;
}

int mailbox_verify(struct mailbox *mailbox, int wait_ms, void (*found)(const char *what, void *context), void *context,
                   struct mailbox_verify *report_out, struct err *err)
{
	struct verify verify = {.mailbox = mailbox, .report = report_out, .found = found, .context = context};
	int result;

	*report_out = (struct mailbox_verify){0};
	if (mailbox_lock(mailbox, wait_ms, err) != 0)
		return -1;
	/* What sessions have put off would be found. */
	result = removed_finish(mailbox, err);
	if (result == 0)
		result = verify_locked(&verify, err);
	mailbox_unlock(mailbox);
	return result;
}
