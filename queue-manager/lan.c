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

bool lan_set_target(struct message *message, struct delivery *delivery, int64_t rule, struct str target)
{
	struct lan_destination destination = {.rule = rule, .user = STR(""), .password = STR("")};
	struct smtp_target parsed;
	struct err err;
	int found = 1;

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
	return found == 1;
}
