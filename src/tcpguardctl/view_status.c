/* SPDX-License-Identifier: GPL-2.0-or-later */
/* status, and stats as one block of lines a service. */
#include <stdio.h>
#include <string.h>

#include "tcpguardctl/text.h"
#include "tcpguardctl/view.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static void label(const char *text)
{
	printf("%-15s ", text);
}

/* print_line() - a figure, exactly and for the eye, and what it is. */
static void print_line(const char *key, uint64_t value, const char *text)
{
	char exact[TEXT_NUMBER_MAX], human[TEXT_NUMBER_MAX] = "";

	if (strncmp(key, "bytes_", 6) == 0)
		text_bytes(value, human);
	else if (value >= 10000)
		text_count(value, human);
	printf("  %-20s %20s %8s  %s\n", key, text_exact(value, exact), human, text);
}

/* used_of() - "12 of 1,000 (1 %)". */
static void used_of(const json_t *row, const char *name, const char *used, const char *max)
{
	uint64_t u = row_u64(row, used), m = row_u64(row, max);
	char a[TEXT_NUMBER_MAX], b[TEXT_NUMBER_MAX];

	label(name);
	printf("%s of %s", text_exact(u, a), text_exact(m, b));
	if (m)
		printf(" (%.1f %%)", 100.0 * (double)u / (double)m);
	putchar('\n');
}

static void print_attacked(struct screen *s, const json_t *row)
{
	const json_t *attacked = json_object_get(row, "attacked");
	char n[TEXT_NUMBER_MAX];

	label("services");
	printf("%s, ", text_exact(row_u64(row, "services"), n));
	if (json_array_size(attacked) == 0)
		fputs("none under attack", stdout);
	else
		screen_print(s, "under attack:", true);
	for (size_t i = 0; i < json_array_size(attacked); i++) {
		const char *name = json_string_value(json_array_get(attacked, i));

		putchar(' ');
		screen_print(s, name ? name : "", true);
	}
	putchar('\n');
}

static void print_workers(struct screen *s, const json_t *workers)
{
	static const char *const titles[] = {
		">WORKER",	 ">QUEUE",    ">PACKETS", ">OVERRUNS", ">KERNEL-DROPPED",
		">USER-DROPPED", ">INJECTED", ">ERRORS",  ">CPU",      NULL};
	static const char *const keys[] = {"worker",   "queue",		 "packets",
					   "overruns", "kernel_dropped", "user_dropped",
					   "injected", "inject_errors"};
	struct table t;
	char buf[TEXT_NUMBER_MAX];

	if (table_init(&t, titles, s->colour))
		return;
	for (size_t i = 0; i < json_array_size(workers); i++) {
		const json_t *w = json_array_get(workers, i);

		for (size_t k = 0; k < ARRAY_SIZE(keys); k++)
			table_cell(&t, text_exact(row_u64(w, keys[k]), buf), false);
		table_cell(&t, text_duration(row_u64(w, "cpu_ms"), buf), false);
	}
	table_end(&t, true);
}

/* print_datapath() - all that the workers count, added up. */
static void print_datapath(const json_t *workers)
{
	static const struct {
		const char *key, *text;
	} counters[] = {
#define WORKER_COUNTER(name, text) {#name, text},
#include "ctl/worker.def"
#undef WORKER_COUNTER
	};

	puts("\nall workers:");
	for (size_t k = 0; k < ARRAY_SIZE(counters); k++) {
		uint64_t sum = 0;

		for (size_t i = 0; i < json_array_size(workers); i++)
			sum += row_u64(json_array_get(workers, i), counters[k].key);
		print_line(counters[k].key, sum, counters[k].text);
	}
}

