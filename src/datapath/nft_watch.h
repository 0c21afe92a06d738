/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel tells of changes of its nf_tables rules, whoever makes them, as far as they concern the
 * tables that rules of the guard are in. iptables is nf_tables, too, as a rule; iptables-legacy is not, and
 * nobody tells of its changes.
 */
#ifndef TCPGUARD_DATAPATH_NFT_WATCH_H
#define TCPGUARD_DATAPATH_NFT_WATCH_H

#include <stddef.h>

struct nft_watch;

/* Bits of what nft_watch_read() returns. */
enum nft_news {
	NFT_NEWS_RULES = 1 << 0, /* in a table that rules of datapath/firewall.h are in */
	NFT_NEWS_DENY_GONE = 1 << 1, /* the table of datapath/kernel_set.h was deleted */
};

/* nft_watch_open() - Return: 0 or a negative errno. Needs CAP_NET_ADMIN. */
int nft_watch_open(struct nft_watch **out);

/* nft_watch_fd() - readable when there is news. */
int nft_watch_fd(const struct nft_watch *w);

/* nft_watch_read() - take all news. Return: bits of enum nft_news, all of them if some news was lost. */
unsigned nft_watch_read(struct nft_watch *w);

/* nft_watch_close() - NULL is fine. */
void nft_watch_close(struct nft_watch *w);

/* nft_watch_parse() - for tests: the news in @len bytes of messages. */
unsigned nft_watch_parse(const void *messages, size_t len);

#endif
