/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the core wants done with a packet, and the packets it wants sent. */
#ifndef TCPGUARD_CORE_ACTIONS_H
#define TCPGUARD_CORE_ACTIONS_H

#include "base/types.h"
#include "wire/build.h"

enum guard_drop {
#define DROP(name, key, text) GUARD_DROP_##name,
#include "core/drop.def"
#undef DROP
	GUARD_DROP_COUNT
};

enum guard_verdict {
	GUARD_ACCEPT, /* let it through as it is */
	GUARD_DROP, /* @drop says why */
	GUARD_REPLACE, /* rewritten in place: let the bytes of the struct pkt through instead */
	GUARD_WANT_FULL, /* ask again with the whole packet; nothing has changed yet */
	GUARD_NOT_MINE, /* an ICMP error about a flow that another worker may know */
};

/* A packet to send: a whole IP packet with its checksums. */
struct guard_tx {
	uint16_t len;
	uint8_t family;
	uint8_t data[SEGMENT_HEADERS_MAX];
};

#define GUARD_TX_MAX	   256 /* packets in one outbox */
#define GUARD_TX_PER_INPUT 4 /* guard_input() never adds more */

/*
 * The outbox: filled by the core, emptied by the caller, who sends the packets in order and sets
 * n_tx to 0. guard_input() must find GUARD_TX_PER_INPUT free places.
 */
struct actions {
	enum guard_verdict verdict; /* of guard_input() */
	enum guard_drop drop; /* for GUARD_DROP */
	uint32_t n_tx;
	struct guard_tx tx[GUARD_TX_MAX];
};

const char *guard_drop_key(enum guard_drop drop);
const char *guard_drop_text(enum guard_drop drop);

#endif
