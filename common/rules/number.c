#include "common/rules/number.h"

enum { DIGITS_MAX = 300 }; /* more would be no number that a double knows */

bool number_read(struct str text, double *number_out)
{
	bool is_negative = text.len > 0 && text.data[0] == '-', has_digits = false;
	double number = 0, unit = 1;

	if (text.len > DIGITS_MAX)
		return false;
	for (size_t i = is_negative || str_starts(text, STR("+")) ? 1 : 0; i < text.len; i++) {
		char c = text.data[i];

		if (c == '.' && unit == 1 && has_digits) {
			unit = 0.1;
		} else if (c < '0' || c > '9') {
			return false;
		} else if (unit < 1) {
			number += (c - '0') * unit;
			unit /= 10;
		} else {
			number = number * 10 + (c - '0');
		}
		has_digits |= c != '.';
	}
	*number_out = is_negative ? -number : number;
	return has_digits;
}
