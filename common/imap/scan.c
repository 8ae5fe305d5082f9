/* imap/parser: what a command consists of. */
#include "common/imap/scan.h"

#include "common/imap/text.h"

enum { NAME_MAX_OCTETS = 4096 }; /* of a mailbox's name in UTF-8; the store's own limit is lower */

bool imap_is_atom_char(char c)
{
	return c > ' ' && c < 0x7f && strchr("(){%*\"\\]", c) == NULL;
}

bool imap_is_astring_char(char c)
{
	return imap_is_atom_char(c) || c == ']';
}

bool imap_is_keyword(struct str word)
{
	for (size_t i = 0; i < word.len; i++)
		if (!imap_is_atom_char(word.data[i]))
			return false;
	return word.len > 0;
}

bool imap_is_tag_char(char c)
{
	return imap_is_astring_char(c) && c != '+';
}

static bool is_pattern_char(char c)
{
	return imap_is_astring_char(c) || c == '%' || c == '*';
}

static bool is_sequence_char(char c)
{
	return (c >= '0' && c <= '9') || c == ':' || c == ',' || c == '*';
}

static struct str take_run(struct imap_parser *parser, bool (*is_char)(char c))
{
	struct str run = parser->rest;
	size_t len = 0;

	while (len < run.len && is_char(run.data[len]))
		len++;
	parser->rest = str_skip(run, len);
	return str_sub(run, 0, len);
}

bool imap_peek_char(const struct imap_parser *parser, char c)
{
	return parser->failure == IMAP_PARSED && parser->rest.len > 0 && parser->rest.data[0] == c;
}

bool imap_skip_char(struct imap_parser *parser, char c)
{
	if (!imap_peek_char(parser, c))
		return false;
	parser->rest = str_skip(parser->rest, 1);
	return true;
}

bool imap_parse_char(struct imap_parser *parser, char c)
{
	if (imap_skip_char(parser, c))
		return true;
	if (parser->failure != IMAP_PARSED)
		return false;
	return imap_fail(parser, IMAP_BAD,
	                 arena_printf(parser->arena, "\"%c\" is expected %s", c,
	                              parser->rest.len == 0 ? "where the command ends" : "before what comes")
	                     .data);
}

bool imap_parse_space(struct imap_parser *parser)
{
	if (imap_skip_char(parser, ' '))
		return true;
	return imap_fail(parser, IMAP_BAD, parser->rest.len == 0 ? "An argument is missing" : "A space is expected");
}

bool imap_at_end(const struct imap_parser *parser)
{
	return parser->rest.len == 0;
}

bool imap_parse_end(struct imap_parser *parser)
{
	if (parser->failure != IMAP_PARSED)
		return false;
	return parser->rest.len == 0 || imap_fail(parser, IMAP_BAD, "There is more than the command takes");
}

bool imap_parse_open(struct imap_parser *parser)
{
	if (!imap_parse_char(parser, '('))
		return false;
	parser->depth++;
	return parser->depth <= IMAP_DEPTH_MAX || imap_fail(parser, IMAP_TOO_LONG, "Parentheses are nested too deep");
}

bool imap_parse_close(struct imap_parser *parser)
{
	if (!imap_parse_char(parser, ')'))
		return false;
	if (parser->depth > 0)
		parser->depth--;
	return true;
}

bool imap_skip_word(struct imap_parser *parser, const char *word)
{
	struct str wanted = str_of(word);

	if (parser->failure != IMAP_PARSED || !str_starts_nocase(parser->rest, wanted))
		return false;
	if (parser->rest.len > wanted.len && strchr(" ()[]<", parser->rest.data[wanted.len]) == NULL)
		return false;
	parser->rest = str_skip(parser->rest, wanted.len);
	return true;
}

bool imap_parse_atom(struct imap_parser *parser, struct str *atom)
{
	if (parser->failure != IMAP_PARSED)
		return false;
	*atom = take_run(parser, imap_is_atom_char);
	return atom->len > 0 || imap_fail(parser, IMAP_BAD, "A word is expected");
}

bool imap_parse_flag_atom(struct imap_parser *parser, struct str *flag)
{
	struct str before = parser->rest, atom;
	bool is_system = imap_skip_char(parser, '\\');

	if (!imap_parse_atom(parser, &atom))
		return false;
	*flag = is_system ? str_sub(before, 0, atom.len + 1) : atom;
	return true;
}

