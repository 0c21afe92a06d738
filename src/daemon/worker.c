/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/worker.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/clock.h"
#include "daemon/log.h"
#include "daemon/notify.h"
#include "daemon/worker_internal.h"
#include "wire/layout.h"

#define RUN_TIMEOUT_S 1

/* ---- making one ---- */

static void name_arena(const struct worker *w, char name[HANDOVER_NAME_MAX])
{
	snprintf(name, HANDOVER_NAME_MAX, "arena-%u", w->config.index);
}

static void name_queue(uint32_t number, char name[HANDOVER_NAME_MAX])
{
	snprintf(name, HANDOVER_NAME_MAX, "queue-%u", number);
}

/* The queues of a worker, in the order of their numbers. */
enum { QUEUE_HEADER, QUEUE_FULL, QUEUE_WHOLE };

static uint16_t queue_number(const struct worker *w, uint32_t kind)
{
	return (uint16_t)(w->config.queue + kind * w->config.workers + w->config.index);
}

/* map() - Return: NULL with errno set. */
static void *map(int fd, size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* adopt() - what an earlier process has left in @w->left_arena; on a thread of its own. */
static void *adopt(void *arg)
{
	struct worker *w = arg;
	const struct worker_config *c = &w->config;
	struct stat st;
	void *p = NULL;

	w->fault = ARENA_FOREIGN;
	if (fstat(w->left_arena, &st) == 0 && st.st_size > 0)
		p = map(w->left_arena, (size_t)st.st_size);
	if (p)
		w->fault = guard_adopt(&w->guard, p, (size_t)st.st_size, &c->limits, c->guard,
				       c->index, c->workers, clock_now(), &w->adoption);
	if (p && w->fault == ARENA_NONE) {
		w->arena = p;
		w->arena_bytes = (size_t)st.st_size;
		w->arena_fd = w->left_arena;
		w->adopted = true;
		return NULL;
	}
	w->grave = p;
	w->grave_bytes = p ? (size_t)st.st_size : 0;
	close(w->left_arena);
	return NULL;
}

/* begin_adoption() - a million connections take their time, so workers do that side by side. */
static void begin_adoption(struct worker *w)
{
	char name[HANDOVER_NAME_MAX];

	name_arena(w, name);
	w->left_arena = handover_take(w->config.handover, name);
	if (w->left_arena < 0)
		return;
	w->adopting = pthread_create(&w->thread, NULL, adopt, w) == 0;
	if (!w->adopting)
		adopt(w);
}

void worker_settle(struct worker *w)
{
	if (w->adopting)
		pthread_join(w->thread, NULL);
	w->adopting = false;
}

static int new_arena(struct worker *w)
{
	char name[HANDOVER_NAME_MAX];

	name_arena(w, name);
	w->arena_bytes = guard_arena_size(&w->config.limits);
	if (w->arena_bytes == 0)
		return -EINVAL;
	w->arena_fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (w->arena_fd < 0 || ftruncate(w->arena_fd, (off_t)w->arena_bytes) < 0)
		return -errno;
	/* whoever maps it later may rely on its size */
	fcntl(w->arena_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	/* Pages come into being when they are first touched. */
	w->arena = map(w->arena_fd, w->arena_bytes);
	return w->arena ? 0 : -errno;
}

static int new_guard(struct worker *w)
{
	int rc = new_arena(w);

	if (rc == 0)
		rc = guard_init(&w->guard, w->arena, &w->config.limits, w->config.guard,
				clock_now(), w->config.seed);
	if (rc == 0)
		guard_share(&w->guard, w->config.index, w->config.workers);
	return rc;
}

static int open_guard(struct worker *w, char *why, size_t why_len)
{
	int rc = w->adopted ? 0 : new_guard(w);

	if (rc == 0 && w->config.board) {
		guard_join(&w->guard, board_exchange(w->config.board), w->config.index);
		board_attend(w->config.board, w->config.index, w->mail.fd);
	}
	if (rc < 0)
		snprintf(why, why_len,
			 "cannot make the tables for %u flows and %u half-open connections of a "
			 "worker: %s; lower max-flows or max-half-open",
			 w->config.limits.max_flows, w->config.limits.max_half_open, strerror(-rc));
	return rc;
}

/* left_queue() - the socket that an earlier process had for this queue; 0: none. */
static int left_queue(struct worker *w, uint32_t kind)
{
	char name[HANDOVER_NAME_MAX];
	int fd;

	name_queue(queue_number(w, kind), name);
	fd = handover_take(w->config.handover, name);
	return fd > 0 ? fd : 0;
}

static void close_left(const struct nfqueue_sockets *left)
{
	const int fd[] = {left->header, left->full, left->whole};

	for (size_t i = 0; i < ARRAY_SIZE(fd); i++) {
		if (fd[i] > 0)
			close(fd[i]);
	}
}

/* explain_queue() - why the queues cannot be had, and what to do. */
static void explain_queue(int rc, const struct nfqueue_config *c, char *why, size_t why_len)
{
	struct nfqueue_kernel_stats ks;
	const uint16_t numbers[] = {c->header_queue, c->full_queue, (uint16_t)c->whole_queue};
	uint16_t taken = c->header_queue;

	if (rc == -EPERM) {
		snprintf(why, why_len,
			 "not allowed to use NFQUEUE; run as root, or with the "
			 "capabilities CAP_NET_ADMIN and CAP_NET_RAW");
	} else if (rc == -EBUSY) {
		ks.portid = 0;
		for (size_t i = 0; i < ARRAY_SIZE(numbers) && ks.portid == 0; i++) {
			taken = numbers[i];
			if (nfqueue_kernel_stats(taken, &ks) < 0)
				ks.portid = 0;
		}
		snprintf(why, why_len,
			 "queue number %u is taken by another process (netlink port %u); "
			 "end it, or set \"queue\" to another number",
			 taken, ks.portid);
	} else if (rc == -EPROTONOSUPPORT) {
		snprintf(why, why_len,
			 "this kernel has no NFQUEUE; use one with "
			 "CONFIG_NETFILTER_NETLINK_QUEUE");
	} else {
		snprintf(why, why_len, "cannot open NFQUEUE number %u: %s", c->header_queue,
			 strerror(-rc));
	}
}

bool worker_sends_large(const struct worker *w)
{
	return guard_config_terminates(w->guard.config) || w->output.stats.cut > 0;
}

static int open_datapath(struct worker *w, char *why, size_t why_len)
{
	const struct worker_config *c = &w->config;
	bool last = c->index + 1 == c->workers;
	struct nfqueue_sockets left = {0};
	struct nfqueue_config qc = {
		.header_queue = queue_number(w, QUEUE_HEADER),
		.full_queue = queue_number(w, QUEUE_FULL),
		.whole_queue = queue_number(w, QUEUE_WHOLE),
		.left = &left,
		.next_queue = last ? NFQUEUE_NO_NEXT : (int32_t)(c->queue + c->index + 1),
	};
	int rc = output_open(&w->output, c->mark);

	if (rc == -EPERM || rc == -EACCES) {
		snprintf(why, why_len,
			 "not allowed to open raw sockets; run as root, or with the "
			 "capabilities CAP_NET_ADMIN and CAP_NET_RAW");
	} else if (rc < 0) {
		snprintf(why, why_len, "cannot open raw sockets: %s", strerror(-rc));
	} else {
		left = (struct nfqueue_sockets){
			.header = left_queue(w, QUEUE_HEADER),
			.full = left_queue(w, QUEUE_FULL),
			.whole = left_queue(w, QUEUE_WHOLE),
		};
		rc = nfqueue_open(&w->queue, &qc, &worker_judges, w);
		close_left(&left);
		if (rc < 0)
			explain_queue(rc, &qc, why, why_len);
		else if (guard_config_terminates(c->guard))
			/* what it cannot do, the raw sockets do */
			output_open_large(&w->output, c->queue, (uint16_t)c->index);
	}
	return rc;
}

static int open_mailbox(struct mailbox *m)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&m->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&m->done, &attr);
	pthread_condattr_destroy(&attr);
	m->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return m->fd < 0 ? -errno : 0;
}

