/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/tun_link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MESSAGE_BYTES 1024
#define BACKLOG	      64 /* packets to us: only probes are wanted */
#define LOOSE	      2 /* rp_filter; stronger than 1, which may stand in conf.all */

/*
 * The kernel takes IPv4 packets from a device only if that has an address. 192.0.0.8 is the one for
 * those that need none (RFC 7600); probes go into the ranges for benchmarks (RFC 2544, RFC 5180).
 */
#define DUMMY_ADDRESS	 0xc0000008
#define BENCHMARK_RANGE	 0xc6120000
#define BENCHMARK_RANGE6 0x20010002

struct link {
	struct mnl_socket *nl;
	int index;
	uint32_t seq;
	char buf[MESSAGE_BYTES] __attribute__((aligned(8)));
};

struct ip_addr tun_link_probe_address(int family, uint16_t id)
{
	if (family == 4)
		return ip_addr_v4(htonl(BENCHMARK_RANGE + id));
	return (struct ip_addr){.w = {htonl(BENCHMARK_RANGE6), 0, 0, htonl(id)}};
}

/* begin() - a request of @type in the buffer. Return: room for its fixed part of @len bytes. */
static void *begin(struct link *l, struct nlmsghdr **nlh, int type, int flags, size_t len)
{
	*nlh = mnl_nlmsg_put_header(l->buf);
	(*nlh)->nlmsg_type = (uint16_t)type;
	(*nlh)->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
	(*nlh)->nlmsg_seq = ++l->seq;
	return mnl_nlmsg_put_extra_header(*nlh, len);
}

