/* imap/parser: lines, literals, where a command begins and ends. */
#include "common/imap/parser.h"

#include "common/imap/scan.h"

enum { DROP_FACTOR = 32 };

void imap_parser_init(struct imap_parser *parser, struct conn *conn, struct arena *arena, size_t literal_max)
{
	*parser = (struct imap_parser){
	    .conn = conn, .arena = arena, .literal_max = literal_max, .drop_max = literal_max * DROP_FACTOR};
}

bool imap_fail(struct imap_parser *parser, enum imap_failure failure, const char *message)
{
	if (parser->failure == IMAP_PARSED) {
		parser->failure = failure;
		parser->message = message;
	}
	return false;
}

/* Read a line into the arena, so that what points into it outlives the reading of a literal. */
static bool read_line(struct imap_parser *parser)
{
	struct str line;
	struct err err;

	parser->rest = STR("");
	if (conn_read_line(parser->conn, IMAP_LINE_MAX, true, &line, &err) != 0) {
		if (err.code == ERR_LIMIT && parser->conn->failed == 0)
			return imap_fail(parser, IMAP_TOO_LONG, "The line is too long");
		return imap_fail(parser, IMAP_ENDED, "The connection ended");
	}
	parser->taken += line.len;
	if (parser->taken > IMAP_COMMAND_MAX)
		return imap_fail(parser, IMAP_TOO_BIG, "The command is too long");
	parser->rest = arena_copy(parser->arena, line);
	if (memchr(line.data, '\0', line.len) != NULL)
		return imap_fail(parser, IMAP_BAD, "A NUL is not allowed in a command");
	return true;
}

bool imap_find_literal(struct str line, size_t *brace, uint64_t *size, bool *waits)
{
	size_t end = line.len, begin;

	if (end < 3 || line.data[end - 1] != '}')
		return false;
	*waits = line.data[end - 2] != '+';
	end -= *waits ? 1 : 2;
	for (begin = end; begin > 0 && line.data[begin - 1] >= '0' && line.data[begin - 1] <= '9';)
		begin--;
	if (begin == 0 || begin == end || line.data[begin - 1] != '{')
		return false;
	if (!str_to_u64(str_sub(line, begin, end - begin), INT64_MAX, size))
		*size = INT64_MAX; /* larger than any limit: to be refused as a literal, not to be overlooked */
	*brace = begin - 1;
	return true;
}

/* The tag of a line that is longer than any, looked at before the line is lost. Returns its length. */
static size_t peek_tag(struct imap_parser *parser, char tag[IMAP_TAG_MAX])
{
	struct str bytes;
	struct err err;
	size_t len = 0;

	if (conn_read_some(parser->conn, &bytes, &err) != 0)
		return 0;
	while (len < IMAP_TAG_MAX && len < bytes.len && imap_is_tag_char(bytes.data[len]))
		len++;
	if (len == IMAP_TAG_MAX || len == bytes.len || bytes.data[len] != ' ')
		return 0;
	memcpy(tag, bytes.data, len);
	return len;
}

static struct str upper(struct arena *arena, struct str word)
{
	char *text = arena_text(arena, word);

	for (size_t i = 0; i < word.len; i++)
		if (text[i] >= 'a' && text[i] <= 'z')
			text[i] = (char)(text[i] - 'a' + 'A');
	return str_from(text, word.len);
}

static struct str take_word(struct imap_parser *parser)
{
	ptrdiff_t space = str_find_char(parser->rest, ' ');
	struct str word = space < 0 ? parser->rest : str_sub(parser->rest, 0, (size_t)space);

	parser->rest = str_skip(parser->rest, word.len);
	return word;
}

static bool take_tag(struct imap_parser *parser, struct str *tag)
{
	struct str word = take_word(parser);

	if (word.len == 0 || word.len > IMAP_TAG_MAX)
		return imap_fail(parser, IMAP_BAD, "A command begins with a tag");
	for (size_t i = 0; i < word.len; i++)
		if (!imap_is_tag_char(word.data[i]))
			return imap_fail(parser, IMAP_BAD, "The tag holds a character that it may not");
	*tag = word;
	return true;
}

