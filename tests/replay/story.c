/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "story.h"

#include <stdlib.h>
#include <string.h>

#define FLAG_FIN 1
#define FLAG_SYN 2
#define FLAG_ACK 16

enum step { STEP_SYN, STEP_SYNACK, STEP_ACK, STEP_REQUEST, STEP_REPLY, STEP_FIN, STEP_BYE, STEPS };

struct moment {
	usec_t time;
	uint32_t who;
	uint8_t step;
	bool forged;
};

struct plot {
	const struct story *s;
	struct moment *moment;
	size_t n, room;
	uint64_t random;
};

static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

static uint64_t below(struct plot *p, uint64_t n)
{
	return mix(p->random++) % n;
}

static void happen(struct plot *p, usec_t time, uint32_t who, enum step step, bool forged)
{
	bool from_server = step == STEP_SYNACK || step == STEP_REPLY || step == STEP_BYE;

	if (time > p->s->length || (from_server ? p->s->one_way : p->s->return_only))
		return;
	if (p->n == p->room) {
		p->room = p->room ? 2 * p->room : 1024;
		p->moment = realloc(p->moment, p->room * sizeof(*p->moment));
		if (!p->moment)
			abort();
	}
	p->moment[p->n++] = (struct moment){time, who, (uint8_t)step, forged};
}

static int earlier(const void *a, const void *b)
{
	const struct moment *x = a, *y = b;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	if (x->who != y->who)
		return x->who < y->who ? -1 : 1;
	return x->step - y->step;
}

static void client(struct plot *p, usec_t at, uint32_t who)
{
	for (int step = 0; step < STEPS; step++)
		happen(p, at + (usec_t)step * p->s->rtt / 2, who, step, false);
}

static void put(const struct plot *p, const struct moment *m, struct writer *w)
{
	static const uint16_t flags[STEPS] = {
		FLAG_SYN,     FLAG_SYN | FLAG_ACK, FLAG_ACK,	       FLAG_ACK | 8,
		FLAG_ACK | 8, FLAG_FIN | FLAG_ACK, FLAG_FIN | FLAG_ACK};
	static const uint32_t client_sent[STEPS] = {0, 1, 1, 1, 101, 101, 102};
	static const uint32_t server_sent[STEPS] = {0, 0, 1, 1, 1, 501, 501};
	uint64_t r = mix((uint64_t)m->who + p->s->seed + (m->forged ? 1u << 31 : 0));
	uint32_t cisn = (uint32_t)(r >> 3), sisn = (uint32_t)(r >> 19);
	bool reply = m->step == STEP_SYNACK || m->step == STEP_REPLY || m->step == STEP_BYE;
	struct writer_tcp t = {
		.v6 = p->s->v6,
		/* forged: all over 11/8 .. 126/8 */
		.src = m->forged ? (uint32_t)(11 + r % 116) << 24 | (uint32_t)(r >> 40)
				 : 65536 + m->who % 50000,
		.dst = STORY_SERVER,
		.sport = (uint16_t)(1024 + (m->forged ? r >> 17 : m->who / 50000) % 60000),
		.dport = STORY_PORT,
		.seq = cisn + client_sent[m->step],
		.ack = m->step == STEP_SYN ? 0 : sisn + server_sent[m->step],
		.flags = flags[m->step] | (m->forged && !reply ? p->s->flood_flags : 0),
		.options = m->step <= STEP_SYNACK && !m->forged,
		.mss = m->step == STEP_SYNACK,
		.payload = m->step == STEP_REQUEST ? 100
			   : m->step == STEP_REPLY ? 500
						   : 0,
	};

	if (reply) {
		struct writer_tcp back = t;

		back.src = t.dst;
		back.dst = t.src;
		back.sport = t.dport;
		back.dport = t.sport;
		back.seq = sisn + server_sent[m->step];
		back.ack = cisn + client_sent[m->step];
		t = back;
	}
	writer_tcp(w, STORY_EPOCH + m->time, &t);
}

void story_defaults(struct story *s)
{
	*s = (struct story){
		.seed = 1,
		.length = 20 * USEC_PER_SEC,
		.clients = 50,
		.rtt = 20 * USEC_PER_MSEC,
		.flood = 1000,
		.flood_from = 8 * USEC_PER_SEC,
		.flood_to = 14 * USEC_PER_SEC,
		.answered = true,
	};
}

void story_write(const struct story *s, struct writer *w, struct story_facts *facts)
{
	struct plot p = {.s = s, .random = s->seed << 32};
	uint64_t clients = s->clients * s->length / USEC_PER_SEC;
	uint64_t flood = s->flood * (s->flood_to - s->flood_from) / USEC_PER_SEC;

	memset(facts, 0, sizeof(*facts));
	facts->clients = clients;
	facts->flood = flood;
	for (uint64_t i = 0; i < clients; i++)
		client(&p, below(&p, s->length), (uint32_t)i);
	for (uint64_t i = 0; i < flood; i++) {
		usec_t at = s->flood_from + below(&p, s->flood_to - s->flood_from);

		happen(&p, at, (uint32_t)i, STEP_SYN, true);
		if (s->answered)
			happen(&p, at + 100, (uint32_t)i, STEP_SYNACK, true);
	}
	if (p.n)
		qsort(p.moment, p.n, sizeof(*p.moment), earlier);
	for (size_t i = 0; i < p.n; i++) {
		if (p.moment[i].forged && !facts->first_flood)
			facts->first_flood = p.moment[i].time - p.moment[0].time;
		put(&p, &p.moment[i], w);
	}
	facts->frames = p.n;
	free(p.moment);
}
