/* SPDX-License-Identifier: GPL-2.0-or-later */
/* attacks: a line each, or one of them in full. */
#include <stdio.h>
#include <string.h>

#include "tcpguardctl/text.h"
#include "tcpguardctl/view.h"

const char *const view_attacks_titles[] = {"NUMBER",   "SERVICE",  "VERDICT", "BEGAN",
					   "ENDED",    ">LASTED",  ">SYN/S",  ">PENDING",
					   ">SOURCES", "EVIDENCE", NULL};

static bool flag(const json_t *row, const char *key)
{
	return json_is_true(json_object_get(row, key));
}

/* ended() - when, or why not. */
static const char *ended(const json_t *row, char buf[TEXT_TIME_MAX])
{
	if (!flag(row, "over"))
		return "now";
	if (flag(row, "interrupted"))
		return "unknown";
	return text_time(json_integer_value(json_object_get(row, "ended_ms")), false, buf);
}

static const char *verdict(const json_t *row)
{
	const char *name = row_str(row, "class_name");

	return *name ? name : row_str(row, "class");
}

void view_attacks_row(struct screen *s, const json_t *row)
{
	const json_t *sources = json_object_get(row, "sources");
	char number[TEXT_NUMBER_MAX], when[TEXT_TIME_MAX];
	bool over = flag(row, "over");

	snprintf(number, sizeof(number), "%llu", (unsigned long long)row_u64(row, "number"));
	table_cell(&s->table, number, !over);
	table_cell(&s->table, row_str(row, "service"), !over);
	table_cell(&s->table, verdict(row), !over);
	text_time(json_integer_value(json_object_get(row, "began_ms")), false, when);
	table_cell(&s->table, when, false);
	table_cell(&s->table, ended(row, when), !over);
	table_cell(&s->table, text_duration(row_u64(row, "duration_ms"), number), false);
	table_cell(&s->table, text_exact(row_u64(row, "peak_rate"), number), false);
	table_cell(&s->table, text_exact(row_u64(row, "peak_pending"), number), false);
	table_cell(&s->table, text_exact(row_u64(sources, "distinct"), number), false);
	table_cell(&s->table, row_str(row, "evidence"), false);
}

/* ---- in full ---- */

static void label(const char *text)
{
	printf("  %-12s ", text);
}

static void line(struct screen *s, const char *name, const char *text)
{
	if (!*text)
		return;
	label(name);
	screen_print(s, text, false);
	putchar('\n');
}

static void print_head(struct screen *s, const json_t *row)
{
	char number[TEXT_NUMBER_MAX];

	printf("attack %llu on ", (unsigned long long)row_u64(row, "number"));
	screen_print(s, row_str(row, "service"), true);
	fputs(": ", stdout);
	screen_print(s, verdict(row), true);
	if (!flag(row, "over"))
		printf(", for %s now", text_duration(row_u64(row, "duration_ms"), number));
	putchar('\n');
	line(s, "verdict", row_str(row, "class_text"));
}

static void print_times(struct screen *s, const json_t *row)
{
	char when[TEXT_TIME_MAX], lasted[TEXT_NUMBER_MAX];

	line(s, "began",
	     text_time(json_integer_value(json_object_get(row, "began_ms")), true, when));
	text_duration(row_u64(row, "duration_ms"), lasted);
	if (flag(row, "interrupted")) {
		label("ended");
		printf("unknown: tcpguardd ended while it lasted, %s after its beginning or later\n",
		       lasted);
	} else if (flag(row, "over")) {
		label("ended");
		printf("%s, after %s\n",
		       text_time(json_integer_value(json_object_get(row, "ended_ms")), true, when),
		       lasted);
	}
}

static void print_figures(const json_t *row)
{
	char a[TEXT_NUMBER_MAX], b[TEXT_NUMBER_MAX], c[TEXT_NUMBER_MAX];

	label("peak");
	printf("%s SYN/s, %s handshakes pending", text_exact(row_u64(row, "peak_rate"), a),
	       text_exact(row_u64(row, "peak_pending"), b));
	if (row_u64(row, "peak_stray"))
		printf(", %s segments/s of no connection",
		       text_exact(row_u64(row, "peak_stray"), a));
	putchar('\n');
	label("altogether");
	printf("%s SYNs, %s handshakes completed, %s of them by cookie\n",
	       text_exact(row_u64(row, "syns"), a), text_exact(row_u64(row, "completed"), b),
	       text_exact(row_u64(row, "cookies_valid"), c));
}

static void print_prefixes(struct screen *s, const json_t *sources)
{
	static const char *const titles[] = {"  PREFIX", ">SYNS", ">SHARE", ">COMPLETED", NULL};
	const json_t *heavy = json_object_get(sources, "heavy");
	uint64_t all = row_u64(sources, "syns");
	char text[TEXT_NUMBER_MAX], prefix[80];
	struct table t;

	if (json_array_size(heavy) == 0 || table_init(&t, titles, s->colour))
		return;
	for (size_t i = 0; i < json_array_size(heavy); i++) {
		const json_t *p = json_array_get(heavy, i);
		uint64_t syns = row_u64(p, "syns");

		snprintf(prefix, sizeof(prefix), "  %.70s", row_str(p, "prefix"));
		table_cell(&t, prefix, false);
		table_cell(&t, text_exact(syns, text), false);
		snprintf(text, sizeof(text), "%.1f %%",
			 all ? 100.0 * (double)syns / (double)all : 0);
		table_cell(&t, text, false);
		table_cell(&t, text_exact(row_u64(p, "completed"), text), false);
	}
	puts("  heaviest prefixes at the peak:");
	table_end(&t, true);
}

static void print_sources(struct screen *s, const json_t *sources)
{
	const char *fingerprint = row_str(sources, "fingerprint");
	char text[TEXT_NUMBER_MAX];

	if (row_u64(sources, "distinct")) {
		label("sources");
		printf("%s different ones at the peak, spread over networks %.3f (1: as if drawn by lot)\n",
		       text_exact(row_u64(sources, "distinct"), text),
		       (double)row_u64(sources, "entropy_permille") / 1000);
		label("repeated");
		printf("%.1f %% of the SYNs\n",
		       (double)row_u64(sources, "retransmitted_permille") / 10);
	}
	if (*fingerprint) {
		label("fingerprint");
		printf("%.1f %% are ", (double)row_u64(sources, "fingerprint_permille") / 10);
		screen_print(s, fingerprint, false);
		putchar('\n');
	}
	if (row_u64(sources, "ttl_permille")) {
		label("TTL");
		printf("%.1f %% have %llu\n", (double)row_u64(sources, "ttl_permille") / 10,
		       (unsigned long long)row_u64(sources, "ttl"));
	}
	print_prefixes(s, sources);
}

void view_attack_row(struct screen *s, const json_t *row)
{
	print_head(s, row);
	print_times(s, row);
	line(s, "target", row_str(row, "address"));
	line(s, "noticed by", row_str(row, "trigger_text"));
	line(s, "evidence", row_str(row, "evidence"));
	print_figures(row);
	print_sources(s, json_object_get(row, "sources"));
}
