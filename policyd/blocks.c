#include "policyd/policyd.h"

#include "common/base/log.h"
#include "common/base/memory.h"

enum { MINUTE_MS = 60 * 1000 };

static bool holds(const struct cidr *network, const struct cidr *key)
{
	/* a block of one IPv6 address shuts its whole /64 out, which is one client */
	return cidr_holds(network, key) || (key->is_ipv6 && cidr_holds(key, network));
}

/* How long a block that ended is of interest, in milliseconds: as long as what was before it could count again. */
static int64_t remembered(const struct policyd *policyd)
{
	int64_t score = events_period(policyd);
	int64_t logins = settings_number(&policyd->settings, SETTING_INTRUSION_PERIOD) * MINUTE_MS;

	return score > logins ? score : logins;
}

static void list_add(struct block_list *list, const struct block *block)
{
	if (list->count == list->capacity) {
		list->capacity = list->capacity != 0 ? 2 * list->capacity : 16;
		list->list = memory_resize(list->list, list->capacity * sizeof *list->list);
	}
	list->list[list->count++] = *block;
}

/* sql has one place, for a time. */
static int load(struct policyd *policyd, struct block_list *list, const char *sql, int64_t since, struct err *err)
{
	struct db_statement query;
	int row;

	list->count = 0;
	if (db_prepare(&policyd->db, &query, sql, err) != 0)
		return -1;
	db_bind_number(&query, 1, since);
	while ((row = db_step(&query, err)) == 1) {
		struct block block = {
		    .id = db_number(&query, 0), .added = db_number(&query, 2), .expires = db_number(&query, 3)};

		if (cidr_parse(db_text(&query, 1), &block.network, NULL, NULL) == 0)
			list_add(list, &block);
	}
	db_finalize(&query);
	return row;
}

int blocks_load(struct policyd *policyd, struct err *err)
{
	static const char blocks[] = "SELECT id, network, added, expires FROM block WHERE removed = 0 AND expires > ?";
	static const char nevers[] = "SELECT rowid, network, added, 9223372036854775807 FROM never WHERE added >= ?";

	return load(policyd, &policyd->blocks, blocks, policyd_time() - remembered(policyd), err) != 0 ||
	               load(policyd, &policyd->nevers, nevers, 0, err) != 0
	           ? -1
	           : 0;
}

bool blocks_never(const struct policyd *policyd, const struct cidr *key)
{
	for (size_t i = 0; i < policyd->nevers.count; i++)
		if (holds(&policyd->nevers.list[i].network, key))
			return true;
	return false;
}

bool blocks_hold(const struct policyd *policyd, const struct cidr *key, int64_t now)
{
	for (size_t i = 0; i < policyd->blocks.count; i++)
		if (policyd->blocks.list[i].expires > now && holds(&policyd->blocks.list[i].network, key))
			return !blocks_never(policyd, key);
	return false;
}

const struct block *blocks_ended(const struct policyd *policyd, const struct cidr *key, int64_t since, int64_t now)
{
	const struct block *found = NULL;

	for (size_t i = 0; i < policyd->blocks.count; i++) {
		const struct block *block = &policyd->blocks.list[i];

		if (block->expires > since && block->expires <= now && holds(&block->network, key) &&
		    (found == NULL || block->expires > found->expires))
			found = block;
	}
	return found;
}

static struct str network_text(const struct cidr *network, struct buf *text)
{
	buf_init(text, CIDR_TEXT_MAX);
	cidr_format(network, text);
	return buf_str(text);
}

/*
 * Run a change with a network, numbers and a text in the places of sql, in a transaction of its own: events that wait
 * for theirs are committed first.
 */
static int run(struct policyd *policyd, const char *sql, const struct cidr *network, const int64_t *numbers, int count,
               struct str last, struct err *err)
{
	struct db_statement statement;
	struct buf text;
	int result;

	if (db_prepare(&policyd->db, &statement, sql, err) != 0)
		return -1;
	db_bind_text(&statement, 1, network_text(network, &text));
	for (int i = 0; i < count; i++)
		db_bind_number(&statement, 2 + i, numbers[i]);
	if (last.data != NULL)
		db_bind_text(&statement, 2 + count, last);
	events_commit(policyd);
	result = db_run(&statement, err);
	db_finalize(&statement);
	buf_free(&text);
	return result;
}

