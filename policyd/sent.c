#include "policyd/policyd.h"

enum { KEPT_HOURS = 8784 + 24 }; /* the longest period, and some */

static int read_used(struct policyd *policyd, int64_t uid, int64_t since, struct send_amounts *used_out,
                     struct err *err)
{
	/* in the order of enum send_measure */
	static const char sql[] =
	    "SELECT count(*), sum(recipients), sum(octets), sum(octets * recipients), sum(remote > 0), sum(remote),"
	    " sum(octets * (remote > 0)), sum(octets * remote) FROM sent WHERE uid = ? AND time > ?";
	struct db_statement query;
	int row;

	if (db_prepare(&policyd->db, &query, sql, err) != 0)
		return -1;
	db_bind_number(&query, 1, uid);
	db_bind_number(&query, 2, since);
	row = db_step(&query, err);
	for (int i = 0; row == 1 && i < SEND_MEASURES; i++)
		used_out->of[i] = db_number(&query, i);
	db_finalize(&query);
	return row == 1 ? 0 : -1;
}

static int read_quota(struct policyd *policyd, int64_t uid, int64_t extra, int64_t now, struct send_quota *quota_out,
                      struct err *err)
{
	struct attributes attributes;
	struct arena arena;
	int result;

	arena_init(&arena);
	result = attributes_load(&policyd->settings, uid, &arena, &attributes, err);
	if (result == 0)
		send_quota_read(&attributes, extra, now, quota_out);
	arena_free(&arena);
	return result;
}

static int store(struct policyd *policyd, const struct sent_message *message, int64_t now, struct err *err)
{
	struct db_statement insert;
	int result;

	if (events_begin(policyd, err) != 0 ||
	    db_prepare(&policyd->db, &insert, "INSERT INTO sent VALUES(?, ?, ?, ?, ?)", err) != 0)
		return -1;
	db_bind_number(&insert, 1, message->uid);
	db_bind_number(&insert, 2, now);
	db_bind_number(&insert, 3, message->octets);
	db_bind_number(&insert, 4, message->recipients);
	db_bind_number(&insert, 5, message->remote);
	result = db_run(&insert, err);
	db_finalize(&insert);
	return result;
}

int sent_ask(struct policyd *policyd, const struct sent_message *message, bool take, int64_t now,
             enum send_measure *exceeded_out, struct err *err)
{
	const struct send_amounts more = send_amounts_of(message->octets, message->recipients, message->remote);
	int64_t extra = settings_number(&policyd->settings, SETTING_SEND_QUOTA_EXTRA);
	struct send_amounts used = {{0}};
	struct send_quota quota;

	*exceeded_out = SEND_NOTHING;
	if (read_quota(policyd, message->uid, extra, now, &quota, err) != 0)
		return -1;
	if (!quota.is_limited)
		return 0;
	if (read_used(policyd, message->uid, quota.since, &used, err) != 0)
		return -1;
	*exceeded_out = send_quota_exceeded(&quota, &used, &more);
	return take && *exceeded_out == SEND_NOTHING ? store(policyd, message, now, err) : 0;
}

int sent_usage(struct policyd *policyd, int64_t uid, int64_t now, struct send_quota *quota_out,
               struct send_amounts *used_out, struct err *err)
{
	return read_quota(policyd, uid, 0, now, quota_out, err) != 0
	           ? -1
	           : read_used(policyd, uid, quota_out->since, used_out, err);
}

void sent_prune(struct policyd *policyd, int64_t now)
{
	events_remove(policyd, "DELETE FROM sent WHERE time < ?", now - KEPT_HOURS * (int64_t)3600 * 1000);
}
