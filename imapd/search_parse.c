/* imapd: from search keys to a tree (RFC 9051 6.4.4, RFC 3501 6.4.4, RFC 5032, RFC 7162 3.1.5, RFC 8474, RFC 8514). */
#include "common/base/fold.h"
#include "common/mime/text.h"
#include "imapd/search.h"

#include <time.h>

enum argument {
	NOTHING,
	IS_NOTHING, /* the opposite of the key */
	TEXT,
	FIELD, /* text in the field of that name */
	FIELD_TEXT,
	DAY,
	NUMBER,
	SECONDS, /* before now */
	KEYWORD,
	NO_KEYWORD,
	SET,
	MODSEQ,
	OBJECT_ID,
};

struct parse {
	struct session *session;
	struct imap_parser *parser;
	struct arena *arena;
	struct str charset;
	struct search_program *program;
	bool bad_charset;
};

static const struct {
	const char *word;
	enum argument argument;
	enum search_kind kind;
	unsigned flag;
	const char *field;
} words[] = {
    {"ALL", NOTHING, SEARCH_AND, 0, NULL},
    {"ANSWERED", NOTHING, SEARCH_FLAG, STORE_ANSWERED, NULL},
    {"BCC", FIELD, SEARCH_FIELD_TEXT, 0, "Bcc"},
    {"BEFORE", DAY, SEARCH_BEFORE, 0, NULL},
    {"BODY", TEXT, SEARCH_BODY_TEXT, 0, NULL},
    {"CC", FIELD, SEARCH_FIELD_TEXT, 0, "Cc"},
    {"DELETED", NOTHING, SEARCH_FLAG, STORE_DELETED, NULL},
    {"DRAFT", NOTHING, SEARCH_FLAG, STORE_DRAFT, NULL},
    {"EMAILID", OBJECT_ID, SEARCH_EMAIL_ID, 0, NULL},
    {"FLAGGED", NOTHING, SEARCH_FLAG, STORE_FLAGGED, NULL},
    {"FROM", FIELD, SEARCH_FIELD_TEXT, 0, "From"},
    {"HEADER", FIELD_TEXT, SEARCH_FIELD_TEXT, 0, NULL},
    {"KEYWORD", KEYWORD, SEARCH_KEYWORD, 0, NULL},
    {"LARGER", NUMBER, SEARCH_LARGER, 0, NULL},
    {"MODSEQ", MODSEQ, SEARCH_MODSEQ, 0, NULL},
    {"OLD", IS_NOTHING, SEARCH_RECENT, 0, NULL},
    {"OLDER", SECONDS, SEARCH_OLDER, 0, NULL},
    {"ON", DAY, SEARCH_ON, 0, NULL},
    {"RECENT", NOTHING, SEARCH_RECENT, 0, NULL},
    {"SAVEDATESUPPORTED", NOTHING, SEARCH_AND, 0, NULL},
    {"SAVEDBEFORE", DAY, SEARCH_SAVED_BEFORE, 0, NULL},
    {"SAVEDON", DAY, SEARCH_SAVED_ON, 0, NULL},
    {"SAVEDSINCE", DAY, SEARCH_SAVED_SINCE, 0, NULL},
    {"SEEN", NOTHING, SEARCH_FLAG, STORE_SEEN, NULL},
    {"SENTBEFORE", DAY, SEARCH_SENT_BEFORE, 0, NULL},
    {"SENTON", DAY, SEARCH_SENT_ON, 0, NULL},
    {"SENTSINCE", DAY, SEARCH_SENT_SINCE, 0, NULL},
    {"SINCE", DAY, SEARCH_SINCE, 0, NULL},
    {"SMALLER", NUMBER, SEARCH_SMALLER, 0, NULL},
    {"SUBJECT", FIELD, SEARCH_FIELD_TEXT, 0, "Subject"},
    {"TEXT", TEXT, SEARCH_ANY_TEXT, 0, NULL},
    {"THREADID", OBJECT_ID, SEARCH_THREAD_ID, 0, NULL},
    {"TO", FIELD, SEARCH_FIELD_TEXT, 0, "To"},
    {"UID", SET, SEARCH_UIDS, 0, NULL},
    {"UNANSWERED", IS_NOTHING, SEARCH_FLAG, STORE_ANSWERED, NULL},
    {"UNDELETED", IS_NOTHING, SEARCH_FLAG, STORE_DELETED, NULL},
    {"UNDRAFT", IS_NOTHING, SEARCH_FLAG, STORE_DRAFT, NULL},
    {"UNFLAGGED", IS_NOTHING, SEARCH_FLAG, STORE_FLAGGED, NULL},
    {"UNKEYWORD", NO_KEYWORD, SEARCH_KEYWORD, 0, NULL},
    {"UNSEEN", IS_NOTHING, SEARCH_FLAG, STORE_SEEN, NULL},
    {"YOUNGER", SECONDS, SEARCH_YOUNGER, 0, NULL},
};

