/* mail: what is read of a message: one text, one HTML out of its bodies, and the list of its other parts. */
#include "common/mime/header.h"
#include "common/mime/markup.h"
#include "common/mime/text.h"
#include "webadmin/mail/message.h"

#include <stdio.h>

enum { NUMBER_MAX = 256 }; /* octets of a part's number */

/* Of the forms of one text (multipart/alternative): which of them is wanted here. */
enum wanted {
	WANT_TEXT = 1,
	WANT_HTML = 2,
};

struct reading {
	const struct mime_source *source;
	struct arena *arena;
	struct buf text, html;
	bool has_html, is_cut;
	json_t *parts;
	struct err *err;
	int result;
};

static void add_text(struct reading *reading, const struct mime_part *part, bool as_plain, struct buf *out)
{
	struct mime_collect collect;
	int sent;

	mime_collect_init(&collect, out);
	sent = mime_send_text(reading->source, part, as_plain, &collect.sink, reading->err);
	if (sent < 0)
		reading->result = -1;
	reading->is_cut |= sent == MIME_ENOUGH;
}

static void add_plain_as_html(struct reading *reading, const struct mime_part *part)
{
	struct buf plain;

	buf_init(&plain, MESSAGE_TEXT_MAX);
	add_text(reading, part, false, &plain);
	buf_add_str(&reading->html, STR("<div class=\"plain\">"));
	buf_add_str(&reading->html, mime_plain_to_html(buf_str(&plain), reading->arena));
	buf_add_str(&reading->html, STR("</div>"));
	buf_free(&plain);
}

static void add_body(struct reading *reading, const struct mime_part *part, unsigned wanted)
{
	bool is_html = mime_is(part, "text", "html");

	if ((wanted & WANT_TEXT) != 0) {
		if (reading->text.len > 0)
			buf_add_str(&reading->text, STR("\n"));
		add_text(reading, part, is_html, &reading->text);
	}
	if ((wanted & WANT_HTML) == 0)
		return;
	if (reading->html.len > 0)
		buf_add_str(&reading->html, STR("<hr>"));
	if (is_html)
		add_text(reading, part, false, &reading->html);
	else
		add_plain_as_html(reading, part);
	reading->has_html |= is_html;
}

static void list_part(struct reading *reading, const struct mime_part *part, const char *number, bool is_inline)
{
	struct str name = message_file_name(part, reading->arena), id = part->id;
	int64_t size = part->body_len;
	json_t *item = json_object();

	if (part->kind == MIME_LEAF && mime_decoded_size(reading->source, part, &size, reading->err) != 0)
		reading->result = -1;
	if (id.len > 2 && id.data[0] == '<' && id.data[id.len - 1] == '>')
		id = str_sub(id, 1, id.len - 2);
	json_object_set_new(item, "part", json_string(number));
	json_object_set_new(item, "name", mail_json_text(name, reading->arena));
	json_object_set_new(
	    item, "type",
	    mail_json_text(arena_printf(reading->arena, "%.*s/%.*s", STR_ARG(part->type), STR_ARG(part->subtype)),
	                   reading->arena));
	json_object_set_new(item, "size", json_integer((json_int_t)size));
	json_object_set_new(item, "id", mail_json_text(id, reading->arena));
	json_object_set_new(item, "inline", json_boolean(is_inline && id.len > 0));
	json_array_append_new(reading->parts, item);
}

static bool is_attachment(const struct mime_part *part)
{
	if (str_equal_nocase(part->disposition.value, STR("attachment")))
		return true;
	if (!mime_is(part, "text", "plain") && !mime_is(part, "text", "html"))
		return true;
	/* a text with a name is a file, unless its sender wanted it to be read in its place */
	return !str_equal_nocase(part->disposition.value, STR("inline")) && mime_param(&part->params, "name") != NULL;
}

static bool holds_html(const struct mime_part *part)
{
	if (part->kind == MIME_LEAF)
		return mime_is(part, "text", "html") && !is_attachment(part);
	for (const struct mime_part *child = part->first_child; part->kind == MIME_MULTIPART && child != NULL;
	     child = child->next)
		if (holds_html(child))
			return true;
	return false;
}

static bool is_plain(const struct mime_part *part)
{
	return mime_is(part, "text", "plain") && !is_attachment(part);
}

static void walk(struct reading *reading, const struct mime_part *part, const char *number, unsigned wanted);

/* Which form of an alternative is read as what: the last one with HTML, and the first plain one. */
static unsigned wanted_of(const struct mime_part *alternative, const struct mime_part *child, unsigned wanted)
{
	const struct mime_part *plain = NULL, *html = NULL;

	for (const struct mime_part *at = alternative->first_child; at != NULL; at = at->next) {
		if (plain == NULL && is_plain(at))
			plain = at;
		if (holds_html(at))
			html = at;
	}
	if (child == plain)
		return html != NULL ? wanted & WANT_TEXT : wanted;
	if (child == html)
		return plain != NULL ? wanted & WANT_HTML : wanted;
	return 0;
}

static void walk_children(struct reading *reading, const struct mime_part *part, const char *number, unsigned wanted)
{
	bool is_alternative = mime_is(part, "multipart", "alternative"), is_related = mime_is(part, "multipart", "related");
	char below[NUMBER_MAX];
	unsigned place = 0;

	for (const struct mime_part *child = part->first_child; child != NULL; child = child->next) {
		unsigned of_child = is_alternative ? wanted_of(part, child, wanted) : wanted;

		snprintf(below, sizeof below, "%s%s%u", number, number[0] != '\0' ? "." : "", ++place);
		if (is_related && place > 1 && child->kind != MIME_MULTIPART)
			list_part(reading, child, below, true);
		else if (of_child != 0 || !is_plain(child))
			walk(reading, child, below, of_child);
	}
}

static void walk(struct reading *reading, const struct mime_part *part, const char *number, unsigned wanted)
{
	if (part->kind == MIME_MULTIPART)
		walk_children(reading, part, number, wanted);
	else if (part->kind == MIME_MESSAGE || is_attachment(part))
		list_part(reading, part, number[0] != '\0' ? number : "1",
		          str_equal_nocase(part->disposition.value, STR("inline")));
	else if (wanted != 0)
		add_body(reading, part, wanted);
}

int message_describe_parts(const struct mime_source *source, struct mime_part *root, struct arena *arena, json_t *json,
                           struct err *err)
{
	struct reading reading = {.source = source, .arena = arena, .parts = json_array(), .err = err};

	buf_init(&reading.text, MESSAGE_TEXT_MAX);
	buf_init(&reading.html, MESSAGE_TEXT_MAX);
	walk(&reading, root, "", WANT_TEXT | WANT_HTML);
	json_object_set_new(json, "text", mail_json_text(buf_str(&reading.text), arena));
	if (reading.has_html)
		json_object_set_new(json, "html", mail_json_text(buf_str(&reading.html), arena));
	json_object_set_new(json, "cut", json_boolean(reading.is_cut || reading.text.overflow || reading.html.overflow));
	json_object_set_new(json, "parts", reading.parts);
	buf_free(&reading.text);
	buf_free(&reading.html);
	return reading.result;
}
