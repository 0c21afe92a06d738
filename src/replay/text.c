/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The report for people. */
#include <inttypes.h>
#include <time.h>

#include "conf/values.h"
#include "replay/decode.h"
#include "replay/result.h"

#define ROWS_MAX     50 /* of a time-line */
#define QUIET_ROWS   4 /* so many rows without anything are shown as one */
#define TIME_MAX     32
#define EVENTS_SHOWN 40
#define HEAVY_SHOWN  8

/* time_text() - "1:02:03.456" with only the parts that are needed. */
static const char *time_text(usec_t t, char buf[TIME_MAX])
{
	unsigned ms = (unsigned)(t / USEC_PER_MSEC % 1000);
	uint64_t s = t / USEC_PER_SEC;

	if (s >= 3600)
		snprintf(buf, TIME_MAX, "%" PRIu64 ":%02u:%02u.%03u", s / 3600,
			 (unsigned)(s / 60 % 60), (unsigned)(s % 60), ms);
	else
		snprintf(buf, TIME_MAX, "%u:%02u.%03u", (unsigned)(s / 60), (unsigned)(s % 60), ms);
	return buf;
}

/* span_text() - a duration in the unit that fits. */
static const char *span_text(usec_t t, char buf[TIME_MAX])
{
	if (t < 10 * USEC_PER_MSEC)
		snprintf(buf, TIME_MAX, "%.2f ms", (double)t / 1e3);
	else if (t < USEC_PER_SEC)
		snprintf(buf, TIME_MAX, "%.0f ms", (double)t / 1e3);
	else if (t < 600 * USEC_PER_SEC)
		snprintf(buf, TIME_MAX, "%.1f s", (double)t / 1e6);
	else
		time_text(t, buf);
	return buf;
}

static void put_links(const struct survey *s, FILE *out)
{
	for (uint32_t i = 0; i < s->n_links; i++) {
		const char *name = link_name(s->link[i].link);

		if (name)
			fprintf(out, ", %s", name);
		else
			fprintf(out, ", link type %u", s->link[i].number);
	}
	if (s->interfaces > 1)
		fprintf(out, ", %u interfaces", s->interfaces);
}

static void put_capture(const struct replay *r, FILE *out)
{
	const struct survey *s = &r->survey;
	time_t first = (time_t)(s->first / USEC_PER_SEC);
	char when[32] = "", span[TIME_MAX];
	struct tm tm;

	fprintf(out, "capture    %s: %s", r->file, s->format);
	put_links(s, out);
	fprintf(out, "\n           %" PRIu64 " frames in %s", s->frames,
		span_text(s->duration, span));
	if (s->first && gmtime_r(&first, &tm) && strftime(when, sizeof(when), "%F %T", &tm))
		fprintf(out, ", the first at %s UTC", when);
	fprintf(out,
		"\n           %" PRIu64 " TCP packets: %" PRIu64 " SYNs, %" PRIu64
		" SYN-ACKs; %" PRIu64 " ICMP errors, %" PRIu64 " fragments, %" PRIu64
		" others; %" PRIu64 " of no service\n",
		s->tcp, s->syn, s->synack, s->icmp_errors, s->fragments, s->other, r->unguarded);
}

static void put_trouble(const struct replay *r, FILE *out)
{
	const struct survey *s = &r->survey;
	const char *head = "trouble";
	char span[TIME_MAX];

	if (s->damage[0]) {
		fprintf(out, "%-10s damaged, what comes behind was not read: %s\n", head,
			s->damage);
		head = "";
	}
	for (unsigned i = 0; i < TROUBLE_COUNT; i++) {
		if (!s->trouble[i])
			continue;
		fprintf(out, "%-10s %" PRIu64 " %s", head, s->trouble[i], trouble_text(i));
		if (i == TROUBLE_BACKWARDS)
			fprintf(out, " (at most %s)", span_text(s->backwards_most, span));
		if (i == TROUBLE_GAP)
			fprintf(out, " (%s left out)", span_text(s->cut_out, span));
		fputc('\n', out);
		head = "";
	}
}

