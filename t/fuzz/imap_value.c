/* Replies of an IMAP server as trees. */
#include "common/imap/value.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct imap_value *value;
	struct arena arena;
	uint64_t number;
	struct err err;

	arena_init(&arena);
	if (imap_value_parse(str_from((const char *)data, size), &arena, &value, &err) == 0) {
		size_t count = 0;

		for (const struct imap_value *item = value->first; item != NULL; item = item->next) {
			if (imap_value_text(item).len > size || ++count > size)
				abort();
			imap_value_number(item, UINT32_MAX, &number);
			imap_value_of(item, "UID");
		}
	}
	arena_free(&arena);
	return 0;
}
