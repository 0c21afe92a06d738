/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/prints.h"

#include "core/arena.h"

/* close_window() - Return: has another fingerprint got the majority? */
static bool close_window(struct print_vote *v, uint32_t candidate_hash)
{
	uint32_t before = v->flood;

	if (v->seen >= PRINTS_MIN)
		v->flood = v->matched > v->seen / 2 ? candidate_hash : 0;
	v->seen = v->matched = 0;
	v->score = v->score > 1 ? v->score / 2
				: v->score; /* a new flood need not outvote an old one */
	return v->flood && v->flood != before;
}

bool print_vote(struct print_vote *v, const struct syn_fingerprint *f, uint32_t hash, usec_t now)
{
	bool like = v->score > 0 && syn_fingerprint_eq(&v->candidate, f), turned = false;

	if (v->score == 0) {
		v->candidate = *f;
		v->matched = 0;
		like = true;
	}
	v->score = like ? v->score + 1 : v->score - 1;
	v->seen++;
	v->matched += like;
	if (like && now >= v->window_ends) { /* @hash is the candidate's only then */
		turned = close_window(v, hash);
		v->window_ends = now + PRINTS_WINDOW;
	}
	return turned;
}

static struct print_pending *pending_of(struct prints *p, uint64_t connection)
{
	return &p->pending[connection % PRINTS_PENDING];
}

void prints_pending(struct prints *p, uint64_t connection, uint32_t print)
{
	*pending_of(p, connection) = (struct print_pending){(uint32_t)(connection >> 32), print};
}

void prints_completed(struct prints *p, uint64_t connection, uint32_t flood, uint32_t tick)
{
	const struct print_pending *from = pending_of(p, connection);
	struct print_known *oldest = &p->known[0];

	if (from->tag != (uint32_t)(connection >> 32) || from->print == 0)
		return;
	for (uint32_t i = 0; i < PRINTS_KNOWN; i++) {
		struct print_known *k = &p->known[i];

		if (k->print == from->print || k->print == 0) {
			oldest = k;
			break;
		}
		if (tick - k->tick > tick - oldest->tick)
			oldest = k;
	}
	if (oldest->print && oldest->print != from->print) {
		if (tick - p->evicted < ticks_in(USEC_PER_SEC) && from->print != flood)
			return;
		p->evicted = tick;
	}
	*oldest = (struct print_known){from->print, tick};
}

bool prints_known(const struct prints *p, uint32_t print)
{
	for (uint32_t i = 0; i < PRINTS_KNOWN && p->known[i].print; i++) {
		if (p->known[i].print == print)
			return true;
	}
	return false;
}
