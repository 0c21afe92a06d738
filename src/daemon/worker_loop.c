/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The event loop of a worker: all that runs on its thread. */
#include <errno.h>
#include <event2/event.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/clock.h"
#include "daemon/worker_internal.h"

#define PACKETS_PER_ANSWER 4
#define SERVICE_BUDGET	   512 /* packets until the mailbox and the timer get a turn */
#define LINGER_TRIES	   20 /* looks into an empty queue before sleeping, during bulk transfers */
#define LINGER_MAX	   USEC_PER_MSEC
#define EXPIRE_ROUNDS	   64 /* calls of guard_expire() until packets get a turn */

typedef uint32_t service_fn(struct nfqueue *q, uint32_t budget);

/* shrink() - packets that were too big for this host's own link: nobody else would say so. */
static void shrink(struct worker *w)
{
	struct inject *in = &w->output.raw;
	struct pkt p;

	for (uint32_t i = 0; i < in->n_too_big; i++) {
		struct inject_too_big *b = &in->too_big[i];

		if (pkt_parse(&p, b->data, b->len, b->whole, PKT_CSUM_FULL) == 0 &&
		    p.kind == PKT_TCP)
			guard_path_mtu(&w->guard, w->now, &p, b->mtu, &w->out);
	}
	in->n_too_big = 0;
}

static void flush(struct worker *w)
{
	output_send(&w->output, &w->out, w->now);
	if (w->output.raw.n_too_big > 0)
		shrink(w);
}

/*
 * batch_done() - what endpoints have to say to all of it. When many of them have got one packet each and
 * the next batch is there already, they wait for it: an ACK and a segment for four packets cost little
 * more than for one.
 */
static void batch_done(void *arg, bool more)
{
	struct worker *w = arg;

	flush(w);
	if (more && w->unanswered < guard_waiting(&w->guard) * PACKETS_PER_ANSWER)
		return;
	w->unanswered = 0;
	while (guard_poll(&w->guard, w->now, &w->out))
		flush(w);
}

static void begin(void *arg)
{
	((struct worker *)arg)->now = clock_now();
}

static enum guard_verdict judge(void *arg, struct pkt *p, int error)
{
	struct worker *w = arg;

	if (w->out.n_tx > GUARD_TX_MAX - GUARD_TX_PER_INPUT)
		flush(w);
	w->unanswered++;
	guard_input(&w->guard, w->now, p, error, &w->out);
	return w->out.verdict;
}

const struct nfqueue_ops worker_judges = {.begin = begin, .judge = judge, .flush = batch_done};

/* arm() - wake up for the guard's deadline. Firing too early is cheaper than moving the timer. */
static void arm(struct worker *w, usec_t now)
{
	usec_t deadline = guard_deadline(&w->guard), wait;
	struct timeval tv;

	if (deadline >= w->armed)
		return;
	wait = deadline > now ? deadline - now : 0;
	tv.tv_sec = (time_t)(wait / USEC_PER_SEC);
	tv.tv_usec = (suseconds_t)(wait % USEC_PER_SEC);
	evtimer_add(w->on_timer, &tv);
	w->armed = deadline;
}

/* nudge_others() - what this guard has found concerns others, who may be asleep. */
static void nudge_others(struct worker *w)
{
	uint64_t who = guard_nudges(&w->guard);

	if (who)
		board_nudge(w->config.board, who);
}

/* expire() - do what is due, then set the timer for what is not. */
static void expire(struct worker *w)
{
	usec_t now = w->now = clock_now();

	for (int i = 0; i < EXPIRE_ROUNDS && guard_deadline(&w->guard) <= now; i++) {
		guard_expire(&w->guard, now, &w->out);
		flush(w);
	}
	arm(w, now);
	nudge_others(w);
}

/*
 * linger() - the next packets of a bulk transfer are a few microseconds away, and a wake-up takes
 * longer than that: look again before going to sleep, but let others have the CPU first.
 */
static void linger(struct worker *w, service_fn *service)
{
	const struct nfqueue_stats *stats = nfqueue_stats(w->queue);
	usec_t start = w->now;
	int tries = 0;

	while (tries++ < LINGER_TRIES && w->now - start < LINGER_MAX) {
		uint64_t bulk = stats->bulk;

		sched_yield();
		service(w->queue, SERVICE_BUDGET);
		if (stats->bulk != bulk)
			tries = 0;
	}
}

