/* DNS answers as libunbound hands them over, and what is made of their records. */
// parts: dnsd/message.c dnsd/records.c
#include "dnsd/message.h"
#include "dnsd/records.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(struct str name)
{
	if (name.len > DNS_NAME_MAX)
		abort();
	for (size_t i = 0; i < name.len; i++)
		if (strchr("abcdefghijklmnopqrstuvwxyz0123456789-_.", name.data[i]) == NULL)
			abort();
}

static void check(const struct dns_answer *answer, unsigned type, struct arena *arena)
{
	struct record_mx hosts[100];
	struct str addresses[64];
	bool null_mx;

	if (type == DNS_MX) {
		size_t count = records_mx(answer->rdata, answer->count, arena, hosts, 100, &null_mx);

		for (size_t i = 0; i < count; i++)
			check_name(hosts[i].name);
	}
	if (records_addresses(answer->rdata, answer->count, answer->rdata, answer->count, arena, addresses, 64) > 64)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned types[] = {DNS_A, DNS_NS, DNS_CNAME, DNS_SOA, DNS_PTR, DNS_MX, DNS_AAAA, DNS_DNSKEY};
	struct str packet = str_from((const char *)data, size);
	struct dns_answer answer;
	struct arena arena;
	struct err err;

	arena_init(&arena);
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		if (dns_answer_parse(packet, types[i], &arena, &answer, &err) == 0)
			check(&answer, types[i], &arena);
		arena_reset(&arena);
	}
	arena_free(&arena);
	return 0;
}
