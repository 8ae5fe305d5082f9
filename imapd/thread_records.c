#include "imapd/thread_records.h"

#include "common/base/log.h"
#include "common/mime/header.h"
#include "common/store/blocks.h"
#include "imapd/fields.h"
#include "imapd/sort.h"
#include "imapd/thread.h"

enum {
	VERSION = 1,
	BLOCK_RECORDS = 512,  /* in a block; the last one of a folder grows up to that */
	STALE_RECORDS = 4096, /* of messages that went, and as many as there are messages: then all is written anew */
};

struct block_head {
	char magic[2];
	uint8_t version, unused;
	uint32_t count; /* of records, which follow, each as long as its references make it */
};

/* A block as it was read. */
struct extent {
	uint32_t first, last, count;
};

struct reading {
	struct session *session;
	const struct view *view;
	const struct thread_record **by_position; /* of the view */
	struct extent *extents;
	size_t extent_count, extent_capacity;
	size_t at; /* where in the view the next record belongs, or behind */
	size_t loaded, matched;
	uint32_t *missing; /* UIDs, rising */
	struct thread_record **made;
	int64_t *dates;
	size_t missing_count;
	struct arena scratch;
};

static size_t record_size(size_t reference_count)
{
	return sizeof(struct thread_record) + reference_count * sizeof(uint64_t);
}

/* The next record of a block; NULL: it is damaged. */
static const struct thread_record *cut_record(struct str *rest, const struct mailbox_block *block, uint32_t above)
{
	const struct thread_record *record = (const void *)rest->data;

	if (rest->len < sizeof *record || rest->len < record_size(record->reference_count) ||
	    record->reference_count > THREAD_REFERENCES_MAX || record->uid <= above || record->uid > block->last)
		return NULL;
	*rest = str_skip(*rest, record_size(record->reference_count));
	return record;
}

static void add_extent(struct reading *reading, struct extent extent)
{
	if (reading->extent_count == reading->extent_capacity) {
		size_t capacity = reading->extent_capacity > 0 ? 2 * reading->extent_capacity : 64;
		struct extent *larger = arena_get(&reading->session->arena, capacity * sizeof *larger);

		if (reading->extent_count > 0)
			memcpy(larger, reading->extents, reading->extent_count * sizeof *larger);
		reading->extents = larger;
		reading->extent_capacity = capacity;
	}
	reading->extents[reading->extent_count++] = extent;
}

static void place(struct reading *reading, const struct thread_record *record)
{
	const struct view *view = reading->view;

	reading->loaded++;
	while (reading->at < view->count && view->messages[reading->at].uid < record->uid)
		reading->at++;
	if (reading->at < view->count && view->messages[reading->at].uid == record->uid) {
		reading->by_position[reading->at] = record;
		reading->matched++;
	}
}

static bool take_block(const struct mailbox_block *block, void *context)
{
	struct reading *reading = context;
	struct str rest = arena_copy(&reading->session->arena, block->data);
	struct block_head head;
	uint32_t above = block->first - 1;

	if (rest.len < sizeof head)
		return false;
	memcpy(&head, rest.data, sizeof head);
	if (head.magic[0] != 'T' || head.magic[1] != 'R' || head.version != VERSION)
		return false;
	rest = str_skip(rest, sizeof head);
	for (uint32_t i = 0; i < head.count; i++) {
		const struct thread_record *record = cut_record(&rest, block, above);

		if (record == NULL)
			return false;
		above = record->uid;
		place(reading, record);
	}
	add_extent(reading, (struct extent){block->first, block->last, head.count});
	return true;
}

static struct str field_value(struct str fields, const char *name)
{
	struct mime_field field;

	return mime_field_find(fields, str_of(name), &field) ? field.value : STR("");
}

/* RFC 5256: the ids in References, or else the first one in In-Reply-To. */
static struct mime_ids find_references(struct str fields, struct arena *arena)
{
	struct mime_ids found;

	mime_parse_ids(field_value(fields, "References"), arena, &found);
	if (found.count == 0) {
		mime_parse_ids(field_value(fields, "In-Reply-To"), arena, &found);
		found.count = found.count > 0;
	}
	if (found.count > THREAD_REFERENCES_MAX) {
		found.list += found.count - THREAD_REFERENCES_MAX;
		found.count = THREAD_REFERENCES_MAX;
	}
	return found;
}

static struct thread_record *make_record(struct reading *reading, size_t i, size_t reference_count)
{
	struct thread_record *record = arena_get(&reading->session->arena, record_size(reference_count));

	record->uid = reading->missing[i];
	record->reference_count = (uint16_t)reference_count;
	reading->made[i] = record;
	return record;
}

static void take_fields(size_t i, struct str fields, void *context)
{
	struct reading *reading = context;
	struct arena *scratch = &reading->scratch;
	struct mime_ids references = find_references(fields, scratch), own;
	struct thread_record *record = make_record(reading, i, references.count);
	bool is_reply;
	struct str subject = mime_base_subject(field_value(fields, "Subject"), scratch, &is_reply);

	record->is_reply = is_reply;
	record->date = mime_sent_date(field_value(fields, "Date"), reading->dates[i]);
	mime_parse_ids(field_value(fields, "Message-ID"), scratch, &own);
	record->id = own.count > 0 ? thread_hash(own.list[0]) : 0;
	record->subject = subject.len > 0 ? thread_hash(sort_text(subject, scratch)) : 0;
	for (size_t r = 0; r < references.count; r++)
		record->references[r] = thread_hash(references.list[r]);
	arena_reset(scratch);
}

