/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of commands, and a request from its line to its end. */
#include "ctl/commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILTER_ARGS  "[--state LIST] [--service NAME] [--src PREFIX] [--engine LIST]"
#define RULE_ARGS    "PREFIX [for TIME] [service NAME]"
#define FILTER_WORDS (CTL_WORDS_MAX - 1)

static const struct command commands[] = {
	{"status", "", "the daemon, its workers and its tables", 0, 0, false, .step = ctl_status},
	{"stats", "[SERVICE]", "counters of each service", 0, 1, false, .step = ctl_stats},
	{"services", "[SERVICE]", "services with their listens, mode and state", 0, 1, false,
	 .step = ctl_services},
	{"backends", "", "what is known of each server", 0, 0, false, .step = ctl_backends,
	 .state_bytes = &ctl_backends_state_bytes, .end = ctl_backends_end},
	{"conns", FILTER_ARGS, "connections, both halves of each", 0, FILTER_WORDS, false,
	 .step = ctl_conns, .state_bytes = &ctl_flows_state_bytes},
	{"ends", FILTER_ARGS, "both ends of terminated connections", 0, FILTER_WORDS, false,
	 .step = ctl_ends, .state_bytes = &ctl_flows_state_bytes},
	{"netstat", FILTER_ARGS, "connections as netstat sees them", 0, FILTER_WORDS, false,
	 .step = ctl_netstat, .state_bytes = &ctl_flows_state_bytes},
	{"attacks", "[SERVICE|NUMBER] [--last N]", "current and past attacks", 0, 4, false,
	 .step = ctl_attacks, .state_bytes = &ctl_attacks_state_bytes},
	{"events", "[--follow] [N]", "the last N events (100)", 0, 2, false, .step = ctl_events,
	 .state_bytes = &ctl_events_state_bytes, .end = ctl_events_end},
	{"drops", "", "packets not let through, by reason", 0, 0, false, .step = ctl_drops},
	{"config", "show|check|reload", "the configuration in force; check or load the file", 1, 1,
	 false, .step = ctl_config},
	{"mode", "SERVICE MODE", "off, monitor, adaptive or always, until the next reload", 2, 2,
	 true, .step = ctl_mode},
	{"set", "KEY VALUE", "change an option until the next reload", 2, 2, true, .step = ctl_set},
	{"rules", "", "allowed and denied clients, and the packets each rule has met", 0, 0, false,
	 .step = ctl_rules, .state_bytes = &ctl_rules_state_bytes},
	{"deny", RULE_ARGS, "drop every packet of these clients", 1, 5, true,
	 .step = ctl_rule_change},
	{"undeny", "PREFIX [service NAME]", "end a denial", 1, 3, true, .step = ctl_rule_change},
	{"allow", RULE_ARGS, "let these clients pass, whatever happens", 1, 5, true,
	 .step = ctl_rule_change},
	{"unallow", "PREFIX [service NAME]", "end an allowance", 1, 3, true,
	 .step = ctl_rule_change},
	{"kill", "FLOW", "reset a connection by the id that conns shows", 1, 1, true,
	 .step = ctl_kill},
	{"log", "LEVEL", "err, warning, notice, info or debug", 1, 1, true, .step = ctl_log},
	{"upgrade", "", "become the program that is installed now; no connection is lost", 0, 0,
	 true, .step = ctl_upgrade},
	{"help", "", "this list", 0, 0, false, .step = ctl_help},
	{"version", "", "version of the daemon", 0, 0, false, .step = ctl_version},
};

enum step ctl_help(struct request *r)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		jw_row_begin(&r->out);
		jw_str(&r->out, "command", commands[i].name);
		jw_str(&r->out, "arguments", commands[i].args);
		jw_str(&r->out, "what", commands[i].what);
		jw_bool(&r->out, "changes", commands[i].change);
		jw_row_end(&r->out);
	}
	return STEP_DONE;
}

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

int request_begin(struct request *r, const char *line, size_t len)
{
	const struct command *c;
	size_t bytes;

	if (words_split(&r->words, line, len, r->why, sizeof(r->why)))
		return -EINVAL;
	if (r->words.n == 0) {
		request_fail(r, "the request is empty; try: help");
		return -EINVAL;
	}
	c = find(r->words.word[0]);
	if (!c) {
		request_fail(r, "unknown command \"%.64s\"; try: help", r->words.word[0]);
		return -EINVAL;
	}
	r->command = c;
	if (request_n_args(r) < c->min || request_n_args(r) > c->max) {
		request_fail(r, "usage: %s%s%s", c->name, c->args[0] ? " " : "", c->args);
		return -EINVAL;
	}
	if (c->change && !r->may_change) {
		request_denied(r);
		return -EPERM;
	}
	bytes = c->state_bytes ? *c->state_bytes : 0;
	r->state = bytes ? calloc(1, bytes) : NULL;
	if (bytes && !r->state) {
		request_fail(r, "out of memory; try again");
		return -ENOMEM;
	}
	return 0;
}

enum step request_step(struct request *r)
{
	enum step step = r->command->step(r);

	if (r->out.failed) {
		jw_clear(&r->out);
		return request_fail(r, "out of memory; try again");
	}
	return step;
}

void request_end(struct request *r)
{
	if (r->state && r->command->end)
		r->command->end(r);
	free(r->state);
	jw_free(&r->out);
	memset(r, 0, sizeof(*r));
}

const char *request_arg(const struct request *r, int i)
{
	return i < request_n_args(r) ? r->words.word[1 + i] : NULL;
}

int request_n_args(const struct request *r)
{
	return r->words.n - 1;
}

enum step request_fail(struct request *r, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	/* clang-tidy forgets va_start() when it has looked at another file before: */
	/* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized) */
	vsnprintf(r->why, sizeof(r->why), format, ap);
	va_end(ap);
	return STEP_FAILED;
}

enum step request_denied(struct request *r)
{
	return request_fail(r,
			    "permission denied: %s changes the daemon; ask as root or as its own "
			    "user",
			    r->words.word[0]);
}

int request_run(struct request *r, uint32_t worker, ctl_job_fn *job, void *arg)
{
	int error = r->ops->run(r->ops->ctx, worker, job, arg);

	if (error)
		request_fail(r,
			     "worker %u does not answer; try again, and restart tcpguardd if it "
			     "stays so",
			     worker);
	return error;
}
