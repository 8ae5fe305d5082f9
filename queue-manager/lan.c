#include "queue-manager/queue.h"

#include "common/addr/smtp_target.h"
#include "common/base/log.h"
#include "common/lan/destination.h"

enum { SMTP_PORT = 25 };

/* The server of a rule. 1 = found, 0 = there is no such rule, -1 = error. */
static int find_rule(struct queue *queue, int64_t rule, struct arena *arena, struct server *server, struct err *err)
{
	struct db_statement statement;
	int row;

	if (db_prepare(&queue->settings.objects, &statement,
	               "SELECT value FROM item_field JOIN item ON item.id = item_field.item "
	               "WHERE item.id = ?1 AND kind = 'lan-rule' AND key = 'server'",
	               err) != 0)
		return -1;
	db_bind_number(&statement, 1, rule);
	row = db_step(&statement, err);
	if (row == 1 && server_parse(arena_copy(arena, db_text(&statement, 0)), SMTP_PORT, arena, server, err) != 0)
		row = -1;
	db_finalize(&statement);
	return row;
}

bool lan_set_target(struct message *message, struct delivery *delivery, int64_t rule, const struct str *from,
                    struct str target)
{
	struct lan_destination destination = {.rule = rule, .user = STR(""), .password = STR("")};
	struct smtp_target parsed;
	struct err err;
	int found = 1;

	destination.has_from = from != NULL;
	destination.from = from != NULL ? *from : STR("");
	if (rule != 0) {
		found = find_rule(message->queue, rule, &message->arena, &destination.server, &err);
		delivery->target = arena_copy(&message->arena, target);
	} else if (smtp_target_parse(arena_copy(&message->arena, target), &message->arena, &parsed, &err) == 0) {
		destination.server = parsed.server;
		destination.user = parsed.user;
		destination.password = parsed.password;
		delivery->target = parsed.address;
	} else {
		found = -1;
	}
	if (found == 1 && lan_destination_format(&destination, &message->arena, &delivery->destination, &err) != 0)
		found = -1;
	if (found == 0)
		err_set(&err, ERR_NOT_FOUND, "there is no LAN rule %lld any more", (long long)rule);
	if (found != 1)
		log_error("id=%s LAN forwarding: %s", message->id, err.text);
	else if (rule != 0)
		buf_add(&message->queue->lan_matched, &rule, sizeof rule);
	return found == 1;
}

int lan_write_matches(struct queue *queue, struct err *err)
{
	struct db_statement statement;
	int result = 0;

	if (queue->lan_matched.len == 0)
		return 0;
	if (db_prepare(table_db(queue), &statement,
	               "INSERT INTO lan_match VALUES(?1, 1) ON CONFLICT(rule) DO UPDATE SET matches = matches + 1",
	               err) != 0)
		return -1;
	for (size_t at = 0; at < queue->lan_matched.len && result == 0; at += sizeof(int64_t)) {
		int64_t rule;

		memcpy(&rule, queue->lan_matched.data + at, sizeof rule);
		db_bind_number(&statement, 1, rule);
		result = db_run(&statement, err);
	}
	db_finalize(&statement);
	return result;
}
