#include "imapd/context.h"

#include "common/base/memory.h"
#include "imapd/notify.h"

#include <stdlib.h>

struct context {
	struct context *next;
	struct arena arena;
	struct str tag;
	bool by_uid;
	struct search_program program;
	bool is_sorted;
	struct sort_program sort;
	struct str attributes; /* what to FETCH of new messages that match, or empty */
	int64_t modseq;        /* the view's, when the result was right last */
	uint32_t uidnext;      /* the same */
	uint32_t *uids;        /* the result: in the sort's order, or rising */
	size_t count;
};

struct contexts {
	struct context *first;
	size_t count;
};

struct context *context_begin(struct session *session)
{
	struct context *context;

	if (session->contexts != NULL && session->contexts->count >= CONTEXTS_MAX)
		return NULL;
	context = memory_get(sizeof *context);
	arena_init(&context->arena);
	return context;
}

struct arena *context_arena(struct context *context)
{
	return &context->arena;
}

void context_drop(struct context *context)
{
	if (context == NULL)
		return;
	arena_free(&context->arena);
	memory_free(context->uids);
	memory_free(context);
}

void context_add(struct session *session, struct context *context, const struct search_program *program,
                 const struct sort_program *sort, struct str attributes, const struct search_result *result)
{
	if (session->contexts == NULL)
		session->contexts = memory_get(sizeof *session->contexts);
	context->tag = arena_copy(&context->arena, session->tag);
	context->by_uid = session->by_uid;
	context->attributes = arena_copy(&context->arena, attributes);
	context->uidnext = session->view->state.uidnext;
	context->program = *program;
	context->is_sorted = sort != NULL;
	if (sort != NULL)
		context->sort = *sort;
	context->modseq = session->view->state.modseq;
	context->uids = memory_get(result->count * sizeof *context->uids);
	context->count = result->count;
	for (size_t i = 0; i < result->count; i++)
		context->uids[i] = session->view->messages[result->at[i]].uid;
	context->next = session->contexts->first;
	session->contexts->first = context;
	session->contexts->count++;
}

bool contexts_have_tag(const struct session *session, struct str tag)
{
	if (session->contexts != NULL)
		for (const struct context *context = session->contexts->first; context != NULL; context = context->next)
			if (str_equal(context->tag, tag))
				return true;
	return false;
}

void contexts_close(struct session *session)
{
	if (session->contexts == NULL)
		return;
	while (session->contexts->first != NULL) {
		struct context *context = session->contexts->first;

		session->contexts->first = context->next;
		context_drop(context);
	}
	memory_free(session->contexts);
	session->contexts = NULL;
}

/* Messages that enter or leave a result: where they are in the view, and in the result. */
struct change {
	size_t at;       /* position in the view */
	size_t position; /* in the result, from 0 */
};

struct changes {
	struct change *list;
	size_t count;
};

/* "* ESEARCH (TAG "x") UID ADDTO (0 4:5)"; positions count from 1 where the result has an order of its own. */
static void tell(struct session *session, const struct context *context, const char *word,
                 const struct changes *changes)
{
	struct sequence_builder set;

	if (changes->count == 0)
		return;
	conn_printf(&session->conn, "* ESEARCH (TAG \"%.*s\")%s %s (", STR_ARG(context->tag), context->by_uid ? " UID" : "",
	            word);
	sequence_builder_init(&set);
	for (size_t i = 0; i < changes->count; i++) {
		size_t at = changes->list[i].at;
		uint32_t name = context->by_uid ? session->view->messages[at].uid : (uint32_t)at + 1;

		if (context->is_sorted)
			conn_printf(&session->conn, "%s%zu %u", i > 0 ? " " : "", changes->list[i].position + 1, name);
		else
			sequence_builder_add(&set, name);
	}
	if (!context->is_sorted) {
		conn_write(&session->conn, STR("0 "));
		conn_write(&session->conn, sequence_builder_text(&set));
	}
	sequence_builder_free(&set);
	conn_write(&session->conn, STR(")\r\n"));
}

