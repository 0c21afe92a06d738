/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the core is told. Plain values, immutable while a guard uses them; whoever makes a
 * guard_config owns it and keeps it alive until the guard was given another one.
 */
#ifndef TCPGUARD_CORE_CONFIG_H
#define TCPGUARD_CORE_CONFIG_H

#include "base/addr.h"
#include "base/types.h"

#define GUARD_SERVICES_MAX     255
#define GUARD_LISTENS_MAX      1024
#define GUARD_SERVICE_NAME_MAX 32 /* with its terminating zero */
#define GUARD_CLIENTS_MAX      1024 /* prefixes in all lists of allowed and denied clients */

enum guard_mode {
	GUARD_MODE_OFF, /* packets pass unseen */
	GUARD_MODE_MONITOR, /* watch, count and report attacks; never answer for the server */
	GUARD_MODE_ADAPTIVE, /* cookies while attacked */
	GUARD_MODE_ALWAYS, /* cookies for every connection */
	GUARD_MODE_COUNT
};

enum guard_engine { GUARD_ENGINE_RELAY, GUARD_ENGINE_TERMINATE, GUARD_ENGINE_COUNT };

enum guard_fragments { GUARD_FRAGMENTS_PASS, GUARD_FRAGMENTS_DROP, GUARD_FRAGMENTS_COUNT };

/* When SYNs of one prefix are limited. */
enum guard_limit_when {
	GUARD_LIMIT_OFF,
	GUARD_LIMIT_ATTACK, /* while the service is under attack */
	GUARD_LIMIT_ALWAYS,
	GUARD_LIMIT_COUNT
};

struct guard_service_config {
	char name[GUARD_SERVICE_NAME_MAX];
	enum guard_mode mode;
	enum guard_engine engine;
	struct {
		uint32_t start; /* half-open connections at which an attack is assumed */
		uint32_t end; /* and below which it may be over */
		usec_t hold; /* quiet time before cookies are switched off */
	} attack;
	bool refuse_when_down; /* answer SYNs with RST while the server is known to be down */
	bool relief; /* reset forged half-opens toward the server when an attack begins */
	bool drop_fingerprint; /* drop SYNs that look like the flood's, if no client's do */
	uint32_t synack_limit; /* SYN-ACKs a second to a prefix that never completes; 0: any */
	struct { /* of the terminate engine; 0: off */
		usec_t idle, interval; /* first probe after; next one after */
		uint32_t probes; /* without an answer */
	} keepalive;
	usec_t user_timeout; /* nothing sent was acknowledged for so long */
	usec_t stall_timeout; /* the window was closed for so long */
	struct {
		enum guard_limit_when when;
		uint32_t rate, burst; /* SYNs a second of one prefix, and at once */
		uint32_t prefix4, prefix6; /* its length, 1..32 and 1..128 */
	} limit;
};

/* One address range and port range of a service. */
struct guard_listen {
	struct ip_addr prefix;
	uint8_t plen; /* 0..128, IPv4 /24 is 120 */
	uint16_t port_low, port_high; /* host order, inclusive */
	uint16_t service; /* index into services */
};

/* Clients that the configuration allows or denies; see core/rules.h. */
struct guard_clients {
	struct ip_addr prefix;
	uint8_t plen; /* as in struct guard_listen */
	bool allow;
	uint16_t service; /* index into services; UINT16_MAX: all of them */
};

struct guard_timeouts {
	usec_t syn_received; /* a half-open connection is forgotten after */
	usec_t syn_sent; /* the server must have answered the guard's SYN within */
	usec_t established; /* idle */
	usec_t half_closed; /* idle, one side has closed */
	usec_t closing; /* idle, both sides have closed and the last ACK is missing */
	usec_t reset; /* translation is kept after a RST for stragglers */
};

struct guard_config {
	uint32_t n_services, n_listens, n_clients;
	struct guard_service_config service[GUARD_SERVICES_MAX];
	struct guard_listen
		listen[GUARD_LISTENS_MAX]; /* the most specific match counts, then order */
	struct guard_clients clients[GUARD_CLIENTS_MAX];
	struct guard_timeouts timeouts;
	usec_t msl; /* maximum segment lifetime; TIME-WAIT lasts 2 MSL */
	usec_t cookie_rotate; /* a key is used that long and accepted that long again */
	enum guard_fragments fragments;
	uint32_t client_gaps; /* from the first gap to the end, of all connections of a client */
	uint32_t workers; /* guards that share the traffic; limits by prefix are divided by it */
	bool one_way; /* packets of the servers are not seen: each SYN counts as answered */
};

/*
 * guard_config_defaults() - fill @c with the documented defaults, no services, no listens.
 */
void guard_config_defaults(struct guard_config *c);
void guard_service_config_defaults(struct guard_service_config *s);

/* guard_config_terminates() - is there a service whose connections the guard ends itself? */
bool guard_config_terminates(const struct guard_config *c);

/* guard_config_service() - index of the service called @name, or -1. */
int guard_config_service(const struct guard_config *c, const char *name);

const char *guard_mode_name(enum guard_mode mode); /* "off", "monitor", ... */
int guard_mode_parse(const char *text); /* enum guard_mode, or -EINVAL */
const char *guard_engine_name(enum guard_engine engine);

#endif
