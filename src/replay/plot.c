/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The report as an SVG picture. For each service, under one axis of time:
 *
 *	 head line
 *	| rates of SYN, SYN-ACK, completed    |  bands behind it: the state, where it is not calm
 *	| half-opens with the two thresholds  |  vertical lines: an attack's first SYN, and its notice
 *	| strip of states                     |
 *	 time
 *
 * Colours are classes, so that a dark page gets its own; everything has its colour without the media
 * query, too, for renderers that do not know it.
 */
#include <inttypes.h>
#include <math.h>

#include "replay/result.h"

#define WIDTH	     960
#define LEFT	     74
#define RIGHT	     24
#define PLOT_WIDTH   (WIDTH - LEFT - RIGHT)
#define HEAD	     78 /* title of the picture */
#define BLOCK_HEAD   50
#define RATE_HEIGHT  190
#define GAP	     30
#define OPEN_HEIGHT  110
#define STRIP_GAP    12
#define STRIP_HEIGHT 18
#define FOOT	     58
#define BLOCK_HEIGHT \
	(BLOCK_HEAD + RATE_HEIGHT + GAP + OPEN_HEIGHT + STRIP_GAP + STRIP_HEIGHT + FOOT)
#define BLOCKS_MAX 6
#define MARKS_MAX  8 /* attacks with a label of their own */
#define LOG_RATIO  20 /* SYNs so many times the completed ones: else these could not be seen */
#define BAND_MIN   1.5 /* width of a state that is too short to be seen */

static const char style[] =
	"<style>\n"
	"text{font:13px system-ui,'DejaVu Sans',sans-serif;fill:#24292f}\n"
	".small{font-size:11.5px;fill:#57606a}\n"
	".title{font-size:18px;font-weight:600}\n"
	".head{font-size:14px;font-weight:600}\n"
	".page{fill:#ffffff}\n"
	".frame{fill:none;stroke:#8c959f}\n"
	".grid{stroke:#d8dee4;stroke-width:1}\n"
	".line{fill:none;stroke-width:1.8;stroke-linejoin:round}\n"
	".syn{stroke:#c4480a}.synack{stroke:#0969da;stroke-dasharray:5 3}.completed{stroke:#1a7f37}\n"
	".open{stroke:#8250df}\n"
	".limit{stroke:#57606a;stroke-dasharray:6 4}\n"
	".mark{stroke:#24292f;stroke-width:1.3}.first{stroke-dasharray:2 3}\n"
	".band{opacity:.16}.strip{opacity:.75}\n"
	".calm{fill:#1a7f37}.suspect{fill:#bf8700}.attack{fill:#cf222e}.recovering{fill:#0969da}\n"
	"@media (prefers-color-scheme:dark){\n"
	"text{fill:#e6edf3}.small{fill:#9da7b1}.page{fill:#0d1117}.frame{stroke:#6e7681}\n"
	".grid{stroke:#2d333b}.syn{stroke:#ff9a5c}.synack{stroke:#6cb6ff}.completed{stroke:#57d364}\n"
	".open{stroke:#c297ff}.limit{stroke:#9da7b1}.mark{stroke:#e6edf3}.band{opacity:.28}\n"
	".calm{fill:#3fb950}.suspect{fill:#d29922}.attack{fill:#f85149}.recovering{fill:#58a6ff}}\n"
	"</style>\n";

/* What a panel shows: a box, and a scale of values. */
struct panel {
	double top, height;
	double max; /* of the values; > 0 */
	bool logarithmic;
};

struct plot {
	const struct replay *r;
	FILE *out;
	double span; /* microseconds of the axis */
};

/* put_text() - as XML; what is no printable ASCII becomes a question mark. */
static void put_text(FILE *out, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '&':
			fputs("&amp;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		default:
			fputc(*text >= 0x20 && *text < 0x7f ? *text : '?', out);
		}
	}
}

static double x_of(const struct plot *p, usec_t t)
{
	double x = t > p->r->from ? (double)(t - p->r->from) / p->span : 0;

	return LEFT + PLOT_WIDTH * (x > 1 ? 1 : x);
}

static double y_of(const struct panel *panel, double v)
{
	double share = panel->logarithmic ? log10(1 + v) / log10(1 + panel->max) : v / panel->max;

	return panel->top + panel->height * (1 - (share > 1 ? 1 : share));
}

/* nice_step() - 1, 2 or 5 times a power of ten, at least @v and one. */
static double nice_step(double v)
{
	double power = v > 1 ? pow(10, floor(log10(v))) : 1;

	if (v <= power)
		return power;
	if (v <= 2 * power)
		return 2 * power;
	return v <= 5 * power ? 5 * power : 10 * power;
}

