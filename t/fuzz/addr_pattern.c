/* Patterns of addresses: what is accepted is its own normal form, and holds for an address that it spells out. */
#include "common/addr/addr.h"
#include "common/addr/pattern.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str input = str_from((const char *)data, size), domain;
	struct buf normal, again;

	buf_init(&normal, 4 * ADDR_PATTERN_MAX);
	buf_init(&again, 4 * ADDR_PATTERN_MAX);
	if (addr_pattern_normalise(input, &normal, NULL) == 0 && normal.len <= ADDR_PATTERN_MAX) {
		if (addr_pattern_normalise(buf_str(&normal), &again, NULL) != 0 ||
		    !str_equal(buf_str(&normal), buf_str(&again)))
			abort();
		domain = buf_str(&normal);
		/* the last '@' parts them */
		domain = str_skip(domain, (size_t)str_find_last_char(domain, '@') + 1);
		if (!addr_pattern_holds(buf_str(&normal), str_sub(buf_str(&normal), 0, normal.len - domain.len - 1), domain))
			abort();
	}
	buf_free(&normal);
	buf_free(&again);
	return 0;
}
