#include "common/sending/request.h"

#include <unistd.h>

static const char *const outcome_words[] = {[SMTP_UNDECIDED] = "deferred",
                                            [SMTP_DELIVERED] = "delivered",
                                            [SMTP_DEFERRED] = "deferred",
                                            [SMTP_FAILED] = "failed"};

static size_t count_fields(const struct ipc_message *request, struct str name)
{
	struct str key, value;
	size_t position = 0, count = 0;

	while (ipc_next(request, &position, &key, &value))
		count += str_equal(key, name);
	return count;
}

static int parse_recipients(const struct ipc_message *request, struct arena *arena, struct delivery *delivery,
                            struct err *err)
{
	struct smtp_message *message = &delivery->message;
	struct spool_recipient parsed;
	struct str key, value;
	size_t position = 0, count = count_fields(request, STR("recipient"));

	if (count == 0 || count > SPOOL_RECIPIENTS_MAX)
		return err_set(err, ERR_PROTOCOL, "%zu recipients", count);
	message->recipients = arena_get(arena, count * sizeof *message->recipients);
	delivery->hosts = arena_get(arena, count * sizeof *delivery->hosts);
	while (ipc_next(request, &position, &key, &value)) {
		if (!str_equal(key, STR("recipient")))
			continue;
		if (spool_recipient_parse(value, &parsed, err) != 0)
			return -1;
		message->recipients[message->recipient_count++] =
		    (struct smtp_recipient){.address = parsed.address, .notify = parsed.notify, .orcpt = parsed.orcpt};
	}
	return 0;
}

/* A field that may be missing. */
static struct str optional(const struct ipc_message *request, const char *key)
{
	struct str value = ipc_get(request, key);

	return value.data != NULL ? value : STR("");
}

/* What sender is told beside what has to be sent. */
static void parse_story(const struct ipc_message *request, struct arena *arena, struct delivery *delivery)
{
	struct str key, value;
	size_t position = 0;
	int64_t attempts = 0;

	ipc_get_number(request, "sender", 0, INT64_MAX, &delivery->sender);
	ipc_get_number(request, "brief", 0, INT32_MAX, &delivery->brief_ms);
	ipc_get_number(request, "attempts", 0, INT32_MAX, &attempts);
	ipc_get_number(request, "time", 0, INT64_MAX, &delivery->time_us);
	delivery->attempts = (unsigned)attempts;
	delivery->mail_from = optional(request, "mail-from");
	delivery->user = optional(request, "user");
	delivery->peer = optional(request, "peer");
	delivery->all = arena_get(arena, (count_fields(request, STR("all")) + 1) * sizeof *delivery->all);
	while (ipc_next(request, &position, &key, &value))
		if (str_equal(key, STR("all")))
			delivery->all[delivery->all_count++] = value;
}

int request_parse(struct ipc_message *request, struct arena *arena, struct delivery *delivery, struct err *err)
{
	struct smtp_message *message = &delivery->message;
	int64_t offset, size, smtputf8 = 0, requiretls = 0;

	*delivery = (struct delivery){0};
	if (!ipc_is(request, "send"))
		return err_set(err, ERR_PROTOCOL, "there is no such request");
	if (!ipc_get_text(request, "id", delivery->id, sizeof delivery->id) ||
	    !ipc_get_number(request, "offset", 0, INT64_MAX / 2, &offset) ||
	    !ipc_get_number(request, "size", 0, INT64_MAX / 2, &size))
		return err_set(err, ERR_PROTOCOL, "send needs id, offset and size");
	ipc_get_number(request, "smtputf8", 0, 1, &smtputf8);
	ipc_get_number(request, "requiretls", 0, 1, &requiretls);
	message->offset = (off_t)offset;
	message->size = (off_t)size;
	message->smtputf8 = smtputf8 != 0;
	message->requiretls = requiretls != 0;
	message->from = optional(request, "from");
	message->on_top = optional(request, "on-top");
	message->ret = optional(request, "ret");
	message->envid = optional(request, "envid");
	delivery->destination = optional(request, "destination");
	parse_story(request, arena, delivery);
	if (parse_recipients(request, arena, delivery, err) != 0)
		return -1;
	message->file = ipc_take_fd(request, 0);
	return message->file >= 0 ? 0 : err_set(err, ERR_PROTOCOL, "send needs the message's descriptor");
}

/* TAB separates the fields of a result, so the words may hold none; other control characters have no place there
 * either. */
static struct str one_field(struct arena *arena, struct str words)
{
	char *copy = arena_text(arena, words);

	for (size_t i = 0; i < words.len; i++)
		if ((unsigned char)copy[i] < ' ' || copy[i] == 0x7f)
			copy[i] = ' ';
	return str_from(copy, words.len);
}

void request_reply(const struct delivery *delivery, struct ipc_message *reply)
{
	const struct smtp_message *message = &delivery->message;
	struct arena arena;

	arena_init(&arena);
	ipc_reply_ok(reply);
	for (size_t i = 0; i < message->recipient_count; i++) {
		const struct smtp_recipient *recipient = &message->recipients[i];

		ipc_add(reply, "result",
		        arena_printf(&arena, "%s\t%s\t%.*s\t%.*s", outcome_words[recipient->outcome], recipient->enhanced,
		                     STR_ARG(delivery->hosts[i]), STR_ARG(one_field(&arena, recipient->words))));
	}
	ipc_add_number(reply, "dsn-passed", message->dsn_passed);
	ipc_add_number(reply, "connected", delivery->connected);
	if (delivery->cut_short)
		ipc_add_number(reply, "cut-short", 1);
	if (delivery->hold_s > 0)
		ipc_add_number(reply, "hold", delivery->hold_s);
	arena_free(&arena);
}

void delivery_decide(struct delivery *delivery, enum smtp_outcome outcome, const char *enhanced, struct str words,
                     struct str host)
{
	for (size_t i = 0; i < delivery->message.recipient_count; i++) {
		struct smtp_recipient *recipient = &delivery->message.recipients[i];

		if (recipient->outcome != SMTP_UNDECIDED)
			continue;
		recipient->outcome = outcome;
		str_copy(str_of(enhanced), recipient->enhanced, sizeof recipient->enhanced);
		recipient->words = words;
		delivery->hosts[i] = host;
	}
}

bool delivery_is_decided(const struct delivery *delivery)
{
	for (size_t i = 0; i < delivery->message.recipient_count; i++)
		if (delivery->message.recipients[i].outcome == SMTP_UNDECIDED)
			return false;
	return true;
}
