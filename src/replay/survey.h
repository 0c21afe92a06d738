/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The first look at a capture: how long it is, what is in it, and who seems to be attacked. */
#ifndef TCPGUARD_REPLAY_SURVEY_H
#define TCPGUARD_REPLAY_SURVEY_H

#include "base/addr.h"
#include "replay/capture.h"

#define SURVEY_LINKS_MAX 8

struct survey_link {
	int link;
	uint32_t number; /* as in the file */
	uint64_t frames;
};

struct survey {
	const char *format;
	uint32_t interfaces;
	uint32_t n_links;
	struct survey_link link[SURVEY_LINKS_MAX]; /* more are counted in the last one */
	uint64_t frames;
	uint64_t tcp, icmp_errors, fragments, other; /* packets that were read */
	uint64_t syn, synack;
	uint64_t answers; /* packets from where SYNs have gone to */
	usec_t first; /* since 1970; 0: no frame has a time */
	usec_t duration; /* of virtual time, first frame to last */
	usec_t first_syn; /* of virtual time, from 0; duration if there is none */
	usec_t backwards_most, cut_out;
	uint64_t trouble[TROUBLE_COUNT];
	char damage[CAPTURE_WHY_MAX];
	/* the destination of the most SYNs; without any, the end of the most SYN-ACKs */
	bool found;
	struct ip_addr busiest;
	uint16_t busiest_port;
	uint64_t busiest_syn; /* or SYN-ACKs */
	bool by_synack;
};

/* survey_capture() - Return: 0, or a negative errno with @why (CAPTURE_WHY_MAX bytes) filled. */
int survey_capture(struct survey *s, const char *path, char *why);

#endif
