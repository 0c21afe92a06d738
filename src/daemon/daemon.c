/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "core/tcp/pool.h"
#include "daemon/clients.h"
#include "daemon/clock.h"
#include "daemon/memory.h"
#include "daemon/metrics.h"
#include "daemon/notify.h"
#include "daemon/retire.h"
#include "daemon/sandbox.h"
#include "daemon/state_file.h"

#define POLL_MS	      100 /* how often events of the guards are collected */
#define DRAIN_MS      500 /* how long packets may wait for their verdict at the end */
#define DRAIN_STEP_MS 5

void daemon_log_open(const struct daemon *d, const struct conf *c)
{
	static const enum log_target target[] = {
		[CONF_LOG_TARGET_AUTO] = LOG_TARGET_AUTO,
		[CONF_LOG_TARGET_JOURNAL] = LOG_TARGET_JOURNAL,
		[CONF_LOG_TARGET_STDERR] = LOG_TARGET_STDERR,
	};

	log_open(d->log_to_stderr ? LOG_TARGET_STDERR : target[c->log_target], c->log_level);
}

int daemon_each(struct daemon *d, ctl_job_fn *job, void *arg)
{
	int first = 0;

	for (uint32_t i = 0; i < d->n_workers; i++) {
		int rc = worker_run(d->worker[i], job, arg);

		if (first == 0)
			first = rc;
	}
	return first;
}

/* ---- what the main loop reacts to ---- */

static void on_end(evutil_socket_t sig, short what, void *arg)
{
	struct daemon *d = arg;

	log_message(LOG_NOTICE, "ending on signal %d", (int)sig);
	event_base_loopbreak(d->base);
}

static void report_to_log(void *arg, const char *line)
{
	log_message(LOG_ERR, "%s", line);
}

static void on_hangup(evutil_socket_t sig, short what, void *arg)
{
	struct daemon *d = arg;

	if (daemon_reload(d, true, report_to_log, NULL, NULL) < 0)
		log_message(LOG_ERR,
			    "the configuration was not reloaded; the old one stays in force");
}

static void on_poll(evutil_socket_t fd, short what, void *arg)
{
	events_poll(arg);
}

/* say_large() - once, why terminated connections are slower than they could be. */
static void say_large(struct daemon *d)
{
	char why[TUN_WHY_MAX];

	for (uint32_t i = 0; i < d->n_workers; i++) {
		if (!worker_large_why(d->worker[i], why))
			continue;
		if (strcmp(why, d->large_said) != 0)
			log_message(
				LOG_WARNING,
				"long packets of terminated connections are cut here, which costs "
				"time: %s",
				why);
		memcpy(d->large_said, why, sizeof(why));
		return;
	}
}

static void on_second(evutil_socket_t fd, short what, void *arg)
{
	clients_second(arg);
	events_status(arg);
	retire_check(arg);
	baselines_check(arg);
	metrics_check(arg);
	keep_datapath(arg);
	say_large(arg);
	takeover_check(arg);
}

static void job_nothing(struct guard *g, usec_t now, struct actions *out, void *arg)
{
}

/* on_alive() - the daemon is alive if its workers are. */
static void on_alive(evutil_socket_t fd, short what, void *arg)
{
	if (daemon_each(arg, job_nothing, NULL) == 0)
		notify_alive();
}

/* ---- the stages ---- */

/* every() - a periodic timer. */
static struct event *every(struct daemon *d, usec_t period, event_callback_fn fn)
{
	struct timeval tv = {.tv_sec = (time_t)(period / USEC_PER_SEC),
			     .tv_usec = (suseconds_t)(period % USEC_PER_SEC)};
	struct event *ev = event_new(d->base, -1, EV_PERSIST, fn, d);

	if (ev)
		event_add(ev, &tv);
	return ev;
}

static struct event *on_signal(struct daemon *d, int sig, event_callback_fn fn)
{
	struct event *ev = evsignal_new(d->base, sig, fn, d);

	if (ev)
		event_add(ev, NULL);
	return ev;
}

/* enter_sandbox() - a kernel without seccomp is no reason not to guard. */
static void enter_sandbox(enum sandbox_stage stage)
{
	char why[DAEMON_WHY_MAX];

	if (sandbox_enter(stage, why, sizeof(why)) < 0)
		log_message(LOG_WARNING, "%s", why);
}

/* confine() - the last stage of the main thread; the workers have been in theirs since they started. */
static void confine(struct daemon *d)
{
	for (uint32_t i = 0; i < d->n_workers; i++) {
		const char *why = worker_unconfined(d->worker[i]);

		if (why[0])
			log_message(LOG_WARNING, "worker %u: %s", i, why);
	}
	enter_sandbox(SANDBOX_SERVE);
}

static int start_loop(struct daemon *d, char *why, size_t why_len)
{
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL); /* if it was ignored, nobody's exit status would be known */
	d->base = event_base_new();
	if (!d->base) {
		snprintf(why, why_len, "cannot make an event loop");
		return -ENOMEM;
	}
	d->on_term = on_signal(d, SIGTERM, on_end);
	d->on_int = on_signal(d, SIGINT, on_end);
	d->on_hup = on_signal(d, SIGHUP, on_hangup);
	return 0;
}

