/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ctl/json.h"

/* The arena of a fake guard is its worker. */
static struct fake_worker *worker_of(const struct guard *g)
{
	return (struct fake_worker *)g->arena;
}

/* ---- what libcore would define ---- */

const char *guard_drop_key(enum guard_drop drop)
{
	static const char *const keys[] = {
#define DROP(name, key, text) key,
#include "core/drop.def"
#undef DROP
	};
	return keys[drop];
}

const char *guard_drop_text(enum guard_drop drop)
{
	static const char *const texts[] = {
#define DROP(name, key, text) text,
#include "core/drop.def"
#undef DROP
	};
	return texts[drop];
}

const char *guard_event_key(enum guard_event_kind kind)
{
	static const char *const keys[] = {
#define EVENT(name, key, level, text) key,
#include "core/event.def"
#undef EVENT
	};
	return keys[kind];
}

const char *guard_event_text(enum guard_event_kind kind)
{
	static const char *const texts[] = {
#define EVENT(name, key, level, text) text,
#include "core/event.def"
#undef EVENT
	};
	return texts[kind];
}

int guard_event_level(enum guard_event_kind kind)
{
	static const int levels[] = {
#define EVENT(name, key, level, text) level,
#include "core/event.def"
#undef EVENT
	};
	return levels[kind];
}

const char *flow_kind_name(enum flow_kind kind)
{
	static const char *const names[] = {"half-open", "passed", "relay", "terminate"};

	return names[kind];
}

void guard_report(const struct guard *g, struct guard_report *r)
{
	struct fake_worker *w = worker_of(g);

	memset(r, 0, sizeof(*r));
	r->arena_bytes = 1 << 20;
	r->flows_max = 1000000;
	r->flows_used = w->flows;
	r->half_open_max = 65536;
	r->half_open_used = 10 + w->index;
	r->half_open_entry_bytes = 48;
	r->flow_entry_bytes = 128;
	for (int i = 0; i < GUARD_DROP_COUNT; i++)
		r->drops[i] = 100 * i + w->index;
	r->unguarded = 7;
}

bool guard_report_service(const struct guard *g, uint32_t index, usec_t now,
			  struct service_report *r)
{
	struct fake_worker *w = worker_of(g);
	uint64_t next = 1000 * (index + 1);

	if (index >= w->fake->config.n_services)
		return false;
	memset(r, 0, sizeof(*r));
	snprintf(r->service, sizeof(r->service), "%s", w->fake->config.service[index].name);
	r->mode = w->mode[index];
	r->state = index == 0 ? w->state : GUARD_CALM;
	r->state_since = w->state_since;
	r->half_open = 5 + w->index;
	r->half_open_peak = 50;
	r->flows = w->flows;
	r->attack_start = 32;
	r->attack_end = 16;
#define COUNTER(name, text) r->counters.name = next++;
#include "core/counters.def"
#undef COUNTER
	return true;
}

uint32_t guard_report_backends(const struct guard *g, usec_t now, uint32_t *cursor,
			       struct backend_report *rows, uint32_t max)
{
	struct fake_worker *w = worker_of(g);
	uint32_t n = 0;

	for (; n < max && *cursor < FAKE_BACKENDS; n++, ++*cursor) {
		memset(&rows[n], 0, sizeof(rows[n]));
		snprintf(rows[n].service, sizeof(rows[n].service), "web");
		rows[n].addr = ip_addr_v4(htonl(0xc0000200 + *cursor));
		rows[n].port = 80;
		/* the last one never answered; of the one before it only the stale worker knows more */
		rows[n].learned = *cursor != FAKE_BACKENDS - 1 &&
				  (*cursor != FAKE_BACKENDS - 2 || w->index == 0);
		rows[n].mss = 1460;
		rows[n].wscale = *cursor == 0 ? -1 : 7;
		rows[n].sack = true;
		/* every worker knows it, worker 0 from the longest ago */
		rows[n].age = (10 - w->index) * USEC_PER_SEC;
		rows[n].down = w->index == 0;
	}
	if (*cursor == FAKE_BACKENDS)
		*cursor = INDEX_NONE;
	return n;
}

