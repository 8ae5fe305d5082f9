/* Contacts of strangers: what is read once is written as a card that is read as the same. */
#include "common/mime/vcard.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_from((const char *)data, size);
	struct vcard card, again;
	struct arena arena;
	size_t bad = 0;

	arena_init(&arena);
	while (vcard_next(&text, &arena, &card, &bad)) {
		struct buf out;
		struct str written;

		buf_init(&out, 1 << 20);
		card.rest = STR("");
		vcard_format(&card, &out);
		written = buf_str(&out);
		if (out.overflow || !vcard_next(&written, &arena, &again, &bad) || written.len != 0 ||
		    !str_equal(card.name, again.name) || card.addresses.count != again.addresses.count)
			abort();
		buf_free(&out);
	}
	arena_free(&arena);
	return 0;
}