static void stop_loop(struct daemon *d)
{
	struct event *events[] = {d->on_term, d->on_int, d->on_hup};

	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		if (events[i])
			event_free(events[i]);
	}
	if (d->base)
		event_base_free(d->base);
}

/* part_of() - a worker's share of a limit of the whole daemon. */
static uint32_t part_of(uint32_t limit, uint32_t workers)
{
	uint32_t part = (limit + workers - 1) / workers;

	return part < 16 ? 16 : part;
}

/* worker_limits() - the sizes of each worker's tables. */
static struct guard_limits worker_limits(const struct conf *c)
{
	return (struct guard_limits){
		.max_flows = part_of(c->max_flows, c->workers),
		.max_half_open = part_of(c->max_half_open, c->workers),
		.max_terminated = part_of(c->max_terminated, c->workers),
		.chunks = part_of((uint32_t)(c->terminate_memory / TCP_CHUNK_BYTES), c->workers),
	};
}

/* ever_used() - what can be filled of the tables: the terminate engine's only by a service that has it. */
static struct guard_limits ever_used(const struct conf *c)
{
	struct guard_limits l = worker_limits(c);

	if (!guard_config_terminates(&c->guard))
		l.max_terminated = l.chunks = part_of(0, c->workers);
	return l;
}

int daemon_check_memory(const struct conf *c, char *why, size_t why_len)
{
	const struct guard_limits limits = ever_used(c);
	uint64_t need = guard_arena_size(&limits) * (uint64_t)c->workers, limit = memory_limit("");

	if (need <= limit)
		return 0;
	snprintf(
		why, why_len,
		"the tables can grow to %llu MiB, but the control group of tcpguardd may have only "
		"%llu (memory.max, in systemd MemoryMax): raise that, or lower max-flows, "
		"max-half-open, terminate.connections and terminate.memory",
		(unsigned long long)(need >> 20), (unsigned long long)(limit >> 20));
	return -ENOMEM;
}

/* new_workers() - all of them, and what earlier ones have left them is theirs. */
static int new_workers(struct daemon *d, char *why, size_t why_len)
{
	const struct conf *c = d->conf;

	for (uint32_t i = 0; i < c->workers; i++) {
		struct worker_config wc = {
			.index = i,
			.workers = c->workers,
			.queue = c->queue,
			.mark = c->mark,
			.limits = worker_limits(c),
			.guard = &c->guard,
			.board = d->board,
			.seed = d->seed,
			.handover = &d->takeover.left,
		};
		int rc = worker_new(&d->worker[i], &wc, why, why_len);

		if (rc < 0)
			return rc;
		d->n_workers++;
	}
	for (uint32_t i = 0; i < d->n_workers; i++)
		worker_settle(d->worker[i]);
	takeover_seed(d); /* whoever has to begin anew has the keys of those who have not */
	return 0;
}

/* open_workers() - up to where they could run. */
static int open_workers(struct daemon *d, char *why, size_t why_len)
{
	int rc = new_workers(d, why, why_len);

	for (uint32_t i = 0; rc == 0 && i < d->n_workers; i++)
		rc = worker_open(d->worker[i], why, why_len);
	if (rc == 0)
		takeover_workers(d);
	return rc;
}

static int start_workers(struct daemon *d, char *why, size_t why_len)
{
	const struct conf *c = d->conf;
	int rc = daemon_check_memory(c, why, why_len);

	if (rc < 0)
		return rc;
	if (c->queue + WORKER_QUEUES * c->workers - 1 > UINT16_MAX) {
		snprintf(
			why, why_len,
			"queue = %u leaves no room for %u queues below 65536; choose a smaller one",
			c->queue, WORKER_QUEUES * c->workers);
		return -ERANGE;
	}
	if (getrandom(d->seed, sizeof(d->seed), 0) != sizeof(d->seed)) {
		snprintf(why, why_len, "cannot get random numbers: %s", strerror(errno));
		return -EIO;
	}
	if (c->workers > 1) {
		d->board = board_new(c->workers);
		if (!d->board) {
			snprintf(why, why_len, "no memory for what %u workers share", c->workers);
			return -ENOMEM;
		}
	}
	rc = open_workers(d, why, why_len);
	for (uint32_t i = 0; rc == 0 && i < d->n_workers; i++) {
		rc = worker_start(d->worker[i]);
		if (rc < 0)
			snprintf(why, why_len, "cannot start a thread: %s", strerror(-rc));
	}
	return rc;
}

static void stop_workers(struct daemon *d)
{
	takeover_end_workers(d);
	while (d->n_workers > 0)
		worker_close(d->worker[--d->n_workers]);
	board_free(d->board);
	d->board = NULL;
}

static int start_control(struct daemon *d, char *why, size_t why_len)
{
	control_fill(d);
	d->control = ctl_server_new(d->base, d->conf->control_socket, d->conf->control_group,
				    &d->ops, why, why_len);
	return d->control ? 0 : -EIO;
}

