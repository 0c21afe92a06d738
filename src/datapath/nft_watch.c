/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/nft_watch.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "datapath/firewall_rules.h"
#include "datapath/kernel_set.h"

#define BUFFER_BYTES 16384 /* of one message; a longer one is taken for news */
#define READS_MAX    256 /* at once; the rest waits for the next turn of the loop */
#define EVERYTHING   (NFT_NEWS_RULES | NFT_NEWS_DENY_GONE)

struct nft_watch {
	struct mnl_socket *nl;
};

int nft_watch_open(struct nft_watch **out)
{
	struct nft_watch *w = calloc(1, sizeof(*w));
	int error;

	*out = NULL;
	if (!w)
		return -ENOMEM;
	w->nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!w->nl ||
	    mnl_socket_bind(w->nl, 1u << (NFNLGRP_NFTABLES - 1), MNL_SOCKET_AUTOPID) < 0) {
		error = errno;
		nft_watch_close(w);
		return -error;
	}
	*out = w;
	return 0;
}

int nft_watch_fd(const struct nft_watch *w)
{
	return mnl_socket_get_fd(w->nl);
}

/* table_of() - of whatever object the message is about: it is attribute 1 of all of them. */
static const char *table_of(const struct nlmsghdr *nlh, size_t *len)
{
	const struct nlattr *a;

	mnl_attr_for_each(a, nlh, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(a) != NFTA_TABLE_NAME)
			continue;
		*len = strnlen(mnl_attr_get_payload(a), mnl_attr_get_payload_len(a));
		return mnl_attr_get_payload(a);
	}
	return NULL;
}

static bool is(const char *name, size_t len, const char *what)
{
	return len == strlen(what) && memcmp(name, what, len) == 0;
}

static unsigned news_of(const struct nlmsghdr *nlh)
{
	unsigned type = NFNL_MSG_TYPE(nlh->nlmsg_type);
	const char *table;
	size_t len;

	if (NFNL_SUBSYS_ID(nlh->nlmsg_type) != NFNL_SUBSYS_NFTABLES || type == NFT_MSG_NEWGEN ||
	    nlh->nlmsg_len < MNL_NLMSG_HDRLEN + sizeof(struct nfgenmsg))
		return 0;
	table = table_of(nlh, &len);
	if (!table)
		return 0;
	if (is(table, len, "raw") || is(table, len, FIREWALL_TABLE))
		return NFT_NEWS_RULES;
	return type == NFT_MSG_DELTABLE && is(table, len, KERNEL_SET_TABLE) ? NFT_NEWS_DENY_GONE
									    : 0;
}

unsigned nft_watch_parse(const void *messages, size_t len)
{
	const struct nlmsghdr *nlh = messages;
	unsigned news = 0;
	int left = (int)len;

	for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left))
		news |= news_of(nlh);
	return news;
}

unsigned nft_watch_read(struct nft_watch *w)
{
	char buf[BUFFER_BYTES] __attribute__((aligned(8)));
	unsigned news = 0;

	for (int i = 0; i < READS_MAX; i++) {
		struct iovec iov = {buf, sizeof(buf)};
		struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
		ssize_t n = recvmsg(nft_watch_fd(w), &msg, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 && errno == ENOBUFS ? EVERYTHING : news;
		news |= msg.msg_flags & MSG_TRUNC ? EVERYTHING : nft_watch_parse(buf, (size_t)n);
	}
	return news;
}

void nft_watch_close(struct nft_watch *w)
{
	if (w && w->nl)
		mnl_socket_close(w->nl);
	free(w);
}
