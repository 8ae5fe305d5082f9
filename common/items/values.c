#include "common/items/values.h"

int item_read_switch(const char *field, struct str text, bool fallback, bool *value, struct err *err)
{
	*value = text.len == 0 ? fallback : str_equal_nocase(text, STR("on"));
	if (text.len > 0 && !*value && !str_equal_nocase(text, STR("off")))
		return err_set(err, ERR_SYNTAX, "%s: must be on or off, not \"%.*s\"", field, STR_ARG(str_sub(text, 0, 40)));
	return 0;
}

int item_read_number(const char *field, struct str text, uint64_t max, int64_t fallback, int64_t *number,
                     struct err *err)
{
	uint64_t value = (uint64_t)fallback;

	if (text.len > 0 && !str_to_u64(text, max, &value))
		return err_set(err, ERR_SYNTAX, "%s: must be a number from 0 to %llu, not \"%.*s\"", field,
		               (unsigned long long)max, STR_ARG(str_sub(text, 0, 40)));
	*number = (int64_t)value;
	return 0;
}

int item_read_days(const char *field, struct str text, unsigned *weekdays, struct err *err)
{
	static const char *const words[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

	*weekdays = 0;
	for (struct str word; (word = str_cut_item(&text)).len > 0;) {
		int i = 0;

		while (i < 7 && !str_equal_nocase(word, str_of(words[i])))
			i++;
		if (i == 7)
			return err_set(err, ERR_SYNTAX, "%s: \"%.*s\" is none of sun, mon, tue, wed, thu, fri, sat", field,
			               STR_ARG(str_sub(word, 0, 40)));
		*weekdays |= 1U << i;
	}
	return 0;
}
