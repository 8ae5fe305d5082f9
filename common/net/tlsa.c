#include "common/net/tlsa.h"

enum { SHA256 = 1, SHA512 = 2, SHA256_LEN = 32, SHA512_LEN = 64, HEADER_LEN = 3 };

bool tlsa_read(struct str rdata, struct tlsa_set *set)
{
	struct tlsa *record = &set->records[set->count];

	if (set->count == TLSA_RECORDS_MAX || rdata.len <= HEADER_LEN)
		return false;
	*record = (struct tlsa){.usage = (unsigned char)rdata.data[0],
	                        .selector = (unsigned char)rdata.data[1],
	                        .matching = (unsigned char)rdata.data[2],
	                        .data = str_skip(rdata, HEADER_LEN)};
	if ((record->usage != TLSA_DANE_TA && record->usage != TLSA_DANE_EE) || record->selector > 1 ||
	    record->matching > SHA512 || (record->matching == SHA256 && record->data.len != SHA256_LEN) ||
	    (record->matching == SHA512 && record->data.len != SHA512_LEN))
		return false;
	set->count++;
	return true;
}

struct str tlsa_name(struct str host, unsigned port, struct arena *arena)
{
	return arena_printf(arena, "_%u._tcp.%.*s", port, STR_ARG(host));
}
