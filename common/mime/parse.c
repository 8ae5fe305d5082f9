/* The structure of a message in one pass, line by line; header fields are interpreted in part.c. */
#include "common/mime/lines.h"
#include "common/mime/part.h"

enum { OPEN_MAX = MIME_DEPTH_MAX + 2 };

/* A part whose end has not been seen, from the root down to the one that the current line belongs to. */
struct open_part {
	struct mime_part *part;
	struct mime_part *last_child;
	struct str boundary;      /* of a multipart, "" otherwise and after its closing delimiter */
	int64_t lines_at_section; /* line ends before its header while that is read, before its body then */
};

struct parser {
	struct arena *arena;
	struct part_header header; /* of the innermost part, while in_header */
	struct open_part open[OPEN_MAX];
	size_t open_count;
	size_t part_count;
	int64_t lines; /* line ends before the current line */
	unsigned last_end_len;
	bool in_header;
	bool header_only;
};

/* A part begins with its header, at `at`; lines: line ends before that. */
static void push(struct parser *p, int64_t at, int64_t lines)
{
	struct open_part *above = p->open_count != 0 ? &p->open[p->open_count - 1] : NULL;
	struct mime_part *part = arena_get(p->arena, sizeof *part);

	part->header_at = at;
	part->depth = (unsigned)p->open_count;
	if (above != NULL) {
		part->parent = above->part;
		if (above->last_child == NULL)
			above->part->first_child = part;
		else
			above->last_child->next = part;
		above->last_child = part;
	}
	p->open[p->open_count++] = (struct open_part){.part = part, .lines_at_section = lines};
	p->part_count++;
	p->in_header = true;
	part_header_begin(&p->header, part);
}

/* The innermost part's header ends and its body begins at `at`. */
static void end_header(struct parser *p, int64_t at, int64_t lines)
{
	struct open_part *top = &p->open[p->open_count - 1];
	bool may_nest = p->open_count <= MIME_DEPTH_MAX && p->part_count < MIME_PARTS_MAX;

	top->part->header_len = at - top->part->header_at;
	top->part->header_lines = lines - top->lines_at_section;
	top->part->body_at = at;
	top->lines_at_section = lines;
	p->in_header = false;
	part_header_end(&p->header, may_nest, &top->boundary);
	if (top->part->kind == MIME_MESSAGE && !p->header_only)
		push(p, at, lines);
}

/* A header without the empty line at its end: the part is over; so is a message that would begin there. */
static void break_header(struct parser *p, int64_t at)
{
	while (p->in_header)
		end_header(p, at, p->lines);
}

/* The innermost part ends at `at`. */
static void pop(struct parser *p, int64_t at, int64_t lines)
{
	struct open_part *top = &p->open[--p->open_count];
	struct mime_part *part = top->part;

	part->body_len = at > part->body_at ? at - part->body_at : 0;
	part->body_lines = lines > top->lines_at_section ? lines - top->lines_at_section : 0;
	if (part->kind == MIME_MULTIPART && part->first_child == NULL && !p->header_only)
		part_make_plain(part);
}

/*
 * Where the parts below a multipart end at a delimiter: before the line end that belongs to it. That may be the one
 * that ends a header: then the body is empty, and stays behind the header; but a message inside a part ends where that
 * part does, so its header goes without its end.
 */
static int64_t settle_ends(struct parser *p, struct open_part *multipart, int64_t line_at)
{
	int64_t end = line_at - p->last_end_len;

	for (struct open_part *open = multipart + 1; open < p->open + p->open_count; open++) {
		struct mime_part *part = open->part;

		if (part->body_at > end && open == multipart + 1) {
			end = part->body_at;
		} else if (part->body_at > end) {
			part->header_lines -= part->header_at < end;
			part->header_at = part->header_at < end ? part->header_at : end;
			part->header_len = end - part->header_at;
			part->body_at = end;
		}
	}
	return end;
}

/* Which open multipart is this the delimiter of (RFC 2046 5.1.1)? NULL: none. The innermost wins. */
static struct open_part *find_delimiter(struct parser *p, struct str line, bool *is_close)
{
	struct str text = str_skip(line, 2);

	if (p->part_count >= MIME_PARTS_MAX)
		return NULL;
	for (size_t i = p->open_count; i-- > 0;) {
		struct str boundary = p->open[i].boundary, rest;

		if (boundary.len == 0 || !str_starts(text, boundary))
			continue;
		rest = str_skip(text, boundary.len);
		*is_close = str_starts(rest, STR("--"));
		if (*is_close || str_trim(rest).len == 0)
			return &p->open[i];
	}
	return NULL;
}

/* True: the line is a delimiter, and parts were closed and opened as it says. */
static bool take_delimiter(struct parser *p, const struct line *line)
{
	struct open_part *multipart;
	bool is_close;
	int64_t end;

	if (line->text.len <= 2 || line->text.data[0] != '-' || line->text.data[1] != '-' || line->is_rest)
		return false;
	multipart = find_delimiter(p, line->text, &is_close);
	if (multipart == NULL)
		return false;
	break_header(p, line->at);
	end = settle_ends(p, multipart, line->at);
	while (&p->open[p->open_count - 1] != multipart)
		pop(p, end, p->lines - (p->last_end_len != 0));
	if (is_close)
		multipart->boundary = STR("");
	else
		push(p, line->at + (int64_t)line->text.len + line->end_len, p->lines + 1);
	return true;
}

static int parse_lines(struct parser *p, struct lines *lines, struct err *err)
{
	struct line line;
	int result;

	while ((result = lines_next(lines, &line, err)) > 0) {
		bool is_empty = line.text.len == 0 && !line.is_rest && line.end_len != 0;

		if (!take_delimiter(p, &line) && p->in_header) {
			if (is_empty)
				end_header(p, line.at + line.end_len, p->lines + 1);
			else
				part_header_line(&p->header, line.text, line.is_rest);
		}
		if (p->header_only && !p->in_header)
			break;
		p->lines += line.end_len != 0;
		p->last_end_len = line.end_len;
	}
	return result < 0 ? -1 : 0;
}

static int parse(const struct mime_source *source, struct arena *arena, bool header_only, struct mime_part **root_out,
                 struct err *err)
{
	struct parser p = {.arena = arena, .header_only = header_only};
	struct lines lines;
	int result;

	part_header_open(&p.header, arena);
	lines_open(&lines, source);
	push(&p, 0, 0);
	*root_out = p.open[0].part;
	result = parse_lines(&p, &lines, err);
	if (result == 0) {
		break_header(&p, source->size);
		while (p.open_count > 0)
			pop(&p, source->size, p.lines);
	}
	lines_close(&lines);
	part_header_close(&p.header);
	return result;
}

int mime_parse(const struct mime_source *source, struct arena *arena, struct mime_part **root_out, struct err *err)
{
	return parse(source, arena, false, root_out, err);
}

int mime_parse_header(const struct mime_source *source, struct arena *arena, struct mime_part **root_out,
                      struct err *err)
{
	return parse(source, arena, true, root_out, err);
}