/* ask() - send the request and read the answer. Return: 0 or a negative errno. */
static int ask(struct link *l, const struct nlmsghdr *nlh)
{
	char answer[MESSAGE_BYTES] __attribute__((aligned(8)));
	ssize_t n;

	if (mnl_socket_sendto(l->nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	n = mnl_socket_recvfrom(l->nl, answer, sizeof(answer));
	if (n < 0)
		return -errno;
	if (mnl_cb_run(answer, (size_t)n, l->seq, mnl_socket_get_portid(l->nl), NULL, NULL) < 0)
		return -errno;
	return 0;
}

static struct ifinfomsg *begin_link(struct link *l, struct nlmsghdr **nlh)
{
	struct ifinfomsg *ifi = begin(l, nlh, RTM_SETLINK, 0, sizeof(*ifi));

	ifi->ifi_family = AF_UNSPEC;
	ifi->ifi_index = l->index;
	return ifi;
}

/* permit_ipv4() - any source; forwarding, whatever the rest of the host does. */
static int permit_ipv4(struct link *l)
{
	static const struct {
		uint16_t what;
		uint32_t value;
	} conf[] = {
		{IPV4_DEVCONF_RP_FILTER, LOOSE}, {IPV4_DEVCONF_ACCEPT_LOCAL, 1},
		{IPV4_DEVCONF_FORWARDING, 1},	 {IPV4_DEVCONF_SEND_REDIRECTS, 0},
		{IPV4_DEVCONF_LOG_MARTIANS, 0},
	};
	struct nlattr *spec, *family, *values;
	struct nlmsghdr *nlh;

	begin_link(l, &nlh);
	mnl_attr_put_u32(nlh, IFLA_TXQLEN, BACKLOG);
	spec = mnl_attr_nest_start(nlh, IFLA_AF_SPEC);
	family = mnl_attr_nest_start(nlh, AF_INET);
	values = mnl_attr_nest_start(nlh, IFLA_INET_CONF);
	for (size_t i = 0; i < sizeof(conf) / sizeof(conf[0]); i++)
		mnl_attr_put_u32(nlh, conf[i].what, conf[i].value);
	mnl_attr_nest_end(nlh, values);
	mnl_attr_nest_end(nlh, family);
	mnl_attr_nest_end(nlh, spec);
	return ask(l, nlh);
}

/*
 * permit_ipv6() - no address of its own; forwarding on a host that is no router, which takes Linux
 * 6.17 and a writable /proc/sys. What cannot be had, probes find out.
 */
static void permit_ipv6(struct link *l, const char *name)
{
	struct nlattr *spec, *family;
	struct nlmsghdr *nlh;
	char path[96];
	int fd;

	begin_link(l, &nlh);
	spec = mnl_attr_nest_start(nlh, IFLA_AF_SPEC);
	family = mnl_attr_nest_start(nlh, AF_INET6);
	mnl_attr_put_u8(nlh, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	mnl_attr_nest_end(nlh, family);
	mnl_attr_nest_end(nlh, spec);
	ask(l, nlh);
	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/force_forwarding", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (write(fd, "1", 1) < 0)
		errno = 0;
	close(fd);
}

static int set_up(struct link *l)
{
	struct nlmsghdr *nlh;
	struct ifinfomsg *ifi = begin_link(l, &nlh);

	ifi->ifi_flags = IFF_UP;
	ifi->ifi_change = IFF_UP | IFF_MULTICAST;
	return ask(l, nlh);
}

/* add_address() - and with it the route for probes. */
static int add_address(struct link *l, uint16_t id)
{
	struct ip_addr probe = tun_link_probe_address(4, id);
	struct nlmsghdr *nlh;
	struct ifaddrmsg *ifa = begin(l, &nlh, RTM_NEWADDR, NLM_F_CREATE, sizeof(*ifa));
	int rc;

	*ifa = (struct ifaddrmsg){.ifa_family = AF_INET,
				  .ifa_prefixlen = 32,
				  .ifa_scope = RT_SCOPE_HOST,
				  .ifa_index = (uint32_t)l->index};
	mnl_attr_put_u32(nlh, IFA_LOCAL, htonl(DUMMY_ADDRESS));
	mnl_attr_put_u32(nlh, IFA_ADDRESS, probe.w[3]);
	rc = ask(l, nlh);
	return rc == -EEXIST ? 0 : rc;
}

/* add_route6() - IPv6 packets need no address of the device, only the probes a route. */
static void add_route6(struct link *l, uint16_t id)
{
	struct ip_addr probe = tun_link_probe_address(6, id);
	struct nlmsghdr *nlh;
	struct rtmsg *r = begin(l, &nlh, RTM_NEWROUTE, NLM_F_CREATE, sizeof(*r));

	*r = (struct rtmsg){.rtm_family = AF_INET6,
			    .rtm_dst_len = 128,
			    .rtm_table = RT_TABLE_MAIN,
			    .rtm_protocol = RTPROT_STATIC,
			    .rtm_scope = RT_SCOPE_UNIVERSE,
			    .rtm_type = RTN_UNICAST};
	mnl_attr_put(nlh, RTA_DST, sizeof(probe), &probe);
	mnl_attr_put_u32(nlh, RTA_OIF, (uint32_t)l->index);
	ask(l, nlh);
}

static int configure(struct link *l, const char *name, uint16_t id, const char **failed)
{
	int rc = permit_ipv4(l);

	*failed = "cannot be configured";
	if (rc < 0)
		return rc;
	permit_ipv6(l, name);
	*failed = "cannot be set up";
	rc = set_up(l);
	if (rc < 0)
		return rc;
	*failed = "gets no address";
	rc = add_address(l, id);
	if (rc == 0)
		add_route6(l, id);
	return rc;
}

int tun_link_up(const char *name, uint16_t id, const char **failed)
{
	struct link l = {.index = (int)if_nametoindex(name)};
	int rc;

	*failed = "cannot be found";
	if (l.index == 0)
		return -errno;
	l.nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!l.nl)
		return -errno;
	if (mnl_socket_bind(l.nl, 0, MNL_SOCKET_AUTOPID) < 0)
		rc = -errno;
	else
		rc = configure(&l, name, id, failed);
	mnl_socket_close(l.nl);
	return rc;
}
