/* HTML to plain text: tags dropped, entities decoded, blocks on lines of their own. No tree, no nesting, fixed state.
 */
#include "common/mime/text.h"

enum state {
	IN_TEXT,
	IN_ENTITY,
	IN_TAG_NAME, /* behind "<" */
	IN_TAG,
	IN_COMMENT,
};

enum gap { GAP_NONE, GAP_BLANK, GAP_LINE, GAP_PARAGRAPH };

/* Elements that part what is before them from what is behind. */
static const struct element {
	const char *name;
	enum gap gap;
} elements[] = {
    {"p", GAP_PARAGRAPH},     {"div", GAP_LINE},    {"br", GAP_LINE},      {"tr", GAP_LINE},      {"td", GAP_BLANK},
    {"th", GAP_BLANK},        {"li", GAP_LINE},     {"table", GAP_LINE},   {"h1", GAP_PARAGRAPH}, {"h2", GAP_PARAGRAPH},
    {"h3", GAP_PARAGRAPH},    {"h4", GAP_LINE},     {"h5", GAP_LINE},      {"h6", GAP_LINE},      {"ul", GAP_LINE},
    {"ol", GAP_LINE},         {"hr", GAP_LINE},     {"pre", GAP_LINE},     {"dl", GAP_LINE},      {"dt", GAP_LINE},
    {"dd", GAP_LINE},         {"body", GAP_LINE},   {"section", GAP_LINE}, {"header", GAP_LINE},  {"footer", GAP_LINE},
    {"blockquote", GAP_LINE}, {"center", GAP_LINE}, {"article", GAP_LINE}, {"form", GAP_LINE},    {"option", GAP_LINE},
};

/* Elements whose content is not shown. */
static const char *const hidden[] = {"script", "style", "title", "noscript"};

/* Entities of HTML 4 for U+00A0 to U+00FF, in this order. */
static const char *const latin[96] = {
    "nbsp",   "iexcl",  "cent",   "pound",  "curren", "yen",    "brvbar", "sect",   "uml",    "copy",   "ordf",
    "laquo",  "not",    "shy",    "reg",    "macr",   "deg",    "plusmn", "sup2",   "sup3",   "acute",  "micro",
    "para",   "middot", "cedil",  "sup1",   "ordm",   "raquo",  "frac14", "frac12", "frac34", "iquest", "Agrave",
    "Aacute", "Acirc",  "Atilde", "Auml",   "Aring",  "AElig",  "Ccedil", "Egrave", "Eacute", "Ecirc",  "Euml",
    "Igrave", "Iacute", "Icirc",  "Iuml",   "ETH",    "Ntilde", "Ograve", "Oacute", "Ocirc",  "Otilde", "Ouml",
    "times",  "Oslash", "Ugrave", "Uacute", "Ucirc",  "Uuml",   "Yacute", "THORN",  "szlig",  "agrave", "aacute",
    "acirc",  "atilde", "auml",   "aring",  "aelig",  "ccedil", "egrave", "eacute", "ecirc",  "euml",   "igrave",
    "iacute", "icirc",  "iuml",   "eth",    "ntilde", "ograve", "oacute", "ocirc",  "otilde", "ouml",   "divide",
    "oslash", "ugrave", "uacute", "ucirc",  "uuml",   "yacute", "thorn",  "yuml",
};

static const struct entity {
	const char *name;
	uint32_t character;
} entities[] = {
    {"amp", '&'},       {"lt", '<'},        {"gt", '>'},       {"quot", '"'},      {"apos", '\''},
    {"euro", 0x20ac},   {"hellip", 0x2026}, {"mdash", 0x2014}, {"ndash", 0x2013},  {"lsquo", 0x2018},
    {"rsquo", 0x2019},  {"ldquo", 0x201c},  {"rdquo", 0x201d}, {"sbquo", 0x201a},  {"bdquo", 0x201e},
    {"bull", 0x2022},   {"trade", 0x2122},  {"zwnj", 0x200c},  {"zwj", 0x200d},    {"ensp", ' '},
    {"emsp", ' '},      {"thinsp", ' '},    {"rarr", 0x2192},  {"larr", 0x2190},   {"OElig", 0x152},
    {"oelig", 0x153},   {"Scaron", 0x160},  {"scaron", 0x161}, {"lsaquo", 0x2039}, {"rsaquo", 0x203a},
    {"dagger", 0x2020}, {"permil", 0x2030}, {"fnof", 0x192},   {"tilde", 0x2dc},   {"circ", 0x2c6},
};

