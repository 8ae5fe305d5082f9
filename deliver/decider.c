#include "deliver/decider.h"

#include "common/base/log.h"
#include "common/mime/encode.h"
#include "common/settings/attributes.h"
#include "common/store/store.h"

#include <unistd.h>

enum { HOPS_MAX = 30 }; /* Received fields of a message that is still sent on: it may be in a loop */

static const char quarantine[] = "Quarantine"; /* the folder */

/* Made by the server, of somebody here, or from outside. What was passed on is what it was. */
static enum facts_type type_of(const struct spool_envelope *envelope)
{
	bool passed_on = str_equal(envelope->producer, STR("deliver")) && !str_equal(envelope->service, STR("answer"));

	if (str_equal(envelope->producer, STR("smtpd")) || str_equal(envelope->producer, STR("collector")) || passed_on)
		return envelope->user.len > 0 || str_equal(envelope->peer, STR("local")) ? FACTS_LOCAL : FACTS_INCOMING;
	return str_equal(envelope->producer, STR("webadmin")) ? FACTS_LOCAL : FACTS_SYSTEM;
}

static bool count_hops(struct str header)
{
	struct mime_field field;
	size_t hops = 0;

	while (mime_field_next(&header, &field))
		hops += str_equal_nocase(field.name, STR("Received"));
	return hops <= HOPS_MAX;
}

/* -1: it cannot be read. */
static int parse(struct subject *subject, struct err *err)
{
	const struct order *order = subject->order;
	struct mime_part *root;
	struct buf header;

	subject->source = mime_source_file(order->fd, order->offset, order->size);
	if (mime_parse_header(&subject->source, &subject->arena, &root, err) != 0)
		return -1;
	buf_init(&header, DECISION_HEADER_MAX);
	if (mime_read(&subject->source, 0, root->header_len, &header, err) != 0)
		return -1;
	subject->header = arena_copy(&subject->arena, buf_str(&header));
	buf_free(&header);
	subject->body_at = root->header_len;
	subject->type = type_of(&order->envelope);
	subject->has_hops_left = count_hops(subject->header);
	subject->fingerprint = subject_fingerprint(subject);
	return 0;
}

/* RFC 5321 4.4; a message that is passed on is told from the one it was, and a loop is noticed. */
static struct str trace_field(const struct client *client)
{
	const struct subject *subject = client->subject;
	struct str line;
	struct buf date;

	buf_init(&date, 100);
	mime_format_date(subject->order->now, &date);
	line = arena_printf(client->arena, "Received: by %s\r\n\t(passed on for %.*s) id %.*s;\r\n\t%.*s\r\n",
	                    settings_host_name(&subject->desk->settings), STR_ARG(client->name),
	                    STR_ARG(subject->order->id), STR_ARG(buf_str(&date)));
	buf_free(&date);
	return line;
}

struct made *client_make_copy(struct client *client, enum made_kind kind, struct str step, struct str from)
{
	const struct subject *subject = client->subject;
	struct decision *decision = client->decision;
	struct made *made;

	if (decision->made_count == DECISION_MADE_MAX) {
		log_warning("id=%.*s more than %d messages are made of it for user uid=%lld; the rest is left out",
		            STR_ARG(subject->order->id), DECISION_MADE_MAX, (long long)decision->uid);
		return NULL;
	}
	made = &decision->made[decision->made_count++];
	*made = (struct made){.kind = kind,
	                      .step = step,
	                      .from = from,
	                      .to = arena_get(client->arena, DECISION_TO_MAX * sizeof *made->to),
	                      .head = trace_field(client),
	                      .tail = STR(""),
	                      .original_len = subject->order->size};
	made->is_8bit = str_equal(subject->order->envelope.body, STR("8BITMIME"));
	if (client->outcome.line_count > 0) {
		struct str header =
		    header_apply(subject->header, client->outcome.lines, client->outcome.line_count, client->arena);

		made->head = arena_printf(client->arena, "%.*s%.*s", STR_ARG(made->head), STR_ARG(header));
		made->original_at = subject->body_at;
		made->original_len -= subject->body_at;
	}
	return made;
}

void client_add_to(struct client *client, struct made *made, struct str address)
{
	if (made->to_count < DECISION_TO_MAX)
		made->to[made->to_count++] = address;
	else
		log_warning("id=%.*s more than %d addresses for one copy; the rest is left out",
		            STR_ARG(client->subject->order->id), DECISION_TO_MAX);
}

static bool is_visited(const struct spool_envelope *envelope, int64_t uid)
{
	struct str rest = envelope->visited;
	uint64_t number;

	while (rest.len > 0)
		if (str_to_u64(str_cut_word(&rest), INT64_MAX, &number) && (int64_t)number == uid)
			return true;
	return false;
}

static int open_client(struct client *client, struct err *err)
{
	const struct subject *subject = client->subject;
	const struct order *order = subject->order;

	if (desk_user_name(subject->desk, client->user->uid, client->arena, &client->name, err) != 0)
		return -1;
	client->address = arena_printf(client->arena, "%.*s@%s", STR_ARG(client->name),
	                               settings_default_domain(&subject->desk->settings));
	client->was_here = is_visited(&order->envelope, client->user->uid) || !subject->has_hops_left;
	client->delivery =
	    (struct facts_delivery){.type = subject->type, .message = subject->source, .body_at = subject->body_at};
	client->facts = (struct facts){
	    .stage = RULES_DATA,
	    .mail_from = order->from,
	    .client = order->envelope.peer,
	    .user = order->login,
	    .size = (uint64_t)order->size,
	    .header = subject->header,
	    .now = (time_t)order->now,
	    .arena = client->arena,
	    .delivery = &client->delivery,
	};
	message_outcome_begin(&client->outcome);
	return 0;
}

