/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Windows, where client, promise and server scale them differently: nobody may believe in more than there is. */
#include "fixture.h"

static void setup(void)
{
	fx_open(GUARD_MODE_ALWAYS);
	fx_teach_linux();
}

static const int shifts[] = {-1, 0, 7, 14};
#define N_SHIFTS 4

struct scales {
	int client, promised, server; /* -1: none */
};

static struct scales scales_of(int i)
{
	return (struct scales){shifts[i / 16], shifts[i / 4 % 4], shifts[i % 4]};
}

/* shift_of() - what both ends of one leg agreed upon: the shift of @own, if @other has one, too. */
static unsigned shift_of(int own, int other)
{
	return own >= 0 && other >= 0 ? (unsigned)own : 0;
}

static void put_scale(struct segment *s, int shift)
{
	seg_without(s, TCP_OPT_WSCALE);
	if (shift >= 0)
		seg_wscale(s, (uint8_t)shift);
}

/* splice_scaled() - a client, a promise and a server of these scales. Returns the guard's last ACKs. */
static void splice_scaled(struct fx_conn *c, struct scales s, uint16_t client_window,
			  uint16_t server_window)
{
	struct segment synack = seg_synack(fx.server, fx.client, 1, 1), syn, ack;

	put_scale(&synack, s.promised);
	fx_teach(&synack);
	*c = fx_conn();
	c->timestamps = false;
	syn = fx_conn_syn(c);
	put_scale(&syn, s.client);
	fx_challenge(c, &syn);
	ack = fx_conn_ack(c);
	ack.window = client_window;
	fx_drop(&ack, GUARD_DROP_CONSUMED);
	/* the guard must not offer what the client does not use */
	ck_assert_int_eq((fx_sent(0)->opt.present & TCP_OPT_WSCALE) != 0,
			 s.client >= 0 && s.promised >= 0);
	synack = fx_conn_synack(c);
	synack.window = server_window;
	/* no server scales that was not asked */
	put_scale(&synack, fx_sent(0)->opt.present & TCP_OPT_WSCALE ? s.server : -1);
	fx_drop(&synack, GUARD_DROP_CONSUMED);
	ck_assert_uint_eq(fx.n_sent, 2);
}

/* check_belief() - never more than the truth, and no less than a unit of the reader's scale below it. */
static void check_belief(uint16_t field, unsigned shift, uint32_t truth, int i)
{
	uint64_t belief = (uint64_t)field << shift;

	ck_assert_msg(belief <= truth, "combination %d: believes %llu, truth %u", i,
		      (unsigned long long)belief, truth);
	ck_assert_msg(field == 0xffff || truth - belief < 1u << shift,
		      "combination %d: believes only %llu of %u", i, (unsigned long long)belief,
		      truth);
}

START_TEST(windows_are_never_more_than_the_truth)
{
	static const uint16_t windows[] = {0, 1, 127, 128, 500, 16384, 65535};
	struct scales s = scales_of(_i);
	/* what each reader of a window believes about its scale, and what the writer means by it */
	int offered = s.client >= 0 && s.promised >= 0 ? s.client : -1;
	int answered = offered >= 0 ? s.server : -1;
	/* of a server's large scale the client is told a smaller one: small units, never too much */
	unsigned client_reads =
			 shift_of(s.promised > PROMISE_WSCALE_MAX ? PROMISE_WSCALE_MAX : s.promised,
				  s.client),
		 client_means = shift_of(s.client, s.promised);
	unsigned server_reads = shift_of(offered, answered),
		 server_means = shift_of(answered, offered);
	struct fx_conn c;

	for (size_t i = 0; i < ARRAY_SIZE(windows); i++) {
		uint16_t w = windows[i];
		struct segment seg;

		setup();
		splice_scaled(&c, s, w, w);
		/* the guard's ACK to the server; its window update to the client, from an unscaled SYN-ACK */
		check_belief(fx_sent(0)->window, server_reads, (uint32_t)w << client_means, _i);
		/* kept in units of the server's own scale, so down to a multiple of that */
		check_belief(fx_sent(1)->window, client_reads,
			     (uint32_t)w >> server_means << server_means, _i);
		/* and every segment that passes */
		seg = fx_from_client(&c, TCP_ACK, 1, 1, 0);
		seg.window = w;
		check_belief(fx_replaced(&seg)->window, server_reads, (uint32_t)w << client_means,
			     _i);
		seg = fx_from_server(&c, TCP_ACK, 1, 1, 0);
		seg.window = w;
		check_belief(fx_replaced(&seg)->window, client_reads, (uint32_t)w << server_means,
			     _i);
		/* a repeated SYN-ACK is acknowledged with the client's window, too */
		seg = fx_conn_synack(&c);
		fx_drop(&seg, GUARD_DROP_CONSUMED);
		check_belief(fx_sent(0)->window, server_reads, (uint32_t)w << client_means, _i);
		fx_close();
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("core/windows");
	TCase *tc = tcase_create("scales");

	tcase_add_loop_test(tc, windows_are_never_more_than_the_truth, 0,
			    N_SHIFTS * N_SHIFTS * N_SHIFTS);
	suite_add_tcase(suite, tc);
	return fx_run(suite);
}
