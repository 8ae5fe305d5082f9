#include "common/settings/networks.h"

#include "common/settings/settings.h"

#include <arpa/inet.h>

static const unsigned char mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool is_separator(char c)
{
	return c == ',' || c == ' ' || c == '\t';
}

struct str networks_cut(struct str *rest)
{
	struct str item;

	while (rest->len > 0 && is_separator(rest->data[0]))
		*rest = str_skip(*rest, 1);
	item = str_sub(*rest, 0, 0);
	while (item.len < rest->len && !is_separator(rest->data[item.len]))
		item.len++;
	*rest = str_skip(*rest, item.len);
	return item;
}

static void clear_host_bits(struct network *network)
{
	for (unsigned bit = network->length; bit < 128; bit++)
		network->address[bit / 8] &= (unsigned char)~(0x80U >> (bit % 8));
}

bool network_parse(struct str text, struct network *network_out)
{
	struct network network = {0};
	ptrdiff_t slash = str_find_char(text, '/');
	struct str address = slash >= 0 ? str_sub(text, 0, (size_t)slash) : text;
	ptrdiff_t zone = str_find_char(address, '%');
	char terminated[INET6_ADDRSTRLEN];
	uint64_t length = 0;

	if (zone >= 0)
		address.len = (size_t)zone;
	if (!str_copy(address, terminated, sizeof terminated))
		return false;
	if (inet_pton(AF_INET, terminated, network.address) != 1) {
		network.is_ipv6 = true;
		if (inet_pton(AF_INET6, terminated, network.address) != 1)
			return false;
	}
	network.length = network.is_ipv6 ? 128 : 32;
	if (slash >= 0) {
		if (!str_to_u64(str_skip(text, (size_t)slash + 1), network.length, &length))
			return false;
		network.length = (unsigned)length;
	}
	if (network.is_ipv6 && network.length >= 96 && memcmp(network.address, mapped_prefix, sizeof mapped_prefix) == 0) {
		memmove(network.address, network.address + 12, 4);
		network.is_ipv6 = false;
		network.length -= 96;
	}
	clear_host_bits(&network);
	*network_out = network;
	return true;
}

bool network_holds(const struct network *network, const struct network *address)
{
	unsigned whole = network->length / 8, rest = network->length % 8;

	if (network->is_ipv6 != address->is_ipv6 || address->length < network->length)
		return false;
	if (memcmp(network->address, address->address, whole) != 0)
		return false;
	return rest == 0 || ((network->address[whole] ^ address->address[whole]) >> (8 - rest)) == 0;
}

void network_format(const struct network *network, struct buf *text)
{
	char address[INET6_ADDRSTRLEN];

	inet_ntop(network->is_ipv6 ? AF_INET6 : AF_INET, network->address, address, sizeof address);
	buf_add_str(text, str_of(address));
	if (network->length != (network->is_ipv6 ? 128 : 32))
		buf_printf(text, "/%u", network->length);
}

bool settings_networks_hold(const char *networks, const char *address)
{
	struct str rest = str_of(networks), item;
	struct network wanted, network;

	if (strchr(address, '/') != NULL || !network_parse(str_of(address), &wanted))
		return false;
	while ((item = networks_cut(&rest)).len != 0)
		if (network_parse(item, &network) && network_holds(&network, &wanted))
			return true;
	return false;
}
