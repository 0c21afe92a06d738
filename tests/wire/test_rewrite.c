/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test_wire.h"

#include <errno.h>

#include "wire/rewrite.h"

/* corner_or_random() - an addend; often one that brings a word to zero or all ones. */
static uint32_t corner_or_random(struct seg_random *r, uint32_t word)
{
	switch (seg_random_below(r, 6)) {
	case 0:
		return 0;
	case 1:
		return 0 - word;
	case 2:
		return UINT32_MAX - word;
	case 3:
		return 0xffff;
	default:
		return (uint32_t)seg_random_next(r);
	}
}

static struct tcp_rewrite random_rewrite(struct seg_random *r, const struct pkt *p)
{
	return (struct tcp_rewrite){
		.seq_add = corner_or_random(r, p->seq),
		.ack_add = corner_or_random(r, p->ack),
		.tsval_add = corner_or_random(r, p->opt.ts_val),
		.tsecr_add = corner_or_random(r, p->opt.ts_ecr),
		.set_window = seg_random_below(r, 2),
		.window = (uint16_t)(seg_random_below(r, 2) ? seg_random_next(r) : 0xffff),
		.blank_sack = seg_random_below(r, 4) == 0,
		.blank_ts = seg_random_below(r, 4) == 0,
	};
}

/* check_rewritten() - @now is @was after @rw, in meaning. */
static void check_rewritten(const struct pkt *now, const struct pkt *was,
			    const struct tcp_rewrite *rw, uint64_t seed)
{
	uint32_t ack = was->flags & TCP_ACK ? UINT32_MAX : 0, i;
	const struct tcp_options *a = &now->opt, *b = &was->opt;

	check_seed(now->seq == was->seq + rw->seq_add, seed);
	check_seed(now->ack == was->ack + (rw->ack_add & ack), seed);
	check_seed(now->window == (rw->set_window ? rw->window : was->window), seed);
	check_seed(now->flags == was->flags && now->urgent == was->urgent, seed);
	check_seed(now->payload_len == was->payload_len, seed);
	if (b->present & TCP_OPT_TIMESTAMPS && !rw->blank_ts) {
		check_seed(a->ts_val == b->ts_val + rw->tsval_add, seed);
		check_seed(a->ts_ecr == b->ts_ecr + (rw->tsecr_add & ack), seed);
	}
	if (b->present & TCP_OPT_SACK && !rw->blank_sack) {
		check_seed(a->n_sack == b->n_sack, seed);
		for (i = 0; i < b->n_sack; i++) {
			check_seed(a->sack[i].left == b->sack[i].left + rw->ack_add, seed);
			check_seed(a->sack[i].right == b->sack[i].right + rw->ack_add, seed);
		}
	}
}

/* check_agreed() - the fields in @p are those that its bytes would be parsed to. */
static void check_agreed(const struct pkt *p, bool blanked, uint64_t seed)
{
	struct pkt again;

	check_seed(pkt_parse(&again, p->data, p->cap_len, p->len, p->csum) == 0, seed);
	check_seed(again.seq == p->seq && again.ack == p->ack, seed);
	check_seed(again.window == p->window, seed);
	if (blanked) /* a second option of the kind may have come to light */
		return;
	check_seed(again.opt.present == p->opt.present, seed);
	check_seed(again.opt.ts_val == p->opt.ts_val && again.opt.ts_ecr == p->opt.ts_ecr, seed);
	check_seed(again.opt.off_ts == p->opt.off_ts && again.opt.off_sack == p->opt.off_sack,
		   seed);
	check_seed(again.opt.n_sack == p->opt.n_sack, seed);
	check_seed(memcmp(again.opt.sack, p->opt.sack, p->opt.n_sack * sizeof(p->opt.sack[0])) == 0,
		   seed);
}

/*
 * The property that matters: after any rewrite of any packet, options at odd offsets included, the
 * incremental checksum is bit for bit the full one.
 */
START_TEST(incremental_equals_full)
{
	uint8_t *bytes = malloc(2000);

	for_each_seed (seed, 100000) {
		struct seg_random r = seg_random(seed);
		uint32_t len = random_packet(&r, bytes, 2000);
		struct tcp_rewrite rw;
		struct pkt p, was;

		check_seed(parse_at(&p, bytes, len) == 0, seed);
		was = p;
		rw = random_rewrite(&r, &p);
		check_seed(pkt_rewrite_tcp(&p, &rw) == 0, seed);
		check_seed(l4_checksum_is_right(&p) && pkt_checksum_ok(&p), seed);
		check_rewritten(&p, &was, &rw, seed);
		check_agreed(&p, rw.blank_sack || rw.blank_ts, seed);
	}
	free(bytes);
}
END_TEST

