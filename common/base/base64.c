#include "common/base/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int base64_encode(struct str data, struct buf *text)
{
	const unsigned char *in = (const unsigned char *)data.data;
	char *out = data.len < SIZE_MAX / 2 ? buf_reserve(text, (data.len + 2) / 3 * 4) : NULL;

	if (out == NULL)
		return -1;
	for (size_t i = 0; i < data.len; i += 3) {
		size_t left = data.len - i;
		uint32_t bits = (uint32_t)in[i] << 16 | (left > 1 ? (uint32_t)in[i + 1] << 8 : 0) | (left > 2 ? in[i + 2] : 0);

		*out++ = alphabet[bits >> 18];
		*out++ = alphabet[bits >> 12 & 63];
		*out++ = left > 1 ? alphabet[bits >> 6 & 63] : '=';
		*out++ = left > 2 ? alphabet[bits & 63] : '=';
	}
	text->len += (data.len + 2) / 3 * 4;
	return 0;
}

/* The six bits of a character of the alphabet, -1 for any other. */
static int value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int base64_decode(struct str text, struct buf *data)
{
	size_t padding = 0;
	uint32_t bits = 0;
	char *out;

	if (text.len % 4 != 0)
		return -1;
	while (padding < 2 && padding < text.len && text.data[text.len - 1 - padding] == '=')
		padding++;
	out = buf_reserve(data, text.len / 4 * 3);
	if (out == NULL)
		return -1;
	for (size_t i = 0; i < text.len; i++) {
		int value = i < text.len - padding ? value_of(text.data[i]) : 0;

		if (value < 0)
			return -1;
		bits = bits << 6 | (uint32_t)value;
		if (i % 4 != 3)
			continue;
		*out++ = (char)(bits >> 16);
		*out++ = (char)(bits >> 8);
		*out++ = (char)bits;
	}
	/* After the last group the bits that padding leaves over must be zero. */
	if ((bits & ((1U << 8 * padding) - 1)) != 0)
		return -1;
	data->len += text.len / 4 * 3 - padding;
	return 0;
}