/* A quoted string: '\' may stand before '"' and '\' alone. */
static bool parse_quoted(struct imap_parser *parser, struct str *string)
{
	struct str text = str_skip(parser->rest, 1);
	char *out = NULL;
	size_t from, len = 0;

	for (from = 0; from < text.len && text.data[from] != '"'; from++) {
		if (text.data[from] == '\\') {
			from++;
			if (from == text.len || (text.data[from] != '"' && text.data[from] != '\\'))
				return imap_fail(parser, IMAP_BAD, "A backslash stands before something else than '\"' or '\\'");
			if (out == NULL) {
				out = arena_get(parser->arena, text.len + 1);
				memcpy(out, text.data, len);
			}
		}
		if (out != NULL)
			out[len] = text.data[from];
		len++;
	}
	if (from == text.len)
		return imap_fail(parser, IMAP_BAD, "A quoted string does not end");
	*string = str_from(out != NULL ? out : text.data, len);
	parser->rest = str_skip(text, from + 1);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)string->data[i] >= 0x80)
			return (parser->wants_utf8 && str_is_utf8(*string)) ||
			       imap_fail(parser, IMAP_BAD,
			                 parser->wants_utf8 ? "A quoted string is not UTF-8"
			                                    : "An octet above 127 stands in a quoted string without UTF-8 enabled");
	return true;
}

bool imap_parse_string(struct imap_parser *parser, struct str *string)
{
	if (imap_peek_char(parser, '"'))
		return parse_quoted(parser, string);
	if (imap_peek_char(parser, '{'))
		return imap_scan_literal(parser, string);
	return imap_fail(parser, IMAP_BAD, "A string is expected");
}

bool imap_parse_nstring(struct imap_parser *parser, struct str *string)
{
	if (imap_skip_word(parser, "NIL")) {
		*string = str_from(NULL, 0);
		return true;
	}
	return imap_parse_string(parser, string);
}

static bool parse_run_or_string(struct imap_parser *parser, bool (*is_char)(char c), struct str *string)
{
	if (parser->failure != IMAP_PARSED)
		return false;
	if (imap_peek_char(parser, '"') || imap_peek_char(parser, '{'))
		return imap_parse_string(parser, string);
	*string = take_run(parser, is_char);
	return string->len > 0 || imap_fail(parser, IMAP_BAD, "A word or a string is expected");
}

bool imap_parse_astring(struct imap_parser *parser, struct str *string)
{
	return parse_run_or_string(parser, imap_is_astring_char, string);
}

bool imap_parse_list_pattern(struct imap_parser *parser, struct str *pattern)
{
	return parse_run_or_string(parser, is_pattern_char, pattern);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool imap_parse_number(struct imap_parser *parser, uint64_t max, uint64_t *number)
{
	if (parser->failure != IMAP_PARSED)
		return false;
	return str_to_u64(take_run(parser, is_digit), max, number) ||
	       imap_fail(parser, IMAP_BAD, "A number is expected, or it is too large");
}

bool imap_parse_mailbox(struct imap_parser *parser, struct str *name)
{
	struct str text = STR("");
	struct buf decoded;

	if (!imap_parse_astring(parser, &text))
		return false;
	if (!parser->wants_utf8) {
		buf_init(&decoded, NAME_MAX_OCTETS);
		if (mutf7_decode(text, &decoded, NULL) != 0) {
			buf_free(&decoded);
			return imap_fail(parser, IMAP_BAD, "The mailbox name is not in modified UTF-7");
		}
		text = arena_copy(parser->arena, buf_str(&decoded));
		buf_free(&decoded);
	} else if (!str_is_utf8(text)) {
		return imap_fail(parser, IMAP_BAD, "The mailbox name is not in UTF-8");
	}
	parser->given = text;
	*name = imap_mailbox_name(text, parser->arena);
	return true;
}

/* sequence-set without its values: numbers and "*" in pairs, separated by commas. */
static bool is_sequence(struct str text)
{
	while (text.data != NULL) {
		struct str part = str_cut(&text, ',');

		for (int ends = 0; part.data != NULL; ends++) {
			struct str end = str_cut(&part, ':');
			uint64_t number;

			if (ends == 2 || (!str_equal(end, STR("*")) && (!str_to_u64(end, UINT32_MAX, &number) || number == 0)))
				return false;
		}
	}
	return true;
}

bool imap_parse_sequence_text(struct imap_parser *parser, struct str *text)
{
	struct str before = parser->rest;

	if (parser->failure != IMAP_PARSED)
		return false;
	if (imap_skip_char(parser, '$')) {
		*text = str_sub(before, 0, 1);
		return true;
	}
	*text = take_run(parser, is_sequence_char);
	return (text->len > 0 && is_sequence(*text)) || imap_fail(parser, IMAP_BAD, "A set of message numbers is expected");
}
