/* imapd: FETCH and UID FETCH: which messages, and what the store knows of them, some at a time. */
#include "imapd/fetch.h"

#include "common/base/log.h"
#include "common/base/memory.h"
#include "imapd/resync.h"
#include "imapd/rights.h"

#include <unistd.h>

enum {
	BATCH = 64,
	BATCH_BLOBS_MAX = BATCH * STORE_CACHE_MAX,
	TURN_WAIT_MS = 40000,
	TURN_MESSAGES = 1000, /* of which a FETCH tells without waiting for its turn */
};

/* What was asked of the store for some messages, and what it is to keep of them. */
struct batch {
	struct fetch *fetch;
	const uint32_t *uids;
	size_t count;
	struct mailbox_details details[BATCH];
	bool has_details[BATCH];
	struct buf blobs;
	size_t blob_at[BATCH], blob_len[BATCH];
	struct buf learned; /* new blobs */
	uint32_t learned_uids[BATCH];
	size_t learned_at[BATCH + 1], learned_count;
	size_t next; /* where the next visit looks for its UID */
};

bool fetch_wants_details(const struct fetch *fetch)
{
	for (size_t i = 0; i < fetch->count; i++) {
		enum fetch_what what = fetch->items[i].what;

		if (what == FETCH_INTERNALDATE || what == FETCH_SIZE || what == FETCH_SAVEDATE || what == FETCH_EMAILID ||
		    what == FETCH_THREADID || fetch->items[i].is_lazy)
			return true;
	}
	return false;
}

bool fetch_wants_cached(const struct fetch *fetch)
{
	for (size_t i = 0; i < fetch->count; i++) {
		const struct fetch_item *item = &fetch->items[i];

		if (item->what == FETCH_ENVELOPE || item->what == FETCH_BODYSTRUCTURE || item->what == FETCH_PREVIEW ||
		    item->what == FETCH_THREADID)
			return true;
		if (item->what == FETCH_SECTION && item->section.count == 0 && item->section.text != SECTION_ALL)
			return true;
	}
	return false;
}

/* Visits come in the order of the UIDs. */
static size_t find_in_batch(struct batch *batch, uint32_t uid)
{
	while (batch->next < batch->count && batch->uids[batch->next] < uid)
		batch->next++;
	return batch->next < batch->count && batch->uids[batch->next] == uid ? batch->next : BATCH;
}

static void see_details(uint32_t uid, const struct mailbox_details *details, void *context)
{
	struct batch *batch = context;
	size_t i = find_in_batch(batch, uid);

	if (i < BATCH) {
		batch->details[i] = *details;
		batch->has_details[i] = true;
	}
}

static void see_blob(uint32_t uid, struct str blob, void *context)
{
	struct batch *batch = context;
	size_t i = find_in_batch(batch, uid), at = batch->blobs.len;

	if (i < BATCH && buf_add_str(&batch->blobs, blob) == 0) {
		batch->blob_at[i] = at;
		batch->blob_len[i] = blob.len;
	}
}

static int ask_store(struct batch *batch, struct err *err)
{
	struct session *session = batch->fetch->session;
	int64_t folder = session->view->folder;

	memset(batch->has_details, 0, sizeof batch->has_details);
	memset(batch->blob_len, 0, sizeof batch->blob_len);
	buf_reset(&batch->blobs);
	batch->next = 0;
	if (fetch_wants_details(batch->fetch) &&
	    mailbox_details_each(session->mailbox, folder, batch->uids, batch->count, see_details, batch, err) != 0)
		return -1;
	batch->next = 0;
	if (!fetch_wants_cached(batch->fetch))
		return 0;
	return mailbox_cache_each(session->mailbox, folder, batch->uids, batch->count, see_blob, batch, err);
}

/*
 * RFC 9051 6.4.5: fetching a body sets \Seen. Where that cannot be done the message is shown all the same.
 * The view follows at once, so that the answers tell of it.
 */
static int set_seen(struct batch *batch, struct err *err)
{
	struct session *session = batch->fetch->session;
	const struct store_change change = {.how = STORE_ADD, .flags = STORE_SEEN, .unchanged_since = -1};
	struct view *view = session->view;
	uint32_t unseen[BATCH];
	size_t count = 0;

	if (view->read_only || (view->rights & RIGHT_SEEN) == 0)
		return 0;
	for (size_t i = 0; i < batch->count; i++) {
		size_t at = view_lower_bound(view, batch->uids[i]);

		if (at < view->count && view->messages[at].uid == batch->uids[i] &&
		    (view->messages[at].flags & STORE_SEEN) == 0)
			unseen[count++] = batch->uids[i];
	}
	if (count == 0)
		return 0;
	if (mailbox_store(session->mailbox, view->folder, unseen, count, &change, NULL, NULL, IMAP_WAIT_MS, err) != 0) {
		log_warning("cannot mark messages as seen, user=%s: %s", session->user, err->text);
		return 0;
	}
	for (size_t i = 0; i < count && session->guest == NULL; i++)
		receipts_fetched(&session->receipts, session->mailbox, view->folder, unseen[i], session->user);
	session_ring(session);
	return view_follow(view, session->mailbox, err);
}

