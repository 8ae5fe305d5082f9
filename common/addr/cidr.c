#include "common/addr/cidr.h"

#include <arpa/inet.h>
#include <netinet/in.h>

enum { IPV4_BITS = 32, IPV6_BITS = 128, MAPPED_BITS = 96 };

/* The value of a message, short enough for a line. */
#define SHOWN(value) STR_ARG(str_sub(value, 0, 80))

static const unsigned char mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static unsigned bits_of(const struct cidr *cidr)
{
	return cidr->is_ipv6 ? IPV6_BITS : IPV4_BITS;
}

/* True where some of them were set. */
static bool clear_host_bits(struct cidr *cidr)
{
	bool cleared = false;

	for (unsigned bit = cidr->prefix; bit < bits_of(cidr); bit++) {
		unsigned char mask = (unsigned char)(0x80U >> (bit % 8));

		cleared |= (cidr->address[bit / 8] & mask) != 0;
		cidr->address[bit / 8] &= (unsigned char)~mask;
	}
	return cleared;
}

static void unmap(struct cidr *cidr)
{
	if (!cidr->is_ipv6 || cidr->prefix < MAPPED_BITS || memcmp(cidr->address, mapped_prefix, sizeof mapped_prefix) != 0)
		return;
	memmove(cidr->address, cidr->address + sizeof mapped_prefix, 4);
	memset(cidr->address + 4, 0, sizeof cidr->address - 4);
	cidr->is_ipv6 = false;
	cidr->prefix -= MAPPED_BITS;
}

static bool parse_address(struct str text, struct cidr *cidr)
{
	char terminated[INET6_ADDRSTRLEN];
	ptrdiff_t zone = str_find_char(text, '%');

	if (zone >= 0)
		text.len = (size_t)zone;
	if (!str_copy(text, terminated, sizeof terminated))
		return false;
	if (inet_pton(AF_INET, terminated, cidr->address) == 1)
		return true;
	cidr->is_ipv6 = true;
	return inet_pton(AF_INET6, terminated, cidr->address) == 1;
}

/* A dotted mask is ones and then zeros. False where it is not. */
static bool parse_mask(struct str text, unsigned *prefix_out)
{
	char terminated[INET_ADDRSTRLEN];
	struct in_addr octets;
	uint32_t zeros;

	if (!str_copy(text, terminated, sizeof terminated) || inet_pton(AF_INET, terminated, &octets) != 1)
		return false;
	zeros = ~ntohl(octets.s_addr);
	*prefix_out = IPV4_BITS - (unsigned)__builtin_popcount(zeros);
	return (zeros & (zeros + 1)) == 0;
}

static int parse_prefix(struct str text, struct cidr *cidr, struct err *err)
{
	uint64_t prefix;

	if (!cidr->is_ipv6 && str_find_char(text, '.') >= 0) {
		if (!parse_mask(text, &cidr->prefix))
			return err_set(err, ERR_SYNTAX, "the mask \"%.*s\" must be ones and then zeros, as in 255.255.255.0",
			               SHOWN(text));
		return 0;
	}
	if (!str_to_u64(text, bits_of(cidr), &prefix))
		return err_set(err, ERR_SYNTAX, "the prefix \"%.*s\" must be a number from 0 to %u", SHOWN(text),
		               bits_of(cidr));
	cidr->prefix = (unsigned)prefix;
	return 0;
}

int cidr_parse(struct str text, struct cidr *cidr_out, bool *host_bits, struct err *err)
{
	struct cidr cidr = {0};
	ptrdiff_t slash = str_find_char(text, '/');
	struct str address = slash >= 0 ? str_sub(text, 0, (size_t)slash) : text;
	bool cleared;

	if (!parse_address(address, &cidr))
		return err_set(err, ERR_SYNTAX, "the address \"%.*s\" is neither IPv4 nor IPv6", SHOWN(address));
	cidr.prefix = bits_of(&cidr);
	if (slash >= 0 && parse_prefix(str_skip(text, (size_t)slash + 1), &cidr, err) != 0)
		return -1;
	unmap(&cidr);
	cleared = clear_host_bits(&cidr);
	if (host_bits != NULL)
		*host_bits = cleared;
	*cidr_out = cidr;
	return 0;
}

bool cidr_is_address(struct str text, bool is_ipv6)
{
	struct cidr cidr = {0};

	return str_find_char(text, '%') < 0 && parse_address(text, &cidr) && cidr.is_ipv6 == is_ipv6;
}

struct cidr cidr_from_octets(const unsigned char *octets, bool is_ipv6, unsigned prefix)
{
	struct cidr cidr = {.is_ipv6 = is_ipv6};

	memcpy(cidr.address, octets, is_ipv6 ? 16 : 4);
	cidr.prefix = prefix < bits_of(&cidr) ? prefix : bits_of(&cidr);
	unmap(&cidr);
	clear_host_bits(&cidr);
	return cidr;
}

bool cidr_from_sockaddr(const struct sockaddr_storage *address, struct cidr *cidr_out)
{
	if (address->ss_family == AF_INET) {
		const struct sockaddr_in *inet = (const struct sockaddr_in *)address;

		*cidr_out = cidr_from_octets((const unsigned char *)&inet->sin_addr, false, IPV4_BITS);
	} else if (address->ss_family == AF_INET6) {
		*cidr_out = cidr_from_octets(((const struct sockaddr_in6 *)address)->sin6_addr.s6_addr, true, IPV6_BITS);
	} else {
		return false;
	}
	return true;
}

bool cidr_holds(const struct cidr *range, const struct cidr *inner)
{
	unsigned whole = range->prefix / 8, rest = range->prefix % 8;

	if (range->is_ipv6 != inner->is_ipv6 || inner->prefix < range->prefix)
		return false;
	if (memcmp(range->address, inner->address, whole) != 0)
		return false;
	return rest == 0 || ((range->address[whole] ^ inner->address[whole]) >> (8 - rest)) == 0;
}

bool cidr_equal(const struct cidr *a, const struct cidr *b)
{
	return a->prefix == b->prefix && cidr_holds(a, b);
}

bool cidr_is_host(const struct cidr *cidr)
{
	return cidr->prefix == bits_of(cidr);
}

void cidr_format(const struct cidr *cidr, struct buf *text)
{
	char address[INET6_ADDRSTRLEN];

	inet_ntop(cidr->is_ipv6 ? AF_INET6 : AF_INET, cidr->address, address, sizeof address);
	buf_add_str(text, str_of(address));
	if (!cidr_is_host(cidr))
		buf_printf(text, "/%u", cidr->prefix);
}