/* Nothing but the rewritten fields changes. */
START_TEST(the_rest_stays)
{
	for_each_seed (seed, 5000) {
		struct seg_random r = seg_random(seed);
		uint8_t bytes[2000], before[2000];
		uint32_t len = random_packet(&r, bytes, sizeof(bytes)), head;
		struct tcp_rewrite rw;
		struct pkt p;

		memcpy(before, bytes, len);
		parse_at(&p, bytes, len);
		rw = random_rewrite(&r, &p);
		pkt_rewrite_tcp(&p, &rw);
		check_seed(memcmp(bytes, before, p.l4_off + 4) == 0, seed);
		head = p.l4_off + p.tcp_hdr_len;
		check_seed(memcmp(bytes + head, before + head, len - head) == 0, seed);

		/* and back again */
		if (rw.blank_sack || rw.blank_ts || rw.set_window)
			continue;
		rw.seq_add = 0 - rw.seq_add;
		rw.ack_add = 0 - rw.ack_add;
		rw.tsval_add = 0 - rw.tsval_add;
		rw.tsecr_add = 0 - rw.tsecr_add;
		pkt_rewrite_tcp(&p, &rw);
		check_seed(memcmp(bytes, before, len) == 0, seed);
	}
}
END_TEST

START_TEST(a_wrong_checksum_stays_wrong)
{
	for_each_seed (seed, 5000) {
		struct seg_random r = seg_random(seed);
		uint8_t bytes[2000];
		uint32_t len = random_packet(&r, bytes, sizeof(bytes));
		struct tcp_rewrite rw;
		struct pkt p;

		pkt_parse(&p, bytes, len, len, PKT_CSUM_UNVERIFIED);
		bytes[p.l4_off + 16] ^= 0x10;
		rw = random_rewrite(&r, &p);
		check_seed(pkt_rewrite_tcp(&p, &rw) == 0, seed);
		check_seed(p.csum == PKT_CSUM_UNVERIFIED, seed);
		check_seed(!pkt_checksum_ok(&p), seed);
	}
}
END_TEST

START_TEST(a_partial_checksum_becomes_full)
{
	for_each_seed (seed, 5000) {
		struct seg_random r = seg_random(seed);
		uint8_t bytes[2000];
		uint32_t len = random_packet(&r, bytes, sizeof(bytes));
		struct tcp_rewrite rw = {0};
		struct pkt p;

		pkt_parse(&p, bytes, len, len, PKT_CSUM_PARTIAL);
		seg_random_bytes(&r, bytes + p.l4_off + 16, 2);
		if (seed % 4)
			rw = random_rewrite(&r, &p);
		check_seed(pkt_rewrite_tcp(&p, &rw) == 0, seed);
		check_seed(p.csum == PKT_CSUM_FULL, seed);
		check_seed(l4_checksum_is_right(&p), seed);
	}
}
END_TEST

START_TEST(a_whole_gso_packet_is_summed)
{
	uint8_t *payload = malloc(65000), *bytes = malloc(65200);
	struct segment s = seg_data(client_of(_i), server_of(_i), 1, 2, payload, 65000);
	struct tcp_rewrite rw = {.seq_add = 5};
	struct seg_random r = seg_random(1);
	struct pkt p;
	uint32_t len;

	seg_random_bytes(&r, payload, 65000);
	seg_timestamps(&s, 1, 2);
	len = seg_bytes(&s, bytes, 65200);
	pkt_parse(&p, bytes, len, len, PKT_CSUM_PARTIAL);
	ck_assert_int_eq(pkt_rewrite_tcp(&p, &rw), 0);
	ck_assert(l4_checksum_is_right(&p));
	free(payload);
	free(bytes);
}
END_TEST

