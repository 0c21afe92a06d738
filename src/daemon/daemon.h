/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon's own state, of the main thread: configuration, workers, firewall rules, control
 * socket. Start-up is a list of stages; shut-down is the same list backwards.
 */
#ifndef TCPGUARD_DAEMON_DAEMON_H
#define TCPGUARD_DAEMON_DAEMON_H

#include <event2/event.h>

#include "conf/conf.h"
#include "ctl/server.h"
#include "daemon/attacks.h"
#include "daemon/baselines.h"
#include "daemon/keep_datapath.h"
#include "daemon/keep_rules.h"
#include "daemon/log.h"
#include "daemon/takeover.h"
#include "daemon/worker.h"
#include "datapath/addr_watch.h"
#include "datapath/firewall.h"

#define DAEMON_WHY_MAX 1024

#define OWN_EVENTS_MAX 128

/* What the main loop remembers of the events it has logged, and what has happened to itself. */
struct event_log {
	uint64_t next[CONF_WORKERS_MAX]; /* number of the next event of each worker */
	struct log_limit limit[GUARD_EVENT_COUNT];
	uint64_t count[GUARD_EVENT_COUNT]; /* of all that were seen, logged or not */
	uint64_t lost; /* forgotten by the guards before they were seen, and not yet told of */
	struct log_limit lost_limit;
	uint64_t n_own;
	struct guard_event own[OWN_EVENTS_MAX]; /* a ring; the number n is at n % OWN_EVENTS_MAX */
	char status[256]; /* last told to the service manager */
};

/*
 * Listens that a reload took away. Their rules stay while a spliced connection needs the guard, see
 * daemon/retire.h.
 */
struct retired_listens {
	uint32_t n;
	uint32_t waited; /* seconds since the last look */
	struct guard_listen listen[GUARD_LISTENS_MAX];
};

/* Metrics over HTTP, see daemon/metrics.h. */
struct daemon_metrics {
	struct metrics_server *server; /* NULL: off, or not yet to be had */
	uint32_t retry_in; /* seconds; 0: not at all */
};

struct daemon {
	struct conf *conf; /* in force */
	bool log_to_stderr; /* -f */
	usec_t started;
	uint8_t seed[GUARD_SEED_BYTES];
	struct takeover takeover;
	struct event_base *base;
	uint32_t n_workers;
	struct board *board; /* of the workers; NULL if there is only one */
	struct worker *worker[CONF_WORKERS_MAX];
	struct firewall firewall;
	struct rules_keeper rules;
	struct datapath_keeper datapath;
	char large_said[TUN_WHY_MAX]; /* the last reason for not sending long packets whole */
	struct attacks attacks;
	usec_t baselines_due; /* on the guards' clock */
	bool baselines_lost; /* could not be saved last time */
	struct ctl_ops ops;
	struct ctl_server *control;
	struct daemon_metrics metrics;
	struct event_log events;
	struct clients *clients; /* their lists, see daemon/clients.h */
	struct retired_listens retired;
	struct event *on_term, *on_int, *on_hup, *on_poll, *on_second, *on_alive;
	struct addr_watch *addresses;
	struct event *on_address,
		*on_settled; /* one of them has come or gone; that was a while ago */
};

/*
 * daemon_run() - start, serve until a signal ends it, stop.
 * @c: taken over. @log_to_stderr: never mind the configuration's log target. @argv: of main().
 * Return: 0 or a negative errno; the reason has been logged.
 */
int daemon_run(struct conf *c, bool log_to_stderr, char **argv);

/* daemon_log_open() - log where @c and the command line want it. */
void daemon_log_open(const struct daemon *d, const struct conf *c);

/* daemon_each() - run @job on all workers. Return: 0 or the first error; all are tried. */
int daemon_each(struct daemon *d, ctl_job_fn *job, void *arg);

/* control.c: fill d->ops. */
void control_fill(struct daemon *d);

/* events.c: log what the guards report, and tell the service manager how things are. */
void events_poll(struct daemon *d);

/* events_note() - something has happened to the daemon itself. @service: may be empty. */
void events_note(struct daemon *d, enum guard_event_kind kind, const char *service,
		 const char *detail);

/* events_own() - as guard_report_events(), of those. */
uint32_t events_own(const struct daemon *d, uint64_t from, struct guard_event *rows, uint32_t max);
void events_status(struct daemon *d);

/*
 * reload.c: daemon_reload() - read the file again; with @apply put it in force. Every error goes to
 * @report, what only a restart can change to @note (NULL: only to the log).
 * Return: 0 or -EINVAL, then nothing has changed.
 */
int daemon_reload(struct daemon *d, bool apply, conf_report_fn *report, conf_report_fn *note,
		  void *arg);

/* daemon_current_conf() - the configuration with the modes in force now. Return: to be freed; or NULL. */
struct conf *daemon_current_conf(struct daemon *d);

/* daemon_set() - change one option. Return: 0, or -EINVAL with @why filled. */
int daemon_set(struct daemon *d, const char *key, const char *value, char *why, size_t why_len);

/*
 * daemon_check_memory() - could all tables of @c be full, and the control group still be within its limit?
 * Return: 0, or -ENOMEM with @why filled.
 */
int daemon_check_memory(const struct conf *c, char *why, size_t why_len);

/* placement.c: daemon_install_rules() - install the rules for @c and the retired listens. */
int daemon_install_rules(struct daemon *d, const struct conf *c, char *why, size_t why_len);

/* daemon_firewall_config() - what those are made from; valid until the next call. Main thread only. */
struct firewall_config daemon_firewall_config(const struct daemon *d, const struct conf *c);

/* daemon_watch_addresses() - from now on the rules follow the addresses of this host. */
int daemon_watch_addresses(struct daemon *d, char *why, size_t why_len);
void daemon_unwatch_addresses(struct daemon *d);

#endif
