/*
 * decider: the script delivery.lua, which has the last word on what a user's rules decided: PreDeliver before forwards
 * are made, DeliverMessage where the message is kept (specification 02, "Delivery script"). What it says that cannot be
 * (a folder's name with control characters) is left out, which the log tells; one that fails changes nothing.
 */
#include "common/addr/addr.h"
#include "common/base/log.h"
#include "common/mime/header.h"
#include "deliver/decider.h"

enum { HEADERS_MAX = 1000 };

/* What the script sees; the order is that of the enumeration. Those before CHANGED never come back. */
enum global {
	USER,
	SUBJECT,
	ORIGINATOR,
	FILE_NAME,
	MESSAGE_SIZE,
	HELD,
	SPAM_SCORE,
	HEADERS,
	QUARANTINE,
	FORWARDS,
	HEADER_MODS,
	FORWARDING_ADDRESS,
	FORWARDING_TEXT,
	SEEN,
	FLAGGED,
	KEYWORDS,
	FOLDERS,
	GLOBALS,
	CHANGED = QUARANTINE,   /* what PreDeliver may change begins here, */
	CHANGED_FOLDERS = SEEN, /* and what DeliverMessage may here */
};

static struct script_value header_list(struct client *client)
{
	struct script_value *list = arena_get(client->arena, HEADERS_MAX * sizeof *list);
	struct str rest = client->subject->header;
	struct mime_field field;
	size_t count = 0;

	while (count < HEADERS_MAX && mime_field_next(&rest, &field)) {
		struct str *pair = arena_get(client->arena, 2 * sizeof *pair);

		if (field.name.len == 0)
			continue;
		pair[0] = field.name;
		pair[1] = str_trim(mime_unfold(field.value, client->arena));
		list[count++] = script_list(pair, 2);
	}
	return script_array(list, count);
}

static struct script_value forward_list(struct client *client)
{
	const struct message_outcome *outcome = &client->outcome;
	struct str *list = arena_get(client->arena, (outcome->forward_count + 1) * sizeof *list);

	for (size_t i = 0; i < outcome->forward_count; i++)
		list[i] = outcome->forwards[i].address;
	return script_list(list, outcome->forward_count);
}

/* Where copies go as rules decided; "" of the decision is the Inbox. */
static struct script_value folder_list(struct client *client)
{
	const struct decision *decision = client->decision;
	struct str *list = arena_get(client->arena, (decision->folder_count + 1) * sizeof *list);

	for (size_t i = 0; i < decision->folder_count; i++)
		list[i] = decision->folders[i].len > 0 ? decision->folders[i] : STR("INBOX");
	return script_list(list, decision->folder_count);
}

static struct str forwarding_address(const struct client *client)
{
	const struct message_outcome *outcome = &client->outcome;

	return outcome->forward_count > 0 && outcome->forwards[0].from.len > 0 ? outcome->forwards[0].from
	                                                                       : client->address;
}

static void fill(struct client *client, struct script_field fields[GLOBALS])
{
	const struct facts_delivery *delivery = &client->delivery;
	struct mime_field subject;
	struct str text = STR("");

	if (mime_field_find(client->subject->header, STR("Subject"), &subject))
		text = str_trim(mime_decode_words(subject.value, client->arena));
	fields[USER] = (struct script_field){"User", script_text(client->name)};
	fields[SUBJECT] = (struct script_field){"Subject", script_text(text)};
	fields[ORIGINATOR] = (struct script_field){"Originator", script_text(client->subject->order->from)};
	fields[FILE_NAME] = (struct script_field){"Filename", script_text(client->subject->order->id)};
	fields[MESSAGE_SIZE] = (struct script_field){"MessageSize", script_number(client->subject->order->size)};
	fields[HELD] = (struct script_field){"Held", script_flag(false)};
	fields[SPAM_SCORE] = (struct script_field){"SpamScore", script_number((int64_t)delivery->spam_score)};
	fields[HEADERS] = (struct script_field){"Headers", header_list(client)};
	fields[QUARANTINE] = (struct script_field){"Quarantine", script_flag(delivery->quarantined)};
	fields[FORWARDS] = (struct script_field){"Forwards", forward_list(client)};
	fields[HEADER_MODS] =
	    (struct script_field){"HeaderMods", script_list(client->outcome.lines, client->outcome.line_count)};
	fields[FORWARDING_ADDRESS] =
	    (struct script_field){"ForwardingSenderAddress", script_text(forwarding_address(client))};
	fields[FORWARDING_TEXT] = (struct script_field){"ForwardingSenderText", script_text(STR(""))};
	fields[SEEN] = (struct script_field){"Seen", script_flag(delivery->seen)};
	fields[FLAGGED] = (struct script_field){"Flagged", script_flag(delivery->flagged)};
	fields[KEYWORDS] = (struct script_field){"Keywords", script_list(delivery->keywords, delivery->keyword_count)};
	fields[FOLDERS] = (struct script_field){"Folders", folder_list(client)};
}

