#include "queue-manager/table.h"

static const char *const steps[] = {
    "CREATE TABLE clock(one INTEGER PRIMARY KEY CHECK (one = 1), boot TEXT, offset INTEGER, last INTEGER);"
    "CREATE TABLE message("
    "  key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, time INTEGER, size INTEGER, sender TEXT,"
    "  born INTEGER NOT NULL,"
    "  next INTEGER,"                      /* queue time; NULL while in memory */
    "  trying INTEGER NOT NULL DEFAULT 0," /* a crash now is counted */
    "  crashes INTEGER NOT NULL DEFAULT 0, held INTEGER NOT NULL DEFAULT 0,"
    "  warned INTEGER NOT NULL DEFAULT 0, reports INTEGER NOT NULL DEFAULT 0);"
    "CREATE INDEX message_next ON message(next) WHERE held = 0 AND next IS NOT NULL;"
    "CREATE TABLE delivery("
    "  message INTEGER NOT NULL, position INTEGER NOT NULL, recipient INTEGER NOT NULL, kind INTEGER NOT NULL,"
    "  state INTEGER NOT NULL, uid INTEGER NOT NULL, address TEXT NOT NULL, target TEXT NOT NULL,"
    "  attempts INTEGER NOT NULL, next INTEGER NOT NULL, destination TEXT NOT NULL, answer TEXT NOT NULL,"
    "  report INTEGER NOT NULL, PRIMARY KEY(message, position)) WITHOUT ROWID;"
    "CREATE INDEX delivery_parked ON delivery(destination) WHERE state = 1;"
    "CREATE INDEX message_doomed ON message(key) WHERE held = 2;"
    "CREATE INDEX delivery_report ON delivery(message) WHERE report <> 0;",
    "ALTER TABLE message ADD COLUMN user TEXT NOT NULL DEFAULT '';" /* who logged in to send it */
    "CREATE INDEX message_user ON message(user) WHERE user <> '';",
    "ALTER TABLE message ADD COLUMN prepared INTEGER NOT NULL DEFAULT 0;" /* enum prepared */
    "ALTER TABLE message ADD COLUMN outgoing_from TEXT NOT NULL DEFAULT '';",
    "CREATE TABLE lan_match(rule INTEGER PRIMARY KEY, matches INTEGER NOT NULL);" /* recipients that a rule took */
    "CREATE INDEX delivery_lan ON delivery(message) WHERE kind = 4;",
    "ALTER TABLE message ADD COLUMN peer TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE message ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE message ADD COLUMN hold_until INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE message ADD COLUMN expires INTEGER;" /* NULL: never */
    "ALTER TABLE message ADD COLUMN final INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX message_expires ON message(expires) WHERE expires IS NOT NULL;"
    "ALTER TABLE delivery ADD COLUMN rank INTEGER NOT NULL DEFAULT 0;"
    "DROP INDEX delivery_parked;"
    "CREATE INDEX delivery_parked ON delivery(destination, rank) WHERE state = 1;"
    "CREATE TABLE sending(sender INTEGER NOT NULL, at INTEGER NOT NULL, recipients INTEGER NOT NULL);"
    "CREATE INDEX sending_sender ON sending(sender, at);"
    "CREATE TABLE past(key INTEGER PRIMARY KEY, id TEXT NOT NULL, time INTEGER, size INTEGER, sender TEXT, user TEXT,"
    "  peer TEXT, ended INTEGER NOT NULL);" /* seconds since 1970 */
    "CREATE INDEX past_ended ON past(ended);"
    "CREATE TABLE past_recipient(message INTEGER NOT NULL, position INTEGER NOT NULL, address TEXT, target TEXT,"
    "  state INTEGER, attempts INTEGER, answer TEXT, PRIMARY KEY(message, position)) WITHOUT ROWID;",
    "ALTER TABLE message ADD COLUMN release INTEGER NOT NULL DEFAULT 0;" /* seconds since 1970; scheduled.c */
    "CREATE INDEX message_release ON message(release) WHERE release > 0;",
    "CREATE INDEX message_suspect ON message(next) WHERE held = 0 AND crashes >= 2;",
};

