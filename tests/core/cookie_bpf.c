/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * core/cookie.h as a BPF program sees it: makes a cookie out of whatever the packet brings, checks it,
 * and lets the packet pass either way. Compiled and shown to the kernel's verifier by cookie_bpf.sh.
 */
#include <linux/bpf.h>

#include "core/cookie.h"

#define SECTION(name) __attribute__((section(name), used))

static int make_and_check(const struct __sk_buff *skb, const struct cookie_flow *flow,
			  unsigned timestamps)
{
	struct siphash_key key = {skb->hash, skb->mark};
	struct cookie_options offered = {
		.mss = (uint16_t)skb->len,
		.wscale = skb->priority & 15,
		.sack = skb->queue_mapping & 1,
		.ecn = skb->tc_index & 1,
		.timestamps = (uint8_t)timestamps,
	};
	struct cookie_options returned = {0};
	struct cookie cookie = {0};

	cookie_make(&key, skb->mark & 1, flow, skb->priority, &offered, &cookie);
	return cookie_parity(&cookie, timestamps) +
	       cookie_check(&key, flow, skb->priority, &cookie, timestamps, &returned) +
	       returned.mss;
}

SECTION("classifier")
int cookie_in_bpf(struct __sk_buff *skb)
{
	uint32_t client[4] = {skb->len, skb->hash, skb->mark, skb->ifindex};
	uint32_t server[4] = {skb->mark, skb->len, skb->hash, skb->ifindex};
	struct cookie_flow flow = {0};
	int sum;

	cookie_flow_v4(&flow, client[0], server[0], 1024, 80, skb->hash);
	sum = make_and_check(skb, &flow, 1) + make_and_check(skb, &flow, 0);
	cookie_flow_v6(&flow, client, server, 1024, 80, skb->hash);
	sum += make_and_check(skb, &flow, 1) + make_and_check(skb, &flow, 0);
	skb->mark = (uint32_t)sum; /* or the compiler would throw all of it away */
	return 0;
}

SECTION("license") const char licence[] = "GPL";
