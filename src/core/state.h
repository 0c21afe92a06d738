/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The TCP states of RFC 9293 3.3.2 as one table; see state.def. */
#ifndef TCPGUARD_CORE_STATE_H
#define TCPGUARD_CORE_STATE_H

#include "base/types.h"

enum tcp_state {
#define STATE(name, netstat) TCPS_##name,
#include "core/state.def"
#undef STATE
	TCPS_COUNT
};

enum tcp_event {
#define EVENT(name) TCP_EV_##name,
#include "core/state.def"
#undef EVENT
	TCP_EVENT_COUNT
};

/* tcp_state_next() - where @event leads from @state; @state itself where nothing changes. */
enum tcp_state tcp_state_next(enum tcp_state state, enum tcp_event event);

/* tcp_state_name() - as netstat spells it: "SYN_RECV", "FIN_WAIT1". */
const char *tcp_state_name(enum tcp_state state);

/* tcp_state_parse() - from netstat's or RFC 9293's spelling ("SYN-RECEIVED"), case ignored.
 * Return: enum tcp_state or -EINVAL. */
int tcp_state_parse(const char *text);

#endif
