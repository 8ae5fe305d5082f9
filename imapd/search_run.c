/* imapd: who matches a search: each step decides what it can and leaves the rest to the next, dearer one. */
#include "common/base/log.h"
#include "imapd/fields.h"
#include "imapd/search_match.h"

#include <poll.h>
#include <unistd.h>

enum {
	INDEX_MIN = 20,  /* fewer messages are quicker looked into than looked up */
	LEFT_EVERY = 64, /* messages between two looks whether the client is there */
};

struct run {
	struct session *session;
	struct search_program *program;
	const struct view *view;
	uint8_t *truths; /* enum truth by position; what is not asked about is false */
	uint32_t *open;  /* positions that are not decided yet, rising */
	uint32_t *uids;  /* of those */
	size_t open_count;
	int64_t octets;                  /* of the messages that were read */
	struct mailbox_details *details; /* of those; NULL: not needed */
	bool *is_detailed;
	struct arena scratch;
	struct err *err;
};

bool search_client_left(const struct session *session)
{
	struct pollfd client = {.fd = session->conn.fd};

	return session->conn.failed != 0 ||
	       (poll(&client, 1, 0) > 0 && (client.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0);
}

static void settle(struct run *run, size_t i, struct candidate *candidate)
{
	candidate->view = run->view;
	candidate->at = run->open[i];
	candidate->arena = &run->scratch;
	candidate->err = run->err;
	if (run->is_detailed != NULL && run->is_detailed[i])
		candidate->details = &run->details[i];
	run->truths[run->open[i]] = search_match(run->program->root, candidate);
}

/* Keep what is still unknown. */
static void close_ranks(struct run *run)
{
	size_t kept = 0;

	for (size_t i = 0; i < run->open_count; i++) {
		if (run->truths[run->open[i]] != IS_UNKNOWN)
			continue;
		run->open[kept] = run->open[i];
		run->uids[kept] = run->uids[i];
		if (run->details != NULL) {
			run->details[kept] = run->details[i];
			run->is_detailed[kept] = run->is_detailed[i];
		}
		kept++;
	}
	run->open_count = kept;
}

static void open_messages(struct run *run, const struct search_result *of)
{
	const struct view *view = run->view;
	size_t count = of != NULL ? of->count : view->count;

	run->truths = arena_get(&run->session->arena, view->count + 1);
	run->open = arena_get(&run->session->arena, (count + 1) * sizeof *run->open);
	run->uids = arena_get(&run->session->arena, (count + 1) * sizeof *run->uids);
	for (size_t i = 0; i < count; i++) {
		uint32_t at = of != NULL ? of->at[i] : (uint32_t)i;

		if ((view->messages[at].flags & VIEW_GONE) != 0)
			continue;
		run->truths[at] = IS_UNKNOWN;
		run->open[run->open_count] = at;
		run->uids[run->open_count++] = view->messages[at].uid;
	}
}

static void settle_all(struct run *run)
{
	for (size_t i = 0; i < run->open_count; i++) {
		struct candidate candidate = {.view = run->view};

		settle(run, i, &candidate);
	}
	arena_reset(&run->scratch);
	close_ranks(run);
}

static void take_details(uint32_t uid, const struct mailbox_details *details, void *context)
{
	struct run *run = context;
	size_t low = 0, high = run->open_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (run->uids[middle] < uid)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < run->open_count && run->uids[low] == uid) {
		run->details[low] = *details;
		run->is_detailed[low] = true;
	}
}

static bool uses(const struct search_key *key, enum search_kind first, enum search_kind last)
{
	if (key->kind >= first && key->kind <= last)
		return true;
	for (const struct search_key *child = key->first_child; child != NULL; child = child->next)
		if (uses(child, first, last))
			return true;
	return false;
}

