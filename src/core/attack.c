/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records of attacks and names of what happens. */
#include "core/attack.h"

#include "core/internal.h"

static const char *const states[] = {
#define STATE(name, text) text,
#include "core/attack.def"
#undef STATE
};

static const struct {
	const char *key, *name, *text;
	bool flood;
} classes[] = {
#define CLASS(name, key, text, flood, sentence) {key, text, sentence, flood},
#include "core/attack.def"
#undef CLASS
};

static const struct {
	const char *key, *text;
} causes[] = {
#define TRIGGER(name, key, text) {key, text},
#include "core/attack.def"
#undef TRIGGER
};

const char *guard_attack_state_name(enum guard_attack_state state)
{
	return (unsigned)state < GUARD_ATTACK_STATE_COUNT ? states[state] : "unknown";
}

const char *attack_class_key(enum attack_class c)
{
	return (unsigned)c < CLASS_COUNT ? classes[c].key : "unknown";
}

const char *attack_class_name(enum attack_class c)
{
	return (unsigned)c < CLASS_COUNT ? classes[c].name : "unknown";
}

const char *attack_class_text(enum attack_class c)
{
	return (unsigned)c < CLASS_COUNT ? classes[c].text : "unknown";
}

bool attack_class_is_flood(enum attack_class c)
{
	return (unsigned)c < CLASS_COUNT && classes[c].flood;
}

const char *detect_cause_key(enum detect_cause cause)
{
	return (unsigned)cause < DETECT_CAUSE_COUNT ? causes[cause].key : "unknown";
}

const char *detect_cause_text(enum detect_cause cause)
{
	return (unsigned)cause < DETECT_CAUSE_COUNT ? causes[cause].text : "unknown";
}

static const struct service *service_at(const struct guard *g, uint32_t index)
{
	if (index >= g->config->n_services || g->arena->slot_of_config[index] == SERVICE_NONE)
		return NULL;
	return &g->arena->service[g->arena->slot_of_config[index]];
}

bool guard_report_attack(const struct guard *g, uint32_t index, struct attack_report *r)
{
	const struct service *s = service_at(g, index);

	if (!s || s->attack.number == 0)
		return false;
	*r = s->attack;
	return true;
}

/*
 * A baseline as figures: what clients take, then what the detector of the leader holds to be usual.
 * A guard that follows knows only the first part; the others are zero then.
 */
enum {
	FIGURE_DELAYS = 0,
	FIGURE_USUAL = COHORTS + 1,
	FIGURE_MEAN,
	FIGURE_SLOW,
	FIGURE_WINDOWS,
	FIGURE_DONE,
	FIGURE_LATE, /* zero in files that are older than it, and so is the next one */
	FIGURE_HELD,
	FIGURES_USED
};

_Static_assert(FIGURES_USED <= BASELINE_FIGURES, "a baseline has more figures than places");

bool guard_baseline_get(const struct guard *g, uint32_t index, struct guard_baseline *b)
{
	const struct service *s = service_at(g, index);

	memset(b, 0, sizeof(*b));
	if (!s)
		return false;
	memcpy(b->service, s->name, sizeof(b->service));
	b->version = BASELINE_VERSION;
	b->learned = tally_learned(&s->tally);
	memcpy(b->figure, s->tally.delays.bin, sizeof(s->tally.delays.bin));
	if (g->index != 0)
		return true;
	b->figure[FIGURE_USUAL] = s->detector.usual_x256;
	b->figure[FIGURE_MEAN] = s->detector.mean_x256 > 0 ? (uint32_t)s->detector.mean_x256 : 0;
	b->figure[FIGURE_SLOW] = s->detector.usual_slow;
	b->figure[FIGURE_WINDOWS] = s->detector.calm_windows;
	b->figure[FIGURE_DONE] = s->detector.usual_done_x256;
	b->figure[FIGURE_LATE] = s->detector.usual_late_x256;
	b->figure[FIGURE_HELD] = s->detector.usual_held_x256;
	return true;
}

void guard_baseline_put(struct guard *g, const struct guard_baseline *b)
{
	int index = guard_config_service(g->config, b->service);
	const uint32_t *f = b->figure;
	struct service *s;

	if (index < 0 || b->version != BASELINE_VERSION || b->learned == 0 ||
	    g->arena->slot_of_config[index] == SERVICE_NONE)
		return;
	s = &g->arena->service[g->arena->slot_of_config[index]];
	tally_teach(&s->tally, &f[FIGURE_DELAYS]);
	if (g->index == 0)
		detect_teach(&s->detector, &(struct detect_lesson){
						   .usual_x256 = f[FIGURE_USUAL],
						   .mean_x256 = f[FIGURE_MEAN],
						   .slow = f[FIGURE_SLOW],
						   .windows = f[FIGURE_WINDOWS],
						   .done_x256 = f[FIGURE_DONE],
						   .late_x256 = f[FIGURE_LATE],
						   .held_x256 = f[FIGURE_HELD],
					   });
}
