/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test_wire.h"

#include <stdio.h>

#include "wire/text.h"

static char text[PKT_TEXT_MAX];

static const char *text_of(const struct segment *s)
{
	struct seg_packet p;

	return pkt_format(seg_packet(&p, s), text, sizeof(text));
}

START_TEST(a_syn)
{
	struct segment s = seg_syn(client_of(4), server_of(4), 1);

	seg_timestamps(&s, 7, 0);
	ck_assert_str_eq(text_of(&s), "192.0.2.1:1024 > 198.51.100.1:80 [S] seq 1 win 64240 len 0 "
				      "<mss 1460,sackOK,TS val 7 ecr 0,wscale 7>");
}
END_TEST

START_TEST(data_with_sack)
{
	struct segment s = seg_data(server_of(6), client_of(6), 5, 9, "abc", 3);

	seg_sack(&s, 20, 30);
	seg_sack(&s, 40, 50);
	ck_assert_str_eq(text_of(&s), "[2001:db8:1::80]:80 > [2001:db8::1]:1024 [P.] seq 5 ack 9 "
				      "win 64240 len 3 <sack 2 {20:30}{40:50}>");
}
END_TEST

START_TEST(all_flags)
{
	struct segment s = seg_bare(client_of(4), server_of(4), TCP_FLAGS_ALL, 1, 2);

	s.urgent = 3;
	ck_assert_str_eq(text_of(&s), "192.0.2.1:1024 > 198.51.100.1:80 [FSRP.UEWe+7] seq 1 ack 2 "
				      "win 64240 urg 3 len 0");
	s.flags = 0;
	ck_assert_str_eq(text_of(&s),
			 "192.0.2.1:1024 > 198.51.100.1:80 [none] seq 1 win 64240 len 0");
}
END_TEST

START_TEST(options_that_are_only_named)
{
	static const uint8_t opt[] = {34, 2, 30, 4, 0, 0, 99, 2, 29, 4, 0, 0, 2, 0};
	struct segment s = seg_rst(client_of(4), server_of(4), 1);
	struct seg_packet p;

	p.len = seg_bytes_raw(&s, opt, sizeof(opt), p.data, sizeof(p.data));
	ck_assert_str_eq(pkt_format(seg_parse(&p), text, sizeof(text)),
			 "192.0.2.1:1024 > 198.51.100.1:80 [R] seq 1 win 0 len 0 "
			 "<tfo,mptcp,ao,unknown,malformed>");
}
END_TEST

START_TEST(an_icmp_error)
{
	struct segment s = seg_ack(server_of(4), client_of(4), 5, 9);
	struct seg_packet p;
	uint8_t quote[100];
	uint32_t len = seg_bytes(&s, quote, sizeof(quote));

	p.len = seg_icmp_error(seg_end("203.0.113.9", 0).addr, 3, 4, 1400, quote, len, p.data,
			       sizeof(p.data));
	ck_assert_str_eq(pkt_format(seg_parse(&p), text, sizeof(text)),
			 "203.0.113.9 > 198.51.100.1 icmp 3/4 about "
			 "198.51.100.1:80 > 192.0.2.1:1024 seq 5");
}
END_TEST

START_TEST(other_packets)
{
	struct segment s = seg_ack(client_of(4), server_of(4), 5, 9);
	struct seg_packet p;

	seg_packet(&p, &s);
	p.data[6] = 0x20;
	ck_assert_str_eq(pkt_format(seg_parse(&p), text, sizeof(text)),
			 "192.0.2.1:1024 > 198.51.100.1:80 fragment proto 6 len 40");
	p.data[7] = 9;
	ck_assert_str_eq(pkt_format(seg_parse(&p), text, sizeof(text)),
			 "192.0.2.1 > 198.51.100.1 fragment proto 6 len 40");
	p.data[6] = p.data[7] = 0;
	p.data[9] = 47;
	ck_assert_str_eq(pkt_format(seg_parse(&p), text, sizeof(text)),
			 "192.0.2.1 > 198.51.100.1 proto 47 len 40");
	p.data[0] = 0;
	ck_assert_str_eq(pkt_format(seg_parse(&p), text, sizeof(text)), "not IP, len 40");
}
END_TEST

/* The longest line: long addresses, every number at its widest, the options that need most room. */
START_TEST(the_longest_line_fits)
{
	struct seg_end a = seg_end("2001:db8:1111:2222:3333:4444:5555:6666", 65535);
	struct segment s = seg_bare(a, a, TCP_FLAGS_ALL, UINT32_MAX, UINT32_MAX);
	uint8_t opt[40];
	struct seg_packet p;
	size_t len;

	s.window = s.urgent = 65535;
	memset(opt, 0xff, sizeof(opt));
	memcpy(opt, (uint8_t[]){5, 34}, 2); /* four blocks, then what fits into six bytes */
	memcpy(opt + 34, (uint8_t[]){4, 2, 34, 2, 99, 0}, 6);
	p.len = seg_bytes_raw(&s, opt, 40, p.data, sizeof(p.data));
	seg_parse(&p);
	p.pkt.payload_len = UINT32_MAX;
	len = strlen(pkt_format(&p.pkt, text, sizeof(text)));
	ck_assert_uint_lt(len + 20, sizeof(text)); /* other sets of options: a few bytes more */
	ck_assert_int_eq(text[len - 1], '>');
}
END_TEST

START_TEST(any_size_of_buffer_will_do)
{
	struct segment s = seg_syn(client_of(6), server_of(6), 1);
	char whole[PKT_TEXT_MAX];
	size_t cap;

	snprintf(whole, sizeof(whole), "%s", text_of(&s));
	for (cap = 1; cap < sizeof(whole); cap++) {
		char *small = malloc(cap);
		struct seg_packet p;

		pkt_format(seg_packet(&p, &s), small, cap);
		ck_assert_int_eq(strncmp(small, whole, cap - 1), 0);
		ck_assert_uint_eq(strlen(small), strlen(whole) < cap ? strlen(whole) : cap - 1);
		free(small);
	}
	ck_assert_ptr_eq(tcp_flags_format(TCP_SYN, whole, 0), whole);
}
END_TEST

START_TEST(names_of_flags)
{
	char buf[64];

	ck_assert_str_eq(tcp_flags_format(0, buf, sizeof(buf)), "none");
	ck_assert_str_eq(tcp_flags_format(TCP_SYN | TCP_ECE | TCP_CWR, buf, sizeof(buf)),
			 "SYN|ECE|CWR");
	ck_assert_str_eq(tcp_flags_format(TCP_FLAGS_ALL, buf, sizeof(buf)),
			 "FIN|SYN|RST|PSH|ACK|URG|ECE|CWR|AE|reserved-7");
	ck_assert_str_eq(tcp_flags_format(0x200, buf, sizeof(buf)), "reserved-1");
}
END_TEST

TCase *text_cases(void)
{
	TCase *t = tcase_create("text");

	tcase_add_test(t, a_syn);
	tcase_add_test(t, data_with_sack);
	tcase_add_test(t, all_flags);
	tcase_add_test(t, options_that_are_only_named);
	tcase_add_test(t, an_icmp_error);
	tcase_add_test(t, other_packets);
	tcase_add_test(t, the_longest_line_fits);
	tcase_add_test(t, any_size_of_buffer_will_do);
	tcase_add_test(t, names_of_flags);
	return t;
}
