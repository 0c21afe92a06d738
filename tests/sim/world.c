/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Virtual time, the event queue and the links. */
#include "sim.h"

#include "wire/text.h"

static bool earlier(const struct event *a, const struct event *b)
{
	return a->time != b->time ? a->time < b->time : a->number < b->number;
}

void sim_at(struct sim *s, usec_t time, event_fn *fn, void *obj, uint64_t tag)
{
	struct event e = {time < s->now ? s->now : time, ++s->events, fn, obj, tag};
	uint32_t i;

	if (s->n_heap == s->heap_cap) {
		s->heap_cap = s->heap_cap ? 2 * s->heap_cap : 1024;
		s->heap = realloc(s->heap, s->heap_cap * sizeof(*s->heap));
		if (!s->heap)
			abort();
	}
	for (i = s->n_heap++; i && earlier(&e, &s->heap[(i - 1) / 2]); i = (i - 1) / 2)
		s->heap[i] = s->heap[(i - 1) / 2];
	s->heap[i] = e;
}

static struct event heap_pop(struct sim *s)
{
	struct event top = s->heap[0], e = s->heap[--s->n_heap];
	uint32_t i = 0, k;

	while ((k = 2 * i + 1) < s->n_heap) {
		if (k + 1 < s->n_heap && earlier(&s->heap[k + 1], &s->heap[k]))
			k++;
		if (!earlier(&s->heap[k], &e))
			break;
		s->heap[i] = s->heap[k];
		i = k;
	}
	s->heap[i] = e;
	return top;
}

