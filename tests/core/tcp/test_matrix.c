/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every state, every kind of segment, at every place: what is answered, and which state is next. The
 * table is RFC 9293 3.10.7 with RFC 5961, 1337 and 6191, written down by hand, and is played with the
 * wrap of the sequence numbers in many places.
 */
#include "lone.h"

#include <string.h>

enum kind { SYN, SYN_ACK, ACK, DATA, FIN, RST, KINDS };
enum place { BEFORE, LEFT, INSIDE, RIGHT, BEYOND, PLACES };

static const char *const kind_names[KINDS] = {"SYN", "SYN-ACK", "ACK", "data", "FIN", "RST"};
static const char *const place_names[PLACES] = {"before the window", "at its left edge", "inside",
						"at its last byte", "behind it"};

#define DATA_LEN 10

/*
 * A cell: first the answer - (nothing), A (ACK), S (SYN-ACK), R (RST), U (nothing, and the caller is
 * told that the ports are used again); then the next state, = for the same. All acknowledge everything
 * we have sent, which in SYN-RECEIVED, FIN-WAIT-1, CLOSING and LAST-ACK counts.
 */
#define SAME5(c)              \
	{                     \
		c, c, c, c, c \
	}
static const char *const expected[TCPS_COUNT][KINDS][PLACES] = {
	/*                BEFORE      LEFT        INSIDE      RIGHT       BEYOND */
	[TCPS_CLOSED] =
		{
			[SYN] = SAME5("R="),
			[SYN_ACK] = SAME5("R="),
			[ACK] = SAME5("R="),
			[DATA] = SAME5("R="),
			[FIN] = SAME5("R="),
			[RST] = SAME5("-="),
		},
	[TCPS_LISTEN] =
		{
			[SYN] = SAME5("SSYN_RECV"),
			[SYN_ACK] = SAME5("R="),
			[ACK] = SAME5("R="),
			[DATA] = SAME5("R="),
			[FIN] = SAME5("R="),
			[RST] = SAME5("-="),
		},
	[TCPS_SYN_SENT] =
		{
			[SYN] = SAME5("SSYN_RECV"),
			[SYN_ACK] = SAME5("AESTABLISHED"),
			[ACK] = SAME5("-="),
			[DATA] = SAME5("-="),
			[FIN] = SAME5("-="),
			[RST] = SAME5("-CLOSE"),
		},
	[TCPS_SYN_RECEIVED] =
		{
			[SYN] = SAME5("A="),
			[SYN_ACK] = SAME5("A="),
			[ACK] = {"A=", "-ESTABLISHED", "-ESTABLISHED", "-ESTABLISHED",
				 "-ESTABLISHED"},
			[DATA] = {"A=", "AESTABLISHED", "AESTABLISHED", "AESTABLISHED", "A="},
			[FIN] = {"A=", "ACLOSE_WAIT", "AESTABLISHED", "AESTABLISHED", "A="},
			[RST] = {"-=", "-CLOSE", "A=", "A=", "-="},
		},
	[TCPS_ESTABLISHED] =
		{
			[SYN] = SAME5("A="),
			[SYN_ACK] = SAME5("A="),
			[ACK] = {"A=", "-=", "-=", "-=", "-="},
			[DATA] = {"A=", "A=", "A=", "A=", "A="},
			[FIN] = {"A=", "ACLOSE_WAIT", "A=", "A=", "A="},
			[RST] = {"-=", "-CLOSE", "A=", "A=", "-="},
		},
	[TCPS_FIN_WAIT_1] =
		{
			[SYN] = SAME5("A="),
			[SYN_ACK] = SAME5("A="),
			[ACK] = {"A=", "-FIN_WAIT2", "-FIN_WAIT2", "-FIN_WAIT2", "-FIN_WAIT2"},
			[DATA] = {"A=", "AFIN_WAIT2", "AFIN_WAIT2", "AFIN_WAIT2", "A="},
			[FIN] = {"A=", "ATIME_WAIT", "AFIN_WAIT2", "AFIN_WAIT2", "AFIN_WAIT2"},
			[RST] = {"-=", "-CLOSE", "A=", "A=", "-="},
		},
	[TCPS_FIN_WAIT_2] =
		{
			[SYN] = SAME5("A="),
			[SYN_ACK] = SAME5("A="),
			[ACK] = {"A=", "-=", "-=", "-=", "-="},
			[DATA] = {"A=", "A=", "A=", "A=", "A="},
			[FIN] = {"A=", "ATIME_WAIT", "A=", "A=", "A="},
			[RST] = {"-=", "-CLOSE", "A=", "A=", "-="},
		},
	[TCPS_CLOSE_WAIT] =
		{
			[SYN] = SAME5("A="),
			[SYN_ACK] = SAME5("A="),
			[ACK] = {"A=", "-=", "-=", "-=", "-="},
			/* behind its FIN the peer has nothing to say */
			[DATA] = {"A=", "-=", "-=", "-=", "A="},
			[FIN] = {"A=", "-=", "-=", "-=", "A="},
			[RST] = {"-=", "-CLOSE", "A=", "A=", "-="},
		},
	[TCPS_CLOSING] =
		{
			[SYN] = SAME5("A="),
			[SYN_ACK] = SAME5("A="),
			[ACK] = {"A=", "-TIME_WAIT", "-TIME_WAIT", "-TIME_WAIT", "-TIME_WAIT"},
			[DATA] = {"A=", "-TIME_WAIT", "-TIME_WAIT", "-TIME_WAIT", "A="},
			[FIN] = {"A=", "-TIME_WAIT", "-TIME_WAIT", "-TIME_WAIT", "A="},
			[RST] = {"-=", "-CLOSE", "A=", "A=", "-="},
		},
	[TCPS_LAST_ACK] =
		{
			[SYN] = SAME5("A="),
			[SYN_ACK] = SAME5("A="),
			[ACK] = {"A=", "-CLOSE", "-CLOSE", "-CLOSE", "-CLOSE"},
			[DATA] = {"A=", "-CLOSE", "-CLOSE", "-CLOSE", "A="},
			[FIN] = {"A=", "-CLOSE", "-CLOSE", "-CLOSE", "A="},
			[RST] = {"-=", "-CLOSE", "A=", "A=", "-="},
		},
	[TCPS_TIME_WAIT] =
		{
			/* RFC 6191: a greater sequence number begins a new connection */
			[SYN] = {"A=", "A=", "U=", "U=", "U="},
			[SYN_ACK] = SAME5("A="),
			[ACK] = {"A=", "-=", "-=", "-=", "-="},
			[DATA] = {"A=", "-=", "-=", "-=", "A="},
			[FIN] = {"A=", "-=", "-=", "-=", "A="},
			/* RFC 1337 */
			[RST] = SAME5("-="),
		},
};

