/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From top to bottom: title, tables, trouble; the services; the selected one with its charts and its
 * attack; the newest events; the keys. What does not fit is left out from the bottom of each part, and
 * the events take what is left.
 */
#include "tcpguardctl/top_draw.h"

#include <curses.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tcpguardctl/text.h"

#define MIN_COLUMNS  70
#define MIN_LINES    14
#define TALL_LINES   40 /* from here on charts have several lines */
#define TALL_CHART   3
#define ATTACK_LINES 5 /* of what is told about an attack; on a tall screen: */
#define TALL_ATTACK  14
#define EVENTS_LEAST 4 /* lines with their title, before services are left out */
#define LABEL_WIDTH  12

enum { PAIR_CALM = 1, PAIR_SUSPECT, PAIR_ATTACK, PAIR_RECOVERING };

/* ---- text at a place ---- */

/*
 * put() - @text at @y, @x, cut at @width characters. Where the terminal shows no UTF-8, what is not
 * ASCII becomes '?'. Return: columns taken.
 */
static int put(const struct top_screen *s, int y, int x, int width, attr_t attr, const char *text)
{
	char cut[1024];
	size_t n = 0;
	int columns = 0;

	while (*text && n + 5 < sizeof(cut)) {
		bool begins = ((unsigned char)*text & 0xc0) != 0x80;

		if (begins && columns == width)
			break;
		columns += begins;
		if (s->utf8 || !((unsigned char)*text & 0x80))
			cut[n++] = *text;
		else if (begins)
			cut[n++] = '?';
		text++;
	}
	cut[n] = '\0';
	attrset(attr);
	mvaddstr(y, x, cut);
	attrset(A_NORMAL);
	return columns;
}

static void put_right(const struct top_screen *s, int y, int x, int width, attr_t attr,
		      const char *text)
{
	int taken = (int)text_width(text);

	put(s, y, taken < width ? x + width - taken : x, width, attr, text);
}

/* put_wrapped() - in at most @lines lines, broken at blanks. Return: lines taken. */
static int put_wrapped(const struct top_screen *s, int y, int x, int width, int lines, attr_t attr,
		       const char *text)
{
	char line[512];
	int n = 0;

	if (width < 1)
		return 0;
	if (width > (int)sizeof(line) - 1)
		width = (int)sizeof(line) - 1;
	while (*text && n < lines) {
		size_t len = strlen(text);

		if (len > (size_t)width) {
			len = (size_t)width;
			while (len > 1 && text[len] != ' ')
				len--;
			if (len == 1)
				len = (size_t)width;
		}
		snprintf(line, sizeof(line), "%.*s", (int)len, text);
		put(s, y + n++, x, width, attr, line);
		text += len;
		text += strspn(text, " ");
	}
	if (*text && n > 0 && width > 3)
		put(s, y + n - 1, x + width - 3, 3, attr, "...");
	return n;
}

static attr_t state_attr(const struct top_screen *s, enum top_state state)
{
	static const short pairs[] = {
		[TOP_CALM] = PAIR_CALM,
		[TOP_RECOVERING] = PAIR_RECOVERING,
		[TOP_SUSPECT] = PAIR_SUSPECT,
		[TOP_ATTACK] = PAIR_ATTACK,
	};
	attr_t attr = state == TOP_ATTACK ? A_BOLD : A_NORMAL;

	return s->colour ? attr | (attr_t)COLOR_PAIR(pairs[state]) : attr;
}

/* ---- the selection ---- */

/* position_of() - where the selected service stands in m->order. */
static int position_of(const struct top_screen *s, const struct top_model *m)
{
	for (int i = 0; i < m->n_services && s->selected[0]; i++)
		if (strcmp(m->service[m->order[i]].name, s->selected) == 0)
			return i;
	return 0;
}

void top_draw_select(struct top_screen *s, const struct top_model *m, int by, bool wrap)
{
	int n = m->n_services, to = position_of(s, m) + by;

	if (n == 0)
		return;
	if (to < 0)
		to = wrap ? n - 1 : 0;
	if (to >= n)
		to = wrap ? 0 : n - 1;
	memcpy(s->selected, m->service[m->order[to]].name, sizeof(s->selected));
}

/* ---- the parts ---- */

static void draw_clock(const struct top_screen *s, int x)
{
	time_t now = time(NULL);
	struct tm tm;
	char text[16] = "";

	if (localtime_r(&now, &tm))
		strftime(text, sizeof(text), "%H:%M:%S", &tm);
	put(s, 0, x, 8, A_REVERSE, text);
}

