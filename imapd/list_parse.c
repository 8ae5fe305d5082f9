/* imapd: the arguments of LIST and LSUB (RFC 9051 9, RFC 5258 6). */
#include "imapd/list.h"

struct option {
	const char *name;
	enum list_option option;
};

static const struct option selections[] = {
    {"SUBSCRIBED", LIST_SUBSCRIBED},
    {"REMOTE", LIST_REMOTE},
    {"RECURSIVEMATCH", LIST_RECURSIVE},
    {"SPECIAL-USE", LIST_SPECIAL_USE},
};

static const struct option returns[] = {
    {"SUBSCRIBED", LIST_SUBSCRIBED}, {"CHILDREN", LIST_CHILDREN}, {"SPECIAL-USE", LIST_SPECIAL_USE},
    {"STATUS", LIST_STATUS},         {"METADATA", LIST_METADATA},
};

static bool parse_option(struct imap_parser *parser, const struct option *options, size_t count,
                         enum list_option *option)
{
	for (size_t i = 0; i < count; i++) {
		if (imap_skip_word(parser, options[i].name)) {
			*option = options[i].option;
			return true;
		}
	}
	return imap_fail(parser, IMAP_BAD, "LIST knows no such option");
}

static bool parse_selection(struct session *session, struct list_request *request)
{
	struct imap_parser *parser = &session->parser;
	enum list_option option = 0;

	if (!imap_parse_open(parser))
		return false;
	request->is_extended = true;
	while (!imap_peek_char(parser, ')')) {
		if ((request->select != 0 && !imap_parse_space(parser)) ||
		    !parse_option(parser, selections, sizeof selections / sizeof selections[0], &option))
			return false;
		request->select |= option;
	}
	if ((request->select & LIST_RECURSIVE) != 0 && (request->select & ~(unsigned)(LIST_RECURSIVE | LIST_REMOTE)) == 0)
		return imap_fail(parser, IMAP_BAD, "RECURSIVEMATCH needs another option beside it"); /* RFC 5258 3.1 */
	return imap_parse_close(parser) && imap_parse_space(parser);
}

/* RFC 9590, RFC 5819: two options have arguments of their own. */
static bool parse_return(struct session *session, struct list_request *request)
{
	struct imap_parser *parser = &session->parser;
	enum list_option option = 0;

	if (!parse_option(parser, returns, sizeof returns / sizeof returns[0], &option))
		return false;
	request->returned |= option;
	if (option == LIST_STATUS)
		return imap_parse_space(parser) && status_parse_items(parser, &request->status_items);
	if (option == LIST_METADATA)
		return imap_parse_space(parser) && metadata_parse_entries(session, &request->metadata);
	return true;
}

static bool parse_returns(struct session *session, struct list_request *request)
{
	struct imap_parser *parser = &session->parser;

	if (imap_at_end(parser))
		return true;
	if (!imap_parse_space(parser) || !imap_skip_word(parser, "RETURN"))
		return imap_fail(parser, IMAP_BAD, "RETURN is expected");
	request->is_extended = true;
	if (!imap_parse_space(parser) || !imap_parse_open(parser))
		return false;
	while (!imap_peek_char(parser, ')'))
		if ((request->returned != 0 && !imap_parse_space(parser)) || !parse_return(session, request))
			return false;
	return imap_parse_close(parser);
}

/* To UTF-8, as the store has names. */
static bool decode(struct session *session, struct str *text)
{
	struct imap_parser *parser = &session->parser;
	struct buf decoded;
	bool valid;

	if (text->len > LIST_PATTERN_MAX)
		return imap_fail(parser, IMAP_BAD, "The pattern is too long");
	if (session_utf8(session)) {
		if (!str_is_utf8(*text))
			return imap_fail(parser, IMAP_BAD, "The pattern is not in UTF-8");
		*text = imap_normalise(*text, &session->arena);
		return true;
	}
	buf_init(&decoded, LIST_PATTERN_MAX);
	valid = mutf7_decode(*text, &decoded, NULL) == 0;
	*text = imap_normalise(arena_copy(&session->arena, buf_str(&decoded)), &session->arena);
	buf_free(&decoded);
	return valid || imap_fail(parser, IMAP_BAD, "The pattern is not in modified UTF-7");
}

static bool parse_pattern(struct session *session, struct str reference, struct list_request *request)
{
	struct imap_parser *parser = &session->parser;
	struct str pattern;

	if (request->pattern_count == LIST_PATTERNS_MAX)
		return imap_fail(parser, IMAP_BAD, "There are too many patterns");
	if (!imap_parse_list_pattern(parser, &pattern) || !decode(session, &pattern))
		return false;
	request->asks_delimiter = pattern.len == 0;
	request->patterns[request->pattern_count++] =
	    arena_printf(&session->arena, "%.*s%.*s", STR_ARG(reference), STR_ARG(pattern));
	return true;
}

static bool parse_patterns(struct session *session, struct str reference, struct list_request *request)
{
	struct imap_parser *parser = &session->parser;

	if (!imap_peek_char(parser, '(') || request->is_lsub)
		return parse_pattern(session, reference, request);
	request->is_extended = true;
	if (!imap_parse_open(parser))
		return false;
	do {
		if (!parse_pattern(session, reference, request))
			return false;
	} while (imap_skip_char(parser, ' '));
	return imap_parse_close(parser);
}

bool list_parse(struct session *session, struct list_request *request)
{
	struct imap_parser *parser = &session->parser;
	struct str reference;

	if (!imap_parse_space(parser))
		return false;
	if (!request->is_lsub && imap_peek_char(parser, '(') && !parse_selection(session, request))
		return false;
	if (!imap_parse_astring(parser, &reference) || !decode(session, &reference) || !imap_parse_space(parser) ||
	    !parse_patterns(session, reference, request))
		return false;
	if (!request->is_lsub && !parse_returns(session, request))
		return false;
	request->asks_delimiter &= !request->is_extended && !request->is_lsub;
	return imap_parse_end(parser);
}
