/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which flows a dump shows: --state, --service, --src, --engine. */
#ifndef TCPGUARD_CTL_FILTER_H
#define TCPGUARD_CTL_FILTER_H

#include "core/report.h"

/* Everything zero: no filter. */
struct flow_filter {
	uint32_t states; /* bit per enum tcp_state; 0: any */
	uint32_t kinds; /* bit per enum flow_kind; 0: any */
	char service[GUARD_SERVICE_NAME_MAX]; /* empty: any */
	bool by_src;
	struct ip_addr src;
	unsigned src_plen; /* in the mapped space, 0..128 */
};

/*
 * flow_filter_parse() - from the words behind the command: "--state LIST" or "--state=LIST", ...
 * @config: for the services there are.
 * Return: 0, or -EINVAL with @why filled.
 */
int flow_filter_parse(struct flow_filter *f, const struct guard_config *config, int n,
		      char *const word[], char *why, size_t why_len);

/* flow_netstat_state() - the one state by which netstat shows a flow. */
enum tcp_state flow_netstat_state(const struct flow_report *r);

/* flow_filter_match() - for `conns`: --state is met by either half. */
bool flow_filter_match(const struct flow_filter *f, const struct flow_report *r);

/* flow_filter_match_netstat() - for `netstat`: --state is met by the state that is shown. */
bool flow_filter_match_netstat(const struct flow_filter *f, const struct flow_report *r);

/* flow_filter_match_listen() - whether netstat shows the listens of @service. */
bool flow_filter_match_listen(const struct flow_filter *f, const char *service);

#endif
