/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the two halves of the terminate engine share: terminate.c, terminate_begin.c. */
#ifndef TCPGUARD_CORE_TERMINATE_H
#define TCPGUARD_CORE_TERMINATE_H

#include "core/internal.h"

/* One call on one flow that has its terminal. */
struct work {
	uint32_t i;
	struct flow *f;
	struct service *s;
	struct tcp_pipe pipe;
	struct tcp_pipe_io io;
	/* as it was before */
	uint32_t received[2], ahead, retransmits;
};

/* work_begin() - @i and its terminal may change from now on. */
void work_begin(struct turn *t, uint32_t i, struct work *w);

/* work_end() - keep the books: bytes, what the client holds out of order, states. */
void work_end(struct turn *t, struct work *w);

#endif
