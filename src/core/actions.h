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

/* Where some bytes of a payload lie. */
struct guard_piece {
	const uint8_t *data; /* borrowed: stays as it is until the outbox was emptied */
	uint32_t len;
};

/*
 * A packet to send.
 *
 * Without pieces it is a whole IP packet with its checksums. With pieces, @data holds its headers as
 * segment_headers() makes them, with the length of everything in the IP header, and the pieces hold its
 * payload, in order: who sends it completes the TCP checksum.
 *
 * A payload longer than @gso_size goes out as several segments: all have the headers of the first, but
 * sequence numbers that go on, PSH and FIN only in the last and CWR only in the first. With URG, SYN or
 * RST it must not be longer. Headers and payload are at most IP_LENGTH_MAX bytes together.
 */
struct guard_tx {
	uint16_t len; /* bytes at data */
	uint8_t family;
	uint8_t n_pieces;
	uint16_t piece; /* the first one, in struct actions */
	uint16_t
		gso_size; /* payload of each segment, options not counted; 0: all of it goes in one */
	uint8_t data[SEGMENT_HEADERS_MAX];
};

#define GUARD_TX_MAX	   256 /* packets in one outbox */
#define GUARD_TX_PER_INPUT 4 /* guard_input() never adds more */
#define GUARD_PIECES_MAX   512 /* pieces in one outbox */
#define GUARD_TX_PIECES	   20 /* pieces of one packet */

/*
 * The outbox: filled by the core, emptied by the caller, who sends the packets in order and sets
 * n_tx and n_pieces to 0. guard_input() must find GUARD_TX_PER_INPUT free places.
 */
struct actions {
	enum guard_verdict verdict; /* of guard_input() */
	enum guard_drop drop; /* for GUARD_DROP */
	uint32_t payload_max; /* set by the caller: of a packet; 0: of one segment */
	uint32_t n_tx, n_pieces;
	struct guard_tx tx[GUARD_TX_MAX];
	struct guard_piece piece[GUARD_PIECES_MAX];
};

const char *guard_drop_key(enum guard_drop drop);
const char *guard_drop_text(enum guard_drop drop);

#endif