/* Did it run, and may what it left be looked at? */
static bool call(struct client *client, const char *function, struct script_field fields[GLOBALS], enum global first,
                 enum global end)
{
	struct script *script = &client->delivery_script;

	if (!script_has_function(script, function))
		return false;
	fill(client, fields);
	return script_set_globals(script, fields, GLOBALS) == 1 &&
	       script_call(script, function, NULL, 0, NULL, 0, client->arena) == 1 &&
	       script_get_globals(script, fields + first, end - first, client->arena) == 1;
}

static void leave_out(const struct client *client, const char *what, const struct err *err)
{
	log_warning("id=%.*s delivery.lua of user %.*s: %s is left out: %s", STR_ARG(client->subject->order->id),
	            STR_ARG(client->name), what, err->text);
}

/* Copies go out from one address then, whatever the rules said of each. */
static void take_forwards(struct client *client, const struct script_field fields[GLOBALS])
{
	struct message_outcome *outcome = &client->outcome;
	const struct script_value *list = &fields[FORWARDS].value;
	struct str from = str_trim(fields[FORWARDING_ADDRESS].value.text);
	struct addr addr;
	struct err err;

	if (addr_parse_mailbox(from, client->arena, &addr, &err) != 0) {
		leave_out(client, "ForwardingSenderAddress", &err);
		from = client->address;
	}
	outcome->forward_count = 0;
	for (size_t i = 0; i < list->count && outcome->forward_count < MESSAGE_FORWARDS_MAX; i++)
		outcome->forwards[outcome->forward_count++] =
		    (struct message_forward){.address = str_trim(list->items[i]), .from = from};
	client->forwarder = str_trim(fields[FORWARDING_TEXT].value.text);
}

static void take_lines(struct client *client, const struct script_value *list)
{
	struct message_outcome *outcome = &client->outcome;
	struct err err;

	outcome->line_count = 0;
	for (size_t i = 0; i < list->count && outcome->line_count < MESSAGE_LINES_MAX; i++) {
		if (message_header_check(list->items[i], &err) == 0)
			outcome->lines[outcome->line_count++] = list->items[i];
		else
			leave_out(client, "a header line", &err);
	}
}

void decide_pre_deliver(struct client *client)
{
	struct script_field fields[GLOBALS];

	client->has_delivery_script = client_open_script(client, "delivery", &client->delivery_script);
	if (!client->has_delivery_script || !call(client, "PreDeliver", fields, CHANGED, CHANGED_FOLDERS))
		return;
	client->delivery.quarantined = fields[QUARANTINE].value.flag;
	take_forwards(client, fields);
	take_lines(client, &fields[HEADER_MODS].value);
}

static void take_keywords(struct client *client, const struct script_value *list)
{
	struct err err;

	client->delivery.keyword_count = 0;
	for (size_t i = 0; i < list->count; i++) {
		if (message_keyword_check(list->items[i], &err) == 0)
			message_add_keyword(&client->facts, list->items[i]);
		else
			leave_out(client, "a keyword", &err);
	}
}

static void take_folders(struct client *client, const struct script_value *list)
{
	struct decision *decision = client->decision;
	struct err err;

	decision->folder_count = 0;
	for (size_t i = 0; i < list->count && decision->folder_count < MESSAGE_FOLDERS_MAX; i++) {
		if (str_equal_nocase(list->items[i], STR("INBOX")))
			decision_add_folder(decision, STR(""));
		else if (message_folder_check(list->items[i], &err) == 0)
			decision_add_folder(decision, list->items[i]);
		else
			leave_out(client, "a folder", &err);
	}
}

void decide_deliver(struct client *client)
{
	struct script_field fields[GLOBALS];

	if (!client->has_delivery_script || client->decision->folder_count == 0 || client->delivery.quarantined ||
	    !call(client, "DeliverMessage", fields, CHANGED_FOLDERS, GLOBALS))
		return;
	client->delivery.seen = fields[SEEN].value.flag;
	client->delivery.flagged = fields[FLAGGED].value.flag;
	take_keywords(client, &fields[KEYWORDS].value);
	take_folders(client, &fields[FOLDERS].value);
}
