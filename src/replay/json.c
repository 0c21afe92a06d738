/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The report as one JSON object a line; doc/replay.md documents the keys. */
#include <errno.h>

#include "conf/values.h"
#include "ctl/json.h"
#include "replay/decode.h"
#include "replay/result.h"

static void row_begin(struct jw *j, const char *type)
{
	jw_row_begin(j);
	jw_str(j, "type", type);
}

static void put_capture(const struct replay *r, struct jw *j)
{
	const struct survey *s = &r->survey;

	row_begin(j, "capture");
	jw_str(j, "file", r->file);
	jw_str(j, "format", s->format);
	jw_u64(j, "interfaces", s->interfaces);
	jw_array_begin(j, "links");
	for (uint32_t i = 0; i < s->n_links; i++) {
		jw_object_begin(j, NULL);
		jw_u64(j, "number", s->link[i].number);
		jw_str(j, "name", link_name(s->link[i].link));
		jw_u64(j, "frames", s->link[i].frames);
		jw_object_end(j);
	}
	jw_array_end(j);
	jw_u64(j, "frames", s->frames);
	jw_u64(j, "tcp", s->tcp);
	jw_u64(j, "icmp_errors", s->icmp_errors);
	jw_u64(j, "fragments", s->fragments);
	jw_u64(j, "other", s->other);
	jw_u64(j, "syn", s->syn);
	jw_u64(j, "synack", s->synack);
	jw_u64(j, "unguarded", r->unguarded);
	jw_bool(j, "one_way", r->one_way);
	jw_u64(j, "began_us", s->first);
	jw_u64(j, "duration_us", s->duration);
	jw_u64(j, "left_out_us", s->cut_out);
	jw_u64(j, "backwards_us", s->backwards_most);
	jw_str(j, "damage", s->damage[0] ? s->damage : NULL);
	jw_u64(j, "replay_us", (uint64_t)(r->seconds * 1e6));
	jw_row_end(j);
}

static void put_trouble(const struct replay *r, struct jw *j)
{
	for (unsigned i = 0; i < TROUBLE_COUNT; i++) {
		if (!r->survey.trouble[i])
			continue;
		row_begin(j, "trouble");
		jw_str(j, "trouble", trouble_key(i));
		jw_u64(j, "count", r->survey.trouble[i]);
		jw_bool(j, "lost", trouble_lost(i));
		jw_str(j, "text", trouble_text(i));
		jw_row_end(j);
	}
}

static void put_service(const struct replay *r, uint32_t index, struct jw *j)
{
	const struct guard_config *g = &r->conf->guard;
	const struct replay_service *s = &r->service[index];
	char listen[CONF_LISTEN_STRLEN];

	row_begin(j, "service");
	jw_str(j, "service", s->name);
	jw_array_begin(j, "listen");
	for (uint32_t i = 0; i < g->n_listens; i++) {
		if (g->listen[i].service == index)
			jw_str(j, NULL, conf_listen_format(&g->listen[i], listen, sizeof(listen)));
	}
	jw_array_end(j);
	jw_bool(j, "guessed", r->guessed);
	jw_str(j, "mode", guard_mode_name(s->mode));
	jw_u64(j, "attack_start", g->service[index].attack.start);
	jw_u64(j, "attack_end", g->service[index].attack.end);
	jw_u64(j, "hold_us", g->service[index].attack.hold);
	jw_str(j, "direction", replay_direction(s));
	jw_str(j, "state", guard_attack_state_name(s->report.state));
	jw_u64(j, "half_open", s->report.half_open);
	jw_u64(j, "half_open_peak", s->report.half_open_peak);
#define COUNTER(name, text) jw_u64(j, #name, s->report.counters.name);
#include "core/counters.def"
#undef COUNTER
	jw_row_end(j);
}

static void put_bins(const struct replay *r, const struct replay_service *s, struct jw *j)
{
	for (uint32_t i = 0; i < r->n_bins; i++) {
		const struct replay_bin *b = &s->bin[i];

		row_begin(j, "bin");
		jw_str(j, "service", s->name);
		jw_u64(j, "time_us", r->from + i * r->width);
		jw_u64(j, "width_us", replay_bin_span(r, i));
		jw_u64(j, "syn", b->syn);
		jw_u64(j, "synack", b->synack);
		jw_u64(j, "completed", b->completed);
		jw_u64(j, "timeouts", b->timeouts);
		jw_u64(j, "half_open", b->half_open);
		jw_str(j, "state", guard_attack_state_name(b->state));
		jw_row_end(j);
	}
}

static void put_changes(const struct replay_service *s, struct jw *j)
{
	for (uint32_t i = 0; i < s->n_changes; i++) {
		row_begin(j, "state");
		jw_str(j, "service", s->name);
		jw_u64(j, "time_us", s->change[i].time);
		jw_str(j, "state", guard_attack_state_name(s->change[i].state));
		jw_row_end(j);
	}
}

