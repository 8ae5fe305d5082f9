#include "common/smtp/data.h"

enum state {
	LINE_START, /* nothing of this line yet; the line before ended with CRLF */
	INSIDE,
	CR,     /* behind a CR inside a line, which is not put out yet */
	DOT,    /* behind a dot at the start of a line, which is not put out */
	DOT_CR, /* behind that dot and a CR */
	AFTER_CR,
	AFTER_LF, /* of SMTP_DATA_ANY: at a line's start, and the other of the pair would belong to the end before */
};

void smtp_data_init(struct smtp_data *data, enum smtp_data_mode mode, bool is_chunked)
{
	*data = (struct smtp_data){.mode = mode, .state = LINE_START, .is_chunked = is_chunked};
}

/* A CR or LF that is no line end to the RFC. */
static void end_line_barely(struct smtp_data *data, struct buf *out)
{
	data->has_bare = true;
	buf_add(out, "\r\n", 2);
}

/* One octet inside a line, or at its start where it is no dot. */
static enum state take_inside(struct smtp_data *data, char c, struct buf *out)
{
	if (data->mode == SMTP_DATA_ANY && (c == '\r' || c == '\n')) {
		buf_add(out, "\r\n", 2);
		return c == '\r' ? AFTER_CR : AFTER_LF;
	}
	if (c == '\r')
		return CR;
	if (c == '\n') {
		end_line_barely(data, out);
		return data->mode == SMTP_DATA_LOOSE || data->is_chunked ? LINE_START : INSIDE;
	}
	if (c == '\0')
		data->has_nul = true;
	buf_add_char(out, c);
	return INSIDE;
}

static enum state take_first(struct smtp_data *data, char c, struct buf *out)
{
	return c == '.' && !data->is_chunked ? DOT : take_inside(data, c, out);
}

/* One octet behind a dot at the start of a line. */
static enum state take_behind_dot(struct smtp_data *data, char c, struct buf *out)
{
	if (data->mode == SMTP_DATA_ANY && (c == '\r' || c == '\n')) {
		data->ended = true;
		data->stray = c == '\r' ? '\n' : '\r';
		return LINE_START;
	}
	if (c == '\r')
		return DOT_CR;
	if (c == '\n' && data->mode == SMTP_DATA_LOOSE) {
		data->ended = true;
		return LINE_START;
	}
	return take_inside(data, c, out);
}

/* One octet in any state. */
static enum state take_octet(struct smtp_data *data, char c, struct buf *out)
{
	switch ((enum state)data->state) {
	case LINE_START:
		return take_first(data, c, out);
	case INSIDE:
		return take_inside(data, c, out);
	case CR:
		if (c == '\n') {
			buf_add(out, "\r\n", 2);
			return LINE_START;
		}
		end_line_barely(data, out);
		return take_inside(data, c, out);
	case DOT:
		return take_behind_dot(data, c, out);
	case DOT_CR:
		if (c == '\n') {
			data->ended = true;
			return LINE_START;
		}
		end_line_barely(data, out);
		return take_inside(data, c, out);
	case AFTER_CR:
		return c == '\n' ? LINE_START : take_first(data, c, out);
	case AFTER_LF:
		return c == '\r' ? LINE_START : take_first(data, c, out);
	}
	return INSIDE;
}

/* How many octets from the start of s need no thought inside a line. */
static size_t plain_run(struct str s)
{
	size_t len = 0;

	while (len < s.len && s.data[len] != '\r' && s.data[len] != '\n' && s.data[len] != '\0')
		len++;
	return len;
}

size_t smtp_data_take(struct smtp_data *data, struct str input, struct buf *out)
{
	size_t at = 0;

	while (at < input.len && !data->ended) {
		if (data->state == INSIDE) {
			size_t run = plain_run(str_skip(input, at));

			buf_add(out, input.data + at, run);
			at += run;
			if (at == input.len)
				break;
		}
		data->state = take_octet(data, input.data[at++], out);
	}
	return at;
}

void smtp_data_finish(struct smtp_data *data, struct buf *out)
{
	if (data->state == CR)
		end_line_barely(data, out);
	else if (data->state == INSIDE)
		buf_add(out, "\r\n", 2);
	data->ended = true;
}
