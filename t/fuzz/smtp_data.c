/* The message behind DATA or BDAT: the same however it is cut, and never a bare CR or LF in what comes out. */
#include "common/smtp/data.h"
#include "common/smtp/fields.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t take_all(enum smtp_data_mode mode, bool is_chunked, struct str input, size_t step, struct buf *out,
                       struct smtp_data *state)
{
	size_t at = 0;

	smtp_data_init(state, mode, is_chunked);
	while (at < input.len && !state->ended)
		at += smtp_data_take(state, str_sub(input, at, step), out);
	if (is_chunked && at != input.len)
		abort();
	if (is_chunked)
		smtp_data_finish(state, out);
	return at;
}

static void check_line_ends(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((text.data[i] == '\r' && (i + 1 == text.len || text.data[i + 1] != '\n')) ||
		    (text.data[i] == '\n' && (i == 0 || text.data[i - 1] != '\r')))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str input = str_from((const char *)data, size);
	enum smtp_data_mode mode;
	struct smtp_data first, second;
	struct fields fields;
	struct buf whole, cut;
	bool is_chunked;
	size_t step;

	if (size < 2)
		return 0;
	mode = (enum smtp_data_mode)(data[0] % 4);
	is_chunked = (data[0] & 4) != 0;
	step = 1 + data[1] % 16;
	input = str_skip(input, 2);
	buf_init(&whole, SMTP_DATA_GROWTH(size));
	buf_init(&cut, SMTP_DATA_GROWTH(size));
	if (take_all(mode, is_chunked, input, size, &whole, &first) !=
	        take_all(mode, is_chunked, input, step, &cut, &second) ||
	    !str_equal(buf_str(&whole), buf_str(&cut)) || first.ended != second.ended ||
	    first.has_bare != second.has_bare || first.stray != second.stray || whole.overflow || cut.overflow)
		abort();
	check_line_ends(buf_str(&whole));
	fields_init(&fields);
	if (fields_look(&fields, buf_str(&whole)) > whole.len)
		abort();
	buf_free(&whole);
	buf_free(&cut);
	return 0;
}