/* count_text() - 1500000 as 1.5M. */
static const char *count_text(double v, char buf[24])
{
	if (v >= 1e6)
		snprintf(buf, 24, "%gM", v / 1e6);
	else if (v >= 1e4)
		snprintf(buf, 24, "%gk", v / 1e3);
	else
		snprintf(buf, 24, "%g", v);
	return buf;
}

static void put_level(const struct plot *p, const struct panel *panel, double v)
{
	double y = y_of(panel, v);
	char text[24];

	fprintf(p->out,
		"<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>"
		"<text class=\"small\" x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n",
		LEFT, LEFT + PLOT_WIDTH, y, y, LEFT - 8, y + 4, count_text(v, text));
}

/* put_levels() - the grid lines of the values, and what they are. */
static void put_levels(const struct plot *p, const struct panel *panel, const char *label)
{
	double step = nice_step(panel->max / 5), v = panel->max > 1e6 ? 100 : 10;

	put_level(p, panel, 0);
	if (panel->logarithmic) {
		while (v <= panel->max) {
			put_level(p, panel, v);
			v *= 10;
		}
	} else {
		for (unsigned n = 1; n * step <= panel->max * 1.001; n++)
			put_level(p, panel, n * step);
	}
	fprintf(p->out,
		"<text class=\"small\" transform=\"translate(16 %.1f) rotate(-90)\" "
		"text-anchor=\"middle\">%s%s</text>\n",
		panel->top + panel->height / 2, label, panel->logarithmic ? " (log)" : "");
}

static void put_frame(const struct plot *p, const struct panel *panel)
{
	fprintf(p->out,
		"<rect class=\"frame\" x=\"%d\" y=\"%.1f\" width=\"%d\" height=\"%.1f\"/>\n", LEFT,
		panel->top, PLOT_WIDTH, panel->height);
}

/* put_time() - a place on the axis of time, as precise as @step demands. */
static void put_time(FILE *out, usec_t t, usec_t step)
{
	uint64_t s = t / USEC_PER_SEC;

	if (step >= 86400 * USEC_PER_SEC)
		fprintf(out, "%" PRIu64 " d", s / 86400);
	else if (step >= 3600 * USEC_PER_SEC)
		fprintf(out, "%" PRIu64 " h", s / 3600);
	else if (step >= USEC_PER_SEC)
		fprintf(out, "%" PRIu64 ":%02u", s / 60, (unsigned)(s % 60));
	else
		fprintf(out, "%.*f", step >= 100 * USEC_PER_MSEC ? 1 : 3, (double)t / 1e6);
}

static usec_t time_step(usec_t duration)
{
	/* the widths of bins make good steps; below a second, halves and fifths of it */
	if (duration <= USEC_PER_SEC)
		return duration <= 10 * USEC_PER_MSEC	 ? USEC_PER_MSEC
		       : duration <= 100 * USEC_PER_MSEC ? 10 * USEC_PER_MSEC
							 : 100 * USEC_PER_MSEC;
	return replay_width(duration, 12, 0);
}

static void put_times(const struct plot *p, const struct panel *rate, const struct panel *open)
{
	double bottom = open->top + open->height + STRIP_GAP + STRIP_HEIGHT;
	usec_t step = time_step((usec_t)p->span);

	usec_t t = (p->r->from + step - 1) / step * step;

	for (; t <= p->r->survey.duration; t += step) {
		double x = x_of(p, t);

		fprintf(p->out, "<path class=\"grid\" d=\"M%.1f %.1fv%.1fM%.1f %.1fv%.1f\"/>", x,
			rate->top, rate->height, x, open->top, open->height);
		fprintf(p->out,
			"<text class=\"small\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">", x,
			bottom + 17);
		put_time(p->out, t, step);
		fputs("</text>\n", p->out);
	}
	fprintf(p->out,
		"<text class=\"small\" x=\"%d\" y=\"%.1f\" text-anchor=\"middle\">"
		"time since the first frame%s</text>\n",
		LEFT + PLOT_WIDTH / 2, bottom + 36, step < USEC_PER_SEC ? ", seconds" : "");
}

