/* imapd: what FETCH asks for (RFC 9051 section 9 "fetch", RFC 3516, 7162, 8474, 8514, 8970, 9394). */
#include "imapd/envelope.h"
#include "imapd/fetch.h"

enum { LABEL_MAX = 65536 };

bool fetch_add_item(struct fetch *fetch, enum fetch_what what, const char *label)
{
	struct fetch_item *old = fetch->items;

	if (fetch->count == FETCH_ITEMS_MAX)
		return imap_fail(&fetch->session->parser, IMAP_BAD, "Too many things to fetch");
	if (fetch->count == fetch->capacity) {
		fetch->capacity = fetch->capacity != 0 ? 2 * fetch->capacity : 4;
		fetch->items = arena_get(&fetch->session->arena, fetch->capacity * sizeof *old);
		if (fetch->count != 0)
			memcpy(fetch->items, old, fetch->count * sizeof *old);
	}
	fetch->items[fetch->count++] = (struct fetch_item){.what = what, .label = str_of(label)};
	return true;
}

static bool is_digit_next(const struct imap_parser *parser)
{
	return parser->failure == IMAP_PARSED && parser->rest.len > 0 && parser->rest.data[0] >= '0' &&
	       parser->rest.data[0] <= '9';
}

/* The numbers of a section-part, and whether a text follows them. */
static bool parse_numbers(struct imap_parser *parser, struct section *section, bool *text_follows, struct buf *label)
{
	uint32_t numbers[FETCH_NUMBERS_MAX] = {0};

	*text_follows = !imap_peek_char(parser, ']');
	while (is_digit_next(parser)) {
		uint64_t number;

		if (section->count == FETCH_NUMBERS_MAX)
			return imap_fail(parser, IMAP_BAD, "No message has parts that deep");
		if (!imap_parse_number(parser, UINT32_MAX, &number))
			return false;
		if (number == 0)
			return imap_fail(parser, IMAP_BAD, "Parts are counted from 1");
		buf_printf(label, "%s%u", section->count != 0 ? "." : "", (unsigned)number);
		numbers[section->count++] = (uint32_t)number;
		*text_follows = imap_skip_char(parser, '.');
		if (!*text_follows)
			break;
	}
	section->numbers = arena_get(parser->arena, section->count * sizeof *numbers + 1);
	memcpy(section->numbers, numbers, section->count * sizeof *numbers);
	return true;
}

static bool is_atom(struct str name)
{
	for (size_t i = 0; i < name.len; i++)
		if (name.data[i] <= ' ' || name.data[i] >= 0x7f || strchr("(){}%*\"\\[]", name.data[i]) != NULL)
			return false;
	return name.len != 0;
}

/* header-list: "(" names ")". */
static bool parse_fields(struct imap_parser *parser, struct section *section, struct buf *label)
{
	struct str names[FETCH_FIELDS_MAX];

	if (!imap_parse_space(parser) || !imap_parse_open(parser))
		return false;
	do {
		struct str *name = &names[section->field_count];

		if (section->field_count == FETCH_FIELDS_MAX)
			return imap_fail(parser, IMAP_BAD, "Too many header fields");
		if (!imap_parse_astring(parser, name))
			return false;
		buf_add_str(label, section->field_count++ == 0 ? STR(" (") : STR(" "));
		if (is_atom(*name))
			buf_add_str(label, *name);
		else
			envelope_format_string(*name, parser->arena, label);
	} while (imap_skip_char(parser, ' '));
	buf_add_char(label, ')');
	section->fields = arena_get(parser->arena, section->field_count * sizeof *names);
	memcpy(section->fields, names, section->field_count * sizeof *names);
	return imap_parse_close(parser);
}

/* section-text behind the numbers, or section-msgtext without any. */
static bool parse_text(struct imap_parser *parser, struct section *section, struct buf *label)
{
	static const struct {
		const char *name;
		enum section_text text;
	} texts[] = {{"HEADER.FIELDS.NOT", SECTION_FIELDS_NOT},
	             {"HEADER.FIELDS", SECTION_FIELDS},
	             {"HEADER", SECTION_HEADER},
	             {"TEXT", SECTION_TEXT},
	             {"MIME", SECTION_MIME}};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		if (!imap_skip_word(parser, texts[i].name))
			continue;
		section->text = texts[i].text;
		if (section->text == SECTION_MIME && section->count == 0)
			break;
		buf_printf(label, "%s%s", section->count != 0 ? "." : "", texts[i].name);
		return (section->text != SECTION_FIELDS && section->text != SECTION_FIELDS_NOT) ||
		       parse_fields(parser, section, label);
	}
	return imap_fail(parser, IMAP_BAD, "That is no section of a message");
}