static void draw_title(const struct top_screen *s, const struct top_model *m)
{
	char text[256], up[TEXT_NUMBER_MAX];
	int attacked = 0;

	for (int i = 0; i < m->n_services; i++)
		attacked += m->service[i].state == TOP_ATTACK;
	snprintf(text, sizeof(text), " tcpguardd %s, up %s   %d service%s, %d under attack",
		 m->version, text_duration(m->uptime_ms, up), m->n_services,
		 m->n_services == 1 ? "" : "s", attacked);
	attrset(A_REVERSE);
	mvhline(0, 0, ' ', COLS);
	put(s, 0, 0, COLS - 10, A_REVERSE, m->filled ? text : " tcpguardctl top");
	draw_clock(s, COLS - 9);
}

static void draw_tables(const struct top_screen *s, const struct top_model *m)
{
	char text[512], a[TEXT_NUMBER_MAX], b[TEXT_NUMBER_MAX], c[TEXT_NUMBER_MAX],
		d[TEXT_NUMBER_MAX];
	uint64_t overruns = 0, lost = 0;
	int len;

	len = snprintf(text, sizeof(text), "flows %s of %s  half-open %s of %s  CPU",
		       text_exact(m->flows, a), text_count(m->flows_max, b),
		       text_exact(m->half_open, c), text_count(m->half_open_max, d));
	for (int i = 0; i < m->n_workers; i++) {
		const struct top_worker *w = &m->worker[i];

		overruns += w->overruns;
		lost += w->lost;
		len += snprintf(text + len, sizeof(text) - (size_t)len, " %u%%",
				(w->cpu_permille + 5) / 10);
	}
	put(s, 1, 1, COLS - 1, A_NORMAL, text);
	if (overruns + lost == 0)
		return;
	snprintf(text, sizeof(text), "overruns %s, lost %s", text_exact(overruns, a),
		 text_exact(lost, b));
	put_right(s, 1, 1, COLS - 2, state_attr(s, TOP_SUSPECT), text);
}

/* chart_columns() - the most in which a minute can be shown evenly. */
static int chart_columns(int room)
{
	int columns = room < CHART_SECONDS ? room : CHART_SECONDS;

	while (columns > 1 && CHART_SECONDS % columns != 0)
		columns--;
	return columns;
}

/* Columns of the services' table at this width. */
struct columns {
	int name, state, since, chart, chart_width, syn, cookies, completed, bytes, half_open;
};

static struct columns columns_of(void)
{
	int spare = COLS > 80 ? COLS - 80 : 0;
	int name = 11 + (spare < 20 ? spare : 20), chart = 10;
	struct columns c;

	spare -= name - 11;
	chart += spare < 50 ? spare : 50;
	chart = COLS < 80 ? 0 : chart_columns(chart);
	c.name = 1;
	c.state = c.name + name + 1;
	c.since = c.state + 11;
	c.chart = c.since + 7;
	c.chart_width = chart;
	c.syn = c.chart + (chart ? chart + 1 : 0);
	c.cookies = c.syn + 6;
	c.completed = c.cookies + 8;
	c.bytes = c.completed + 6;
	c.half_open = c.bytes + 9;
	return c;
}

static void draw_services_header(const struct top_screen *s, const struct columns *c, int y,
				 int hidden)
{
	char title[32] = "SERVICE";

	if (hidden > 0)
		snprintf(title, sizeof(title), "SERVICE +%d", hidden);
	put(s, y, c->name, c->state - c->name, A_BOLD, title);
	put(s, y, c->state, 10, A_BOLD, "STATE");
	put_right(s, y, c->since, 6, A_BOLD, "SINCE");
	put(s, y, c->chart, c->chart_width, A_BOLD, c->chart_width < 15 ? "1 MIN" : "LAST MINUTE");
	put_right(s, y, c->syn, 5, A_BOLD, "SYN/S");
	put_right(s, y, c->cookies, 7, A_BOLD, "COOKIES");
	put_right(s, y, c->completed, 5, A_BOLD, "DONE");
	put_right(s, y, c->bytes, 8, A_BOLD, "BYTES/S");
	put_right(s, y, c->half_open, COLS - c->half_open, A_BOLD, "HALF-OPEN");
}

/* draw_chart() - @height lines, the lowest one at @y. */
static void draw_chart(const struct top_screen *s, const struct chart *chart, int y, int x,
		       int width, int height, attr_t attr)
{
	uint8_t level[CHART_SECONDS];

	if (width > CHART_SECONDS)
		width = CHART_SECONDS;
	if (width < 1)
		return;
	chart_levels(chart, width, height * CHART_STEPS, level);
	for (int line = 0; line < height; line++)
		for (int i = 0; i < width; i++)
			put(s, y - line, x + i, 1, attr, chart_glyph(level[i], line, s->utf8));
}

