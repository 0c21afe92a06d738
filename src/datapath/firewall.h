/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The firewall rules that lead packets of guarded services to the queues.
 *
 * They live in chains of our own, TCPGUARD_PRE, _OUT, _OWN and _FORGED of the raw table (iptables and
 * ip6tables), or in a table of our own, inet tcpguard (nftables). Installing replaces whatever an
 * earlier run left, in one transaction per family, and never deletes a base chain: the kernel drops
 * every queued packet of the namespace when a base chain goes.
 *
 *	placement	raw PREROUTING			raw OUTPUT
 *	gateway		to and from the service		to the service (the gateway's own clients)
 *	host		to the service			from the service
 *	both		to and from the service		to and from the service
 *
 * A packet that goes through lo meets both hooks: what was queued in one is left out in the other.
 * Packets of the guard carry the mark, or come in by its TUN device, and pass. On a gateway, what comes from a service's address but by
 * an interface that does not lead there is dropped (anti_spoof). ICMP errors go to the first queue from both hooks.
 * Later fragments carry no ports, so no rule matches them (with connection tracking in the kernel
 * they never get here: it reassembles first).
 */
#ifndef TCPGUARD_DATAPATH_FIREWALL_H
#define TCPGUARD_DATAPATH_FIREWALL_H

#include "core/config.h"
#include "datapath/tool.h"

enum firewall_choice {
	FIREWALL_AUTO, /* nftables where its queue statement works, else iptables */
	FIREWALL_NFTABLES,
	FIREWALL_IPTABLES,
	FIREWALL_NONE, /* leave the rules to the administrator */
};

enum firewall_placement {
	FIREWALL_PLACE_AUTO, /* by whether the listen address is one of this host's */
	FIREWALL_PLACE_GATEWAY,
	FIREWALL_PLACE_HOST,
};

struct firewall_config {
	const struct guard_listen *listen; /* borrowed */
	uint32_t n_listens;
	enum firewall_choice choice;
	enum firewall_placement placement;
	uint16_t queue; /* first header queue */
	uint16_t workers; /* header queues in a row, at least 1 */
	const bool *whole; /* of each listen: the whole queue is to have its packets; NULL: no */
	uint16_t whole_queue; /* the first of as many in a row */
	uint32_t mark; /* used as its own mask */
	const char *device; /* what comes in by it is the guard's own; NULL: there is none */
	bool bypass; /* let packets through while nobody has the queue */
	/* of each listen: do not; ICMP errors are nobody's alone. NULL: as above */
	const bool *closed;
	bool anti_spoof; /* strict reverse path for the guarded ports of a gateway's servers */
};

/* What is installed now. Zero it before the first call. */
struct firewall {
	enum firewall_choice backend; /* NFTABLES or IPTABLES; NONE; AUTO: nothing installed yet */
	bool legacy; /* iptables-legacy and ip6tables-legacy */
	uint8_t where[GUARD_LISTENS_MAX]; /* the place of each listen, as installed */
	bool no_anti_spoof; /* it was asked for, but the kernel cannot look up reverse paths */
	uint64_t forged[2]; /* IPv4 or both, IPv6: as the kernel said last */
	struct tool_pace pace; /* of asking it */
};

/*
 * firewall_install() - put the rules for @c in force, replacing those of an earlier call or an
 * earlier process without a gap. The first call leaves those of a process that lives alone.
 * @why: filled with one sentence on failure; what was in force stays in force.
 * Return: 0 or a negative errno.
 */
int firewall_install(struct firewall *fw, const struct firewall_config *c, char *why,
		     size_t why_len);

/*
 * firewall_misplaced() - the addresses of this host may have changed since the rules for @c were
 * installed. Return: how many listens are elsewhere now; 0 also if the addresses cannot be read.
 */
uint32_t firewall_misplaced(const struct firewall *fw, const struct firewall_config *c);

/*
 * firewall_detach() - stop sending packets to the queues. What is queued still gets its verdict.
 * Call it while the queues are still served, then firewall_remove() when they are empty.
 */
int firewall_detach(struct firewall *fw, char *why, size_t why_len);

/* firewall_remove() - remove everything that firewall_install() made. */
int firewall_remove(struct firewall *fw, char *why, size_t why_len);

/*
 * firewall_clear() - remove what a process has left that is gone, whatever its backend was.
 * Return: 0, also if nothing was there; -EBUSY, with @why filled, if somebody serves the queues.
 */
int firewall_clear(char *why, size_t why_len);

/*
 * firewall_forged() - packets that anti_spoof has dropped since the rules are there. Asks the firewall's
 * tool, at most once a second: a few milliseconds, two seconds if others hold its lock. What cannot be
 * asked is as it was.
 */
uint64_t firewall_forged(struct firewall *fw);

/* firewall_name() - "nftables", "iptables", "iptables-legacy", "none". */
const char *firewall_name(const struct firewall *fw);

#endif
