#include "common/store/marks.h"

#include "common/base/buf.h"
#include "common/base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { MARKS_MAX = 16 * 1024 * 1024 }; /* bytes: STORE_FOLDERS_MAX folders with long names fit */

#define MARKS_HEADER "postroom-marks 1"

static bool cut_number(struct str *rest, int64_t *number)
{
	uint64_t value;

	if (!str_to_u64(str_cut(rest, ' '), INT64_MAX, &value))
		return false;
	*number = (int64_t)value;
	return true;
}

static int parse_line(struct str line, struct marks *marks, size_t *capacity)
{
	struct str rest = line, key = str_cut(&rest, ' ');
	struct marks_folder folder;

	if (str_equal(key, STR("next-folder")))
		return cut_number(&rest, &marks->next_folder) ? 0 : -1;
	if (str_equal(key, STR("last-validity")))
		return cut_number(&rest, &marks->last_validity) ? 0 : -1;
	if (!str_equal(key, STR("folder")))
		return -1;
	if (!cut_number(&rest, &folder.id) || !cut_number(&rest, &folder.uidvalidity) || !cut_number(&rest, &folder.uid) ||
	    !cut_number(&rest, &folder.modseq) || folder_check_name(rest, NULL) != 0 || folder.id < 1)
		return -1;
	folder.name = rest;
	if (marks->count == *capacity) {
		struct marks_folder *larger;

		*capacity = *capacity == 0 ? 16 : 4 * *capacity;
		larger = arena_get(&marks->arena, *capacity * sizeof *larger);
		if (marks->count > 0)
			memcpy(larger, marks->folders, marks->count * sizeof *larger);
		marks->folders = larger;
	}
	marks->folders[marks->count++] = folder;
	return 0;
}

static int parse(struct str text, struct marks *marks, struct err *err)
{
	size_t capacity = 0;
	int number = 1;

	if (!str_equal(str_cut(&text, '\n'), STR(MARKS_HEADER)))
		return err_set(err, ERR_CORRUPT, "does not begin with \"%s\"", MARKS_HEADER);
	while (text.len > 0) {
		number++;
		if (parse_line(str_cut(&text, '\n'), marks, &capacity) != 0)
			return err_set(err, ERR_CORRUPT, "line %d is damaged", number);
	}
	return 0;
}

int marks_read(struct mailbox *mailbox, struct marks *marks, struct err *err)
{
	char path[STORE_PATH_MAX + 32];
	struct buf text;
	int result = -1;

	*marks = (struct marks){.next_folder = STORE_INBOX + 1};
	arena_init(&marks->arena);
	buf_init(&text, MARKS_MAX);
	if (io_read_file(mailbox_file(mailbox, "marks", path, sizeof path), &text, err) != 0) {
		if (err->code == ERR_SYSTEM && err->sys == ENOENT)
			result = 0;
	} else {
		marks->found = true;
		result = parse(arena_copy(&marks->arena, buf_str(&text)), marks, err);
		if (result != 0)
			err_prefix(err, "%s", path);
	}
	buf_free(&text);
	if (result != 0)
		arena_free(&marks->arena);
	return result;
}

void marks_free(struct marks *marks)
{
	arena_free(&marks->arena);
}

static const struct marks_folder *find(const struct marks *marks, int64_t id)
{
	for (size_t i = 0; i < marks->count; i++)
		if (marks->folders[i].id == id)
			return &marks->folders[i];
	return NULL;
}