/* print_firewall() - an older daemon does not tell of its rules. */
static void print_firewall(struct screen *s, const json_t *row)
{
	const char *missing = json_string_value(json_object_get(row, "rules_missing"));
	uint64_t repaired = row_u64(row, "rules_repaired");
	char n[TEXT_NUMBER_MAX];

	screen_print(s, row_str(row, "firewall"), false);
	if (repaired > 0)
		printf(", rules put back %s time%s", text_exact(repaired, n),
		       repaired == 1 ? "" : "s");
	putchar('\n');
	if (missing && *missing) {
		label("");
		screen_print(s, "the rules are not in force: ", true);
		screen_print(s, missing, true);
		putchar('\n');
	}
}

void view_status_row(struct screen *s, const json_t *row)
{
	char a[TEXT_NUMBER_MAX], b[TEXT_NUMBER_MAX], c[TEXT_NUMBER_MAX];

	label("tcpguardd");
	screen_print(s, row_str(row, "version"), false);
	printf(", up %s\n", text_duration(row_u64(row, "uptime_ms"), a));
	label("configuration");
	screen_print(s, row_str(row, "config"), false);
	putchar('\n');
	label("firewall");
	print_firewall(s, row);
	print_attacked(s, row);
	used_of(row, "flows", "flows", "flows_max");
	used_of(row, "terminated", "terminated", "terminated_max");
	used_of(row, "half-open", "half_open", "half_open_max");
	label("memory");
	printf("%s resident, %s reserved", text_bytes(row_u64(row, "resident_bytes"), a),
	       text_bytes(row_u64(row, "arena_bytes"), b));
	printf("; %s a flow, %s a half-open\n", text_bytes(row_u64(row, "flow_entry_bytes"), b),
	       text_bytes(row_u64(row, "half_open_entry_bytes"), c));
	label("unguarded");
	printf("%s packets of no service\n", text_exact(row_u64(row, "unguarded"), a));
	label("forged");
	printf("%s packets in a server's name dropped, from where it is not\n\n",
	       text_exact(row_u64(row, "forged"), a));
	print_workers(s, json_object_get(row, "workers"));
	print_datapath(json_object_get(row, "workers"));
}

/* What `stats` has besides the counters of core/counters.def. */
static const struct line {
	const char *key, *text;
} gauges[] =
	{
		{"half_open", "connections half open now, seen passing"},
		{"half_open_peak", "most of them at once, cookies in flight included"},
		{"cookies_in_flight", "cookies sent that may still come back"},
		{"syn_rate", "SYNs of the last full second"},
		{"baseline", "handshakes begun in a usual second"},
		{"deficit", "handshakes open beyond what is usual"},
		{"attack_start", "half-opens at which an attack is assumed"},
		{"attack_end", "half-opens below which it may be over"},
		{"flows", "connections now"},
		{"spliced_now", "of them translated and not yet closed"},
		{"terminated_now", "of them terminated and not yet closed"},
		{"time_wait", "of them in TIME-WAIT"},
},
  counters[] = {
#define COUNTER(name, text) {#name, text},
#include "core/counters.def"
#undef COUNTER
};

static void print_lines(const json_t *row, const struct line *lines, size_t n)
{
	for (size_t i = 0; i < n; i++)
		print_line(lines[i].key, row_u64(row, lines[i].key), lines[i].text);
}

void view_stats_row(struct screen *s, const json_t *row)
{
	const char *state = row_str(row, "state");
	char since[TEXT_NUMBER_MAX];

	if (s->rows > 1)
		putchar('\n');
	screen_print(s, row_str(row, "service"), true);
	fputs(": ", stdout);
	screen_print(s, row_str(row, "mode"), false);
	fputs(", ", stdout);
	screen_print(s, row_str(row, "engine"), false);
	fputs(", ", stdout);
	screen_print(s, state, strcmp(state, "calm") != 0);
	printf(" for %s\n", text_duration(row_u64(row, "state_ms"), since));
	print_lines(row, gauges, ARRAY_SIZE(gauges));
	print_lines(row, counters, ARRAY_SIZE(counters));
}
