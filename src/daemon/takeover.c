/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/takeover.h"

#include <errno.h>
#include <event2/event.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/clock.h"
#include "daemon/daemon.h"
#include "daemon/notify.h"
#include "datapath/tool.h"

#define HEALTHY_AFTER (10 * USEC_PER_SEC)
#define EXEC_AFTER_MS 50 /* whoever asked for it is answered first */
#define PAUSE_S	      1 /* between two starts that fail, after the first one */

/* ---- a crash leaves a note in the arenas ---- */

static struct worker *_Atomic watched[CONF_WORKERS_MAX]; /* for the signal handler */

static void on_crash(int sig)
{
	for (size_t i = 0; i < ARRAY_SIZE(watched); i++) {
		if (watched[i])
			worker_note_crash(watched[i]);
	}
	raise(sig); /* SA_RESETHAND: this time it ends the process, with a core */
}

static void catch_crashes(void)
{
	static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS};
	struct sigaction act = {.sa_handler = on_crash, .sa_flags = SA_RESETHAND}, before;

	sigemptyset(&act.sa_mask);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		/* a sanitizer may be there already, and has more to say */
		if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler == SIG_DFL)
			sigaction(signals[i], &act, NULL);
	}
}

/* ---- taking over ---- */

static bool had_queues; /* were held when this process began: the one before had started */

void takeover_prepare(struct takeover *t, char **argv)
{
	ssize_t n = readlink("/proc/self/exe", t->program, sizeof(t->program) - 1);

	t->argv = argv;
	t->program[n > 0 ? n : 0] = '\0';
	handover_open(&t->left);
	had_queues = handover_has(&t->left, "queue-");
}

static void on_leave(evutil_socket_t sig, short what, void *arg)
{
	struct daemon *d = arg;

	log_message(LOG_NOTICE,
		    "ending on signal %d; rules, queues and connections are left to the "
		    "next process",
		    (int)sig);
	d->takeover.leaving = true;
	event_base_loopbreak(d->base);
}

static void on_exec(evutil_socket_t fd, short what, void *arg);

int takeover_start(struct daemon *d, char *why, size_t why_len)
{
	struct takeover *t = &d->takeover;

	catch_crashes();
	t->on_leave = evsignal_new(d->base, SIGUSR2, on_leave, d);
	t->on_exec = evtimer_new(d->base, on_exec, d);
	if (t->on_leave && t->on_exec && event_add(t->on_leave, NULL) == 0)
		return 0;
	snprintf(why, why_len, "out of memory");
	return -ENOMEM;
}

/* forget_all() - a real stop: nobody is to go on with what ends here. */
static void forget_all(const struct daemon *d)
{
	struct handover *h = calloc(1, sizeof(*h));

	for (uint32_t i = 0; h && i < d->n_workers; i++)
		worker_hand_over(d->worker[i], h);
	for (uint32_t i = 0; h && i < h->n; i++) {
		notify_forget(h->item[i].name);
		close(h->item[i].fd);
	}
	free(h);
}

void takeover_stop(struct daemon *d)
{
	struct takeover *t = &d->takeover;

	if (t->on_leave)
		event_free(t->on_leave);
	if (t->on_exec)
		event_free(t->on_exec);
}

void takeover_seed(struct daemon *d)
{
	struct guard_adoption done;
	enum arena_fault fault;

	for (uint32_t i = 0; i < d->n_workers; i++) {
		if (worker_adopted(d->worker[i], &done, &fault)) {
			worker_seed(d->worker[i], d->seed);
			return;
		}
	}
}

/* bury() - in every worker, since nobody knows to which of them the kernel will give the packets. */
static uint32_t bury(struct daemon *d, const void *old, size_t bytes)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < d->n_workers; i++) {
		uint32_t buried = worker_bury(d->worker[i], old, bytes);

		if (buried > n)
			n = buried;
	}
	return n;
}

