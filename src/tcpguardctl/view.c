/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tcpguardctl/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tcpguardctl/text.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

const char *row_str(const json_t *row, const char *key)
{
	const char *s = json_string_value(json_object_get(row, key));

	return s ? s : "";
}

uint64_t row_u64(const json_t *row, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(row, key));
}

void screen_print(const struct screen *s, const char *text, bool bold)
{
	size_t size = strlen(text) + 1;
	char *clean = malloc(size);

	if (!clean)
		return;
	text_clean(clean, size, text);
	if (bold && s->colour)
		printf("\033[1m%s\033[0m", clean);
	else
		fputs(clean, stdout);
	free(clean);
}

static void cell_str(struct screen *s, const json_t *row, const char *key)
{
	const char *text = row_str(row, key);

	table_cell(&s->table, *text ? text : "-", false);
}

/* cell_state() - bold unless it is what it should be. */
static void cell_state(struct screen *s, const json_t *row, const char *key, const char *good)
{
	const char *text = row_str(row, key);

	table_cell(&s->table, text, strcmp(text, good) != 0);
}

static void cell_exact(struct screen *s, const json_t *row, const char *key)
{
	char buf[TEXT_NUMBER_MAX];

	table_cell(&s->table, text_exact(row_u64(row, key), buf), false);
}

static void cell_count(struct screen *s, const json_t *row, const char *key)
{
	char buf[TEXT_NUMBER_MAX];

	table_cell(&s->table, text_count(row_u64(row, key), buf), false);
}

static void cell_duration(struct screen *s, const json_t *row, const char *key)
{
	char buf[TEXT_NUMBER_MAX];

	table_cell(&s->table, text_duration(row_u64(row, key), buf), false);
}

static void cell_bool(struct screen *s, const json_t *row, const char *key)
{
	table_cell(&s->table, json_is_true(json_object_get(row, key)) ? "yes" : "no", false);
}

static const char *const services_titles[] = {"SERVICE", "MODE",   "ENGINE", "STATE",
					      ">SINCE",	 ">FROM",  ">BELOW", ">HALF-OPEN",
					      ">FLOWS",	 "LISTEN", NULL};

/* cell_list() - an array of strings in one cell. */
static void cell_list(struct screen *s, const json_t *list)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	for (size_t i = 0; f && i < json_array_size(list); i++) {
		const char *one = json_string_value(json_array_get(list, i));

		fprintf(f, "%s%s", i ? " " : "", one ? one : "");
	}
	if (f)
		fclose(f);
	table_cell(&s->table, text ? text : "", false);
	free(text);
}

static void services_row(struct screen *s, const json_t *row)
{
	cell_str(s, row, "service");
	cell_str(s, row, "mode");
	cell_str(s, row, "engine");
	cell_state(s, row, "state", "calm");
	cell_duration(s, row, "state_ms");
	cell_exact(s, row, "attack_start");
	cell_exact(s, row, "attack_end");
	cell_exact(s, row, "half_open");
	cell_exact(s, row, "flows");
	cell_list(s, json_object_get(row, "listen"));
}

static const char *const backends_titles[] = {"SERVICE", "SERVER", "STATE",	 ">MSS",
					      ">WSCALE", "SACK",   "TIMESTAMPS", "ECN",
					      ">WINDOW", ">TTL",   ">AGE",	 NULL};

#define BACKENDS_OPTIONS 7 /* columns from MSS to TTL */

static void backends_row(struct screen *s, const json_t *row)
{
	cell_str(s, row, "service");
	cell_str(s, row, "server");
	cell_state(s, row, "state", "up");
	if (!json_is_true(json_object_get(row, "learned"))) {
		for (int i = 0; i < BACKENDS_OPTIONS; i++)
			table_cell(&s->table, i == 0 ? "unknown" : "-", false);
		cell_duration(s, row, "age_ms");
		return;
	}
	cell_exact(s, row, "mss");
	if (json_is_integer(json_object_get(row, "wscale")))
		cell_exact(s, row, "wscale");
	else
		table_cell(&s->table, "none", false);
	cell_bool(s, row, "sack");
	cell_bool(s, row, "timestamps");
	cell_bool(s, row, "ecn");
	cell_exact(s, row, "window");
	cell_exact(s, row, "ttl");
	cell_duration(s, row, "age_ms");
}

static const char *const conns_titles[] = {
	"ID",	"PROTO", "CLIENT", "SERVER", "CLIENT-STATE", "SERVER-STATE", "ENGINE",	"SERVICE",
	">AGE", ">IDLE", "TIMER",  ">IN",    ">OUT",	     ">RECV-Q",	     ">SEND-Q", NULL};

/* cell_timer() - what it is for, and how long until it fires. */
static void cell_timer(struct screen *s, const json_t *row)
{
	const char *timer = row_str(row, "timer");
	char text[80], left[TEXT_NUMBER_MAX];

	snprintf(text, sizeof(text), "%.40s %s", timer,
		 text_duration(row_u64(row, "timer_ms"), left));
	table_cell(&s->table, *timer ? text : "-", false);
}