static void take_date(uint32_t uid, const struct mailbox_details *details, void *context)
{
	struct reading *reading = context;
	size_t low = 0, high = reading->missing_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (reading->missing[middle] < uid)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < reading->missing_count && reading->missing[low] == uid)
		reading->dates[low] = details->internal_date;
}

/* Records of the messages that no block has. */
static int make_missing(struct reading *reading, struct err *err)
{
	struct session *session = reading->session;
	const struct view *view = reading->view;
	size_t room = view->count - reading->matched + 1, i = 0;

	reading->missing = arena_get(&session->arena, room * sizeof *reading->missing);
	reading->dates = arena_get(&session->arena, room * sizeof *reading->dates);
	reading->made = arena_get(&session->arena, room * sizeof(struct thread_record *));
	for (size_t at = 0; at < view->count; at++)
		if (reading->by_position[at] == NULL && (view->messages[at].flags & VIEW_GONE) == 0)
			reading->missing[reading->missing_count++] = view->messages[at].uid;
	if (reading->missing_count == 0)
		return 0;
	if (mailbox_details_each(session->mailbox, view->folder, reading->missing, reading->missing_count, take_date,
	                         reading, err) != 0 ||
	    fields_each(session, reading->missing, reading->missing_count, take_fields, reading, err) != 0)
		return -1;
	for (size_t at = 0; at < view->count; at++) {
		if (i == reading->missing_count || view->messages[at].uid != reading->missing[i])
			continue;
		if (reading->made[i] == NULL)
			make_record(reading, i, 0)->is_absent = true;
		reading->by_position[at] = reading->made[i++];
	}
	return 0;
}

/* From which UID on blocks are to be written: the border of one, so that there are no gaps. 0: none are to be. */
static uint32_t first_to_write(const struct reading *reading)
{
	size_t stale = reading->loaded - reading->matched;
	const struct extent *last = reading->extents + reading->extent_count;

	if (stale > STALE_RECORDS && stale > reading->matched)
		return 1;
	if (reading->missing_count == 0)
		return 0;
	if (reading->extent_count == 0)
		return 1;
	last--;
	if (reading->missing[0] > last->last)
		return last->count < BLOCK_RECORDS ? last->first : last->last + 1;
	while (last->first > reading->missing[0])
		last--;
	return last->first;
}

/* Up to BLOCK_RECORDS records of the view, from *at on. */
static struct str make_block(const struct reading *reading, size_t *at)
{
	struct block_head head = {.magic = "TR", .version = VERSION};
	size_t end = *at, len = sizeof head;
	char *out, *next;

	for (; end < reading->view->count && head.count < BLOCK_RECORDS; end++)
		if (reading->by_position[end] != NULL) {
			len += record_size(reading->by_position[end]->reference_count);
			head.count++;
		}
	out = arena_get(&reading->session->arena, len);
	memcpy(out, &head, sizeof head);
	next = out + sizeof head;
	for (; *at < end; ++*at)
		if (reading->by_position[*at] != NULL) {
			size_t size = record_size(reading->by_position[*at]->reference_count);

			memcpy(next, reading->by_position[*at], size);
			next += size;
		}
	return str_from(out, len);
}

/* What fails here makes the next time slower, and nothing else. */
static void keep(struct reading *reading)
{
	const struct view *view = reading->view;
	uint32_t first = first_to_write(reading);
	size_t at = view_lower_bound(view, first), count = 0;
	struct mailbox_block *blocks;
	struct err err;

	if (first == 0 || at == view->count)
		return;
	blocks = arena_get(&reading->session->arena, ((view->count - at) / BLOCK_RECORDS + 1) * sizeof *blocks);
	while (at < view->count) {
		blocks[count].first = first;
		blocks[count].data = make_block(reading, &at);
		blocks[count].last = view->messages[at - 1].uid;
		first = blocks[count++].last + 1;
	}
	if (mailbox_blocks_put(reading->session->mailbox, view->folder, blocks, count, &err) != 0)
		log_warning("cannot keep what conversations are made of, user=%s: %s", reading->session->user, err.text);
}

int thread_records_get(struct session *session, const struct thread_record ***records_out, struct err *err)
{
	const struct view *view = session->view;
	struct reading reading = {.session = session, .view = view};
	int result;

	reading.by_position = arena_get(&session->arena, (view->count + 1) * sizeof(struct thread_record *));
	*records_out = reading.by_position;
	if (view->count == 0)
		return 0;
	arena_init(&reading.scratch);
	result = mailbox_blocks_each(session->mailbox, view->folder, take_block, &reading, err);
	if (result == 0)
		result = make_missing(&reading, err);
	if (result == 0)
		keep(&reading);
	arena_free(&reading.scratch);
	return result;
}
