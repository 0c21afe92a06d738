/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test_wire.h"

#include <errno.h>

#include "wire/bytes.h"
#include "wire/checksum.h"

static void check_same(const struct segment *s, const struct pkt *p, uint64_t seed)
{
	const struct tcp_options *a = &s->opt, *b = &p->opt;

	check_seed(p->kind == PKT_TCP && p->protocol == 6 && pkt_is_complete(p), seed);
	check_seed(p->family == ip_addr_family(&s->src), seed);
	check_seed(ip_addr_eq(&p->src, &s->src) && ip_addr_eq(&p->dst, &s->dst), seed);
	check_seed(p->sport == s->sport && p->dport == s->dport, seed);
	check_seed(p->seq == s->seq && p->ack == s->ack, seed);
	check_seed(p->flags == s->flags, seed);
	check_seed(p->window == s->window && p->urgent == s->urgent, seed);
	check_seed(p->ttl == s->ttl && p->tos == s->tos && p->df, seed);
	check_seed(p->payload_len == s->payload_len, seed);
	if (s->payload_len)
		check_seed(memcmp(p->data + p->l4_off + p->tcp_hdr_len, s->payload,
				  s->payload_len) == 0,
			   seed);

	check_seed(b->present == a->present, seed);
	check_seed(b->mss == a->mss && b->wscale == a->wscale, seed);
	check_seed(b->ts_val == a->ts_val && b->ts_ecr == a->ts_ecr, seed);
	check_seed(b->n_sack == a->n_sack, seed);
	check_seed(memcmp(b->sack, a->sack, a->n_sack * sizeof(a->sack[0])) == 0, seed);
}

START_TEST(every_field_comes_back)
{
	for_each_seed (seed, 20000) {
		struct seg_random r = seg_random(seed);
		struct segment s = random_segment(&r);
		uint8_t *bytes = malloc(SEGMENT_HEADERS_MAX + s.payload_len);
		int len = segment_build(&s, bytes, SEGMENT_HEADERS_MAX + s.payload_len);
		struct pkt p;

		check_seed(len > 0, seed);
		check_seed(parse_at(&p, bytes, (uint32_t)len) == 0, seed);
		check_same(&s, &p, seed);
		check_seed(pkt_checksum_ok(&p) && l4_checksum_is_right(&p), seed);
		free(bytes);
	}
}
END_TEST

/* The payload may lie elsewhere: summed up behind the headers, it completes the checksum. */
START_TEST(headers_alone_are_those_of_the_whole)
{
	for_each_seed (seed, 20000) {
		struct seg_random r = seg_random(seed);
		struct segment s = random_segment(&r);
		uint8_t *bytes = malloc(SEGMENT_HEADERS_MAX + s.payload_len);
		uint8_t headers[SEGMENT_HEADERS_MAX], *check;
		int len = segment_build(&s, bytes, SEGMENT_HEADERS_MAX + s.payload_len);
		int ip_hdr = ip_addr_family(&s.src) == 4 ? 20 : 40, n;
		uint64_t sum;

		n = segment_headers(&s, headers, sizeof(headers));
		check_seed(n == len - (int)s.payload_len, seed);
		check = headers + ip_hdr + 16;
		sum = csum_add_bytes(0, headers + ip_hdr, (size_t)(n - ip_hdr));
		sum = csum_add_bytes(sum, s.payload, s.payload_len);
		store_mem16(check, (be16)~csum_fold(sum));
		check_seed(memcmp(headers, bytes, (size_t)n) == 0, seed);
		s.payload_len = 65536;
		check_seed(segment_headers(&s, headers, sizeof(headers)) == -ENOSPC, seed);
		free(bytes);
	}
}
END_TEST

/* Given a SYN as Linux sends it, the bytes are those Linux sends. */
START_TEST(options_of_a_syn_lie_as_linux_lays_them)
{
	static const uint8_t expected[] = {2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0,
					   0, 7, 0, 0,	  0, 0, 1, 3,  3, 7};
	struct segment s = seg_syn(client_of(4), server_of(4), 1);
	uint8_t bytes[SEGMENT_HEADERS_MAX];

	seg_timestamps(&s, 7, 0);
	ck_assert_uint_eq(seg_bytes(&s, bytes, sizeof(bytes)), 60);
	ck_assert_mem_eq(bytes + 40, expected, sizeof(expected));
}
END_TEST

START_TEST(options_of_an_ack_lie_as_linux_lays_them)
{
	static const uint8_t expected[] = {1, 1, 8, 10, 0, 0, 0, 7, 0, 0, 0, 9,
					   1, 1, 5, 10, 0, 0, 0, 3, 0, 0, 0, 4};
	struct segment s = seg_ack(client_of(6), server_of(6), 1, 2);
	uint8_t bytes[SEGMENT_HEADERS_MAX];

	seg_timestamps(&s, 7, 9);
	seg_sack(&s, 3, 4);
	ck_assert_uint_eq(seg_bytes(&s, bytes, sizeof(bytes)), 84);
	ck_assert_mem_eq(bytes + 60, expected, sizeof(expected));
}
END_TEST

