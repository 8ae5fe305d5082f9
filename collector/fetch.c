/*
 * Messages are taken in windows of a few. Where the server takes them early (RFC 2449 6.6) the commands of the next
 * window are under way while this one is read, so that neither side waits for the other; what was read is committed
 * meanwhile.
 */
#include "collector/arrival.h"

#include "common/base/io.h"
#include "common/base/log.h"

#include <stdio.h>

enum {
	WINDOW_MAX = 16,
	WINDOW_OCTETS = 8 << 20,
	PUT_OFF_MAX = 20, /* messages in a row that cannot be judged: nothing can be then */
	MEGABYTE = 1048576,
};

struct window {
	struct pick picks[WINDOW_MAX];
	size_t count;
	struct arena arena;
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

	arena_reset(&window->arena);
	window->count = 0;
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

static int take_header(struct str bytes, void *context, struct err *err)
{
	struct buf *header = context;

	(void)err;
	buf_add_str(header, str_sub(bytes, 0, header->limit - header->len)); /* what is more is not looked at */
	return 0;
}

/* The header and the empty line, or whatever the server takes for that. */
static int read_header(struct session *session, struct pick *pick, struct arena *arena, struct err *err)
{
	struct buf header;
	ptrdiff_t end;
	int result;

	if (!session->source->pipelines(session))
		session->source->ask(session, pick->item, false);
	if (session->source->begin(session, false, err) != 0) {
		if (err->code != MAIL_CLIENT_REFUSED)
			return -1;
		session->lacks_top = !session->has_top;
		return 0;
	}
	session->has_top = true;
	buf_init(&header, MIME_HEADER_MAX);
	result = session->source->read(session, SMTP_DATA_MEND, UINT32_MAX, take_header, &header, err);
	end = str_find(buf_str(&header), STR("\r\n\r\n"));
	pick->offer.header = arena_copy(arena, str_sub(buf_str(&header), 0, end >= 0 ? (size_t)end + 2 : header.len));
	buf_free(&header);
	return result;
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

static int judge_window(struct session *session, struct window *window, struct err *err)
{
	for (size_t i = 0; i < window->count; i++) {
		struct pick *pick = &window->picks[i];

		if (pick->wants_header && read_header(session, pick, &window->arena, err) != 0)
			return -1;
		if (judge_pick(session, pick, &window->arena, err) != 0)
			return -1;
	}
	for (size_t i = 0; i < window->count && session->source->pipelines(session); i++)
		if (window->picks[i].wants_body)
			session->source->ask(session, window->picks[i].item, true);
	return 0;
}

/* Send what can be sent of a window before its turn: TOP, or where no header is wanted RETR. */
static int prepare(struct session *session, struct window *window, struct err *err)
{
	if (!wants_headers(window))
		return judge_window(session, window, err);
	for (size_t i = 0; i < window->count && session->source->pipelines(session); i++)
		if (window->picks[i].wants_header)
			session->source->ask(session, window->picks[i].item, false);
	return 0;
}

static int read_bodies(struct session *session, struct window *window, struct err *err)
{
	for (size_t i = 0; i < window->count; i++) {
		struct pick *pick = &window->picks[i];

		if (!pick->wants_body)
			continue;
		if (!session->source->pipelines(session))
			session->source->ask(session, pick->item, true);
		if (session->source->begin(session, true, err) != 0) {
			if (err->code != MAIL_CLIENT_REFUSED)
				return -1;
			log_warning("collector %s: message %u is passed over: %s", session->collector.name, pick->item->number,
			            err->text);
			pick->item->state = ITEM_LEAVE;
			continue;
		}
		if (message_take_whole(session, pick, &window->arena, err) != 0)
			return -1;
	}
	return 0;
}

static int fetch_windows(struct session *session, struct window windows[2], struct err *err)
{
	struct window *current = &windows[0], *following = &windows[1], *swapped;
	uint32_t next = 0;

	fill(session, current, &next);
	if (prepare(session, current, err) != 0)
		return -1;
	while (current->count > 0) {
		if (wants_headers(current) && judge_window(session, current, err) != 0)
			return -1;
		fill(session, following, &next);
		if (prepare(session, following, err) != 0 || read_bodies(session, current, err) != 0 ||
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
	static struct window windows[2];
	struct err reason;
	int result;

	session->is_fetching = true;
	arena_init(&windows[0].arena);
	arena_init(&windows[1].arena);
	result = fetch_windows(session, windows, err);
	if (batch_flush(session, true, &reason) != 0 && result == 0) {
		*err = reason;
		result = -1;
	}
	arena_free(&windows[0].arena);
	arena_free(&windows[1].arena);
	return result;
}
