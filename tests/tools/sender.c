/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "sender.h"

/* Where packets to a destination go. */
struct next_hop {
	int ifindex;
	int family;
	unsigned addr_len;
	uint8_t addr[16];
	uint8_t mac[6];
	bool have_mac;
};

uint64_t csum_add(uint64_t sum, const void *data, unsigned len)
{
	const uint8_t *p = data;
	uint16_t word;

	for (; len > 1; len -= 2, p += 2) {
		memcpy(&word, p, 2);
		sum += word;
	}
	if (len) {
		word = 0;
		memcpy(&word, p, 1);
		sum += word;
	}
	return sum;
}

uint16_t csum_done(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static const void *endpoint_address(const struct endpoint *e, unsigned *len)
{
	if (e->sa.ss_family == AF_INET) {
		*len = 4;
		return &((const struct sockaddr_in *)&e->sa)->sin_addr;
	}
	*len = 16;
	return &((const struct sockaddr_in6 *)&e->sa)->sin6_addr;
}

static int on_route(const struct nlmsghdr *nlh, void *arg)
{
	struct next_hop *hop = arg;
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct rtmsg))
	{
		if (mnl_attr_get_type(attr) == RTA_OIF)
			hop->ifindex = (int)mnl_attr_get_u32(attr);
		else if (mnl_attr_get_type(attr) == RTA_GATEWAY)
			memcpy(hop->addr, mnl_attr_get_payload(attr), hop->addr_len);
	}
	return MNL_CB_OK;
}

static int on_neighbour(const struct nlmsghdr *nlh, void *arg)
{
	const struct ndmsg *nd = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr, *lladdr = NULL, *dst = NULL;
	struct next_hop *hop = arg;

	mnl_attr_for_each(attr, nlh, sizeof(*nd))
	{
		if (mnl_attr_get_type(attr) == NDA_DST)
			dst = attr;
		else if (mnl_attr_get_type(attr) == NDA_LLADDR)
			lladdr = attr;
	}
	if (nd->ndm_ifindex != hop->ifindex || !dst || !lladdr ||
	    mnl_attr_get_payload_len(dst) != hop->addr_len ||
	    memcmp(mnl_attr_get_payload(dst), hop->addr, hop->addr_len) != 0)
		return MNL_CB_OK;
	memcpy(hop->mac, mnl_attr_get_payload(lladdr), sizeof(hop->mac));
	hop->have_mac = true;
	return MNL_CB_OK;
}

/* netlink_talk() - send @nlh and give every answer to @cb. Return: 0 or -1 with errno. */
static int netlink_talk(struct nlmsghdr *nlh, mnl_cb_t cb, void *arg)
{
	struct mnl_socket *nl = mnl_socket_open(NETLINK_ROUTE);
	static char buf[32768];
	ssize_t n = -1;
	int ret = MNL_CB_OK;

	if (!nl)
		return -1;
	nlh->nlmsg_seq = 1;
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) == 0 &&
	    mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) >= 0) {
		while (ret > MNL_CB_STOP && (n = mnl_socket_recvfrom(nl, buf, sizeof(buf))) > 0) {
			ret = mnl_cb_run(buf, (size_t)n, 1, mnl_socket_get_portid(nl), cb, arg);
			if (!(nlh->nlmsg_flags & NLM_F_DUMP))
				break;
		}
	}
	mnl_socket_close(nl);
	return n < 0 || ret < 0 ? -1 : 0;
}

static int find_route(struct next_hop *hop, const struct endpoint *dst)
{
	char buf[256];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct rtmsg *rtm;
	const void *addr = endpoint_address(dst, &hop->addr_len);

	memcpy(hop->addr, addr, hop->addr_len);
	hop->family = dst->sa.ss_family;
	nlh->nlmsg_type = RTM_GETROUTE;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	rtm->rtm_family = (unsigned char)hop->family;
	rtm->rtm_dst_len = (unsigned char)(8 * hop->addr_len);
	mnl_attr_put(nlh, RTA_DST, hop->addr_len, addr);
	if (netlink_talk(nlh, on_route, hop) || !hop->ifindex)
		return -1;
	return 0;
}

static void find_neighbour(struct next_hop *hop)
{
	char buf[256];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ndmsg *nd;

	nlh->nlmsg_type = RTM_GETNEIGH;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nd = mnl_nlmsg_put_extra_header(nlh, sizeof(*nd));
	nd->ndm_family = (unsigned char)hop->family;
	netlink_talk(nlh, on_neighbour, hop);
}

/* An empty datagram makes the kernel look for the next hop's MAC address. */
static void provoke_neighbour(const struct endpoint *dst)
{
	struct endpoint discard = *dst;
	int fd = socket(dst->sa.ss_family, SOCK_DGRAM, 0);

	endpoint_set_port(&discard, 9);
	if (fd >= 0) {
		sendto(fd, "", 0, MSG_DONTWAIT, (struct sockaddr *)&discard.sa, discard.len);
		close(fd);
	}
}

