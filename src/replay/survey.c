/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replay/survey.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "replay/clock.h"
#include "replay/decode.h"

/*
 * Ends of connections, counted exactly while they fit: a scan of a large network leaves the table full,
 * and who comes later goes uncounted. A flood's target is among the first ones.
 */
#define ENDS	   65536 /* a power of two */
#define ENDS_TRIES 32

struct end {
	struct ip_addr addr;
	uint16_t port; /* 0: free */
	uint32_t syn, synack;
};

struct surveyor {
	struct survey *s;
	struct end end[ENDS];
	struct decoder decoder;
	struct replay_clock clock;
};

/* end_of() - @add: make it if it is not there. NULL: there is none, or no room. */
static struct end *end_of(struct surveyor *v, const struct ip_addr *a, uint16_t port, bool add)
{
	uint64_t h = ((uint64_t)(a->w[0] ^ a->w[2]) << 32 | (a->w[1] ^ a->w[3])) + port;

	if (port == 0)
		return NULL;
	h *= 0x9e3779b97f4a7c15u;
	h ^= h >> 32;
	for (uint32_t i = 0; i < ENDS_TRIES; i++) {
		struct end *e = &v->end[(h + i) % ENDS];

		if (e->port == 0 && !add)
			return NULL;
		if (e->port == 0) {
			e->addr = *a;
			e->port = port;
		}
		if (e->port == port && ip_addr_eq(&e->addr, a))
			return e;
	}
	return NULL;
}

static void count_tcp(struct surveyor *v, const struct pkt *p)
{
	struct end *e = end_of(v, &p->src, p->sport, false);

	if (e && e->syn)
		v->s->answers++;
	if ((p->flags & (TCP_SYN | TCP_RST | TCP_FIN)) != TCP_SYN)
		return;
	if (!(p->flags & TCP_ACK)) {
		if (v->s->syn++ == 0)
			v->s->first_syn = v->clock.now - CLOCK_START;
		e = end_of(v, &p->dst, p->dport, true);
		if (e)
			e->syn++;
		return;
	}
	v->s->synack++;
	e = end_of(v, &p->src, p->sport, true); /* the server, if its answers are here */
	if (e)
		e->synack++;
	e = end_of(v, &p->dst, p->dport, true); /* the victim, if they are reflected */
	if (e)
		e->synack++;
}

static void count_packet(struct surveyor *v, const struct pkt *p)
{
	struct survey *s = v->s;

	if (p->kind == PKT_TCP) {
		s->tcp++;
		count_tcp(v, p);
	} else if (p->kind == PKT_ICMP_ERROR) {
		s->icmp_errors++;
	} else if (p->kind == PKT_FRAGMENT) {
		s->fragments++;
	} else {
		s->other++;
	}
}

static void count_link(struct survey *s, const struct frame *f)
{
	uint32_t i = 0;

	while (i < s->n_links && s->link[i].number != f->link_number && i + 1 < SURVEY_LINKS_MAX)
		i++;
	if (i == s->n_links)
		s->link[s->n_links++] =
			(struct survey_link){.link = f->link, .number = f->link_number};
	s->link[i].frames++;
}

static void find_busiest(struct surveyor *v)
{
	struct survey *s = v->s;

	s->by_synack = s->syn == 0;
	for (uint32_t i = 0; i < ENDS; i++) {
		const struct end *e = &v->end[i];
		uint32_t n = s->by_synack ? e->synack : e->syn;

		if (n <= s->busiest_syn)
			continue;
		s->found = true;
		s->busiest = e->addr;
		s->busiest_port = e->port;
		s->busiest_syn = n;
	}
}

static void conclude(struct surveyor *v, const struct capture *c)
{
	struct survey *s = v->s;

	s->format = c->format;
	s->interfaces = c->interfaces;
	s->first = v->clock.first;
	s->duration = v->clock.now > CLOCK_START ? v->clock.now - CLOCK_START : 0;
	if (s->syn == 0)
		s->first_syn = s->duration;
	s->backwards_most = v->clock.backwards_most;
	s->cut_out = v->clock.cut_out;
	for (uint32_t i = 0; i < TROUBLE_COUNT; i++)
		s->trouble[i] = c->trouble[i] + v->decoder.trouble[i] + v->clock.trouble[i];
	memcpy(s->damage, c->damage, sizeof(s->damage));
	find_busiest(v);
}

int survey_capture(struct survey *s, const char *path, char *why)
{
	struct surveyor *v = calloc(1, sizeof(*v));
	struct capture c;
	struct frame f;
	struct pkt p;
	int rc;

	memset(s, 0, sizeof(*s));
	if (!v) {
		snprintf(why, CAPTURE_WHY_MAX, "out of memory");
		return -ENOMEM;
	}
	v->s = s;
	rc = capture_open(&c, path, why);
	if (rc == 0) {
		while (capture_next(&c, &f)) {
			s->frames++;
			count_link(s, &f);
			clock_frame(&v->clock, &f);
			if (decode_frame(&v->decoder, &f, &p))
				count_packet(v, &p);
		}
		conclude(v, &c);
		capture_close(&c);
	}
	free(v);
	return rc;
}
