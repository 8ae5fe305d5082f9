/* imapd: what SEARCH and SORT answer, and what is saved as "$" (RFC 9051 6.4.4, RFC 4731, RFC 5182, RFC 9394 3.2). */
#include "common/base/memory.h"
#include "imapd/search.h"

#include <inttypes.h>
#include <stdlib.h>

static uint32_t name_of(const struct session *session, const struct search_result *result, size_t i)
{
	return session->by_uid ? session->view->messages[result->at[i]].uid : result->at[i] + 1;
}

static size_t place_of(const struct search_result *result, bool is_max)
{
	return is_max ? result->count - 1 : 0;
}

/* The part of a result that PARTIAL asks for: *first, and how many. */
static size_t partial_of(const struct search_options *options, const struct search_result *result, size_t *first)
{
	size_t from = options->partial_first, to = options->partial_last;

	if (from > result->count)
		return 0;
	if (to > result->count)
		to = result->count;
	*first = options->from_end ? result->count - to : from - 1;
	return to - from + 1;
}

static void write_set(struct session *session, const struct search_result *result, size_t first, size_t count)
{
	struct sequence_builder set;

	sequence_builder_init(&set);
	for (size_t i = first; i < first + count; i++)
		sequence_builder_add(&set, name_of(session, result, i));
	conn_write(&session->conn, sequence_builder_text(&set));
	sequence_builder_free(&set);
}

static int64_t modseq_at(const struct session *session, const struct search_result *result, size_t i)
{
	return session->view->messages[result->at[i]].modseq;
}

/* RFC 4731 3.2: that of the messages which are named. */
static int64_t modseq_of(const struct session *session, const struct search_options *options,
                         const struct search_result *result)
{
	bool only_ends = options->given && (options->min || options->max) && !options->all && !options->count;
	int64_t modseq = 0;

	for (size_t i = 0; i < result->count; i++) {
		bool is_named = !only_ends || (options->min && i == place_of(result, false)) ||
		                (options->max && i == place_of(result, true));

		if (is_named && modseq_at(session, result, i) > modseq)
			modseq = modseq_at(session, result, i);
	}
	return modseq;
}

static void write_partial(struct session *session, const struct search_options *options,
                          const struct search_result *result)
{
	size_t first = 0, count = partial_of(options, result, &first);

	conn_printf(&session->conn, " PARTIAL (%.*s ", STR_ARG(options->partial_text));
	if (count == 0)
		conn_write(&session->conn, STR("NIL"));
	else
		write_set(session, result, first, count);
	conn_write(&session->conn, STR(")"));
}

static void write_esearch(struct session *session, const struct search_options *options, bool has_modseq,
                          const struct search_result *result)
{
	struct conn *conn = &session->conn;

	conn_printf(conn, "* ESEARCH (TAG \"%.*s\")%s", STR_ARG(session->tag), session->by_uid ? " UID" : "");
	if (options->min && result->count > 0)
		conn_printf(conn, " MIN %u", name_of(session, result, place_of(result, false)));
	if (options->max && result->count > 0)
		conn_printf(conn, " MAX %u", name_of(session, result, place_of(result, true)));
	if (options->count)
		conn_printf(conn, " COUNT %zu", result->count);
	if (options->all && result->count > 0) {
		conn_write(conn, STR(" ALL "));
		write_set(session, result, 0, result->count);
	}
	if (options->partial)
		write_partial(session, options, result);
	if (has_modseq && result->count > 0)
		conn_printf(conn, " MODSEQ %" PRId64, modseq_of(session, options, result));
	conn_write(conn, STR("\r\n"));
}

/* A blank and a number: of these there may be a hundred thousand. */
static void write_number(struct conn *conn, uint32_t number)
{
	char digits[12];
	size_t at = sizeof digits;

	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	digits[--at] = ' ';
	conn_write(conn, str_from(digits + at, sizeof digits - at));
}

static void write_plain(struct session *session, const char *word, const struct search_options *options,
                        bool has_modseq, const struct search_result *result)
{
	struct conn *conn = &session->conn;

	conn_printf(conn, "* %s", word);
	for (size_t i = 0; i < result->count; i++)
		write_number(conn, name_of(session, result, i));
	if (has_modseq && result->count > 0)
		conn_printf(conn, " (MODSEQ %" PRId64 ")", modseq_of(session, options, result));
	conn_write(conn, STR("\r\n"));
}

static int by_value(const void *a, const void *b)
{
	const uint32_t *left = a, *right = b;

	return *left < *right ? -1 : *left > *right;
}

void search_forget_saved(struct session *session)
{
	memory_free(session->saved.ranges);
	session->saved = (struct sequence){NULL, 0};
}

static void save_uids(struct session *session, uint32_t *uids, size_t count)
{
	struct sequence *saved = &session->saved;

	search_forget_saved(session);
	if (count == 0)
		return;
	qsort(uids, count, sizeof *uids, by_value);
	saved->ranges = memory_get(count * sizeof *saved->ranges);
	for (size_t i = 0; i < count; i++) {
		struct sequence_range *last = saved->count > 0 ? &saved->ranges[saved->count - 1] : NULL;

		if (last != NULL && uids[i] <= last->last + 1)
			last->last = uids[i];
		else
			saved->ranges[saved->count++] = (struct sequence_range){uids[i], uids[i]};
	}
	saved->ranges = memory_resize(saved->ranges, saved->count * sizeof *saved->ranges);
}

/* RFC 5182 2.1, RFC 9394 3.2: what MIN, MAX and PARTIAL name, or else everything that was found. */
static void save(struct session *session, const struct search_options *options, const struct search_result *result)
{
	bool only_named = (options->min || options->max || options->partial) && !options->all && !options->count;
	uint32_t *uids = arena_get(&session->arena, (result->count + 2) * sizeof *uids);
	size_t count = 0, first = 0, part = only_named && options->partial ? partial_of(options, result, &first) : 0;

	for (size_t i = 0; i < result->count; i++)
		if (!only_named || (options->min && i == place_of(result, false)) ||
		    (options->max && i == place_of(result, true)) || (i >= first && i < first + part))
			uids[count++] = session->view->messages[result->at[i]].uid;
	save_uids(session, uids, count);
}

void search_answer(struct session *session, const struct search_options *options, const struct search_program *program,
                   const struct search_result *result, const char *word)
{
	bool says_something = options->min || options->max || options->all || options->count || options->partial;

	if (!options->given)
		write_plain(session, word, options, program->has_modseq, result);
	else if (says_something) /* RFC 5182 2.4: SAVE alone is answered by OK alone */
		write_esearch(session, options, program->has_modseq, result);
	if (options->save)
		save(session, options, result);
}
