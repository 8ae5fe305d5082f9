#include "collector/arrival.h"

#include "common/base/log.h"
#include "common/mime/header.h"

enum { LINE_MAX_OCTETS = 1 << 20 }; /* of a line that a script sees whole */

/* As collect.nul has it. */
static bool nul_choice(const struct session *session, const char *word)
{
	return strcmp(settings_text(&session->settings, SETTING_COLLECT_NUL), word) == 0;
}

/* Octets as they are to be stored, with what is put in the place of NUL. Views into scratch, or bytes themselves. */
static int replace_nul(struct arrival *arrival, struct str bytes, struct str *clean_out, struct err *err)
{
	const struct session *session = arrival->session;
	char replacement = nul_choice(session, "question") ? '?' : ' ';
	bool removes = nul_choice(session, "remove");

	*clean_out = bytes;
	if (str_find_char(bytes, '\0') < 0)
		return 0;
	if (nul_choice(session, "abort"))
		return err_set(err, ERR_PROTOCOL, "Data stream contained NUL character");
	arrival->is_skipped = arrival->is_skipped || nul_choice(session, "skip");
	buf_reset(&arrival->scratch);
	for (size_t i = 0; i < bytes.len; i++)
		if (bytes.data[i] != '\0')
			buf_add_char(&arrival->scratch, bytes.data[i]);
		else if (!removes)
			buf_add_char(&arrival->scratch, replacement);
	*clean_out = buf_str(&arrival->scratch);
	return 0;
}

static int keep(struct arrival *arrival, struct str bytes, struct err *err)
{
	const struct session *session = arrival->session;

	if (arrival->is_skipped)
		return 0;
	if (!arrival->has_begun && session_number(session, COLLECTOR_SETTING_IGNORE_FROM_LINE) != 0)
		bytes = str_skip(bytes, routing_from_line(bytes));
	arrival->has_begun = true;
	return bytes.len > 0 ? message_add(&arrival->message, &session->drop, bytes, err) : 0;
}

/* A whole line, with its end, as the script wants it. */
static int keep_line(struct arrival *arrival, struct str line, struct err *err)
{
	struct judge *judge = arrival->session->judge;
	struct str shown = str_ends_nocase(line, STR("\r\n")) ? str_sub(line, 0, line.len - 2) : line;

	if (!judge_line_raw(judge, &shown))
		return 0;
	if (replace_nul(arrival, shown, &shown, err) != 0)
		return -1;
	if (!judge_line(judge, &shown))
		return 0;
	buf_reset(&arrival->changed);
	buf_add_str(&arrival->changed, shown);
	buf_add_str(&arrival->changed, STR("\r\n"));
	return keep(arrival, buf_str(&arrival->changed), err);
}

static int take_lines(struct arrival *arrival, struct str bytes, struct err *err)
{
	ptrdiff_t end;

	while ((end = str_find_char(bytes, '\n')) >= 0 || arrival->line.len + bytes.len > LINE_MAX_OCTETS) {
		size_t len = end >= 0 ? (size_t)end + 1 : bytes.len;
		int result;

		buf_add_str(&arrival->line, str_sub(bytes, 0, len));
		result = keep_line(arrival, buf_str(&arrival->line), err);
		buf_reset(&arrival->line);
		if (result != 0)
			return -1;
		bytes = str_skip(bytes, len);
	}
	buf_add_str(&arrival->line, bytes);
	return 0;
}

/* A mail_client_take. */
static int take(struct str bytes, void *context, struct err *err)
{
	struct arrival *arrival = context;
	struct str clean;

	arrival->session->result.octets += (int64_t)bytes.len;
	if (arrival->by_line)
		return take_lines(arrival, bytes, err);
	return replace_nul(arrival, bytes, &clean, err) == 0 ? keep(arrival, clean, err) : -1;
}

static void open_arrival(struct arrival *arrival, struct session *session, struct pick *pick, struct arena *arena)
{
	*arrival = (struct arrival){.session = session, .pick = pick, .arena = arena};
	message_init(&arrival->message);
	buf_init(&arrival->scratch, 2 * LINE_MAX_OCTETS);
	buf_init(&arrival->line, 2 * LINE_MAX_OCTETS);
	buf_init(&arrival->changed, 2 * LINE_MAX_OCTETS);
}

static void close_arrival(struct arrival *arrival)
{
	message_free(&arrival->message);
	buf_free(&arrival->scratch);
	buf_free(&arrival->line);
	buf_free(&arrival->changed);
}

