/* SMTP: targets: what is taken must be written so that it is taken again as the same. */
#include "common/addr/smtp_target.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str input = str_from((const char *)data, size), text;
	struct smtp_target target, again;
	struct arena arena;

	arena_init(&arena);
	if (smtp_target_parse(input, &arena, &target, NULL) == 0) {
		text = smtp_target_format(&target, &arena);
		if (smtp_target_parse(text, &arena, &again, NULL) != 0 || !str_equal(target.address, again.address) ||
		    !str_equal(target.user, again.user) || !str_equal(target.password, again.password) ||
		    !str_equal(server_key(&target.server, &arena), server_key(&again.server, &arena)))
			abort();
		smtp_target_show(input, &arena);
	}
	arena_free(&arena);
	return 0;
}
