/* imap/parser: commands that somebody else parses. */
#include "common/imap/parser.h"

#include "common/imap/scan.h"

bool imap_parse_raw(struct imap_parser *parser, struct buf *out)
{
	uint64_t size;
	size_t brace;
	bool waits;

	while (parser->failure == IMAP_PARSED && imap_find_literal(parser->rest, &brace, &size, &waits)) {
		struct str literal;

		buf_add_str(out, str_sub(parser->rest, 0, brace));
		parser->rest = str_skip(parser->rest, brace);
		if (!imap_scan_octets(parser, &literal))
			return false;
		buf_printf(out, "{%zu+}\r\n", literal.len);
		buf_add_str(out, literal);
	}
	if (parser->failure != IMAP_PARSED)
		return false;
	buf_add_str(out, parser->rest);
	buf_add_str(out, STR("\r\n"));
	parser->rest = STR("");
	return !out->overflow || imap_fail(parser, IMAP_TOO_BIG, "The command is too long");
}
