#include "common/policy/networks.h"

#include "common/base/log.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	ANSWER_MAX = 65536, /* octets of one datagram; the kernel sends 32 kB at most */
	PATIENCE_MS = 2000, /* for the kernel */
	NOTICES_AT_ONCE = 64,
};

static const unsigned char loopback4[4] = {127}, loopback6[16] = {[15] = 1}, link_local[16] = {0xfe, 0x80};

/* A list being made. */
struct found {
	struct arena *arena;
	struct cidr *list;
	size_t count;
	bool cut;
};

/* What one question to the kernel gives to each of its answers. */
struct dump {
	int type; /* RTM_GETADDR, RTM_GETROUTE */
	struct found *found;
	void (*take)(const struct nlmsghdr *message, struct found *found);
};

static void add(struct found *found, struct cidr cidr)
{
	for (size_t i = 0; i < found->count; i++)
		if (cidr_equal(&found->list[i], &cidr))
			return;
	if (found->count < NETWORKS_MAX)
		found->list[found->count++] = cidr;
	else
		found->cut = true;
}

/* An attribute that holds an address of that family, or NULL. */
static const unsigned char *address_of(const struct rtattr *attribute, unsigned char family)
{
	return RTA_PAYLOAD(attribute) == (family == AF_INET6 ? 16 : 4) ? RTA_DATA(attribute) : NULL;
}

/* RTM_NEWADDR: the network of one address of an interface. On a line between two, the own address stands apart. */
static void take_address(const struct nlmsghdr *message, struct found *found)
{
	const struct ifaddrmsg *about = NLMSG_DATA(message);
	int left = (int)IFA_PAYLOAD(message);

	if (message->nlmsg_len < NLMSG_LENGTH(sizeof *about) ||
	    (about->ifa_family != AF_INET && about->ifa_family != AF_INET6))
		return;
	for (const struct rtattr *attribute = IFA_RTA(about); RTA_OK(attribute, left);
	     attribute = RTA_NEXT(attribute, left)) {
		const unsigned char *address = address_of(attribute, about->ifa_family);

		if ((attribute->rta_type == IFA_ADDRESS || attribute->rta_type == IFA_LOCAL) && address != NULL)
			add(found, cidr_from_octets(address, about->ifa_family == AF_INET6, about->ifa_prefixlen));
	}
}

static void take_gateways(const struct rtattr *attribute, int left, unsigned char family, struct found *found);

/* The gateways of a route with several ways. */
static void take_ways(const struct rtattr *attribute, unsigned char family, struct found *found)
{
	const struct rtnexthop *way = RTA_DATA(attribute);
	int left = (int)RTA_PAYLOAD(attribute);

	while (left >= (int)sizeof *way && RTNH_OK(way, left)) {
		take_gateways(RTNH_DATA(way), (int)way->rtnh_len - (int)RTNH_LENGTH(0), family, found);
		left -= (int)RTNH_ALIGN(way->rtnh_len);
		way = RTNH_NEXT(way);
	}
}

static void take_gateways(const struct rtattr *attribute, int left, unsigned char family, struct found *found)
{
	for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
		const struct rtvia *via = RTA_DATA(attribute);

		if (attribute->rta_type == RTA_GATEWAY && address_of(attribute, family) != NULL)
			add(found, cidr_from_octets(RTA_DATA(attribute), family == AF_INET6, 128));
		else if (attribute->rta_type == RTA_VIA && RTA_PAYLOAD(attribute) == sizeof *via + 16 &&
		         via->rtvia_family == AF_INET6) /* IPv4 by way of an IPv6 neighbour (RFC 5549) */
			add(found, cidr_from_octets(via->rtvia_addr, true, 128));
		else if (attribute->rta_type == RTA_MULTIPATH)
			take_ways(attribute, family, found);
	}
}

/* RTM_NEWROUTE: the gateway of a default route. */
static void take_route(const struct nlmsghdr *message, struct found *found)
{
	const struct rtmsg *about = NLMSG_DATA(message);

	if (message->nlmsg_len >= NLMSG_LENGTH(sizeof *about) && about->rtm_dst_len == 0 &&
	    about->rtm_type == RTN_UNICAST && (about->rtm_family == AF_INET || about->rtm_family == AF_INET6))
		take_gateways(RTM_RTA(about), (int)RTM_PAYLOAD(message), about->rtm_family, found);
}