bool section_parse(struct imap_parser *parser, struct section *section, bool with_text, struct buf *label)
{
	bool text_follows;

	if (!parse_numbers(parser, section, &text_follows, label))
		return false;
	if (text_follows && !with_text)
		return imap_fail(parser, IMAP_BAD, "Only whole parts can be fetched decoded");
	return (!text_follows || parse_text(parser, section, label)) && imap_parse_char(parser, ']');
}

/* "<" offset "." length ">" */
static bool parse_partial(struct imap_parser *parser, struct section *section, struct buf *label)
{
	if (!imap_skip_char(parser, '<'))
		return true;
	if (!imap_parse_number(parser, INT64_MAX, &section->offset) || !imap_parse_char(parser, '.') ||
	    !imap_parse_number(parser, INT64_MAX, &section->length) || !imap_parse_char(parser, '>'))
		return false;
	if (section->length == 0)
		return imap_fail(parser, IMAP_BAD, "A part of no octets cannot be fetched");
	section->is_partial = true;
	buf_printf(label, "<%llu>", (unsigned long long)section->offset);
	return true;
}

/* "[" section "]" and, but for sizes, a partial. name: of the answer, "BODY". */
static bool parse_section(struct fetch *fetch, struct fetch_item *item, const char *name)
{
	struct imap_parser *parser = &fetch->session->parser;
	struct buf label;
	bool parsed;

	buf_init(&label, LABEL_MAX);
	buf_printf(&label, "%s[", name);
	parsed = imap_parse_char(parser, '[') && section_parse(parser, &item->section, item->what == FETCH_SECTION, &label);
	buf_add_char(&label, ']');
	parsed = parsed && (item->what == FETCH_BINARY_SIZE || parse_partial(parser, &item->section, &label));
	if (parsed && label.overflow)
		parsed = imap_fail(parser, IMAP_BAD, "The names of header fields are too long");
	item->label = arena_copy(parser->arena, buf_str(&label));
	buf_free(&label);
	return parsed;
}

/* RFC 8970 3.1: "PREVIEW" or "PREVIEW (LAZY)"; what else is in parentheses there are FETCH's modifiers. */
static void parse_preview(struct fetch *fetch)
{
	struct imap_parser *parser = &fetch->session->parser;
	struct str before = parser->rest;

	if (!imap_skip_char(parser, ' '))
		return;
	if (imap_skip_char(parser, '(') && imap_skip_word(parser, "LAZY") && imap_parse_char(parser, ')'))
		fetch->items[fetch->count - 1].is_lazy = true;
	else
		parser->rest = before;
}

/* Items whose name says it all. */
static const struct simple_item {
	const char *name;
	enum fetch_what what;
} simple_items[] = {
    {"FLAGS", FETCH_FLAGS},      {"UID", FETCH_UID},           {"INTERNALDATE", FETCH_INTERNALDATE},
    {"RFC822.SIZE", FETCH_SIZE}, {"ENVELOPE", FETCH_ENVELOPE}, {"BODYSTRUCTURE", FETCH_BODYSTRUCTURE},
    {"MODSEQ", FETCH_MODSEQ},    {"PREVIEW", FETCH_PREVIEW},   {"SAVEDATE", FETCH_SAVEDATE},
    {"EMAILID", FETCH_EMAILID},  {"THREADID", FETCH_THREADID},
};

/* Items of sections; RFC 3501's names for three of them are answered under those names. */
static const struct section_item {
	const char *name, *label;
	enum fetch_what what;
	bool has_section; /* in brackets */
	enum section_text text;
	bool sets_seen;
} section_items[] = {
    {"BODY.PEEK", "BODY", FETCH_SECTION, true, SECTION_ALL, false},
    {"BODY", "BODY", FETCH_SECTION, true, SECTION_ALL, true},
    {"BINARY.PEEK", "BINARY", FETCH_BINARY, true, SECTION_ALL, false},
    {"BINARY.SIZE", "BINARY.SIZE", FETCH_BINARY_SIZE, true, SECTION_ALL, false},
    {"BINARY", "BINARY", FETCH_BINARY, true, SECTION_ALL, true},
    {"RFC822", "RFC822", FETCH_SECTION, false, SECTION_ALL, true},
    {"RFC822.HEADER", "RFC822.HEADER", FETCH_SECTION, false, SECTION_HEADER, false},
    {"RFC822.TEXT", "RFC822.TEXT", FETCH_SECTION, false, SECTION_TEXT, true},
};

static bool parse_section_item(struct fetch *fetch, const struct section_item *known)
{
	struct fetch_item *item;

	if (!fetch_add_item(fetch, known->what, known->label))
		return false;
	item = &fetch->items[fetch->count - 1];
	item->section.text = known->text;
	fetch->sets_seen |= known->sets_seen;
	return !known->has_section || parse_section(fetch, item, known->label);
}