static void draw_service(const struct top_screen *s, const struct columns *c, int y,
			 const struct top_service *v, bool selected)
{
	attr_t attr = state_attr(s, v->state);
	char a[TEXT_NUMBER_MAX], b[TEXT_NUMBER_MAX], text[80];

	put(s, y, 0, 1, A_BOLD, selected ? ">" : " ");
	put(s, y, c->name, c->state - c->name - 1, selected ? A_BOLD : A_NORMAL, v->name);
	put(s, y, c->state, 10, attr, v->state_name);
	put_right(s, y, c->since, 6, A_NORMAL, text_duration(v->state_ms, a));
	draw_chart(s, &v->chart[TOP_SYN], y, c->chart, c->chart_width, 1, attr);
	put_right(s, y, c->syn, 5, A_NORMAL, text_count(v->rate[TOP_SYN], a));
	put_right(s, y, c->cookies, 7, A_NORMAL, text_count(v->rate[TOP_COOKIES], a));
	put_right(s, y, c->completed, 5, A_NORMAL, text_count(v->rate[TOP_COMPLETED], a));
	put_right(s, y, c->bytes, 8, A_NORMAL, text_bytes(v->rate[TOP_BYTES], a));
	snprintf(text, sizeof(text), "%s/%s", text_count(v->half_open, a),
		 text_count(v->attack_start, b));
	put_right(s, y, c->half_open, COLS - c->half_open,
		  v->half_open >= v->attack_start ? state_attr(s, TOP_ATTACK) : A_NORMAL, text);
}

/* draw_services() - the table in @rows lines with its header. */
static void draw_services(struct top_screen *s, const struct top_model *m, int y, int rows)
{
	struct columns c = columns_of();
	int selected = position_of(s, m), shown = rows - 1;

	if (s->scrolled > m->n_services - shown)
		s->scrolled = m->n_services - shown;
	if (s->scrolled < 0)
		s->scrolled = 0;
	if (selected < s->scrolled)
		s->scrolled = selected;
	if (selected >= s->scrolled + shown)
		s->scrolled = selected - shown + 1;
	draw_services_header(s, &c, y, m->n_services - shown);
	for (int i = 0; i < shown && s->scrolled + i < m->n_services; i++) {
		int at = s->scrolled + i;

		draw_service(s, &c, y + 1 + i, &m->service[m->order[at]], at == selected);
	}
}

/* draw_rule() - a line across the screen with @text in it. */
static void draw_rule(const struct top_screen *s, int y, const char *text)
{
	for (int x = 0; x < COLS; x++)
		put(s, y, x, 1, A_DIM, s->utf8 ? "─" : "-");
	put(s, y, 2, COLS - 4, A_BOLD, text);
}

static void draw_rates(const struct top_screen *s, const struct top_service *v, int y, int height)
{
	static const char *const names[TOP_RATES] = {
		[TOP_SYN] = "SYN/s",
		[TOP_COOKIES] = "cookies/s",
		[TOP_COMPLETED] = "completed/s",
		[TOP_BYTES] = "bytes/s",
	};
	int width = chart_columns(COLS - LABEL_WIDTH - 25);
	char now[TEXT_NUMBER_MAX], max[TEXT_NUMBER_MAX], text[64];

	for (int i = 0; i < TOP_RATES; i++) {
		const char *(*number)(uint64_t, char *) = i == TOP_BYTES ? text_bytes : text_count;
		int at = y + (i + 1) * height - 1;

		put(s, at, 1, LABEL_WIDTH, A_NORMAL, names[i]);
		put_right(s, at, 1 + LABEL_WIDTH, 8, A_BOLD, number(v->rate[i], now));
		draw_chart(s, &v->chart[i], at, LABEL_WIDTH + 11, width, height,
			   state_attr(s, v->state));
		snprintf(text, sizeof(text), "max %s", number(chart_max(&v->chart[i]), max));
		put(s, at, LABEL_WIDTH + 12 + width, 13, A_NORMAL, text);
	}
}

