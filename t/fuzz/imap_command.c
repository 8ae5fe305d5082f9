/* imap/parser: the octets of a client, read as commands whose grammar their names choose. */
#include "common/imap/parser.h"
#include "common/imap/sequence.h"
#include "common/imap/text.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { INPUT_MAX = 100000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever comes next, by its first character. */
static bool parse_any(struct imap_parser *parser)
{
	struct str value, rest;
	int64_t moment;

	if (imap_peek_char(parser, '('))
		return imap_parse_open(parser);
	if (imap_peek_char(parser, ')'))
		return imap_parse_close(parser);
	if (imap_peek_char(parser, '\\'))
		return imap_parse_flag_atom(parser, &value);
	if (imap_peek_char(parser, ' '))
		return imap_parse_space(parser);
	if (imap_peek_char(parser, '~'))
		return imap_parse_literal8(parser, &value);
	if (imap_skip_word(parser, "DATE"))
		return imap_parse_space(parser) && imap_parse_date(parser, &moment);
	if (imap_skip_word(parser, "TIME"))
		return imap_parse_space(parser) && imap_parse_date_time(parser, &moment);
	rest = parser->rest;
	if (rest.len > 0 && rest.data[0] >= '0' && rest.data[0] <= '9')
		return imap_parse_sequence_text(parser, &value);
	return imap_parse_astring(parser, &value);
}

/* As APPEND reads its message. */
static bool parse_message(struct imap_parser *parser)
{
	struct str name, bytes;
	uint64_t size;
	bool is_literal8;

	if (!imap_parse_space(parser) || !imap_parse_mailbox(parser, &name))
		return false;
	if (!str_is_utf8(name) || !str_equal(imap_mailbox_name(name, parser->arena), name))
		__builtin_trap();
	if (!imap_parse_space(parser) || !imap_parse_literal(parser, 5000, &size, &is_literal8))
		return false;
	for (; size > 0; size -= bytes.len) {
		if (conn_read_some(parser->conn, &bytes, NULL) != 0)
			return false;
		bytes.len = bytes.len < size ? bytes.len : (size_t)size;
		conn_consume(parser->conn, bytes.len);
	}
	return imap_parse_literal_end(parser);
}

static void parse_set(struct imap_parser *parser)
{
	struct sequence set;
	struct str text;

	if (imap_parse_space(parser) && imap_parse_sequence_text(parser, &text) &&
	    sequence_parse(parser->arena, text, 1000, &set))
		for (size_t i = 1; i < set.count; i++)
			if (set.ranges[i].first <= set.ranges[i - 1].last)
				__builtin_trap();
}

/* What decoding accepts, encoding gives. */
static void parse_name(struct imap_parser *parser)
{
	struct str text;
	struct buf utf8, again;

	if (!imap_parse_space(parser) || !imap_parse_astring(parser, &text))
		return;
	buf_init(&utf8, INPUT_MAX * 4);
	buf_init(&again, INPUT_MAX * 4);
	if (mutf7_decode(text, &utf8, NULL) == 0 &&
	    (mutf7_encode(buf_str(&utf8), &again, NULL) != 0 || !str_equal(buf_str(&again), text)))
		__builtin_trap();
	buf_free(&utf8);
	buf_free(&again);
}

static void parse_command(struct imap_parser *parser, struct str name)
{
	if (str_equal(name, STR("APPEND")))
		while (parse_message(parser))
			continue;
	else if (str_equal(name, STR("UID FETCH")))
		parse_set(parser);
	else if (str_equal(name, STR("SELECT")))
		parse_name(parser);
	while (!imap_at_end(parser) && parse_any(parser))
		continue;
	imap_parse_end(parser);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct imap_parser parser;
	struct arena arena;
	struct conn conn;
	int pair[2];

	if (size > INPUT_MAX || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
		return 0;
	fcntl(pair[1], F_SETFL, O_NONBLOCK);
	if (write(pair[1], data, size) < 0 || shutdown(pair[1], SHUT_WR) != 0) {
		close(pair[0]);
		close(pair[1]);
		return 0;
	}
	conn_init(&conn, pair[0], 1000);
	arena_init(&arena);
	imap_parser_init(&parser, &conn, &arena, 1000);
	for (bool more = true; more; arena_reset(&arena)) {
		struct str tag, name;

		if (imap_parse_command(&parser, &tag, &name))
			parse_command(&parser, name);
		parser.wants_utf8 = !parser.wants_utf8;
		more = imap_parse_finish(&parser);
	}
	conn_close(&conn);
	arena_free(&arena);
	close(pair[1]);
	return 0;
}
