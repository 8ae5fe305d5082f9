#include "imapd/cached.h"

#include "common/mime/header.h"
#include "common/mime/text.h"
#include "common/store/changes.h"
#include "imapd/envelope.h"

#include <inttypes.h>
#include <stdio.h>

enum {
	VERSION = 1,
	HAS_STRUCTURE = 1,
	HAS_FIELDS = 2,
	HAS_PREVIEW = 4,
	QUICK_MAX = 64 << 10,         /* octets of a message whose structure is found with its header's things */
	TEXT_MAX = 16 << 20,          /* octets of one answer */
	FIELDS_HEADER_MAX = 64 << 10, /* octets of a header whose fields are kept */
	PREVIEW_CHARACTERS = 200,
};

/* The head of a blob; texts follow in the order of their lengths. */
struct blob_head {
	char magic[2];
	uint8_t version, has;
	uint32_t header_len;
	uint32_t envelope_len, structure_len, fields_len, preview_len;
};

/* What the lists of Thunderbird, Outlook, Apple's and Android's clients name, and what SORT and THREAD need. */
static const struct str kept_fields[] = {
    {"Date", 4},
    {"Subject", 7},
    {"From", 4},
    {"Sender", 6},
    {"Reply-To", 8},
    {"To", 2},
    {"Cc", 2},
    {"Bcc", 3},
    {"Message-ID", 10},
    {"In-Reply-To", 11},
    {"References", 10},
    {"Newsgroups", 10},
    {"Followup-To", 11},
    {"Content-Type", 12},
    {"Content-Transfer-Encoding", 25},
    {"MIME-Version", 12},
    {"Priority", 8},
    {"X-Priority", 10},
    {"Importance", 10},
    {"X-MSMail-Priority", 17},
    {"List-Id", 7},
    {"List-Post", 9},
    {"List-Unsubscribe", 16},
    {"Disposition-Notification-To", 27},
    {"Return-Receipt-To", 17},
    {"Autocrypt", 9},
    {"X-Mailer", 8},
    {"User-Agent", 10},
    {"X-Spam-Flag", 11},
    {"X-Universally-Unique-Identifier", 31},
    {"Resent-Date", 11},
    {"Resent-From", 11},
    {"Resent-To", 9},
};

bool cached_has_field(struct str name)
{
	for (size_t i = 0; i < sizeof kept_fields / sizeof *kept_fields; i++)
		if (str_equal_nocase(kept_fields[i], name))
			return true;
	return false;
}

static struct str take(struct str *rest, uint32_t len)
{
	struct str text = str_sub(*rest, 0, len);

	*rest = str_skip(*rest, len);
	return text;
}

bool cached_read(struct str blob, struct cached *cached)
{
	struct str rest = str_skip(blob, sizeof(struct blob_head));
	struct blob_head head;

	if (blob.len < sizeof head)
		return false;
	memcpy(&head, blob.data, sizeof head);
	if (head.magic[0] != 'P' || head.magic[1] != 'M' || head.version != VERSION || head.envelope_len == 0 ||
	    (uint64_t)head.envelope_len + head.structure_len + head.fields_len + head.preview_len != rest.len)
		return false;
	*cached = (struct cached){.header_len = head.header_len, .has_fields = (head.has & HAS_FIELDS) != 0};
	cached->envelope = take(&rest, head.envelope_len);
	cached->structure = take(&rest, head.structure_len);
	cached->fields = take(&rest, head.fields_len);
	cached->preview = take(&rest, head.preview_len);
	if ((head.has & HAS_STRUCTURE) == 0)
		cached->structure.data = NULL;
	if ((head.has & HAS_PREVIEW) == 0)
		cached->preview.data = NULL;
	return true;
}

