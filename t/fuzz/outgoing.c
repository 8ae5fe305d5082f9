/* Domain filters and DNS overrides: whatever is taken can be asked about any message. */
#include "common/outgoing/filter.h"
#include "common/outgoing/overrides.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str input = str_from((const char *)data, size);
	const struct outgoing_facts facts = {.size = 50000,
	                                     .age = 7200,
	                                     .retries = 3,
	                                     .authsender = STR("anna"),
	                                     .from = STR("anna@example.com"),
	                                     .to = STR("bob@remote.example")};
	const struct str exchangers[] = {STR("mx.remote.example"), STR("mx2.remote.example")};
	const struct override *chosen[4];
	struct overrides overrides;
	struct filter filter;
	struct arena arena;
	bool adds_dns;

	arena_init(&arena);
	if (filter_parse(input, &arena, &filter, NULL) == 0) {
		filter_attempts(&filter, &facts);
		filter_free(&filter);
	}
	if (overrides_parse(input, &arena, &overrides, NULL) == 0) {
		overrides_choose(&overrides, STR("remote.example"), &facts, exchangers, 2, chosen, 4, &adds_dns);
		overrides_free(&overrides);
	}
	arena_free(&arena);
	return 0;
}
