#include "common/mime/spans.h"

enum { FIRST_ROOM = 8 };

/* Reading one mailbox of a list: the last address seen outside of brackets, and the one within. */
struct reader {
	struct str value;
	size_t at;
	struct arena *arena;
	struct mime_spans *spans;
	size_t room;
	struct mime_span bare, bracketed;
	bool in_brackets, had_brackets;
	struct str word; /* the last word, which may be a local part; its data is NULL where there is none */
	bool is_dotted;  /* a dot stands behind it */
};

/* Behind what begins at `at` and ends with `close`, with backslashes; comments nest (RFC 5322 3.2.2). */
static size_t skip_quoted(struct str value, size_t at, char open, char close)
{
	unsigned depth = 0;

	for (; at < value.len; at++) {
		char c = value.data[at];

		if (c == '\\')
			at++;
		else if (c == close && (depth <= 1 || open == close) && depth > 0)
			return at + 1;
		else if (c == close && depth > 0)
			depth--;
		else if (c == open)
			depth++;
	}
	return value.len;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Behind blanks and comments (CFWS, RFC 5322 3.2.2). */
static size_t skip_blanks(struct str value, size_t at)
{
	while (at < value.len && (is_blank(value.data[at]) || value.data[at] == '('))
		at = value.data[at] == '(' ? skip_quoted(value, at, '(', ')') : at + 1;
	return at;
}

static bool ends_word(char c)
{
	return is_blank(c) || strchr("()<>[]:;@\\,\"", c) != NULL;
}

static size_t skip_word(struct str value, size_t at)
{
	while (at < value.len && !ends_word(value.data[at]))
		at++;
	return at;
}

static struct str from_to(struct str value, size_t from, size_t to)
{
	return str_sub(value, from, to - from);
}

/* The domain behind an "@": a literal, or words with dots between them, with blanks around these as RFC 5322 4.4 has
 * it.
 */
static struct str read_domain(struct str value, size_t at)
{
	size_t from = skip_blanks(value, at), end;

	if (from < value.len && value.data[from] == '[')
		return from_to(value, from, skip_quoted(value, from, '[', ']'));
	end = skip_word(value, from);
	while (end < value.len) {
		size_t next = skip_blanks(value, end);

		if (next >= value.len || next == end || (value.data[next] != '.' && value.data[end - 1] != '.'))
			break;
		end = skip_word(value, next);
	}
	return from_to(value, from, end);
}

static void add_span(struct reader *reader, struct mime_span span)
{
	struct mime_spans *spans = reader->spans;

	if (span.whole.data == NULL || spans->count == MIME_SPANS_MAX)
		return;
	if (spans->count == reader->room) {
		size_t room = reader->room != 0 ? 2 * reader->room : FIRST_ROOM;
		struct mime_span *list = arena_get(reader->arena, room * sizeof *list);

		if (spans->count != 0)
			memcpy(list, spans->list, spans->count * sizeof *list);
		spans->list = list;
		reader->room = room;
	}
	spans->list[spans->count++] = span;
}

static void end_mailbox(struct reader *reader)
{
	/* a word alone is an address without a domain ("To: anna") */
	if (!reader->had_brackets && reader->bare.whole.data == NULL && reader->word.data != NULL)
		reader->bare = (struct mime_span){reader->word, reader->word, STR("")};
	add_span(reader, reader->had_brackets ? reader->bracketed : reader->bare);
	reader->bare = reader->bracketed = (struct mime_span){.whole = {NULL, 0}};
	reader->in_brackets = reader->had_brackets = reader->is_dotted = false;
	reader->word = (struct str){NULL, 0};
}

/* A word goes on where a dot stands before or behind it: "a.b", and "a . b" as of old. */
static void take_word(struct reader *reader, size_t end)
{
	struct str value = reader->value, text = from_to(value, reader->at, end);
	bool goes_on = reader->word.data != NULL && (reader->is_dotted || text.data[0] == '.');

	if (goes_on)
		text = from_to(value, (size_t)(reader->word.data - value.data), end);
	reader->word = text;
	reader->is_dotted = text.data[text.len - 1] == '.';
	reader->at = end;
}

static void take_at(struct reader *reader)
{
	struct str value = reader->value;
	struct str domain = read_domain(value, reader->at + 1);
	struct mime_span span = {.local = reader->word, .domain = domain};

	reader->at = (size_t)(domain.data - value.data) + domain.len;
	if (reader->word.data != NULL) { /* else a route, which begins with "@" (RFC 5322 4.4) */
		size_t from = (size_t)(reader->word.data - value.data);

		span.whole = from_to(value, from, reader->at);
		if (reader->in_brackets)
			reader->bracketed = span;
		else
			reader->bare = span;
	}
	reader->word = (struct str){NULL, 0};
}

static void end_brackets(struct reader *reader)
{
	if (reader->in_brackets && reader->bracketed.whole.data == NULL && reader->word.data != NULL)
		reader->bracketed = (struct mime_span){reader->word, reader->word, STR("")};
	reader->in_brackets = false;
	reader->word = (struct str){NULL, 0};
}

static void take_special(struct reader *reader, char c)
{
	if (c == '@') {
		take_at(reader);
		return;
	}
	reader->at++;
	if (c == '<') {
		reader->in_brackets = reader->had_brackets = true;
		reader->word = (struct str){NULL, 0};
	} else if (c == '>') {
		end_brackets(reader);
	} else if (c == ':') { /* behind a group's name, or a route */
		reader->word = (struct str){NULL, 0};
		if (!reader->in_brackets)
			reader->bare = (struct mime_span){.whole = {NULL, 0}};
	} else if ((c == ',' && !reader->in_brackets) || c == ';') {
		end_mailbox(reader);
	}
}

void mime_find_spans(struct str value, struct arena *arena, struct mime_spans *spans_out)
{
	struct reader reader = {.value = value, .arena = arena, .spans = spans_out};

	*spans_out = (struct mime_spans){NULL, 0};
	while ((reader.at = skip_blanks(value, reader.at)) < value.len) {
		char c = value.data[reader.at];

		if (c == '"')
			take_word(&reader, skip_quoted(value, reader.at, '"', '"'));
		else if (c == '[')
			reader.at = skip_quoted(value, reader.at, '[', ']');
		else if (!ends_word(c))
			take_word(&reader, skip_word(value, reader.at));
		else
			take_special(&reader, c);
	}
	end_mailbox(&reader);
}