static const struct end_report fake_ends[2] = {
	{.recv_queue = 1,
	 .send_queue = 2,
	 .timer = "probe",
	 .timer_in = 3 * USEC_PER_MSEC,
	 .rto_ms = 4,
	 .srtt_us = 5,
	 .rttvar_us = 6,
	 .mss = 7,
	 .cwnd = 8,
	 .ssthresh = 9,
	 .in_flight = 10,
	 .retransmits = 11,
	 .send_window = 12,
	 .receive_window = 13,
	 .send_wscale = 14,
	 .receive_wscale = 1,
	 .wscale = true,
	 .sack = true},
	{.recv_queue = 21, .send_queue = 22, .timestamps = true, .ecn = true},
};

struct flow_report fake_flow(uint32_t w, uint32_t i)
{
	struct flow_report r = {
		.id = i,
		.kind = i % 4 == 0   ? FLOW_HALF_OPEN
			: i % 4 == 1 ? FLOW_PASSED
				     : FLOW_SPLICED,
		.client = ip_addr_v4(htonl(0x0a000000 + i)),
		.server = ip_addr_v4(htonl(0xc000020a)),
		.client_port = 1024 + i % 60000,
		.server_port = 80,
		.client_state = TCPS_ESTABLISHED,
		.server_state = TCPS_ESTABLISHED,
		.age = (i + 1) * USEC_PER_MSEC,
		.idle = i * 100,
		.timer = 5 * USEC_PER_SEC,
		.timer_name = "idle",
		.bytes_in = i,
		.bytes_out = 2ull * i,
		.recv_queue = w,
		.send_queue = i % 3,
		.service = "web",
	};

	if (i % 4 == 0) {
		r.id |= 1u << 31;
		r.client_state = TCPS_CLOSED;
		r.server_state = TCPS_SYN_RECEIVED;
		r.timer = USEC_NEVER;
	}
	if (i == 3) {
		r.has_ends = true;
		r.server_state = TCPS_CLOSE_WAIT;
		memcpy(r.end, fake_ends, sizeof(r.end));
	}
	if (i % 5 == 4) {
		r.client = (struct ip_addr){{htonl(0x20010db8), 0, 0, htonl(i)}};
		r.server = (struct ip_addr){{htonl(0x20010db8), 0, 0, htonl(0x10)}};
		r.server_port = 443;
		snprintf(r.service, sizeof(r.service), "mail");
	}
	return r;
}

uint32_t guard_report_flows(const struct guard *g, usec_t now, uint32_t *cursor,
			    struct flow_report *rows, uint32_t max)
{
	struct fake_worker *w = worker_of(g);
	uint32_t n = 0;

	w->fake->flow_jobs++;
	if (max > w->fake->flow_rows_max)
		w->fake->flow_rows_max = max;
	/* as the contract allows: now and then nothing, though it is not the end */
	for (; n < max && *cursor < w->flows && w->fake->flow_jobs % 7 != 3; n++, ++*cursor)
		rows[n] = fake_flow(w->index, *cursor);
	w->fake->flow_rows += n;
	if (*cursor >= w->flows)
		*cursor = INDEX_NONE;
	return n;
}

uint32_t guard_report_events(const struct guard *g, uint64_t from, struct guard_event *rows,
			     uint32_t max)
{
	struct fake_worker *w = worker_of(g);
	uint64_t first = w->events > FAKE_EVENTS_MAX ? w->events - FAKE_EVENTS_MAX + 1 : 1;
	uint32_t n = 0;

	for (uint64_t i = from > first ? from : first; i <= w->events && n < max; i++)
		rows[n++] = w->event[i % FAKE_EVENTS_MAX];
	return n;
}

