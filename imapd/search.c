/* imapd: SEARCH and SORT. */
#include "imapd/search.h"

#include "common/status/status.h"
#include "imapd/context.h"
#include "imapd/indexer.h"
#include "imapd/notify.h"
#include "imapd/sort.h"

enum { SLOT_WAIT_MS = 30000 }; /* 05-13.4 */

bool search_take_turn(struct session *session)
{
	struct status_slot slot = {
	    .class = STATUS_IMAP_SEARCH,
	    .key = session->user,
	    .limit = (long)settings_number(&session->imapd->settings, SETTING_IMAP_SEARCHES_PER_USER),
	    .wait_ms = SLOT_WAIT_MS,
	};
	struct err err;

	if (!session->has_search_turn)
		session->has_search_turn = status_acquire(&session->statusd, &slot, &err) == 0;
	if (session->has_search_turn)
		return true;
	imap_no(session, "LIMIT", "Too many concurrent searches - try again later");
	return false;
}

void search_end_turn(struct session *session)
{
	if (session->has_search_turn)
		status_release(&session->statusd, STATUS_IMAP_SEARCH);
	session->has_search_turn = false;
}

/* A search or sort as the client asked for it. */
struct request {
	struct search_options options;
	struct search_program program;
	struct sort_program sort;
	bool is_sort;
	struct context *context; /* UPDATE; NULL: not asked for, or refused */
};

/* SEARCH [CHARSET x] keys; SORT (order) charset keys. */
static bool parse_rest(struct session *session, struct request *request)
{
	struct imap_parser *parser = &session->parser;
	struct str charset = STR("");
	struct arena *arena = request->context != NULL ? context_arena(request->context) : &session->arena;

	if (request->is_sort) {
		if (!sort_parse(session, &request->sort))
			return false;
		if (!imap_parse_space(parser)) {
			imap_refuse(session);
			return false;
		}
	}
	if (request->is_sort || imap_skip_word(parser, "CHARSET")) {
		if (!request->is_sort && !imap_parse_space(parser)) {
			imap_refuse(session);
			return false;
		}
		if (!search_parse_charset(session, &charset))
			return false;
		if (!imap_parse_space(parser)) {
			imap_refuse(session);
			return false;
		}
	}
	return search_parse_program(session, charset, arena, &request->program);
}

static bool parse(struct session *session, struct request *request)
{
	struct imap_parser *parser = &session->parser;

	if (!imap_parse_space(parser)) {
		imap_refuse(session);
		return false;
	}
	/* RFC 9051 6.4.4: who has enabled IMAP4rev2 is answered by ESEARCH only. SORT is an extension and stays itself. */
	if (!search_parse_options(session, &request->options, session->enabled.rev2 && !request->is_sort))
		return false;
	if (request->options.update && contexts_have_tag(session, session->tag)) {
		imap_bad(session, "The tag is in use by a search that is kept up to date");
		return false;
	}
	if (request->options.attributes.len > 0 &&
	    notify_fetch(session, STR("4294967295"), request->options.attributes) != IMAP_OK) {
		imap_bad(session, "What UPDATE is to fetch is not known");
		return false;
	}
	if (request->options.update)
		request->context = context_begin(session);
	return parse_rest(session, request);
}

static int run(struct session *session, struct request *request, struct search_result *result)
{
	int done = search_run(session, &request->program, NULL, result);

	if (done == 0 && request->is_sort)
		done = sort_run(session, &request->sort, result);
	search_end_turn(session);
	return done;
}

static void answer(struct session *session, struct request *request, const struct search_result *result)
{
	search_answer(session, &request->options, &request->program, result, request->is_sort ? "SORT" : "SEARCH");
	if (request->context != NULL)
		context_add(session, request->context, &request->program, request->is_sort ? &request->sort : NULL,
		            request->options.attributes, result);
	else if (request->options.update) /* RFC 5267 4.3.1 */
		conn_printf(&session->conn, "* NO [NOUPDATE \"%.*s\"] Too many contexts\r\n", STR_ARG(session->tag));
	request->context = NULL;
}

static void search_or_sort(struct session *session, bool is_sort)
{
	struct request request = {.is_sort = is_sort};
	struct search_result result;

	if (!parse(session, &request)) {
		/* RFC 5182 2.1: a search that ends with NO leaves nothing in "$", one that ends with BAD what was there */
		if (request.options.save && session->status == IMAP_NO)
			search_forget_saved(session);
		context_drop(request.context);
		return;
	}
	if (request.program.has_modseq)
		session_enable_condstore(session);
	if (run(session, &request, &result) == 0)
		answer(session, &request, &result);
	else if (request.options.save)
		search_forget_saved(session);
	context_drop(request.context);
	if (request.program.dearest >= SEARCH_FIELD_TEXT)
		indexer_wake(session);
}

void command_search(struct session *session)
{
	search_or_sort(session, false);
}

void command_sort(struct session *session)
{
	search_or_sort(session, true);
}
