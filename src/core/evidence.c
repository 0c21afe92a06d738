/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why the detector has changed its mind, in a sentence with figures. No stdio in the core. */
#include <string.h>

#include "core/internal.h"

struct sentence {
	char *at, *end;
};

static void put_text(struct sentence *s, const char *text)
{
	while (*text && s->at < s->end)
		*s->at++ = *text++;
	*s->at = '\0';
}

static void put_number(struct sentence *s, uint64_t n)
{
	char digits[21];
	char *at = digits + sizeof(digits) - 1;

	*at = '\0';
	do {
		*--at = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	put_text(s, at);
}

/* put() - "text number": the pieces of which all sentences are made. */
static void put(struct sentence *s, const char *text, uint64_t n)
{
	put_text(s, text);
	put_number(s, n);
}

static uint32_t usual_a_second(const struct detector *d)
{
	return (uint32_t)((uint64_t)d->usual_x256 * DETECT_WINDOWS_S / 256);
}

static void why_hard(struct sentence *s, const struct service *v)
{
	const struct tally_look *l = &v->detector.look;
	uint32_t usual =
		l->excess > 0 && (uint32_t)l->excess < l->open ? l->open - (uint32_t)l->excess : 0;

	put(s, "", l->open);
	put(s, " of the last ", l->answered);
	put(s, " handshakes are open, of as many clients ", usual);
	put(s, " would still be; ", l->pending);
	put(s, " pending, threshold ", v->limits.start);
}

static void why_slow(struct sentence *s, const struct service *v)
{
	const struct tally_look *l = &v->detector.look;
	bool slow = l->slow_open > detect_slow_limit(&v->detector, &v->limits, l);

	put(s, "", slow ? l->slow_open : l->late_open);
	put(s, " of ", slow ? l->slow_answered : l->late_answered);
	put(s, " handshakes begun ", slow ? 5 : 2);
	put(s, " to 15 s ago are still open; usually ", v->detector.usual_slow / 10);
	put_text(s, " %");
}

static void why_stray(struct sentence *s, const struct tally_totals *w)
{
	put(s, "in 0.1 s ", w->stray_acks);
	put(s, " ACKs, ", w->stray_rsts);
	put(s, " RSTs, ", w->stray_synacks);
	put(s, " SYN-ACKs of no connection, ", w->server_rsts);
	put_text(s, " RSTs of the server");
}

static void why_attack(struct sentence *s, const struct service *v)
{
	const struct detector *d = &v->detector;

	put_text(s, attack_class_name(v->attack.class));
	put_text(s, ": ");
	switch ((enum detect_cause)d->cause) {
	case DETECT_BY_HALF_OPEN:
		why_hard(s, v);
		break;
	case DETECT_BY_CUSUM:
		put(s, "", d->all.sum);
		put(s, " handshakes more than usual were not completed, for 1.2 s; limit ",
		    detect_cusum_limit(d, &v->limits));
		break;
	case DETECT_BY_CHOKED:
		put(s, "the server answers ", d->window.synacks);
		put(s, " of ", d->window.opened);
		put(s, " SYNs; ", (uint64_t)d->look.late_open + d->look.late_many);
		put(s, " handshakes are open for 2 to 15 s, usually ", d->usual_late_x256 / 256);
		break;
	case DETECT_BY_CONCENTRATED:
		put(s, "single sources hold ", d->concentrated.sum);
		put_text(s, " handshakes open, beyond one each, for 1.2 s");
		break;
	case DETECT_BY_SLOW:
		why_slow(s, v);
		break;
	default:
		why_stray(s, &d->window);
	}
}

static void why_suspicion(struct sentence *s, const struct service *v)
{
	const struct tally_totals *l = &v->detector.second;

	put_text(s, attack_class_name(v->detector.class));
	put(s, ": in a second ", l->opened);
	put(s, " handshakes opened, ", usual_a_second(&v->detector));
	put(s, " usual; answered ", l->synacks);
	put(s, ", completed ", (uint64_t)l->completed + l->many_done - l->many_reset);
	put(s, ", refused ", l->refused);
}

static void why_over(struct sentence *s, const struct service *v)
{
	const struct attack_report *r = &v->attack;

	put(s, "lasted ", (r->ended - r->began) / USEC_PER_SEC);
	put(s, " s, loud for ", (r->last_seen - r->began) / USEC_PER_SEC);
	put(s, " of them; ", r->syns);
	put(s, " SYNs, ", r->peak_rate);
	put_text(s, " a second at most; ");
	if (r->peak_stray) {
		put(s, "", r->peak_stray);
		put_text(s, " segments/s of no connection; ");
	}
	put(s, "", r->completed);
	put(s, " handshakes completed meanwhile, ", r->cookies_valid);
	put_text(s, " by cookie");
}

void evidence_of(const struct service *v, enum detect_change change, char *why)
{
	struct sentence s = {why, why + ATTACK_EVIDENCE_MAX - 1};

	*why = '\0';
	switch (change) {
	case DETECT_BEGAN:
	case DETECT_TURNED:
		why_attack(&s, v);
		break;
	case DETECT_SUSPECTED:
		why_suspicion(&s, v);
		break;
	case DETECT_RESUMED:
		put(&s, "", v->detector.window.opened);
		put(&s, " handshakes opened in 0.1 s, ", v->detector.window.completed);
		put_text(&s, " completed");
		break;
	case DETECT_ENDED:
		if (v->mode == GUARD_MODE_OFF)
			put_text(&s, "mode off: nobody looks any more; ");
		why_over(&s, v);
		break;
	case DETECT_RECOVERING:
		put_text(&s, "no flood since ");
		put(&s, "", (v->state_since - v->attack.last_seen) / USEC_PER_SEC);
		put(&s, " s; calm after ", v->limits.hold / USEC_PER_SEC);
		put_text(&s, " s without one");
		break;
	default:
		put(&s, "in a second ", v->detector.second.opened);
		put_text(&s, " handshakes opened");
	}
}
