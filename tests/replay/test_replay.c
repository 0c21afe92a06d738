/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of the replay: clock, frames, pcapng blocks, onset, the run as a whole. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "replay/clock.h"
#include "replay/decode.h"
#include "replay/result.h"
#include "story.h"

#define SECOND USEC_PER_SEC

/* ---- clock ---- */

static usec_t tick(struct replay_clock *c, usec_t time)
{
	struct frame f = {.timed = true, .time = time};

	return clock_frame(c, &f);
}

START_TEST(clock_starts_away_from_zero_and_follows)
{
	struct replay_clock c = {0};

	ck_assert_uint_eq(tick(&c, 0), CLOCK_START);
	ck_assert_uint_eq(tick(&c, 5), CLOCK_START + 5);
	ck_assert_uint_eq(tick(&c, 3600 * SECOND), CLOCK_START + 3600 * SECOND);
	ck_assert_uint_eq(c.trouble[TROUBLE_GAP], 0);
}
END_TEST

START_TEST(clock_never_runs_backwards)
{
	struct replay_clock c = {0};
	usec_t start = tick(&c, 50 * SECOND);

	/* given two interleaved sources, one of them half a minute late */
	for (int i = 1; i < 100; i++) {
		ck_assert_uint_eq(tick(&c, 50 * SECOND + i), start + i);
		ck_assert_uint_eq(tick(&c, 20 * SECOND + i * SECOND / 10), start + i);
	}
	ck_assert_uint_eq(c.trouble[TROUBLE_BACKWARDS], 99);
	ck_assert_uint_eq(c.trouble[TROUBLE_CLOCK_SET], 0);
}
END_TEST

START_TEST(clock_goes_on_when_it_was_set_back)
{
	struct replay_clock c = {0};
	usec_t last = tick(&c, 5000 * SECOND), end;

	for (int i = 0; i <= 30; i++) {
		usec_t now = tick(&c, 10 * SECOND + i * SECOND / 10);

		ck_assert_uint_ge(now, last);
		last = now;
	}
	end = last;
	ck_assert_uint_eq(c.trouble[TROUBLE_CLOCK_SET], 1);
	ck_assert_uint_eq(end, CLOCK_START + 2 * SECOND); /* a second was lost in doubt */
}
END_TEST

START_TEST(clock_shortens_long_gaps)
{
	struct replay_clock c = {0};

	tick(&c, 1);
	ck_assert_uint_eq(tick(&c, (usec_t)1 << 60), CLOCK_START + CLOCK_GAP_MAX);
	ck_assert_uint_eq(tick(&c, ((usec_t)1 << 60) + 7), CLOCK_START + CLOCK_GAP_MAX + 7);
	ck_assert_uint_eq(c.trouble[TROUBLE_GAP], 1);
}
END_TEST

START_TEST(clock_without_times_stands_still)
{
	struct replay_clock c = {0};
	struct frame f = {.timed = false};

	ck_assert_uint_eq(clock_frame(&c, &f), CLOCK_START);
	ck_assert_uint_eq(tick(&c, 77), CLOCK_START);
	ck_assert_uint_eq(tick(&c, 78), CLOCK_START + 1);
	ck_assert_uint_eq(clock_frame(&c, &f), CLOCK_START + 1);
	ck_assert_uint_eq(c.trouble[TROUBLE_NO_TIME], 2);
}
END_TEST

/* ---- onset ---- */

START_TEST(onset_is_where_the_rate_rises)
{
	usec_t t[400], now = 0;
	uint32_t n = 0;

	/* given a straggler each second, and then 1,000 SYN/s */
	while (n < 50)
		t[n++] = now += SECOND;
	while (n < 200)
		t[n++] = now += SECOND / 1000;
	ck_assert_uint_ge(onset_split(t, n, 0, now), 49);
	ck_assert_uint_le(onset_split(t, n, 0, now), 50);
}
END_TEST

START_TEST(onset_of_an_even_flood_is_its_first)
{
	usec_t t[400];

	for (uint32_t i = 0; i < 400; i++)
		t[i] = i * 1000;
	ck_assert_uint_eq(onset_split(t, 400, 0, t[399]), 0);
}
END_TEST