static bool holds(const struct context *context, uint32_t uid, size_t *position)
{
	size_t low = 0, high = context->count;

	if (context->is_sorted) {
		for (*position = 0; *position < context->count; ++*position)
			if (context->uids[*position] == uid)
				return true;
		return false;
	}
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (context->uids[middle] < uid)
			low = middle + 1;
		else
			high = middle;
	}
	*position = low;
	return low < context->count && context->uids[low] == uid;
}

/* From the end, so that each position is right when the client comes to it. */
static int by_position_down(const void *a, const void *b)
{
	const struct change *left = a, *right = b;

	return left->position > right->position ? -1 : left->position < right->position;
}

/* Tell who leaves, and take them out. */
static void leave(struct session *session, struct context *context, struct changes *leaving)
{
	size_t kept = 0;

	if (leaving->count == 0)
		return;
	if (context->is_sorted)
		qsort(leaving->list, leaving->count, sizeof *leaving->list, by_position_down);
	tell(session, context, "REMOVEFROM", leaving);
	for (size_t i = 0; i < leaving->count; i++)
		context->uids[leaving->list[i].position] = 0;
	for (size_t i = 0; i < context->count; i++)
		if (context->uids[i] != 0)
			context->uids[kept++] = context->uids[i];
	context->count = kept;
}

static void remove_gone(struct session *session, struct context *context)
{
	const struct view *view = session->view;
	struct changes leaving = {memory_get((context->count + 1) * sizeof *leaving.list), 0};
	size_t position;

	for (size_t at = 0; at < view->count; at++)
		if ((view->messages[at].flags & VIEW_GONE) != 0 && holds(context, view->messages[at].uid, &position))
			leaving.list[leaving.count++] = (struct change){at, position};
	leave(session, context, &leaving);
	memory_free(leaving.list);
}

void contexts_before_expunge(struct session *session)
{
	if (session->contexts == NULL || session->view->gone == 0)
		return;
	for (struct context *context = session->contexts->first; context != NULL; context = context->next)
		remove_gone(session, context);
}

/* The messages that changed since the result was right last. */
static void find_changed(struct session *session, const struct context *context, struct search_result *changed)
{
	const struct view *view = session->view;

	changed->at = arena_get(&session->arena, (view->count + 1) * sizeof *changed->at);
	for (size_t at = 0; at < view->count; at++)
		if (view->messages[at].modseq > context->modseq && (view->messages[at].flags & VIEW_GONE) == 0)
			changed->at[changed->count++] = (uint32_t)at;
}

/* Compare what changed with what matches now (both rising). */
static void split(struct session *session, const struct context *context, const struct search_result *changed,
                  const struct search_result *matching, struct changes *leaving, struct changes *joining)
{
	size_t m = 0, position;

	leaving->list = arena_get(&session->arena, (changed->count + 1) * sizeof *leaving->list);
	joining->list = arena_get(&session->arena, (changed->count + 1) * sizeof *joining->list);
	for (size_t i = 0; i < changed->count; i++) {
		size_t at = changed->at[i];
		bool was = holds(context, session->view->messages[at].uid, &position);
		bool is = m < matching->count && matching->at[m] == at;

		m += is;
		if (was && !is)
			leaving->list[leaving->count++] = (struct change){at, position};
		else if (!was && is)
			joining->list[joining->count++] = (struct change){at, 0};
	}
}

static int by_place(const void *a, const void *b)
{
	const uint32_t *left = a, *right = b;

	return *left < *right ? -1 : *left > *right;
}

