/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzz target: any bytes as a packet.
 *
 * `make fuzz TARGET=packet` looks for more of them; in `make check` driver.c runs the committed corpus.
 *
 * Input: one byte of control (bits 0-1 what is known of the checksum, bit 2 the packet goes on behind
 * the bytes at hand, bits 3-4 what is blanked), then the packet.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "wire/rewrite.h"
#include "wire/text.h"

/* must() - an invariant; the fuzzer takes the abort for a finding. */
static void must(bool holds)
{
	if (!holds)
		abort();
}

/* check_parsed() - what pkt_parse() promises, whatever the bytes were. */
static void check_parsed(const struct pkt *p, int error, uint32_t len)
{
	must(error <= 0 && error >= -PKT_ERR_TCP_HEADER);
	must(error == 0 || p->kind == PKT_OTHER);
	must(p->cap_len <= p->len && p->len <= len);
	if (p->kind == PKT_TCP) {
		must(p->l4_off + p->tcp_hdr_len <= p->cap_len);
		must(p->len == p->l4_off + p->tcp_hdr_len + p->payload_len);
		must(p->opt.n_sack <= TCP_SACK_MAX && p->opt.wscale <= TCP_WSCALE_MAX);
	}
	if (p->kind == PKT_ICMP_ERROR) {
		must(p->quote.tcp_have >= 8);
		must(p->quote.tcp_off + p->quote.tcp_have <= p->cap_len);
	}
}

/* check_rewriting() - a right checksum is right afterwards, a wrong one is not. */
static void check_rewriting(struct pkt *p, uint8_t control)
{
	struct tcp_rewrite rw = {.seq_add = 0x12345678,
				 .ack_add = 0xfffffff0,
				 .tsval_add = 0x80000001,
				 .tsecr_add = 0xffff,
				 .set_window = true,
				 .window = 0xffff,
				 .blank_sack = control & 8,
				 .blank_ts = control & 16};
	bool right = pkt_checksum_ok(p);

	if (pkt_rewrite_tcp(p, &rw) == 0)
		must(pkt_checksum_ok(p) == right);
	pkt_rewrite_quote_seq(p, 0x12345678, 0xfffffff0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[PKT_TEXT_MAX];
	uint32_t cap, len;
	uint8_t *bytes;
	struct pkt p;

	if (size < 1 || size > 200000)
		return 0;
	cap = (uint32_t)size - 1;
	len = cap + (data[0] & 4 ? 70000 : 0);
	bytes = malloc(cap ? cap : 1); /* a block of its own, so that its end is watched */
	if (!bytes)
		return 0;
	memcpy(bytes, data + 1, cap);
	check_parsed(&p, pkt_parse(&p, bytes, cap, len, (enum pkt_csum)((data[0] & 3) % 3)), len);
	pkt_format(&p, text, sizeof(text));
	check_rewriting(&p, data[0]);
	pkt_format(&p, text, sizeof(text));
	free(bytes);
	return 0;
}
