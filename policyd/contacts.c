#include "policyd/policyd.h"

#include "common/db/query.h"

enum {
	PER_BOOK_MAX = 10000,
	PAGE_MAX = 1000,
	CARD_MAX = 64 << 10, /* octets */
	TEXT_MAX = 4000,     /* octets of a name; of all addresses, of all groups */
	DOMAIN_BOOK = 0,     /* in place of a user's number: everybody's */
};

/* Values of one key, a line each. False: they are too long, or no text of one line. */
static bool read_lines(const struct ipc_message *message, const char *name, struct buf *out)
{
	struct str key, value;

	for (size_t position = 0; ipc_next(message, &position, &key, &value);) {
		if (!str_equal(key, str_of(name)) || value.len == 0)
			continue;
		if (!str_is_utf8(value) || str_find_char(value, '\n') >= 0 || str_find_char(value, '\0') >= 0)
			return false;
		if (out->len > 0)
			buf_add_char(out, '\n');
		buf_add_str(out, value);
	}
	return !out->overflow;
}

static int store(const struct request *request, int64_t book, int64_t id, struct str card, struct str name,
                 struct str addresses, struct str groups, struct err *err)
{
	struct db *db = &request->policyd->db;
	int result;

	if (id == 0)
		result = db_query_run(
		    db, err, "INSERT INTO contact(uid, card, name, addresses, groups, changed) VALUES(?, ?, ?, ?, ?, ?)",
		    "nttttn", book, card, name, addresses, groups, request->now);
	else
		result = db_query_run(db, err,
		                      "UPDATE contact SET card = ?, name = ?, addresses = ?, groups = ?, changed = ? "
		                      "WHERE id = ? AND uid = ?",
		                      "ttttnnn", card, name, addresses, groups, request->now, id, book);
	if (result != 0)
		return -1;
	if (sqlite3_changes64(db->handle) == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no such contact");
	ipc_add_number(request->reply, "id", id != 0 ? id : sqlite3_last_insert_rowid(db->handle));
	if (ipc_get(request->message, "more").len == 0)
		events_commit(request->policyd);
	return 0;
}

static int put(const struct request *request, int64_t book, struct err *err)
{
	struct str card = ipc_get(request->message, "card"), name = ipc_get(request->message, "name");
	struct buf addresses, groups;
	int64_t id = 0, count = 0;
	int result;

	if (card.len == 0 || card.len > CARD_MAX || name.len > TEXT_MAX || !str_is_utf8(card) || !str_is_utf8(name))
		return err_set(err, ERR_LIMIT, "a contact has %d octets at most", CARD_MAX);
	ipc_get_number(request->message, "id", 1, INT64_MAX, &id);
	if (id == 0 && db_query_number(&request->policyd->db, &count, err, "SELECT count(*) FROM contact WHERE uid = ?",
	                               "n", book) < 0)
		return -1;
	if (count >= PER_BOOK_MAX)
		return err_set(err, ERR_LIMIT, "an address book has %d contacts at most", PER_BOOK_MAX);
	buf_init(&addresses, TEXT_MAX);
	buf_init(&groups, TEXT_MAX);
	if (!read_lines(request->message, "address", &addresses) || !read_lines(request->message, "label", &groups))
		result = err_set(err, ERR_LIMIT, "the addresses, or the groups, are too long, or no text");
	else
		result = events_begin(request->policyd, err) != 0
		             ? -1
		             : store(request, book, id, card, name, buf_str(&addresses), buf_str(&groups), err);
	buf_free(&addresses);
	buf_free(&groups);
	return result;
}

static int erase(const struct request *request, int64_t book, struct err *err)
{
	int64_t id;

	if (!ipc_get_number(request->message, "id", 1, INT64_MAX, &id))
		return err_set(err, ERR_SYNTAX, "which contact?");
	if (events_begin(request->policyd, err) != 0 ||
	    db_query_run(&request->policyd->db, err, "DELETE FROM contact WHERE id = ? AND uid = ?", "nn", id, book) != 0)
		return -1;
	if (sqlite3_changes64(request->policyd->db.handle) == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no such contact");
	events_commit(request->policyd);
	return 0;
}

static void add_lines(json_t *object, const char *key, struct str lines)
{
	json_t *array = json_array();

	while (lines.len > 0) {
		struct str line = str_cut(&lines, '\n');

		json_array_append_new(array, json_stringn(line.data, line.len));
	}
	json_object_set_new(object, key, array);
}

static void add_contact(const struct request *request, const struct db_statement *row)
{
	struct str name = db_text(row, 2), card = db_text(row, 5);
	json_t *object =
	    json_pack("{s:I, s:b, s:s%, s:s%}", "id", (json_int_t)db_number(row, 0), "domain",
	              (int)(db_number(row, 1) == DOMAIN_BOOK), "name", name.data, name.len, "card", card.data, card.len);

	add_lines(object, "addresses", db_text(row, 3));
	add_lines(object, "groups", db_text(row, 4));
	requests_add_object(request, "contact", object);
}

/* The user's own and, where he may see them, everybody's; these alone where no user is named. */
int contacts_request_list(const struct request *request, struct err *err)
{
	struct str filter = ipc_get(request->message, "filter");
	int64_t uid = DOMAIN_BOOK, with_domain = 0, offset = 0, limit = PAGE_MAX;
	struct db_statement rows;
	int result;

	ipc_get_number(request->message, "domain", 0, 1, &with_domain);
	if ((with_domain == 0 || ipc_get(request->message, "user").len > 0) && collected_find_user(request, &uid, err) != 0)
		return -1;
	ipc_get_number(request->message, "offset", 0, INT32_MAX, &offset);
	ipc_get_number(request->message, "limit", 1, PAGE_MAX, &limit);
	if (db_query(
	        &request->policyd->db, &rows, err,
	        "SELECT id, uid, name, addresses, groups, card FROM contact WHERE (uid = ?1 OR (?2 = 1 AND uid = 0)) AND "
	        "(?3 = '' OR instr(lower(name || char(10) || addresses || char(10) || groups), lower(?3)) > 0) "
	        "ORDER BY name COLLATE NOCASE, id LIMIT ?4 OFFSET ?5",
	        "nntnn", uid, with_domain, filter, limit, offset) != 0)
		return -1;
	while ((result = db_step(&rows, err)) == 1)
		add_contact(request, &rows);
	db_finalize(&rows);
	return result;
}

int contacts_request_put(const struct request *request, struct err *err)
{
	int64_t uid = 0;

	return collected_find_user(request, &uid, err) == 0 ? put(request, uid, err) : -1;
}

int contacts_request_delete(const struct request *request, struct err *err)
{
	int64_t uid = 0;

	return collected_find_user(request, &uid, err) == 0 ? erase(request, uid, err) : -1;
}

int contacts_request_domain_put(const struct request *request, struct err *err)
{
	return put(request, DOMAIN_BOOK, err);
}

int contacts_request_domain_delete(const struct request *request, struct err *err)
{
	return erase(request, DOMAIN_BOOK, err);
}
