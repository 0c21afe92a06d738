/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzz target: any bytes as the options of a TCP header. What was read and can be written is read again
 * as the same.
 *
 * `make fuzz TARGET=options` looks for more of them; in `make check` driver.c runs the committed corpus.
 */
#include "wire/options.h"

#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "wire/build.h"

#define WRITTEN \
	(TCP_OPT_MSS | TCP_OPT_WSCALE | TCP_OPT_SACK_PERMITTED | TCP_OPT_SACK | TCP_OPT_TIMESTAMPS)

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check_read(const struct tcp_options *o, uint32_t hdr_len)
{
	must(o->n_sack <= TCP_SACK_MAX && o->wscale <= TCP_WSCALE_MAX);
	must(!(o->present & TCP_OPT_SACK) == !o->off_sack);
	must(!(o->present & TCP_OPT_TIMESTAMPS) == !o->off_ts);
	must(o->off_ts == 0 || (o->off_ts >= 20 && o->off_ts + 10u <= hdr_len));
	must(o->off_sack == 0 ||
	     (o->off_sack >= 20 && o->off_sack + 2u + 8u * o->n_sack <= hdr_len));
}

static void check_same(const struct tcp_options *a, const struct tcp_options *b)
{
	must((a->present & WRITTEN) == b->present);
	must(!(b->present & TCP_OPT_MSS) || a->mss == b->mss);
	must(!(b->present & TCP_OPT_WSCALE) || a->wscale == b->wscale);
	if (b->present & TCP_OPT_TIMESTAMPS)
		must(a->ts_val == b->ts_val && a->ts_ecr == b->ts_ecr);
	if (b->present & TCP_OPT_SACK)
		must(a->n_sack == b->n_sack &&
		     memcmp(a->sack, b->sack, a->n_sack * sizeof(a->sack[0])) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct segment s = {.src = ip_addr_v4(htonl(0xc0000201)),
			    .dst = ip_addr_v4(htonl(0xc6336401))};
	uint32_t hdr_len = 20 + (uint32_t)(size < 40 ? size : 40) / 4 * 4;
	uint8_t *header = calloc(1, hdr_len), packet[SEGMENT_HEADERS_MAX]; /* its end is watched */
	struct pkt p;
	int len;

	if (!header)
		return 0;
	if (size > 0)
		memcpy(header + 20, data, hdr_len - 20);
	tcp_options_read(&s.opt, header, hdr_len);
	free(header);
	check_read(&s.opt, hdr_len);
	s.flags = TCP_ACK;
	len = segment_build(&s, packet, sizeof(packet));
	if (len < 0)
		return 0; /* more than fits into a header */
	must(pkt_parse(&p, packet, (uint32_t)len, (uint32_t)len, PKT_CSUM_UNVERIFIED) == 0);
	must(pkt_checksum_ok(&p));
	check_same(&s.opt, &p.opt);
	return 0;
}
