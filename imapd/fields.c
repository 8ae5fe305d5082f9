#include "imapd/fields.h"

#include "common/store/search_text.h"
#include "imapd/cached.h"
#include "imapd/search.h"

#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 500 }; /* messages that are asked for at once, and kept at once */

struct reading {
	struct session *session;
	const uint32_t *uids; /* of the chunk */
	size_t count, first;  /* first: position of the chunk */
	bool done[CHUNK];
	fields_visit *visit;
	void *context;
	struct arena arena; /* of the chunk */
	struct mailbox_cached kept[CHUNK];
	size_t kept_count;
};

int fields_open_message(struct session *session, uint32_t uid, struct mime_source *source, int *fd_out, struct err *err)
{
	struct stat info;

	if (mailbox_open_message(session->mailbox, session->view->folder, uid, fd_out, err) != 0)
		return err->code == ERR_NOT_FOUND ? 0 : -1;
	if (fstat(*fd_out, &info) != 0) {
		close(*fd_out);
		return err_system(err, "cannot look at a message");
	}
	*source = mime_source_file(*fd_out, 0, info.st_size);
	return 1;
}

static void visit_cached(uint32_t uid, struct str blob, void *context)
{
	struct reading *reading = context;
	struct cached cached;
	size_t low = 0, high = reading->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (reading->uids[middle] < uid)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == reading->count || reading->uids[low] != uid || !cached_read(blob, &cached) || !cached.has_fields)
		return;
	reading->done[low] = true;
	reading->visit(reading->first + low, cached.fields, reading->context);
}

/* Have what was found out kept. */
static void keep(struct reading *reading, uint32_t uid, const struct cached *cached)
{
	struct buf blob;

	buf_init(&blob, STORE_CACHE_MAX);
	if (cached_write(cached, &blob) == 0)
		reading->kept[reading->kept_count++] =
		    (struct mailbox_cached){uid, arena_copy(&reading->arena, buf_str(&blob))};
	buf_free(&blob);
}

static int visit_message(struct reading *reading, size_t i, struct err *err)
{
	struct cached cached = {0};
	struct mime_source source = {.fd = -1};
	struct search_text text;
	int fd, result = fields_open_message(reading->session, reading->uids[i], &source, &fd, err);

	if (result <= 0)
		return result;
	result = cached_build(&source, 0, &reading->arena, &cached, err);
	if (result == 0) {
		keep(reading, reading->uids[i], &cached);
		if (!cached.has_fields)
			result = search_text_open(&text, source, &reading->arena, err);
	}
	if (result == 0)
		reading->visit(reading->first + i, cached.has_fields ? cached.fields : text.header, reading->context);
	close(fd);
	/* A message that cannot be read has no fields. */
	return result != 0 && err->code == ERR_CORRUPT ? 0 : result;
}

static int read_chunk(struct reading *reading, struct err *err)
{
	struct session *session = reading->session;
	int result;

	memset(reading->done, 0, sizeof reading->done);
	reading->kept_count = 0;
	result = mailbox_cache_each(session->mailbox, session->view->folder, reading->uids, reading->count, visit_cached,
	                            reading, err);
	for (size_t i = 0; i < reading->count && result == 0; i++)
		if (!reading->done[i])
			result = visit_message(reading, i, err);
	if (result == 0 && reading->kept_count > 0)
		result = mailbox_cache_put(session->mailbox, session->view->folder, reading->kept, reading->kept_count, err);
	arena_reset(&reading->arena);
	return result;
}

int fields_each(struct session *session, const uint32_t *uids, size_t count, fields_visit *visit, void *context,
                struct err *err)
{
	struct reading reading = {.session = session, .visit = visit, .context = context};
	int result = 0;

	if (count >= SEARCH_LONG_FIELDS && !search_take_turn(session))
		return err_set(err, ERR_TIMEOUT, "no turn to search");
	arena_init(&reading.arena);
	for (size_t at = 0; at < count && result == 0; at += CHUNK) {
		reading.uids = uids + at;
		reading.first = at;
		reading.count = count - at < CHUNK ? count - at : CHUNK;
		result = read_chunk(&reading, err);
		session_progress(session, at + reading.count, count);
		if (result == 0 && search_client_left(session))
			result = err_set(err, ERR_CLOSED, "the client left");
	}
	arena_free(&reading.arena);
	return result;
}
