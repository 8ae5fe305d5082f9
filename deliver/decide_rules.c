/* decider: message rules of a user, and the copies they send. */
#include "common/base/log.h"
#include "common/items/kinds.h"
#include "common/mime/encode.h"
#include "deliver/decider.h"

static int load(const struct client *client, struct message_rule **rules_out, size_t *count_out, struct err *err)
{
	struct items items;

	if (items_load(&client->subject->desk->settings.objects, ITEM_MESSAGE_RULE, client->user->uid, client->arena,
	               &items, err) != 0)
		return -1;
	*rules_out = arena_get(client->arena, (items.count + 1) * sizeof **rules_out);
	for (size_t i = 0; i < items.count; i++) {
		struct message_rule_text text = item_message_rule_text(&items.list[i]);

		/* It was checked when it was stored; a version that checks more passes over it. */
		if (message_rule_parse(&text, client->arena, &(*rules_out)[*count_out], err) == 0)
			(*count_out)++;
		else
			log_warning("message rule %zu of user %.*s is passed over: %s", i + 1, STR_ARG(client->name), err->text);
	}
	return 0;
}

/* RFC 5322 3.6.6: who sent it again, and when; on top. */
static void add_resent(const struct client *client, struct made *made)
{
	struct buf head;

	buf_init(&head, DECISION_HEADER_MAX);
	buf_add_str(&head, STR("Resent-Date: "));
	mime_format_date(client->subject->order->now, &head);
	buf_add_str(&head, STR("\r\nResent-From: "));
	mime_encode_phrase(client->forwarder, strlen("Resent-From: "), &head);
	buf_printf(&head, " <%.*s>\r\n%.*s", STR_ARG(made->from), STR_ARG(made->head));
	made->head = arena_copy(client->arena, buf_str(&head));
	buf_free(&head);
}

static void forward(struct client *client)
{
	for (size_t i = 0; i < client->outcome.forward_count; i++) {
		const struct message_forward *forward = &client->outcome.forwards[i];
		struct made *made;

		if (client->was_here) {
			log_warning(
			    "id=%.*s is not forwarded to <%.*s> by %.*s's rules: it has come from there, or goes in circles",
			    STR_ARG(client->subject->order->id), STR_ARG(forward->address), STR_ARG(client->name));
			continue;
		}
		made = client_make_copy(client, MADE_RULE, arena_printf(client->arena, "rule-%zu", i + 1),
		                        forward->from.len > 0 ? forward->from : client->address);
		if (made == NULL)
			return;
		if (client->forwarder.len > 0)
			add_resent(client, made);
		client_add_to(client, made, forward->address);
	}
}

int decide_rules(struct client *client, struct err *err)
{
	struct message_rule *rules;
	size_t count = 0;

	if (load(client, &rules, &count, err) != 0)
		return -1;
	message_rules_run(rules, count, &client->facts, &client->outcome);
	for (size_t i = 0; i < client->delivery.matched_count; i++)
		log_info("id=%.*s message rule \"%.*s\" of user %.*s matched", STR_ARG(client->subject->order->id),
		         STR_ARG(client->delivery.matched[i]), STR_ARG(client->name));
	for (size_t i = 0; i < count; i++)
		message_rule_free(&rules[i]);
	decide_pre_deliver(client);
	forward(client);
	return 0;
}