void sim_note(struct sim *s, const char *fmt, ...)
{
	va_list ap;

	if (!s->verbose)
		return;
	printf("%12.6f ", (double)s->now / 1e6);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

void sim_violation(struct sim *s, const char *fmt, ...)
{
	uint32_t i = s->n_violations++;
	char text[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (i < VIOLATIONS_KEPT)
		snprintf(s->violation[i], sizeof(s->violation[i]), "t=%.6f: %s",
			 (double)s->now / 1e6, text);
	sim_note(s, "VIOLATION: %s", text);
}

void sim_trace(struct sim *s, const char *where, const uint8_t *data, uint32_t len)
{
	char text[PKT_TEXT_MAX];
	struct pkt p;
	int rc;

	if (!s->verbose)
		return;
	rc = pkt_parse(&p, (uint8_t *)(uintptr_t)data, len, len, PKT_CSUM_UNVERIFIED);
	sim_note(s, "%-8s %s", where, rc ? pkt_error_text(rc) : pkt_format(&p, text, sizeof(text)));
}

struct packet *packet_new(const uint8_t *data, uint32_t len)
{
	struct packet *p = malloc(sizeof(*p) + len);

	if (!p)
		abort();
	p->len = len;
	p->gso = 0;
	p->corrupt = false;
	if (data)
		memcpy(p->data, data, len);
	return p;
}

static void arrive(struct sim *s, void *obj, uint64_t id)
{
	struct packet *p = obj;

	switch ((enum link_id)id) {
	case LINK_CG:
		mid_input(s, p, true);
		return;
	case LINK_SG:
		mid_input(s, p, false);
		return;
	case LINK_GS:
		host_input(&s->server, p->data, p->len);
		break;
	default:
		host_input(&s->client, p->data, p->len);
		break;
	}
	free(p);
}

/* damage() - flip one bit of the TCP part; one flip never escapes the checksum. */
static void damage(struct sim *s, struct packet *p)
{
	uint32_t off = seg_ip_len(p->data), bit;

	if (p->gso || p->corrupt || p->len <= off)
		return;
	bit = (uint32_t)rng_below(&s->rng_net, (p->len - off) * 8);
	/* headers are where it hurts: half of the flips go there */
	if (rng_pct(&s->rng_net, 50))
		bit %= 20 * 8;
	p->data[off + bit / 8] ^= (uint8_t)(1u << bit % 8);
	p->corrupt = true;
}

static void link_one(struct sim *s, enum link_id id, struct packet *p)
{
	struct link *l = &s->link[id];
	usec_t at = s->now + l->p.delay + rng_below(&s->rng_net, l->p.jitter + 1);

	if (rng_chance(&s->rng_net, l->p.loss)) {
		sim_trace(s, "  lost", p->data, p->len);
		free(p);
		return;
	}
	if (rng_chance(&s->rng_net, l->p.corrupt))
		damage(s, p);
	if (rng_chance(&s->rng_net, l->p.reorder)) {
		at += rng_below(&s->rng_net, l->p.reorder_by + 1);
	} else {
		if (at <= l->last)
			at = l->last + 1 + (p->len >> 10);
		l->last = at;
	}
	sim_at(s, at, arrive, p, id);
}

/* link_cut() - what the guard let through as one big packet goes on as ordinary segments. */
static void link_cut(struct sim *s, enum link_id id, struct packet *p)
{
	uint32_t off = seg_ip_len(p->data), hl = off + (p->data[off + 12] >> 4) * 4u;
	uint32_t payload = p->len - hl, n;
	uint8_t buf[16384];

	for (uint32_t from = 0; from < payload; from += n) {
		n = payload - from < p->gso ? payload - from : p->gso;
		if (hl + n > sizeof(buf))
			abort();
		link_send(s, id, packet_new(buf, seg_slice(p->data, p->len, from, n, buf)));
	}
	free(p);
}

void link_send(struct sim *s, enum link_id id, struct packet *p)
{
	uint32_t dup = s->link[id].p.dup;

	s->stats.packets++;
	if (p->gso && (id == LINK_GS || id == LINK_GC)) {
		link_cut(s, id, p);
		return;
	}
	if (rng_chance(&s->rng_net, dup)) {
		struct packet *q = packet_new(p->data, p->len);

		q->gso = p->gso;
		q->corrupt = p->corrupt;
		link_one(s, id, q);
	}
	link_one(s, id, p);
}

struct sim *sim_new(const struct plan *plan, bool verbose)
{
	struct sim *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	s->plan = *plan;
	s->verbose = verbose;
	s->now = s->start = 1000 * USEC_PER_SEC;
	s->hash = 0xcbf29ce484222325u;
	rng_seed(&s->rng_net, plan->seed, 1);
	rng_seed(&s->rng_host, plan->seed, 2);
	rng_seed(&s->rng_mid, plan->seed, 3);
	rng_seed(&s->rng_flood, plan->seed, 4);
	for (uint32_t i = 0; i < LINK_COUNT; i++)
		s->link[i].p = plan->link[i];
	host_init(s, &s->client, false);
	host_init(s, &s->server, true);
	s->max_sessions = plan->n_sessions * 8 + 4096;
	s->session = calloc(s->max_sessions, sizeof(*s->session));
	if (!s->session)
		abort();
	s->mid = mid_new(s);
	for (uint32_t i = 0; i < plan->n_sessions; i++)
		session_plan(s, i);
	trouble_schedule(s);
	return s;
}

/* How long everything lasts at most: applications give up long before. */
#define RUN_TIME   (900 * USEC_PER_SEC)
#define DRAIN_TIME (1500 * USEC_PER_SEC)

/* No run needs so many events, unless two ends answer each other for ever. */
#define EVENTS_MAX 3000000

static void run_until(struct sim *s, usec_t end)
{
	while (!s->stop) {
		usec_t next = s->n_heap ? s->heap[0].time : USEC_NEVER;
		usec_t due = mid_deadline(s);
		struct event e;

		if (due <= next && due <= end) {
			s->now = due > s->now ? due : s->now;
			mid_expire(s);
			continue;
		}
		if (next > end)
			break;
		if (s->events > EVENTS_MAX) {
			sim_violation(s, "a storm: the run does not end");
			s->stop = true;
		}
		e = heap_pop(s);
		s->now = e.time;
		e.fn(s, e.obj, e.tag);
	}
	s->now = end > s->now ? end : s->now;
}

void sim_run(struct sim *s)
{
	run_until(s, s->start + RUN_TIME);
	judge_sessions(s);
	run_until(s, s->start + RUN_TIME + DRAIN_TIME);
	judge_guard(s);
}

static bool is_packet(const struct event *e)
{
	return e->fn == arrive;
}

void sim_free(struct sim *s)
{
	for (uint32_t i = 0; i < s->n_heap; i++)
		if (is_packet(&s->heap[i]))
			free(s->heap[i].obj);
	host_free(&s->client);
	host_free(&s->server);
	mid_free(s->mid);
	free(s->session);
	free(s->heap);
	free(s);
}
