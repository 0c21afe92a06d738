/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The step functions of all commands; the table is in command.c. */
#ifndef TCPGUARD_CTL_COMMANDS_H
#define TCPGUARD_CTL_COMMANDS_H

#include "ctl/request.h"

enum step ctl_help(struct request *r); /* command.c */
enum step ctl_version(struct request *r); /* status.c */
enum step ctl_status(struct request *r);
enum step ctl_drops(struct request *r);
enum step ctl_stats(struct request *r); /* service.c */
enum step ctl_services(struct request *r);

/* change.c */
enum step ctl_config(struct request *r);
enum step ctl_mode(struct request *r);
enum step ctl_set(struct request *r);
enum step ctl_kill(struct request *r);
enum step ctl_log(struct request *r);
enum step ctl_upgrade(struct request *r);

/* flows.c */
extern const size_t ctl_flows_state_bytes;
enum step ctl_conns(struct request *r);
enum step ctl_ends(struct request *r);
enum step ctl_netstat(struct request *r);

/* backends.c */
extern const size_t ctl_backends_state_bytes;
enum step ctl_backends(struct request *r);
void ctl_backends_end(struct request *r);

/* rules.c */
extern const size_t ctl_rules_state_bytes;
enum step ctl_rules(struct request *r);
enum step ctl_rule_change(struct request *r); /* deny, undeny, allow, unallow */

/* attacks.c */
extern const size_t ctl_attacks_state_bytes;
enum step ctl_attacks(struct request *r);

/* events.c */
extern const size_t ctl_events_state_bytes;
enum step ctl_events(struct request *r);
void ctl_events_end(struct request *r);

/* service.c, also for status.c: what all workers say about the services, added up. */
struct service_sums {
	uint32_t n;
	struct service_report row[GUARD_SERVICES_MAX];
};

/* ctl_sum_services() - Return: 0, or a negative errno with @r->why filled. */
int ctl_sum_services(struct request *r, struct service_sums *sums);

/* ctl_sum_reports() - status.c: the reports of all workers, added up. Return: likewise. */
int ctl_sum_reports(struct request *r, struct guard_report *sum);

/*
 * ctl_count_servers() - backends.c: of each service in @sums how many servers answer and do not.
 * @counts: in the order of @sums. Return: likewise.
 */
struct server_counts {
	uint32_t up, down;
};
int ctl_count_servers(struct request *r, const struct service_sums *sums,
		      struct server_counts counts[GUARD_SERVICES_MAX]);

const char *ctl_attack_state_name(enum guard_attack_state state);

/* ctl_listen_format() - "192.0.2.1:80", "203.0.113.0/24:443", "[2001:db8::1]:1000-1010", "0.0.0.0/0:*". */
#define CTL_LISTEN_STRLEN (IP_ENDPOINT_STRLEN + 16)
const char *ctl_listen_format(const struct guard_listen *l, char buf[CTL_LISTEN_STRLEN]);

#endif