int guard_set_mode(struct guard *g, usec_t now, uint32_t index, enum guard_mode mode)
{
	worker_of(g)->mode[index] = mode;
	return 0;
}

int guard_kill(struct guard *g, usec_t now, uint32_t id, struct actions *out)
{
	struct fake_worker *w = worker_of(g);

	if ((id & ~(1u << 31)) >= w->flows)
		return -ENOENT;
	w->killed = id;
	return 0;
}

/* ---- the daemon's side ---- */

static uint32_t fake_n_workers(void *ctx)
{
	return ((struct fake *)ctx)->n_workers;
}

static int fake_run(void *ctx, uint32_t w, ctl_job_fn *job, void *arg)
{
	static struct actions out;
	struct fake *f = ctx;
	struct guard g = {.arena = (struct guard_arena *)&f->worker[w], .config = &f->config};

	if (f->dead_worker == (int)w)
		return -ETIMEDOUT;
	pthread_mutex_lock(&f->lock);
	out.n_tx = 0;
	job(&g, f->now, &out, arg);
	pthread_mutex_unlock(&f->lock);
	return 0;
}

static void fake_worker_stats(void *ctx, uint32_t w, struct ctl_worker_stats *s)
{
	s->queue = 100 + w;
	s->packets = 1000 * (w + 1);
	s->overruns = 1;
	s->oversize = 7;
	s->inject_refused = 3;
	s->cpu = 2500 * USEC_PER_MSEC;
}

static const struct guard_config *fake_config(void *ctx)
{
	return &((struct fake *)ctx)->config;
}

static const char *fake_config_path(void *ctx)
{
	return "/etc/tcpguard/tcpguard.conf";
}

static int fake_reload(void *ctx, bool apply, void (*report)(void *arg, const char *line),
		       void *arg)
{
	struct fake *f = ctx;

	for (int i = 0; i < f->problems; i++)
		report(arg, "tcpguard.conf:3: unknown option \"x\"; remove it");
	if (f->problems)
		return -EINVAL;
	f->reloads += apply;
	return 0;
}

static int fake_upgrade(void *ctx, char *said, size_t len)
{
	struct fake *f = ctx;

	snprintf(said, len, "%s",
		 f->problems ? "/usr/sbin/tcpguardd is not tcpguardd" : "tcpguardd 9");
	return f->problems ? -1 : 0;
}

static void fake_config_show(void *ctx, void (*print)(void *arg, const char *line), void *arg)
{
	print(arg, "service \"web\" {");
	print(arg, "\tmode = adaptive");
	print(arg, "}");
}

static int fake_set(void *ctx, const char *key, const char *value, char *why, size_t why_len)
{
	struct fake *f = ctx;

	if (strcmp(key, "msl") != 0) {
		snprintf(why, why_len, "there is no option \"%s\"; `config show` lists them", key);
		return -EINVAL;
	}
	snprintf(f->set, sizeof(f->set), "%s=%s", key, value);
	return 0;
}

static int fake_log_level(void *ctx, const char *level)
{
	struct fake *f = ctx;

	if (strcmp(level, "debug") != 0 && strcmp(level, "info") != 0)
		return -EINVAL;
	snprintf(f->level, sizeof(f->level), "%s", level);
	return 0;
}

static int fake_rule_change(void *ctx, const struct ctl_rule_change *c, char *why, size_t why_len)
{
	struct fake *f = ctx;

	snprintf(f->rule, sizeof(f->rule), "%s%s %s for %s of %s", c->remove ? "un" : "",
		 c->allow ? "allow" : "deny", c->prefix, c->duration ? c->duration : "ever",
		 c->service ? c->service : "all");
	if (f->rule_result)
		snprintf(why, why_len, "the disk is full");
	return f->rule_result;
}