static int ask_store(struct run *run)
{
	const struct search_key *root = run->program->root;

	if (!uses(root, SEARCH_LARGER, SEARCH_EMAIL_ID) && !uses(root, SEARCH_THREAD_ID, SEARCH_THREAD_ID))
		return 0;
	run->details = arena_get(&run->session->arena, run->open_count * sizeof *run->details);
	run->is_detailed = arena_get(&run->session->arena, run->open_count * sizeof *run->is_detailed);
	if (mailbox_details_each(run->session->mailbox, run->view->folder, run->uids, run->open_count, take_details, run,
	                         run->err) != 0)
		return -1;
	/* Who has none went meanwhile. */
	for (size_t i = 0; i < run->open_count; i++) {
		struct candidate candidate = {.view = run->view};

		if (run->is_detailed[i])
			settle(run, i, &candidate);
		else
			run->truths[run->open[i]] = IS_FALSE;
	}
	close_ranks(run);
	return 0;
}

/* Ask the index about one key; messages it does not cover are unsure. */
static int ask_key(struct run *run, struct search_index *index, struct search_key *key, enum search_field field,
                   size_t covered)
{
	struct search_query query = {run->view->folder, run->uids, covered, field, key->text};
	uint8_t *marks = arena_get(&run->session->arena, covered + 1);
	bool is_exact;
	int result = search_index_find(index, &query, marks, &is_exact, run->err);

	if (result != 0)
		return result;
	if (key->marks == NULL) {
		key->marks = arena_get(&run->session->arena, run->view->count);
		memset(key->marks, SEARCH_UNSURE, run->view->count);
		for (size_t i = 0; i < covered; i++)
			key->marks[run->open[i]] = SEARCH_ABSENT;
		key->is_exact = true;
	}
	key->is_exact = key->is_exact && is_exact;
	for (size_t i = 0; i < covered; i++)
		if (marks[i] != SEARCH_ABSENT)
			key->marks[run->open[i]] = marks[i];
	return 0;
}

static int ask_keys(struct run *run, struct search_index *index, struct search_key *key, size_t covered)
{
	int result = 0;

	if (key->kind == SEARCH_FIELD_TEXT && key->text.len > 0) {
		enum search_field field = search_field_of(key->name);

		result = ask_key(run, index, key, field, covered);
		if (field == SEARCH_HEADER) /* whichever field it is in */
			key->is_exact = false;
	} else if (key->kind == SEARCH_BODY_TEXT && key->text.len > 0) {
		result = ask_key(run, index, key, SEARCH_BODY, covered);
	} else if (key->kind == SEARCH_ANY_TEXT && key->text.len > 0) {
		result = ask_key(run, index, key, SEARCH_HEADER, covered);
		if (result == 0)
			result = ask_key(run, index, key, SEARCH_BODY, covered);
	}
	for (struct search_key *child = key->first_child; child != NULL && result >= 0; child = child->next)
		result = ask_keys(run, index, child, covered);
	return result < 0 ? -1 : 0;
}

static void forget_marks(struct search_key *key)
{
	key->marks = NULL;
	for (struct search_key *child = key->first_child; child != NULL; child = child->next)
		forget_marks(child);
}

/* The full-text index. What fails here only makes the search slower. */
static void ask_index(struct run *run)
{
	struct search_index *index;
	struct err err;
	uint32_t upto;
	size_t covered = 0;

	if (run->open_count < INDEX_MIN || !uses(run->program->root, SEARCH_FIELD_TEXT, SEARCH_ANY_TEXT) ||
	    !settings_flag(&run->session->imapd->settings, SETTING_IMAP_FULL_TEXT_SEARCH))
		return;
	if (search_index_open(&index, run->session->mailbox, &err) != 0) {
		if (err.code != ERR_NOT_FOUND)
			log_warning("the search index cannot be used, user=%s: %s", run->session->user, err.text);
		return;
	}
	upto = search_index_covered(index, run->view->folder, run->view->state.uidvalidity);
	while (covered < run->open_count && run->uids[covered] < upto)
		covered++;
	if (covered > 0 && ask_keys(run, index, run->program->root, covered) != 0) {
		log_warning("the search index failed, user=%s: %s", run->session->user, run->err->text);
		forget_marks(run->program->root);
	}
	search_index_close(index);
	settle_all(run);
}