static struct search_key *parse_key(struct parse *parse, unsigned depth);

static struct search_key *make_key(struct parse *parse, enum search_kind kind)
{
	struct search_key *key = arena_get(parse->arena, sizeof *key);

	key->kind = kind;
	if (kind > parse->program->dearest)
		parse->program->dearest = kind;
	return key;
}

static struct search_key *make_not(struct parse *parse, struct search_key *key)
{
	struct search_key *not_key = make_key(parse, SEARCH_NOT);

	not_key->first_child = key;
	return not_key;
}

/* What a key costs: its own kind, or that of the dearest below it. */
static enum search_kind cost_of(const struct search_key *key)
{
	enum search_kind cost = key->kind;

	for (const struct search_key *child = key->first_child; child != NULL; child = child->next)
		if (cost_of(child) > cost)
			cost = cost_of(child);
	return cost;
}

/* Insert behind those that cost as much or less; key->number of a parent keeps nothing else, so it holds the cost. */
static void add_child(struct search_key *parent, struct search_key *key)
{
	struct search_key **at = &parent->first_child;

	if (key->kind <= SEARCH_NOT)
		key->number = cost_of(key);
	while (*at != NULL) {
		enum search_kind cost = (*at)->kind <= SEARCH_NOT ? (enum search_kind)(*at)->number : (*at)->kind;

		if (cost > (key->kind <= SEARCH_NOT ? (enum search_kind)key->number : key->kind))
			break;
		at = &(*at)->next;
	}
	key->next = *at;
	*at = key;
}

/* A text as the messages' texts are compared with it. */
static struct str fold_argument(struct parse *parse, struct str text)
{
	if (parse->charset.len != 0)
		text = mime_charset_convert(parse->charset, text, &parse->session->arena);
	else if (!str_is_utf8(text)) /* without a charset it is US-ASCII, or UTF-8 (RFC 9051 6.4.4) */
		parse->bad_charset = true;
	return fold_text(text, parse->arena);
}

static bool parse_text(struct parse *parse, struct str *text)
{
	struct str argument;

	if (!imap_parse_space(parse->parser) || !imap_parse_astring(parse->parser, &argument))
		return false;
	*text = fold_argument(parse, argument);
	return true;
}

static bool parse_field_name(struct parse *parse, struct search_key *key)
{
	struct str name;

	if (!imap_parse_space(parse->parser) || !imap_parse_astring(parse->parser, &name))
		return false;
	key->name = arena_copy(parse->arena, name);
	return true;
}

/* MODSEQ [entry-name entry-type] value: there is one MODSEQ for all of a message, so the entry says nothing more. */
static bool parse_modseq(struct parse *parse, struct search_key *key)
{
	struct str entry;
	uint64_t value;

	parse->program->has_modseq = true;
	if (!imap_parse_space(parse->parser))
		return false;
	if (imap_peek_char(parse->parser, '"')) {
		if (!imap_parse_string(parse->parser, &entry) || !imap_parse_space(parse->parser))
			return false;
		if (!str_starts_nocase(entry, STR("/flags/")))
			return imap_fail(parse->parser, IMAP_BAD, "MODSEQ knows the entries of flags alone");
		if (!imap_skip_word(parse->parser, "all") && !imap_skip_word(parse->parser, "priv") &&
		    !imap_skip_word(parse->parser, "shared"))
			return imap_fail(parse->parser, IMAP_BAD, "An entry is all, priv or shared");
		if (!imap_parse_space(parse->parser))
			return false;
	}
	if (!imap_parse_number(parse->parser, INT64_MAX, &value))
		return false;
	key->number = (int64_t)value;
	return true;
}