static int fake_rules(void *ctx, struct ctl_rule *rows, char *why, size_t why_len)
{
	struct fake *f = ctx;

	for (int i = 0; i < f->n_rules; i++) {
		rows[i] = (struct ctl_rule){
			.prefix = ip_addr_v4(htonl(0x0a000000u + ((uint32_t)i << 8))),
			.plen = i % 2 ? 128 : 120,
			.allow = i % 3 == 0,
			.from_file = i % 5 == 0,
			.active = i % 7 != 0,
			.in_kernel = i % 2,
			.packets = (uint64_t)i,
			.packets_kernel = 7};
		if (i % 2) {
			rows[i].until_ms = 1700000000000;
			rows[i].left_ms = 5000;
			snprintf(rows[i].service, sizeof(rows[i].service), "web");
		}
	}
	return f->n_rules;
}

static usec_t fake_now(void *ctx)
{
	return ((struct fake *)ctx)->now;
}

static usec_t fake_started(void *ctx)
{
	return FAKE_BASE_TIME - 60 * USEC_PER_SEC;
}

static uint64_t fake_event_count(void *ctx, enum guard_event_kind kind)
{
	return 10 * (uint64_t)kind;
}

static uint32_t fake_own_events(void *ctx, uint64_t from, struct guard_event *rows, uint32_t max)
{
	struct fake *f = ctx;

	if (f->own_events == 0 || from > f->own_events || max == 0)
		return 0;
	rows[0] = f->own_event;
	return 1;
}

static uint64_t fake_attack_number(void *ctx, const char *service, usec_t at)
{
	return strcmp(service, "web") == 0 ? ((struct fake *)ctx)->n_attacks : 0;
}

static void write_attack(struct jw *j, uint64_t n, bool over)
{
	jw_row_begin(j);
	jw_u64(j, "number", n);
	jw_str(j, "service", n % 2 ? "web" : "mail");
	jw_bool(j, "over", over);
	jw_bool(j, "interrupted", n == 2);
	jw_str(j, "class", "spoofed_flood");
	jw_str(j, "class_name", "spoofed SYN flood");
	jw_str(j, "class_text", "the addresses are \x1b[31mforged");
	jw_str(j, "trigger_text", "more handshakes opened than completed");
	jw_u64(j, "began_ms", 1767225600000 + n * 100000);
	if (over && n != 2)
		jw_u64(j, "ended_ms", 1767225600000 + n * 100000 + 90000);
	else
		jw_null(j, "ended_ms");
	jw_u64(j, "duration_ms", 90000);
	jw_u64(j, "peak_rate", 37000);
	jw_u64(j, "peak_pending", 1200);
	jw_u64(j, "syns", 3000000);
	jw_u64(j, "cookies_valid", 12);
	jw_str(j, "address", "192.0.2.10:80");
	jw_str(j, "evidence", "37,000 SYN/s, none completed");
	jw_object_begin(j, "sources");
	jw_u64(j, "syns", 1000);
	jw_u64(j, "distinct", 36500);
	jw_u64(j, "entropy_permille", 997);
	jw_str(j, "fingerprint", "SYN|ECE|CWR window 8192 ttl 255 options none");
	jw_u64(j, "fingerprint_permille", 991);
	jw_array_begin(j, "heavy");
	jw_object_begin(j, NULL);
	jw_str(j, "prefix", "198.51.100.0/24");
	jw_u64(j, "syns", 120);
	jw_u64(j, "completed", 3);
	jw_object_end(j);
	jw_array_end(j);
	jw_object_end(j);
	jw_row_end(j);
}

static uint64_t fake_attack_row(void *ctx, uint64_t after, const char *service, struct jw *out)
{
	struct fake *f = ctx;

	for (uint64_t n = after + 1; n <= f->n_attacks; n++) {
		if (service && strcmp(service, n % 2 ? "web" : "mail") != 0)
			continue;
		if (out)
			write_attack(out, n, n < f->n_attacks);
		return n;
	}
	return 0;
}

static const char *fake_firewall(void *ctx)
{
	return "iptables";
}

static const char *fake_rules_missing(void *ctx)
{
	return "";
}

static uint64_t fake_rules_repaired(void *ctx)
{
	return 3;
}