/* Forget the entries of exactly that network that last beyond now. Returns how many there were. */
static size_t drop(struct block_list *list, const struct cidr *network, int64_t now)
{
	size_t kept = 0, count = list->count;

	for (size_t i = 0; i < count; i++)
		if (!cidr_equal(&list->list[i].network, network) || list->list[i].expires <= now)
			list->list[kept++] = list->list[i];
	list->count = kept;
	return count - kept;
}

int blocks_add(struct policyd *policyd, const struct cidr *network, int64_t now, int64_t expires, struct str reason,
               struct err *err)
{
	static const char replace[] = "UPDATE block SET removed = 1 WHERE network = ? AND expires > ?";
	static const char insert[] = "INSERT INTO block(network, added, expires, reason) VALUES(?, ?, ?, ?)";
	struct block block = {.network = *network, .added = now, .expires = expires};
	const int64_t times[] = {now, expires};
	struct buf text;
	struct str name;

	if (policyd->blocks.count >= BLOCKS_MAX)
		return err_set(err, ERR_LIMIT, "there are too many entries on the block list");
	if (run(policyd, replace, network, &now, 1, (struct str){0}, err) != 0 ||
	    run(policyd, insert, network, times, 2, reason, err) != 0)
		return -1;
	block.id = sqlite3_last_insert_rowid(policyd->db.handle);
	drop(&policyd->blocks, network, now);
	list_add(&policyd->blocks, &block);
	known_mark_block(policyd, &block);
	name = network_text(network, &text);
	log_info("address blocked, network=%.*s until=%lld by=%.*s", STR_ARG(name), (long long)(expires / 1000),
	         STR_ARG(reason));
	buf_free(&text);
	return 0;
}

int blocks_delete(struct policyd *policyd, const struct cidr *network, int64_t now, struct err *err)
{
	static const char remove[] = "UPDATE block SET removed = 1 WHERE network = ? AND expires > ?";
	struct buf text;
	struct str name;

	if (run(policyd, remove, network, &now, 1, (struct str){0}, err) != 0)
		return -1;
	if (drop(&policyd->blocks, network, now) == 0) {
		name = network_text(network, &text);
		err_set(err, ERR_NOT_FOUND, "%.*s is not on the block list", STR_ARG(name));
		buf_free(&text);
		return -1;
	}
	return events_ignore(policyd, network, err);
}

int blocks_never_add(struct policyd *policyd, const struct cidr *network, int64_t now, struct err *err)
{
	struct block entry = {.network = *network, .added = now, .expires = INT64_MAX};

	if (policyd->nevers.count >= BLOCKS_MAX)
		return err_set(err, ERR_LIMIT, "there are too many entries on the never-block list");
	if (run(policyd, "INSERT OR REPLACE INTO never(network, added) VALUES(?, ?)", network, &now, 1, (struct str){0},
	        err) != 0)
		return -1;
	drop(&policyd->nevers, network, now);
	list_add(&policyd->nevers, &entry);
	for (size_t i = policyd->blocks.count; i-- > 0;) {
		const struct block block = policyd->blocks.list[i];

		if (block.expires > now && holds(network, &block.network) &&
		    blocks_delete(policyd, &block.network, now, err) != 0)
			return -1;
	}
	return 0;
}

int blocks_never_delete(struct policyd *policyd, const struct cidr *network, struct err *err)
{
	struct buf text;
	struct str name;

	if (run(policyd, "DELETE FROM never WHERE network = ?", network, NULL, 0, (struct str){0}, err) != 0)
		return -1;
	if (drop(&policyd->nevers, network, -1) > 0)
		return 0;
	name = network_text(network, &text);
	err_set(err, ERR_NOT_FOUND, "%.*s is not on the never-block list", STR_ARG(name));
	buf_free(&text);
	return -1;
}

void blocks_prune(struct policyd *policyd, int64_t now)
{
	struct block_list *blocks = &policyd->blocks;
	size_t kept = 0;

	for (size_t i = 0; i < blocks->count; i++)
		if (blocks->list[i].expires > now - remembered(policyd))
			blocks->list[kept++] = blocks->list[i];
	blocks->count = kept;
}