static void serve_packets(struct worker *w, service_fn *service)
{
	uint64_t bulk = nfqueue_stats(w->queue)->bulk;

	service(w->queue, SERVICE_BUDGET);
	if (nfqueue_stats(w->queue)->bulk != bulk)
		linger(w, service);
	expire(w);
}

static void packets_ready(evutil_socket_t fd, short what, void *arg)
{
	serve_packets(arg, nfqueue_service);
}

static void whole_ready(evutil_socket_t fd, short what, void *arg)
{
	serve_packets(arg, nfqueue_service_whole);
}

/* full_ready() - rare: nfqueue_service() empties the full queue before it returns. */
static void full_ready(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	nfqueue_service_full(w->queue);
	expire(w);
}

static void timer_fired(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	w->armed = USEC_NEVER;
	expire(w);
}

/* take_job() - Return: is there one to run? */
static bool take_job(struct mailbox *m)
{
	bool taken;

	pthread_mutex_lock(&m->lock);
	taken = m->state == MAIL_POSTED;
	if (taken)
		m->state = MAIL_RUNNING;
	pthread_mutex_unlock(&m->lock);
	return taken;
}

static void finish_job(struct mailbox *m)
{
	pthread_mutex_lock(&m->lock);
	m->state = MAIL_DONE;
	pthread_cond_signal(&m->done);
	pthread_mutex_unlock(&m->lock);
}

static void mail_came(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	uint64_t ignored;

	if (read(fd, &ignored, sizeof(ignored)) < 0 && errno == EAGAIN)
		return;
	w->now = clock_now();
	if (!take_job(&w->mail)) { /* a nudge: see what the others say */
		guard_expire(&w->guard, w->now, &w->out);
		flush(w);
		expire(w);
		return;
	}
	w->mail.job(&w->guard, clock_now(), &w->out, w->mail.arg);
	flush(w);
	finish_job(&w->mail);
	expire(w);
}

void *worker_thread(void *arg)
{
	struct worker *w = arg;

	sandbox_enter(SANDBOX_PACKETS, w->unconfined, sizeof(w->unconfined));
	/* first what has waited: it came before the time-outs of now */
	nfqueue_service_full(w->queue);
	nfqueue_service_whole(w->queue, SERVICE_BUDGET);
	nfqueue_service(w->queue, SERVICE_BUDGET);
	guard_is_settled(&w->guard);
	expire(w);
	event_base_dispatch(w->base);
	return NULL;
}

/* ---- making and ending it ---- */

/* watch() - a persistent read event on @fd. */
static struct event *watch(struct worker *w, int fd, event_callback_fn fn)
{
	struct event *ev = event_new(w->base, fd, EV_READ | EV_PERSIST, fn, w);

	if (ev && event_add(ev, NULL) < 0) {
		event_free(ev);
		ev = NULL;
	}
	return ev;
}

int worker_open_loop(struct worker *w, char *why, size_t why_len)
{
	w->base = event_base_new();
	if (w->base) {
		w->on_header = watch(w, nfqueue_header_fd(w->queue), packets_ready);
		w->on_full = watch(w, nfqueue_full_fd(w->queue), full_ready);
		w->on_whole = watch(w, nfqueue_whole_fd(w->queue), whole_ready);
		w->on_mail = watch(w, w->mail.fd, mail_came);
		w->on_timer = evtimer_new(w->base, timer_fired, w);
	}
	if (w->on_header && w->on_full && w->on_whole && w->on_mail && w->on_timer)
		return 0;
	snprintf(why, why_len, "cannot make an event loop: %s", strerror(errno));
	return -ENOMEM;
}

static void free_event(struct event *ev)
{
	if (ev)
		event_free(ev);
}

void worker_close_loop(struct worker *w)
{
	free_event(w->on_header);
	free_event(w->on_full);
	free_event(w->on_whole);
	free_event(w->on_mail);
	free_event(w->on_timer);
	if (w->base)
		event_base_free(w->base);
}
