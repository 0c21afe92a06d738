/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtual time. The guard needs a clock that never runs backwards and whose zero means nothing;
 * captures have clocks that were set, merged from two machines, or damaged.
 *
 * A frame older than the one before happens "now". If the clock stays back for CLOCK_PATIENCE of its own
 * time (somebody has set it), time goes on from where it was. A gap longer than CLOCK_GAP_MAX becomes
 * that long: nothing the guard remembers of handshakes lasts longer, and one damaged time must not make
 * a time-line of centuries.
 */
#ifndef TCPGUARD_REPLAY_CLOCK_H
#define TCPGUARD_REPLAY_CLOCK_H

#include "base/types.h"
#include "replay/capture.h"

#define CLOCK_START    (1000 * USEC_PER_SEC) /* virtual time of the first frame */
#define CLOCK_PATIENCE USEC_PER_SEC
#define CLOCK_GAP_MAX  (3600 * USEC_PER_SEC)

struct replay_clock {
	bool running;
	usec_t first; /* as in the file */
	usec_t now; /* virtual */
	usec_t shift; /* virtual - file, modulo 2^64 */
	bool behind;
	usec_t behind_since; /* virtual */
	usec_t backwards_most; /* how far */
	usec_t cut_out; /* of all gaps together */
	uint64_t trouble[TROUBLE_COUNT];
};

/* clock_frame() - the virtual time of @f; never less than before. */
usec_t clock_frame(struct replay_clock *c, const struct frame *f);

#endif