/* put_states() - behind the panels where it is not calm, and as a strip with names below them. */
static void put_states(const struct plot *p, const struct replay_service *s,
		       const struct panel *rate, const struct panel *open)
{
	double strip = open->top + open->height + STRIP_GAP;

	for (uint32_t i = 0; i < s->n_changes; i++) {
		bool last = i + 1 == s->n_changes;
		const char *state = guard_attack_state_name(s->change[i].state);
		double x = x_of(p, s->change[i].time);
		double to = last ? LEFT + PLOT_WIDTH : x_of(p, s->change[i + 1].time);
		double wide = to - x > BAND_MIN ? to - x : BAND_MIN;

		if (s->change[i].state != GUARD_CALM)
			fprintf(p->out,
				"<path class=\"band %s\" d=\"M%.1f %.1fh%.1fv%.1fh-%.1fz"
				"M%.1f %.1fh%.1fv%.1fh-%.1fz\"/>\n",
				state, x, rate->top, wide, rate->height, wide, x, open->top, wide,
				open->height, wide);
		fprintf(p->out,
			"<rect class=\"strip %s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
			"height=\"%d\"><title>%s</title></rect>\n",
			state, x, strip, wide, STRIP_HEIGHT, state);
		if (wide > 10.0 + 8.0 * (double)strlen(state))
			fprintf(p->out,
				"<text class=\"small\" style=\"fill:#ffffff\" x=\"%.1f\" "
				"y=\"%.1f\" text-anchor=\"middle\">%s</text>\n",
				x + wide / 2, strip + 13.5, state);
	}
	fprintf(p->out,
		"<text class=\"small\" x=\"%d\" y=\"%.1f\" text-anchor=\"end\">state</text>\n",
		LEFT - 8, strip + 13.5);
}

enum series { SERIES_SYN, SERIES_SYNACK, SERIES_COMPLETED, SERIES_OPEN };

static double value_of(const struct plot *p, const struct replay_service *s, uint32_t i,
		       enum series series)
{
	const struct replay_bin *b = &s->bin[i];
	double per_second = 1e6 / (double)replay_bin_span(p->r, i);

	switch (series) {
	case SERIES_SYN:
		return b->syn * per_second;
	case SERIES_SYNACK:
		return b->synack * per_second;
	case SERIES_COMPLETED:
		return b->completed * per_second;
	default:
		return b->half_open;
	}
}

static double series_max(const struct plot *p, const struct replay_service *s, enum series series)
{
	double max = 0;

	for (uint32_t i = 0; i < p->r->n_bins; i++) {
		double v = value_of(p, s, i, series);

		if (v > max)
			max = v;
	}
	return max;
}

static void put_series(const struct plot *p, const struct replay_service *s,
		       const struct panel *panel, enum series series, const char *name)
{
	fprintf(p->out, "<polyline class=\"line %s\" points=\"", name);
	for (uint32_t i = 0; i < p->r->n_bins; i++) {
		usec_t middle = p->r->from + i * p->r->width + replay_bin_span(p->r, i) / 2;

		fprintf(p->out, "%.1f,%.1f ", x_of(p, middle),
			y_of(panel, value_of(p, s, i, series)));
	}
	fputs("\"/>\n", p->out);
}

static void put_limit(const struct plot *p, const struct panel *panel, const char *name, uint32_t v)
{
	double y = y_of(panel, v);

	fprintf(p->out,
		"<line class=\"limit\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\">"
		"<title>%s = %u</title></line>\n",
		LEFT, LEFT + PLOT_WIDTH, y, y, name, v);
}

/* put_marks() - where attacks began and where they were noticed. */
static void put_marks(const struct plot *p, const struct replay_service *s,
		      const struct panel *rate, const struct panel *open)
{
	double bottom = open->top + open->height;

	for (uint32_t i = 0; i < s->n_attacks && i < MARKS_MAX; i++) {
		const struct replay_attack *a = &s->attack[i];
		double x = x_of(p, a->noticed);
		bool left = x > LEFT + PLOT_WIDTH * 0.75;

		if (a->onset_known)
			fprintf(p->out,
				"<line class=\"mark first\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" "
				"y2=\"%.1f\"/>\n",
				x_of(p, a->onset.first), x_of(p, a->onset.first), rate->top,
				bottom);
		fprintf(p->out,
			"<line class=\"mark\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>"
			"<text class=\"small\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s noticed",
			x, x, rate->top, bottom, left ? x - 5 : x + 5,
			rate->top + rate->height + 12 + 13.0 * (i % 2), left ? "end" : "start",
			a->recorded ? attack_class_name(a->record.class) : "attack");
		if (a->onset_known)
			fprintf(p->out, " after %.1f ms",
				(double)(a->noticed - a->onset.first) / 1e3);
		fputs("</text>\n", p->out);
	}
}