int cached_write(const struct cached *cached, struct buf *out)
{
	struct blob_head head = {
	    .magic = "PM",
	    .version = VERSION,
	    .has = (uint8_t)((cached->structure.data != NULL ? HAS_STRUCTURE : 0) | (cached->has_fields ? HAS_FIELDS : 0) |
	                     (cached->preview.data != NULL ? HAS_PREVIEW : 0)),
	    .header_len = (uint32_t)cached->header_len,
	};
	size_t size = sizeof head + cached->envelope.len + cached->structure.len + cached->fields.len + cached->preview.len;

	if (size > STORE_CACHE_MAX || cached->header_len > UINT32_MAX)
		return -1;
	head.envelope_len = (uint32_t)cached->envelope.len;
	head.structure_len = (uint32_t)cached->structure.len;
	head.fields_len = (uint32_t)cached->fields.len;
	head.preview_len = (uint32_t)cached->preview.len;
	buf_add(out, &head, sizeof head);
	buf_add_str(out, cached->envelope);
	buf_add_str(out, cached->structure);
	buf_add_str(out, cached->fields);
	buf_add_str(out, cached->preview);
	return out->overflow ? -1 : 0;
}

/* The header's lines that are kept. */
static int read_fields(const struct mime_source *source, struct arena *arena, struct cached *cached, struct err *err)
{
	struct mime_field field;
	struct str header;
	size_t used = 0;
	char *out;

	cached->fields = STR("");
	cached->has_fields = cached->header_len <= FIELDS_HEADER_MAX;
	if (!cached->has_fields)
		return 0;
	out = arena_get(arena, (size_t)cached->header_len + 1);
	header = str_from(out, (size_t)cached->header_len);
	if (mime_source_read(source, 0, out, header.len, err) != 0)
		return -1;
	/* What is kept moves to the front of where it stands. */
	while (mime_field_next(&header, &field)) {
		if (!cached_has_field(field.name))
			continue;
		memmove(out + used, field.whole.data, field.whole.len);
		used += field.whole.len;
	}
	cached->fields = str_from(out, used);
	return 0;
}

int cached_build(const struct mime_source *source, unsigned wanted, struct arena *arena, struct cached *cached,
                 struct err *err)
{
	bool full = wanted != 0 || source->size <= QUICK_MAX;
	struct mime_part *root;
	struct buf text;

	if ((full ? mime_parse(source, arena, &root, err) : mime_parse_header(source, arena, &root, err)) != 0)
		return -1;
	buf_init(&text, TEXT_MAX);
	envelope_format(root->envelope, arena, &text);
	cached->envelope = arena_copy(arena, buf_str(&text));
	cached->header_len = root->header_len;
	if (full) {
		buf_reset(&text);
		structure_format(root, true, arena, &text);
		cached->structure = arena_copy(arena, buf_str(&text));
	}
	buf_free(&text);
	if ((wanted & CACHED_PREVIEW) != 0 && cached->preview.data == NULL &&
	    mime_preview(source, root, PREVIEW_CHARACTERS, arena, &cached->preview, err) != 0)
		return -1;
	return read_fields(source, arena, cached, err);
}

/* FNV-1a, 64 bits: a name, not a secret. */
static uint64_t hash(struct str text)
{
	uint64_t value = 14695981039346656037U;

	for (size_t i = 0; i < text.len; i++)
		value = (value ^ (unsigned char)text.data[i]) * 1099511628211U;
	return value;
}

const char *cached_thread_id(struct str fields, int64_t email_id, char out[CACHED_THREAD_MAX])
{
	static const struct str names[] = {{"References", 10}, {"In-Reply-To", 11}, {"Message-ID", 10}};
	struct mime_field field;
	struct arena arena;
	struct mime_ids ids = {0};

	arena_init(&arena);
	for (size_t i = 0; i < sizeof names / sizeof *names && ids.count == 0; i++)
		if (mime_field_find(fields, names[i], &field))
			mime_parse_ids(field.value, &arena, &ids);
	if (ids.count != 0)
		snprintf(out, CACHED_THREAD_MAX, "T%016" PRIx64, hash(ids.list[0]));
	else
		snprintf(out, CACHED_THREAD_MAX, "TM%" PRIx64, (uint64_t)email_id);
	arena_free(&arena);
	return out;
}
