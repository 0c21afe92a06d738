/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the control socket may ask of the daemon. The daemon fills this in; tests fill in a fake.
 */
#ifndef TCPGUARD_CTL_OPS_H
#define TCPGUARD_CTL_OPS_H

#include <stdarg.h>

#include "core/guard.h"
#include "core/report.h"
#include "core/rules.h"

/* A job for a worker's thread: runs between two packets, must take well under a millisecond. */
typedef void ctl_job_fn(struct guard *g, usec_t now, struct actions *out, void *arg);

struct ctl_worker_stats {
	uint32_t queue; /* its (first) NFQUEUE number */
	usec_t cpu; /* CPU time of the thread */
#define WORKER_COUNTER(name, text) uint64_t name;
#include "ctl/worker.def"
#undef WORKER_COUNTER
};

/* What a command wants of the lists of clients, in the words that were typed. */
struct ctl_rule_change {
	bool remove; /* else put there */
	bool allow; /* else deny */
	const char *prefix;
	const char *duration; /* NULL: for ever */
	const char *service; /* NULL: all */
};

/* A rule of these lists. */
struct ctl_rule {
	struct ip_addr prefix;
	uint8_t plen; /* in the mapped space */
	bool allow;
	bool from_file; /* else by command */
	bool active; /* its service is configured, and no rule by command hides it */
	bool in_kernel; /* packets_kernel is known */
	char service[GUARD_SERVICE_NAME_MAX]; /* empty: all */
	int64_t until_ms; /* since 1970; 0: for ever */
	int64_t left_ms;
	uint64_t packets; /* that the guards have met */
	uint64_t packets_kernel; /* that the kernel has dropped before */
};
struct jw; /* ctl/json.h */

struct ctl_ops {
	void *ctx; /* passed to every function */

	/* number of workers, fixed while the daemon runs */
	uint32_t (*n_workers)(void *ctx);

	/*
	 * Run @job on worker @w and wait for it. Packets that the job put into its outbox are sent.
	 * Return: 0, or -ETIMEDOUT if the worker did not take it within a second.
	 */
	int (*run)(void *ctx, uint32_t w, ctl_job_fn *job, void *arg);

	void (*worker_stats)(void *ctx, uint32_t w, struct ctl_worker_stats *s);

	/* The configuration in force; valid until the next reload (same thread as the control socket). */
	const struct guard_config *(*config)(void *ctx);
	const char *(*config_path)(void *ctx);

	/*
	 * Check the configuration file, and with @apply put it in force. Every error is given to
	 * @report as one line "file:line: what, and what to do".
	 * Return: 0, or -EINVAL after at least one report; then nothing has changed.
	 */
	int (*reload)(void *ctx, bool apply, void (*report)(void *arg, const char *line),
		      void *arg);

	/*
	 * Become the program that is installed now, in a moment, without losing a connection.
	 * @said: its version, or why not. Return: 0 or a negative errno.
	 */
	int (*upgrade)(void *ctx, char *said, size_t len);

	/* Print the configuration in force, defaults included, one line at a time. */
	void (*config_show)(void *ctx, void (*print)(void *arg, const char *line), void *arg);

	/* Change one run-time option ("set KEY VALUE"). Return: 0, or -EINVAL with @why filled. */
	int (*set)(void *ctx, const char *key, const char *value, char *why, size_t why_len);

	/* Log level by name (err warning notice info debug). Return: 0 or -EINVAL. */
	int (*log_level)(void *ctx, const char *level);

	/*
	 * Change the lists of clients. Return: 0; 1 if it is in force and @why says what is wrong all the
	 * same; or a negative errno with @why filled.
	 */
	int (*rule_change)(void *ctx, const struct ctl_rule_change *change, char *why,
			   size_t why_len);

	/* All rules. @rows: RULES_MAX of them. Return: how many, or a negative errno with @why filled. */
	int (*rules)(void *ctx, struct ctl_rule *rows, char *why, size_t why_len);

	/* How many events of a kind there were, of the guards and of the daemon itself. */
	uint64_t (*event_count)(void *ctx, enum guard_event_kind kind);

	/* As guard_report_events(), of what has happened to the daemon itself. */
	uint32_t (*own_events)(void *ctx, uint64_t from, struct guard_event *rows, uint32_t max);

	/* The number of the attack on @service at the time @at of the guards' clock; 0: none. */
	uint64_t (*attack_number)(void *ctx, const char *service, usec_t at);

	/*
	 * The first attack that is remembered with a number greater than @after, on @service (NULL: on
	 * any). @out: its row is appended; NULL: not wanted. Return: its number; 0 if there is none.
	 */
	uint64_t (*attack_row)(void *ctx, uint64_t after, const char *service, struct jw *out);

	usec_t (*now)(void *ctx); /* the guards' clock */
	usec_t (*started)(void *ctx); /* when the daemon started, on that clock */
	const char *(*firewall)(void *ctx); /* "nftables", "iptables", "none" */
	/* what is wrong with its rules now; empty: nothing */
	const char *(*rules_missing)(void *ctx);
	uint64_t (*rules_repaired)(void *ctx); /* how often they were put back */
	uint64_t (*forged)(void *ctx); /* packets its anti-spoof rules have dropped */
	uint64_t (*resident)(void *ctx); /* bytes of memory that are in use; 0: not known */
};

#endif