bool imap_parse_command(struct imap_parser *parser, struct str *tag, struct str *name)
{
	char first[IMAP_TAG_MAX];
	struct str word;
	size_t len;

	parser->failure = IMAP_PARSED;
	parser->message = NULL;
	parser->depth = 0;
	parser->taken = 0;
	*tag = *name = STR("");
	len = peek_tag(parser, first);
	if (!read_line(parser)) {
		*tag = arena_copy(parser->arena, str_from(first, len));
		return false;
	}
	if (!take_tag(parser, tag) || !imap_parse_space(parser))
		return false;
	word = take_word(parser);
	if (word.len == 0)
		return imap_fail(parser, IMAP_BAD, "A command is expected behind the tag");
	if (str_equal_nocase(word, STR("UID")) && imap_parse_space(parser)) {
		word = upper(parser->arena, take_word(parser));
		*name = arena_printf(parser->arena, "UID %.*s", STR_ARG(word));
	} else {
		*name = upper(parser->arena, word);
	}
	return parser->failure == IMAP_PARSED;
}

/* Read a refused literal away. */
static bool drop_literal(struct imap_parser *parser, uint64_t size)
{
	while (size > 0) {
		struct str bytes;
		struct err err;

		if (conn_read_some(parser->conn, &bytes, &err) != 0)
			return false;
		if (bytes.len > size)
			bytes.len = (size_t)size;
		conn_consume(parser->conn, bytes.len);
		size -= bytes.len;
	}
	return true;
}

/* Whatever failed before, the connection cannot go on. */
static bool end_connection(struct imap_parser *parser, const char *message)
{
	parser->failure = IMAP_ENDED;
	parser->message = message;
	return false;
}

bool imap_parse_finish(struct imap_parser *parser)
{
	uint64_t size, dropped = 0;
	size_t brace;
	bool waits;

	while (parser->failure != IMAP_ENDED && imap_find_literal(parser->rest, &brace, &size, &waits) && !waits) {
		struct err err;

		if (size > parser->drop_max - dropped)
			return end_connection(parser, "A refused literal is too large to be read away");
		dropped += size;
		if (!drop_literal(parser, size))
			return end_connection(parser, "The connection ended");
		if (conn_read_line(parser->conn, IMAP_LINE_MAX, true, &parser->rest, &err) != 0) {
			if (parser->conn->failed != 0)
				return end_connection(parser, "The connection ended");
			parser->rest = STR("");
		}
	}
	return parser->failure != IMAP_ENDED;
}

/*
 * The literal that the rest of the line begins with. What is too large for max is refused: a client that waits for the
 * continuation request never sends it; one that does not is dealt with by imap_parse_finish, which finds it in rest.
 */
static bool begin_literal(struct imap_parser *parser, uint64_t max, uint64_t *size)
{
	size_t brace;
	bool waits;

	if (!imap_find_literal(parser->rest, &brace, size, &waits) || brace != 0)
		return imap_fail(parser, IMAP_BAD, "That is not a literal");
	if (waits)
		parser->rest = STR("");
	if (*size > max)
		return imap_fail(parser, IMAP_TOO_BIG, "The literal is too large");
	parser->rest = STR("");
	if (waits)
		conn_write(parser->conn, STR("+ OK\r\n"));
	return true;
}

bool imap_scan_octets(struct imap_parser *parser, struct str *string)
{
	uint64_t size, room = IMAP_COMMAND_MAX - parser->taken, done = 0;
	char *memory;

	if (!begin_literal(parser, parser->literal_max < room ? parser->literal_max : room, &size))
		return false;
	memory = arena_get(parser->arena, (size_t)size + 1);
	while (done < size) {
		struct str bytes;
		struct err err;

		if (conn_read_some(parser->conn, &bytes, &err) != 0)
			return imap_fail(parser, IMAP_ENDED, "The connection ended");
		if (bytes.len > size - done)
			bytes.len = (size_t)(size - done);
		memcpy(memory + done, bytes.data, bytes.len);
		conn_consume(parser->conn, bytes.len);
		done += bytes.len;
	}
	parser->taken += size;
	*string = str_from(memory, (size_t)size);
	return read_line(parser);
}

bool imap_scan_literal(struct imap_parser *parser, struct str *string)
{
	if (!imap_scan_octets(parser, string))
		return false;
	if (memchr(string->data, '\0', string->len) != NULL)
		return imap_fail(parser, IMAP_BAD, "A NUL is not allowed in a literal");
	return true;
}

bool imap_parse_literal8(struct imap_parser *parser, struct str *octets)
{
	return imap_parse_char(parser, '~') && imap_scan_octets(parser, octets);
}

bool imap_parse_literal(struct imap_parser *parser, uint64_t max, uint64_t *size, bool *is_literal8)
{
	if (parser->failure != IMAP_PARSED)
		return false;
	*is_literal8 = imap_skip_char(parser, '~');
	return begin_literal(parser, max, size);
}

bool imap_parse_literal_end(struct imap_parser *parser)
{
	return parser->failure == IMAP_PARSED && read_line(parser);
}