static void put_settings(const struct replay *r, uint32_t index, FILE *out)
{
	const struct guard_config *g = &r->conf->guard;
	const struct guard_service_config *s = &g->service[index];
	char listen[CONF_LISTEN_STRLEN], hold[TIME_MAX];
	const char *comma = "";

	fprintf(out, "\nservice    %s", s->name);
	for (uint32_t i = 0; i < g->n_listens; i++) {
		if (g->listen[i].service != index)
			continue;
		conf_listen_format(&g->listen[i], listen, sizeof(listen));
		if (strcmp(listen, s->name) != 0)
			fprintf(out, "%s %s", comma, listen);
		comma = ",";
	}
	if (r->guessed)
		fprintf(out, "\n           guessed: with %" PRIu64 " %s the busiest in the capture",
			r->survey.busiest_syn, r->survey.by_synack ? "SYN-ACKs" : "SYNs");
	fprintf(out, "\nsettings   mode = %s, attack { start = %u  end = %u  hold = %s }\n",
		guard_mode_name(s->mode), s->attack.start, s->attack.end,
		conf_time_format(s->attack.hold, hold, sizeof(hold)));
}

static void put_direction(const struct replay *r, const struct replay_service *s, FILE *out)
{
	fprintf(out, "direction  %s\n", replay_direction(s));
	if (replay_one_direction(s) && r->one_way)
		fprintf(out,
			"           Nothing of the server is in the capture. Every SYN counts as answered, and a\n"
			"           handshake as completed by the client's ACK. So a server that refused or was\n"
			"           silent looks like a flood.\n");
	else if (replay_one_direction(s))
		fprintf(out,
			"           Nothing of this server is in the capture, though of others: no handshake can\n"
			"           be seen to complete.\n");
}

static void put_totals(const struct replay_service *s, FILE *out)
{
	const struct guard_counters *c = &s->report.counters;

	fprintf(out,
		"handshakes %" PRIu64 " SYNs (%" PRIu64 " repeated), %" PRIu64 " SYN-ACKs, %" PRIu64
		" completed, %" PRIu64 " refused, %" PRIu64 " timed out; at most %u half-open\n",
		c->syn_received, c->syn_retransmitted, c->synack_seen, c->completed,
		c->server_refused, c->half_open_timeouts, s->report.half_open_peak);
}

/* ---- the time-line ---- */

static void add_bin(struct replay_bin *sum, const struct replay_bin *b)
{
	sum->syn += b->syn;
	sum->synack += b->synack;
	sum->completed += b->completed;
	sum->timeouts += b->timeouts;
	if (b->half_open > sum->half_open)
		sum->half_open = b->half_open;
	if (b->state > sum->state)
		sum->state = b->state;
}

/* row_at() - bins from @at on that make one row; @span: how long it is. */
static struct replay_bin row_at(const struct replay *r, const struct replay_service *s, uint32_t at,
				uint32_t bins, usec_t *span)
{
	struct replay_bin sum = {0};

	*span = 0;
	for (uint32_t i = at; i < at + bins && i < r->n_bins; i++) {
		add_bin(&sum, &s->bin[i]);
		*span += replay_bin_span(r, i);
	}
	return sum;
}

static bool is_quiet(const struct replay_bin *b)
{
	return !(b->syn | b->synack | b->completed | b->timeouts | b->half_open | b->state);
}

static void put_row(const struct replay_bin *b, usec_t at, usec_t span, FILE *out)
{
	char when[TIME_MAX];
	double per_second = 1e6 / (double)span;

	fprintf(out, "%13s %10.0f %10.0f %12.0f %11.0f %10u  %s\n", time_text(at, when),
		b->syn * per_second, b->synack * per_second, b->completed * per_second,
		b->timeouts * per_second, b->half_open, guard_attack_state_name(b->state));
}

/* quiet_rows() - how many rows from bin @at on show nothing. */
static uint32_t quiet_rows(const struct replay *r, const struct replay_service *s, uint32_t at,
			   uint32_t bins)
{
	uint32_t n = 0;
	usec_t span;

	while (at < r->n_bins) {
		struct replay_bin b = row_at(r, s, at, bins, &span);

		if (!is_quiet(&b))
			break;
		n++;
		at += bins;
	}
	return n;
}