static int64_t larger_of(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static void format_folder(struct buf *text, const struct marks *old, struct marks_folder folder)
{
	const struct marks_folder *before = find(old, folder.id);

	if (before != NULL) {
		folder.uid = larger_of(folder.uid, before->uid);
		folder.modseq = larger_of(folder.modseq, before->modseq);
	}
	buf_printf(text, "folder %lld %lld %lld %lld %.*s\n", (long long)folder.id, (long long)folder.uidvalidity,
	           (long long)folder.uid, (long long)folder.modseq, STR_ARG(folder.name));
}

/* The folders of the index, extra in the place of its like. */
static int format_folders(struct mailbox *mailbox, const struct marks *old, const struct marks_folder *extra,
                          struct buf *text, struct err *err)
{
	struct db_statement query;
	int row;

	if (db_prepare(&mailbox->db, &query, "SELECT id, uidvalidity, uid_mark, modseq_mark, name FROM folder ORDER BY id",
	               err) != 0)
		return -1;
	while ((row = db_step(&query, err)) == 1) {
		struct marks_folder folder = {db_number(&query, 0), db_number(&query, 1), db_number(&query, 2),
		                              db_number(&query, 3), db_text(&query, 4)};

		if (extra != NULL && extra->id == folder.id) {
			folder.uid = larger_of(folder.uid, extra->uid);
			folder.modseq = larger_of(folder.modseq, extra->modseq);
			extra = NULL;
		}
		format_folder(text, old, folder);
	}
	db_finalize(&query);
	if (row == 0 && extra != NULL)
		format_folder(text, old, *extra);
	return row;
}

static int format(struct mailbox *mailbox, const struct marks *old, const struct marks_folder *extra, struct buf *text,
                  struct err *err)
{
	struct db_statement query;
	int64_t next_folder = old->next_folder, last_validity = old->last_validity;
	int row;

	if (db_prepare(&mailbox->db, &query,
	               "SELECT next_folder, max(last_validity, (SELECT max(uidvalidity) FROM folder)) FROM mailbox",
	               err) != 0)
		return -1;
	row = db_step(&query, err);
	if (row == 1) {
		next_folder = larger_of(next_folder, db_number(&query, 0));
		last_validity = larger_of(last_validity, db_number(&query, 1));
	}
	db_finalize(&query);
	if (row < 0)
		return -1;
	if (extra != NULL) {
		next_folder = larger_of(next_folder, extra->id + 1);
		last_validity = larger_of(last_validity, extra->uidvalidity);
	}
	buf_printf(text, "%s\nnext-folder %lld\nlast-validity %lld\n", MARKS_HEADER, (long long)next_folder,
	           (long long)last_validity);
	return format_folders(mailbox, old, extra, text, err);
}

int marks_write(struct mailbox *mailbox, const struct marks_folder *extra, struct err *err)
{
	char path[STORE_PATH_MAX + 32];
	struct marks old;
	struct buf text;
	int result;

	if (marks_read(mailbox, &old, err) != 0)
		return -1;
	buf_init(&text, MARKS_MAX);
	result = format(mailbox, &old, extra, &text, err);
	if (result == 0 && text.overflow)
		result = err_set(err, ERR_LIMIT, "the marks of %s are too long", mailbox->path);
	if (result == 0)
		result = io_replace_file(mailbox_file(mailbox, "marks", path, sizeof path), buf_str(&text), 0600, err);
	buf_free(&text);
	marks_free(&old);
	return result;
}

int marks_reserve(struct mailbox *mailbox, struct folder_row *row, int64_t last_uid, struct err *err)
{
	struct marks_folder mark = {row->id, row->uidvalidity, row->uid_mark, row->modseq_mark, STR("")};

	if (last_uid > UINT32_MAX)
		return err_set(err, ERR_LIMIT, "the folder has no UIDs left");
	if (last_uid <= mark.uid && row->modseq <= mark.modseq)
		return 0;
	if (last_uid > mark.uid)
		mark.uid = larger_of(last_uid, row->uidnext) + UID_BLOCK;
	if (row->modseq > mark.modseq)
		mark.modseq = row->modseq + MODSEQ_BLOCK;
	if (marks_write(mailbox, &mark, err) != 0)
		return -1;
	row->uid_mark = mark.uid;
	row->modseq_mark = mark.modseq;
	return 0;
}

/* A folder that the index does not know: back with its id, under a name that is free. */
static int restore_folder(struct mailbox *mailbox, const struct marks_folder *mark, struct sweep *sweep,
                          struct err *err)
{
	struct folder_row row = {.id = mark->id,
	                         .uidvalidity = mark->uidvalidity,
	                         .uidnext = 1,
	                         .modseq = mark->modseq + 1,
	                         .uid_mark = mark->uid,
	                         .modseq_mark = mark->modseq + 1};
	char name[STORE_NAME_MAX + 1];

	if (folder_insert(mailbox, &row, mark->name, err) != 0) {
		if (err->code != ERR_EXISTS)
			return -1;
		snprintf(name, sizeof name, "Recovered (%lld)", (long long)mark->id);
		if (folder_insert(mailbox, &row, str_of(name), err) != 0)
			return -1;
	}
	return sweep_new_files(mailbox, mark->id, sweep, err);
}

/* known: ids below this one the index has given out; one of them without a row is a folder that was removed. */
static int reconcile_folder(struct mailbox *mailbox, const struct marks_folder *mark, int64_t known,
                            struct sweep *sweep, struct err *err)
{
	struct mailbox_totals nothing = {0};
	struct db_statement update;
	struct folder_row row;
	int result;

	if (folder_read(mailbox, mark->id, &row, err) != 0) {
		if (err->code == ERR_NOT_FOUND && mark->id < known)
			return 0;
		if (err->code != ERR_NOT_FOUND || restore_folder(mailbox, mark, sweep, err) != 0 ||
		    folder_read(mailbox, mark->id, &row, err) != 0)
			return -1;
	} else if (row.uidvalidity == mark->uidvalidity && mark->uid <= row.uid_mark && mark->modseq <= row.modseq_mark) {
		return 0;
	}
	if (mark->uid >= row.uidnext) {
		row.uidnext = mark->uid + 1;
		row.uid_mark = mark->uid;
	}
	if (mark->modseq > row.modseq_mark)
		row.modseq = row.modseq_mark = mark->modseq;
	/* The index is an old one: what has vanished since it does not know, nor which flags are not as clients saw them.
	 */
	row.forgotten = row.modseq;
	if (folder_advance(mailbox, &row, &nothing, err) != 0)
		return -1;
	if (db_prepare(&mailbox->db, &update, "UPDATE folder SET uidvalidity = ? WHERE id = ?", err) != 0)
		return -1;
	db_bind_number(&update, 1, mark->uidvalidity);
	db_bind_number(&update, 2, mark->id);
	result = db_run(&update, err);
	db_finalize(&update);
	if (result != 0 || db_prepare(&mailbox->db, &update, "UPDATE message SET modseq = ? WHERE folder = ?", err) != 0)
		return -1;
	db_bind_number(&update, 1, row.modseq);
	db_bind_number(&update, 2, mark->id);
	result = db_run(&update, err);
	db_finalize(&update);
	return result;
}

static int read_next_folder(struct mailbox *mailbox, int64_t *next, struct err *err)
{
	struct db_statement query;
	int row;

	if (db_prepare(&mailbox->db, &query, "SELECT next_folder FROM mailbox", err) != 0)
		return -1;
	row = db_step(&query, err);
	*next = row == 1 ? db_number(&query, 0) : 0;
	db_finalize(&query);
	return row < 0 ? -1 : 0;
}

static int reconcile_mailbox(struct mailbox *mailbox, const struct marks *marks, struct err *err)
{
	struct db_statement update;
	int result;

	if (db_prepare(&mailbox->db, &update,
	               "UPDATE mailbox SET next_folder = ?1, last_validity = max(last_validity, ?2) WHERE next_folder < ?1",
	               err) != 0)
		return -1;
	db_bind_number(&update, 1, marks->next_folder);
	db_bind_number(&update, 2, marks->last_validity);
	result = db_run(&update, err);
	db_finalize(&update);
	return result;
}

int marks_reconcile(struct mailbox *mailbox, struct sweep *sweep, struct err *err)
{
	struct marks marks;
	int64_t known;
	int result;

	if (read_next_folder(mailbox, &known, err) != 0 || marks_read(mailbox, &marks, err) != 0)
		return -1;
	result = marks.found ? reconcile_mailbox(mailbox, &marks, err) : marks_write(mailbox, NULL, err);
	for (size_t i = 0; i < marks.count && result == 0; i++)
		result = reconcile_folder(mailbox, &marks.folders[i], known, sweep, err);
	marks_free(&marks);
	return result;
}
