/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The SYNs of a recorded flood. */
#include "scene.h"

#include <pcap/pcap.h>

#define SYNS_MAX 2000000

/* ip_of() - where the IP packet begins, or NULL. */
static const uint8_t *ip_of(int link, const uint8_t *bytes, uint32_t len, uint32_t *left)
{
	uint32_t skip = link == DLT_EN10MB ? 14 : link == DLT_LINUX_SLL ? 16 : 0;

	if (link == DLT_EN10MB && len > 18 && bytes[12] == 0x81 && bytes[13] == 0)
		skip = 18;
	if (len <= skip)
		return NULL;
	*left = len - skip;
	return bytes + skip;
}

static size_t read_all(pcap_t *pcap, struct captured *to)
{
	struct pcap_pkthdr *h;
	const uint8_t *bytes;
	usec_t first = 0;
	size_t n = 0;

	while (n < SYNS_MAX && pcap_next_ex(pcap, &h, &bytes) == 1) {
		uint32_t left;
		const uint8_t *ip = ip_of(pcap_datalink(pcap), bytes, h->caplen, &left);
		usec_t at = (usec_t)h->ts.tv_sec * SEC + (usec_t)h->ts.tv_usec;
		struct pkt p;

		if (!ip || pkt_parse(&p, (uint8_t *)(uintptr_t)ip, left, left, PKT_CSUM_FULL) < 0 ||
		    p.kind != PKT_TCP || p.family != 4 ||
		    (p.flags & (TCP_SYN | TCP_ACK)) != TCP_SYN)
			continue;
		if (n == 0)
			first = at;
		to[n++] = (struct captured){
			.time = at > first ? at - first : 0,
			.src = p.src.w[3],
			.sport = p.sport,
			.flags = p.flags,
			.window = p.window,
			.seq = p.seq,
			.ttl = p.ttl,
		};
	}
	return n;
}

size_t capture_syns(const char *file, const struct captured **syns, const char **why)
{
	static struct captured *all;
	static size_t n;
	char error[PCAP_ERRBUF_SIZE];
	pcap_t *pcap;

	*why = "no recorded attack: TCPGUARD_CAPTURE names none";
	if (!all && file) {
		pcap = pcap_open_offline(file, error);
		if (!pcap)
			return 0;
		all = calloc(SYNS_MAX, sizeof(*all));
		n = read_all(pcap, all);
		pcap_close(pcap);
	}
	*syns = all;
	return n;
}
