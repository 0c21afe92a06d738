/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A process that is killed in the middle of anything. A child runs the guard on shared memory and is
 * killed at a random moment; the parent takes the arena over, looks for anything that does not fit, sees
 * that all connections which the child never touches, and those it is in the midst of, are translated as
 * before, and lets the next child go on with it. Hundreds of times.
 */
#include "core/adopt.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "tests/core/arena_check.h"

#define KILLS	 400
#define BUSY	 48 /* connections that the child keeps talking on */
#define CHURN	 600 /* ports from which it opens and closes others */
#define LIFE_MAX 6000 /* microseconds that a child lives */

/* What parent and child share besides the arena. */
struct shared {
	usec_t now;
	struct fx_conn busy[BUSY];
	uint64_t turns; /* that were finished */
	bool inside; /* of a turn */
};

static struct shared *shared;

static struct guard_arena *arena(void)
{
	return fx.arena;
}

static void *share(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ck_assert(p != MAP_FAILED);
	return p;
}

static void setup(void)
{
	size_t size;

	fx_prepare(GUARD_MODE_ALWAYS);
	fx.limits = (struct guard_limits){.max_flows = 512, .max_half_open = 256};
	fx.config->service[0].attack.start = 100000;
	fx.config->service[0].attack.end = 50000;
	fx_start();
	free(fx.arena);
	size = guard_arena_size(&fx.limits);
	fx.arena = share(size);
	shared = share(sizeof(*shared));
	ck_assert_int_eq(guard_init(&fx.guard, fx.arena, &fx.limits, fx.config, fx.now, fx.seed),
			 0);
	fx_teach_linux();
	for (uint16_t i = 0; i < BUSY; i++) {
		struct fx_conn c = fx_conn();

		c.client.port = (uint16_t)(3000 + i);
		c.server_isn += i * 7919u;
		fx_splice(&c);
		shared->busy[i] = c;
	}
	shared->now = fx.now;
}

static void teardown(void)
{
	munmap(fx.arena, guard_arena_size(&fx.limits));
	munmap(shared, sizeof(*shared));
	fx.arena = NULL;
	fx_close();
}

/* ---- the child: random traffic, no questions ---- */

static void offer(const struct segment *s)
{
	struct seg_packet *p = &fx.last;

	p->len = seg_bytes(s, p->data, sizeof(p->data));
	p->error = pkt_parse(&p->pkt, p->data, p->len, p->len, PKT_CSUM_FULL);
	fx.out->n_tx = 0;
	shared->inside = true;
	guard_input(&fx.guard, shared->now, &p->pkt, p->error, fx.out);
	shared->inside = false;
	shared->turns++;
}

/* talk() - the same bytes again and again, so that nobody has to remember how far they were. */
static void talk(void)
{
	const struct fx_conn *c = &shared->busy[rand() % BUSY];
	struct segment s = rand() % 2 ? fx_from_client(c, TCP_ACK, 1, 101, 100)
				      : fx_from_server(c, TCP_ACK, 1, 101, 100);

	offer(&s);
}

/* churn() - a connection that comes, by a cookie or passing, and one that goes. */
static void churn(void)
{
	struct fx_conn c = fx_conn();
	struct segment s;
	struct pkt synack;

	c.client.port = (uint16_t)(10000 + rand() % CHURN);
	c.client_isn = (uint32_t)rand();
	s = fx_conn_syn(&c);
	offer(&s);
	if (fx.out->n_tx == 1 && pkt_parse(&synack, fx.out->tx[0].data, fx.out->tx[0].len,
					   fx.out->tx[0].len, PKT_CSUM_FULL) == 0) {
		c.cookie_isn = synack.seq;
		c.cookie_tsval = synack.opt.ts_val;
	} else {
		c.cookie_isn = c.server_isn;
		c.cookie_tsval = c.server_ts;
	}
	for (int step = 0; step < 5 && rand() % 8; step++) {
		if (step == 0 && c.cookie_isn != c.server_isn)
			s = fx_conn_ack(&c);
		else if (step <= 1)
			s = fx_conn_synack(&c);
		else if (step == 2)
			s = fx_conn_ack(&c);
		else if (step == 3)
			s = fx_from_client(&c, TCP_ACK | TCP_FIN, 1, 1, 0);
		else
			s = fx_from_server(&c, TCP_RST, 1, 1, 0);
		offer(&s);
	}
}