START_TEST(onset_of_a_flood_that_grows_is_its_first_syn)
{
	usec_t t[200], now = 30 * SECOND;

	/* given silence for half a minute, then 1,000 SYN/s that become 10,000 */
	for (uint32_t i = 0; i < 200; i++)
		t[i] = now += i < 20 ? 1000 : 100;
	ck_assert_uint_eq(onset_split(t, 200, 0, now), 0);
}
END_TEST

START_TEST(onset_is_not_misled_by_bursts)
{
	usec_t t[128];

	/* given packets that come in bursts of 32, as network cards deliver them */
	for (uint32_t i = 0; i < 128; i++)
		t[i] = i / 32 * 3200;
	ck_assert_uint_eq(onset_split(t, 128, 0, t[127]), 0);
}
END_TEST

START_TEST(onset_needs_more_than_a_handful)
{
	usec_t t[10] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};

	ck_assert_uint_eq(onset_split(t, 10, 0, 10), 0);
	ck_assert_uint_eq(onset_split(t, 0, 0, 10), 0);
}
END_TEST

/* ---- frames ---- */

static enum replay_trouble trouble_with(const struct frame *f)
{
	static struct decoder d;
	struct pkt p;

	memset(&d, 0, sizeof(d));
	if (decode_frame(&d, f, &p))
		return TROUBLE_COUNT;
	for (unsigned i = 0; i < TROUBLE_COUNT; i++) {
		if (d.trouble[i])
			return i;
	}
	ck_abort_msg("refused without a reason");
	return TROUBLE_COUNT;
}

START_TEST(frames_that_carry_nothing_are_named)
{
	uint8_t arp[60] = {[12] = 0x08, [13] = 0x06};
	uint8_t vlan[60] = {[12] = 0x81, [16] = 0x81, [20] = 0x81};
	uint8_t bad[60] = {[12] = 0x08, [14] = 0x41};
	uint8_t tcp[60] = {[12] = 0x08, [14] = 0x45, [17] = 46, [23] = 6, [46] = 0x10};
	struct frame f = {.link = 1, .cap_len = 60, .len = 60};

	f.data = arp;
	ck_assert_int_eq(trouble_with(&f), TROUBLE_NOT_IP);
	f.data = vlan;
	ck_assert_int_eq(trouble_with(&f), TROUBLE_NOT_IP);
	f.data = bad;
	ck_assert_int_eq(trouble_with(&f), TROUBLE_BAD_IP);
	f.data = tcp;
	ck_assert_int_eq(trouble_with(&f), TROUBLE_BAD_TCP);
	f.cap_len = 0;
	ck_assert_int_eq(trouble_with(&f), TROUBLE_CUT);
	f.cap_len = 14;
	ck_assert_int_eq(trouble_with(&f), TROUBLE_CUT);
	f.cap_len = 40;
	ck_assert_int_eq(trouble_with(&f), TROUBLE_CUT);
	f.link = -1;
	ck_assert_int_eq(trouble_with(&f), TROUBLE_LINK_TYPE);
}
END_TEST

/* ---- files ---- */

/* replayed() - the whole way; @r is to be freed. The file is gone afterwards. */
static void replayed(struct replay *r, const struct writer *w)
{
	static const char text[] = "workers = 1\nservice \"web\" { listen = { \"10.0.0.1:80\" } }";
	static struct conf *c;
	char path[] = "/tmp/test_replay.XXXXXX", why[CAPTURE_WHY_MAX] = "";
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, w->data, w->len), (ssize_t)w->len);
	close(fd);
	if (!c)
		ck_assert_int_eq(conf_parse(text, strlen(text), "test", &c, NULL, NULL), 0);
	memset(r, 0, sizeof(*r));
	r->file = path;
	r->conf = c;
	ck_assert_msg(survey_capture(&r->survey, path, why) == 0, "%s", why);
	ck_assert_msg(replay_run_capture(r, why) == 0, "%s", why);
	unlink(path);
}

static const struct writer_tcp a_syn = {
	.src = 9, .dst = 1, .sport = 999, .dport = 80, .flags = 2, .options = true};

