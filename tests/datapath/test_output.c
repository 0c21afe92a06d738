/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Large packets: cut here, or handed to a TUN device, or why not. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "datapath/cut.h"
#include "datapath/output.h"
#include "datapath/tool.h"
#include "netns.h"

#define QUEUE 4711
#define MSS   1400

static const char *no_netns; /* why there is none */
static uint8_t payload[60000];
static struct actions out;

/* large() - a packet of @len bytes in @n pieces. */
static struct guard_tx *large(int family, uint32_t len, unsigned n, uint16_t flags)
{
	struct segment s = {
		.sport = 80, .dport = 4000, .flags = flags, .seq = 0xfffff000, .ack = 7};
	struct guard_tx *tx = &out.tx[0];
	uint32_t at = 0;

	ip_addr_parse(&s.src, family == 4 ? "192.0.2.1" : "2001:db8::1");
	ip_addr_parse(&s.dst, family == 4 ? "198.51.100.1" : "2001:db8:1::1");
	s.opt.present = TCP_OPT_TIMESTAMPS;
	s.ip_id = 65530;
	s.payload_len = len;
	*tx = (struct guard_tx){.family = (uint8_t)family, .gso_size = MSS, .n_pieces = (uint8_t)n};
	tx->len = (uint16_t)segment_headers(&s, tx->data, sizeof(tx->data));
	for (unsigned i = 0; i < n; i++) {
		uint32_t part = i + 1 == n ? len - at : len / n;

		out.piece[i] = (struct guard_piece){payload + at, part};
		at += part;
	}
	out.n_tx = 1;
	out.n_pieces = n;
	return tx;
}

/* verify() - @s is the segment of @tx at @at. */
static void verify(const struct guard_tx *tx, const struct cut_segment *s, uint32_t at,
		   uint32_t all, uint16_t flags)
{
	uint8_t packet[SEGMENT_HEADERS_MAX + sizeof(payload)];
	uint32_t len = s->headers_len + s->len;
	bool last = at + s->len == all;
	struct pkt p;

	memcpy(packet, s->headers, s->headers_len);
	memcpy(packet + s->headers_len, s->payload, s->len);
	ck_assert_int_eq(pkt_parse(&p, packet, len, len, PKT_CSUM_UNVERIFIED), 0);
	ck_assert_uint_eq(p.len, len);
	ck_assert_int_eq(p.kind, PKT_TCP);
	ck_assert(pkt_checksum_ok(&p));
	ck_assert_uint_eq(p.payload_len, s->len);
	ck_assert_mem_eq(packet + p.l4_off + p.tcp_hdr_len, payload + at, s->len);
	ck_assert_uint_eq(p.seq, 0xfffff000 + at);
	if (at > 0)
		flags &= (uint16_t)~TCP_CWR;
	if (!last)
		flags &= (uint16_t) ~(TCP_FIN | TCP_PSH);
	ck_assert_uint_eq(p.flags, flags);
	ck_assert(last || s->len == tx->gso_size || tx->gso_size == 0);
	if (tx->family == 4)
		ck_assert_uint_eq((uint16_t)(packet[4] << 8 | packet[5]),
				  (uint16_t)(65530 + at / MSS));
}

START_TEST(a_cut_packet_is_many_good_ones)
{
	static const uint32_t lens[] = {1, MSS, MSS + 1, 10 * MSS, 50001};
	int family = _i;
	uint16_t flags = TCP_ACK | TCP_PSH | TCP_FIN | TCP_CWR;

	for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
		struct guard_tx *tx = large(family, lens[i], 1, flags);
		struct cut_segment s;
		struct cut c;
		uint32_t at = 0;

		cut_begin(&c, tx, payload, lens[i]);
		for (; cut_next(&c, &s); at += s.len)
			verify(tx, &s, at, lens[i], flags);
		ck_assert_uint_eq(at, lens[i]);
	}
}
END_TEST

START_TEST(without_a_size_it_is_left_whole)
{
	struct guard_tx *tx = large(6, 5000, 1, TCP_ACK | TCP_FIN);
	struct cut_segment s;
	struct cut c;

	tx->gso_size = 0;
	cut_begin(&c, tx, payload, 5000);
	ck_assert(cut_next(&c, &s));
	verify(tx, &s, 0, 5000, TCP_ACK | TCP_FIN);
	ck_assert(!cut_next(&c, &s));
}
END_TEST

/* ---- with a kernel ---- */

/* be_router() - before Linux 6.17, IPv6 is forwarded for all devices or for none. */
static void be_router(void)
{
	FILE *all;

	if (access("/proc/sys/net/ipv6/conf/lo/force_forwarding", F_OK) == 0)
		return;
	all = fopen("/proc/sys/net/ipv6/conf/all/forwarding", "w");
	if (all) {
		fputs("1", all);
		fclose(all);
	}
}

/*
 * opened() - an output with its device, in a namespace where there is a way to the IPv4 source: the
 * reverse path filter asks for one.
 */
static bool opened(struct output *o)
{
	static const char *const address[] = {"ip", "addr", "add", "192.0.2.1", "dev", "lo", NULL};
	char error[TOOL_ERROR_MAX];
	int rc;

	if (no_netns)
		return false;
	be_router();
	tool_run(address, NULL, 0, error);
	ck_assert_int_eq(output_open(o, 0x10), 0);
	rc = output_open_large(o, QUEUE, 0);
	if (rc == -ENOENT || rc == -EPERM || rc == -ENODEV) {
		char why[TUN_WHY_MAX];

		printf("no TUN device here: %s\n", tun_why(&o->tun, 4, why));
		output_close(o);
		return false;
	}
	ck_assert_msg(rc == 0, "%s", o->tun.why);
	return true;
}