static void put_timeline(const struct replay *r, const struct replay_service *s, FILE *out)
{
	usec_t width = replay_width(r->survey.duration - r->from, ROWS_MAX, r->width), span;
	uint32_t bins = (uint32_t)(width / r->width), at = 0;
	char text[TIME_MAX];

	if (r->from)
		fprintf(out, "\nno SYN in the first %s\n", span_text(r->survey.first_syn, text));
	fprintf(out, "\n%13s %10s %10s %12s %11s %10s  state\n", "time", "SYN/s", "SYN-ACK/s",
		"completed/s", "timed out/s", "half-open");
	while (at < r->n_bins) {
		struct replay_bin b = row_at(r, s, at, bins, &span);
		uint32_t quiet = quiet_rows(r, s, at, bins);

		if (quiet >= QUIET_ROWS) {
			fprintf(out, "%13s nothing for %s\n",
				time_text(r->from + at * r->width, text),
				span_text(quiet * width, (char[TIME_MAX]){0}));
			at += quiet * bins;
			continue;
		}
		put_row(&b, r->from + at * r->width, span, out);
		at += bins;
	}
}

/* ---- attacks ---- */

static void put_noticed(const struct replay_attack *a, FILE *out)
{
	char text[TIME_MAX];

	fprintf(out, "  noticed at %s", time_text(a->noticed, text));
	if (!a->onset_known) {
		fputc('\n', out);
		return;
	}
	fprintf(out, ", %s after", span_text(a->noticed - a->onset.first, text));
	fprintf(out, " the first SYN of the flood at %s (its SYNs until then: %u)\n",
		time_text(a->onset.first, text), a->onset.syns);
}

static void put_would_have(const struct replay_service *s, const struct replay_attack *a, FILE *out)
{
	uint64_t syns = a->end.syn_received - a->began.syn_received;
	uint64_t completed = a->end.completed - a->began.completed;
	char text[TIME_MAX];

	if (s->mode == GUARD_MODE_ALWAYS)
		fprintf(out, "  cookies    on all the time (mode = always)");
	else if (a->cookies)
		fprintf(out, "  cookies    would have been on from %s",
			time_text(a->cookies_from, text));
	else if (s->mode == GUARD_MODE_ADAPTIVE)
		fprintf(out, "  cookies    would not have been used: they do not help against it");
	else
		fprintf(out, "  cookies    would not have been used (mode = %s)",
			guard_mode_name(s->mode));
	fprintf(out, "%s\n", a->over ? "" : "; the capture ends before the attack");
	fprintf(out, "  meanwhile  %s", span_text(a->ended - a->noticed, text));
	fprintf(out, " with %" PRIu64 " SYNs and %" PRIu64 " completed handshakes\n", syns,
		completed);
}

static void put_heavy(const struct heavy_prefix *h, uint32_t all, FILE *out)
{
	char addr[IP_ADDR_STRLEN], plen[8] = "";
	bool v4 = ip_addr_is_v4(&h->prefix);

	if (h->plen < 128)
		snprintf(plen, sizeof(plen), "/%u", v4 ? h->plen - 96u : (unsigned)h->plen);
	fprintf(out, "             %s%s: %.1f %% of the SYNs, %u completed\n",
		ip_addr_format(&h->prefix, addr), plen, all ? 100.0 * h->syns / all : 0.0,
		h->completed);
}

/* put_sources() - who sent it, and what its SYNs look like. */
static void put_sources(const struct sources_report *r, FILE *out)
{
	char text[FINGERPRINT_TEXT_MAX];

	if (!r->syns)
		return;
	fprintf(out,
		"  sources    about %u in two seconds; spread over the networks: %.1f %% of what lots\n"
		"             would give; SYNs that repeat another: %.1f %%\n",
		r->distinct, r->entropy_permille / 10.0, r->retransmitted_permille / 10.0);
	if (r->common_permille)
		fprintf(out, "  look       %.1f %% of the SYNs: %s\n", r->common_permille / 10.0,
			syn_fingerprint_text(&r->common, text, sizeof(text)));
	if (r->common_ttl_permille)
		fprintf(out, "             %.1f %% of the SYNs arrive with TTL %u\n",
			r->common_ttl_permille / 10.0, r->common_ttl);
	if (r->n_heavy)
		fprintf(out, "  heaviest\n");
	for (uint32_t i = 0; i < r->n_heavy && i < HEAVY_SHOWN; i++)
		put_heavy(&r->heavy[i], r->syns, out);
}

