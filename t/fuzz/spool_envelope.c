#include "common/spool/spool.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What parses must format, and parse again into the same number of recipients. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct spool_envelope envelope, again;
	struct arena arena;
	struct buf text;
	struct err err;
	size_t length;

	arena_init(&arena);
	buf_init(&text, SPOOL_ENVELOPE_MAX);
	if (spool_envelope_parse(str_from((const char *)data, size), &arena, &envelope, &length, &err) == 0) {
		if (spool_envelope_format(&envelope, &text, &err) != 0 ||
		    spool_envelope_parse(buf_str(&text), &arena, &again, &length, &err) != 0 || length != text.len ||
		    again.recipient_count != envelope.recipient_count || !str_equal(again.from, envelope.from))
			abort();
	}
	buf_free(&text);
	arena_free(&arena);
	return 0;
}
