/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The firewall rules of the configuration in force, and where they have to be: with placement = auto that
 * depends on the addresses of this host, and those come and go.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/daemon.h"
#include "datapath/tun.h"

#define SETTLE_MS 20 /* addresses come in bunches */
#define RETRY_S	  5

static enum firewall_choice firewall_choice(enum conf_firewall f)
{
	static const enum firewall_choice map[] = {
		[CONF_FIREWALL_AUTO] = FIREWALL_AUTO,
		[CONF_FIREWALL_NFTABLES] = FIREWALL_NFTABLES,
		[CONF_FIREWALL_IPTABLES] = FIREWALL_IPTABLES,
		[CONF_FIREWALL_NONE] = FIREWALL_NONE,
	};

	return map[f];
}

static enum firewall_placement firewall_placement(enum conf_placement p)
{
	static const enum firewall_placement map[] = {
		[CONF_PLACEMENT_AUTO] = FIREWALL_PLACE_AUTO,
		[CONF_PLACEMENT_GATEWAY] = FIREWALL_PLACE_GATEWAY,
		[CONF_PLACEMENT_HOST] = FIREWALL_PLACE_HOST,
	};

	return map[p];
}

struct firewall_config daemon_firewall_config(const struct daemon *d, const struct conf *c)
{
	static struct guard_listen listen[GUARD_LISTENS_MAX]; /* main thread only */
	static bool whole[GUARD_LISTENS_MAX], closed[GUARD_LISTENS_MAX];
	static char device[TUN_NAME_MAX];
	uint32_t n = c->guard.n_listens;

	memcpy(listen, c->guard.listen, n * sizeof(listen[0]));
	for (uint32_t i = 0; i < GUARD_LISTENS_MAX; i++) {
		uint32_t service = i < n ? listen[i].service : UINT32_MAX; /* retired: none */

		whole[i] = i < n && c->guard.service[service].engine == GUARD_ENGINE_TERMINATE;
		closed[i] = !conf_fails_open(c, service);
	}
	for (uint32_t i = 0; i < d->retired.n && n < GUARD_LISTENS_MAX; i++)
		listen[n++] = d->retired.listen[i];
	/* Always named: what a terminated connection sends must pass whatever a reload says. */
	tun_name(device, c->queue);
	return (struct firewall_config){
		.listen = listen,
		.n_listens = n,
		.choice = firewall_choice(c->firewall),
		.placement = firewall_placement(c->placement),
		.queue = c->queue,
		.workers = (uint16_t)c->workers,
		.whole = whole,
		.whole_queue = (uint16_t)(c->queue + 2 * c->workers),
		.mark = c->mark,
		.device = device,
		.bypass = c->on_failure == CONF_ON_FAILURE_OPEN,
		.closed = closed,
		.anti_spoof = c->anti_spoof,
	};
}

int daemon_install_rules(struct daemon *d, const struct conf *c, char *why, size_t why_len)
{
	struct firewall_config fc = daemon_firewall_config(d, c);
	int rc = firewall_install(&d->firewall, &fc, why, why_len);

	if (rc == 0 && d->firewall.no_anti_spoof)
		log_message(
			LOG_WARNING,
			"this kernel's firewall cannot look up reverse paths: on a gateway, forged "
			"answers of the servers are believed; filter them in front of it, or say "
			"anti-spoof = no");
	if (rc == 0)
		keep_rules_installed(d, &fc);
	return rc;
}

/* ---- addresses that come and go ---- */

static void look_in(struct daemon *d, long seconds, long ms)
{
	struct timeval tv = {.tv_sec = seconds, .tv_usec = ms * 1000};

	if (!evtimer_pending(d->on_settled, NULL))
		evtimer_add(d->on_settled, &tv);
}

static void addresses_settled(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;
	struct firewall_config fc = daemon_firewall_config(d, d->conf);
	uint32_t moved = firewall_misplaced(&d->firewall, &fc);
	char why[DAEMON_WHY_MAX];

	if (moved == 0)
		return;
	if (daemon_install_rules(d, d->conf, why, sizeof(why)) < 0) {
		log_message(LOG_ERR,
			    "addresses of this host have changed, but not the rules: %s; trying "
			    "again in %d seconds",
			    why, RETRY_S);
		look_in(d, RETRY_S, 0);
		return;
	}
	log_message(LOG_NOTICE,
		    "addresses of this host have changed, and with them the place of %u "
		    "listen%s; the firewall rules follow",
		    moved, moved == 1 ? "" : "s");
}

static void addresses_changed(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;

	if (addr_watch_read(d->addresses))
		look_in(d, 0, SETTLE_MS);
}

int daemon_watch_addresses(struct daemon *d, char *why, size_t why_len)
{
	int rc = addr_watch_open(&d->addresses);

	if (rc < 0) {
		snprintf(why, why_len, "cannot watch the addresses of this host: %s",
			 strerror(-rc));
		return rc;
	}
	d->on_settled = evtimer_new(d->base, addresses_settled, d);
	d->on_address = event_new(d->base, addr_watch_fd(d->addresses), EV_READ | EV_PERSIST,
				  addresses_changed, d);
	if (!d->on_settled || !d->on_address || event_add(d->on_address, NULL) < 0) {
		snprintf(why, why_len, "cannot watch the addresses of this host: out of memory");
		return -ENOMEM;
	}
	return 0;
}

void daemon_unwatch_addresses(struct daemon *d)
{
	if (d->on_address)
		event_free(d->on_address);
	if (d->on_settled)
		event_free(d->on_settled);
	addr_watch_close(d->addresses);
}
