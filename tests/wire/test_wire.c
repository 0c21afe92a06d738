/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test_wire.h"

uint64_t first_seed(void)
{
	const char *text = getenv("TEST_SEED");

	return text ? strtoull(text, NULL, 0) : 1;
}

struct seg_end client_of(int family)
{
	return family == 4 ? seg_end("192.0.2.1", 1024) : seg_end("2001:db8::1", 1024);
}

struct seg_end server_of(int family)
{
	return family == 4 ? seg_end("198.51.100.1", 80) : seg_end("2001:db8:1::80", 80);
}

uint8_t *exact_copy(const void *bytes, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);

	ck_assert_ptr_nonnull(copy);
	if (len > 0)
		memcpy(copy, bytes, len);
	return copy;
}

int parse_at(struct pkt *p, uint8_t *bytes, uint32_t len)
{
	return pkt_parse(p, bytes, len, len, PKT_CSUM_FULL);
}

static struct ip_addr random_addr(struct seg_random *r, bool v4)
{
	struct ip_addr a;

	if (v4)
		return ip_addr_v4((be32)seg_random_next(r));
	seg_random_bytes(r, &a, sizeof(a));
	((uint8_t *)&a)[0] = 0x20; /* never a mapped one */
	return a;
}

/* random_word() - with the values where sums and windows have their corners. */
static uint32_t random_word(struct seg_random *r)
{
	static const uint32_t corners[] = {0,	       1,	   0xffff,     0x10000,
					   0xffff0000, 0xffffffff, 0x7fffffff, 0x80000000};

	if (seg_random_below(r, 4) == 0)
		return corners[seg_random_below(r, ARRAY_SIZE(corners))];
	return (uint32_t)seg_random_next(r);
}

static void random_segment_options(struct seg_random *r, struct segment *s)
{
	uint32_t which = (uint32_t)seg_random_next(r), n;

	if (which & 1)
		seg_mss(s, (uint16_t)seg_random_next(r));
	if (which & 2)
		seg_wscale(s, (uint8_t)seg_random_below(r, TCP_WSCALE_MAX + 1));
	if (which & 4)
		seg_sack_permitted(s);
	if (which & 8)
		seg_timestamps(s, random_word(r), random_word(r));
	if ((which & 16) && !(which & 7))
		for (n = seg_random_below(r, which & 8 ? 3 : 4) + 1; n > 0; n--)
			seg_sack(s, random_word(r), random_word(r));
}

struct segment random_segment(struct seg_random *r)
{
	static uint8_t payload[PAYLOAD_MAX];
	bool v4 = seg_random_below(r, 2);
	struct segment s = {
		.src = random_addr(r, v4),
		.dst = random_addr(r, v4),
		.sport = (uint16_t)seg_random_next(r),
		.dport = (uint16_t)seg_random_next(r),
		.seq = random_word(r),
		.ack = random_word(r),
		.flags = seg_random_next(r) & TCP_FLAGS_ALL,
		.window = (uint16_t)random_word(r),
		.urgent = (uint16_t)random_word(r),
		.ttl = (uint8_t)(1 + seg_random_below(r, 255)),
		.tos = (uint8_t)seg_random_next(r),
		.ip_id = (uint16_t)seg_random_next(r),
	};

	random_segment_options(r, &s);
	if (seg_random_below(r, 2)) {
		s.payload = payload;
		s.payload_len = seg_random_below(r, seg_random_below(r, 8) ? 64 : PAYLOAD_MAX);
		seg_random_bytes(r, payload, s.payload_len);
	}
	return s;
}

uint32_t random_options(struct seg_random *r, uint8_t *opt)
{
	/* Kind and length; 30 and 99 are any others. */
	static const uint8_t menu[][2] = {{8, 10}, {5, 10}, {5, 18}, {5, 26}, {5, 34},
					  {3, 3},  {2, 4},  {4, 2},  {99, 5}, {30, 12}};
	uint32_t used = 0;

	while (used < 40) {
		const uint8_t *o = menu[seg_random_below(r, ARRAY_SIZE(menu))];

		opt[used] = 1;
		if (seg_random_below(r, 3) == 0) {
			used++;
			continue;
		}
		if (used + o[1] > 40)
			break;
		seg_random_bytes(r, opt + used, o[1]);
		opt[used] = o[0];
		opt[used + 1] = o[1];
		used += o[1];
	}
	return used;
}

uint32_t random_packet(struct seg_random *r, uint8_t *buf, size_t cap)
{
	struct segment s = random_segment(r);
	uint8_t opt[40];

	if (seg_random_below(r, 2))
		return seg_bytes(&s, buf, cap);
	return seg_bytes_raw(&s, opt, random_options(r, opt), buf, cap);
}

bool l4_checksum_is_right(const struct pkt *p)
{
	const uint8_t *l4 = p->data + p->l4_off;
	const uint8_t *field = l4 + (p->protocol == 6 ? 16 : 2);

	return (field[0] << 8 | field[1]) ==
	       seg_checksum(&p->src, &p->dst, p->protocol, l4, p->len - p->l4_off);
}

int main(void)
{
	Suite *suite = suite_create("wire");
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, checksum_cases());
	suite_add_tcase(suite, build_cases());
	suite_add_tcase(suite, ip_cases());
	suite_add_tcase(suite, options_cases());
	suite_add_tcase(suite, packet_cases());
	suite_add_tcase(suite, quote_cases());
	suite_add_tcase(suite, rewrite_cases());
	suite_add_tcase(suite, text_cases());
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
