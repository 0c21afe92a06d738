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

bool guard_baseline_get(const struct guard *g, uint32_t index, struct guard_baseline *b)
{
	const struct service *s = service_at(g, index);

	memset(b, 0, sizeof(*b));
	if (!s)
		return false;
	memcpy(b->service, s->name, sizeof(b->service));
	b->version = BASELINE_VERSION;
	return true;
}

void guard_baseline_put(struct guard *g, const struct guard_baseline *b)
{
}
