/* MTA-STS: a record, or with another first octet a policy. */
#include "common/mailauth/sts/sts.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_from((const char *)data, size);
	char id[STS_ID_MAX + 1] = "";
	struct sts_policy policy;
	struct arena arena;

	arena_init(&arena);
	if (sts_parse_record(text, id) && (id[0] == '\0' || strlen(id) > STS_ID_MAX))
		abort();
	if (sts_parse_policy(text, &arena, &policy, NULL) == 0 &&
	    (policy.max_age < 0 || policy.max_age > STS_AGE_MAX || policy.mx_count > STS_MX_MAX))
		abort();
	arena_free(&arena);
	return 0;
}
