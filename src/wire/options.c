/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/options.h"

#include "wire/bytes.h"
#include "wire/layout.h"

/* The experiment id of Fast Open before it had a kind of its own, RFC 7413 section 7. */
#define EXPERIMENT_FASTOPEN 0xf989

/* What established connections carry in nearly every segment: NOP NOP timestamps. */
#define LAYOUT_TIMESTAMPS     0x0101080au
#define LAYOUT_TIMESTAMPS_LEN (TCP_HEADER_MIN + 12)

static void read_timestamps(struct tcp_options *o, const uint8_t *tcp, uint32_t off)
{
	o->present |= TCP_OPT_TIMESTAMPS;
	o->off_ts = (uint8_t)off;
	o->ts_val = load32(tcp + off + 2);
	o->ts_ecr = load32(tcp + off + 6);
}

static void read_sack(struct tcp_options *o, const uint8_t *tcp, uint32_t off, uint32_t len)
{
	const uint8_t *at = tcp + off + 2;
	unsigned i;

	o->off_sack = (uint8_t)off;
	o->n_sack = (uint8_t)((len - 2) / 8);
	for (i = 0; i < o->n_sack; i++, at += 8)
		o->sack[i] = (struct tcp_sack_block){load32(at), load32(at + 4)};
}

/* option_bit() - what @kind at @at (its length @len was checked to lie inside) stands for. */
static uint16_t option_bit(const uint8_t *at, uint32_t len)
{
	switch (at[0]) {
	case TCP_KIND_MSS:
		return TCP_OPT_MSS;
	case TCP_KIND_WSCALE:
		return TCP_OPT_WSCALE;
	case TCP_KIND_SACK_PERMITTED:
		return TCP_OPT_SACK_PERMITTED;
	case TCP_KIND_SACK:
		return TCP_OPT_SACK;
	case TCP_KIND_TIMESTAMPS:
		return TCP_OPT_TIMESTAMPS;
	case TCP_KIND_MD5:
		return TCP_OPT_MD5;
	case TCP_KIND_AO:
		return TCP_OPT_AO;
	case TCP_KIND_MPTCP:
		return TCP_OPT_MPTCP;
	case TCP_KIND_FASTOPEN:
		return TCP_OPT_FASTOPEN;
	case TCP_KIND_EXPERIMENT_1:
	case TCP_KIND_EXPERIMENT_2:
		if (len >= 4 && load16(at + 2) == EXPERIMENT_FASTOPEN)
			return TCP_OPT_FASTOPEN;
		return TCP_OPT_UNKNOWN;
	default:
		return TCP_OPT_UNKNOWN;
	}
}

/* length_fits() - may an option of this kind have @len bytes? */
static bool length_fits(uint16_t bit, uint32_t len)
{
	switch (bit) {
	case TCP_OPT_MSS:
		return len == TCP_LEN_MSS;
	case TCP_OPT_WSCALE:
		return len == TCP_LEN_WSCALE;
	case TCP_OPT_SACK_PERMITTED:
		return len == TCP_LEN_SACK_PERMITTED;
	case TCP_OPT_SACK:
		return len % 8 == 2 && len >= TCP_LEN_SACK(1) && len <= TCP_LEN_SACK(TCP_SACK_MAX);
	case TCP_OPT_TIMESTAMPS:
		return len == TCP_LEN_TIMESTAMPS;
	case TCP_OPT_MD5:
		return len == 18;
	case TCP_OPT_AO: /* RFC 5925 2.2: kind, length, two key ids, then the MAC */
		return len >= 4;
	case TCP_OPT_MPTCP: /* RFC 8684 3: at least kind, length, subtype */
		return len >= 3;
	default:
		return true;
	}
}

/* read_one() - the option at @off, @len bytes long, whose length fits @bit. */
static void read_one(struct tcp_options *o, const uint8_t *tcp, uint32_t off, uint32_t len,
		     uint16_t bit)
{
	if (o->present & bit)
		return;
	o->present |= bit;
	switch (bit) {
	case TCP_OPT_MSS:
		o->mss = load16(tcp + off + 2);
		break;
	case TCP_OPT_WSCALE:
		o->wscale = tcp[off + 2] < TCP_WSCALE_MAX ? tcp[off + 2] : TCP_WSCALE_MAX;
		break;
	case TCP_OPT_SACK:
		read_sack(o, tcp, off, len);
		break;
	case TCP_OPT_TIMESTAMPS:
		read_timestamps(o, tcp, off);
		break;
	default:
		break;
	}
}

void tcp_options_read(struct tcp_options *o, const uint8_t *tcp, uint32_t hdr_len)
{
	uint32_t off = TCP_HEADER_MIN, len;
	uint16_t bit;

	if (hdr_len == LAYOUT_TIMESTAMPS_LEN && load32(tcp + off) == LAYOUT_TIMESTAMPS) {
		read_timestamps(o, tcp, off + 2);
		return;
	}
	for (; off < hdr_len; off += len) {
		if (tcp[off] == TCP_KIND_EOL)
			return;
		if (tcp[off] == TCP_KIND_NOP) {
			len = 1;
			continue;
		}
		len = off + 1 < hdr_len ? tcp[off + 1] : 0;
		if (len < 2 || off + len > hdr_len)
			goto malformed;
		bit = option_bit(tcp + off, len);
		if (!length_fits(bit, len))
			goto malformed;
		read_one(o, tcp, off, len, bit);
	}
	return;
malformed:
	o->present |= TCP_OPT_MALFORMED;
}
