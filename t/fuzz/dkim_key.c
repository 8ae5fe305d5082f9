/* Records of public keys, as they come out of the DNS. */
#include "common/mailauth/dkim/key.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dkim_key key;
	struct arena arena;
	struct err err = {0};
	struct str text;

	arena_init(&arena);
	if (mailauth_read_text(str_from((const char *)data, size), &arena, &text, &err) != 0)
		text = str_from((const char *)data, size);
	if (dkim_key_parse(text, &arena, &key, &err) == 0) {
		if (key.pkey == NULL ||
		    (key.type == DKIM_RSA && (key.bits < DKIM_RSA_BITS_MIN || key.bits > DKIM_RSA_BITS_MAX)))
			abort();
		dkim_key_free(&key);
	} else if (key.pkey != NULL || err.code == ERR_NONE) {
		abort();
	}
	arena_free(&arena);
	return 0;
}
