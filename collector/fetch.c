/*
 * Messages are taken in windows of a few. Where the server allows it (RFC 2449 6.6, RFC 9051 5.5) the commands of the
 * next window are under way while this one is read, so that neither side waits for the other; what was read is
 * committed meanwhile.
 */
#include "collector/flow.h"

#include "common/base/io.h"
#include "common/base/log.h"

#include <stdio.h>

enum {
	WINDOW_OCTETS = 8 << 20,
	PUT_OFF_MAX = 20, /* messages in a row that cannot be judged: nothing can be then */
	MEGABYTE = 1048576,
};

static bool is_too_large(const struct session *session, const struct item *item)
{
	int64_t limit = session_number(session, COLLECTOR_SETTING_MAX_SIZE);

	return limit > 0 && !item->known.get && item->size > (uint64_t)limit * 1024;
}

/* Is there room for this message beside what is to stay free? Where there is none, said once. */
static bool has_room(struct session *session, const struct item *item)
{
	uint64_t reserve = (uint64_t)settings_number(&session->settings, SETTING_COLLECT_DISK_MESSAGE) * MEGABYTE;
	uint64_t free_bytes, total;

	if (session->is_full)
		return false;
	if (reserve == 0 || spool_free_space(session->drop.tmp_folder, &free_bytes, &total, NULL) != 0 ||
	    (free_bytes > item->size && free_bytes - item->size >= reserve))
		return true;
	session->is_full = true;
	log_error("collector %s: messages wait at the server: too little disk space is free", session->collector.name);
	return false;
}

static void add_pick(struct session *session, struct window *window, struct item *item)
{
	struct pick *pick = &window->picks[window->count++];
	char token[JUDGE_TOKEN_LENGTH + 1];

	io_random_hex(token, JUDGE_TOKEN_LENGTH);
	memset(pick, 0, sizeof *pick);
	pick->item = item;
	pick->offer.uidl = item->identity;
	pick->offer.targets =
	    session->folder != NULL && session->folder->targets.count > 0 ? &session->folder->targets : NULL;
	pick->offer.size = item->size;
	pick->offer.requested = item->known.get;
	pick->offer.asked = item->known.asked != 0;
	pick->offer.too_large = is_too_large(session, item);
	pick->offer.token = arena_copy(&window->arena, str_of(token));
	pick->wants_header =
	    !session->lacks_top && !pick->offer.requested && (pick->offer.too_large || judge_wants_header(session->judge));
}

/* *next: the first item that was not looked at yet. */
static void fill(struct session *session, struct window *window, uint32_t *next)
{
	uint64_t octets = 0;

	window_reset(window);
	while (*next < session->item_count && window->count < WINDOW_MAX && octets < WINDOW_OCTETS) {
		struct item *item = &session->items[(*next)++];

		if (item->state != ITEM_WANTED)
			continue;
		if (has_room(session, item)) {
			octets += item->size;
			add_pick(session, window, item);
		} else {
			item->state = ITEM_LEAVE;
		}
	}
}

/* A message without an identity is known by its header, as long as nothing else of it is fetched. */
static int identify_by_header(struct session *session, struct pick *pick, struct err *err)
{
	struct mime_source none = mime_source_memory(STR(""));
	unsigned char bytes[DIGEST_LEN];
	struct digest *digest;

	if (digest_make(pick->offer.header, &none, 0, bytes, err) != 0)
		return -1;
	digest = digests_get(&session->seen, bytes);
	pick->item->identity = digest_identity(bytes, digest->count, &session->arena);
	digest->count++;
	return keeper_see(session, &pick->item, 1, err);
}

/* Decide before it is fetched; what is not to be fetched is settled at once. */
static int judge_pick(struct session *session, struct pick *pick, struct arena *arena, struct err *err)
{
	struct err reason;

	if (judge_offer(session->judge, &pick->offer, arena, &pick->judgement, &reason) != 0) {
		log_warning("collector %s: message %u waits for the next time: %s", session->collector.name, pick->item->number,
		            reason.text);
		pick->item->state = ITEM_LEAVE;
		session->put_off++;
		return 0;
	}
	pick->wants_body = pick->judgement.fetch == COLLECT_WHOLE;
	if (pick->wants_body)
		return 0;
	if (pick->item->identity.len == 0 && identify_by_header(session, pick, err) != 0)
		return -1;
	if (pick->judgement.fetch == COLLECT_HEADERS)
		return message_take_header(session, pick, arena, err);
	return offer_settle(session, pick, arena, err);
}

static bool wants_headers(const struct window *window)
{
	for (size_t i = 0; i < window->count; i++)
		if (window->picks[i].wants_header)
			return true;
	return false;
}

/* The headers have come, or none is wanted: which messages are fetched? */
static int judge_window(struct session *session, struct flow *flow, struct window *window, struct err *err)
{
	for (size_t i = 0; i < window->count; i++)
		if (!window->picks[i].is_gone && judge_pick(session, &window->picks[i], &window->arena, err) != 0)
			return -1;
	if (session->source->pipelines(session))
		flow_ask(session, flow, window, true);
	return 0;
}

/* Send what can be sent of a window before its turn: for headers, or where none is wanted for messages. */
static int prepare(struct session *session, struct flow *flow, struct window *window, struct err *err)
{
	if (!wants_headers(window))
		return judge_window(session, flow, window, err);
	if (session->source->pipelines(session))
		flow_ask(session, flow, window, false);
	return 0;
}

static int fetch_windows(struct session *session, struct flow *flow, struct err *err)
{
	struct window *current = &flow->windows[0], *following = &flow->windows[1], *swapped;
	uint32_t next = 0;

	fill(session, current, &next);
	if (prepare(session, flow, current, err) != 0)
		return -1;
	while (current->count > 0) {
		if (wants_headers(current) &&
		    (flow_receive(session, flow, current, false, err) != 0 || judge_window(session, flow, current, err) != 0))
			return -1;
		fill(session, following, &next);
		if (prepare(session, flow, following, err) != 0 || flow_receive(session, flow, current, true, err) != 0 ||
		    batch_flush(session, false, err) != 0)
			return -1;
		if (session->put_off >= PUT_OFF_MAX)
			return err_set(err, ERR_TEMPORARY, "messages cannot be routed now");
		swapped = current;
		current = following;
		following = swapped;
	}
	return 0;
}

int fetch_all(struct session *session, struct err *err)
{
	static struct flow flow;
	struct err reason;
	int result;

	session->is_fetching = true;
	flow_init(&flow);
	result = fetch_windows(session, &flow, err);
	if (batch_flush(session, true, &reason) != 0 && result == 0) {
		*err = reason;
		result = -1;
	}
	flow_free(&flow);
	return result;
}
