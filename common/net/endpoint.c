#include "common/net/endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

enum { BACKLOG = 4096, HOST_MAX = INET6_ADDRSTRLEN + 20 };

static int add(struct str host, int family, unsigned port, bool is_wanted, struct endpoint *endpoints, size_t *count,
               struct err *err)
{
	struct addrinfo wanted = {
	    .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_family = family, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;
	char text[HOST_MAX], number[16];

	if (host.len > 1 && host.data[0] == '[' && host.data[host.len - 1] == ']')
		host = str_sub(host, 1, host.len - 2);
	snprintf(number, sizeof number, "%u", port);
	if (!str_copy(host, text, sizeof text) || getaddrinfo(text, number, &wanted, &found) != 0) {
		if (family != AF_UNSPEC) /* of the other family */
			return 0;
		return err_set(err, ERR_SYNTAX,
		               "\"%.*s\" is no address; write any, any4, any6, or one as 192.0.2.1 or 2001:db8::1",
		               STR_ARG(str_sub(host, 0, HOST_MAX)));
	}
	if (*count < ENDPOINTS_MAX) {
		struct endpoint *endpoint = &endpoints[(*count)++];

		*endpoint = (struct endpoint){.len = found->ai_addrlen, .is_wanted = is_wanted};
		memcpy(&endpoint->address, found->ai_addr, found->ai_addrlen);
	}
	freeaddrinfo(found);
	return 0;
}

int endpoints_of(const struct instance *instance, const char *address, unsigned port, struct endpoint *endpoints,
                 size_t *count_out, struct err *err)
{
	static const struct {
		const char *word;
		int family;
	} words[] = {{"any", AF_UNSPEC}, {"any4", AF_INET}, {"any6", AF_INET6}};
	struct str hosts = str_of(instance->bind);
	int family = -1;

	*count_out = 0;
	port += instance->port_offset;
	if (port == 0 || port > UINT16_MAX)
		return err_set(err, ERR_SYNTAX, "%u is no port: with the port offset of this instance it must be from 1 to %d",
		               port - instance->port_offset, UINT16_MAX);
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcmp(address, words[i].word) == 0)
			family = words[i].family;
	if (family < 0)
		return add(str_of(address), AF_UNSPEC, port, true, endpoints, count_out, err);
	if (hosts.len == 0) {
		if (family != AF_INET6)
			add(STR("0.0.0.0"), AF_INET, port, family == AF_INET, endpoints, count_out, err);
		if (family != AF_INET)
			add(STR("::"), AF_INET6, port, family == AF_INET6, endpoints, count_out, err);
		return 0;
	}
	while (hosts.data != NULL)
		if (add(str_trim(str_cut(&hosts, ',')), family, port, true, endpoints, count_out, err) != 0)
			return err_prefix(err, "bind in postroom.conf");
	return 0;
}

static const struct sockaddr_in *as_v4(const struct endpoint *endpoint)
{
	return (const struct sockaddr_in *)&endpoint->address;
}

static const struct sockaddr_in6 *as_v6(const struct endpoint *endpoint)
{
	return (const struct sockaddr_in6 *)&endpoint->address;
}

static bool same_address(const struct endpoint *a, const struct endpoint *b)
{
	if (a->address.ss_family == AF_INET)
		return as_v4(a)->sin_addr.s_addr == as_v4(b)->sin_addr.s_addr;
	return IN6_ARE_ADDR_EQUAL(&as_v6(a)->sin6_addr, &as_v6(b)->sin6_addr) &&
	       as_v6(a)->sin6_scope_id == as_v6(b)->sin6_scope_id;
}

/* The family and the port, which has one place in both kinds of address. */
static bool same_port(const struct endpoint *a, const struct endpoint *b)
{
	return a->address.ss_family == b->address.ss_family && as_v4(a)->sin_port == as_v4(b)->sin_port;
}

static bool is_all(const struct endpoint *endpoint)
{
	return endpoint->address.ss_family == AF_INET ? as_v4(endpoint)->sin_addr.s_addr == htonl(INADDR_ANY)
	                                              : IN6_IS_ADDR_UNSPECIFIED(&as_v6(endpoint)->sin6_addr);
}

bool endpoint_meets(const struct endpoint *a, const struct endpoint *b)
{
	return same_port(a, b) && (is_all(a) || is_all(b) || same_address(a, b));
}

bool endpoint_equals(const struct endpoint *a, const struct endpoint *b)
{
	return same_port(a, b) && same_address(a, b);
}

bool endpoint_of_socket(int fd, struct endpoint *endpoint_out)
{
	*endpoint_out = (struct endpoint){.len = sizeof endpoint_out->address, .is_wanted = true};
	return getsockname(fd, (struct sockaddr *)&endpoint_out->address, &endpoint_out->len) == 0 &&
	       (endpoint_out->address.ss_family == AF_INET || endpoint_out->address.ss_family == AF_INET6);
}

static void host_text(const struct endpoint *endpoint, char out[HOST_MAX])
{
	out[0] = '\0';
	getnameinfo((const struct sockaddr *)&endpoint->address, endpoint->len, out, HOST_MAX, NULL, 0, NI_NUMERICHOST);
}

const char *endpoint_text(const struct endpoint *endpoint, char out[ENDPOINT_TEXT])
{
	bool is_v6 = endpoint->address.ss_family == AF_INET6;
	char host[HOST_MAX];

	host_text(endpoint, host);
	snprintf(out, ENDPOINT_TEXT, "%s%s%s port %u", is_v6 ? "[" : "", host, is_v6 ? "]" : "",
	         ntohs(as_v4(endpoint)->sin_port));
	return out;
}

const char *endpoint_word(const struct endpoint *endpoint, char out[ENDPOINT_TEXT])
{
	char host[HOST_MAX];

	host_text(endpoint, host);
	for (char *c = host; *c != '\0'; c++)
		if (*c == ':' || *c == '%')
			*c = '_';
	snprintf(out, ENDPOINT_TEXT, "%u-%s", ntohs(as_v4(endpoint)->sin_port), host);
	return out;
}

int endpoint_bind(const struct endpoint *endpoint, struct err *err)
{
	int fd = socket(endpoint->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const int on = 1;
	char text[ENDPOINT_TEXT];

	if (fd < 0)
		return err_system(err, "cannot make a socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (endpoint->address.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
	if (bind(fd, (const struct sockaddr *)&endpoint->address, endpoint->len) != 0) {
		err_system(err, "cannot listen on %s", endpoint_text(endpoint, text));
		close(fd);
		return -1;
	}
	return fd;
}

int endpoint_listen(const struct endpoint *endpoint, struct err *err)
{
	int fd = endpoint_bind(endpoint, err);
	char text[ENDPOINT_TEXT];

	if (fd < 0 || listen(fd, BACKLOG) == 0)
		return fd;
	err_system(err, "cannot listen on %s", endpoint_text(endpoint, text));
	close(fd);
	return -1;
}