static void put_legend(const struct plot *p, double y)
{
	static const struct {
		const char *name, *text;
		int x;
	} rows[] = {
		{"syn", "SYN", 0},
		{"synack", "SYN-ACK", 80},
		{"completed", "completed", 190},
		{"open", "half-open", 310},
		{"limit", "thresholds", 430},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		fprintf(p->out,
			"<line class=\"line %s\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>"
			"<text class=\"small\" x=\"%d\" y=\"%.1f\">%s</text>\n",
			rows[i].name, LEFT + rows[i].x, LEFT + rows[i].x + 26, y, y,
			LEFT + rows[i].x + 32, y + 4, rows[i].text);
}

static const char *direction_text(const struct replay_service *s)
{
	if (replay_one_direction(s))
		return "packets to the server only";
	return s->report.counters.packets_in ? "packets of both directions"
					     : "packets from the server only";
}

static void put_service(const struct plot *p, uint32_t index, double top)
{
	const struct guard_service_config *c = &p->r->conf->guard.service[index];
	const struct replay_service *s = &p->r->service[index];
	struct panel rate = {.top = top + BLOCK_HEAD, .height = RATE_HEIGHT};
	struct panel open = {.top = rate.top + RATE_HEIGHT + GAP, .height = OPEN_HEIGHT};
	double syn = series_max(p, s, SERIES_SYN), done = series_max(p, s, SERIES_COMPLETED);

	rate.max = fmax(fmax(syn, done), fmax(series_max(p, s, SERIES_SYNACK), 10));
	rate.logarithmic = done > 0 && syn > LOG_RATIO * done;
	rate.max = rate.logarithmic ? rate.max * 1.5 : nice_step(rate.max / 5) * 5;
	open.max = fmax(series_max(p, s, SERIES_OPEN), c->attack.start * 1.25);
	open.max = nice_step(open.max / 4) * 4;

	fprintf(p->out, "<text class=\"head\" x=\"%d\" y=\"%.1f\">service ", LEFT, top + 12);
	put_text(p->out, s->name);
	fprintf(p->out, "%s, attack { start = %u, end = %u }, %s</text>\n",
		p->r->guessed ? " (guessed)" : "", c->attack.start, c->attack.end,
		direction_text(s));
	put_legend(p, top + 34);
	put_states(p, s, &rate, &open);
	put_times(p, &rate, &open);
	put_levels(p, &rate, "per second");
	put_levels(p, &open, "half-open");
	put_limit(p, &open, "start", c->attack.start);
	put_limit(p, &open, "end", c->attack.end);
	put_series(p, s, &rate, SERIES_SYN, "syn");
	put_series(p, s, &rate, SERIES_SYNACK, "synack");
	put_series(p, s, &rate, SERIES_COMPLETED, "completed");
	put_series(p, s, &open, SERIES_OPEN, "open");
	put_marks(p, s, &rate, &open);
	put_frame(p, &rate);
	put_frame(p, &open);
}

static bool has_packets(const struct replay_service *s)
{
	return s->report.counters.packets_in || s->report.counters.packets_out;
}

static void put_head(const struct plot *p)
{
	const struct survey *s = &p->r->survey;
	const char *slash = strrchr(p->r->file, '/');

	fprintf(p->out, "<text class=\"title\" x=\"%d\" y=\"34\">tcpguard replay: ", LEFT);
	put_text(p->out, slash ? slash + 1 : p->r->file);
	fprintf(p->out,
		"</text>\n<text class=\"small\" x=\"%d\" y=\"56\">%" PRIu64
		" frames in %.1f s, %" PRIu64 " SYNs, %" PRIu64
		" SYN-ACKs; what the guard would have seen, watching only</text>\n",
		LEFT, s->frames, (double)s->duration / 1e6, s->syn, s->synack);
}

void replay_plot(const struct replay *r, FILE *out)
{
	struct plot p = {.r = r, .out = out, .span = (double)(r->survey.duration + 1 - r->from)};
	uint32_t blocks = 0;
	double top = HEAD;
	int height;

	for (uint32_t i = 0; i < r->n_services && blocks < BLOCKS_MAX; i++)
		blocks += has_packets(&r->service[i]);
	height = HEAD + (int)(blocks ? blocks : 1) * BLOCK_HEIGHT;
	fprintf(out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
		"height=\"%d\" role=\"img\">\n<title>tcpguard replay</title>\n%s"
		"<rect class=\"page\" width=\"%d\" height=\"%d\"/>\n",
		WIDTH, height, WIDTH, height, style, WIDTH, height);
	put_head(&p);
	if (!blocks)
		fprintf(out, "<text x=\"%d\" y=\"%d\">no packet of a guarded service</text>\n",
			LEFT, HEAD + BLOCK_HEAD);
	for (uint32_t i = 0; i < r->n_services && blocks; i++) {
		if (!has_packets(&r->service[i]))
			continue;
		put_service(&p, i, top);
		top += BLOCK_HEIGHT;
		blocks--;
	}
	fputs("</svg>\n", out);
}
