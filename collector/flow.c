#include "collector/flow.h"

#include "common/base/log.h"
#include "common/mime/header.h"

enum { STRAYS_MAX = 1000 };

void flow_init(struct flow *flow)
{
	*flow = (struct flow){.ask_count = 0};
	arena_init(&flow->windows[0].arena);
	arena_init(&flow->windows[1].arena);
}

void flow_free(struct flow *flow)
{
	arena_free(&flow->windows[0].arena);
	arena_free(&flow->windows[1].arena);
}

void window_reset(struct window *window)
{
	arena_reset(&window->arena);
	window->count = 0;
	window->asks = 0;
	window->is_asked = window->is_broken = false;
}

static void ask_for(struct session *session, struct flow *flow, struct window *window, struct pick *const *picks,
                    size_t count)
{
	struct item *items[WINDOW_MAX];

	for (size_t i = 0; i < count; i++)
		items[i] = picks[i]->item;
	session->source->ask(session, items, count, window->whole);
	flow->asks[flow->ask_count].window = window;
	flow->asks[flow->ask_count++].only = count == 1 ? picks[0] : NULL;
	window->asks++;
}

void flow_ask(struct session *session, struct flow *flow, struct window *window, bool whole)
{
	struct pick *picks[WINDOW_MAX];
	size_t count = 0;

	window->whole = whole;
	window->is_asked = true;
	window->is_broken = false;
	for (size_t i = 0; i < window->count; i++) {
		struct pick *pick = &window->picks[i];

		pick->awaits = !pick->is_gone && (whole ? pick->wants_body : pick->wants_header);
		if (pick->awaits)
			picks[count++] = pick;
	}
	if (count > 0 && !session->lacks_uids) /* else one by one */
		ask_for(session, flow, window, picks, count);
}

static int drop_octets(struct str bytes, void *context, struct err *err)
{
	(void)bytes, (void)context, (void)err;
	return 0;
}

static int take_octets(struct str bytes, void *context, struct err *err)
{
	struct buf *header = context;

	(void)err;
	buf_add_str(header, str_sub(bytes, 0, header->limit - header->len)); /* what is more is not looked at */
	return 0;
}

/* The header and the empty line, or whatever the server takes for that. */
static int take_header(struct session *session, struct pick *pick, struct arena *arena, struct err *err)
{
	struct buf header;
	ptrdiff_t end;
	int result;

	session->has_top = true;
	buf_init(&header, MIME_HEADER_MAX);
	result = session->source->read(session, SMTP_DATA_MEND, UINT32_MAX, take_octets, &header, err);
	end = str_find(buf_str(&header), STR("\r\n\r\n"));
	pick->offer.header = arena_copy(arena, str_sub(buf_str(&header), 0, end >= 0 ? (size_t)end + 2 : header.len));
	buf_free(&header);
	return result;
}

/* Who waits for what comes? Where the server does not say whose it is, only who waits alone can be meant. */
static struct pick *find(struct flow *flow, const struct coming *coming, struct window **window_out)
{
	if (coming->number == 0) {
		struct pick *only = flow->asks[0].only;

		*window_out = flow->asks[0].window;
		return only != NULL && only->awaits && (*window_out)->whole == coming->whole ? only : NULL;
	}
	for (size_t i = 0; i < 2; i++) {
		*window_out = &flow->windows[i];
		for (size_t k = 0; k < (*window_out)->count && (*window_out)->whole == coming->whole; k++)
			if ((*window_out)->picks[k].awaits && (*window_out)->picks[k].item->number == coming->number)
				return &(*window_out)->picks[k];
	}
	return NULL;
}

static int take_message(struct session *session, struct flow *flow, const struct coming *coming, struct err *err)
{
	struct window *window;
	struct pick *pick = find(flow, coming, &window);

	if (pick == NULL) {
		session->lacks_uids = session->lacks_uids || coming->number == 0;
		if (++session->strays > STRAYS_MAX)
			return err_set(err, ERR_LIMIT, "more than %d messages that nobody asked for", STRAYS_MAX);
		return session->source->read(session, SMTP_DATA_MEND, UINT32_MAX, drop_octets, NULL, err);
	}
	pick->awaits = false;
	return window->whole ? message_take_whole(session, pick, &window->arena, err)
	                     : take_header(session, pick, &window->arena, err);
}

/* It will not come: without its header a message is judged when it is here, and without itself it stays there. */
static void give_up(struct session *session, const struct window *window, struct pick *pick, const char *why)
{
	pick->awaits = false;
	if (!window->whole) {
		session->lacks_top = !session->has_top;
		return;
	}
	log_warning("collector %s: message %u is passed over: %s", session->collector.name, pick->item->number, why);
	pick->item->state = ITEM_LEAVE;
}

/* The first ask has ended. */
static int end_ask(struct session *session, struct flow *flow, const struct coming *coming, struct err *err)
{
	struct window *window = flow->asks[0].window;
	struct pick *only = flow->asks[0].only;
	struct err reason = *err;

	window->asks--;
	memmove(&flow->asks[0], &flow->asks[1], --flow->ask_count * sizeof flow->asks[0]);
	if (!coming->refused)
		return 0;
	window->is_broken = true;
	if (only != NULL && only->awaits) {
		give_up(session, window, only, reason.text);
		return 0;
	}
	for (size_t i = 0; i < window->count && only == NULL; i++)
		if (window->picks[i].awaits)
			return 0;
	/* all came, and were refused behind that: none can be relied on */
	return err_set(err, ERR_PROTOCOL, "%s", reason.text);
}

/* Read until nothing of a window is under way. */
static int drain(struct session *session, struct flow *flow, const struct window *window, struct err *err)
{
	while (window->asks > 0) {
		struct coming coming;
		struct window *of;
		struct pick *pick;
		int result = 0;

		if (session->source->next(session, &coming, err) != 0)
			return -1;
		switch (coming.kind) {
		case COMING_MESSAGE:
			result = take_message(session, flow, &coming, err);
			break;
		case COMING_REFUSED:
			pick = find(flow, &coming, &of);
			if (pick != NULL)
				give_up(session, of, pick, err->text);
			break;
		case COMING_END:
			result = end_ask(session, flow, &coming, err);
			break;
		}
		if (result != 0)
			return -1;
	}
	return 0;
}

int flow_receive(struct session *session, struct flow *flow, struct window *window, bool whole, struct err *err)
{
	if (!window->is_asked || window->whole != whole)
		flow_ask(session, flow, window, whole);
	if (drain(session, flow, window, err) != 0)
		return -1;
	for (size_t i = 0; i < window->count; i++) {
		struct pick *pick = &window->picks[i];

		if (pick->awaits && (window->is_broken || session->lacks_uids)) {
			ask_for(session, flow, window, &pick, 1);
			if (drain(session, flow, window, err) != 0)
				return -1;
		}
		if (!pick->awaits)
			continue;
		log_info("collector %s: message %u is no longer there", session->collector.name, pick->item->number);
		pick->awaits = false;
		pick->is_gone = true;
		pick->item->state = ITEM_LEAVE;
	}
	return 0;
}
