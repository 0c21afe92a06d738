/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pieces.h"

static uint8_t payload[1 << 17];

void pieces_begin(struct pieces *p, const struct tcp_io *io, const struct tcp_segment *s)
{
	*p = (struct pieces){
		.whole = s, .mss = s->mss ? s->mss : 1, .more = true}; /* 0: no payload */
	tcp_stream_copy(io->out, io->memory, s->offset, payload, s->len);
}

bool pieces_next(struct pieces *p, struct tcp_segment *piece)
{
	const struct tcp_segment *s = p->whole;
	uint32_t at = p->at;

	if (!p->more)
		return false;
	*piece = *s;
	piece->seq += at;
	piece->len = s->len - at < p->mss ? s->len - at : p->mss;
	piece->data = payload + at;
	if (s->flags & TCP_URG) {
		piece->urgent = (uint16_t)(s->urgent - at);
		if (s->urgent <= at)
			piece->flags &= (uint16_t)~TCP_URG;
	}
	p->at += p->mss;
	p->more = p->at < s->len;
	if (p->more)
		piece->flags &= (uint16_t) ~(TCP_FIN | TCP_PSH);
	return true;
}