static void conns_row(struct screen *s, const json_t *row)
{
	cell_str(s, row, "id");
	cell_str(s, row, "proto");
	cell_str(s, row, "client");
	cell_str(s, row, "server");
	cell_str(s, row, "client_state");
	cell_str(s, row, "server_state");
	cell_str(s, row, "engine");
	cell_str(s, row, "service");
	cell_duration(s, row, "age_ms");
	cell_duration(s, row, "idle_ms");
	cell_timer(s, row);
	cell_count(s, row, "bytes_in");
	cell_count(s, row, "bytes_out");
	cell_exact(s, row, "recv_q");
	cell_exact(s, row, "send_q");
}

static const char *const ends_titles[] = {
	"ID",	"TOWARD", "STATE",     ">RECV-Q", ">SEND-Q", "LOCAL",	 "PEER",    "TIMER", ">RTO",
	">RTT", ">CWND",  ">SSTHRESH", ">FLIGHT", ">MSS",    ">RETRANS", "OPTIONS", NULL};

static void append(char *text, size_t size, const json_t *row, const char *key)
{
	size_t used = strlen(text);

	if (json_is_true(json_object_get(row, key)))
		snprintf(text + used, size - used, "%s%s", used ? "," : "", key);
}

/* ends_row() - what `ss -ti` would say of it. */
static void ends_row(struct screen *s, const json_t *row)
{
	char text[80];

	cell_str(s, row, "id");
	cell_str(s, row, "toward");
	cell_str(s, row, "state");
	cell_exact(s, row, "recv_q");
	cell_exact(s, row, "send_q");
	cell_str(s, row, "local");
	cell_str(s, row, "peer");
	cell_timer(s, row);
	cell_duration(s, row, "rto_ms");
	snprintf(text, sizeof(text), "%.3f/%.3f ms", (double)row_u64(row, "srtt_us") / 1e3,
		 (double)row_u64(row, "rttvar_us") / 1e3);
	table_cell(&s->table, row_u64(row, "srtt_us") ? text : "-", false);
	cell_exact(s, row, "cwnd");
	cell_exact(s, row, "ssthresh");
	cell_exact(s, row, "in_flight");
	cell_exact(s, row, "mss");
	cell_exact(s, row, "retransmits");
	text[0] = '\0';
	append(text, sizeof(text), row, "timestamps");
	append(text, sizeof(text), row, "sack");
	append(text, sizeof(text), row, "ecn");
	append(text, sizeof(text), row, "wscale");
	table_cell(&s->table, text[0] ? text : "-", false);
}

static void netstat_row(struct screen *s, const json_t *row)
{
	char line[512], clean[512];
	int len =
		text_netstat(line, sizeof(line), row_str(row, "proto"),
			     (int64_t)row_u64(row, "recv_q"), (int64_t)row_u64(row, "send_q"),
			     row_str(row, "local"), row_str(row, "foreign"), row_str(row, "state"));

	if (len > 0 && len < (int)sizeof(line))
		line[len - 1] = '\0'; /* the line feed would be cleaned away */
	puts(text_clean(clean, sizeof(clean), line));
}

static const char *const drops_titles[] = {">COUNT", "REASON", "WHAT", NULL};

static void drops_row(struct screen *s, const json_t *row)
{
	if (row_u64(row, "count") == 0)
		return;
	cell_exact(s, row, "count");
	cell_str(s, row, "reason");
	cell_str(s, row, "text");
}

static void config_row(struct screen *s, const json_t *row)
{
	const char *line = row_str(row, "line");

	for (; *line == '\t'; line++)
		putchar('\t');
	screen_print(s, line, false);
	screen_print(s, row_str(row, "problem"), false);
	if (json_object_get(row, "config")) {
		screen_print(s, row_str(row, "config"), false);
		fputs(": ", stdout);
		screen_print(s, row_str(row, "result"), false);
	}
	putchar('\n');
}

static const char *const rules_titles[] = {"ACTION", "PREFIX",	 "SERVICE", "FROM", "ACTIVE",
					   ">LEFT",  ">PACKETS", ">KERNEL", NULL};

static void rules_row(struct screen *s, const json_t *row)
{
	table_cell(&s->table, row_str(row, "action"), strcmp(row_str(row, "action"), "deny") == 0);
	cell_str(s, row, "prefix");
	table_cell(&s->table,
		   json_is_string(json_object_get(row, "service")) ? row_str(row, "service")
								   : "all",
		   false);
	cell_str(s, row, "from");
	cell_bool(s, row, "active");
	if (json_is_integer(json_object_get(row, "left_ms")))
		cell_duration(s, row, "left_ms");
	else
		table_cell(&s->table, "-", false);
	cell_exact(s, row, "packets");
	if (json_is_integer(json_object_get(row, "packets_kernel")))
		cell_exact(s, row, "packets_kernel");
	else
		table_cell(&s->table, "-", false);
}

/* warning_row() - what was asked for is done, but. */
static void warning_row(struct screen *s, const json_t *row)
{
	fputs("warning: ", stdout);
	screen_print(s, row_str(row, "warning"), false);
	putchar('\n');
}

