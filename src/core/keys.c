/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/keys.h"

#include <stdatomic.h>

static void derive(struct key_ring *r, uint64_t epoch)
{
	struct siphash_key *k = &r->key[epoch & 1];

	k->k0 = siphash_2words(&r->master, epoch, 0);
	k->k1 = siphash_2words(&r->master, epoch, 1);
}

void key_ring_init(struct key_ring *r, const struct siphash_key *master, usec_t rotate, usec_t now)
{
	r->master = *master;
	r->rotate = rotate;
	r->epoch = now / rotate + 1;
	r->epoch_ends = r->epoch * rotate;
	derive(r, r->epoch);
	derive(r, r->epoch - 1);
	r->in_flight[0] = r->in_flight[1] = 0;
}

void key_ring_set_rotate(struct key_ring *r, usec_t rotate, usec_t now)
{
	if (rotate == r->rotate)
		return;
	/* Epochs are counted on, so that both live keys keep their parity and their cookies. */
	r->rotate = rotate;
	r->epoch_ends = now + rotate;
}

void key_ring_advance(struct key_ring *r, usec_t now)
{
	if (now < r->epoch_ends)
		return;
	if (now - r->epoch_ends >= r->rotate) { /* both keys are too old */
		uint64_t missed = (now - r->epoch_ends) / r->rotate;

		r->epoch += missed;
		r->epoch_ends += missed * r->rotate;
		derive(r, r->epoch);
		r->in_flight[0] = r->in_flight[1] = 0;
	}
	/* in this order: who is stopped in between leaves a key in use for longer, and loses none */
	r->epoch_ends += r->rotate;
	atomic_signal_fence(memory_order_seq_cst);
	r->epoch++;
	derive(r, r->epoch);
	r->in_flight[r->epoch & 1] = 0;
}

bool key_ring_resume(struct key_ring *r, usec_t now)
{
	if (r->rotate == 0 || r->epoch == 0 || r->epoch_ends > now + r->rotate)
		return false;
	derive(r, r->epoch);
	derive(r, r->epoch - 1);
	return true;
}