START_TEST(pcapng_names_what_it_cannot_use)
{
	struct writer w = {.format = WRITER_PCAPNG};
	uint32_t elsewhere[5] = {7}, overlong[5] = {0, 0, 0, 1000, 1000}, simple[20] = {60, 0};
	struct replay r;

	writer_begin(&w);
	writer_tcp(&w, 5 * SECOND, &a_syn);
	writer_block(&w, 0x0bad, "what?", 5); /* skipped in silence: so are the known others */
	writer_block(&w, 6, elsewhere, sizeof(elsewhere));
	writer_block(&w, 6, overlong, sizeof(overlong));
	writer_block(&w, 6, "short", 5);
	writer_block(&w, 3, simple, 64); /* no time, no IP */
	writer_tcp(&w, 6 * SECOND, &a_syn);
	replayed(&r, &w);
	ck_assert_uint_eq(r.survey.tcp, 2);
	ck_assert_uint_eq(r.survey.trouble[TROUBLE_NO_INTERFACE], 1);
	ck_assert_uint_eq(r.survey.trouble[TROUBLE_BAD_BLOCK], 2);
	ck_assert_uint_eq(r.survey.trouble[TROUBLE_NO_TIME], 1);
	ck_assert_uint_eq(r.survey.trouble[TROUBLE_NOT_IP], 1);
	ck_assert_str_eq(r.survey.damage, "");
	ck_assert_uint_eq(r.survey.duration, SECOND);
	replay_free(&r);
	writer_free(&w);
}
END_TEST

START_TEST(pcapng_sections_begin_anew)
{
	struct writer w = {.format = WRITER_PCAPNG}, v = {.format = WRITER_PCAPNG_SWAPPED};
	struct replay r;

	writer_begin(&w);
	writer_tcp(&w, 5 * SECOND, &a_syn);
	v.link = WRITER_RAW;
	writer_begin(&v);
	writer_tcp(&v, 7 * SECOND, &a_syn);
	writer_put(&w, v.data, v.len);
	replayed(&r, &w);
	ck_assert_uint_eq(r.survey.tcp, 2);
	ck_assert_uint_eq(r.survey.interfaces, 2);
	ck_assert_uint_eq(r.survey.n_links, 2);
	ck_assert_uint_eq(r.survey.duration, 2 * SECOND);
	replay_free(&r);
	writer_free(&w);
	writer_free(&v);
}
END_TEST

START_TEST(truncated_files_are_read_as_far_as_they_go)
{
	struct writer w = {.format = _i ? WRITER_PCAPNG : WRITER_PCAP};
	struct replay r;
	size_t whole;

	writer_begin(&w);
	writer_tcp(&w, 5 * SECOND, &a_syn);
	whole = w.len;
	writer_tcp(&w, 6 * SECOND, &a_syn);
	for (size_t len = whole; len < w.len; len++) {
		struct writer cut = w;

		cut.len = len;
		replayed(&r, &cut);
		ck_assert_uint_eq(r.survey.tcp, 1);
		ck_assert_int_eq(r.survey.damage[0] != '\0', len > whole);
		replay_free(&r);
	}
	writer_free(&w);
}
END_TEST

/* More of a frame than is looked at, and not only zeros: nothing of it may reach what was counted. */
START_TEST(long_frames_are_cut)
{
	static const enum writer_format formats[] = {WRITER_PCAP, WRITER_PCAPNG};
	uint8_t arp[1100] = {[12] = 0x08, [13] = 0x06};

	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		struct writer w = {.format = formats[i], .link = WRITER_RAW};
		struct replay r;
		uint8_t packet[3000];

		memset(packet, 'x', sizeof(packet));
		packet[0] = 0x75; /* no IP */
		writer_begin(&w);
		writer_tcp(&w, SECOND, &a_syn);
		writer_ip(&w, SECOND, arp, sizeof(arp), false);
		writer_ip(&w, SECOND, packet, sizeof(packet), false);
		replayed(&r, &w);
		ck_assert_uint_eq(r.survey.tcp, 1);
		ck_assert_uint_eq(r.survey.trouble[TROUBLE_LINK_TYPE], 0);
		ck_assert_uint_eq(
			r.survey.trouble[TROUBLE_BAD_IP] + r.survey.trouble[TROUBLE_NOT_IP], 2);
		replay_free(&r);
		writer_free(&w);
	}
}
END_TEST

