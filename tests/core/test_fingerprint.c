/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fingerprints of SYNs, and their text there and back. */
#include <errno.h>
#include <stdlib.h>

#include "core/fingerprint.h"
#include "fixture.h"
#include "wire/layout.h"

static struct seg_packet packet;
static struct seg_end client, server;

static void setup(void)
{
	client = seg_end("192.0.2.1", 1024);
	server = seg_end("198.51.100.1", 80);
}

/* fingerprint_of() - of a SYN with these option bytes. */
static struct syn_fingerprint fingerprint_of(const struct segment *syn, const uint8_t *opt,
					     uint32_t n_opt)
{
	packet.len = seg_bytes_raw(syn, opt, n_opt, packet.data, sizeof(packet.data));
	seg_parse(&packet);
	ck_assert_int_eq(packet.error, 0);
	return syn_fingerprint(&packet.pkt);
}

static void check_round_trip(const struct syn_fingerprint *f)
{
	char text[FINGERPRINT_TEXT_MAX];
	struct syn_fingerprint back;

	syn_fingerprint_text(f, text, sizeof(text));
	ck_assert_uint_lt(strlen(text), sizeof(text) - 1);
	ck_assert_msg(syn_fingerprint_parse(&back, text) == 0, "%s", text);
	ck_assert_msg(syn_fingerprint_eq(f, &back), "%s", text);
}

/* What systems and tools send. */
static const struct {
	uint16_t flags, window;
	uint8_t ttl;
	uint8_t n_opt, opt[40];
	const char *text;
} known[] = {
	{TCP_SYN,
	 64240,
	 57,
	 20,
	 {2, 4, 0x05, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7},
	 "SYN window 64240 ttl 64 mss 1460 wscale 7 options mss,sackOK,ts,nop,wscale"},
	{TCP_SYN,
	 8192,
	 115,
	 12,
	 {2, 4, 0x05, 0xb4, 1, 3, 3, 8, 1, 1, 4, 2},
	 "SYN window 8192 ttl 128 mss 1460 wscale 8 options mss,nop,wscale,nop,nop,sackOK"},
	{TCP_SYN | TCP_ECE | TCP_CWR,
	 65535,
	 242,
	 0,
	 {0},
	 "SYN|ECE|CWR window 65535 ttl 255 options none"},
	{TCP_SYN, 1024, 31, 4, {2, 4, 0x05, 0xb4}, "SYN window 1024 ttl 32 mss 1460 options mss"},
	{TCP_SYN,
	 512,
	 64,
	 8,
	 {99, 4, 1, 2, 0, 2, 4, 5}, /* what stands behind the end counts for nothing */
	 "SYN window 512 ttl 64 options other,eol"},
	{TCP_SYN,
	 512,
	 65,
	 4,
	 {3, 3, 200, 1},
	 "SYN window 512 ttl 128 wscale 14 options wscale,nop"},
	{TCP_SYN, 0, 0, 4, {1, 2, 9, 1}, "SYN window 0 ttl 32 options nop,bad"},
	{TCP_SYN,
	 512,
	 64,
	 40,
	 {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	  1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1},
	 "SYN window 512 ttl 64 options nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,"
	 "nop,..."},
};

START_TEST(known_senders)
{
	struct segment syn = seg_bare(client, server, known[_i].flags, 1, 0);
	char text[FINGERPRINT_TEXT_MAX];
	struct syn_fingerprint f;

	syn.window = known[_i].window;
	syn.ttl = known[_i].ttl ? known[_i].ttl : 1;
	f = fingerprint_of(&syn, known[_i].opt, known[_i].n_opt);
	ck_assert_str_eq(syn_fingerprint_text(&f, text, sizeof(text)), known[_i].text);
	check_round_trip(&f);
}
END_TEST

START_TEST(what_changes_with_each_syn_is_not_in_it)
{
	struct segment a = seg_syn(client, server, 1);
	struct segment b = seg_syn(seg_end("203.0.113.9", 99), server, 77);
	struct seg_packet other;
	struct syn_fingerprint fa, fb;

	seg_timestamps(&a, 7, 0);
	seg_timestamps(&b, 12345, 0);
	b.ttl = 50; /* another way through the network */
	fa = syn_fingerprint(seg_packet(&packet, &a));
	fb = syn_fingerprint(seg_packet(&other, &b));
	ck_assert(syn_fingerprint_eq(&fa, &fb));
	b.window++;
	fb = syn_fingerprint(seg_packet(&other, &b));
	ck_assert(!syn_fingerprint_eq(&fa, &fb));
}
END_TEST

