/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Theory of operation
 *
 * Every change of bytes is recorded as a difference in one's complement arithmetic, and the checksum
 * field is brought up to date once at the end (RFC 1624, equation 3). Options may start at odd
 * offsets; a difference at an odd offset has its bytes swapped (RFC 1071 section 2, byte order
 * independence), which is a rotation of the folded sum.
 */
#include "wire/rewrite.h"

#include <errno.h>

#include "wire/bytes.h"
#include "wire/checksum.h"
#include "wire/layout.h"

/* Changes to one checksummed message that begins at @base. */
struct edit {
	uint8_t *base;
	uint64_t diff; /* added to the message so far */
};

/* note_diff() - @diff was added at @off. */
static void note_diff(struct edit *e, uint32_t off, uint64_t diff)
{
	uint16_t d = csum_fold(diff);

	e->diff += off & 1 ? (uint16_t)(d << 8 | d >> 8) : d;
}

static void edit16(struct edit *e, uint32_t off, uint16_t to)
{
	uint8_t *at = e->base + off;

	note_diff(e, off, (uint64_t)(be16)~load_mem16(at) + htons(to));
	store16(at, to);
}

static void edit32(struct edit *e, uint32_t off, uint32_t to)
{
	uint8_t *at = e->base + off;

	note_diff(e, off, (uint64_t)(be32)~load_mem32(at) + htonl(to));
	store32(at, to);
}

static void edit_blank(struct edit *e, uint32_t off, uint32_t len)
{
	uint8_t *at = e->base + off;
	uint16_t before = csum_fold(csum_add_bytes(0, at, len));

	memset(at, TCP_KIND_NOP, len);
	note_diff(e, off, csum_add_bytes((be16)~before, at, len));
}

/* edit_check() - bring the checksum field at @off up to date with the changes so far. */
static void edit_check(const struct edit *e, uint32_t off)
{
	be16 check = load_mem16(e->base + off);

	store_mem16(e->base + off, (be16)~csum_fold((be16)~check + e->diff));
}

static void rewrite_sack(struct pkt *p, const struct tcp_rewrite *rw, struct edit *e)
{
	uint32_t off = p->opt.off_sack + 2u;
	unsigned i;

	if (rw->blank_sack) {
		edit_blank(e, p->opt.off_sack, TCP_LEN_SACK(p->opt.n_sack));
		p->opt.present &= (uint16_t)~TCP_OPT_SACK;
		p->opt.n_sack = 0;
		p->opt.off_sack = 0;
		return;
	}
	if (rw->ack_add == 0)
		return;
	for (i = 0; i < p->opt.n_sack; i++, off += 8) {
		struct tcp_sack_block *b = &p->opt.sack[i];

		b->left += rw->ack_add;
		b->right += rw->ack_add;
		edit32(e, off, b->left);
		edit32(e, off + 4, b->right);
	}
}

static void rewrite_ts(struct pkt *p, const struct tcp_rewrite *rw, struct edit *e)
{
	if (rw->blank_ts) {
		edit_blank(e, p->opt.off_ts, TCP_LEN_TIMESTAMPS);
		p->opt.present &= (uint16_t)~TCP_OPT_TIMESTAMPS;
		p->opt.ts_val = p->opt.ts_ecr = 0;
		p->opt.off_ts = 0;
		return;
	}
	if (rw->tsval_add) {
		p->opt.ts_val += rw->tsval_add;
		edit32(e, p->opt.off_ts + 2u, p->opt.ts_val);
	}
	if (rw->tsecr_add && (p->flags & TCP_ACK)) {
		p->opt.ts_ecr += rw->tsecr_add;
		edit32(e, p->opt.off_ts + 6u, p->opt.ts_ecr);
	}
}

static void rewrite_header(struct pkt *p, const struct tcp_rewrite *rw, struct edit *e)
{
	if (rw->seq_add) {
		p->seq += rw->seq_add;
		edit32(e, TCP_SEQ, p->seq);
	}
	if (rw->ack_add && (p->flags & TCP_ACK)) {
		p->ack += rw->ack_add;
		edit32(e, TCP_ACKNO, p->ack);
	}
	if (rw->set_window) {
		p->window = rw->window;
		edit16(e, TCP_WINDOW, p->window);
	}
}

/*
 * fill_check() - the full checksum of the transport message at p->l4_off, its field at @off.
 * @sum: of its pseudo header, 0 without one.
 */
static void fill_check(struct pkt *p, uint32_t off, uint64_t sum)
{
	uint8_t *l4 = p->data + p->l4_off;

	store_mem16(l4 + off, 0);
	sum = csum_add_bytes(sum, l4, p->len - p->l4_off);
	store_mem16(l4 + off, (be16)~csum_fold(sum));
	p->csum = PKT_CSUM_FULL;
}

int pkt_rewrite_tcp(struct pkt *p, const struct tcp_rewrite *rw)
{
	struct edit e = {0};

	if (p->kind != PKT_TCP)
		return -EINVAL;
	if (!pkt_is_complete(p))
		return -EMSGSIZE;
	e.base = p->data + p->l4_off;
	rewrite_header(p, rw, &e);
	if (p->opt.present & TCP_OPT_SACK)
		rewrite_sack(p, rw, &e);
	if (p->opt.present & TCP_OPT_TIMESTAMPS)
		rewrite_ts(p, rw, &e);

	if (p->csum == PKT_CSUM_PARTIAL)
		fill_check(p, TCP_CHECK,
			   csum_pseudo(&p->src, &p->dst, PROTO_TCP, p->len - p->l4_off));
	else
		edit_check(&e, TCP_CHECK);
	return 0;
}

/*
 * rewrite_quote() - change the quoted TCP header and its checksum.
 * Return: the difference this made to the message around it, both being aligned to even offsets.
 */
static uint64_t rewrite_quote(struct pkt *p, uint32_t seq_add, uint32_t ack_add)
{
	struct edit e = {p->data + p->quote.tcp_off, 0};
	be16 before, after;

	p->quote.seq += seq_add;
	edit32(&e, TCP_SEQ, p->quote.seq);
	if (p->quote.tcp_have >= TCP_ACKNO + 4)
		edit32(&e, TCP_ACKNO, load32(e.base + TCP_ACKNO) + ack_add);
	if (p->quote.tcp_have < TCP_CHECK + 2)
		return e.diff;
	before = load_mem16(e.base + TCP_CHECK);
	edit_check(&e, TCP_CHECK);
	after = load_mem16(e.base + TCP_CHECK);
	return e.diff + (be16)~before + after;
}

int pkt_rewrite_quote_seq(struct pkt *p, uint32_t seq_add, uint32_t ack_add)
{
	struct edit e = {0};

	if (p->kind != PKT_ICMP_ERROR)
		return -EINVAL;
	if (!pkt_is_complete(p))
		return -EMSGSIZE;
	e.base = p->data + p->l4_off;
	e.diff = rewrite_quote(p, seq_add, ack_add);
	if (p->csum == PKT_CSUM_PARTIAL)
		fill_check(p, ICMP_CHECK,
			   p->family == 4 ? 0
					  : csum_pseudo(&p->src, &p->dst, PROTO_ICMPV6,
							p->len - p->l4_off));
	else
		edit_check(&e, ICMP_CHECK);
	return 0;
}
