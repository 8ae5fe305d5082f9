#include "dnsd/records.h"

#include "common/base/io.h"

#include <arpa/inet.h>
#include <stdlib.h>

static int compare_mx(const void *left, const void *right)
{
	const struct record_mx *a = left, *b = right;

	if (a->preference != b->preference)
		return a->preference < b->preference ? -1 : 1;
	return a->lot < b->lot ? -1 : a->lot > b->lot;
}

static bool is_listed(const struct record_mx *hosts, size_t count, struct str name)
{
	for (size_t i = 0; i < count; i++)
		if (str_equal(hosts[i].name, name))
			return true;
	return false;
}

size_t records_mx(const struct str *rdata, size_t count, struct arena *arena, struct record_mx *hosts, size_t max,
                  bool *null_mx)
{
	struct record_mx *all = arena_get(arena, (count + 1) * sizeof *all);
	size_t valid = 0, used = 0;
	bool root = false;

	for (size_t i = 0; i < count; i++) {
		struct record_mx *mx = &all[valid];

		if (rdata[i].len < 3 || dns_host_name(rdata[i], 2, arena, &mx->name, NULL) != 0)
			continue;
		mx->preference = (unsigned)(unsigned char)rdata[i].data[0] << 8 | (unsigned char)rdata[i].data[1];
		io_random(&mx->lot, sizeof mx->lot);
		root = root || mx->name.len == 0;
		valid += mx->name.len != 0;
	}
	/* RFC 7505 section 3: beside other exchangers "." is a mistake, alone it is a refusal. */
	*null_mx = root && count == 1;
	qsort(all, valid, sizeof *all, compare_mx);
	for (size_t i = 0; i < valid && used < max; i++)
		if (!is_listed(hosts, used, all[i].name))
			hosts[used++] = all[i];
	return used;
}

static bool is_reachable_v4(const unsigned char *address)
{
	/* 0.0.0.0/8 (RFC 1122 3.2.1.3), 224.0.0.0/4 and the reserved 240.0.0.0/4 with the broadcast address */
	return address[0] != 0 && address[0] < 224;
}

static bool is_reachable_v6(const unsigned char *address)
{
	static const unsigned char unspecified[16];
	static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (memcmp(address, mapped, sizeof mapped) == 0)
		return is_reachable_v4(address + 12);
	return memcmp(address, unspecified, sizeof unspecified) != 0 && address[0] != 0xff;
}

/* The next usable address from *at on; false where there is none. */
static bool next_address(const struct str *rdata, size_t count, int family, size_t *at, struct arena *arena,
                         struct str *address_out)
{
	size_t size = family == AF_INET6 ? 16 : 4;
	char text[INET6_ADDRSTRLEN];

	while (*at < count) {
		const struct str *data = &rdata[(*at)++];
		const unsigned char *bytes = (const unsigned char *)data->data;

		if (data->len != size || !(family == AF_INET6 ? is_reachable_v6(bytes) : is_reachable_v4(bytes)))
			continue;
		inet_ntop(family, bytes, text, sizeof text);
		*address_out = arena_copy(arena, str_of(text));
		return true;
	}
	return false;
}

size_t records_addresses(const struct str *v6, size_t v6_count, const struct str *v4, size_t v4_count,
                         struct arena *arena, struct str *addresses, size_t max)
{
	size_t at6 = 0, at4 = 0, count = 0;
	bool more = true;

	while (more && count < max) {
		more = next_address(v6, v6_count, AF_INET6, &at6, arena, &addresses[count]);
		count += more;
		if (count < max && next_address(v4, v4_count, AF_INET, &at4, arena, &addresses[count])) {
			count++;
			more = true;
		}
	}
	return count;
}