static uint64_t fake_forged(void *ctx)
{
	return 12;
}

static uint64_t fake_resident(void *ctx)
{
	return 15 << 20;
}

static void add_listen(struct fake *f, const char *addr, uint8_t plen, uint16_t low, uint16_t high,
		       uint16_t service)
{
	struct guard_listen *l = &f->config.listen[f->config.n_listens++];

	ip_addr_parse(&l->prefix, addr);
	l->plen = plen;
	l->port_low = low;
	l->port_high = high;
	l->service = service;
}

static void add_services(struct fake *f)
{
	snprintf(f->config.service[0].name, GUARD_SERVICE_NAME_MAX, "web");
	snprintf(f->config.service[1].name, GUARD_SERVICE_NAME_MAX, "mail");
	f->config.n_services = 2;
	add_listen(f, "192.0.2.10", 128, 80, 80, 0);
	add_listen(f, "192.0.2.10", 128, 443, 443, 0);
	add_listen(f, "2001:db8::10", 128, 443, 443, 0);
	add_listen(f, "203.0.113.0", 120, 25, 26, 1);
	add_listen(f, "2001:db8:1::", 64, 25, 25, 1);
}

void fake_init(struct fake *f, uint32_t n_workers, uint32_t flows_per_worker)
{
	memset(f, 0, sizeof(*f));
	f->ops = (struct ctl_ops){
		.ctx = f,
		.n_workers = fake_n_workers,
		.run = fake_run,
		.worker_stats = fake_worker_stats,
		.config = fake_config,
		.config_path = fake_config_path,
		.reload = fake_reload,
		.upgrade = fake_upgrade,
		.config_show = fake_config_show,
		.set = fake_set,
		.log_level = fake_log_level,
		.rule_change = fake_rule_change,
		.rules = fake_rules,
		.now = fake_now,
		.started = fake_started,
		.event_count = fake_event_count,
		.own_events = fake_own_events,
		.attack_number = fake_attack_number,
		.attack_row = fake_attack_row,
		.firewall = fake_firewall,
		.rules_missing = fake_rules_missing,
		.rules_repaired = fake_rules_repaired,
		.forged = fake_forged,
		.resident = fake_resident,
	};
	f->n_workers = n_workers;
	f->now = FAKE_BASE_TIME;
	f->dead_worker = -1;
	f->n_rules = 3;
	pthread_mutex_init(&f->lock, NULL);
	add_services(f);
	for (uint32_t w = 0; w < n_workers; w++) {
		f->worker[w].fake = f;
		f->worker[w].index = w;
		f->worker[w].flows = flows_per_worker;
		f->worker[w].state_since = FAKE_BASE_TIME - (w + 1) * USEC_PER_SEC;
		for (uint32_t i = 0; i < GUARD_SERVICES_MAX; i++)
			f->worker[w].mode[i] = GUARD_MODE_ADAPTIVE;
	}
}

void fake_event(struct fake *f, uint32_t worker, usec_t time, enum guard_event_kind kind,
		const char *detail)
{
	struct fake_worker *w = &f->worker[worker];
	struct guard_event *e;

	pthread_mutex_lock(&f->lock);
	e = &w->event[++w->events % FAKE_EVENTS_MAX];
	memset(e, 0, sizeof(*e));
	e->number = w->events;
	e->time = time;
	e->kind = kind;
	e->value = 1024;
	snprintf(e->service, sizeof(e->service), "web");
	snprintf(e->detail, sizeof(e->detail), "%s", detail);
	pthread_mutex_unlock(&f->lock);
}

void fake_own_event(struct fake *f, usec_t time, enum guard_event_kind kind, const char *detail)
{
	pthread_mutex_lock(&f->lock);
	f->own_event = (struct guard_event){.number = ++f->own_events, .time = time, .kind = kind};
	snprintf(f->own_event.detail, sizeof(f->own_event.detail), "%s", detail);
	pthread_mutex_unlock(&f->lock);
}