static void match_fields(size_t i, struct str fields, void *context)
{
	struct run *run = context;
	struct candidate candidate = {.fields = &fields};

	settle(run, i, &candidate);
	arena_reset(&run->scratch);
}

static int ask_fields(struct run *run)
{
	int result;

	if (search_needs_text(run->program->root)) /* then the message is read anyway */
		return 0;
	result = fields_each(run->session, run->uids, run->open_count, match_fields, run, run->err);
	/* Nobody visited those that went. */
	for (size_t i = 0; i < run->open_count; i++)
		if (run->truths[run->open[i]] == IS_UNKNOWN)
			run->truths[run->open[i]] = IS_FALSE;
	run->open_count = 0;
	return result;
}

/* Who reads much waits for his turn. */
static int take_turn(struct run *run, bool takes_long)
{
	if (!takes_long || search_take_turn(run->session))
		return 0;
	return err_set(run->err, ERR_TIMEOUT, "no turn to search");
}

static int read_message(struct run *run, size_t i)
{
	struct search_text text;
	struct candidate candidate = {.text = &text};
	struct mime_source source = {.fd = -1};
	int fd, result = fields_open_message(run->session, run->uids[i], &source, &fd, run->err);

	run->truths[run->open[i]] = IS_FALSE;
	if (result <= 0)
		return result;
	run->octets += source.size;
	result = take_turn(run, run->octets > SEARCH_LONG_OCTETS);
	if (result == 0)
		result = search_text_open(&text, source, &run->scratch, run->err);
	if (result == 0) {
		settle(run, i, &candidate);
		result = candidate.failed ? -1 : 0;
	}
	close(fd);
	arena_reset(&run->scratch);
	/* A message that is damaged holds nothing beyond what could be read of it. */
	if (result == 0 || run->err->code != ERR_CORRUPT)
		return result;
	run->truths[run->open[i]] = IS_FALSE;
	return 0;
}

static int read_messages(struct run *run)
{
	if (take_turn(run, run->open_count >= SEARCH_LONG_TEXTS) != 0)
		return -1;
	for (size_t i = 0; i < run->open_count; i++) {
		if (read_message(run, i) != 0)
			return -1;
		if (i % LEFT_EVERY != 0)
			continue;
		session_progress(run->session, i, run->open_count);
		if (search_client_left(run->session))
			return err_set(run->err, ERR_CLOSED, "the client left");
	}
	return 0;
}

static int decide(struct run *run)
{
	settle_all(run);
	if (run->open_count > 0 && ask_store(run) != 0)
		return -1;
	if (run->open_count > 0)
		ask_index(run);
	if (run->open_count > 0 && ask_fields(run) != 0)
		return -1;
	return read_messages(run);
}

/* What matches, in the order of `of`. */
static void collect(const struct run *run, const struct search_result *of, struct search_result *result)
{
	size_t count = of != NULL ? of->count : run->view->count;

	result->at = arena_get(&run->session->arena, (count + 1) * sizeof *result->at);
	result->count = 0;
	for (size_t i = 0; i < count; i++) {
		uint32_t at = of != NULL ? of->at[i] : (uint32_t)i;

		if (run->truths[at] == IS_TRUE)
			result->at[result->count++] = at;
	}
}

void search_fail(struct session *session, const struct err *err)
{
	if (err->code == ERR_CLOSED)
		imap_no(session, NULL, "The search was given up");
	else if (err->code != ERR_TIMEOUT)
		imap_no_store(session, err);
}

int search_run(struct session *session, struct search_program *program, const struct search_result *of,
               struct search_result *result)
{
	struct err err = {.code = ERR_NONE};
	struct run run = {.session = session, .program = program, .view = session->view, .err = &err};
	int decided;

	arena_init(&run.scratch);
	open_messages(&run, of);
	decided = decide(&run);
	arena_free(&run.scratch);
	forget_marks(program->root);
	if (decided == 0)
		collect(&run, of, result);
	else
		search_fail(session, &err);
	return decided;
}