/* Both options at every alignment, translated and then blanked. */
START_TEST(options_at_odd_offsets)
{
	struct segment s = seg_ack(client_of(_i), server_of(_i), 1, 2);
	uint8_t bytes[200];
	unsigned pad, between;

	for (pad = 0; pad < 4; pad++) {
		for (between = 0; between < 4; between++) {
			uint8_t opt[40], *ts = opt + pad, *sack = ts + 10 + between;
			struct tcp_rewrite rw = {.ack_add = 0xfffffff1,
						 .tsval_add = 0x01020304,
						 .tsecr_add = 0xff00ff00};
			struct pkt p;
			uint32_t len;

			memset(opt, 1, sizeof(opt));
			memcpy(ts, (uint8_t[]){8, 10, 9, 8, 7, 6, 5, 4, 3, 2}, 10);
			memcpy(sack, (uint8_t[]){5, 10, 1, 2, 3, 4, 5, 6, 7, 8}, 10);
			len = seg_bytes_raw(&s, opt, 20 + pad + between, bytes, sizeof(bytes));
			ck_assert_int_eq(parse_at(&p, bytes, len), 0);
			ck_assert_int_eq(pkt_rewrite_tcp(&p, &rw), 0);
			ck_assert_int_eq(parse_at(&p, bytes, len), 0);
			ck_assert(l4_checksum_is_right(&p));
			ck_assert_uint_eq(p.opt.off_ts, 20 + pad);
			ck_assert_uint_eq(p.opt.ts_val, 0x0a0a0a0a);
			ck_assert_uint_eq(p.opt.ts_ecr, 0x05040302u + 0xff00ff00u);
			ck_assert_uint_eq(p.opt.sack[0].left, 0x01020304 - 15);
			ck_assert_uint_eq(p.opt.sack[0].right, 0x05060708 - 15);

			rw = (struct tcp_rewrite){.blank_sack = true, .blank_ts = true};
			ck_assert_int_eq(pkt_rewrite_tcp(&p, &rw), 0);
			ck_assert_uint_eq(p.opt.present, 0);
			ck_assert_int_eq(parse_at(&p, bytes, len), 0);
			ck_assert_uint_eq(p.opt.present, 0);
			ck_assert(l4_checksum_is_right(&p));
		}
	}
}
END_TEST

START_TEST(without_ack_flag_ack_and_tsecr_stay)
{
	struct segment s = seg_syn(client_of(4), server_of(4), 100);
	struct tcp_rewrite rw = {.seq_add = 1, .ack_add = 2, .tsval_add = 3, .tsecr_add = 4};
	struct seg_packet p;

	s.ack = 7;
	seg_timestamps(&s, 50, 60);
	ck_assert_int_eq(pkt_rewrite_tcp(seg_packet(&p, &s), &rw), 0);
	seg_parse(&p);
	ck_assert_uint_eq(p.pkt.seq, 101);
	ck_assert_uint_eq(p.pkt.ack, 7);
	ck_assert_uint_eq(p.pkt.opt.ts_val, 53);
	ck_assert_uint_eq(p.pkt.opt.ts_ecr, 60);
	ck_assert(pkt_checksum_ok(&p.pkt));
}
END_TEST

START_TEST(only_whole_segments_are_rewritten)
{
	struct segment s = seg_data(client_of(4), server_of(4), 1, 2, "abc", 3);
	struct tcp_rewrite rw = {.seq_add = 1};
	struct seg_packet p;

	seg_packet(&p, &s);
	pkt_parse(&p.pkt, p.data, p.len - 1, p.len, PKT_CSUM_FULL);
	ck_assert_int_eq(pkt_rewrite_tcp(&p.pkt, &rw), -EMSGSIZE);
	ck_assert_uint_eq(p.pkt.seq, 1);
	p.data[9] = 17;
	ck_assert_int_eq(pkt_rewrite_tcp(seg_parse(&p), &rw), -EINVAL);
}
END_TEST

TCase *rewrite_cases(void)
{
	TCase *t = tcase_create("rewrite");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, incremental_equals_full);
	tcase_add_test(t, the_rest_stays);
	tcase_add_test(t, a_wrong_checksum_stays_wrong);
	tcase_add_test(t, a_partial_checksum_becomes_full);
	tcase_add_loop_test(t, a_whole_gso_packet_is_summed, 4, 5);
	tcase_add_loop_test(t, a_whole_gso_packet_is_summed, 6, 7);
	tcase_add_loop_test(t, options_at_odd_offsets, 4, 5);
	tcase_add_loop_test(t, options_at_odd_offsets, 6, 7);
	tcase_add_test(t, without_ack_flag_ack_and_tsecr_stay);
	tcase_add_test(t, only_whole_segments_are_rewritten);
	return t;
}