/* A set that is saved as "$" holds UIDs, whatever the command names (RFC 5182 2.1). */
static bool parse_set(struct parse *parse, struct search_key *key)
{
	const struct view *view = parse->session->view;
	uint32_t largest = (uint32_t)view->count;
	const struct sequence *saved = &parse->session->saved;
	struct str text;

	if (!imap_parse_sequence_text(parse->parser, &text))
		return false;
	if (str_equal(text, STR("$"))) {
		key->kind = SEARCH_UIDS;
		key->set.ranges = arena_get(parse->arena, (saved->count + 1) * sizeof *saved->ranges);
		key->set.count = saved->count;
		if (saved->count > 0)
			memcpy(key->set.ranges, saved->ranges, saved->count * sizeof *saved->ranges);
		return true;
	}
	if (key->kind == SEARCH_UIDS)
		largest = view->count > 0 ? view->messages[view->count - 1].uid : 0;
	if (!sequence_parse(parse->arena, text, largest, &key->set))
		return imap_fail(parse->parser, IMAP_BAD, "A set of message numbers is expected");
	return true;
}

/* Numbers are those of now: a context goes on with the messages that have them (RFC 5267 4.3). */
static void numbers_to_uids(const struct view *view, struct search_key *key)
{
	size_t kept = 0;

	for (size_t i = 0; i < key->set.count; i++) {
		struct sequence_range range = key->set.ranges[i];

		if (range.first > view->count)
			break;
		if (range.last > view->count)
			range.last = (uint32_t)view->count;
		key->set.ranges[kept++] =
		    (struct sequence_range){view->messages[range.first - 1].uid, view->messages[range.last - 1].uid};
	}
	key->set.count = kept;
}

static struct search_key *parse_set_key(struct parse *parse)
{
	struct search_key *key = make_key(parse, SEARCH_NUMBERS);

	if (!parse_set(parse, key))
		return NULL;
	if (key->kind == SEARCH_NUMBERS) {
		numbers_to_uids(parse->session->view, key);
		parse->session->keep_sequence = true; /* RFC 9051 7.5.1, RFC 7162 3.2.10.2: also in UID SEARCH */
	}
	return key;
}

static bool parse_number(struct parse *parse, struct search_key *key, enum argument argument)
{
	uint64_t number;

	if (!imap_parse_space(parse->parser) || !imap_parse_number(parse->parser, INT64_MAX, &number))
		return false;
	key->number = (int64_t)number;
	if (argument != SECONDS)
		return true;
	if (number == 0 || number > UINT32_MAX)
		return imap_fail(parse->parser, IMAP_BAD, "An interval is a number of seconds above 0");
	key->number = (int64_t)time(NULL) - (int64_t)number;
	return true;
}

static bool parse_keyword(struct parse *parse, struct search_key *key)
{
	struct str keyword;

	if (!imap_parse_space(parse->parser) || !imap_parse_flag_atom(parse->parser, &keyword))
		return false;
	key->text = arena_copy(parse->arena, keyword);
	return true;
}

static bool parse_object_id(struct parse *parse, struct search_key *key)
{
	struct str id;

	if (!imap_parse_space(parse->parser) || !imap_parse_atom(parse->parser, &id))
		return false;
	key->text = arena_copy(parse->arena, id);
	return true;
}

static bool parse_argument(struct parse *parse, struct search_key *key, enum argument argument)
{
	switch (argument) {
	case NOTHING:
	case IS_NOTHING:
		return true;
	case FIELD_TEXT:
		return parse_field_name(parse, key) && parse_text(parse, &key->text);
	case TEXT:
	case FIELD:
		return parse_text(parse, &key->text);
	case DAY:
		return imap_parse_space(parse->parser) && imap_parse_date(parse->parser, &key->number);
	case NUMBER:
	case SECONDS:
		return parse_number(parse, key, argument);
	case KEYWORD:
	case NO_KEYWORD:
		return parse_keyword(parse, key);
	case SET:
		return imap_parse_space(parse->parser) && parse_set(parse, key);
	case MODSEQ:
		return parse_modseq(parse, key);
	case OBJECT_ID:
		return parse_object_id(parse, key);
	}
	return false;
}

static struct search_key *parse_or(struct parse *parse, unsigned depth)
{
	struct search_key *key = make_key(parse, SEARCH_OR);

