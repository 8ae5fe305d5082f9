#include "common/mime/text.h"

enum {
	TEXT_MAX = 16 << 10, /* bytes of a part's text that are looked at */
	PARTS_TRIED = 8,
};

/* What is being written: characters up to a maximum, one blank for all blanks between them. */
struct preview {
	char *out;
	size_t len;
	size_t characters, max;
	bool blank;
};

/* Characters without width, with which newsletters fill their previews. */
static bool is_invisible(struct str c)
{
	static const char *const list[] = {"\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u034f"};

	for (size_t i = 0; i < sizeof list / sizeof *list; i++)
		if (str_equal(c, str_of(list[i])))
			return true;
	return false;
}

static void add_line(struct preview *p, struct str line)
{
	p->blank = true;
	while (line.len > 0 && p->characters < p->max) {
		size_t len = str_utf8_sequence(line);
		struct str c = str_sub(line, 0, len);

		if (len == 0)
			break; /* cut by TEXT_MAX */
		line = str_skip(line, len);
		if (is_invisible(c))
			continue;
		if ((len == 1 && (unsigned char)c.data[0] <= ' ') || str_equal(c, STR("\u00a0"))) {
			p->blank = true;
			continue;
		}
		if (p->blank && p->len != 0) {
			if (p->characters + 2 > p->max)
				return;
			p->out[p->len++] = ' ';
			p->characters++;
		}
		p->blank = false;
		memcpy(p->out + p->len, c.data, len);
		p->len += len;
		p->characters++;
	}
}

/* with_quotes: quoted lines too, for a text that has nothing else. */
static void add_text(struct preview *p, struct str text, bool with_quotes)
{
	while (text.data != NULL && p->characters < p->max) {
		struct str line = str_cut(&text, '\n');

		if (!with_quotes && str_equal(str_trim(line), STR("--")))
			break;
		if (with_quotes || !str_starts(line, STR(">")))
			add_line(p, line);
	}
}

static bool is_shown(const struct mime_part *part)
{
	return part->kind == MIME_LEAF && mime_is(part, "text", NULL) &&
	       !str_equal_nocase(part->disposition.value, STR("attachment"));
}

int mime_preview(const struct mime_source *source, const struct mime_part *root, size_t max, struct arena *arena,
                 struct str *preview_out, struct err *err)
{
	struct preview p = {.out = arena_get(arena, 4 * MIME_PREVIEW_MAX), .max = max};
	const struct mime_part *part = root;
	struct mime_collect collect;
	struct buf text;
	int result = 0;

	if (p.max > MIME_PREVIEW_MAX)
		p.max = MIME_PREVIEW_MAX;
	buf_init(&text, TEXT_MAX);
	mime_collect_init(&collect, &text);
	for (int tried = 0; part != NULL && tried < PARTS_TRIED && p.len == 0 && result >= 0; part = mime_next(part)) {
		if (!is_shown(part))
			continue;
		buf_reset(&text);
		result = mime_send_text(source, part, true, &collect.sink, err);
		add_text(&p, buf_str(&text), false);
		if (p.len == 0)
			add_text(&p, buf_str(&text), true);
		tried++;
	}
	buf_free(&text);
	*preview_out = str_from(p.out, p.len);
	return result < 0 ? -1 : 0;
}