/* Read one datagram of an answer: 1 = there is more, 0 = that was all, -1 = error. */
static int read_answer(int fd, const struct dump *dump, struct err *err)
{
	static char datagram[ANSWER_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	struct sockaddr_nl from = {0};
	socklen_t from_size = sizeof from;
	ssize_t size;

	if (poll(&wait, 1, PATIENCE_MS) <= 0)
		return err_set(err, ERR_TIMEOUT, "the kernel does not say what networks there are");
	size = recvfrom(fd, datagram, sizeof datagram, 0, (struct sockaddr *)&from, &from_size);
	if (size < 0)
		return err_system(err, "cannot ask the kernel for networks");
	if (from.nl_pid != 0) /* not the kernel's */
		return 1;
	for (const struct nlmsghdr *message = (const struct nlmsghdr *)datagram; NLMSG_OK(message, (size_t)size);
	     message = NLMSG_NEXT(message, size)) {
		if (message->nlmsg_type == NLMSG_DONE)
			return 0;
		if (message->nlmsg_type == NLMSG_ERROR)
			return err_set(err, ERR_SYSTEM, "the kernel does not tell what networks there are");
		dump->take(message, dump->found);
	}
	return 1;
}

static int ask(const struct dump *dump, struct err *err)
{
	struct {
		struct nlmsghdr header;
		struct rtgenmsg family;
	} question = {
	    .header = {.nlmsg_len = sizeof question,
	               .nlmsg_type = (unsigned short)dump->type,
	               .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
	    .family = {.rtgen_family = AF_UNSPEC},
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), result;

	if (fd < 0)
		return err_system(err, "cannot ask the kernel for networks");
	result = send(fd, &question, sizeof question, 0) == sizeof question
	             ? 1
	             : err_system(err, "cannot ask the kernel for networks");
	while (result == 1)
		result = read_answer(fd, dump, err);
	close(fd);
	return result;
}

static int load(struct networks *networks, struct err *err)
{
	struct arena arena;
	struct found local = {0}, routers = {0};
	const struct dump dumps[] = {{RTM_GETADDR, &local, take_address}, {RTM_GETROUTE, &routers, take_route}};

	arena_init(&arena);
	local.list = arena_get(&arena, NETWORKS_MAX * sizeof *local.list);
	routers.list = arena_get(&arena, NETWORKS_MAX * sizeof *routers.list);
	add(&local, cidr_from_octets(loopback4, false, 8));
	add(&local, cidr_from_octets(loopback6, true, 128));
	add(&local, cidr_from_octets(link_local, true, 64));
	for (size_t i = 0; i < sizeof dumps / sizeof dumps[0]; i++)
		if (ask(&dumps[i], err) != 0) {
			arena_free(&arena);
			return -1;
		}
	if (local.cut || routers.cut)
		log_warning("this machine has more than %d networks or routers; the rest counts as foreign", NETWORKS_MAX);
	arena_free(&networks->arena);
	networks->arena = arena;
	networks->local = local.list;
	networks->local_count = local.count;
	networks->routers = routers.list;
	networks->router_count = routers.count;
	networks->stale = false;
	return 0;
}

/* Take the notices that wait: what they say is asked for anew. True where there was one, or one was lost. */
static bool read_notices(int fd)
{
	char start[16];
	bool any = false;

	for (int i = 0; i < NOTICES_AT_ONCE; i++) {
		if (recv(fd, start, sizeof start, MSG_DONTWAIT | MSG_TRUNC) < 0 && errno != ENOBUFS)
			break;
		any = true;
	}
	return any;
}

int networks_open(struct networks *networks, struct err *err)
{
	struct sockaddr_nl address = {
	    .nl_family = AF_NETLINK,
	    .nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE,
	};

	*networks = (struct networks){.notices = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)};
	arena_init(&networks->arena);
	if (networks->notices < 0 || bind(networks->notices, (struct sockaddr *)&address, sizeof address) != 0)
		err_system(err, "cannot hear from the kernel of networks");
	else if (load(networks, err) == 0)
		return 0;
	networks_close(networks);
	return -1;
}

void networks_close(struct networks *networks)
{
	if (networks->notices >= 0)
		close(networks->notices);
	networks->notices = -1;
	arena_free(&networks->arena);
	networks->local_count = networks->router_count = 0;
}

void networks_refresh(struct networks *networks)
{
	struct err err;

	if (read_notices(networks->notices))
		networks->stale = true;
	if (networks->stale && load(networks, &err) != 0)
		log_warning("routers and local networks stay as they were: %s", err.text);
}

static bool is_in(const struct cidr *list, size_t count, const struct cidr *address)
{
	for (size_t i = 0; i < count; i++)
		if (cidr_holds(&list[i], address))
			return true;
	return false;
}

bool networks_is_router(const struct networks *networks, const struct cidr *address)
{
	return is_in(networks->routers, networks->router_count, address);
}

bool networks_is_local(const struct networks *networks, const struct cidr *address)
{
	return is_in(networks->local, networks->local_count, address);
}
