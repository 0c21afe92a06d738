/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzz target: an arena that somebody has written into is handed over to the next process, and it goes on.
 *
 * It is either refused with a reason, and what can be read of it is buried, or everything that is kept
 * fits together. Then packets, time and commands come, and in the end nothing is left. Entries that were
 * torn in the middle of a turn, and nothing else, cost nothing at all.
 *
 * Input: one byte says what there is (scene[]), one how many changes follow, each of one byte that says what,
 * and its operands; then steps as in fuzz_guard.c. `make fuzz TARGET=arena` looks for more of them.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/adopt.h"
#include "core/arena.h"
#include "tests/core/arena_check.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/guard_play.h"

#define HEADER	  2
#define CHANGES	  16
#define SCENES	  (sizeof(scene) / sizeof(scene[0]))
#define CHUNK_END 4 /* chunks that are changed; stories need no more */

static struct guard_arena *arena(void)
{
	return play.arena;
}

/* ---- what there is: stories, each told once ---- */

/* say() - what is nice for the end @i of pair @k to say now; @operand: options of a SYN, or a length. */
static void say(unsigned k, unsigned i, uint8_t how, uint8_t operand)
{
	play.at = &operand;
	play.stop = &operand + 1;
	play_packet(0, k, i, how);
}

/* handshake() - that of pair @k with the guard, and then with its server. */
static void handshake(unsigned k, bool with_server)
{
	say(k, 0, 0, 7);
	say(k, 0, 0, 0);
	if (!with_server)
		return;
	say(k, 1, 0, 7);
	say(k, 1, 1, 20);
}

/* One that talks, one that waits for its server, one over, one closed by half. */
static void four_connections(void)
{
	handshake(0, true);
	say(0, 0, 1, 100);
	handshake(1, false);
	handshake(2, true);
	say(2, 0, 2, 0);
	say(2, 1, 2, 0);
	say(2, 0, 0, 0);
	handshake(3, true);
	say(3, 1, 3, 30);
}

/* data_waits() - in order, and behind a gap; nobody acknowledges. */
static void data_waits(void)
{
	static const uint8_t gap[] = {8, 40, 100};

	handshake(0, true);
	say(0, 1, 1, 200);
	say(0, 0, 1, 250);
	play.at = gap;
	play.stop = gap + sizeof(gap);
	play_packet(1, 0, 0, 1);
	handshake(1, false);
	say(1, 0, 1, 30); /* before its server has answered */
	handshake(2, true);
	say(2, 0, 3, 80); /* FIN behind data */
	say(3, 0, 0, 7);
}

static void half_opens(void)
{
	for (unsigned k = 0; k < PAIRS; k++)
		say(k, 0, 0, (uint8_t)k);
	say(0, 1, 0, 7);
	say(1, 1, 0, 7);
	say(1, 0, 0, 0);
	play_pass(USEC_PER_SEC / 2);
}

/* An attack: the server has answered, and nobody completes; one who comes then does. */
static void attacked(void)
{
	for (unsigned k = 0; k < PAIRS; k++) {
		say(k, 0, 0, 0);
		say(k, 1, 0, 7);
	}
	play_pass(3 * USEC_PER_SEC);
	must(arena()->service[0].detector.state != GUARD_CALM, "no attack");
	play.end[3][0].told_flags = 0;
	handshake(3, true);
}

static const struct scene {
	uint8_t options, limits; /* see play_begin() */
	void (*tell)(void);
} scene[] = {
	{3, 0, four_connections},	{3 | 4, 0, four_connections}, {3 | 4, 1, data_waits},
	{3 | 4, 16, data_waits},	{2, 0, half_opens},	      {2 | 16 | 32, 0, attacked},
	{2 | 4 | 16 | 32, 0, attacked}, {1, 0, four_connections},
};

/* How it was when the story had been told. */
static struct {
	struct play play;
	uint8_t *bytes;
} told[SCENES];

/* Two processes' memory. everywhere: something was written where a guard with one service does not. */
static struct memory {
	void *bytes;
	bool everywhere;
} first, second;