static struct str word_of(const struct mime_html *h)
{
	return str_from(h->word, h->word_len);
}

static int send_out(struct mime_html *h, struct err *err)
{
	struct str bytes = str_from(h->out, h->out_len);

	h->out_len = 0;
	return bytes.len != 0 ? h->next->write(h->next, bytes, err) : MIME_MORE;
}

/* Text, with the gap before it. At most 40 bytes. */
static int put(struct mime_html *h, struct str text, struct err *err)
{
	static const char gaps[][3] = {"", " ", "\n", "\n\n"};
	struct str gap = h->any ? str_of(gaps[h->gap]) : STR("");
	int result = MIME_MORE;

	if (h->out_len + gap.len + text.len > sizeof h->out)
		result = send_out(h, err);
	memcpy(h->out + h->out_len, gap.data, gap.len);
	memcpy(h->out + h->out_len + gap.len, text.data, text.len);
	h->out_len += (unsigned)(gap.len + text.len);
	h->gap = GAP_NONE;
	h->any = true;
	return result;
}

static void widen(struct mime_html *h, enum gap gap)
{
	if (h->gap < (int)gap)
		h->gap = (int)gap;
}

static int put_character(struct mime_html *h, uint32_t c, struct err *err)
{
	char text[4];
	size_t len = 1;

	if (c == ' ' || c == 0xa0) {
		widen(h, GAP_BLANK);
		return MIME_MORE;
	}
	if (c < 0x80) {
		text[0] = (char)c;
	} else if (c < 0x800) {
		text[0] = (char)(0xc0 | c >> 6);
		len = 2;
	} else if (c < 0x10000) {
		text[0] = (char)(0xe0 | c >> 12);
		len = 3;
	} else {
		text[0] = (char)(0xf0 | c >> 18);
		len = 4;
	}
	for (size_t i = 1; i < len; i++)
		text[i] = (char)(0x80 | (c >> 6 * (len - 1 - i) & 63));
	return put(h, str_from(text, len), err);
}

/* What "#65" or "#x41" says; 0: nothing that can be shown. */
static uint32_t numeric(struct str word)
{
	bool is_hex = word.len > 1 && (word.data[1] | 32) == 'x';
	uint32_t value = 0;

	for (size_t i = is_hex ? 2 : 1; i < word.len && value < 0x110000; i++) {
		char c = word.data[i];

		if (c >= '0' && c <= '9')
			value = value * (is_hex ? 16 : 10) + (uint32_t)(c - '0');
		else if (is_hex && (c | 32) >= 'a' && (c | 32) <= 'f')
			value = value * 16 + (uint32_t)((c | 32) - 'a' + 10);
		else
			return 0;
	}
	if (value < ' ')
		return value == '\t' || value == '\n' || value == '\r' ? ' ' : 0;
	return (value >= 0xd800 && value < 0xe000) || value > 0x10ffff ? 0 : value;
}

static uint32_t character_of(struct str word)
{
	if (word.len > 0 && word.data[0] == '#')
		return numeric(word);
	for (size_t i = 0; i < sizeof latin / sizeof *latin; i++)
		if (str_equal(word, str_of(latin[i])))
			return 0xa0 + (uint32_t)i;
	for (size_t i = 0; i < sizeof entities / sizeof *entities; i++)
		if (str_equal(word, str_of(entities[i].name)))
			return entities[i].character;
	return 0;
}

/* The entity in word ends; what is none is text. */
static int end_entity(struct mime_html *h, bool semicolon, struct err *err)
{
	uint32_t c = character_of(word_of(h));
	int result;

	h->state = IN_TEXT;
	if (c != 0)
		return put_character(h, c, err);
	result = put(h, STR("&"), err);
	if (result == MIME_MORE && h->word_len != 0)
		result = put(h, word_of(h), err);
	return result == MIME_MORE && semicolon ? put(h, STR(";"), err) : result;
}