/* The statements, in the order of enum table_statement. */
static const char *const sql[TABLE_STATEMENTS] = {
    [TABLE_INSERT] =
        "INSERT INTO message(id, time, size, sender, born, next, trying, crashes, held, warned, reports, prepared, "
        "outgoing_from, priority, hold_until, expires, final, release, user, peer) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, "
        "?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)",
    [TABLE_UPDATE] = "UPDATE message SET time = ?2, size = ?3, sender = ?4, born = ?5, next = ?6, trying = ?7, "
                     "crashes = ?8, held = ?9, warned = ?10, reports = ?11, prepared = ?12, outgoing_from = ?13, "
                     "priority = ?14, hold_until = ?15, expires = ?16, final = ?17, release = ?18 "
                     "WHERE key = ?19",
    [TABLE_DELIVERY] =
        "INSERT OR REPLACE INTO delivery(message, position, recipient, kind, state, uid, address, target, "
        "attempts, next, destination, answer, report, rank) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, "
        "?11, ?12, ?13, ?14)",
    [TABLE_FORGET] = "DELETE FROM message WHERE key = ?1",
    [TABLE_FORGET_DELIVERIES] = "DELETE FROM delivery WHERE message = ?1",
    /* what went to other servers is remembered for some days: past.c */
    [TABLE_PAST] =
        "INSERT INTO past(key, id, time, size, sender, user, peer, ended) SELECT (SELECT coalesce(max(key), 0) "
        "+ 1 FROM past), id, time, size, sender, user, peer, ?2 FROM message WHERE key = ?1 AND EXISTS (SELECT "
        "1 FROM delivery WHERE message = ?1 AND kind = 2 AND state IN (2, 3))",
    [TABLE_PAST_RECIPIENTS] =
        "INSERT INTO past_recipient SELECT ?2, position, address, target, state, attempts, answer "
        "FROM delivery WHERE message = ?1 AND kind = 2 AND state IN (2, 3)",
    [TABLE_CLOCK] = "INSERT OR REPLACE INTO clock(one, boot, offset, last) VALUES(1, ?1, ?2, ?3)",
    [TABLE_READ] =
        "SELECT born, crashes, held, warned, reports, trying, prepared, outgoing_from, priority, hold_until, "
        "coalesce(expires, 0), final, release FROM message WHERE key = ?1",
    [TABLE_READ_DELIVERIES] =
        "SELECT position, recipient, kind, state, uid, target, attempts, next, destination, answer, "
        "report, rank FROM delivery WHERE message = ?1 ORDER BY position",
    [TABLE_DUE] = "SELECT key, id FROM message WHERE held = 0 AND next <= ?1 AND crashes < 2 ORDER BY next LIMIT ?2",
    /* the numbers stand in the text so that the index of suspects is used: without it each look reads all that is due
     */
    [TABLE_SUSPECTS] = "SELECT key, id FROM message WHERE held = 0 AND next <= ?1 AND crashes >= 2 LIMIT ?2",
    [TABLE_PARKED_FOR] =
        "SELECT m.key, m.id FROM delivery d CROSS JOIN message m ON m.key = d.message "
        "WHERE d.destination = ?1 AND d.state = 1 AND m.held = 0 AND m.next IS NOT NULL ORDER BY d.rank",
    [TABLE_MARK] = "UPDATE message SET next = NULL, trying = 1 WHERE key = ?1",
};

int table_prepare(struct table *table, struct err *err)
{
	if (db_migrate(&table->db, steps, sizeof steps / sizeof steps[0], err) != 0)
		return -1;
	for (int i = 0; i < TABLE_STATEMENTS; i++)
		if (db_prepare(&table->db, &table->statements[i], sql[i], err) != 0)
			return -1;
	return 0;
}