	for (int i = 0; i < 2; i++) {
		struct search_key *child = imap_parse_space(parse->parser) ? parse_key(parse, depth + 1) : NULL;

		if (child == NULL)
			return NULL;
		add_child(key, child);
	}
	return key;
}

/* NEW is RECENT UNSEEN (RFC 3501 6.4.4). */
static struct search_key *make_new(struct parse *parse)
{
	struct search_key *key = make_key(parse, SEARCH_AND), *seen = make_key(parse, SEARCH_FLAG);

	seen->number = STORE_SEEN;
	add_child(key, make_key(parse, SEARCH_RECENT));
	add_child(key, make_not(parse, seen));
	return key;
}

static struct search_key *parse_list(struct parse *parse, unsigned depth)
{
	struct search_key *list = make_key(parse, SEARCH_AND);

	do {
		struct search_key *key = parse_key(parse, depth);

		if (key == NULL)
			return NULL;
		add_child(list, key);
	} while (!imap_at_end(parse->parser) && !imap_peek_char(parse->parser, ')') && imap_parse_space(parse->parser));
	return parse->parser->failure == IMAP_PARSED ? list : NULL;
}

static struct search_key *parse_group(struct parse *parse, unsigned depth)
{
	struct search_key *key;

	if (!imap_parse_open(parse->parser))
		return NULL;
	key = parse_list(parse, depth + 1);
	return key != NULL && imap_parse_close(parse->parser) ? key : NULL;
}

static struct search_key *parse_word(struct parse *parse, struct str word)
{
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		struct search_key *key;

		if (!str_equal_nocase(word, str_of(words[i].word)))
			continue;
		key = make_key(parse, words[i].kind);
		key->number = words[i].flag;
		key->name = str_of(words[i].field);
		if (!parse_argument(parse, key, words[i].argument))
			return NULL;
		return words[i].argument == IS_NOTHING || words[i].argument == NO_KEYWORD ? make_not(parse, key) : key;
	}
	imap_fail(parse->parser, IMAP_BAD, "A search key is not known");
	return NULL;
}

static struct search_key *parse_key(struct parse *parse, unsigned depth)
{
	struct imap_parser *parser = parse->parser;
	struct search_key *key;
	struct str word;

	if (depth > SEARCH_DEPTH_MAX) {
		imap_fail(parser, IMAP_TOO_LONG, "The search keys are nested too deeply");
		return NULL;
	}
	if (imap_peek_char(parser, '('))
		return parse_group(parse, depth);
	for (const char *c = "0123456789*$"; *c != '\0'; c++)
		if (imap_peek_char(parser, *c))
			return parse_set_key(parse);
	if (!imap_parse_atom(parser, &word))
		return NULL;
	if (str_equal_nocase(word, STR("NOT"))) {
		key = imap_parse_space(parser) ? parse_key(parse, depth + 1) : NULL;
		return key != NULL ? make_not(parse, key) : NULL;
	}
	if (str_equal_nocase(word, STR("OR")))
		return parse_or(parse, depth);
	if (str_equal_nocase(word, STR("NEW")))
		return make_new(parse);
	return parse_word(parse, word);
}

bool search_parse_charset(struct session *session, struct str *charset)
{
	if (!imap_parse_astring(&session->parser, charset)) {
		imap_refuse(session);
		return false;
	}
	if (session->enabled.utf8 && !str_equal_nocase(*charset, STR("UTF-8"))) {
		imap_bad(session, "With UTF8=ACCEPT all text is UTF-8"); /* RFC 6855 section 3 */
		return false;
	}
	if (mime_charset_known(*charset))
		return true;
	imap_no(session, "BADCHARSET (UTF-8 US-ASCII ISO-8859-1)", "The charset is not known");
	return false;
}

bool search_parse_program(struct session *session, struct str charset, struct arena *arena,
                          struct search_program *program)
{
	struct parse parse = {session, &session->parser, arena, charset, program, false};

	*program = (struct search_program){.dearest = SEARCH_AND};
	program->root = parse_list(&parse, 0);
	if (program->root == NULL || !imap_parse_end(&session->parser)) {
		imap_refuse(session);
		return false;
	}
	if (parse.bad_charset) {
		imap_no(session, "BADCHARSET (UTF-8 US-ASCII ISO-8859-1)", "The text is not UTF-8");
		return false;
	}
	return true;
}
