/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What happens in a capture of the tests: clients who connect, and a flood between them. */
#ifndef TCPGUARD_TESTS_REPLAY_STORY_H
#define TCPGUARD_TESTS_REPLAY_STORY_H

#include "writer.h"

#define STORY_SERVER 1 /* 10.0.0.1 or fd00::1 */
#define STORY_PORT   80
#define STORY_EPOCH  (1700000000 * USEC_PER_SEC) /* time of the first moment */

struct story {
	uint64_t seed;
	bool v6;
	usec_t length;
	uint32_t clients; /* that connect each second, at random */
	usec_t rtt;
	uint32_t flood; /* SYNs a second, at random; their sources are forged */
	usec_t flood_from, flood_to;
	uint16_t flood_flags; /* besides SYN */
	bool answered; /* the server answers the flood, too */
	bool one_way; /* what the server sends is left out */
	bool return_only; /* what the clients send is left out */
};

/* What is in it. */
struct story_facts {
	uint64_t frames, clients, flood;
	usec_t first_flood; /* since the first frame; meaningless without one */
};

/* story_defaults() - 20 s, 50 clients a second, 1,000 SYN/s between 8 and 14 s. */
void story_defaults(struct story *s);

/* story_write() - into @w, which is empty and whose choices have been made. */
void story_write(const struct story *s, struct writer *w, struct story_facts *facts);

#endif