/* The name of a tag is complete: what it means. */
static void begin_tag(struct mime_html *h)
{
	struct str name = word_of(h);
	bool is_end = name.len > 0 && name.data[0] == '/';

	h->state = IN_TAG;
	h->quote = '\0';
	h->at_value = false;
	if (is_end)
		name = str_skip(name, 1);
	if (h->skipped[0] != '\0') {
		if (is_end && str_equal_nocase(name, str_of(h->skipped)))
			h->skipped[0] = '\0';
		else
			h->state = IN_TEXT; /* what looks like a tag in a script is none */
		return;
	}
	for (size_t i = 0; i < sizeof hidden / sizeof *hidden && !is_end; i++)
		if (str_equal_nocase(name, str_of(hidden[i])))
			str_copy(str_of(hidden[i]), h->skipped, sizeof h->skipped);
	for (size_t i = 0; i < sizeof elements / sizeof *elements; i++)
		if (str_equal_nocase(name, str_of(elements[i].name)))
			widen(h, elements[i].gap);
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static void in_tag_name(struct mime_html *h, char c, bool *again)
{
	bool is_name = is_letter(c) || is_digit(c) || (h->word_len == 0 && (c == '/' || c == '!' || c == '?'));

	if (h->word_len > 0 && h->word[0] == '!' && c == '-') {
		is_name = true;
		h->dashes++;
	}
	if (is_name && h->word_len < sizeof h->word) {
		h->word[h->word_len++] = c;
		if (h->dashes == 2) {
			h->state = h->skipped[0] == '\0' ? IN_COMMENT : IN_TEXT;
			h->dashes = 0;
		}
		return;
	}
	*again = true;
	begin_tag(h);
}

static void in_tag(struct mime_html *h, char c)
{
	if (h->quote != '\0') {
		if (c == h->quote)
			h->quote = '\0';
	} else if (c == '>') {
		h->state = IN_TEXT;
	} else if (h->at_value) {
		/* Quotes count only where a value begins: a lone one elsewhere would swallow the rest. */
		if (c == '"' || c == '\'')
			h->quote = c;
		h->at_value = c == ' ' || c == '\t' || c == '\r' || c == '\n';
	} else {
		h->at_value = c == '=';
	}
}

static int in_text(struct mime_html *h, char c, struct err *err)
{
	if (c == '<') {
		h->state = IN_TAG_NAME;
		h->word_len = 0;
		h->dashes = 0;
		return MIME_MORE;
	}
	if (h->skipped[0] != '\0')
		return MIME_MORE;
	if (c == '&') {
		h->state = IN_ENTITY;
		h->word_len = 0;
		return MIME_MORE;
	}
	if (c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\0') {
		widen(h, GAP_BLANK);
		return MIME_MORE;
	}
	return put(h, str_from(&c, 1), err);
}

/* One character; *again: the state has changed and it is to be looked at once more. */
static int take(struct mime_html *h, char c, bool *again, struct err *err)
{
	switch ((enum state)h->state) {
	case IN_TEXT:
		return in_text(h, c, err);
	case IN_ENTITY:
		if ((is_letter(c) || is_digit(c) || (c == '#' && h->word_len == 0)) && h->word_len < sizeof h->word) {
			h->word[h->word_len++] = c;
			return MIME_MORE;
		}
		*again = c != ';';
		return end_entity(h, c == ';', err);
	case IN_TAG_NAME:
		/* RFC 1866 3.2: "<" and no name behind it is text. */
		if (h->word_len == 0 && !is_letter(c) && c != '/' && c != '!' && c != '?') {
			h->state = IN_TEXT;
			*again = true;
			return h->skipped[0] == '\0' ? put(h, STR("<"), err) : MIME_MORE;
		}
		in_tag_name(h, c, again);
		return MIME_MORE;
	case IN_TAG:
		in_tag(h, c);
		return MIME_MORE;
	case IN_COMMENT:
		if (c == '>' && h->dashes >= 2)
			h->state = IN_TEXT;
		h->dashes = c == '-' ? h->dashes + 1 : 0;
		return MIME_MORE;
	}
	return MIME_MORE;
}

static int html_write(struct mime_sink *sink, struct str bytes, struct err *err)
{
	struct mime_html *h = (struct mime_html *)sink;
	int result = MIME_MORE;

	for (size_t i = 0; i < bytes.len && result == MIME_MORE; i++) {
		bool again = true;

		while (again && result == MIME_MORE) {
			again = false;
			result = take(h, bytes.data[i], &again, err);
		}
	}
	return result;
}

void mime_html_init(struct mime_html *html, struct mime_sink *next)
{
	*html = (struct mime_html){.sink = {.write = html_write}, .next = next};
}

int mime_html_finish(struct mime_html *html, struct err *err)
{
	int result = MIME_MORE;

	if (html->state == IN_ENTITY)
		result = end_entity(html, false, err);
	else if (html->state == IN_TAG_NAME && html->word_len == 0 && html->skipped[0] == '\0')
		result = put(html, STR("<"), err);
	return result == MIME_MORE ? send_out(html, err) : result;
}
