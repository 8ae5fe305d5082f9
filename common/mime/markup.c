#include "common/mime/markup.h"

#include "common/mime/text.h"

#include <strings.h>

enum { TEXT_MAX = 16 << 20 };

static struct str keep(struct buf *out, struct arena *arena)
{
	struct str text = arena_copy(arena, buf_str(out));

	buf_free(out);
	return text;
}

struct str mime_plain_to_html(struct str plain, struct arena *arena)
{
	struct buf out;

	buf_init(&out, TEXT_MAX);
	for (size_t i = 0; i < plain.len; i++) {
		switch (plain.data[i]) {
		case '<':
			buf_add_str(&out, STR("&lt;"));
			break;
		case '>':
			buf_add_str(&out, STR("&gt;"));
			break;
		case '&':
			buf_add_str(&out, STR("&amp;"));
			break;
		case '"':
			buf_add_str(&out, STR("&quot;"));
			break;
		case '\r':
			break;
		case '\n':
			buf_add_str(&out, STR("<br>\r\n"));
			break;
		default:
			buf_add_char(&out, plain.data[i]);
		}
	}
	return keep(&out, arena);
}

struct str mime_html_to_plain(struct str html, struct arena *arena)
{
	struct mime_collect collect;
	struct mime_html stripper;
	struct buf out;

	buf_init(&out, TEXT_MAX);
	mime_collect_init(&collect, &out);
	mime_html_init(&stripper, &collect.sink);
	/* a full buffer is the only end before the end, and ends it well */
	if (stripper.sink.write(&stripper.sink, html, NULL) == MIME_MORE)
		mime_html_finish(&stripper, NULL);
	return keep(&out, arena);
}

/* The last occurrence of a tag, case ignored, its name not going on; -1: none. */
static ptrdiff_t find_last_tag(struct str html, struct str tag)
{
	for (ptrdiff_t at = (ptrdiff_t)html.len - (ptrdiff_t)tag.len - 1; at >= 0; at--) {
		char after = html.data[at + (ptrdiff_t)tag.len];

		if (html.data[at] == '<' && strncasecmp(html.data + at, tag.data, tag.len) == 0 &&
		    (after == '>' || after == ' ' || after == '\t' || after == '\r' || after == '\n'))
			return at;
	}
	return -1;
}

ptrdiff_t mime_html_end(struct str html)
{
	ptrdiff_t at = find_last_tag(html, STR("</body"));

	return at >= 0 ? at : find_last_tag(html, STR("</html"));
}

struct str mime_html_inner(struct str html)
{
	ptrdiff_t begin = find_last_tag(html, STR("<body")), end = mime_html_end(html), bracket;

	if (end >= 0 && end > begin)
		html = str_sub(html, 0, (size_t)end);
	if (begin < 0)
		return html;
	html = str_skip(html, (size_t)begin);
	bracket = str_find_char(html, '>');
	return bracket >= 0 ? str_skip(html, (size_t)bracket + 1) : html;
}

/* The number of the character that a sequence of UTF-8 is. */
static unsigned long code_point(const char *bytes, size_t len)
{
	static const unsigned char masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	unsigned long code = (unsigned char)bytes[0] & masks[len];

	for (size_t i = 1; i < len; i++)
		code = code << 6 | ((unsigned char)bytes[i] & 0x3f);
	return code;
}

struct str mime_html_ascii(struct str html, struct arena *arena)
{
	struct buf out;

	buf_init(&out, TEXT_MAX);
	for (size_t i = 0; i < html.len;) {
		size_t len = str_utf8_sequence(str_skip(html, i));

		if (len > 1)
			buf_printf(&out, "&#%lu;", code_point(html.data + i, len));
		else
			buf_add_char(&out, html.data[i] >= 0 ? html.data[i] : '?');
		i += len > 0 ? len : 1;
	}
	return keep(&out, arena);
}
