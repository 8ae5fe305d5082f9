#include "common/store/search_text.h"

#include "common/base/fold.h"
#include "common/mime/header.h"

enum {
	PIECE_MAX = 64 << 10, /* bytes that are folded at once */
	HELD_MAX = 3,         /* bytes of a character of which more is to come */
};

/* Folds what flows through and hands it on. */
struct folder {
	struct mime_sink sink;
	struct search_taker *taker;
	enum search_field field;
	bool is_first;
	struct buf folded;
	char held[HELD_MAX + 1];
	size_t held_len;
};

enum search_field search_field_of(struct str name)
{
	static const struct {
		struct str name;
		enum search_field field;
	} fields[] = {
	    {STR("From"), SEARCH_FROM}, {STR("To"), SEARCH_TO},           {STR("Cc"), SEARCH_CC},
	    {STR("Bcc"), SEARCH_BCC},   {STR("Subject"), SEARCH_SUBJECT},
	};

	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
		if (str_equal_nocase(name, fields[i].name))
			return fields[i].field;
	return SEARCH_HEADER;
}

/* How many bytes at the end of text begin a character that is not complete. */
static size_t open_end(struct str text)
{
	for (size_t back = 1; back <= HELD_MAX && back <= text.len; back++) {
		unsigned char byte = (unsigned char)text.data[text.len - back];

		if (byte < 0x80)
			return 0;
		if (byte >= 0xc0)
			return back < (byte >= 0xf0 ? 4U : byte >= 0xe0 ? 3U : 2U) ? back : 0;
	}
	return 0;
}

static int hand_on(struct folder *folder, struct err *err)
{
	int result = folder->taker->take(folder->taker, folder->field, buf_str(&folder->folded), folder->is_first, err);

	folder->is_first = false;
	buf_reset(&folder->folded);
	return result;
}

/* text has at most PIECE_MAX bytes. */
static int fold_piece(struct folder *folder, struct str text, struct err *err)
{
	size_t open = open_end(text);

	fold_add(&folder->folded, str_sub(text, 0, text.len - open));
	memcpy(folder->held, text.data + text.len - open, open);
	folder->held_len = open;
	return folder->folded.len > 0 ? hand_on(folder, err) : MIME_MORE;
}

static int folder_write(struct mime_sink *sink, struct str bytes, struct err *err)
{
	struct folder *folder = (struct folder *)sink;
	int result = MIME_MORE;

	/* Bytes are added to what is held until it is a character. */
	while (folder->held_len > 0 && bytes.len > 0 && result == MIME_MORE) {
		char whole[HELD_MAX + 2];
		size_t len = folder->held_len;

		memcpy(whole, folder->held, len);
		whole[len++] = bytes.data[0];
		bytes = str_skip(bytes, 1);
		result = fold_piece(folder, str_from(whole, len), err);
	}
	while (bytes.len > 0 && result == MIME_MORE) {
		struct str piece = str_sub(bytes, 0, PIECE_MAX);

		if (piece.len < bytes.len)
			piece.len -= open_end(piece);
		bytes = str_skip(bytes, piece.len);
		result = fold_piece(folder, piece, err);
	}
	return result;
}

static void folder_begin(struct folder *folder, enum search_field field)
{
	folder->field = field;
	folder->is_first = true;
	folder->held_len = 0;
}

static void folder_init(struct folder *folder, struct search_taker *taker)
{
	*folder = (struct folder){.sink = {folder_write}, .taker = taker};
	buf_init(&folder->folded, (size_t)2 * PIECE_MAX);
}

static int send_unit(struct folder *folder, enum search_field field, struct str text, struct err *err)
{
	folder_begin(folder, field);
	return folder_write(&folder->sink, text, err);
}

/* All fields of a header, as "Name: value"; those of the message by their own names too. */
static int send_header(struct search_text *text, struct folder *folder, struct str header, enum search_field as,
                       bool is_root, struct err *err)
{
	struct mime_field field;
	int result = MIME_MORE;

	while (result == MIME_MORE && mime_field_next(&header, &field)) {
		struct str value = mime_decode_words(field.value, text->arena);
		enum search_field own = is_root ? search_field_of(field.name) : SEARCH_HEADER;

		folder_begin(folder, as);
		if (field.name.len > 0 && folder_write(&folder->sink, field.name, err) == MIME_MORE)
			result = folder_write(&folder->sink, STR(": "), err);
		if (result == MIME_MORE)
			result = folder_write(&folder->sink, value, err);
		if (result == MIME_MORE && own != SEARCH_HEADER)
			result = send_unit(folder, own, value, err);
	}
	return result;
}

