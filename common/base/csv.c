#include "common/base/csv.h"

void csv_open(struct csv *csv, struct str text)
{
	static const struct str mark = {"\xef\xbb\xbf", 3};

	*csv = (struct csv){str_starts(text, mark) ? str_skip(text, mark.len) : text, 1};
}

/* Does a line end here? Then how many octets it has, else 0. */
static size_t line_end(struct str rest)
{
	if (str_starts(rest, STR("\r\n")))
		return 2;
	return rest.len != 0 && rest.data[0] == '\n';
}

/* Go on behind the line that begins at *csv. */
static void skip_line(struct csv *csv)
{
	ptrdiff_t end = str_find_char(csv->rest, '\n');

	csv->rest = end >= 0 ? str_skip(csv->rest, (size_t)end + 1) : str_from(NULL, 0);
	csv->line++;
}

/* Where the quote stands that ends a field; at the end of the text where none does. */
static size_t find_quote(struct str rest)
{
	size_t at = 0;

	while (at < rest.len && (rest.data[at] != '"' || (at + 1 < rest.len && rest.data[at + 1] == '"')))
		at += rest.data[at] == '"' ? 2 : 1;
	return at;
}

/* A field in quotes, the first one already read; what follows it stays in *rest. */
static int read_quoted(struct str *rest, unsigned *lines, struct arena *arena, struct str *field_out, struct err *err)
{
	size_t len = 0, end = find_quote(*rest);
	char *text = arena_get(arena, end + 1);

	if (end == rest->len)
		return err_set(err, ERR_SYNTAX, "a quoted field does not end");
	for (size_t at = 0; at < end; at++) {
		at += rest->data[at] == '"';
		*lines += rest->data[at] == '\n';
		text[len++] = rest->data[at];
	}
	*field_out = str_from(text, len);
	*rest = str_skip(*rest, end + 1);
	return 0;
}

static int read_plain(struct str *rest, struct str *field_out, struct err *err)
{
	size_t len = 0;

	while (len < rest->len && rest->data[len] != ',' && line_end(str_skip(*rest, len)) == 0) {
		if (rest->data[len] == '"')
			return err_set(err, ERR_SYNTAX, "a quote stands within a field that is not quoted");
		len++;
	}
	*field_out = str_sub(*rest, 0, len);
	*rest = str_skip(*rest, len);
	return 0;
}

static int read_row(struct str *rest, unsigned *lines, struct arena *arena, struct csv_row *row, struct err *err)
{
	for (;;) {
		struct str *field = &row->fields[row->count];
		int result;

		if (row->count == CSV_FIELDS_MAX)
			return err_set(err, ERR_LIMIT, "a row has more than %d fields", CSV_FIELDS_MAX);
		if (rest->len != 0 && rest->data[0] == '"') {
			*rest = str_skip(*rest, 1);
			result = read_quoted(rest, lines, arena, field, err);
		} else {
			result = read_plain(rest, field, err);
		}
		if (result != 0)
			return -1;
		row->count++;
		if (rest->len == 0)
			return 0;
		if (line_end(*rest) != 0) {
			*rest = str_skip(*rest, line_end(*rest));
			++*lines;
			return 0;
		}
		if (rest->data[0] != ',')
			return err_set(err, ERR_SYNTAX, "something follows a quoted field");
		*rest = str_skip(*rest, 1);
	}
}

int csv_next(struct csv *csv, struct arena *arena, struct csv_row *row, struct err *err)
{
	struct str rest;
	unsigned lines = 0;

	while (line_end(csv->rest) != 0)
		skip_line(csv);
	row->line = csv->line;
	row->count = 0;
	if (csv->rest.len == 0)
		return 0;
	rest = csv->rest;
	if (read_row(&rest, &lines, arena, row, err) != 0) {
		skip_line(csv);
		return -1;
	}
	csv->rest = rest;
	csv->line += lines;
	return 1;
}

void csv_add_field(struct buf *out, struct str field, bool is_first)
{
	bool is_quoted = false;

	for (size_t i = 0; i < field.len && !is_quoted; i++)
		is_quoted = field.data[i] != '\0' && strchr(",\"\r\n", field.data[i]) != NULL;
	if (!is_first)
		buf_add_char(out, ',');
	if (!is_quoted) {
		buf_add_str(out, field);
		return;
	}
	buf_add_char(out, '"');
	for (size_t i = 0; i < field.len; i++) {
		if (field.data[i] == '"')
			buf_add_char(out, '"');
		buf_add_char(out, field.data[i]);
	}
	buf_add_char(out, '"');
}

void csv_end_row(struct buf *out)
{
	buf_add_str(out, STR("\r\n"));
}
