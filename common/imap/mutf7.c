/* imap/text: modified UTF-7 (RFC 3501 5.1.3). */
#include "common/imap/text.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static int no_room(const struct buf *out, struct err *err)
{
	return out->overflow ? err_set(err, ERR_LIMIT, "the name is too long") : 0;
}

/* Bits on their way into or out of base64. */
struct bits {
	uint32_t value;
	unsigned count;
};

static void add_unit(struct bits *bits, unsigned unit, struct buf *out)
{
	bits->value = bits->value << 16 | unit;
	bits->count += 16;
	while (bits->count >= 6) {
		bits->count -= 6;
		buf_add_char(out, alphabet[bits->value >> bits->count & 63]);
	}
	bits->value &= (1U << bits->count) - 1;
}

static void end_shift(struct bits *bits, struct buf *out)
{
	if (bits->count > 0)
		buf_add_char(out, alphabet[bits->value << (6 - bits->count) & 63]);
	buf_add_char(out, '-');
	*bits = (struct bits){0, 0};
}

static uint32_t code_point(struct str sequence)
{
	static const unsigned char lead_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	uint32_t value = (unsigned char)sequence.data[0] & lead_bits[sequence.len];

	for (size_t i = 1; i < sequence.len; i++)
		value = value << 6 | ((unsigned char)sequence.data[i] & 0x3f);
	return value;
}

int mutf7_encode(struct str utf8, struct buf *out, struct err *err)
{
	struct bits bits = {0, 0};
	bool shifted = false;

	while (utf8.len > 0) {
		size_t len = str_utf8_sequence(utf8);
		uint32_t point;

		if (len == 0)
			return err_set(err, ERR_SYNTAX, "the name is not in UTF-8");
		point = code_point(str_sub(utf8, 0, len));
		utf8 = str_skip(utf8, len);
		if (point >= 0x20 && point <= 0x7e) {
			if (shifted)
				end_shift(&bits, out);
			shifted = false;
			buf_add_str(out, point == '&' ? STR("&-") : str_from(&(char){(char)point}, 1));
			continue;
		}
		if (!shifted)
			buf_add_char(out, '&');
		shifted = true;
		if (point >= 0x10000) {
			add_unit(&bits, 0xd800 + ((point - 0x10000) >> 10), out);
			point = 0xdc00 + ((point - 0x10000) & 0x3ff);
		}
		add_unit(&bits, point, out);
	}
	if (shifted)
		end_shift(&bits, out);
	return no_room(out, err);
}

static void add_utf8(struct buf *out, uint32_t point)
{
	static const unsigned char leads[] = {0, 0, 0xc0, 0xe0, 0xf0};
	unsigned len = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;

	buf_add_char(out, (char)(leads[len == 1 ? 0 : len] | point >> 6 * (len - 1)));
	while (--len > 0)
		buf_add_char(out, (char)(0x80 | (point >> 6 * (len - 1) & 0x3f)));
}

/* One 16-bit unit of the shifted part; *high keeps the first half of a pair. */
static bool take_unit(unsigned unit, unsigned *high, struct buf *out)
{
	bool is_high = unit >= 0xd800 && unit < 0xdc00, is_low = unit >= 0xdc00 && unit < 0xe000;

	if (is_low != (*high != 0) || (unit >= 0x20 && unit <= 0x7e))
		return false; /* printable ASCII stands for itself */
	if (is_low)
		add_utf8(out, 0x10000 + ((*high - 0xd800) << 10) + (unit - 0xdc00));
	else if (!is_high)
		add_utf8(out, unit);
	*high = is_high ? unit : 0;
	return true;
}

/* The part between '&' and '-'. */
static bool decode_shift(struct str part, struct buf *out)
{
	struct bits bits = {0, 0};
	unsigned high = 0;

	for (size_t i = 0; i < part.len; i++) {
		const char *at = part.data[i] != '\0' ? strchr(alphabet, part.data[i]) : NULL;

		if (at == NULL)
			return false;
		bits.value = bits.value << 6 | (uint32_t)(at - alphabet);
		bits.count += 6;
		if (bits.count >= 16) {
			bits.count -= 16;
			if (!take_unit(bits.value >> bits.count & 0xffff, &high, out))
				return false;
			bits.value &= (1U << bits.count) - 1;
		}
	}
	return high == 0 && bits.count < 6 && bits.value == 0;
}

int mutf7_decode(struct str mutf7, struct buf *out, struct err *err)
{
	bool after_shift = false;

	while (mutf7.len > 0) {
		char c = mutf7.data[0];
		struct str part;
		ptrdiff_t end;

		if (c < 0x20 || c > 0x7e)
			return err_set(err, ERR_SYNTAX, "a character that modified UTF-7 does not have");
		if (c != '&') {
			buf_add_char(out, c);
			mutf7 = str_skip(mutf7, 1);
			after_shift = false;
			continue;
		}
		end = str_find_char(mutf7, '-');
		part = end > 0 ? str_sub(mutf7, 1, (size_t)end - 1) : STR("");
		/* What begins where another shift just ended would have been one with it. */
		if (end < 0 || (part.len > 0 && (after_shift || !decode_shift(part, out))))
			return err_set(err, ERR_SYNTAX, "broken modified UTF-7");
		if (part.len == 0)
			buf_add_char(out, '&');
		after_shift = part.len > 0;
		mutf7 = str_skip(mutf7, (size_t)end + 1);
	}
	return no_room(out, err);
}