static bool exists(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s", name);
	return access(path, F_OK) == 0;
}

START_TEST(the_device_comes_and_goes)
{
	struct output o, second;

	if (!opened(&o))
		return;
	ck_assert(exists("tcpguard4711"));
	ck_assert_int_eq(output_open_large(&o, QUEUE, 0), 0);
	/* another worker's queue of the same device, another daemon's device */
	ck_assert_int_eq(output_open(&second, 0x10), 0);
	ck_assert_int_eq(output_open_large(&second, QUEUE, 1), 0);
	output_close(&second);
	ck_assert_int_eq(output_open(&second, 0x10), 0);
	ck_assert_int_eq(output_open_large(&second, 9, 0), 0);
	ck_assert(exists("tcpguard9"));
	output_close(&second);
	ck_assert(!exists("tcpguard9") && exists("tcpguard4711"));
	output_close(&o);
	ck_assert(!exists("tcpguard4711"));
}
END_TEST

START_TEST(a_name_that_is_taken_is_said)
{
	struct output o, other;
	char why[TUN_WHY_MAX];

	if (!opened(&o))
		return;
	output_close(&o);
	ck_assert_int_eq(output_open(&o, 0x10), 0);
	ck_assert_int_eq(output_open(&other, 0x10), 0);
	/* "lo" is no device of ours */
	ck_assert_ptr_null(netns_rename_lo("tcpguard4711"));
	ck_assert_int_lt(output_open_large(&other, QUEUE, 0), 0);
	ck_assert_ptr_nonnull(strstr(tun_why(&other.tun, 4, why), "tcpguard4711 cannot be made"));
	ck_assert_ptr_null(netns_rename_lo("lo"));
	output_close(&other);
	output_close(&o);
}
END_TEST

/* Packets that nobody would miss: their probes say what becomes of them. */
START_TEST(what_does_not_get_through_goes_another_way)
{
	struct output o;
	char why[TUN_WHY_MAX];
	int family = _i;

	if (!opened(&o))
		return;
	large(family, 50000, 13, TCP_ACK);
	output_send(&o, &out, 1000000);
	ck_assert_uint_eq(out.n_tx, 0);
	ck_assert_uint_eq(out.n_pieces, 0);
	ck_assert_uint_eq(o.stats.large, 1);
	ck_assert_uint_eq(o.stats.cut, 0);
	ck_assert_str_eq(tun_why(&o.tun, family, why), "");
	ck_assert_ptr_null(netns_down("tcpguard4711"));
	large(family, 50000, 13, TCP_ACK);
	output_send(&o, &out, 12000000); /* sends one */
	large(family, 50000, 13, TCP_ACK);
	output_send(&o, &out, 13000000); /* misses it */
	ck_assert_uint_eq(o.stats.cut, 2);
	ck_assert_str_eq(tun_why(&o.tun, family, why), "tcpguard4711 is down");
	output_close(&o);
}
END_TEST

START_TEST(all_workers_have_a_way)
{
	struct output o[4];

	if (!opened(&o[0]))
		return;
	for (uint16_t i = 1; i < 4; i++) {
		ck_assert_int_eq(output_open(&o[i], 0x10), 0);
		ck_assert_int_eq(output_open_large(&o[i], QUEUE, i), 0);
	}
	for (int family = 4; family <= 6; family += 2) {
		for (unsigned i = 0; i < 4; i++) {
			o[i].stats.large = 0;
			large(family, 50000, 13, TCP_ACK);
			output_send(&o[i], &out, 1000000);
			ck_assert_uint_eq(o[i].stats.large, 1);
		}
	}
	for (unsigned i = 0; i < 4; i++)
		output_close(&o[i]);
}
END_TEST

START_TEST(too_much_is_refused)
{
	struct output o;

	if (!opened(&o))
		return;
	large(4, 50000, 2, TCP_ACK);
	out.piece[1].len = 60000;
	output_send(&o, &out, 1000000);
	ck_assert_uint_eq(o.raw.stats.errors, 1);
	ck_assert_uint_eq(o.raw.stats.sent, 0);
	output_close(&o);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("output");
	TCase *pure = tcase_create("cut"), *kernel = tcase_create("device");
	SRunner *r;
	int failed;

	no_netns = netns_enter();
	if (no_netns)
		printf("without a device: %s\n", no_netns);
	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)(i % 251);
	tcase_add_loop_test(pure, a_cut_packet_is_many_good_ones, 4, 5);
	tcase_add_loop_test(pure, a_cut_packet_is_many_good_ones, 6, 7);
	tcase_add_test(pure, without_a_size_it_is_left_whole);
	tcase_add_test(kernel, the_device_comes_and_goes);
	tcase_add_test(kernel, a_name_that_is_taken_is_said);
	tcase_add_loop_test(kernel, what_does_not_get_through_goes_another_way, 4, 5);
	tcase_add_loop_test(kernel, what_does_not_get_through_goes_another_way, 6, 7);
	tcase_add_test(kernel, all_workers_have_a_way);
	tcase_add_test(kernel, too_much_is_refused);
	suite_add_tcase(s, pure);
	suite_add_tcase(s, kernel);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
