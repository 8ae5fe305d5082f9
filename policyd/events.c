#include "policyd/policyd.h"

#include "common/base/log.h"

#include <inttypes.h>
#include <stdio.h>

enum { COMMIT_MS = 200, MINUTE_MS = 60 * 1000 };

static const char *const schema[] = {
    "CREATE TABLE event(id INTEGER PRIMARY KEY, key TEXT NOT NULL, address TEXT NOT NULL, time INTEGER NOT NULL,"
    " number INTEGER NOT NULL, service TEXT NOT NULL, data TEXT NOT NULL, ignored INTEGER NOT NULL DEFAULT 0);"
    "CREATE INDEX event_key ON event(key, time);"
    "CREATE INDEX event_time ON event(time);"
    "CREATE TABLE block(id INTEGER PRIMARY KEY, network TEXT NOT NULL, added INTEGER NOT NULL,"
    " expires INTEGER NOT NULL, reason TEXT NOT NULL, removed INTEGER NOT NULL DEFAULT 0);"
    "CREATE TABLE never(network TEXT PRIMARY KEY, added INTEGER NOT NULL);"
    "INSERT INTO never VALUES('127.0.0.1', 0), ('::1', 0);",
    "CREATE TABLE grey(client TEXT NOT NULL, sender TEXT NOT NULL COLLATE NOCASE,"
    " recipient TEXT NOT NULL COLLATE NOCASE, first INTEGER NOT NULL);"
    "CREATE UNIQUE INDEX grey_attempt ON grey(client, sender, recipient);"
    "CREATE TABLE grey_passed(client TEXT PRIMARY KEY, used INTEGER NOT NULL);",
    "CREATE TABLE dmarc(day INTEGER NOT NULL, domain TEXT NOT NULL, row TEXT NOT NULL, count INTEGER NOT NULL,"
    " PRIMARY KEY(day, domain, row)) WITHOUT ROWID;"
    "CREATE TABLE dmarc_sent(day INTEGER NOT NULL, domain TEXT NOT NULL, PRIMARY KEY(day, domain)) WITHOUT ROWID;",
    "CREATE TABLE sent(uid INTEGER NOT NULL, time INTEGER NOT NULL, octets INTEGER NOT NULL,"
    " recipients INTEGER NOT NULL, remote INTEGER NOT NULL);"
    "CREATE INDEX sent_uid ON sent(uid, time);"
    "CREATE INDEX sent_time ON sent(time);",
    "CREATE TABLE collected(uid INTEGER NOT NULL, address TEXT NOT NULL COLLATE NOCASE, used INTEGER NOT NULL,"
    " count INTEGER NOT NULL, PRIMARY KEY(uid, address)) WITHOUT ROWID;",
    "CREATE TABLE tls(day INTEGER NOT NULL, domain TEXT NOT NULL, row TEXT NOT NULL, count INTEGER NOT NULL,"
    " PRIMARY KEY(day, domain, row)) WITHOUT ROWID;"
    "CREATE TABLE tls_sent(day INTEGER NOT NULL, domain TEXT NOT NULL, PRIMARY KEY(day, domain)) WITHOUT ROWID;",
    "CREATE TABLE contact(id INTEGER PRIMARY KEY AUTOINCREMENT, uid INTEGER NOT NULL," /* 0: everybody's */
    " card TEXT NOT NULL, name TEXT NOT NULL, addresses TEXT NOT NULL, groups TEXT NOT NULL, changed INTEGER NOT NULL);"
    "CREATE INDEX contact_uid ON contact(uid);",
};