/* Note a message's new blob, to be kept at the end of the batch. */
static void note_learned(struct batch *batch, const struct fetch_message *message)
{
	size_t before = batch->learned.len;

	if (!message->learned)
		return;
	if (cached_write(&message->cached, &batch->learned) != 0) {
		batch->learned.len = before;
		return;
	}
	batch->learned_uids[batch->learned_count++] = message->uid;
	batch->learned_at[batch->learned_count] = batch->learned.len;
}

/* That nothing is kept costs time only. */
static void keep_learned(struct batch *batch)
{
	struct session *session = batch->fetch->session;
	struct mailbox_cached cached[BATCH];
	struct err err;

	for (size_t i = 0; i < batch->learned_count; i++)
		cached[i] =
		    (struct mailbox_cached){batch->learned_uids[i], str_sub(buf_str(&batch->learned), batch->learned_at[i],
		                                                            batch->learned_at[i + 1] - batch->learned_at[i])};
	if (batch->learned_count != 0 &&
	    mailbox_cache_put(session->mailbox, session->view->folder, cached, batch->learned_count, &err) != 0)
		log_warning("cannot keep envelopes, user=%s: %s", session->user, err.text);
	batch->learned_count = 0;
	buf_reset(&batch->learned);
}

static int write_one(struct batch *batch, size_t i, struct arena *arena, struct err *err)
{
	struct fetch *fetch = batch->fetch;
	const struct view *view = fetch->session->view;
	struct fetch_message message = {.uid = batch->uids[i], .fd = -1};
	int result;

	message.at = view_lower_bound(view, message.uid);
	if (message.at >= view->count || view->messages[message.at].uid != message.uid)
		return 0;
	message.has_details = batch->has_details[i];
	message.details = batch->details[i];
	/* Gone, and the client was not told yet: what is left of it can still be fetched. */
	if (fetch_wants_details(fetch) && !message.has_details) {
		if (mailbox_details_gone(fetch->session->mailbox, fetch->folder, message.uid, &message.details, err) != 0)
			return -1;
		message.has_details = true;
	}
	message.arena = *arena;
	message.has_cached =
	    batch->blob_len[i] != 0 &&
	    cached_read(str_sub(buf_str(&batch->blobs), batch->blob_at[i], batch->blob_len[i]), &message.cached);
	result = fetch_write_message(fetch, &message, err);
	if (result == 0)
		note_learned(batch, &message);
	if (message.fd >= 0)
		close(message.fd);
	*arena = message.arena;
	arena_reset(arena);
	return result;
}

/* -1: the command cannot go on. Messages that are gone are passed over. */
static int run_batch(struct batch *batch, struct arena *arena, struct err *err)
{
	struct fetch *fetch = batch->fetch;

	if (fetch->sets_seen && set_seen(batch, err) != 0)
		return -1;
	if (ask_store(batch, err) != 0)
		return -1;
	for (size_t i = 0; i < batch->count; i++) {
		if (write_one(batch, i, arena, err) == 0)
			continue;
		if (fetch->session->conn.failed != 0 || err->code != ERR_NOT_FOUND)
			return -1;
		fetch->lost = true;
	}
	keep_learned(batch);
	return 0;
}

int fetch_take_turn(struct fetch *fetch, struct err *err)
{
	struct session *session = fetch->session;
	const struct settings *settings = &session->imapd->settings;
	const struct status_slot slot = {
	    .class = STATUS_IMAP_FETCH,
	    .key = session->user,
	    .limit = (long)settings_number(settings, SETTING_IMAP_FETCHES_PER_USER),
	    .total = (long)settings_number(settings, SETTING_IMAP_FETCHES),
	    .wait_ms = TURN_WAIT_MS,
	};

	if (fetch->in_turn)
		return 0;
	if (status_acquire(&session->statusd, &slot, err) != 0)
		return err_set(err, ERR_LIMIT, "Too many current FETCHes active");
	fetch->in_turn = true;
	return 0;
}

/* All the messages; -1: the command cannot go on. */
static int run_all(struct fetch *fetch, struct batch *batch, const uint32_t *uids, size_t count, struct err *err)
{
	struct session *session = fetch->session;
	struct arena arena;
	int result = 0;

	if (count > TURN_MESSAGES && fetch_take_turn(fetch, err) != 0)
		return -1;
	arena_init(&arena);
	for (size_t done = 0; done < count && result == 0 && session->conn.failed == 0; done += batch->count) {
		batch->uids = uids + done;
		batch->count = count - done < BATCH ? count - done : BATCH;
		result = run_batch(batch, &arena, err);
		if (done != 0)
			session_progress(session, done, count);
	}
	arena_free(&arena);
	return result;
}