/* draw_half_open() - a bar whose end is the threshold. */
static void draw_half_open(const struct top_screen *s, const struct top_service *v, int y)
{
	int width = chart_columns(COLS - LABEL_WIDTH - 25), filled = 0;
	int x = LABEL_WIDTH + 12 + width;
	char text[80], a[TEXT_NUMBER_MAX], b[TEXT_NUMBER_MAX];

	if (v->half_open >= v->attack_start)
		filled = width;
	else
		filled = (int)((double)v->half_open * width / (double)v->attack_start);
	put(s, y, 1, LABEL_WIDTH, A_NORMAL, "half-open");
	put_right(s, y, 1 + LABEL_WIDTH, 8, A_BOLD, text_count(v->half_open, a));
	for (int i = 0; i < width; i++)
		put(s, y, LABEL_WIDTH + 11 + i, 1,
		    i < filled ? state_attr(s, filled == width ? TOP_ATTACK : TOP_CALM) : A_DIM,
		    i < filled ? "#" : "-");
	snprintf(text, sizeof(text), "of %s, cookies out %s", text_count(v->attack_start, a),
		 text_count(v->cookies_in_flight, b));
	put(s, y, x, COLS - x, A_NORMAL, text);
}

static const char *clock_time(int64_t unix_ms, char buf[16])
{
	time_t seconds = (time_t)(unix_ms / 1000);
	struct tm tm;

	buf[0] = '\0';
	if (unix_ms > 0 && localtime_r(&seconds, &tm))
		strftime(buf, 16, "%H:%M:%S", &tm);
	return buf;
}

/* draw_prefixes() - the heaviest sources: one line with those that fit, or a line for each of them. */
static int draw_prefixes(const struct top_screen *s, const struct top_attack *a, int y, int lines)
{
	char text[sizeof(a->prefix[0].text) + 80], syns[TEXT_NUMBER_MAX], done[TEXT_NUMBER_MAX];
	int x = 1 + LABEL_WIDTH + 1, n = 0;

	put(s, y, 1, LABEL_WIDTH, A_NORMAL, "heaviest");
	if (a->n_prefixes == 0)
		put(s, y, x, COLS - x, A_NORMAL, "none sends 1% of the SYNs or more");
	for (; lines > 1 && n < lines && n < a->n_prefixes; n++) {
		const struct top_prefix *p = &a->prefix[n];

		snprintf(text, sizeof(text), "%-30s %3u.%u%%  %7s SYNs  %7s completed", p->text,
			 p->permille / 10, p->permille % 10, text_count(p->syns, syns),
			 text_count(p->completed, done));
		put(s, y + n, x, COLS - x, A_NORMAL, text);
	}
	for (int i = 0; lines == 1 && i < a->n_prefixes; i++) {
		snprintf(text, sizeof(text), "%s%s %u.%u%%", i ? ", " : "", a->prefix[i].text,
			 a->prefix[i].permille / 10, a->prefix[i].permille % 10);
		if (x + (int)strlen(text) > COLS)
			break;
		x += put(s, y, x, COLS - x, A_NORMAL, text);
	}
	return n ? n : 1;
}

/* draw_attack() - in at most @lines lines. Return: lines taken. */
static int draw_attack(const struct top_screen *s, const struct top_service *v, int y, int lines)
{
	const struct top_attack *a = &v->attack;
	int n = 0, x = 1 + LABEL_WIDTH + 1;
	char text[256], clock[16], lasted[TEXT_NUMBER_MAX], peak[TEXT_NUMBER_MAX];

	if (!a->known) {
		put(s, y, 1, LABEL_WIDTH, A_NORMAL, "attack");
		put(s, y, x, COLS - x, A_NORMAL,
		    v->state == TOP_ATTACK ? "nothing is known of it yet" : "none seen");
		return 1;
	}
	put(s, y, 1, LABEL_WIDTH, A_NORMAL, a->over ? "last attack" : "attack");
	snprintf(text, sizeof(text), "%s, %s %s, %s %s, peak %s SYN/s", a->kind,
		 a->over ? "at" : "since", clock_time(a->began_ms, clock),
		 a->over ? "lasted" : "for", text_duration(a->duration_ms, lasted),
		 text_count(a->peak_rate, peak));
	put(s, y + n++, x, COLS - x, a->over ? A_NORMAL : state_attr(s, v->state), text);
	if (n < lines && a->evidence[0]) {
		put(s, y + n, 1, LABEL_WIDTH, A_NORMAL, "because");
		n += put_wrapped(s, y + n, x, COLS - x, lines - n < 3 ? 1 : 2, A_NORMAL,
				 a->evidence);
	}
	if (n < lines && a->fingerprint[0]) {
		put(s, y + n, 1, LABEL_WIDTH, A_NORMAL, "most SYNs");
		put(s, y + n++, x, COLS - x, A_NORMAL, a->fingerprint);
	}
	if (n < lines)
		n += draw_prefixes(s, a, y + n, LINES >= TALL_LINES ? lines - n : 1);
	return n;
}

