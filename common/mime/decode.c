/* Transfer encodings (RFC 2045 6) undone in a stream. */
#include "common/mime/text.h"

/* Values of base64's characters (RFC 2045 6.8), one more so that 0 says: none. */
static const unsigned char values[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
    ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64,
};

enum mime_encoding mime_encoding(const struct mime_part *part)
{
	struct str name = part->encoding;
	size_t len = 0;

	/* "base64 (comment)" and "base64;" are seen. */
	while (len < name.len && name.data[len] > ' ' && name.data[len] != ';' && name.data[len] != '(')
		len++;
	name.len = len;
	if (len == 0 || str_equal_nocase(name, STR("7bit")) || str_equal_nocase(name, STR("8bit")) ||
	    str_equal_nocase(name, STR("binary")))
		return MIME_IDENTITY;
	/* RFC 2045 6.4: composites are never encoded; where the field says so all the same, their parts tell otherwise. */
	if (part->kind == MIME_MULTIPART)
		return MIME_IDENTITY;
	if (str_equal_nocase(name, STR("base64")))
		return MIME_BASE64;
	return str_equal_nocase(name, STR("quoted-printable")) ? MIME_QUOTED_PRINTABLE : MIME_UNKNOWN_ENCODING;
}

static int send_out(struct mime_decoder *d, struct err *err)
{
	struct str bytes = str_from(d->out, d->out_len);

	d->out_len = 0;
	return bytes.len != 0 ? d->next->write(d->next, bytes, err) : MIME_MORE;
}

/* Add bytes to what goes on, at most as many as held has. */
static int put(struct mime_decoder *d, const char *bytes, size_t len, struct err *err)
{
	int result = d->out_len + len > sizeof d->out ? send_out(d, err) : MIME_MORE;

	memcpy(d->out + d->out_len, bytes, len);
	d->out_len += (unsigned)len;
	return result;
}

/* Bytes that a group of base64 characters holds; the group is over. */
static int put_group(struct mime_decoder *d, struct err *err)
{
	uint32_t bits = d->bits << (6 * (4 - d->count));
	char bytes[3] = {(char)(bits >> 16), (char)(bits >> 8), (char)bits};
	unsigned count = d->count;

	d->bits = 0;
	d->count = 0;
	return count > 1 ? put(d, bytes, count - 1, err) : MIME_MORE;
}

/* Whole groups, as long as nothing else comes and there is room. Returns how many characters were taken. */
static size_t take_groups(struct mime_decoder *d, struct str in)
{
	const unsigned char *from = (const unsigned char *)in.data, *end = from + (in.len & ~(size_t)3);

	while (from < end && d->out_len + 3 <= sizeof d->out) {
		unsigned a = values[from[0]], b = values[from[1]], c = values[from[2]], e = values[from[3]];
		uint32_t bits = (a - 1) << 18 | (b - 1) << 12 | (c - 1) << 6 | (e - 1);

		if (a == 0 || b == 0 || c == 0 || e == 0)
			break;
		d->out[d->out_len++] = (char)(bits >> 16);
		d->out[d->out_len++] = (char)(bits >> 8);
		d->out[d->out_len++] = (char)bits;
		from += 4;
	}
	return (size_t)((const char *)from - in.data);
}

static int write_base64(struct mime_decoder *d, struct str in, struct err *err)
{
	int result = MIME_MORE;

	for (size_t i = 0; i < in.len && result == MIME_MORE; i++) {
		unsigned value;

		if (d->count == 0)
			i += take_groups(d, str_skip(in, i));
		if (i == in.len)
			break;
		value = values[(unsigned char)in.data[i]];

		if (value != 0) {
			d->bits = d->bits << 6 | (value - 1);
			if (++d->count == 4)
				result = put_group(d, err);
		} else if (in.data[i] == '=') {
			/* Padding; what comes behind it begins a new group, as where pieces were put together. */
			result = put_group(d, err);
		}
	}
	return result;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/*
 * What is held begins with "=", or is blanks. Returns how it goes on with c: held (c is added), or decided: bytes were
 * put out, and *again tells whether c is still to be looked at.
 */
static int decide_escape(struct mime_decoder *d, char c, bool *again, struct err *err)
{
	int high = d->held_len == 2 ? hex(d->held[1]) : -1, low = hex(c);
	bool may_break = d->held_len == 1 || is_blank(d->held[1]); /* a soft line break, with blanks before its end */
	unsigned len = d->held_len;
	char byte;

	*again = false;
	if ((len == 1 && low >= 0) || (may_break && is_blank(c) && len < sizeof d->held)) {
		d->held[d->held_len++] = c;
		return MIME_MORE;
	}
	d->held_len = 0;
	if (c == '\n' && may_break)
		return MIME_MORE; /* RFC 2045 6.7 (5), (3) */
	if (high >= 0 && low >= 0) {
		byte = (char)(high << 4 | low);
		return put(d, &byte, 1, err);
	}
	*again = true;
	return put(d, d->held, len, err); /* no escape: it stands for itself */
}

/* Blanks, of which those before a line end are not part of the text (RFC 2045 6.7 (3)). */
static int decide_blanks(struct mime_decoder *d, char c, bool *again, struct err *err)
{
	unsigned len = d->held_len;

	*again = false;
	if (is_blank(c) && len < sizeof d->held) {
		d->held[d->held_len++] = c;
		return MIME_MORE;
	}
	*again = true;
	d->held_len = 0;
	if (c != '\n')
		return put(d, d->held, len, err);
	return d->held[len - 1] == '\r' ? put(d, "\r", 1, err) : MIME_MORE;
}

static int write_quoted(struct mime_decoder *d, struct str in, struct err *err)
{
	int result = MIME_MORE;

	for (size_t i = 0; i < in.len && result == MIME_MORE; i++) {
		char c = in.data[i];
		bool again = true;

		while (again && d->held_len != 0 && result == MIME_MORE)
			result = d->held[0] == '=' ? decide_escape(d, c, &again, err) : decide_blanks(d, c, &again, err);
		if (!again || result != MIME_MORE)
			continue;
		if (c == '=' || is_blank(c))
			d->held[d->held_len++] = c;
		else
			result = put(d, &c, 1, err);
	}
	return result;
}

static int decoder_write(struct mime_sink *sink, struct str bytes, struct err *err)
{
	struct mime_decoder *d = (struct mime_decoder *)sink;

	if (d->encoding == MIME_BASE64)
		return write_base64(d, bytes, err);
	if (d->encoding == MIME_QUOTED_PRINTABLE)
		return write_quoted(d, bytes, err);
	return d->next->write(d->next, bytes, err);
}

void mime_decoder_init(struct mime_decoder *decoder, enum mime_encoding encoding, struct mime_sink *next)
{
	decoder->sink.write = decoder_write;
	decoder->next = next;
	decoder->encoding = encoding;
	decoder->bits = 0;
	decoder->count = decoder->held_len = decoder->out_len = 0;
}

int mime_decoder_finish(struct mime_decoder *decoder, struct err *err)
{
	int result = MIME_MORE;

	if (decoder->encoding == MIME_BASE64)
		result = put_group(decoder, err);
	else if (decoder->held_len != 0 && decoder->held[0] == '=' && decoder->held_len > 1 && !is_blank(decoder->held[1]))
		result = put(decoder, decoder->held, decoder->held_len, err);
	decoder->held_len = 0;
	return result == MIME_MORE ? send_out(decoder, err) : result;
}