static const enum setting weights[POLICY_EVENTS] = {
    [POLICY_BAD_LOGIN] = SETTING_IDS_BAD_LOGIN,
    [POLICY_RELAY_DENIED] = SETTING_IDS_RELAY_DENIED,
    [POLICY_RELAY_ALLOWED] = SETTING_IDS_RELAY_ALLOWED,
    [POLICY_BAD_RECIPIENT] = SETTING_IDS_BAD_RECIPIENT,
    [POLICY_GOOD_RECIPIENT] = SETTING_IDS_GOOD_RECIPIENT,
    [POLICY_SPAM] = SETTING_IDS_SPAM,
    [POLICY_VIRUS] = SETTING_IDS_VIRUS,
    [POLICY_RULE] = SETTING_IDS_RULE,
    [POLICY_DNSBL] = SETTING_IDS_DNSBL,
    [POLICY_SYNTAX] = SETTING_IDS_SYNTAX,
    [POLICY_TOO_BIG] = SETTING_IDS_TOO_BIG,
    [POLICY_ATTACHMENT] = SETTING_IDS_ATTACHMENT,
    [POLICY_PARTIAL] = SETTING_IDS_PARTIAL,
    [POLICY_SPF] = SETTING_IDS_SPF,
};

int64_t events_period(const struct policyd *policyd)
{
	return settings_number(&policyd->settings, SETTING_IDS_PERIOD) * MINUTE_MS;
}

static struct str key_text(const struct cidr *key, struct buf *text)
{
	buf_init(text, CIDR_TEXT_MAX);
	cidr_format(key, text);
	return buf_str(text);
}

static void on_commit(evutil_socket_t fd, short what, void *context)
{
	(void)fd, (void)what;
	events_commit(context);
}

int events_open(struct policyd *policyd, struct err *err)
{
	char path[INSTANCE_PATH_MAX + 128];

	instance_path(path, sizeof path, policyd->daemon.instance.state, "policy/policy.db");
	policyd->commit = evtimer_new(policyd->base, on_commit, policyd);
	return db_open(&policyd->db, path, DB_CREATE, 1000, err) != 0 ||
	               db_migrate(&policyd->db, schema, sizeof schema / sizeof *schema, err) != 0
	           ? -1
	           : 0;
}

void events_commit(struct policyd *policyd)
{
	struct err err;

	if (policyd->uncommitted && db_commit(&policyd->db, &err) != 0)
		log_error("events are lost: %s", err.text);
	policyd->uncommitted = false;
}

int events_begin(struct policyd *policyd, struct err *err)
{
	const struct timeval pause = {0, COMMIT_MS * 1000};

	if (policyd->uncommitted)
		return 0;
	if (db_begin(&policyd->db, err) != 0)
		return -1;
	policyd->uncommitted = true;
	event_add(policyd->commit, &pause);
	return 0;
}

static int store(struct policyd *policyd, const struct policy_record *record, const struct cidr *key, struct err *err)
{
	struct db_statement insert;
	struct buf text;
	int result;

	if (events_begin(policyd, err) != 0 ||
	    db_prepare(&policyd->db, &insert,
	               "INSERT INTO event(key, address, time, number, service, data) VALUES(?, ?, ?, ?, ?, ?)", err) != 0)
		return -1;
	db_bind_text(&insert, 1, key_text(key, &text));
	db_bind_text(&insert, 2, record->peer);
	db_bind_number(&insert, 3, record->time);
	db_bind_number(&insert, 4, record->number);
	db_bind_text(&insert, 5, record->service);
	db_bind_text(&insert, 6, record->data);
	result = db_run(&insert, err);
	db_finalize(&insert);
	buf_free(&text);
	return result;
}

int events_count(struct policyd *policyd, const struct cidr *key, int64_t since, int64_t now,
                 int64_t counts[POLICY_EVENTS], struct err *err)
{
	struct db_statement query;
	struct buf text;
	int row;

	memset(counts, 0, POLICY_EVENTS * sizeof *counts);
	if (db_prepare(&policyd->db, &query,
	               "SELECT number, count(*) FROM event WHERE key = ? AND time > ? AND time <= ? AND ignored = 0"
	               " GROUP BY number",
	               err) != 0)
		return -1;
	db_bind_text(&query, 1, key_text(key, &text));
	db_bind_number(&query, 2, since);
	db_bind_number(&query, 3, now);
	while ((row = db_step(&query, err)) == 1)
		if (db_number(&query, 0) >= 0 && db_number(&query, 0) < POLICY_EVENTS)
			counts[db_number(&query, 0)] = db_number(&query, 1);
	db_finalize(&query);
	buf_free(&text);
	return row;
}

