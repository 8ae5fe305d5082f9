/* Records and rows of TLS reports. */
#include "common/mailauth/tlsrpt/tlsrpt.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tlsrpt_target targets[TLSRPT_TARGETS_MAX];
	struct str text = str_from((const char *)data, size);
	json_t *policies = json_array();
	struct arena arena;
	size_t count;

	arena_init(&arena);
	count = tlsrpt_parse_record(text, &arena, targets);
	for (size_t i = 0; i < count; i++)
		if (str_find_char(targets[i].text, '\n') >= 0 || str_find_char(targets[i].text, ' ') >= 0)
			abort();
	if (tlsrpt_add(policies, text, 1) && json_array_size(policies) != 1)
		abort();
	json_decref(policies);
	arena_free(&arena);
	return 0;
}
