#include "common/addr/syntax.h"

enum { NAME_MAX_LEN = 4096 }; /* octets of a display name */

/*
 * What stands between two separators is read word by word before it is known whether it is a display name, a group's
 * name or a local part; so both readings are collected.
 */
struct words {
	struct buf name;       /* the words with one blank where there was white space */
	struct buf local_part; /* the words without it */
	bool local_valid;      /* words and dots alternate (RFC 5322 4.4 obs-local-part) */
	bool last_was_word;
	bool any;
};

struct parser {
	struct str rest;
	struct arena *arena;
	struct addr_entry *entries;
	size_t count, capacity;
	bool in_group;
};

static bool is_fold(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* White space and comments (RFC 5322 3.2.2), which nest. Returns whether there was any. */
static int skip_cfws(struct str *rest, bool *any_out, struct err *err)
{
	unsigned depth = 0;
	size_t at = 0;

	for (; at < rest->len; at++) {
		char c = rest->data[at];

		if (c == '(')
			depth++;
		else if (c == ')' && depth > 0)
			depth--;
		else if (c == '\\' && depth > 0)
			at++;
		else if (depth == 0 && !is_fold(c))
			break;
	}
	if (depth > 0)
		return err_set(err, ADDR_SYNTAX, "a comment is not closed");
	if (any_out != NULL)
		*any_out = at > 0;
	*rest = str_skip(*rest, at);
	return 0;
}

static char peek(const struct str *rest)
{
	return rest->len != 0 ? rest->data[0] : '\0';
}

static void words_init(struct words *words)
{
	*words = (struct words){.local_valid = true};
	buf_init(&words->name, NAME_MAX_LEN);
	buf_init(&words->local_part, NAME_MAX_LEN);
}

static void words_free(struct words *words)
{
	buf_free(&words->name);
	buf_free(&words->local_part);
}

/* One atom, quoted string or dot. -1 with ADDR_SYNTAX where none is there. */
static int read_word(struct str *rest, struct words *words, bool blank_before, struct err *err)
{
	size_t len = 0, start = words->local_part.len;
	bool is_dot = peek(rest) == '.';

	if (is_dot) {
		len = 1;
	} else if (peek(rest) != '"') {
		while (len < rest->len && addr_is_atext(rest->data[len]))
			len++;
		if (len == 0)
			return err_set(err, ADDR_SYNTAX, "\"%c\" is out of place in an address list",
			               peek(rest) > ' ' && peek(rest) < 0x7f ? peek(rest) : '?');
	}
	if (is_dot != words->last_was_word)
		words->local_valid = false;
	if (len == 0 && addr_read_quoted(rest, true, &words->local_part, err) != 0)
		return -1;
	buf_add_str(&words->local_part, str_sub(*rest, 0, len));
	*rest = str_skip(*rest, len);
	if (blank_before && words->any)
		buf_add_char(&words->name, ' ');
	buf_add_str(&words->name, str_skip(buf_str(&words->local_part), start));
	if (words->name.overflow || words->local_part.overflow)
		return err_set(err, ADDR_TOO_LONG, "a name in an address list is too long");
	words->last_was_word = !is_dot;
	words->any = true;
	return 0;
}

/* Words up to one of the separators, which is left in rest. */
static int read_words(struct str *rest, struct words *words, struct err *err)
{
	bool blank = false;

	for (;;) {
		if (skip_cfws(rest, &blank, err) != 0)
			return -1;
		if (rest->len == 0 || strchr("<>@,:;", peek(rest)) != NULL)
			return 0;
		if (read_word(rest, words, blank, err) != 0)
			return -1;
	}
}

/* RFC 5322 3.4.1 domain, with white space and comments anywhere between its parts (4.4 obs-domain). */
static int read_domain(struct str *rest, struct arena *arena, struct str *domain_out, struct err *err)
{
	struct words words;
	ptrdiff_t end;
	int result;

	if (skip_cfws(rest, NULL, err) != 0)
		return -1;
	if (peek(rest) == '[') {
		end = str_find_char(*rest, ']');
		if (end < 0)
			return err_set(err, ADDR_SYNTAX, "an address literal is not closed");
		*domain_out = str_sub(*rest, 0, (size_t)end + 1);
		*rest = str_skip(*rest, (size_t)end + 1);
		return skip_cfws(rest, NULL, err);
	}
	words_init(&words);
	result = read_words(rest, &words, err);
	if (result == 0 && !words.any)
		result = err_set(err, ADDR_SYNTAX, "the domain is missing");
	if (result == 0)
		*domain_out = arena_copy(arena, buf_str(&words.local_part));
	words_free(&words);
	return result;
}

static int add_entry(struct parser *parser, struct str name, const struct addr *addr, struct err *err)
{
	if (parser->count == ADDR_LIST_MAX)
		return err_set(err, ERR_LIMIT, "more than %d addresses", ADDR_LIST_MAX);
	if (parser->count == parser->capacity) {
		struct addr_entry *old = parser->entries;

		parser->capacity = parser->capacity != 0 ? 2 * parser->capacity : 8;
		parser->entries = arena_get(parser->arena, parser->capacity * sizeof *old);
		if (parser->count != 0)
			memcpy(parser->entries, old, parser->count * sizeof *old);
	}
	parser->entries[parser->count++] = (struct addr_entry){.name = name, .addr = *addr};
	return 0;
}

/* What the words and, behind an "@", a domain say as an address. */
static int finish_address(struct parser *parser, const struct words *words, struct addr *addr_out, struct err *err)
{
	struct str domain = STR("");

	if (!words->any || !words->local_valid || !words->last_was_word)
		return err_set(err, ADDR_SYNTAX, "\"%.*s\" is not an address", STR_ARG(buf_str(&words->name)));
	if (peek(&parser->rest) == '@') {
		parser->rest = str_skip(parser->rest, 1);
		if (read_domain(&parser->rest, parser->arena, &domain, err) != 0)
			return -1;
	}
	return addr_complete(arena_copy(parser->arena, buf_str(&words->local_part)), domain, parser->arena, addr_out, err);
}

/* "<" [route] address ">" (RFC 5322 3.4 angle-addr, 4.4 obs-angle-addr). */
static int read_angle(struct parser *parser, struct addr *addr_out, struct err *err)
{
	struct words words;
	struct str route;
	int result;

	parser->rest = str_skip(parser->rest, 1);
	if (skip_cfws(&parser->rest, NULL, err) != 0)
		return -1;
	while (peek(&parser->rest) == '@' || peek(&parser->rest) == ',') {
		bool is_domain = peek(&parser->rest) == '@';

		parser->rest = str_skip(parser->rest, 1);
		if (is_domain && read_domain(&parser->rest, parser->arena, &route, err) != 0)
			return -1;
		if (peek(&parser->rest) == ':') {
			parser->rest = str_skip(parser->rest, 1);
			break;
		}
	}
	words_init(&words);
	result = read_words(&parser->rest, &words, err);
	if (result == 0)
		result = finish_address(parser, &words, addr_out, err);
	words_free(&words);
	if (result != 0)
		return -1;
	if (peek(&parser->rest) != '>')
		return err_set(err, ADDR_SYNTAX, "the closing angle bracket is missing");
	parser->rest = str_skip(parser->rest, 1);
	return skip_cfws(&parser->rest, NULL, err);
}

static int read_entry(struct parser *parser, struct words *words, struct err *err)
{
	struct str name = STR("");
	struct addr addr;

	if (read_words(&parser->rest, words, err) != 0)
		return -1;
	if (peek(&parser->rest) == ':' && !parser->in_group) {
		parser->in_group = true;
		parser->rest = str_skip(parser->rest, 1);
		return 0;
	}
	if (peek(&parser->rest) == '<') {
		name = arena_copy(parser->arena, buf_str(&words->name));
	} else if (words->any || peek(&parser->rest) == '@') {
		if (finish_address(parser, words, &addr, err) != 0)
			return -1;
		if (peek(&parser->rest) != '<')
			return add_entry(parser, name, &addr, err);
		name = addr.text; /* "a@b <a@b>": against the RFC, and common */
	} else {
		return 0; /* an empty element (RFC 5322 4.4 obs-addr-list) */
	}
	return read_angle(parser, &addr, err) != 0 ? -1 : add_entry(parser, name, &addr, err);
}

int addr_parse_list(struct str value, struct arena *arena, struct addr_list *list_out, struct err *err)
{
	struct parser parser = {.rest = value, .arena = arena};

	while (parser.rest.len != 0) {
		bool was_in_group = parser.in_group;
		struct words words;
		int result;

		words_init(&words);
		result = read_entry(&parser, &words, err);
		words_free(&words);
		if (result != 0)
			return -1;
		if (parser.in_group != was_in_group || parser.rest.len == 0)
			continue;
		if (peek(&parser.rest) == ';' && parser.in_group)
			parser.in_group = false;
		else if (peek(&parser.rest) != ',')
			return err_set(err, ADDR_SYNTAX, "\"%c\" is out of place in an address list", peek(&parser.rest));
		parser.rest = str_skip(parser.rest, 1);
	}
	if (parser.in_group)
		return err_set(err, ADDR_SYNTAX, "a group is not closed by \";\"");
	*list_out = (struct addr_list){.entries = parser.entries, .count = parser.count};
	return 0;
}