static int send_part_header(struct search_text *text, struct folder *folder, const struct mime_part *part,
                            struct err *err)
{
	int64_t len = part->header_len < MIME_HEADER_MAX ? part->header_len : MIME_HEADER_MAX;
	struct buf header;
	int result;

	buf_init(&header, MIME_HEADER_MAX);
	result = mime_read(&text->source, part->header_at, len, &header, err);
	if (result == 0)
		result = send_header(text, folder, buf_str(&header), part->envelope != NULL ? SEARCH_BODY : SEARCH_HEADER,
		                     false, err);
	buf_free(&header);
	return result;
}

static int send_part(struct search_text *text, struct folder *folder, const struct mime_part *part, struct err *err)
{
	int result;

	if (part->kind != MIME_LEAF || !mime_is(part, "text", NULL))
		return MIME_MORE;
	folder_begin(folder, SEARCH_BODY);
	result = mime_send_text(&text->source, part, false, &folder->sink, err);
	if (result != MIME_MORE || !mime_is(part, "text", "html"))
		return result;
	folder_begin(folder, SEARCH_BODY);
	return mime_send_text(&text->source, part, true, &folder->sink, err);
}

/* with_header: without it the header of the message and of MIME parts is left out. */
static int send_all(struct search_text *text, struct search_taker *taker, bool with_header, struct err *err)
{
	struct folder folder;
	int result = MIME_MORE;

	if (text->root == NULL && mime_parse(&text->source, text->arena, &text->root, err) != 0)
		return -1;
	folder_init(&folder, taker);
	if (with_header)
		result = send_header(text, &folder, text->header, SEARCH_HEADER, true, err);
	for (const struct mime_part *part = text->root; part != NULL && result == MIME_MORE; part = mime_next(part)) {
		if (part != text->root && (with_header || part->envelope != NULL))
			result = send_part_header(text, &folder, part, err);
		if (result == MIME_MORE)
			result = send_part(text, &folder, part, err);
	}
	buf_free(&folder.folded);
	return result;
}

int search_text_open(struct search_text *text, struct mime_source source, struct arena *arena, struct err *err)
{
	struct mime_part *root;
	struct buf header;
	int result;

	*text = (struct search_text){.source = source, .arena = arena};
	if (mime_parse_header(&source, arena, &root, err) != 0)
		return -1;
	buf_init(&header, MIME_HEADER_MAX);
	result =
	    mime_read(&source, 0, root->header_len < MIME_HEADER_MAX ? root->header_len : MIME_HEADER_MAX, &header, err);
	text->header = arena_copy(arena, buf_str(&header));
	buf_free(&header);
	return result;
}

bool search_text_field(struct search_text *text, struct str name, struct str needle)
{
	struct str header = text->header;
	struct mime_field field;

	while (mime_field_next(&header, &field)) {
		struct str folded;

		if (!str_equal_nocase(field.name, name))
			continue;
		if (needle.len == 0)
			return true;
		folded = fold_text(mime_decode_words(field.value, text->arena), text->arena);
		if (memmem(folded.data, folded.len, needle.data, needle.len) != NULL)
			return true;
	}
	return false;
}

/* Looks for needle in what it is given; the end of each piece is kept for a match that goes on in the next. */
struct finder {
	struct search_taker taker;
	struct str needle; /* not empty */
	struct buf text;
};

static int finder_take(struct search_taker *taker, enum search_field field, struct str folded, bool is_first,
                       struct err *err)
{
	struct finder *finder = (struct finder *)taker;
	struct buf *text = &finder->text;

	(void)field, (void)err;
	if (is_first)
		buf_reset(text);
	buf_add_str(text, folded);
	if (memmem(text->data, text->len, finder->needle.data, finder->needle.len) != NULL)
		return MIME_ENOUGH;
	if (text->len > finder->needle.len - 1)
		buf_consume(text, text->len - (finder->needle.len - 1));
	return MIME_MORE;
}

int search_text_find(struct search_text *text, struct str needle, bool with_header, struct err *err)
{
	struct finder finder = {.taker = {finder_take}, .needle = needle};
	int result;

	if (needle.len == 0)
		return 1;
	buf_init(&finder.text, needle.len + (size_t)2 * PIECE_MAX);
	result = send_all(text, &finder.taker, with_header, err);
	buf_free(&finder.text);
	return result < 0 ? -1 : result == MIME_ENOUGH;
}

int search_text_all(struct search_text *text, struct search_taker *taker, struct err *err)
{
	return send_all(text, taker, true, err);
}
