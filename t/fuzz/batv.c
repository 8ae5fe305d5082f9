/* An address as it comes to RCPT, looked at for a tag: what is taken off is an address again, and its tag the same. */
#include "common/mailauth/batv/batv.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum { NOW = 20778 * 86400 };
	struct str secret = STR("secret"), text = str_from((const char *)data, size), tagged;
	struct addr address, original, again;
	struct arena arena;
	struct err err;

	arena_init(&arena);
	if (addr_parse_mailbox(text, &arena, &address, &err) == 0) {
		if (batv_check(secret, &address, NOW, &arena, &original) == BATV_VALID &&
		    addr_parse_mailbox(original.text, &arena, &again, &err) != 0)
			abort();
		tagged = batv_tag(secret, &address, NOW, &arena);
		if (batv_can_tag(&address) &&
		    (addr_parse_mailbox(tagged, &arena, &again, &err) != 0 ||
		     batv_check(secret, &again, NOW, &arena, &original) != BATV_VALID || !addr_equal(&original, &address)))
			abort();
	}
	arena_free(&arena);
	return 0;
}
