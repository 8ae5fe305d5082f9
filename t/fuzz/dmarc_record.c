/* DMARC: records, and the addresses that they want reports at. */
#include "common/mailauth/dmarc/dmarc.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_targets(struct str list, struct arena *arena)
{
	struct dmarc_target targets[DMARC_TARGETS_MAX];
	size_t count = dmarc_read_targets(list, arena, targets);

	if (count > DMARC_TARGETS_MAX)
		abort();
	for (size_t i = 0; i < count; i++)
		for (size_t n = 0; n < targets[i].address.len; n++)
			if (targets[i].address.data[n] > 0 && targets[i].address.data[n] <= ' ')
				abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_from((const char *)data, size);
	struct dmarc_record record;
	struct arena arena;

	arena_init(&arena);
	check_targets(text, &arena);
	dmarc_is_record(text);
	if (dmarc_record_parse(text, &record, NULL) == 0) {
		if (record.percent > 100 || record.policy > DMARC_REJECT || record.subdomain_policy > DMARC_REJECT)
			abort();
		check_targets(record.aggregate, &arena);
		check_targets(record.failure, &arena);
	}
	dmarc_organisational_domain(text, &arena);
	arena_free(&arena);
	return 0;
}