/* Any bytes at all for options, any flags. */
START_TEST(anything_there_and_back)
{
	struct segment syn = seg_bare(client, server, TCP_SYN, 1, 0);

	for (uint64_t seed = 1; seed <= 20000; seed++) {
		struct seg_random r = seg_random(seed);
		uint8_t opt[40];
		struct syn_fingerprint f;

		seg_random_bytes(&r, opt, sizeof(opt));
		for (unsigned i = 0; seed % 2 && i < sizeof(opt); i++)
			opt[i] = (uint8_t)(opt[i] % 12); /* more that has a meaning */
		syn.flags = TCP_SYN | (seg_random_next(&r) & TCP_FLAGS_ALL);
		syn.window = (uint16_t)seg_random_next(&r);
		f = fingerprint_of(&syn, opt, seg_random_below(&r, 11) * 4);
		check_round_trip(&f);
	}
}
END_TEST

START_TEST(none_is_none)
{
	struct syn_fingerprint f = {0}, back;
	char text[FINGERPRINT_TEXT_MAX];

	ck_assert_str_eq(syn_fingerprint_text(&f, text, sizeof(text)), "none");
	ck_assert_int_eq(syn_fingerprint_parse(&back, "none"), 0);
	ck_assert(syn_fingerprint_eq(&f, &back));
}
END_TEST

START_TEST(text_is_cut_where_the_room_ends)
{
	struct segment syn = seg_syn(client, server, 1);
	struct syn_fingerprint f = syn_fingerprint(seg_packet(&packet, &syn));
	char whole[FINGERPRINT_TEXT_MAX], part[FINGERPRINT_TEXT_MAX];

	syn_fingerprint_text(&f, whole, sizeof(whole));
	for (size_t cap = 1; cap <= strlen(whole) + 1; cap++) {
		memset(part, 'x', sizeof(part));
		syn_fingerprint_text(&f, part, cap);
		ck_assert_uint_eq(strlen(part), cap - 1);
		ck_assert_int_eq(strncmp(part, whole, cap - 1), 0);
		ck_assert_int_eq(part[cap], 'x');
	}
	syn_fingerprint_text(&f, part, 0);
}
END_TEST

static const char *const wrong[] = {
	"",
	" ",
	"SYN",
	"none ",
	"syn window 1 ttl 64 options none",
	"SYN| window 1 ttl 64 options none",
	"SYNC window 1 ttl 64 options none",
	"SYN window 1 ttl 64",
	"SYN window 1 ttl 64 options",
	"SYN window 1 ttl 64 options ",
	"SYN window 1 ttl 64 options none,mss",
	"SYN window 1 ttl 64 options mss,",
	"SYN window 1 ttl 64 options mss,,ts",
	"SYN window 1 ttl 64 options mssx",
	"SYN window 1 ttl 64 options none ",
	"SYN window 65536 ttl 64 options none",
	"SYN window -1 ttl 64 options none",
	"SYN window 1 ttl 256 options none",
	"SYN window 99999999999999999999 ttl 64 options none",
	"SYN window 1 ttl 64 mss 65536 options none",
	"SYN window 1 ttl 64 wscale 15 options none",
	"SYN window 1 ttl 64 wscale options none",
	"SYN ttl 64 window 1 options none",
	"SYN window 1 ttl 64 options nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop",
};

START_TEST(wrong_text)
{
	struct syn_fingerprint f;

	ck_assert_int_eq(syn_fingerprint_parse(&f, wrong[_i]), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fingerprint");
	TCase *tc = tcase_create("fingerprint");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_loop_test(tc, known_senders, 0, ARRAY_SIZE(known));
	tcase_add_test(tc, what_changes_with_each_syn_is_not_in_it);
	tcase_add_test(tc, anything_there_and_back);
	tcase_add_test(tc, none_is_none);
	tcase_add_test(tc, text_is_cut_where_the_room_ends);
	tcase_add_loop_test(tc, wrong_text, 0, ARRAY_SIZE(wrong));
	suite_add_tcase(suite, tc);
	return fx_run(suite);
}