/* Put those who join in their places. -1: they cannot be sorted, and are left out. */
static int join(struct session *session, struct context *context, struct changes *joining)
{
	struct search_result all = {arena_get(&session->arena, (context->count + joining->count) * sizeof *all.at), 0};
	struct changes places = {arena_get(&session->arena, joining->count * sizeof *places.list), 0};

	for (size_t i = 0; i < context->count; i++) {
		uint32_t number = view_number(session->view, context->uids[i]);

		if (number > 0)
			all.at[all.count++] = number - 1;
	}
	for (size_t i = 0; i < joining->count; i++)
		all.at[all.count++] = (uint32_t)joining->list[i].at;
	qsort(all.at, all.count, sizeof *all.at, by_place);
	if (context->is_sorted && sort_run(session, &context->sort, &all) != 0)
		return -1;
	for (size_t i = 0; i < all.count; i++)
		for (size_t j = 0; j < joining->count && context->is_sorted; j++)
			if (joining->list[j].at == all.at[i])
				places.list[places.count++] = (struct change){all.at[i], i};
	tell(session, context, "ADDTO", context->is_sorted ? &places : joining);
	context->uids = memory_resize(context->uids, (all.count + 1) * sizeof *context->uids);
	context->count = all.count;
	for (size_t i = 0; i < all.count; i++)
		context->uids[i] = session->view->messages[all.at[i]].uid;
	return 0;
}

/* RFC 5465 section 7: of messages that are new, before ADDTO; not of those whose flags changed. */
static void fetch_new(struct session *session, const struct context *context, const struct changes *joining)
{
	struct sequence_builder uids;

	sequence_builder_init(&uids);
	for (size_t i = 0; i < joining->count; i++) {
		uint32_t uid = session->view->messages[joining->list[i].at].uid;

		if (uid >= context->uidnext)
			sequence_builder_add(&uids, uid);
	}
	if (sequence_builder_text(&uids).len > 0)
		notify_fetch(session, sequence_builder_text(&uids), context->attributes);
	sequence_builder_free(&uids);
}

static void bring_up(struct session *session, struct context *context)
{
	struct search_result changed = {NULL, 0}, matching = {NULL, 0};
	struct changes leaving = {NULL, 0}, joining = {NULL, 0};
	uint32_t uidnext = session->view->state.uidnext; /* a FETCH may let the view go on */

	find_changed(session, context, &changed);
	context->modseq = session->view->state.modseq;
	if (changed.count == 0 || search_run(session, &context->program, &changed, &matching) != 0)
		return;
	split(session, context, &changed, &matching, &leaving, &joining);
	leave(session, context, &leaving);
	if (joining.count > 0 && context->attributes.len > 0)
		fetch_new(session, context, &joining);
	if (joining.count > 0)
		join(session, context, &joining);
	context->uidnext = uidnext;
}

void contexts_after(struct session *session)
{
	struct arena arena = session->arena;
	enum imap_status status = session->status;
	struct str code = session->code, text = session->text;

	if (session->contexts == NULL)
		return;
	/* It may happen in any command, or in IDLE: neither its memory nor its answer is touched. */
	arena_init(&session->arena);
	for (struct context *context = session->contexts->first; context != NULL; context = context->next)
		if (context->modseq < session->view->state.modseq)
			bring_up(session, context);
	search_end_turn(session);
	arena_free(&session->arena);
	session->arena = arena;
	session->status = status;
	session->code = code;
	session->text = text;
}

static void cancel(struct session *session, struct str tag)
{
	for (struct context **at = &session->contexts->first; *at != NULL; at = &(*at)->next)
		if (str_equal((*at)->tag, tag)) {
			struct context *context = *at;

			*at = context->next;
			session->contexts->count--;
			context_drop(context);
			return;
		}
}

/* CANCELUPDATE 1*(SP quoted), RFC 5267 4.3.5. */
void command_cancelupdate(struct session *session)
{
	struct imap_parser *parser = &session->parser;
	struct buf tags;
	struct str tag, rest;

	buf_init(&tags, IMAP_COMMAND_MAX);
	do {
		if (imap_parse_space(parser) && imap_parse_string(parser, &tag)) {
			buf_add_str(&tags, tag);
			buf_add_char(&tags, '\n');
		}
	} while (parser->failure == IMAP_PARSED && !imap_at_end(parser));
	rest = buf_str(&tags);
	if (parser->failure != IMAP_PARSED)
		imap_refuse(session);
	else
		while (rest.len > 0) {
			tag = str_cut(&rest, '\n');
			if (!contexts_have_tag(session, tag)) {
				imap_bad(session, "No search with that tag is kept up to date");
				break;
			}
			cancel(session, tag);
		}
	buf_free(&tags);
}