int worker_new(struct worker **out, const struct worker_config *c, char *why, size_t why_len)
{
	struct worker *w = calloc(1, sizeof(*w));
	int rc;

	*out = w;
	if (!w) {
		snprintf(why, why_len, "out of memory");
		return -ENOMEM;
	}
	w->config = *c;
	w->out.payload_max = IP_LENGTH_MAX; /* whoever sends it cuts it, if need be */
	w->armed = USEC_NEVER;
	w->arena_fd = w->output.raw.fd4 = w->output.raw.fd6 = w->output.tun.fd = -1;
	rc = open_mailbox(&w->mail);
	if (rc < 0) {
		snprintf(why, why_len, "cannot make an eventfd: %s", strerror(-rc));
		worker_close(w);
		*out = NULL;
		return rc;
	}
	begin_adoption(w);
	return 0;
}

int worker_open(struct worker *w, char *why, size_t why_len)
{
	int rc;

	worker_settle(w);
	rc = open_guard(w, why, why_len);
	if (rc == 0)
		rc = open_datapath(w, why, why_len);
	if (rc == 0)
		rc = worker_open_loop(w, why, why_len);
	return rc;
}

int worker_start(struct worker *w)
{
	sigset_t all, before;
	char name[16];
	int rc;

	if (w->grave)
		munmap(w->grave, w->grave_bytes);
	w->grave = NULL;
	w->armed = USEC_NEVER;
	/* Signals are the main thread's, but those of one's own making. */
	sigfillset(&all);
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGFPE);
	sigdelset(&all, SIGILL);
	sigdelset(&all, SIGABRT);
	sigdelset(&all, SIGSYS);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&w->thread, NULL, worker_thread, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0)
		return -rc;
	w->running = true;
	snprintf(name, sizeof(name), "worker-%u", w->config.index);
	pthread_setname_np(w->thread, name);
	return 0;
}

