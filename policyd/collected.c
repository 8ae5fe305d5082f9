#include "policyd/policyd.h"

#include "common/addr/addr.h"

enum {
	PER_USER_MAX = 5000,  /* the least lately used go first */
	ADDRESS_MAX = 320,    /* octets */
	KEPT_DAYS_MAX = 1000, /* without use */
	DAYS_MAX = 100000,
};

static int run(struct policyd *policyd, const char *sql, int64_t uid, struct str address, int64_t number,
               struct err *err)
{
	struct db_statement statement;
	int result;

	if (events_begin(policyd, err) != 0 || db_prepare(&policyd->db, &statement, sql, err) != 0)
		return -1;
	db_bind_number(&statement, 1, uid);
	db_bind_text(&statement, 2, address);
	db_bind_number(&statement, 3, number);
	result = db_run(&statement, err);
	db_finalize(&statement);
	return result;
}

int collected_add(struct policyd *policyd, int64_t uid, struct str address, int64_t now, struct err *err)
{
	if (run(policyd,
	        "INSERT INTO collected(uid, address, used, count) VALUES(?1, ?2, ?3, 1)"
	        " ON CONFLICT(uid, address) DO UPDATE SET used = ?3, count = count + 1",
	        uid, address, now, err) != 0)
		return -1;
	return run(policyd,
	           "DELETE FROM collected WHERE uid = ?1 AND ?2 <> '' AND address IN (SELECT address FROM collected"
	           " WHERE uid = ?1 ORDER BY used DESC LIMIT -1 OFFSET ?3)",
	           uid, address, PER_USER_MAX, err);
}

void collected_prune(struct policyd *policyd, int64_t now)
{
	events_remove(policyd, "DELETE FROM collected WHERE used < ?", now - KEPT_DAYS_MAX * DAY_MS);
}

/* From smtpd: a user's message was taken for these. */
int collected_request_add(const struct request *request, struct err *err)
{
	struct str key, value;
	int64_t uid;

	if (!ipc_get_number(request->message, "uid", 1, INT64_MAX, &uid))
		return err_set(err, ERR_PROTOCOL, "whose recipients?");
	for (size_t position = 0; ipc_next(request->message, &position, &key, &value);)
		if (str_equal(key, STR("address")) && value.len > 0 && value.len <= ADDRESS_MAX && str_is_utf8(value) &&
		    collected_add(request->policyd, uid, value, request->now, err) != 0)
			return -1;
	return 0;
}

int collected_find_user(const struct request *request, int64_t *uid, struct err *err)
{
	struct str name = ipc_get(request->message, "user");
	struct db_statement query;
	struct db objects;
	int row;

	if (settings_open_snapshot(&request->policyd->settings, &objects, err) != 0)
		return -1;
	row = db_prepare(&objects, &query, "SELECT uid FROM user WHERE name = ?", err);
	if (row == 0) {
		db_bind_text(&query, 1, name);
		row = db_step(&query, err);
		if (row == 1)
			*uid = db_number(&query, 0);
		else if (row == 0)
			row = err_set(err, ERR_NOT_FOUND, "there is no user \"%.*s\"", STR_ARG(str_sub(name, 0, 80)));
		db_finalize(&query);
	}
	db_close(&objects);
	return row == 1 ? 0 : -1;
}

int collected_request_list(const struct request *request, struct err *err)
{
	struct str filter = ipc_get(request->message, "filter");
	struct db_statement query;
	int64_t uid = 0;
	int row;

	if (collected_find_user(request, &uid, err) != 0 ||
	    db_prepare(&request->policyd->db, &query,
	               "SELECT address, used, count FROM collected WHERE uid = ? ORDER BY used DESC, address", err) != 0)
		return -1;
	db_bind_number(&query, 1, uid);
	while ((row = db_step(&query, err)) == 1)
		if (filter.len == 0 || str_matches_wildcard(db_text(&query, 0), filter))
			requests_add_object(request, "recipient",
			                    json_pack("{s:s%, s:I, s:I}", "address", db_text(&query, 0).data,
			                              db_text(&query, 0).len, "used", (json_int_t)(db_number(&query, 1) / 1000),
			                              "messages", (json_int_t)db_number(&query, 2)));
	db_finalize(&query);
	return row;
}

int collected_request_delete(const struct request *request, struct err *err)
{
	struct str address = ipc_get(request->message, "address");
	struct db_statement query;
	int64_t uid = 0;
	int row;

	if (collected_find_user(request, &uid, err) != 0 ||
	    db_prepare(&request->policyd->db, &query, "SELECT 1 FROM collected WHERE uid = ? AND address = ?", err) != 0)
		return -1;
	db_bind_number(&query, 1, uid);
	db_bind_text(&query, 2, address);
	row = db_step(&query, err);
	db_finalize(&query);
	if (row == 0)
		return err_set(err, ERR_NOT_FOUND, "\"%.*s\" was not collected", STR_ARG(str_sub(address, 0, 200)));
	return row < 0 ? -1
	               : run(request->policyd, "DELETE FROM collected WHERE uid = ?1 AND address = ?2 AND ?3 = 0", uid,
	                     address, 0, err);
}

/* Of all users, or of one: what was not used for so many days. */
int collected_request_purge(const struct request *request, struct err *err)
{
	int64_t uid = 0, days;

	if (!ipc_get_number(request->message, "days", 0, DAYS_MAX, &days))
		return err_set(err, ERR_SYNTAX, "--unused-days is a number of days from 0 to %d", DAYS_MAX);
	if (ipc_get(request->message, "user").len > 0 && collected_find_user(request, &uid, err) != 0)
		return -1;
	return run(request->policyd, "DELETE FROM collected WHERE (?1 = 0 OR uid = ?1) AND ?2 = '' AND used <= ?3", uid,
	           STR(""), request->now - days * DAY_MS, err);
}
