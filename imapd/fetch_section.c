/* imapd: sections of a message (RFC 9051 6.4.5.1), and parts decoded (RFC 3516). */
#include "imapd/fetch.h"

#include <inttypes.h>

enum { BINARY_KEPT_MAX = 256 << 10 }; /* octets of a decoded part that are kept rather than decoded twice */

/* Where a section stands: in the file, or in memory. */
struct extent {
	bool exists;
	bool in_memory;
	int64_t at, len;
	struct str text;
};

static bool is_named(const struct section *section, struct str name)
{
	for (size_t i = 0; i < section->field_count; i++)
		if (str_equal_nocase(section->fields[i], name))
			return true;
	return false;
}

bool section_is_cached(const struct section *section)
{
	if (section->count != 0 || section->text != SECTION_FIELDS)
		return false;
	for (size_t i = 0; i < section->field_count; i++)
		if (!cached_has_field(section->fields[i]))
			return false;
	return true;
}

/* The fields that the section names (or does not name), with the empty line behind them. */
static struct str pick_fields(const struct section *section, struct str header, struct arena *arena)
{
	char *out = arena_get(arena, header.len + 4);
	struct mime_field field;
	size_t used = 0;

	while (mime_field_next(&header, &field)) {
		if (is_named(section, field.name) != (section->text == SECTION_FIELDS))
			continue;
		memcpy(out + used, field.whole.data, field.whole.len);
		used += field.whole.len;
	}
	if (used != 0 && out[used - 1] != '\n') {
		memcpy(out + used, "\r\n", 2);
		used += 2;
	}
	memcpy(out + used, "\r\n", 2);
	return str_from(out, used + 2);
}

/* A range of the file, from which only the beginning of a header is read. */
static int read_fields(struct fetch_message *message, const struct section *section, struct extent *extent,
                       struct err *err)
{
	size_t len = extent->len < MIME_HEADER_MAX ? (size_t)extent->len : MIME_HEADER_MAX;
	char *header = arena_get(&message->arena, len + 1);

	if (mime_source_read(&message->source, extent->at, header, len, err) != 0)
		return -1;
	*extent = (struct extent){.exists = true, .in_memory = true};
	extent->text = pick_fields(section, str_from(header, len), &message->arena);
	return 0;
}

static struct extent in_file(int64_t at, int64_t len)
{
	return (struct extent){.exists = true, .at = at, .len = len};
}

/* A section of a message whose header and body are known: of the whole one, or of one inside a part. */
static struct extent of_message(const struct section *section, int64_t at, int64_t header_len, int64_t body_len)
{
	switch (section->text) {
	case SECTION_ALL:
		return in_file(at, header_len + body_len);
	case SECTION_TEXT:
		return in_file(at + header_len, body_len);
	case SECTION_HEADER:
	case SECTION_FIELDS:
	case SECTION_FIELDS_NOT:
	case SECTION_MIME:
		break;
	}
	return in_file(at, header_len);
}

static struct extent of_part(struct fetch_message *message, const struct section *section)
{
	const struct mime_part *part = mime_find(message->root, section->numbers, section->count);

	if (part == NULL)
		return (struct extent){0};
	if (section->text == SECTION_ALL)
		return in_file(part->body_at, part->body_len);
	if (section->text == SECTION_MIME)
		return in_file(part->header_at, part->header_len);
	/* RFC 9051 6.4.5.1: HEADER and TEXT are of a message inside, no other part has them. */
	if (part->kind != MIME_MESSAGE)
		return (struct extent){0};
	part = part->first_child;
	return of_message(section, part->header_at, part->header_len, part->body_len);
}

static int find(struct fetch_message *message, const struct section *section, struct extent *extent, struct err *err)
{
	if (message->fd < 0) {
		*extent = (struct extent){.exists = true, .in_memory = true};
		extent->text = pick_fields(section, message->cached.fields, &message->arena);
		return 0;
	}
	if (section->count != 0)
		*extent = of_part(message, section);
	else if (section->text == SECTION_ALL)
		*extent = in_file(0, message->source.size);
	else
		*extent = of_message(section, 0, message->cached.header_len, message->source.size - message->cached.header_len);
	if (extent->exists && (section->text == SECTION_FIELDS || section->text == SECTION_FIELDS_NOT))
		return read_fields(message, section, extent, err);
	return 0;
}

/* Cut to what a partial fetch asks for. */
static void cut(const struct section *section, int64_t *at, int64_t *len)
{
	int64_t offset = 0;

	if (!section->is_partial)
		return;
	offset = section->offset < (uint64_t)*len ? (int64_t)section->offset : *len;
	*at += offset;
	*len -= offset;
	if ((uint64_t)*len > section->length)
		*len = (int64_t)section->length;
}

static void write_label(struct conn *conn, const struct fetch_item *item)
{
	conn_write(conn, item->label);
	conn_write(conn, STR(" "));
}

static int write_section(struct fetch *fetch, struct fetch_message *message, const struct fetch_item *item,
                         struct err *err)
{
	struct conn *conn = &fetch->session->conn;
	struct extent extent;