/* ---- on other threads ---- */

static void post(struct mailbox *m, ctl_job_fn *job, void *arg)
{
	uint64_t one = 1;

	m->job = job;
	m->arg = arg;
	m->state = MAIL_POSTED;
	if (write(m->fd, &one, sizeof(one)) < 0)
		m->state = MAIL_EMPTY; /* cannot happen: the counter is far from full */
}

/* heard() - whether @w has answered; a change is told, for a watchdog does not say who it was. */
static void heard(struct worker *w, bool answers)
{
	if (answers && w->silent)
		log_message(LOG_NOTICE, "worker %u answers again", w->config.index);
	if (!answers && !w->silent)
		log_message(LOG_ERR, "worker %u does not answer", w->config.index);
	w->silent = !answers;
}

int worker_run(struct worker *w, ctl_job_fn *job, void *arg)
{
	struct mailbox *m = &w->mail;
	struct timespec until;
	int rc = 0;

	if (!w->running)
		return -ESRCH;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += RUN_TIMEOUT_S;
	pthread_mutex_lock(&m->lock);
	post(m, job, arg);
	/* Once it runs, it is waited for: it uses the caller's memory, and is short. */
	while (m->state == MAIL_RUNNING || (m->state == MAIL_POSTED && rc == 0)) {
		if (rc == 0)
			rc = pthread_cond_timedwait(&m->done, &m->lock, &until);
		else
			pthread_cond_wait(&m->done, &m->lock);
		if (rc != 0)
			heard(w, false);
	}
	rc = m->state == MAIL_DONE ? 0 : -ETIMEDOUT;
	m->state = MAIL_EMPTY;
	pthread_mutex_unlock(&m->lock);
	heard(w, rc == 0);
	return rc;
}

/* add_kernel_stats() - what the kernel lost of one queue. */
static void add_kernel_stats(uint16_t queue, struct ctl_worker_stats *s)
{
	struct nfqueue_kernel_stats ks;

	if (nfqueue_kernel_stats(queue, &ks) < 0)
		return;
	s->kernel_dropped += ks.queue_dropped;
	s->user_dropped += ks.user_dropped;
}

void worker_stats(struct worker *w, struct ctl_worker_stats *s)
{
	const struct worker_config *c = &w->config;
	const struct nfqueue_stats *q = nfqueue_stats(w->queue);
	const struct inject_stats *i = &w->output.raw.stats;
	clockid_t cpu;

	*s = (struct ctl_worker_stats){
		.queue = c->queue + c->index,
		.packets = q->packets,
		.bulk = q->bulk,
		.whole = q->whole,
		.batches = q->batches,
		.replaced = q->replaced,
		.requeued = q->requeued,
		.passed_on = q->passed_on,
		.overruns = q->overruns,
		.oversize = q->oversize,
		.bad_messages = q->bad_messages,
		.verdict_errors = q->verdict_errors,
		.send_retries = q->send_retries,
		.injected = i->sent,
		.large = w->output.stats.large,
		.cut = w->output.stats.cut,
		.inject_errors = i->errors,
		.inject_no_route = i->no_route,
		.inject_refused = i->refused,
		.inject_no_room = i->no_room,
	};
	for (uint32_t k = 0; k < WORKER_QUEUES; k++)
		add_kernel_stats(queue_number(w, k), s);
	if (w->running && pthread_getcpuclockid(w->thread, &cpu) == 0)
		s->cpu = clock_of(cpu);
}

