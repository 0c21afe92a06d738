/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Defaults and names of what the core is told; see config.h. */
#include "core/config.h"

#include <errno.h>

static const char *const mode_names[GUARD_MODE_COUNT] = {
	[GUARD_MODE_OFF] = "off",
	[GUARD_MODE_MONITOR] = "monitor",
	[GUARD_MODE_ADAPTIVE] = "adaptive",
	[GUARD_MODE_ALWAYS] = "always",
};

static const char *const engine_names[GUARD_ENGINE_COUNT] = {
	[GUARD_ENGINE_RELAY] = "relay",
	[GUARD_ENGINE_TERMINATE] = "terminate",
};

/*
 * An ordinary listener's backlog is 128 (often less is free), so an attack must be noticed when half
 * of that is taken.
 */
#define ATTACK_START_DEFAULT 64

/*
 * SYN-ACKs of 60 bytes: 12 KB a second at the most reach a network whose addresses somebody forges,
 * which is less than it would take to notice them.
 */
#define SYNACK_LIMIT_DEFAULT 200

void guard_service_config_defaults(struct guard_service_config *s)
{
	memset(s, 0, sizeof(*s));
	s->mode = GUARD_MODE_ADAPTIVE;
	s->engine = GUARD_ENGINE_RELAY;
	s->attack.start = ATTACK_START_DEFAULT;
	s->attack.end = ATTACK_START_DEFAULT / 2;
	s->attack.hold = 60 * USEC_PER_SEC;
	s->refuse_when_down = true;
	s->relief = true;
	s->synack_limit = SYNACK_LIMIT_DEFAULT;
	s->keepalive.interval = 75 * USEC_PER_SEC;
	s->keepalive.probes = 9;
	s->user_timeout = 300 * USEC_PER_SEC;
	s->stall_timeout = 600 * USEC_PER_SEC;
	s->limit.rate = 100;
	s->limit.burst = 200;
	s->limit.prefix4 = 24;
	s->limit.prefix6 = 64;
}

void guard_config_defaults(struct guard_config *c)
{
	memset(c, 0, sizeof(*c));
	c->timeouts.syn_received = 60 * USEC_PER_SEC;
	c->timeouts.syn_sent = 15 * USEC_PER_SEC;
	c->timeouts.established = 24 * 3600 * USEC_PER_SEC;
	c->timeouts.half_closed = 3600 * USEC_PER_SEC;
	c->timeouts.closing = 60 * USEC_PER_SEC;
	c->timeouts.reset = 10 * USEC_PER_SEC;
	/* DEVIATION: RFC 9293 3.4.2 has two minutes; this is what everybody takes. */
	c->msl = 30 * USEC_PER_SEC;
	c->cookie_rotate = 30 * USEC_PER_SEC;
	c->fragments = GUARD_FRAGMENTS_PASS;
	c->client_gaps = 16 * 1024 * 1024;
	c->workers = 1;
}

bool guard_config_terminates(const struct guard_config *c)
{
	for (uint32_t i = 0; i < c->n_services; i++) {
		if (c->service[i].engine == GUARD_ENGINE_TERMINATE)
			return true;
	}
	return false;
}

int guard_config_service(const struct guard_config *c, const char *name)
{
	for (uint32_t i = 0; i < c->n_services; i++) {
		if (strcmp(c->service[i].name, name) == 0)
			return (int)i;
	}
	return -1;
}

const char *guard_mode_name(enum guard_mode mode)
{
	return (unsigned)mode < GUARD_MODE_COUNT ? mode_names[mode] : "unknown";
}

int guard_mode_parse(const char *text)
{
	for (int i = 0; i < GUARD_MODE_COUNT; i++) {
		if (strcmp(mode_names[i], text) == 0)
			return i;
	}
	return -EINVAL;
}

const char *guard_engine_name(enum guard_engine engine)
{
	return (unsigned)engine < GUARD_ENGINE_COUNT ? engine_names[engine] : "unknown";
}