/* draw_detail() - the selected service in at most @lines lines. Return: lines taken. */
static int draw_detail(const struct top_screen *s, const struct top_model *m, int y, int lines)
{
	const struct top_service *v = &m->service[m->order[position_of(s, m)]];
	int height = LINES >= TALL_LINES ? TALL_CHART : 1, at = y;
	char text[160], since[TEXT_NUMBER_MAX];

	snprintf(text, sizeof(text), " %s: %s, %s, %s for %s%s%s ", v->name, v->mode, v->engine,
		 v->state_name, text_duration(v->state_ms, since), v->kind[0] ? ", " : "", v->kind);
	draw_rule(s, at++, text);
	if (lines < 2 + TOP_RATES * height)
		return lines;
	draw_rates(s, v, at, height);
	at += TOP_RATES * height;
	draw_half_open(s, v, at++);
	if (at - y < lines)
		at += draw_attack(s, v, at, lines - (at - y));
	return at - y;
}

static void draw_events(const struct top_screen *s, const struct top_model *m, int y, int lines)
{
	char clock[16];

	if (lines < 2)
		return;
	draw_rule(s, y, " events, newest first ");
	for (int i = 0; i < lines - 1 && i < m->n_events; i++) {
		const struct top_event *e = &m->event[m->n_events - 1 - i];

		put(s, y + 1 + i, 1, 8, A_NORMAL, clock_time(e->time_ms, clock));
		put(s, y + 1 + i, 11, COLS - 11, e->warns ? A_BOLD : A_NORMAL, e->text);
	}
}

static void draw_keys(const struct top_screen *s)
{
	char text[160];

	snprintf(text, sizeof(text), " q quits   up, down, s: another service   every %s",
		 s->interval);
	attrset(A_REVERSE);
	mvhline(LINES - 1, 0, ' ', COLS - 1);
	put(s, LINES - 1, 0, COLS - 1, A_REVERSE, text);
}

/* draw_trouble() - why the figures are old, and how old. */
static void draw_trouble(const struct top_screen *s, const struct top_model *m, int y)
{
	char age[TEXT_NUMBER_MAX + 20] = "", ms[TEXT_NUMBER_MAX];
	attr_t attr = state_attr(s, TOP_ATTACK);
	int width = COLS - 2;

	if (!s->trouble[0])
		return;
	if (m->filled) {
		snprintf(age, sizeof(age), "figures are %s old", text_duration(s->age_ms, ms));
		put_right(s, y, 1, width, attr, age);
		width -= (int)strlen(age) + 1;
	}
	put_wrapped(s, y, 1, width, 1, attr, s->trouble);
}

/* draw_body() - what is between the two lines at the top and the one at the bottom. */
static void draw_body(struct top_screen *s, const struct top_model *m)
{
	int y = 3, left = LINES - y - 1;
	bool tall = LINES >= TALL_LINES;
	int services = m->n_services + 1;
	int detail = 2 + (tall ? TOP_RATES * TALL_CHART + TALL_ATTACK : TOP_RATES + ATTACK_LINES);
	int room = left - detail - EVENTS_LEAST;

	if (room < 3)
		room = 3;
	if (services > room)
		services = room;
	draw_services(s, m, y, services);
	y += services;
	left -= services;
	if (left < 1)
		return;
	detail = draw_detail(s, m, y, left > detail ? detail : left);
	draw_events(s, m, y + detail, left - detail);
}

void top_draw_init(struct top_screen *s)
{
	if (!s->colour || !has_colors() || start_color() == ERR) {
		s->colour = false;
		return;
	}
	use_default_colors();
	init_pair(PAIR_CALM, COLOR_GREEN, -1);
	init_pair(PAIR_SUSPECT, COLOR_YELLOW, -1);
	init_pair(PAIR_ATTACK, COLOR_RED, -1);
	init_pair(PAIR_RECOVERING, COLOR_CYAN, -1);
}

void top_draw(struct top_screen *s, const struct top_model *m)
{
	char text[80];

	erase();
	if (COLS < MIN_COLUMNS || LINES < MIN_LINES) {
		snprintf(text, sizeof(text), "%dx%d is too small, %dx%d is needed; q quits", COLS,
			 LINES, MIN_COLUMNS, MIN_LINES);
		put_wrapped(s, 0, 0, COLS, LINES, A_NORMAL, text);
		refresh();
		return;
	}
	draw_title(s, m);
	if (m->filled)
		draw_tables(s, m);
	draw_trouble(s, m, 2);
	if (m->filled && m->n_services > 0)
		draw_body(s, m);
	draw_keys(s);
	refresh();
}