const char *worker_unconfined(const struct worker *w)
{
	return w->unconfined;
}

bool worker_large_why(const struct worker *w, char why[TUN_WHY_MAX])
{
	if (!worker_sends_large(w))
		why[0] = '\0';
	else if (*tun_why(&w->output.tun, 4, why) == '\0')
		tun_why(&w->output.tun, 6, why);
	return why[0] != '\0';
}

bool worker_idle(const struct worker *w)
{
	uint32_t waiting = 0;

	for (uint32_t k = 0; k < WORKER_QUEUES; k++) {
		struct nfqueue_kernel_stats ks = {0};

		nfqueue_kernel_stats(queue_number(w, k), &ks);
		waiting += ks.waiting;
	}
	return waiting == 0;
}

/* ---- from one process to the next ---- */

bool worker_adopted(const struct worker *w, struct guard_adoption *done, enum arena_fault *fault)
{
	*done = w->adoption;
	*fault = w->fault;
	return w->adopted;
}

void worker_seed(const struct worker *w, uint8_t seed[GUARD_SEED_BYTES])
{
	guard_seed(&w->guard, seed);
}

uint32_t worker_bury(struct worker *w, const void *old, size_t bytes)
{
	return guard_bury(&w->guard, clock_now(), old, bytes);
}

const void *worker_grave(const struct worker *w, size_t *bytes)
{
	*bytes = w->grave_bytes;
	return w->grave;
}

int worker_hand_over(const struct worker *w, struct handover *h)
{
	const int queue[] = {
		[QUEUE_HEADER] = nfqueue_header_fd(w->queue),
		[QUEUE_FULL] = nfqueue_full_fd(w->queue),
		[QUEUE_WHOLE] = nfqueue_whole_fd(w->queue),
	};
	char name[HANDOVER_NAME_MAX];
	int rc;

	name_arena(w, name);
	rc = handover_add(h, name, w->arena_fd);
	for (uint32_t k = 0; rc == 0 && k < ARRAY_SIZE(queue); k++) {
		name_queue(queue_number(w, k), name);
		rc = handover_add(h, name, queue[k]);
	}
	return rc;
}

void worker_forget_queue(uint32_t number)
{
	char name[HANDOVER_NAME_MAX];

	name_queue(number, name);
	notify_forget(name);
}

void worker_note_crash(struct worker *w)
{
	if (w->arena)
		arena_note_crash(w->arena);
}

/* ---- the end ---- */

static void job_stop(struct guard *g, usec_t now, struct actions *out, void *arg)
{
	event_base_loopbreak(arg);
}

int worker_stop(struct worker *w)
{
	int rc = worker_run(w, job_stop, w->base);

	if (rc < 0)
		return rc;
	pthread_join(w->thread, NULL);
	w->running = false;
	return 0;
}

void worker_close(struct worker *w)
{
	if (!w)
		return;
	worker_settle(w);
	/* A worker that takes no jobs any more is not going to be joined either. */
	if (w->running && worker_stop(w) < 0)
		return;
	worker_close_loop(w);
	nfqueue_close(w->queue);
	output_close(&w->output);
	if (w->adopted) /* a start that fails in good order is no crash of who has this arena */
		guard_is_settled(&w->guard);
	if (w->arena)
		munmap(w->arena, w->arena_bytes);
	if (w->grave)
		munmap(w->grave, w->grave_bytes);
	if (w->arena_fd >= 0)
		close(w->arena_fd);
	if (w->config.board)
		board_leave(w->config.board, w->config.index);
	if (w->mail.fd >= 0)
		close(w->mail.fd);
	pthread_cond_destroy(&w->mail.done);
	pthread_mutex_destroy(&w->mail.lock);
	free(w);
}
