/* imapd: RETURN (...) of SEARCH and SORT (RFC 4731, RFC 5182, RFC 5267, RFC 5465, RFC 9394). */
#include "imapd/notify.h"
#include "imapd/search.h"

/* partial-range: "1:500", or from the end "-1:-100". */
static bool parse_partial(struct session *session, struct search_options *options)
{
	struct imap_parser *parser = &session->parser;
	struct str before;
	uint64_t first, last;

	if (!imap_parse_space(parser))
		return false;
	before = parser->rest;
	options->from_end = imap_skip_char(parser, '-');
	if (!imap_parse_number(parser, UINT32_MAX, &first) || !imap_parse_char(parser, ':') ||
	    (options->from_end && !imap_parse_char(parser, '-')) || !imap_parse_number(parser, UINT32_MAX, &last))
		return false;
	if (first == 0 || last == 0)
		return imap_fail(parser, IMAP_BAD, "Results are counted from 1");
	options->partial = true;
	options->partial_first = (uint32_t)(first < last ? first : last);
	options->partial_last = (uint32_t)(first < last ? last : first);
	options->partial_text = arena_copy(&session->arena, str_sub(before, 0, before.len - parser->rest.len));
	return true;
}

/* RFC 5465 section 7: UPDATE ["(" fetch-att *(SP fetch-att) ")"] */
static bool parse_attributes(struct session *session, struct search_options *options)
{
	struct imap_parser *parser = &session->parser;

	if (!str_starts(parser->rest, STR(" (")))
		return true;
	return imap_parse_space(parser) && notify_take_attributes(parser, &session->arena, &options->attributes);
}

static bool parse_option(struct session *session, struct search_options *options)
{
	const struct {
		const char *word;
		bool *option;
	} simple[] = {
	    {"MIN", &options->min},     {"MAX", &options->max},   {"ALL", &options->all},
	    {"COUNT", &options->count}, {"SAVE", &options->save}, {"UPDATE", &options->update},
	};
	struct str word;

	if (!imap_parse_atom(&session->parser, &word))
		return false;
	for (size_t i = 0; i < sizeof simple / sizeof simple[0]; i++)
		if (str_equal_nocase(word, str_of(simple[i].word))) {
			*simple[i].option = true;
			return simple[i].option != &options->update || parse_attributes(session, options);
		}
	if (str_equal_nocase(word, STR("PARTIAL")))
		return options->partial ? imap_fail(&session->parser, IMAP_BAD, "PARTIAL may be there once")
		                        : parse_partial(session, options);
	/* RFC 5267 4.2: a hint, of which nothing has to come */
	return str_equal_nocase(word, STR("CONTEXT")) ||
	       imap_fail(&session->parser, IMAP_BAD, "A return option is not known");
}

static bool parse_list(struct session *session, struct search_options *options)
{
	struct imap_parser *parser = &session->parser;

	if (!imap_parse_space(parser) || !imap_parse_open(parser))
		return false;
	if (!imap_peek_char(parser, ')'))
		do {
			if (!parse_option(session, options))
				return false;
		} while (imap_skip_char(parser, ' '));
	if (!imap_parse_close(parser) || !imap_parse_space(parser))
		return false;
	/* RFC 9394 3.1 */
	return !(options->partial && options->all) || imap_fail(parser, IMAP_BAD, "PARTIAL and ALL exclude each other");
}

bool search_parse_options(struct session *session, struct search_options *options, bool esearch_only)
{
	*options = (struct search_options){.given = esearch_only};
	if (imap_skip_word(&session->parser, "RETURN")) {
		options->given = true;
		if (!parse_list(session, options)) {
			imap_refuse(session);
			return false;
		}
	}
	/* RFC 4731 3.1: none is ALL */
	if (!options->min && !options->max && !options->count && !options->save && !options->partial)
		options->all = true;
	return true;
}
