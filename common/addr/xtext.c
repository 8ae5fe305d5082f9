#include "common/addr/addr.h"

/* RFC 3461 4: xchar is any of "!" to "~" but "+" and "=". */
static bool is_xchar(char c)
{
	return c > ' ' && c < 0x7f && c != '+' && c != '=';
}

struct str addr_xtext_encode(struct str plain, struct arena *arena)
{
	static const char digits[] = "0123456789ABCDEF";
	char *text = arena_get(arena, 3 * plain.len + 1);
	size_t used = 0;

	for (size_t i = 0; i < plain.len; i++) {
		unsigned char c = (unsigned char)plain.data[i];

		if (is_xchar((char)c)) {
			text[used++] = (char)c;
		} else {
			text[used++] = '+';
			text[used++] = digits[c >> 4];
			text[used++] = digits[c & 15];
		}
	}
	return str_from(text, used);
}

/* Upper case alone, as the RFC has it; -1 otherwise. */
static int hex_value(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int addr_xtext_decode(struct str xtext, struct arena *arena, struct str *plain_out, struct err *err)
{
	char *plain = arena_get(arena, xtext.len + 1);
	size_t used = 0;

	for (size_t i = 0; i < xtext.len; i++) {
		if (is_xchar(xtext.data[i])) {
			plain[used++] = xtext.data[i];
		} else if (xtext.data[i] == '+' && i + 2 < xtext.len && hex_value(xtext.data[i + 1]) >= 0 &&
		           hex_value(xtext.data[i + 2]) >= 0) {
			plain[used++] = (char)(hex_value(xtext.data[i + 1]) << 4 | hex_value(xtext.data[i + 2]));
			i += 2;
		} else {
			return err_set(err, ADDR_SYNTAX, "not written as xtext");
		}
	}
	*plain_out = str_from(plain, used);
	return 0;
}