static int read_whole(struct arrival *arrival, struct err *err)
{
	struct session *session = arrival->session;
	uint64_t largest = (uint64_t)settings_number(&session->settings, SETTING_COLLECT_LARGEST) << 20;
	bool any_end = settings_flag(&session->settings, SETTING_COLLECT_LINE_ENDS);
	int result;

	arrival->by_line = judge_wants_lines(session->judge);
	if (arrival->by_line)
		judge_begin_lines(session->judge);
	result = session->source->read(session, any_end ? SMTP_DATA_ANY : SMTP_DATA_MEND, largest, take, arrival, err);
	if (result == 0 && arrival->line.len > 0)
		result = keep_line(arrival, buf_str(&arrival->line), err);
	if (arrival->by_line)
		judge_end_lines(session->judge);
	return result;
}

/* What cannot be taken stays at the server, and somebody hears of it once. */
static int leave(struct arrival *arrival, const char *why, struct err *err)
{
	struct session *session = arrival->session;
	struct item *item = arrival->pick->item;
	struct fate fate = {.identity = item->identity, .size = (int64_t)item->size, .told = true};

	(void)err;
	log_warning("collector %s: message %u (%.*s) is left at the server: %s", session->collector.name, item->number,
	            STR_ARG(item->identity), why);
	item->state = ITEM_LEAVE;
	if (item->known.told || item->identity.len == 0)
		return 0;
	batch_add_message(&session->batch, &fate);
	keeper_notice(session, "CollectErrors", "Message left at the server",
	              arena_printf(arrival->arena, "The collector %s left message %.*s at the server: %s\n",
	                           session->collector.name, STR_ARG(item->identity), why));
	return 0;
}

/* Why it cannot be stored, or NULL. */
static const char *objection(const struct arrival *arrival)
{
	if (arrival->is_skipped)
		return "it holds NUL";
	if (arrival->message.header_is_too_long)
		return "its header is too long";
	if (arrival->message.fields.received > settings_number(&arrival->session->settings, SETTING_COLLECT_MAX_HOPS))
		return "it has too many Received fields, so it may be in a loop";
	return NULL;
}

/*
 * Give a message that has none its identity, by what is in it, and hear what is known of that. *is_known_out: it was
 * stored by an earlier session, which broke before the server was told to delete it.
 */
static int identify(struct arrival *arrival, bool *is_known_out, struct err *err)
{
	struct session *session = arrival->session;
	struct item *item = arrival->pick->item;
	struct mime_source source = message_source(&arrival->message);
	unsigned char bytes[DIGEST_LEN];
	struct digest *digest;

	*is_known_out = false;
	if (item->identity.len != 0)
		return 0;
	if (digest_make(STR(""), &source, 0, bytes, err) != 0)
		return -1;
	digest = digests_get(&session->seen, bytes);
	item->identity = digest_identity(bytes, digest->count, &session->arena);
	digest->count++;
	if (keeper_see(session, &item, 1, err) != 0)
		return -1;
	*is_known_out = item->known.downloaded != 0;
	return 0;
}

static int settle(struct arrival *arrival, struct err *err)
{
	struct session *session = arrival->session;
	struct item *item = arrival->pick->item;
	const char *why = objection(arrival);
	bool is_known;

	if (why != NULL)
		return leave(arrival, why, err);
	if (identify(arrival, &is_known, err) != 0)
		return -1;
	if (is_known) {
		item->state = plan_decide(session, item);
		return 0;
	}
	return arrival_store(arrival, err);
}

int message_take_whole(struct session *session, struct pick *pick, struct arena *arena, struct err *err)
{
	struct arrival arrival;
	int result;

	open_arrival(&arrival, session, pick, arena);
	result = read_whole(&arrival, err) == 0 ? settle(&arrival, err) : -1;
	close_arrival(&arrival);
	return result;
}

/* The same for what is left of a message: its header, which becomes a message without a body. */
int message_take_header(struct session *session, struct pick *pick, struct arena *arena, struct err *err)
{
	struct arrival arrival;
	struct str clean;
	int result;

	open_arrival(&arrival, session, pick, arena);
	result = replace_nul(&arrival, pick->offer.header, &clean, err) == 0 ? keep(&arrival, clean, err) : -1;
	if (result == 0)
		result = keep(&arrival, STR("\r\n"), err);
	if (result == 0)
		result = settle(&arrival, err);
	close_arrival(&arrival);
	return result;
}