int events_score(struct policyd *policyd, const struct cidr *key, int64_t now, int64_t *score_out, struct err *err)
{
	int64_t counts[POLICY_EVENTS], since = now - events_period(policyd), score = 0;
	const struct block *ended = blocks_ended(policyd, key, since, now);

	if (ended != NULL) {
		score = settings_number(&policyd->settings, SETTING_IDS_REBLOCK);
		since = ended->added; /* what was before it is paid for */
	}
	if (events_count(policyd, key, since, now, counts, err) != 0)
		return -1;
	for (int i = 0; i < POLICY_EVENTS; i++)
		score += counts[i] * settings_number(&policyd->settings, weights[i]);
	*score_out = score;
	return 0;
}

int events_add(struct policyd *policyd, const struct policy_record *record, struct err *err)
{
	struct cidr key;

	if (!policy_key(record->peer, &key))
		return 0; /* of a program of this machine */
	idslog_add(&policyd->idslog, record);
	if (store(policyd, record, &key, err) != 0)
		return -1;
	if (settings_number(&policyd->settings, weights[record->number]) > 0)
		known_mark(policyd, &key);
	return record->number == POLICY_BAD_LOGIN ? judge_login(policyd, &key, record->time, err) : 0;
}

int events_ignore(struct policyd *policyd, const struct cidr *network, struct err *err)
{
	struct db_statement query, update;
	struct cidr address;
	int row;

	if (db_prepare(&policyd->db, &query, "SELECT id, address FROM event WHERE ignored = 0 AND time > ?", err) != 0)
		return -1;
	if (db_prepare(&policyd->db, &update, "UPDATE event SET ignored = 1 WHERE id = ?", err) != 0) {
		db_finalize(&query);
		return -1;
	}
	db_bind_number(&query, 1, policyd_time() - events_period(policyd));
	while ((row = db_step(&query, err)) == 1) {
		if (!policy_key(db_text(&query, 1), &address) || !cidr_holds(network, &address))
			continue;
		db_bind_number(&update, 1, db_number(&query, 0));
		if (db_run(&update, err) != 0) {
			row = -1;
			break;
		}
	}
	db_finalize(&update);
	db_finalize(&query);
	return row;
}

void events_remove(struct policyd *policyd, const char *sql, int64_t number)
{
	struct db_statement statement;
	struct err err;

	if (db_prepare(&policyd->db, &statement, sql, &err) == 0) {
		db_bind_number(&statement, 1, number);
		if (db_run(&statement, &err) == 0)
			err.code = ERR_NONE;
		db_finalize(&statement);
	}
	if (err.code != ERR_NONE)
		log_error("what is old cannot be removed: %s", err.text);
}

void events_prune(struct policyd *policyd, int64_t now)
{
	events_commit(policyd);
	events_remove(policyd, "DELETE FROM event WHERE time < ?", now - KEPT_DAYS * DAY_MS);
	events_remove(policyd, "DELETE FROM event WHERE id <= (SELECT max(id) FROM event) - ?", EVENTS_STORED_MAX);
	events_remove(policyd, "DELETE FROM block WHERE expires < ?", now - KEPT_DAYS * DAY_MS);
}

int events_each_key(struct policyd *policyd, int64_t since, void (*visit)(const struct cidr *key, void *context),
                    void *context, struct err *err)
{
	struct db_statement query;
	struct cidr key;
	int row;

	if (db_prepare(&policyd->db, &query, "SELECT DISTINCT key, number FROM event WHERE time > ? AND ignored = 0",
	               err) != 0)
		return -1;
	db_bind_number(&query, 1, since);
	while ((row = db_step(&query, err)) == 1) {
		int64_t number = db_number(&query, 1);

		if (number >= 0 && number < POLICY_EVENTS && settings_number(&policyd->settings, weights[number]) > 0 &&
		    cidr_parse(db_text(&query, 0), &key, NULL, NULL) == 0)
			visit(&key, context);
	}
	db_finalize(&query);
	return row;
}