static const char *const help_titles[] = {"COMMAND", "ARGUMENTS", "WHAT", NULL};

static void help_row(struct screen *s, const json_t *row)
{
	table_cell(&s->table, row_str(row, "command"), false);
	table_cell(&s->table, row_str(row, "arguments"), false);
	table_cell(&s->table, row_str(row, "what"), false);
}

static void version_row(struct screen *s, const json_t *row)
{
	fputs("tcpguardd ", stdout);
	screen_print(s, row_str(row, "version"), false);
	putchar('\n');
}

#define FILTERS	    "[FILTER...]"
#define FILTERS_MAX 62

static void upgrade_row(struct screen *s, const json_t *row)
{
	screen_print(s, row_str(row, "successor"), false);
	puts(" takes over");
}

static const struct view attack_in_full = {.command = "attacks", .row = view_attack_row};

static const struct view views[] = {
	{"status", "", "the daemon, its workers and its tables", 0, 0, .row = view_status_row},
	{"stats", "[SERVICE]", "counters of each service", 0, 1, .row = view_stats_row},
	{"services", "[SERVICE]", "services with their listens, mode and state", 0, 1,
	 .titles = services_titles, .row = services_row},
	{"backends", "", "what is known of each server", 0, 0, .titles = backends_titles,
	 .row = backends_row},
	{"conns", FILTERS, "connections, both halves of each", 0, FILTERS_MAX,
	 .titles = conns_titles, .row = conns_row},
	{"ends", FILTERS, "both ends of terminated connections, as `ss -ti`", 0, FILTERS_MAX,
	 .titles = ends_titles, .row = ends_row},
	{"netstat", FILTERS, "connections in the columns of `netstat -nat`", 0, FILTERS_MAX,
	 .header = NETSTAT_HEADER, .row = netstat_row},
	{"attacks", "[SERVICE|NUMBER] [--last N]", "current and past attacks, or one in full", 0, 4,
	 .titles = view_attacks_titles, .row = view_attacks_row, .one = &attack_in_full},
	{"events", "[--follow] [N]", "the last N events (100), and those to come", 0, 2,
	 .row = view_event_row},
	{"top", "[--interval TIME]", "live screen of services, rates, attacks and events", 0, 2,
	 .live = true},
	{"drops", "", "packets that were not let through, by reason", 0, 0, .titles = drops_titles,
	 .row = drops_row},
	{"config", "show|check|reload", "configuration in force; check or load the file", 1, 1,
	 .row = config_row},
	{"mode", "SERVICE MODE", "off, monitor, adaptive or always, until the next reload", 2, 2,
	 .row = NULL},
	{"set", "KEY VALUE", "change an option until the next reload", 2, 2, .row = NULL},
	{"rules", "", "allowed and denied clients, and the packets each rule has met", 0, 0,
	 .titles = rules_titles, .row = rules_row},
	{"deny", "PREFIX [for TIME] [service NAME]", "drop every packet of these clients", 1, 5,
	 .row = warning_row},
	{"undeny", "PREFIX [service NAME]", "end a denial", 1, 3, .row = warning_row},
	{"allow", "PREFIX [for TIME] [service NAME]", "let these clients pass, whatever happens", 1,
	 5, .row = warning_row},
	{"unallow", "PREFIX [service NAME]", "end an allowance", 1, 3, .row = warning_row},
	{"kill", "FLOW", "reset a connection by the id that conns shows", 1, 1, .row = NULL},
	{"log", "LEVEL", "err, warning, notice, info or debug", 1, 1, .row = NULL},
	{"upgrade", "", "become the program that is installed now; no connection is lost", 0, 0,
	 .row = upgrade_row},
	{"doctor", "[--config FILE]", "what is wrong around the guard, and how to mend it", 0, 2,
	 .local = true},
	{"help", "", "what the daemon understands", 0, 0, .titles = help_titles, .row = help_row},
	{"version", "", "version of the daemon", 0, 0, .row = version_row},
};

const struct view *view_at(int i)
{
	return i < (int)ARRAY_SIZE(views) ? &views[i] : NULL;
}

const struct view *view_find(const char *command)
{
	for (size_t i = 0; i < ARRAY_SIZE(views); i++)
		if (strcmp(views[i].command, command) == 0)
			return &views[i];
	return NULL;
}

const struct view *view_choose(const struct view *v, int n, char *const words[])
{
	bool number = n == 1 && *words[0] && strspn(words[0], "0123456789") == strlen(words[0]);

	return number && v->one ? v->one : v;
}

int view_begin(const struct view *v, struct screen *s)
{
	s->rows = 0;
	return v->titles ? table_init(&s->table, v->titles, s->colour) : 0;
}

void view_row(const struct view *v, struct screen *s, const json_t *row)
{
	if (s->rows++ == 0 && v->header)
		fputs(v->header, stdout);
	if (v->row)
		v->row(s, row);
}

void view_end(const struct view *v, struct screen *s, bool complete)
{
	if (v->titles)
		table_end(&s->table, complete);
	if (v->header && s->rows == 0 && complete)
		fputs(v->header, stdout);
}
