/* TLSA records of strangers, two octets of length before each. */
#include "common/net/tlsa.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = str_from((const char *)data, size);
	struct tlsa_set set = {0};

	while (rest.len >= 2) {
		size_t len = (size_t)(unsigned char)rest.data[0] << 8 | (unsigned char)rest.data[1];
		struct str rdata = str_sub(rest, 2, len);

		tlsa_read(rdata, &set);
		rest = str_skip(rest, 2 + rdata.len);
	}
	for (size_t i = 0; i < set.count; i++)
		if (set.records[i].data.len == 0 || set.records[i].usage < TLSA_DANE_TA || set.records[i].usage > TLSA_DANE_EE)
			abort();
	return 0;
}
