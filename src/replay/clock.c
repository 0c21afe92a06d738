/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replay/clock.h"

static usec_t fell_back(struct replay_clock *c, usec_t at)
{
	c->trouble[TROUBLE_BACKWARDS]++;
	if (c->now - at > c->backwards_most)
		c->backwards_most = c->now - at;
	if (!c->behind || (int64_t)(at - c->behind_since) < 0) {
		c->behind = true;
		c->behind_since = at;
	} else if (at - c->behind_since >= CLOCK_PATIENCE) {
		c->trouble[TROUBLE_CLOCK_SET]++;
		c->shift += c->now - at;
		c->behind = false;
	}
	return c->now;
}

usec_t clock_frame(struct replay_clock *c, const struct frame *f)
{
	usec_t at;

	if (!f->timed) {
		c->trouble[TROUBLE_NO_TIME]++;
		if (c->now < CLOCK_START)
			c->now = CLOCK_START;
		return c->now;
	}
	if (!c->running) {
		c->running = true;
		c->first = f->time;
		c->now = CLOCK_START;
		c->shift = CLOCK_START - f->time;
	}
	at = f->time + c->shift;
	if ((int64_t)(at - c->now) < 0)
		return fell_back(c, at);
	c->behind = false;
	if (at - c->now > CLOCK_GAP_MAX) {
		usec_t more = at - c->now - CLOCK_GAP_MAX;

		c->trouble[TROUBLE_GAP]++;
		c->cut_out += more;
		c->shift -= more;
		at -= more;
	}
	c->now = at;
	return at;
}