static void put_onset(const struct replay_attack *a, struct jw *j)
{
	if (!a->onset_known) {
		jw_null(j, "first_syn_us");
		jw_null(j, "delay_us");
		jw_null(j, "syns_before");
		return;
	}
	jw_u64(j, "first_syn_us", a->onset.first);
	jw_u64(j, "delay_us", a->noticed - a->onset.first);
	jw_u64(j, "syns_before", a->onset.syns);
}

static void put_heavy(const struct sources_report *r, struct jw *j)
{
	char addr[IP_ADDR_STRLEN];

	jw_array_begin(j, "heaviest");
	for (uint32_t i = 0; i < r->n_heavy; i++) {
		const struct heavy_prefix *h = &r->heavy[i];

		jw_object_begin(j, NULL);
		jw_str(j, "prefix", ip_addr_format(&h->prefix, addr));
		jw_u64(j, "length", ip_addr_is_v4(&h->prefix) ? h->plen - 96u : h->plen);
		jw_u64(j, "syn", h->syns);
		jw_u64(j, "completed", h->completed);
		jw_u64(j, "error", h->error);
		jw_object_end(j);
	}
	jw_array_end(j);
}

/* put_record() - what the guard has written down; null where it has not. */
static void put_record(const struct replay_attack *a, struct jw *j)
{
	const struct attack_report *r = &a->record;
	char text[FINGERPRINT_TEXT_MAX];

	if (!a->recorded) {
		jw_null(j, "class");
		return;
	}
	jw_str(j, "class", attack_class_key(r->class));
	jw_str(j, "trigger", detect_cause_key(r->trigger));
	jw_str(j, "verdict", r->evidence);
	jw_u64(j, "peak_rate", r->peak_rate);
	jw_u64(j, "peak_pending", r->peak_pending);
	jw_u64(j, "peak_stray", r->peak_stray);
	jw_u64(j, "sources", r->sources.distinct);
	jw_u64(j, "sources_syn", r->sources.syns);
	jw_u64(j, "entropy_permille", r->sources.entropy_permille);
	jw_u64(j, "retransmitted_permille", r->sources.retransmitted_permille);
	jw_str(j, "fingerprint",
	       r->sources.common_permille
		       ? syn_fingerprint_text(&r->sources.common, text, sizeof(text))
		       : NULL);
	jw_u64(j, "fingerprint_permille", r->sources.common_permille);
	jw_u64(j, "ttl", r->sources.common_ttl);
	jw_u64(j, "ttl_permille", r->sources.common_ttl_permille);
	put_heavy(&r->sources, j);
}

static void put_attacks(const struct replay_service *s, struct jw *j)
{
	for (uint32_t i = 0; i < s->n_attacks; i++) {
		const struct replay_attack *a = &s->attack[i];

		row_begin(j, "attack");
		jw_str(j, "service", s->name);
		jw_u64(j, "number", i + 1);
		put_onset(a, j);
		jw_u64(j, "noticed_us", a->noticed);
		jw_bool(j, "over", a->over);
		jw_u64(j, "ended_us", a->ended);
		jw_u64(j, "pending", a->pending);
		jw_str(j, "evidence", a->first_evidence);
		if (a->cookies)
			jw_u64(j, "cookies_from_us", a->cookies_from);
		else
			jw_null(j, "cookies_from_us");
		jw_u64(j, "syn", a->end.syn_received - a->began.syn_received);
		jw_u64(j, "completed", a->end.completed - a->began.completed);
		put_record(a, j);
		jw_row_end(j);
	}
}

static void put_events(const struct replay *r, struct jw *j)
{
	static const struct ip_addr none;
	char addr[IP_ENDPOINT_STRLEN];

	for (uint32_t i = 0; i < r->n_events; i++) {
		const struct guard_event *e = &r->event[i];

		row_begin(j, "event");
		jw_u64(j, "time_us", e->time);
		jw_str(j, "event", guard_event_key(e->kind));
		jw_str(j, "text", guard_event_text(e->kind));
		jw_str(j, "service", e->service[0] ? e->service : NULL);
		jw_str(j, "address",
		       ip_addr_eq(&e->addr, &none) ? NULL
						   : ip_endpoint_format(&e->addr, e->port, addr));
		jw_u64(j, "value", e->value);
		jw_str(j, "detail", e->detail);
		jw_row_end(j);
	}
}

int replay_json(const struct replay *r, FILE *out)
{
	struct jw j = {0};
	int rc = 0;

	put_capture(r, &j);
	put_trouble(r, &j);
	for (uint32_t i = 0; i < r->n_services; i++) {
		put_service(r, i, &j);
		put_bins(r, &r->service[i], &j);
		put_changes(&r->service[i], &j);
		put_attacks(&r->service[i], &j);
	}
	put_events(r, &j);
	if (j.failed)
		rc = -ENOMEM;
	else
		fwrite(j.data, 1, j.len, out);
	jw_free(&j);
	return rc;
}