static bool parse_item(struct fetch *fetch)
{
	struct imap_parser *parser = &fetch->session->parser;

	for (size_t i = 0; i < sizeof section_items / sizeof *section_items; i++) {
		if (!imap_skip_word(parser, section_items[i].name))
			continue;
		/* "BODY" without a section is a structure. */
		if (str_equal(str_of(section_items[i].name), STR("BODY")) && !imap_peek_char(parser, '['))
			return fetch_add_item(fetch, FETCH_BODY, "BODY");
		return parse_section_item(fetch, &section_items[i]);
	}
	for (size_t i = 0; i < sizeof simple_items / sizeof *simple_items; i++) {
		if (!imap_skip_word(parser, simple_items[i].name))
			continue;
		if (!fetch_add_item(fetch, simple_items[i].what, simple_items[i].name))
			return false;
		if (simple_items[i].what == FETCH_PREVIEW)
			parse_preview(fetch);
		return parser->failure == IMAP_PARSED;
	}
	return imap_fail(parser, IMAP_BAD, "There is no such thing to fetch");
}

/* RFC 9051 6.4.5: ALL, FAST and FULL stand alone. */
static bool parse_macro(struct fetch *fetch)
{
	struct imap_parser *parser = &fetch->session->parser;
	bool full = imap_skip_word(parser, "FULL"), all = full || imap_skip_word(parser, "ALL");

	if (!all && !imap_skip_word(parser, "FAST"))
		return false;
	fetch_add_item(fetch, FETCH_FLAGS, "FLAGS");
	fetch_add_item(fetch, FETCH_INTERNALDATE, "INTERNALDATE");
	fetch_add_item(fetch, FETCH_SIZE, "RFC822.SIZE");
	if (all)
		fetch_add_item(fetch, FETCH_ENVELOPE, "ENVELOPE");
	if (full)
		fetch_add_item(fetch, FETCH_BODY, "BODY");
	return true;
}

static bool parse_items(struct fetch *fetch)
{
	struct imap_parser *parser = &fetch->session->parser;

	if (parse_macro(fetch))
		return true;
	if (!imap_peek_char(parser, '('))
		return parse_item(fetch);
	imap_parse_open(parser);
	do
		parse_item(fetch);
	while (imap_skip_char(parser, ' '));
	return imap_parse_close(parser);
}

/* RFC 9394 4: both ends from the beginning, or both from the end ("-1:-30"). */
static bool parse_range(struct fetch *fetch)
{
	struct imap_parser *parser = &fetch->session->parser;
	bool from_end = imap_skip_char(parser, '-');
	uint64_t first, last;

	if (!imap_parse_number(parser, UINT32_MAX, &first) || !imap_parse_char(parser, ':') ||
	    (from_end && !imap_parse_char(parser, '-')) || !imap_parse_number(parser, UINT32_MAX, &last))
		return false;
	if (first == 0 || last == 0)
		return imap_fail(parser, IMAP_BAD, "A range is counted from 1");
	fetch->is_partial = true;
	fetch->partial_first = (int64_t)(first < last ? first : last);
	fetch->partial_last = (int64_t)(first < last ? last : first);
	if (from_end) {
		int64_t lowest = -fetch->partial_last;

		fetch->partial_last = -fetch->partial_first;
		fetch->partial_first = lowest;
	}
	return true;
}

static bool parse_modifier(struct fetch *fetch)
{
	struct imap_parser *parser = &fetch->session->parser;
	uint64_t modseq;

	if (imap_skip_word(parser, "CHANGEDSINCE")) {
		if (!imap_parse_space(parser) || !imap_parse_number(parser, INT64_MAX, &modseq))
			return false;
		fetch->changed_since = (int64_t)modseq;
		return true;
	}
	if (imap_skip_word(parser, "VANISHED")) {
		fetch->vanished = true;
		return true;
	}
	if (fetch->session->by_uid && imap_skip_word(parser, "PARTIAL"))
		return imap_parse_space(parser) && parse_range(fetch);
	return imap_fail(parser, IMAP_BAD, "There is no such modifier of FETCH");
}

bool fetch_parse(struct fetch *fetch)
{
	struct session *session = fetch->session;
	struct imap_parser *parser = &session->parser;

	fetch->changed_since = -1;
	if (!parse_items(fetch))
		return false;
	if (imap_skip_char(parser, ' ')) {
		imap_parse_open(parser);
		do
			parse_modifier(fetch);
		while (imap_skip_char(parser, ' '));
		imap_parse_close(parser);
	}
	/* RFC 7162 3.2.6. */
	if (fetch->vanished && (!session->by_uid || fetch->changed_since < 0 || !session->enabled.qresync))
		imap_fail(parser, IMAP_BAD, "VANISHED needs UID FETCH, CHANGEDSINCE, and QRESYNC to be enabled");
	return imap_parse_end(parser);
}