static void stop_control(struct daemon *d)
{
	ctl_server_free(d->control);
}

static int start_timers(struct daemon *d, char *why, size_t why_len)
{
	usec_t watchdog = notify_watchdog();

	d->on_poll = every(d, POLL_MS * USEC_PER_MSEC, on_poll);
	d->on_second = every(d, USEC_PER_SEC, on_second);
	if (watchdog)
		d->on_alive =
			every(d, watchdog / 4, on_alive); /* a tool that hangs takes half of it */
	return 0;
}

static void stop_timers(struct daemon *d)
{
	struct event *events[] = {d->on_poll, d->on_second, d->on_alive};

	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		if (events[i])
			event_free(events[i]);
	}
	events_poll(d); /* the last words of the guards */
}

static int start_firewall(struct daemon *d, char *why, size_t why_len)
{
	return daemon_install_rules(d, d->conf, why, why_len);
}

/* drain() - let the workers answer what the rules have queued. */
static void drain(struct daemon *d)
{
	for (int ms = 0; ms < DRAIN_MS; ms += DRAIN_STEP_MS) {
		bool idle = true;

		for (uint32_t i = 0; i < d->n_workers; i++)
			idle = idle && worker_idle(d->worker[i]);
		if (idle)
			return;
		usleep(DRAIN_STEP_MS * 1000);
	}
}

static void stop_firewall(struct daemon *d)
{
	char why[DAEMON_WHY_MAX];

	if (d->takeover.leaving)
		return;
	if (firewall_detach(&d->firewall, why, sizeof(why)) < 0)
		log_message(LOG_ERR, "%s", why);
	drain(d);
	if (firewall_remove(&d->firewall, why, sizeof(why)) < 0)
		log_message(LOG_ERR, "%s", why);
}

/* In this order at start, backwards at the end. A stage that failed is stopped, too. */
static const struct {
	int (*start)(struct daemon *d, char *why, size_t why_len);
	void (*stop)(struct daemon *d);
} stages[] = {
	{start_loop, stop_loop},
	{takeover_start, takeover_stop},
	{attacks_start, attacks_stop},
	{start_workers, stop_workers},
	{clients_start, clients_stop},
	{start_control, stop_control},
	{metrics_start, metrics_stop},
	{baselines_start, baselines_stop},
	{start_timers, stop_timers},
	{daemon_watch_addresses, daemon_unwatch_addresses},
	{keep_rules_start, keep_rules_stop},
	{start_firewall, stop_firewall},
};

static void warn_of(const char *dir, const char *what)
{
	if (dir_is_anybodys(dir))
		log_message(
			LOG_WARNING,
			"everybody may write to %s and take the place of %s there: chmod o-w %s",
			dir, what, dir);
}

/* warn_of_directories() - those that others may tamper with. */
static void warn_of_directories(const struct conf *c)
{
	char dir[sizeof(c->control_socket)];
	char *slash;

	memcpy(dir, c->control_socket, sizeof(dir));
	slash = strrchr(dir, '/');
	if (slash && slash != dir) {
		*slash = '\0';
		warn_of(dir, "the control socket");
	}
	warn_of(c->state_dir, "what is kept");
}

static void serve(struct daemon *d)
{
	attacks_open(d); /* not sooner: a start that fails says one thing */
	warn_of_directories(d->conf);
	if (!d->takeover.adopted) /* else the guards know better than the file */
		baselines_restore(d);
	log_message(LOG_NOTICE, "guarding %u service%s with %u worker%s, firewall: %s",
		    d->conf->guard.n_services, d->conf->guard.n_services == 1 ? "" : "s",
		    d->n_workers, d->n_workers == 1 ? "" : "s", firewall_name(&d->firewall));
	if (d->conf->guard.n_services == 0)
		log_message(LOG_NOTICE, "nothing is guarded yet: there is no service in %s",
			    d->conf->path);
	events_status(d);
	confine(d);
	notify_ready();
	event_base_dispatch(d->base);
	notify_stopping();
}

int daemon_run(struct conf *c, bool log_to_stderr, char **argv)
{
	struct daemon *d = calloc(1, sizeof(*d));
	char why[DAEMON_WHY_MAX] = "";
	size_t up = 0;
	int rc = 0;

	if (!d) {
		conf_free(c);
		return -ENOMEM;
	}
	d->conf = c;
	d->log_to_stderr = log_to_stderr;
	d->started = clock_now();
	daemon_log_open(d, c);
	takeover_prepare(&d->takeover, argv);
	enter_sandbox(SANDBOX_START);
	while (rc == 0 && up < ARRAY_SIZE(stages))
		rc = stages[up++].start(d, why, sizeof(why));
	if (rc == 0)
		serve(d);
	else
		log_message(LOG_ERR, "%s", why);
	if (rc != 0)
		takeover_give_up(d); /* the next try may find what this one has not used */
	while (up > 0)
		stages[--up].stop(d);
	conf_free(d->conf);
	free(d);
	return rc;
}