static uint8_t *pages(void)
{
	void *p = mmap(NULL, ARENA_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	must(p != MAP_FAILED, "no memory");
	return p;
}

static void tell_story(unsigned n)
{
	const uint8_t options[] = {scene[n].options, scene[n].limits};

	play.at = options;
	play.stop = options + 2;
	play_begin();
	scene[n].tell();
	must(arena_check(arena()) == NULL, "a story that does not fit together");
	told[n].bytes = pages();
	must(!first.bytes || first.bytes == play.arena, "it has moved");
	memcpy(told[n].bytes, play.arena, play.arena_bytes);
	told[n].play = play;
}

/* begin() - as after the story @n; the arena of the last input is written over. */
static void begin(unsigned n)
{
	static int last = -1;
	struct play_range range[PLAY_RANGES];

	play.arena = first.bytes;
	if (!told[n].bytes)
		tell_story(n);
	play = told[n].play;
	first.bytes = play.arena;
	if (first.everywhere || last != (int)n) {
		memcpy(play.arena, told[n].bytes, play.arena_bytes);
	} else {
		play_written(range);
		for (unsigned i = 0; i < PLAY_RANGES; i++)
			memcpy((uint8_t *)play.arena + range[i].at, told[n].bytes + range[i].at,
			       range[i].bytes);
	}
	first.everywhere = false;
	last = (int)n;
}

/* ---- what somebody has changed ---- */

/* How the next process comes to it. */
static struct {
	size_t bytes;
	struct guard_limits limits;
	uint32_t index, workers;
	bool only_torn; /* no change but those that can be taken back */
} next_one;

static uint16_t next16(void)
{
	uint16_t high = next();

	return (uint16_t)(high << 8 | next());
}

static struct play_range part(uint64_t at, uint64_t bytes)
{
	return (struct play_range){at, bytes};
}

/* region() - where changes are worth while: everything else is looked at by nobody, or by everybody. */
static struct play_range region(uint8_t which)
{
	struct arena_layout layout, *at = &layout; /* what is in the arena may have been changed */

	memset(&layout, 0, sizeof(layout));
	arena_layout(&layout, &play.limits);
	switch (which % 14) {
	case 0:
		return part(0, sizeof(struct arena_head));
	case 1:
		return part(sizeof(struct arena_head),
			    offsetof(struct guard_arena, terminals) - sizeof(struct arena_head));
	case 2:
		return part(offsetof(struct guard_arena, terminals.free), 128);
	case 3:
		return part(offsetof(struct guard_arena, drops),
			    offsetof(struct guard_arena, service) -
				    offsetof(struct guard_arena, drops));
	case 4:
		return part(offsetof(struct guard_arena, service[0]), sizeof(struct service));
	case 5:
		return part(at->flows, 8 * sizeof(struct flow));
	case 6:
		return part(at->half_opens, 8 * sizeof(struct half_open));
	case 7:
		return part(at->terminals, 2 * sizeof(struct terminal));
	case 8:
		return part(at->chunks + next() % CHUNK_END * sizeof(union tcp_chunk), 80);
	case 9:
		return part(offsetof(struct guard_arena, journal), 256);
	case 10:
		return part(at->reactions, sizeof(struct reactions));
	case 11:
		return part(at->sources, sizeof(struct sources));
	case 12:
		return part(at->links, CHUNK_END * sizeof(struct tcp_link));
	default:
		first.everywhere = true;
		return part(0, at->size);
	}
}

/* place() - some bytes of a region, @n of them. */
static uint8_t *place(uint32_t n)
{
	struct play_range r = region(next());
	uint64_t where = next16();

	if (r.bytes > 65536)
		where *= r.bytes / 65536;
	where %= r.bytes;
	if (n > play.arena_bytes - r.at - where)
		where = play.arena_bytes - r.at - n;
	return (uint8_t *)play.arena + r.at + where;
}

static void overwrite(uint8_t how)
{
	static const uint32_t words[] = {0,	      1,	   UINT32_MAX, 0x80000000u,
					 0xfffffffeu, 0x7fffffffu, 0xffffffu,  2};
	uint32_t len = how & 1 ? 1 + next() % 64u : 4, w = words[how >> 1 & 7];
	uint8_t *to = place(len);

	if (how & 1)
		memset(to, next(), len);
	else
		memcpy(to, &w, sizeof(w));
}

static void from_input(void)
{
	uint32_t len = 1 + next() % 32u;
	uint8_t *to = place(len);

	for (uint32_t i = 0; i < len; i++)
		to[i] = next();
}

static void copy(void)
{
	uint32_t len = 1 + next() % 128u;
	uint8_t *to = place(len);

	memmove(to, place(len), len);
}

/* otherwise() - the next process is not the one this was meant for, or gets less of it. */
static void otherwise(uint8_t how)
{
	switch (how & 7) {
	case 0:
		next_one.bytes = (size_t)next16() << 8;
		break;
	case 1:
		next_one.bytes -= 1 + next() % 8u;
		break;
	case 2:
		next_one.limits.max_flows += next() + 1u;
		break;
	case 3:
		next_one.limits.chunks += next() + 1u;
		break;
	case 4:
		next_one.index++;
		break;
	case 5:
		next_one.workers = 2 + next();
		break;
	case 6:
		arena()->head.version++;
		break;
	default:
		arena()->head.layout ^= 1ull << (next() & 63);
		break;
	}
	if (next_one.bytes > play.arena_bytes)
		next_one.bytes = play.arena_bytes;
}

static void scribble(void *p, uint32_t bytes)
{
	uint8_t with = next(), from = next(), n = next();

	for (uint32_t i = from % bytes; i < bytes && n > 0; i++, n--)
		((uint8_t *)p)[i] ^= with;
}

/* tear() - a turn has kept an entry and changed some of it when its process was killed. */
static void tear(uint8_t how)
{
	struct guard_arena *a = arena();
	uint32_t i = next();

	if (how & 1) {
		struct half_open *h;

		i %= a->half_open_fresh + 1u;
		h = half_open_at(a, i);
		if (i == a->half_open_fresh || h->client_port == 0)
			return;
		arena_keep(a, h, sizeof(*h));
		scribble(h, sizeof(*h));
		return;
	}
	i %= a->flow_fresh + 1u;
	if (!flow_is_used(a, i))
		return;
	flow_keep(a, i);
	if (flow_is_terminated(flow_at(a, i)) && flow_at(a, i)->terminal < a->terminals.fresh) {
		terminal_keep(a, flow_at(a, i));
		scribble(terminal_of(a, flow_at(a, i)), sizeof(struct terminal));
	}
	scribble(flow_at(a, i), sizeof(struct flow));
}

static void change(void)
{
	uint8_t op = next();

	next_one.only_torn = next_one.only_torn && (op & 7) >= 6;
	switch (op & 7) {
	case 0:
	case 1:
		*place(1) ^= (uint8_t)(1u << (op >> 3 & 7));
		break;
	case 2:
		overwrite(op >> 3);
		break;
	case 3:
		from_input();
		break;
	case 4:
		copy();
		break;
	case 5:
		otherwise(op >> 3);
		break;
	default:
		if (next_one.only_torn) /* who tears goes by what is in the arena */
			tear(op >> 3);
		break;
	}
}

/* ---- the next process ---- */

/* refused() - it begins anew, and ends what it can find. */
static void refused(enum arena_fault why)
{
	must(arena_fault_text(why)[0] != '\0', "no reason");
	if (!second.bytes)
		second.bytes = pages();
	play.arena = second.bytes;
	play.damaged = second.everywhere;
	play_restart();
	guard_bury(&play.guard, play.now, first.bytes, next_one.bytes);
	play_empty();
	must(arena_check(arena()) == NULL, "what was buried does not fit together");
}

static void take_over(void)
{
	uint32_t flows = arena()->flow_used, half_opens_before = arena()->half_open_used;
	const char *wrong;
	struct guard_adoption done;
	struct guard g;
	enum arena_fault fault = guard_adopt(&g, play.arena, next_one.bytes, &next_one.limits,
					     &play.config[play.in_force], next_one.index,
					     next_one.workers, play.now, &done);

	must(fault < ARENA_FAULT_COUNT, "no fault that is known");
	must(fault != ARENA_NONE || (next_one.bytes == play.arena_bytes &&
				     !memcmp(&next_one.limits, &play.limits, sizeof(play.limits))),
	     "what is another's is taken");
	if (next_one.only_torn) {
		must(fault == ARENA_NONE, "a torn arena is refused");
		must(done.lost == 0 && done.flows == flows && done.half_opens == half_opens_before,
		     "a torn entry is lost");
	}
	if (fault != ARENA_NONE) {
		refused(fault);
		return;
	}
	play.guard = g;
	guard_is_settled(&play.guard);
	guard_is_healthy(&play.guard);
	play_empty();
	wrong = arena_check(arena());
	must(!wrong, wrong ? wrong : "");
}

static void end(void)
{
	const char *wrong = arena_check(arena());

	must(!wrong, wrong ? wrong : "");
	play_silence();
	wrong = arena_check(arena());
	must(!wrong, wrong ? wrong : "");
	must(arena()->flow_used == 0 && arena()->half_open_used == 0, "what nobody uses is kept");
	must(arena()->terminals.used == 0, "a terminal is left over");
	(play.arena == first.bytes ? &first : &second)->everywhere |= arena()->n_services > 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned changes;

	if (size < HEADER)
		return 0;
	begin(data[0] % SCENES);
	play.at = data + HEADER;
	play.stop = data + size;
	changes = data[1] % CHANGES;
	next_one.bytes = play.arena_bytes;
	next_one.limits = play.limits;
	next_one.index = 0;
	next_one.workers = 1;
	next_one.only_torn = true;
	for (unsigned i = 0; i < changes; i++)
		change();
	play.damaged = !next_one.only_torn;
	take_over();
	while (play.at < play.stop)
		play_step(next());
	end();
	return 0;
}
