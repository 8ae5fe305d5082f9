#include "common/mailauth/results/results.h"

#include "common/addr/addr.h"

/* RFC 2045 5.1: what a token is made of; UTF-8 may stand in values as it is (RFC 8601 1.5.2). */
static bool is_token_char(char c)
{
	static const struct str specials = {"()<>@,;:\\\"/[]?=", 15};

	return (unsigned char)c > ' ' && c != 0x7f && str_find_char(specials, c) < 0;
}

static bool is_token(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if (!is_token_char(text.data[i]))
			return false;
	return text.len > 0 && str_is_utf8(text);
}

/* "[local-part] @ domain" as a pvalue may be without quotes: the local part a dot-atom, here one of harmless
 * characters. */
static bool is_address(struct str text)
{
	ptrdiff_t at = str_find_last_char(text, '@');

	return at >= 0 && (at == 0 || is_token(str_sub(text, 0, (size_t)at))) && is_token(str_skip(text, (size_t)at + 1));
}

static void add_without_controls(struct buf *out, struct str text, size_t max, const char *escaped)
{
	text = str_sub(text, 0, max);
	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];

		if ((unsigned char)c < ' ' || c == 0x7f)
			continue;
		if (str_find_char(str_of(escaped), c) >= 0)
			buf_add_char(out, '\\');
		buf_add_char(out, c);
	}
}

static void add_value(struct buf *out, struct str value)
{
	if (value.len <= RESULTS_VALUE_MAX && (is_token(value) || is_address(value))) {
		buf_add_str(out, value);
		return;
	}
	buf_add_char(out, '"');
	add_without_controls(out, value, RESULTS_VALUE_MAX, "\\\"");
	buf_add_char(out, '"');
}

static void add_entry(struct buf *out, const struct results_entry *entry)
{
	buf_printf(out, ";\r\n\t%s=%s", entry->method, entry->result);
	if (entry->comment.len > 0) {
		buf_add_str(out, STR(" ("));
		add_without_controls(out, entry->comment, RESULTS_TEXT_MAX, "\\()");
		buf_add_char(out, ')');
	}
	if (entry->reason.len > 0) {
		buf_add_str(out, STR(" reason="));
		buf_add_char(out, '"');
		add_without_controls(out, entry->reason, RESULTS_TEXT_MAX, "\\\"");
		buf_add_char(out, '"');
	}
	for (size_t i = 0; i < RESULTS_PROPERTIES_MAX && entry->properties[i].name != NULL; i++)
		if (entry->properties[i].value.len > 0) {
			buf_printf(out, "\r\n\t %s=", entry->properties[i].name);
			add_value(out, entry->properties[i].value);
		}
}

struct results_entry *results_add(struct results_list *list, const char *method, const char *result)
{
	struct results_entry *entry = &list->entries[list->count++];

	*entry = (struct results_entry){.method = method, .result = result};
	return entry;
}

int results_write_payload(struct str authserv_id, const struct results_entry *entries, size_t count,
                          struct buf *payload)
{
	buf_add_char(payload, ' ');
	add_value(payload, authserv_id);
	for (size_t i = 0; i < count; i++)
		add_entry(payload, &entries[i]);
	if (count == 0)
		buf_add_str(payload, STR("; none"));
	return payload->overflow ? -1 : 0;
}

/* A tab stands only where a line was folded: values have none. */
struct str results_unfold(struct str payload, struct arena *arena)
{
	char *line = arena_get(arena, payload.len);
	size_t len = 0;

	for (size_t i = 0; i < payload.len; i++)
		if (payload.data[i] != '\r' && payload.data[i] != '\n')
			line[len++] = payload.data[i];
	return str_trim(str_from(line, len));
}

struct str results_fold(struct str line, struct arena *arena)
{
	struct str payload, part;
	struct buf text;

	buf_init(&text, RESULTS_FIELD_MAX);
	part = str_cut(&line, '\t');
	buf_add_str(&text, part);
	while (line.data != NULL) {
		part = str_cut(&line, '\t');
		buf_add_str(&text, STR("\r\n\t"));
		buf_add_str(&text, part);
	}
	payload = arena_copy(arena, buf_str(&text));
	buf_free(&text);
	return payload;
}

int results_write(struct str authserv_id, const struct results_entry *entries, size_t count, struct buf *field)
{
	buf_add_str(field, STR("Authentication-Results:"));
	results_write_payload(authserv_id, entries, count, field);
	buf_add_str(field, STR("\r\n"));
	return field->overflow ? -1 : 0;
}

/* Behind blanks, line ends and comments, which nest and may hold escaped characters (RFC 5322 3.2.2). */
static struct str skip_comments(struct str text)
{
	size_t depth = 0;

	while (text.len > 0) {
		char c = text.data[0];

		if (c == '(')
			depth++;
		else if (c == ')' && depth > 0)
			depth--;
		else if (c == '\\' && depth > 0)
			text = str_skip(text, 1);
		else if (depth == 0 && c != ' ' && c != '\t' && c != '\r' && c != '\n')
			break;
		text = str_skip(text, 1);
	}
	return text;
}

/* The content of a quoted string at the beginning of text; folding in it is left out. */
static struct str unquote(struct str text, struct arena *arena)
{
	char *out = arena_get(arena, text.len);
	size_t len = 0;

	for (size_t i = 1; i < text.len && text.data[i] != '"'; i++) {
		if (text.data[i] == '\\' && i + 1 < text.len)
			i++;
		if (text.data[i] != '\r' && text.data[i] != '\n')
			out[len++] = text.data[i];
	}
	return str_from(out, len);
}

struct str results_authserv_id(struct str value, struct arena *arena)
{
	size_t len = 0;

	value = skip_comments(value);
	if (value.len > 0 && value.data[0] == '"')
		return str_trim(unquote(value, arena));
	/* What follows a token, right or wrong, is no part of it for other readers either. */
	while (len < value.len && is_token_char(value.data[len]))
		len++;
	return str_sub(value, 0, len);
}

/* The form by which two are compared. */
static struct str normalise(struct str id, struct arena *arena)
{
	struct str domain;

	if (id.len > 0 && id.data[id.len - 1] == '.')
		id.len--;
	return addr_is_domain(id) && addr_normalise_domain(id, arena, &domain, NULL) == 0 ? domain : id;
}

bool results_claims(struct str value, struct str authserv_id)
{
	struct arena arena;
	struct str claimed;
	bool equal;

	arena_init(&arena);
	claimed = results_authserv_id(value, &arena);
	equal = claimed.len > 0 && str_equal_nocase(normalise(claimed, &arena), normalise(authserv_id, &arena));
	arena_free(&arena);
	return equal;
}