void decision_add_folder(struct decision *decision, struct str folder)
{
	for (size_t i = 0; i < decision->folder_count; i++)
		if (str_equal(decision->folders[i], folder))
			return;
	decision->folders[decision->folder_count++] = folder;
}

/* Where copies go and how, as flags and lists say by now. */
static void decide_folders(struct client *client)
{
	struct decision *decision = client->decision;
	const struct message_outcome *outcome = &client->outcome;

	decision->folders = arena_get(client->arena, DECISION_FOLDERS_MAX * sizeof *decision->folders);
	if (outcome->deleted)
		return;
	if (client->delivery.quarantined) {
		decision_add_folder(decision, str_of(quarantine));
		return;
	}
	if (outcome->keep_inbox)
		decision_add_folder(decision, client->user->folder);
	for (size_t i = 0; i < outcome->folder_count; i++)
		decision_add_folder(decision, outcome->folders[i]);
}

static void decide_flags(struct client *client)
{
	const struct facts_delivery *delivery = &client->delivery;
	struct decision *decision = client->decision;
	const struct message_outcome *outcome = &client->outcome;

	decision->flags = (delivery->seen ? STORE_SEEN : 0U) | (delivery->flagged ? STORE_FLAGGED : 0U);
	decision->keywords = STR("");
	for (size_t i = 0; i < delivery->keyword_count; i++)
		decision->keywords = arena_printf(client->arena, "%.*s%s%.*s", STR_ARG(decision->keywords), i > 0 ? " " : "",
		                                  STR_ARG(delivery->keywords[i]));
	if (outcome->line_count == 0)
		return;
	decision->header = header_apply(client->subject->header, outcome->lines, outcome->line_count, client->arena);
	decision->body_at = client->subject->body_at;
}

/* What goes into the Inbox under its own number waits there for another server, where the user has one (02, "Store and
 * forward"). */
static int decide_stored(struct client *client, struct err *err)
{
	const struct decision *decision = client->decision;
	struct attributes attributes;
	struct made *made;
	bool in_inbox = false;

	if (attributes_load(&client->subject->desk->settings, client->user->uid, client->arena, &attributes, err) != 0)
		return -1;
	for (size_t i = 0; i < decision->folder_count; i++)
		in_inbox |= decision->folders[i].len == 0;
	if (!in_inbox || client->user->folder.len > 0 || attributes_text(&attributes, ATTRIBUTE_STORE_FORWARD)[0] == '\0' ||
	    client->was_here)
		return 0;
	made = client_make_copy(client, MADE_STORED, STR("stored"), client->subject->order->from);
	if (made != NULL)
		client_add_to(client, made, client->address);
	return 0;
}

static void decide_user(struct client *client)
{
	struct decision *decision = client->decision;
	bool keep = false;
	struct err err;

	decision->uid = client->user->uid;
	decision->made = arena_get(client->arena, DECISION_MADE_MAX * sizeof *decision->made);
	decision->keywords = STR("");
	decision->fingerprint = client->subject->fingerprint;
	if (open_client(client, &err) != 0 || decide_route(client, &keep, &err) != 0 ||
	    (keep && decide_rules(client, &err) != 0)) {
		log_warning("id=%.*s not decided for user uid=%lld: %s", STR_ARG(client->subject->order->id),
		            (long long)client->user->uid, err.text);
		decision->deferred = STR("the settings cannot be read now");
		return;
	}
	if (!keep)
		return;
	decide_folders(client);
	decide_deliver(client);
	decide_flags(client);
	if (decision->folder_count == 0 || client->delivery.quarantined)
		return;
	if (decide_answer(client, &keep, &err) != 0 || (keep && decide_stored(client, &err) != 0))
		decision->deferred = STR("the settings cannot be read now");
	else if (!keep)
		decision->folder_count = 0;
}

void decider_run(struct desk *desk, const struct order *order, int fd)
{
	static struct subject subject;
	struct ipc_message answer;
	struct err err;

	subject = (struct subject){.desk = desk, .order = order};
	arena_init(&subject.arena);
	ipc_message_init(&answer);
	ipc_reply_ok(&answer);
	if (parse(&subject, &err) != 0) {
		log_warning("id=%.*s cannot be read: %s", STR_ARG(order->id), err.text);
		_exit(1);
	}
	for (size_t i = 0; i < order->user_count; i++) {
		struct decision decision = {0};
		struct arena arena;
		struct client client = {.subject = &subject, .user = &order->users[i], .arena = &arena, .decision = &decision};

		arena_init(&arena);
		decide_user(&client);
		if (client.has_delivery_script)
			script_close(&client.delivery_script);
		decision_write(&decision, &answer);
		arena_free(&arena);
	}
	if (ipc_send(fd, &answer, 0, &err) != 0)
		log_warning("id=%.*s the decision cannot be told: %s", STR_ARG(order->id), err.text);
	_exit(0);
}