/* bury_spare() - arenas for which there is no worker. */
static uint32_t bury_spare(struct daemon *d)
{
	char name[HANDOVER_NAME_MAX];
	uint32_t n = 0;
	int fd;

	while ((fd = handover_take_any(&d->takeover.left, "arena-", name)) >= 0) {
		struct stat st;
		void *p = MAP_FAILED;

		if (fstat(fd, &st) == 0 && st.st_size > 0)
			p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
		if (p != MAP_FAILED) {
			n += bury(d, p, (size_t)st.st_size);
			munmap(p, (size_t)st.st_size);
		}
		close(fd);
		notify_forget(name);
	}
	return n;
}

/* Sums over the workers. */
struct sums {
	uint32_t adopted, refused, flows, half_opens, taken_back, lost, buried;
	enum arena_fault fault;
};

static void tell(const struct daemon *d, const struct sums *s)
{
	char text[160];

	if (s->adopted)
		log_message(LOG_NOTICE,
			    "going on with %u connections and %u half-open ones of the process "
			    "before; %u entries that it was changing are as they were, %u are lost",
			    s->flows, s->half_opens, s->taken_back, s->lost);
	if (s->refused) {
		snprintf(text, sizeof(text), "the arena %s; %u connections will be reset",
			 arena_fault_text(s->fault), s->buried);
		events_note((struct daemon *)d, GUARD_EVENT_STARTED_CLEAN, "", text);
	}
}

static void add_up(struct daemon *d, struct worker *w, uint32_t index, struct sums *s)
{
	struct guard_adoption done;
	enum arena_fault fault;
	const void *grave;
	size_t bytes;

	if (worker_adopted(w, &done, &fault)) {
		s->adopted++;
		s->flows += done.flows;
		s->half_opens += done.half_opens;
		s->taken_back += done.taken_back;
		s->lost += done.lost;
		d->events.next[index] = done.events + 1; /* the rest was logged before */
	}
	if (fault == ARENA_NONE)
		return;
	s->refused++;
	s->fault = fault;
	grave = worker_grave(w, &bytes);
	if (grave)
		s->buried += bury(d, grave, bytes);
}

/* keep() - what the manager has already it does not take twice. */
static void keep(struct daemon *d)
{
	struct handover *h = calloc(1, sizeof(*h));

	for (uint32_t i = 0; h && i < d->n_workers; i++)
		worker_hand_over(d->worker[i], h);
	for (uint32_t i = 0; h && i < h->n; i++) {
		notify_keep(h->item[i].name, h->item[i].fd);
		close(h->item[i].fd);
	}
	free(h);
}

void takeover_workers(struct daemon *d)
{
	struct sums s = {.fault = ARENA_NONE};

	for (uint32_t i = 0; i < d->n_workers; i++) {
		add_up(d, d->worker[i], i, &s);
		watched[i] = d->worker[i];
	}
	s.buried += bury_spare(d);
	d->takeover.adopted = s.adopted == d->n_workers;
	handover_close(&d->takeover.left);
	keep(d);
	tell(d, &s);
}

static void job_healthy(struct guard *g, usec_t now, struct actions *out, void *arg)
{
	guard_is_healthy(g);
}

void takeover_check(struct daemon *d)
{
	if (d->takeover.healthy || clock_now() - d->started < HEALTHY_AFTER)
		return;
	d->takeover.healthy = daemon_each(d, job_healthy, NULL) == 0;
}

void takeover_end_workers(struct daemon *d)
{
	for (size_t i = 0; i < ARRAY_SIZE(watched); i++)
		watched[i] = NULL;
	if (!d->takeover.leaving)
		forget_all(d);
}

/* ---- a start that fails ---- */

/* let_go() - of the queues that were left and not taken. */
static void let_go(struct handover *h)
{
	char name[HANDOVER_NAME_MAX];
	int fd;

	while ((fd = handover_take_any(h, "queue-", name)) >= 0) {
		notify_forget(name);
		close(fd);
		had_queues = true;
	}
}

