/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What happens to a run besides its sessions: floods, sick servers, operators. */
#include "sim.h"

/* Floods */

static struct ip_addr forged(struct sim *s)
{
	struct rng *r = &s->rng_flood;

	if (s->plan.flood.neighbours && s->plan.v6)
		return (struct ip_addr){
			{htonl(0x20010db8), htonl(0x00010000), (be32)rng_u64(r), (be32)rng_u64(r)}};
	if (s->plan.flood.neighbours)
		return ip_addr_v4(htonl((uint32_t)rng_range(r, 0xc0000280, 0xc00002fe)));
	if (s->plan.v6)
		return (struct ip_addr){
			{htonl(0x20010db8), htonl(0x000f0000), (be32)rng_u64(r), (be32)rng_u64(r)}};
	return ip_addr_v4(htonl((uint32_t)rng_range(r, 0x14000000, 0x5fffffff)));
}

static void flood_packet(struct sim *s)
{
	struct rng *r = &s->rng_flood;
	uint8_t buf[SEG_HEADERS_MAX];
	struct seg g = {.src = forged(s),
			.dst = s->server.addr[0],
			.sport = (uint16_t)rng_range(r, 1024, 65535),
			.dport = s->server.port,
			.seq = (uint32_t)rng_u64(r),
			.flags = F_SYN,
			.win = 64240};

	if (rng_chance(r, s->plan.flood.ack_ppm)) {
		g.flags = F_ACK;
		g.ack = (uint32_t)rng_u64(r);
	} else if (s->plan.seed % 3) {
		g.has_mss = true;
		g.mss = 1460;
		g.sack_ok = g.has_ts = s->plan.seed % 3 == 1;
		g.tsval = g.seq >> 3;
	} else {
		g.flags |= F_ECE | F_CWR;
	}
	s->plan.flood.sent++;
	link_send(s, LINK_CG, packet_new(buf, seg_write(&g, buf)));
}

static void flood_tick(struct sim *s, void *obj, uint64_t tag)
{
	struct flood *f = &s->plan.flood;
	struct service_report v;

	if (s->now >= s->start + f->to)
		return;
	flood_packet(s);
	sim_at(s, s->now + USEC_PER_SEC / f->rate, flood_tick, NULL, 0);
	if (s->plan.bypass || s->attack_seen || f->sent % 16)
		return;
	mid_service(s, &v);
	if (v.state >= GUARD_ATTACK)
		s->attack_seen = s->now;
}

/* The server */

static void server_falls_ill(struct sim *s, void *obj, uint64_t tag)
{
	sim_note(s, "server: %s", s->plan.ill == SERVER_CLOSED ? "closed" : "silent");
	s->health = s->plan.ill;
	if (s->plan.reboots)
		host_reboot(&s->server);
}

static void server_recovers(struct sim *s, void *obj, uint64_t tag)
{
	sim_note(s, "server: up");
	s->health = SERVER_UP;
}

static void server_changes(struct sim *s, void *obj, uint64_t tag)
{
	struct rng *r = &s->rng_host;
	struct host_opts *o = &s->server.opts;

	o->mss = (uint16_t)rng_range(r, 536, 1460);
	o->wscale = (int8_t)((int)rng_below(r, 16) - 1);
	o->sack = rng_pct(r, 50);
	o->ts = rng_pct(r, 50);
	o->ecn = rng_pct(r, 50);
	o->rcvbuf = (uint32_t)rng_range(r, 3000, 300000);
	sim_note(s, "server: mss %u wscale %d sack %d ts %d ecn %d", o->mss, o->wscale, o->sack,
		 o->ts, o->ecn);
	if (s->now < s->start + 2 * s->plan.spread)
		sim_at(s, s->now + rng_range(r, 12, 30) * USEC_PER_SEC, server_changes, NULL, 0);
}

/* The operator */

static void change_mode(struct sim *s, void *obj, uint64_t tag)
{
	mid_set_mode(s, (enum guard_mode)rng_below(&s->rng_mid, GUARD_MODE_COUNT));
	if (s->now < s->start + 2 * s->plan.spread)
		sim_at(s, s->now + rng_below(&s->rng_mid, 3 * USEC_PER_SEC), change_mode, NULL, 0);
}

static void kill_some(struct sim *s, void *obj, uint64_t tag)
{
	mid_kill_some(s);
	if (s->now < s->start + 2 * s->plan.spread)
		sim_at(s, s->now + rng_below(&s->rng_mid, 3 * USEC_PER_SEC), kill_some, NULL, 0);
}

static void inspect(struct sim *s, void *obj, uint64_t tag)
{
	mid_inspect(s);
	if (s->now < s->start + 4 * s->plan.spread)
		sim_at(s, s->now + rng_below(&s->rng_mid, 5 * USEC_PER_SEC), inspect, NULL, 0);
}

void trouble_schedule(struct sim *s)
{
	const struct plan *p = &s->plan;

	if (p->flood.rate)
		sim_at(s, s->now + p->flood.from, flood_tick, NULL, 0);
	if (p->ill_to) {
		sim_at(s, s->now + p->ill_from, server_falls_ill, NULL, 0);
		sim_at(s, s->now + p->ill_to, server_recovers, NULL, 0);
	}
	if (p->options_change)
		sim_at(s, s->now + USEC_PER_SEC, server_changes, NULL, 0);
	if (p->bypass)
		return;
	if (p->switch_modes)
		sim_at(s, s->now, change_mode, NULL, 0);
	if (p->kills)
		sim_at(s, s->now + USEC_PER_SEC, kill_some, NULL, 0);
	sim_at(s, s->now, inspect, NULL, 0);
}