START_TEST(sack_permitted_alone_is_padded)
{
	static const uint8_t expected[] = {1, 1, 4, 2};
	struct segment s = seg_bare(client_of(4), server_of(4), TCP_SYN, 1, 0);
	uint8_t bytes[SEGMENT_HEADERS_MAX];

	seg_sack_permitted(&s);
	ck_assert_uint_eq(seg_bytes(&s, bytes, sizeof(bytes)), 44);
	ck_assert_mem_eq(bytes + 40, expected, sizeof(expected));
}
END_TEST

START_TEST(ipv4_header_is_complete)
{
	struct segment s = seg_ack(client_of(4), server_of(4), 1, 2);
	uint8_t b[SEGMENT_HEADERS_MAX];
	uint32_t sum = 0, i;

	s.ip_id = 0x1234;
	seg_bytes(&s, b, sizeof(b));
	for (i = 0; i < 20; i += 2)
		sum += (uint32_t)(b[i] << 8 | b[i + 1]);
	ck_assert_uint_eq((sum & 0xffff) + (sum >> 16), 0xffff);
	ck_assert_uint_eq(b[4] << 8 | b[5], 0x1234);
	ck_assert_uint_eq(b[6], 0x40);
	ck_assert_uint_eq(b[8], 64); /* ttl 0 means the default */
}
END_TEST

START_TEST(what_does_not_fit_is_refused)
{
	struct segment s = seg_syn(client_of(_i), server_of(_i), 1);
	uint32_t len = (_i == 4 ? 20 : 40) + 20 + 12, cap;
	uint8_t *bytes;

	for (cap = 0; cap <= len; cap++) {
		bytes = malloc(cap + 1); /* with a canary */
		bytes[cap] = 0xaa;
		ck_assert_int_eq(segment_build(&s, bytes, cap), cap == len ? (int)len : -ENOSPC);
		ck_assert_uint_eq(bytes[cap], 0xaa);
		free(bytes);
	}
}
END_TEST

START_TEST(length_fields_are_not_overrun)
{
	size_t cap = 70000;
	uint8_t *buf = calloc(1, cap), *payload = calloc(1, cap);
	uint32_t most = _i == 4 ? 65535 - 40 : 65535 - 20;
	struct segment s = seg_data(client_of(_i), server_of(_i), 1, 2, payload, most);
	struct pkt p;
	int len = segment_build(&s, buf, cap);

	ck_assert_int_eq(len, (int)most + (_i == 4 ? 40 : 60));
	ck_assert_int_eq(parse_at(&p, buf, (uint32_t)len), 0);
	ck_assert_uint_eq(p.payload_len, most);
	ck_assert(pkt_checksum_ok(&p));
	s.payload_len++;
	ck_assert_int_eq(segment_build(&s, buf, cap), -ENOSPC);
	s.payload_len = UINT32_MAX;
	ck_assert_int_eq(segment_build(&s, buf, cap), -ENOSPC);
	free(buf);
	free(payload);
}
END_TEST

START_TEST(impossible_segments_are_refused)
{
	struct segment s = seg_ack(client_of(4), server_of(6), 1, 2);
	uint8_t bytes[200];
	unsigned i;

	ck_assert_int_eq(segment_build(&s, bytes, sizeof(bytes)), -EINVAL);
	s = seg_ack(client_of(4), server_of(4), 1, 2);
	for (i = 0; i < 4; i++)
		seg_sack(&s, i, i + 1);
	ck_assert_int_eq(segment_build(&s, bytes, sizeof(bytes)), 20 + 20 + 36);
	seg_timestamps(&s, 1, 2);
	ck_assert_int_eq(segment_build(&s, bytes, sizeof(bytes)), -EINVAL);
	seg_without(&s, TCP_OPT_TIMESTAMPS);
	s.opt.n_sack = 5;
	ck_assert_int_eq(segment_build(&s, bytes, sizeof(bytes)), -EINVAL);
}
END_TEST

START_TEST(a_reply_goes_back)
{
	struct segment syn = seg_syn(client_of(6), server_of(6), 1), reply;
	struct seg_packet p;

	segment_reply(&reply, seg_packet(&p, &syn));
	ck_assert(ip_addr_eq(&reply.src, &syn.dst) && ip_addr_eq(&reply.dst, &syn.src));
	ck_assert_uint_eq(reply.sport, syn.dport);
	ck_assert_uint_eq(reply.dport, syn.sport);
	ck_assert_uint_eq(reply.flags | reply.seq | reply.ack | reply.opt.present, 0);
}
END_TEST

TCase *build_cases(void)
{
	TCase *t = tcase_create("build");

	tcase_set_timeout(t, 30);
	tcase_add_test(t, every_field_comes_back);
	tcase_add_test(t, headers_alone_are_those_of_the_whole);
	tcase_add_test(t, options_of_a_syn_lie_as_linux_lays_them);
	tcase_add_test(t, options_of_an_ack_lie_as_linux_lays_them);
	tcase_add_test(t, sack_permitted_alone_is_padded);
	tcase_add_test(t, ipv4_header_is_complete);
	tcase_add_loop_test(t, what_does_not_fit_is_refused, 4, 5);
	tcase_add_loop_test(t, what_does_not_fit_is_refused, 6, 7);
	tcase_add_loop_test(t, length_fields_are_not_overrun, 4, 5);
	tcase_add_loop_test(t, length_fields_are_not_overrun, 6, 7);
	tcase_add_test(t, impossible_segments_are_refused);
	tcase_add_test(t, a_reply_goes_back);
	return t;
}