void takeover_give_up(struct daemon *d)
{
	static struct handover left; /* large */

	if (d) {
		d->takeover.leaving = true;
		for (uint32_t i = 0; i < WORKER_QUEUES * d->conf->workers; i++)
			worker_forget_queue(d->conf->queue + i);
		let_go(&d->takeover.left);
	} else {
		handover_open(&left);
		let_go(&left);
	}
	if (had_queues)
		log_message(LOG_ERR,
			    "until a start succeeds nobody holds the packet queues: \"on-failure\" "
			    "says what becomes of packets of guarded services");
}

void takeover_pause(void)
{
	if (getenv("NOTIFY_SOCKET") && !had_queues)
		sleep(PAUSE_S);
}

/* ---- becoming another program ---- */

/* run_on() - run all workers again. */
static void run_on(struct daemon *d)
{
	for (uint32_t i = 0; i < d->n_workers; i++) {
		if (worker_start(d->worker[i]) < 0)
			log_message(LOG_ERR, "worker %u cannot be started again", i);
	}
}

/* leave_to_self() - Return: only if it cannot be done, with the reason. */
static int leave_to_self(struct daemon *d, struct handover *h)
{
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < d->n_workers; i++)
		rc = worker_hand_over(d->worker[i], h);
	if (rc == 0)
		rc = handover_export(h);
	if (rc == 0) {
		execv(d->takeover.program, d->takeover.argv);
		rc = -errno;
	}
	unsetenv(HANDOVER_ENV);
	for (uint32_t i = 0; i < h->n; i++)
		close(h->item[i].fd);
	return rc;
}

/* on_exec() - between stopping the workers and their start by the next self packets wait in the queues. */
static void on_exec(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;
	struct handover *h = calloc(1, sizeof(*h));
	uint32_t stopped = 0;
	int rc = h ? 0 : -ENOMEM;

	baselines_stop(d);
	while (rc == 0 && stopped < d->n_workers && (rc = worker_stop(d->worker[stopped])) == 0)
		stopped++;
	if (rc == 0) {
		notify_reloading();
		rc = leave_to_self(d, h);
		run_on(d);
		notify_ready();
	} else {
		for (uint32_t i = 0; i < stopped; i++)
			worker_start(d->worker[i]);
	}
	log_message(LOG_ERR, "cannot become %s: %s; this process goes on", d->takeover.program,
		    strerror(-rc));
	free(h);
}

/* path_of_successor() - a program that was replaced is called "... (deleted)". */
static void path_of_successor(struct takeover *t)
{
	static const char gone[] = " (deleted)";
	size_t len = strlen(t->program), gone_len = sizeof(gone) - 1;

	if (len > gone_len && strcmp(t->program + len - gone_len, gone) == 0)
		t->program[len - gone_len] = '\0';
}

int takeover_upgrade(struct daemon *d, char *said, size_t len)
{
	struct takeover *t = &d->takeover;
	const char *const version[] = {t->program, "-v", NULL};
	const char *const check[] = {t->program, "-t", "-c", d->conf->path, NULL};
	char error[TOOL_ERROR_MAX] = "";
	struct timeval soon = {.tv_usec = EXEC_AFTER_MS * 1000};
	int rc;

	path_of_successor(t);
	rc = tool_read(version, said, len, error);
	said[strcspn(said, "\n")] = '\0';
	if (rc == 0 && strncmp(said, "tcpguardd ", 10) != 0) {
		snprintf(said, len, "%s is not tcpguardd", t->program);
		return -ENOEXEC;
	}
	if (rc == 0) {
		char ignored[512];

		rc = tool_read(check, ignored, sizeof(ignored), error);
	}
	if (rc != 0) {
		snprintf(said, len, "%s cannot take over: %s", t->program,
			 error[0] ? error
			 : rc < 0 ? strerror(-rc)
				  : "it ended with an error");
		return rc < 0 ? rc : -EINVAL;
	}
	evtimer_add(t->on_exec, &soon);
	return 0;
}