static void child(unsigned seed)
{
	srand(seed);
	for (uint32_t n = 0;; n++) {
		if (rand() % 3)
			talk();
		else
			churn();
		if (n % 64 == 0)
			guard_set_mode(&fx.guard, shared->now, 0,
				       rand() % 2 ? GUARD_MODE_ALWAYS : GUARD_MODE_MONITOR);
		if (n % 16 == 0) {
			/* not for so long that it ends what is talked on */
			shared->now += (usec_t)rand() % (50 * USEC_PER_MSEC);
			fx.out->n_tx = 0;
			shared->inside = true;
			guard_expire(&fx.guard, shared->now, fx.out);
			shared->inside = false;
		}
	}
}

/* ---- the parent: does everything fit? ---- */

/* is_whole() - do the parts of the flow that are written one after the other fit each other? */
static bool is_whole(const struct flow *f)
{
	uint32_t server_isn = fx_conn().server_isn;

	if (f->client_port < 10000)
		server_isn += (f->client_port - 3000u) * 7919u;
	if (f->born == 0 || f->timer.due == 0)
		return false;
	if (f->flags & FLOW_RESET)
		return f->client_state == TCPS_CLOSED && f->server_state == TCPS_CLOSED;
	if (f->client_state == TCPS_CLOSED && f->server_state == TCPS_CLOSED)
		return false;
	if (!(f->flags & FLOW_TRANSLATED))
		return f->open.sent[FROM_SERVER].snd_nxt - server_isn < 1000;
	if (flow_is_splicing(f))
		return f->client_state == TCPS_ESTABLISHED && f->splicing.mss == 1460;
	return f->seq_delta == flow_cookie_isn(f) - server_isn &&
	       f->open.sent[FROM_SERVER].snd_nxt - server_isn < 1000;
}

static void look_at_flows(void)
{
	struct guard_arena *a = arena();
	const char *wrong = arena_check(a);

	ck_assert_msg(!wrong, "%s", wrong);
	for (uint32_t i = 0; i < a->flow_fresh; i++)
		ck_assert(!flow_is_used(a, i) || is_whole(flow_at(a, i)));
}

static void look_at_busy(void)
{
	for (int i = 0; i < BUSY; i++) {
		const struct fx_conn *c = &shared->busy[i];
		const struct pkt *p = fx_server_says(c, TCP_ACK, 1, 101, 100);

		ck_assert_uint_eq(p->seq, c->cookie_isn + 1);
		ck_assert_uint_eq(p->opt.ts_val, c->cookie_tsval);
		p = fx_client_says(c, TCP_ACK, 1, 101, 100);
		ck_assert_uint_eq(p->ack, c->server_isn + 101);
	}
}

/* take_over() - Return: entries that were taken back. */
static uint32_t take_over(void)
{
	struct guard_adoption done;
	enum arena_fault fault;

	memset(&fx.guard, 0, sizeof(fx.guard));
	fx.now = shared->now;
	fault = guard_adopt(&fx.guard, fx.arena, guard_arena_size(&fx.limits), &fx.limits,
			    fx.config, 0, 1, fx.now, &done);
	ck_assert_msg(fault == ARENA_NONE, "the arena %s", arena_fault_text(fault));
	ck_assert_uint_eq(done.lost, 0);
	guard_is_settled(&fx.guard);
	return done.taken_back;
}

START_TEST(killed_at_any_moment)
{
	uint32_t inside = 0, taken_back = 0;

	srand(20);
	for (unsigned n = 0; n < KILLS; n++) {
		useconds_t life = 300 + (useconds_t)rand() % LIFE_MAX;
		pid_t pid = fork();

		if (pid == 0) {
			child(n);
			_exit(0);
		}
		ck_assert_int_gt(pid, 0);
		usleep(life);
		ck_assert_int_eq(kill(pid, SIGKILL), 0);
		ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
		inside += shared->inside;
		shared->inside = false;
		taken_back += take_over() > 0;
		look_at_flows();
		look_at_busy();
	}
	printf("# %d kills, %u of them within a turn, %u turns taken back; %llu turns finished\n",
	       KILLS, inside, taken_back, (unsigned long long)shared->turns);
	ck_assert_uint_gt(inside, KILLS / 20); /* or else this shows nothing */
}
END_TEST

int main(void)
{
	Suite *s = suite_create("torn");
	TCase *t = tcase_create("torn");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, killed_at_any_moment);
	suite_add_tcase(s, t);
	return fx_run(s);
}