START_TEST(jumbo_packets_count)
{
	struct writer w = {.format = WRITER_PCAPNG};
	struct writer_tcp big = a_syn;
	struct replay r;

	writer_begin(&w);
	writer_tcp(&w, SECOND, &a_syn);
	big.flags = 16;
	big.payload = 8948;
	writer_tcp(&w, SECOND, &big);
	big.payload = 64000; /* segmentation is done by the card */
	writer_tcp(&w, SECOND, &big);
	replayed(&r, &w);
	ck_assert_uint_eq(r.survey.tcp, 3);
	ck_assert_uint_eq(r.service[0].report.counters.packets_in, 3);
	replay_free(&r);
	writer_free(&w);
}
END_TEST

START_TEST(a_flood_is_noticed_soon_after_its_first_syn)
{
	struct writer w = {.format = WRITER_PCAP};
	const struct replay_attack *a;
	struct story_facts facts;
	struct story s;
	struct replay r;

	story_defaults(&s);
	s.seed = (uint64_t)_i + 1;
	s.flood = _i % 2 ? 1000 : 20000;
	writer_begin(&w);
	story_write(&s, &w, &facts);
	replayed(&r, &w);
	ck_assert_uint_eq(r.service[0].n_attacks, 1);
	a = &r.service[0].attack[0];
	ck_assert(a->onset_known);
	/* the estimate is right to a few packets of either kind */
	ck_assert_uint_le(a->onset.first, facts.first_flood + 10 * USEC_PER_MSEC);
	ck_assert_uint_ge(a->onset.first + 60 * USEC_PER_MSEC, facts.first_flood);
	ck_assert_uint_le(a->noticed, facts.first_flood + 100 * USEC_PER_MSEC);
	ck_assert_uint_ge(a->noticed, facts.first_flood);
	ck_assert(a->cookies);
	ck_assert_uint_eq(a->cookies_from, a->noticed);
	replay_free(&r);
	writer_free(&w);
}
END_TEST

START_TEST(clients_alone_are_no_flood)
{
	struct writer w = {.format = WRITER_PCAP};
	struct story_facts facts;
	struct story s;
	struct replay r;

	story_defaults(&s);
	s.flood = 0;
	s.clients = 1000;
	writer_begin(&w);
	story_write(&s, &w, &facts);
	replayed(&r, &w);
	ck_assert_uint_eq(r.service[0].n_attacks, 0);
	ck_assert_uint_ge(r.service[0].report.counters.completed, facts.clients - 50);
	ck_assert(!replay_one_direction(&r.service[0]));
	ck_assert_uint_ge(r.survey.answers, r.survey.synack);
	replay_free(&r);
	writer_free(&w);
}
END_TEST

START_TEST(widths_are_readable)
{
	ck_assert_uint_eq(replay_width(20 * SECOND, 600, 0), SECOND / 10);
	ck_assert_uint_eq(replay_width(20 * SECOND, 50, SECOND / 10), SECOND);
	ck_assert_uint_eq(replay_width(86400 * SECOND, 600, 0), 300 * SECOND);
	ck_assert_uint_eq(replay_width(0, 600, 0), SECOND / 100);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("replay");
	TCase *t = tcase_create("parts");
	SRunner *sr;
	int failed;

	tcase_set_timeout(t, 30);
	tcase_add_test(t, clock_starts_away_from_zero_and_follows);
	tcase_add_test(t, clock_never_runs_backwards);
	tcase_add_test(t, clock_goes_on_when_it_was_set_back);
	tcase_add_test(t, clock_shortens_long_gaps);
	tcase_add_test(t, clock_without_times_stands_still);
	tcase_add_test(t, onset_is_where_the_rate_rises);
	tcase_add_test(t, onset_of_an_even_flood_is_its_first);
	tcase_add_test(t, onset_of_a_flood_that_grows_is_its_first_syn);
	tcase_add_test(t, onset_is_not_misled_by_bursts);
	tcase_add_test(t, onset_needs_more_than_a_handful);
	tcase_add_test(t, frames_that_carry_nothing_are_named);
	tcase_add_test(t, pcapng_names_what_it_cannot_use);
	tcase_add_test(t, pcapng_sections_begin_anew);
	tcase_add_loop_test(t, truncated_files_are_read_as_far_as_they_go, 0, 2);
	tcase_add_test(t, jumbo_packets_count);
	tcase_add_test(t, long_frames_are_cut);
	tcase_add_loop_test(t, a_flood_is_noticed_soon_after_its_first_syn, 0, 6);
	tcase_add_test(t, clients_alone_are_no_flood);
	tcase_add_test(t, widths_are_readable);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