static void run(struct fetch *fetch, const uint32_t *uids, size_t count)
{
	struct session *session = fetch->session;
	struct batch *batch = memory_get(sizeof *batch);
	struct err err;
	int result;

	batch->fetch = fetch;
	buf_init(&batch->blobs, BATCH_BLOBS_MAX);
	buf_init(&batch->learned, BATCH_BLOBS_MAX);
	result = run_all(fetch, batch, uids, count, &err);
	buf_free(&batch->blobs);
	buf_free(&batch->learned);
	memory_free(batch);
	if (fetch->in_turn)
		status_release(&session->statusd, STATUS_IMAP_FETCH);
	if (result != 0 && session->conn.failed == 0)
		imap_no_store(session, &err);
	else if (fetch->undecodable)
		imap_no(session, "UNKNOWN-CTE", "A part is encoded in a way that is not known here");
	else if (fetch->lost)
		imap_ok(session, "EXPUNGEISSUED", "%s completed, but messages are gone", session->command->name);
}

/* RFC 9394 3.3: the window is counted among the messages of the set. */
static void cut_window(const struct fetch *fetch, uint32_t **uids, size_t *count)
{
	int64_t first = fetch->partial_first, last = fetch->partial_last, all = (int64_t)*count;

	if (!fetch->is_partial)
		return;
	if (first < 0) {
		first += all + 1;
		last += all + 1;
	}
	if (first < 1)
		first = 1;
	if (last > all)
		last = all;
	*count = first <= last ? (size_t)(last - first + 1) : 0;
	*uids += first <= last ? first - 1 : 0;
}

/* RFC 7162 3.1.4.1. */
static void drop_unchanged(const struct fetch *fetch, uint32_t *uids, size_t *count)
{
	const struct view *view = fetch->session->view;
	size_t kept = 0;

	for (size_t i = 0; i < *count && fetch->changed_since >= 0; i++) {
		size_t at = view_lower_bound(view, uids[i]);

		if (view->messages[at].modseq > fetch->changed_since)
			uids[kept++] = uids[i];
	}
	if (fetch->changed_since >= 0)
		*count = kept;
}

/* RFC 7162 3.2.6: what went of the set that was named. */
static int tell_vanished(struct fetch *fetch, struct str set_text)
{
	struct session *session = fetch->session;
	struct sequence_builder vanished;
	struct sequence set = session->saved;
	struct err err;
	int result;

	if (!fetch->vanished)
		return 0;
	if (!str_equal(set_text, STR("$")) &&
	    !sequence_parse(&session->arena, set_text, session->view->state.uidnext - 1, &set))
		return 0;
	sequence_builder_init(&vanished);
	result = resync_vanished(session, fetch->changed_since, &set, 0, &vanished, &err);
	if (result == 0) {
		struct str text = sequence_builder_text(&vanished);

		if (text.len != 0)
			conn_printf(&session->conn, "* VANISHED (EARLIER) %.*s\r\n", STR_ARG(text));
	} else {
		imap_no_store(session, &err);
	}
	sequence_builder_free(&vanished);
	return result;
}

/* What a client asks for that keeps track of MODSEQ (RFC 7162 3.1): then it is told it in all answers. */
static void enable_condstore(struct fetch *fetch)
{
	bool asked = fetch->changed_since >= 0, has_modseq = false;

	for (size_t i = 0; i < fetch->count; i++)
		has_modseq |= fetch->items[i].what == FETCH_MODSEQ;
	if (asked && !has_modseq)
		fetch_add_item(fetch, FETCH_MODSEQ, "MODSEQ");
	if (asked || has_modseq)
		session_enable_condstore(fetch->session);
}

/* A client that asks for changes hears of what is gone in another way. */
static bool find_uids(struct fetch *fetch, struct str set, uint32_t **uids, size_t *count)
{
	if (fetch->changed_since < 0)
		return session_uids_told(fetch->session, set, uids, count);
	return session_uids(fetch->session, set, uids, count);
}

void command_fetch(struct session *session)
{
	struct fetch *fetch = arena_get(&session->arena, sizeof *fetch);
	struct imap_parser *parser = &session->parser;
	struct str set;
	uint32_t *uids;
	size_t count;

	fetch->session = session;
	fetch->folder = session->view->folder;
	if (!imap_parse_space(parser) || !imap_parse_sequence_text(parser, &set) || !imap_parse_space(parser) ||
	    !fetch_parse(fetch)) {
		imap_refuse(session);
		return;
	}
	if (!find_uids(fetch, set, &uids, &count))
		return;
	enable_condstore(fetch);
	if (tell_vanished(fetch, set) != 0)
		return;
	cut_window(fetch, &uids, &count);
	drop_unchanged(fetch, uids, &count);
	if (count != 0)
		run(fetch, uids, count);
}