	if (find(message, &item->section, &extent, err) != 0)
		return -1;
	write_label(conn, item);
	if (!extent.exists) {
		conn_write(conn, STR("NIL"));
		return 0;
	}
	if (extent.in_memory)
		extent.len = (int64_t)extent.text.len;
	cut(&item->section, &extent.at, &extent.len);
	if (extent.len == 0) {
		conn_write(conn, STR("\"\""));
		return 0;
	}
	conn_printf(conn, "{%" PRId64 "}\r\n", extent.len);
	if (!extent.in_memory && message->data == NULL)
		return conn_send_file(conn, message->fd, extent.at, extent.len, false, err);
	if (!extent.in_memory)
		extent.text = str_from(message->data, (size_t)message->source.size);
	conn_write(conn, str_sub(extent.text, (size_t)extent.at, (size_t)extent.len));
	return 0;
}

int section_send(struct fetch_message *message, const struct section *section, struct mime_sink *sink, struct err *err)
{
	struct extent extent;

	if (find(message, section, &extent, err) != 0)
		return -1;
	if (!extent.exists)
		return err_set(err, ERR_NOT_FOUND, "the message has no such part");
	if (extent.in_memory)
		extent.len = (int64_t)extent.text.len;
	cut(section, &extent.at, &extent.len);
	if (!extent.in_memory)
		return mime_send(&message->source, extent.at, extent.len, sink, err) < 0 ? -1 : 0;
	return sink->write(sink, str_sub(extent.text, (size_t)extent.at, (size_t)extent.len), err) < 0 ? -1 : 0;
}

/* The first pass over a decoded part: how long it is, whether there is a NUL in it, and itself where it is short. */
struct binary {
	struct mime_sink sink;
	struct buf kept; /* overflow: it is longer */
	int64_t len;
	bool has_nul;
};

static int measure(struct mime_sink *sink, struct str bytes, struct err *err)
{
	struct binary *binary = (struct binary *)sink;

	(void)err;
	binary->len += (int64_t)bytes.len;
	binary->has_nul = binary->has_nul || (bytes.len != 0 && memchr(bytes.data, '\0', bytes.len) != NULL);
	if (!binary->kept.overflow && buf_add_str(&binary->kept, bytes) != 0)
		buf_free(&binary->kept);
	binary->kept.overflow = binary->len > BINARY_KEPT_MAX;
	return MIME_MORE;
}

/* The second pass, where it was long: the octets from at on, len of them. */
struct window {
	struct mime_sink sink;
	struct conn *conn;
	int64_t at, len; /* what is left to skip, and then to write */
};

static int write_window(struct mime_sink *sink, struct str bytes, struct err *err)
{
	struct window *window = (struct window *)sink;
	size_t skip = window->at < (int64_t)bytes.len ? (size_t)window->at : bytes.len;

	(void)err;
	window->at -= (int64_t)skip;
	bytes = str_skip(bytes, skip);
	if ((int64_t)bytes.len > window->len)
		bytes.len = (size_t)window->len;
	conn_write(window->conn, bytes);
	window->len -= (int64_t)bytes.len;
	return window->len == 0 ? MIME_ENOUGH : MIME_MORE;
}

static int write_binary(struct fetch *fetch, struct fetch_message *message, const struct fetch_item *item,
                        const struct mime_part *part, struct err *err)
{
	struct binary binary = {.sink = {.write = measure}};
	struct window window = {.sink = {.write = write_window}, .conn = &fetch->session->conn};
	int result;

	buf_init(&binary.kept, BINARY_KEPT_MAX);
	result = mime_send_decoded(&message->source, part, &binary.sink, err);
	if (result < 0) {
		buf_free(&binary.kept);
		return -1;
	}
	window.len = binary.len;
	cut(&item->section, &window.at, &window.len);
	write_label(window.conn, item);
	/* RFC 3516 4.3: a literal8 says that there are NULs in it. */
	if (window.len == 0)
		conn_write(window.conn, STR("\"\""));
	else
		conn_printf(window.conn, "%s{%" PRId64 "}\r\n", binary.has_nul ? "~" : "", window.len);
	if (window.len != 0 && !binary.kept.overflow)
		conn_write(window.conn, str_sub(buf_str(&binary.kept), (size_t)window.at, (size_t)window.len));
	else if (window.len != 0)
		result = mime_send_decoded(&message->source, part, &window.sink, err);
	buf_free(&binary.kept);
	return result < 0 ? -1 : 0;
}

/* BINARY[] is the message as it is: what is in it is not decoded. */
static const struct mime_part *find_part(struct fetch_message *message, const struct section *section,
                                         struct mime_part *whole)
{
	if (section->count != 0)
		return mime_find(message->root, section->numbers, section->count);
	*whole = (struct mime_part){.kind = MIME_MULTIPART, .body_len = message->source.size, .encoding = STR("")};
	return whole;
}

int section_write(struct fetch *fetch, struct fetch_message *message, const struct fetch_item *item, struct err *err)
{
	struct conn *conn = &fetch->session->conn;
	const struct mime_part *part;
	struct mime_part whole;
	int64_t size;

	if (item->what == FETCH_SECTION)
		return write_section(fetch, message, item, err);
	part = find_part(message, &item->section, &whole);
	if (part == NULL || mime_encoding(part) == MIME_UNKNOWN_ENCODING) {
		fetch->undecodable |= part != NULL;
		write_label(conn, item);
		conn_write(conn, item->what == FETCH_BINARY ? STR("NIL") : STR("0"));
		return 0;
	}
	if (item->what == FETCH_BINARY)
		return write_binary(fetch, message, item, part, err);
	if (mime_decoded_size(&message->source, part, &size, err) != 0)
		return -1;
	write_label(conn, item);
	conn_printf(conn, "%" PRId64, size);
	return 0;
}
