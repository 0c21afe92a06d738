/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/cut.h"
#include "wire/layout.h"

#define CUT_BATCH 64

int output_open(struct output *o, uint32_t mark)
{
	*o = (struct output){.tun = {.fd = -1,
				     .why = "no TUN device was made, since no "
					    "service has engine = terminate"}};
	return inject_open(&o->raw, mark);
}

int output_open_large(struct output *o, uint16_t first_queue, uint16_t index)
{
	return o->tun.fd >= 0 ? 0 : tun_open(&o->tun, first_queue, index);
}

void output_close(struct output *o)
{
	inject_close(&o->raw);
	tun_close(&o->tun);
	free(o->payload);
	o->payload = NULL;
}

/* payload_len() - of all pieces of @tx, which are those at @piece. */
static uint32_t payload_len(const struct guard_tx *tx, const struct guard_piece *piece)
{
	uint32_t len = 0;

	for (uint32_t i = 0; i < tx->n_pieces; i++)
		len += piece[i].len;
	return len;
}

/* in_one_piece() - Return: the payload, or NULL without memory for a copy. */
static const uint8_t *in_one_piece(struct output *o, const struct guard_tx *tx,
				   const struct guard_piece *piece)
{
	uint8_t *at;

	if (tx->n_pieces == 1)
		return piece->data;
	if (!o->payload)
		o->payload = malloc(IP_LENGTH_MAX);
	at = o->payload;
	for (uint32_t i = 0; i < tx->n_pieces && at; i++) {
		memcpy(at, piece[i].data, piece[i].len);
		at += piece[i].len;
	}
	return o->payload;
}

/* send_cut() - through the raw socket, a segment at a time. */
static void send_cut(struct output *o, const struct guard_tx *tx, const struct guard_piece *piece,
		     uint32_t len)
{
	struct cut_segment segment[CUT_BATCH];
	const uint8_t *payload = in_one_piece(o, tx, piece);
	struct cut cut;
	uint32_t n;

	if (!payload) {
		o->raw.stats.errors++;
		o->raw.stats.no_room++;
		return;
	}
	cut_begin(&cut, tx, payload, len);
	do {
		for (n = 0; n < CUT_BATCH && cut_next(&cut, &segment[n]); n++)
			;
		inject_segments(&o->raw, tx->family, segment, n);
	} while (n == CUT_BATCH);
}

/* send_pieces() - a packet whose payload lies elsewhere. */
static void send_pieces(struct output *o, const struct guard_tx *tx,
			const struct guard_piece *piece, usec_t now)
{
	uint32_t len = payload_len(tx, piece);
	bool large = tx->gso_size > 0 && len > tx->gso_size;

	if (tx->len + len > IP_LENGTH_MAX) {
		o->raw.stats.errors++;
		return;
	}
	if (large && tun_usable(&o->tun, tx, now)) {
		if (tun_send(&o->tun, tx, piece, len) == 0) {
			o->stats.large++;
			o->raw.stats.sent++;
			return;
		}
		o->stats.large_errors++;
	}
	o->stats.cut += large;
	send_cut(o, tx, piece, len);
}

void output_send(struct output *o, struct actions *out, usec_t now)
{
	uint32_t first = 0; /* of those that wait to go together */

	for (uint32_t i = 0; i < out->n_tx; i++) {
		const struct guard_tx *tx = &out->tx[i];

		if (tx->n_pieces == 0)
			continue;
		inject_send(&o->raw, out->tx + first, i - first);
		send_pieces(o, tx, &out->piece[tx->piece], now);
		first = i + 1;
	}
	inject_send(&o->raw, out->tx + first, out->n_tx - first);
	out->n_tx = out->n_pieces = 0;
}
