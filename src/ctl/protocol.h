/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What both ends of the control socket must agree on; constants only. */
#ifndef TCPGUARD_CTL_PROTOCOL_H
#define TCPGUARD_CTL_PROTOCOL_H

#define CTL_SOCKET_DEFAULT "/run/tcpguard/control.sock"

#define CTL_LINE_MAX	1024 /* bytes of a request line, without its line feed */
#define CTL_WORDS_MAX	64 /* words of a request */
#define CTL_CLIENTS_MAX 64

#define CTL_IDLE_MS	 60000
#define CTL_STALL_MS	 30000
#define CTL_SPARE_MS	 20
#define CTL_GREEDY	 4 /* requests of one connection */
#define CTL_FOLLOW_MS	 200
#define CTL_OUTPUT_BYTES (256 * 1024)

#define CTL_FLOWS_CHUNK 256 /* rows that one job takes from a worker */

/* The last line of a reply: one of these; every other line is a JSON object. */
#define CTL_REPLY_OK	"ok"
#define CTL_REPLY_ERROR "error: "
#define CTL_REPLY_FULL \
	CTL_REPLY_ERROR "already " /* so begins what a client reads that is one too many */

#endif