static uint32_t place_seq(enum place place)
{
	uint32_t nxt = PEER + 1, wnd = 1000;

	/* CLOSED and the like have no window: any place is as good as another */
	if (lone.tcb.state >= TCPS_SYN_RECEIVED) {
		nxt = lone.tcb.rcv_nxt - lone.shift;
		wnd = lone.tcb.rcv_adv - lone.tcb.rcv_nxt;
	}
	switch (place) {
	case BEFORE:
		return nxt - 100;
	case LEFT:
		return nxt;
	case INSIDE:
		return nxt + wnd / 2;
	case RIGHT:
		return nxt + wnd - 1;
	default:
		return nxt + wnd;
	}
}

static void offer(enum kind kind, uint32_t seq)
{
	static const uint16_t flags[KINDS] = {
		[SYN] = TCP_SYN,  [SYN_ACK] = TCP_SYN | TCP_ACK, [ACK] = TCP_ACK,
		[DATA] = TCP_ACK, [FIN] = TCP_FIN | TCP_ACK,	 [RST] = TCP_RST | TCP_ACK,
	};

	lone_in(flags[kind], seq, lone.tcb.snd_nxt - lone.shift, kind == DATA ? DATA_LEN : 0);
}

static char answer(void)
{
	if (lone.result == TCP_IN_REUSE) /* or an ACK, where nothing new can begin yet */
		return lone_out() && lone.s.flags == TCP_ACK ? 'U' : '?';
	if (lone.reply.flags & TCP_RST)
		return 'R';
	if (!lone_out())
		return '-';
	if (lone.s.flags & TCP_SYN)
		return 'S';
	if (lone.s.flags & TCP_RST)
		return 'R';
	return 'A';
}

static void cell(enum tcp_state state, enum kind kind, enum place place)
{
	const char *want = expected[state][kind][place];
	const char *next = want[1] == '=' ? tcp_state_name(state) : want + 1;
	char got;

	lone_reset();
	lone_open(state);
	offer(kind, place_seq(place));
	got = answer();
	ck_assert_msg(got == want[0] && strcmp(tcp_state_name(lone.tcb.state), next) == 0,
		      "%s, %s %s, shift %u: answer %c and %s, not %c and %s (%s)",
		      tcp_state_name(state), kind_names[kind], place_names[place], lone.shift, got,
		      tcp_state_name(lone.tcb.state), want[0], next, tcp_result_text(lone.result));
	ck_assert_msg(!lone_out() || got == 'S', "%s, %s %s: more than one answer",
		      tcp_state_name(state), kind_names[kind], place_names[place]);
	lone_close();
}

/* Around the wrap: the window lies before it, on it, and behind it. */
static void all_cells(enum tcp_state state, uint32_t shift)
{
	lone.shift = shift;
	for (int kind = 0; kind < KINDS; kind++) {
		for (int place = 0; place < PLACES; place++)
			cell(state, kind, place);
	}
}

START_TEST(every_cell)
{
	enum tcp_state state = (enum tcp_state)_i;

	all_cells(state, 0);
	/* the peer's numbers wrap: from before the window to behind it */
	for (uint32_t k = 0; k < 1250; k += 3)
		all_cells(state, 0u - PEER + 100 - k);
	/* ours wrap, and the sign changes */
	for (uint32_t k = 0; k < 8; k++) {
		all_cells(state, 0u - OURS + 4 - k);
		all_cells(state, 0x80000000u - OURS + 4 - k);
		all_cells(state, 0x80000000u - PEER + 4 - k);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("core/tcp/matrix");
	TCase *tc = tcase_create("state x segment x place");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, every_cell, 0, TCPS_COUNT);
	suite_add_tcase(suite, tc);
	return lone_run(suite);
}
