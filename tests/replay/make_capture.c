/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * make_capture FILE [KEY=VALUE]... - write a capture of clients and a flood; prints what is in it.
 * Keys: format, link, snap, seed, v6, ms, clients, rtt_us, flood, from_ms, to_ms, flags, answered,
 * one_way, return_only.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "story.h"

static void die(const char *what)
{
	fprintf(stderr, "make_capture: what is %s?\n", what);
	exit(2);
}

static uint32_t index_of(const char *name, const char *const *names, uint32_t n, const char *arg)
{
	for (uint32_t i = 0; i < n; i++) {
		if (strcmp(names[i], name) == 0)
			return i;
	}
	die(arg);
	return 0;
}

static bool set_number(struct story *s, struct writer *w, const char *key, uint64_t v)
{
#define KEY(name, field)              \
	if (strcmp(key, name) == 0) { \
		field;                \
		return true;          \
	}
	KEY("snap", w->snap = (uint32_t)v)
	KEY("seed", s->seed = v)
	KEY("v6", s->v6 = v)
	KEY("ms", s->length = v * USEC_PER_MSEC)
	KEY("clients", s->clients = (uint32_t)v)
	KEY("rtt_us", s->rtt = v)
	KEY("flood", s->flood = (uint32_t)v)
	KEY("from_ms", s->flood_from = v * USEC_PER_MSEC)
	KEY("to_ms", s->flood_to = v * USEC_PER_MSEC)
	KEY("flags", s->flood_flags = (uint16_t)v)
	KEY("answered", s->answered = v)
	KEY("one_way", s->one_way = v)
	KEY("return_only", s->return_only = v)
#undef KEY
	return false;
}

static void set(struct story *s, struct writer *w, char *arg)
{
	char *value = strchr(arg, '='), *end;
	uint64_t v;

	if (!value)
		die(arg);
	*value++ = '\0';
	if (strcmp(arg, "format") == 0) {
		w->format = index_of(value, writer_formats, WRITER_FORMAT_COUNT, value);
		return;
	}
	if (strcmp(arg, "link") == 0) {
		w->link = index_of(value, writer_links, WRITER_LINK_COUNT + 1, value);
		return;
	}
	v = strtoull(value, &end, 0);
	if (*end || !*value || !set_number(s, w, arg, v))
		die(arg);
}

int main(int argc, char **argv)
{
	struct story_facts facts;
	struct writer w = {0};
	struct story s;

	if (argc < 2)
		die("the file");
	story_defaults(&s);
	for (int i = 2; i < argc; i++)
		set(&s, &w, argv[i]);
	writer_begin(&w);
	story_write(&s, &w, &facts);
	writer_save(&w, argv[1]);
	printf("{\"frames\":%" PRIu64 ",\"clients\":%" PRIu64 ",\"flood\":%" PRIu64
	       ",\"first_flood_us\":%" PRIu64 "}\n",
	       facts.frames, facts.clients, facts.flood, facts.first_flood);
	writer_free(&w);
	return 0;
}