static int find_next_hop(struct next_hop *hop, const struct endpoint *dst)
{
	uint64_t deadline = now_us() + 1500000;

	if (find_route(hop, dst))
		return -1;
	for (find_neighbour(hop); !hop->have_mac && now_us() < deadline; find_neighbour(hop)) {
		provoke_neighbour(dst);
		sleep_until_us(now_us() + 20000);
	}
	return hop->have_mac ? 0 : -1;
}

static int open_packet(struct sender *s, bool bypass)
{
	uint16_t proto = htons(s->dst.sa.ss_family == AF_INET ? ETH_P_IP : ETH_P_IPV6);
	struct next_hop hop = {0};
	struct sockaddr_ll ll = {.sll_family = AF_PACKET};
	struct ifreq ifr = {0};
	int one = 1;

	if (find_next_hop(&hop, &s->dst))
		return -1;
	s->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		die("cannot open a packet socket: %s", strerror(errno));
	ll.sll_ifindex = hop.ifindex;
	if (bind(s->fd, (struct sockaddr *)&ll, sizeof(ll)))
		die("cannot bind to interface %d: %s", hop.ifindex, strerror(errno));
	if (bypass && setsockopt(s->fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one)))
		die("PACKET_QDISC_BYPASS: %s", strerror(errno));
	if (!if_indextoname((unsigned)hop.ifindex, ifr.ifr_name) ||
	    ioctl(s->fd, SIOCGIFHWADDR, &ifr))
		die("cannot read the address of interface %d: %s", hop.ifindex, strerror(errno));
	memcpy(s->ethernet, hop.mac, 6);
	memcpy(s->ethernet + 6, ifr.ifr_hwaddr.sa_data, 6);
	memcpy(s->ethernet + 12, &proto, 2);
	s->ethernet_len = sizeof(s->ethernet);
	return 0;
}

static void open_raw(struct sender *s)
{
	int one = 1;

	s->fd = socket(s->dst.sa.ss_family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (s->fd < 0)
		die("cannot open a raw socket: %s", strerror(errno));
	if (s->dst.sa.ss_family == AF_INET6)
		setsockopt(s->fd, IPPROTO_IPV6, IPV6_HDRINCL, &one, sizeof(one));
	endpoint_set_port(&s->dst, 0); /* raw IPv6 refuses another number */
}

void sender_open(struct sender *s, const struct endpoint *dst, enum sender_way way, bool bypass)
{
	int size = 4 << 20;

	memset(s, 0, sizeof(*s));
	s->dst = *dst;
	if (way == SENDER_RAW || open_packet(s, bypass)) {
		if (way == SENDER_PACKET)
			die("no interface and MAC address lead to the destination; try --raw");
		open_raw(s);
	}
	setsockopt(s->fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
}

static void sleep_a_moment(void)
{
	struct timespec ts = {.tv_nsec = 20000};

	nanosleep(&ts, NULL);
}

void sender_send(struct sender *s, uint8_t *const packets[], const uint32_t lengths[], unsigned n)
{
	struct mmsghdr msg[SENDER_BATCH];
	struct iovec iov[SENDER_BATCH][2];
	unsigned i, done = 0;
	int ret;

	memset(msg, 0, sizeof(msg[0]) * n);
	for (i = 0; i < n; i++) {
		iov[i][0] = (struct iovec){s->ethernet, s->ethernet_len};
		iov[i][1] = (struct iovec){packets[i], lengths[i]};
		msg[i].msg_hdr.msg_iov = s->ethernet_len ? iov[i] : &iov[i][1];
		msg[i].msg_hdr.msg_iovlen = s->ethernet_len ? 2 : 1;
		if (!s->ethernet_len) {
			msg[i].msg_hdr.msg_name = &s->dst.sa;
			msg[i].msg_hdr.msg_namelen = s->dst.len;
		}
	}
	if (!s->first_us) {
		s->first_realtime_us = realtime_us();
		s->first_us = now_us();
	}
	while (done < n) {
		ret = sendmmsg(s->fd, msg + done, n - done, 0);
		if (ret > 0) {
			done += (unsigned)ret;
			s->sent += (unsigned)ret;
		} else if (errno == ENOBUFS || errno == EAGAIN) {
			sleep_a_moment();
		} else if (errno != EINTR) {
			if (s->failed++ == 0)
				fprintf(stderr, "sending: %s\n", strerror(errno));
			done++;
		}
	}
	s->last_us = now_us();
}

void sender_report(const struct sender *s, const char *extra)
{
	double seconds = (double)(s->last_us - s->first_us) / 1e6;

	printf("{\"sent\":%llu,\"failed\":%llu,\"first_us\":%llu,\"last_us\":%llu,"
	       "\"first_realtime_us\":%llu,\"seconds\":%.3f,\"rate\":%.0f%s}\n",
	       (unsigned long long)s->sent, (unsigned long long)s->failed,
	       (unsigned long long)s->first_us, (unsigned long long)s->last_us,
	       (unsigned long long)s->first_realtime_us, seconds,
	       seconds > 0 ? (double)s->sent / seconds : 0.0, extra);
	fflush(stdout);
}