static void put_record(const struct replay_attack *a, FILE *out)
{
	const struct attack_report *r = &a->record;

	if (!a->recorded)
		return;
	if (r->class != CLASS_NONE)
		fprintf(out, "  class      %s: %s\n", attack_class_name(r->class),
			attack_class_text(r->class));
	if (r->trigger != DETECT_BY_NONE)
		fprintf(out, "  trigger    %s\n", detect_cause_text(r->trigger));
	if (r->evidence[0] && strcmp(r->evidence, a->first_evidence) != 0)
		fprintf(out, "  verdict    %s\n", r->evidence);
	if (r->peak_rate)
		fprintf(out, "  peak       %u SYN/s, %u half-open\n", r->peak_rate,
			r->peak_pending);
	if (r->peak_stray)
		fprintf(out, "  peak       %u segments of no connection a second\n", r->peak_stray);
	put_sources(&r->sources, out);
}

static void put_attacks(const struct replay_service *s, FILE *out)
{
	char text[TIME_MAX];

	if (!s->n_attacks) {
		fprintf(out, "\nno attack was noticed\n");
		return;
	}
	for (uint32_t i = 0; i < s->n_attacks; i++) {
		const struct replay_attack *a = &s->attack[i];

		fprintf(out, "\nattack %u\n", i + 1);
		put_noticed(a, out);
		if (a->over)
			fprintf(out, "  over at    %s\n", time_text(a->ended, text));
		fprintf(out, "  evidence   %s\n", a->first_evidence);
		put_would_have(s, a, out);
		put_record(a, out);
	}
	if (s->more_attacks)
		fprintf(out, "\nand %u attacks more\n", s->more_attacks);
}

/* ---- events ---- */

/* is_news() - what servers are like is of no interest here; it is in --json. */
static bool is_news(const struct guard_event *e)
{
	return e->kind != GUARD_EVENT_CONFIGURED && e->kind != GUARD_EVENT_PROFILE_LEARNED &&
	       e->kind != GUARD_EVENT_PROFILE_CHANGED;
}

static void put_event(const struct guard_event *e, FILE *out)
{
	static const struct ip_addr none;
	char when[TIME_MAX], addr[IP_ENDPOINT_STRLEN] = "";

	if (!ip_addr_eq(&e->addr, &none))
		ip_endpoint_format(&e->addr, e->port, addr);
	if (strcmp(addr, e->service) == 0)
		addr[0] = '\0';
	fprintf(out, "%13s  %s%s%s%s%s%s%s\n", time_text(e->time, when), e->service,
		e->service[0] ? ": " : "", guard_event_text(e->kind), addr[0] ? " " : "", addr,
		e->detail[0] ? ": " : "", e->detail);
}

static void put_events(const struct replay *r, FILE *out)
{
	uint32_t shown = 0, left_out = 0;

	fprintf(out, "\nevents\n");
	for (uint32_t i = 0; i < r->n_events; i++) {
		if (!is_news(&r->event[i]))
			continue;
		if (shown == EVENTS_SHOWN) {
			left_out++;
			continue;
		}
		put_event(&r->event[i], out);
		shown++;
	}
	if (left_out + r->more_events)
		fprintf(out, "%13s  %u more, see --json\n", "...", left_out + r->more_events);
}

void replay_text(const struct replay *r, FILE *out)
{
	put_capture(r, out);
	put_trouble(r, out);
	for (uint32_t i = 0; i < r->n_services; i++) {
		const struct replay_service *s = &r->service[i];

		put_settings(r, i, out);
		put_direction(r, s, out);
		if (!s->report.counters.packets_in && !s->report.counters.packets_out)
			continue;
		put_totals(s, out);
		put_timeline(r, s, out);
		put_attacks(s, out);
	}
	put_events(r, out);
}
