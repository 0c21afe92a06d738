/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lwIP with two interfaces and an application on each; time is what the caller says it is.
 *
 * Its library is loaded at run time: tcp_input() and others are names of ours as well, and each side must
 * find its own. So nothing of lwIP's headers is seen here.
 */
#ifndef TCPGUARD_TESTS_CORE_TCP_LWIP_STACK_H
#define TCPGUARD_TESTS_CORE_TCP_LWIP_STACK_H

#include "base/types.h"

#define STACK_PORT 7000

/* lwIP has a struct ip_addr of its own. */
struct stack_address {
	be32 v4, v6[4];
};

struct stack_plan {
	uint32_t total; /* bytes to write */
	uint32_t chunk; /* of them at a time */
	uint32_t abort_at; /* bytes written and read; UINT32_MAX: never */
	uint32_t stall_at; /* bytes read; UINT32_MAX: never */
	usec_t stall; /* for so long it gives nothing back to the window */
	bool answers; /* writes when the other one has finished */
};

/* One application and its connection. */
struct stack_app {
	struct stack_plan plan;
	unsigned salt, peer_salt; /* of app_byte(): what it writes, what it expects */
	void *pcb;
	uint32_t written, read, held;
	usec_t stalled_until;
	bool connected, fin_sent, fin_seen, closed, aborted, wrong;
	int error; /* lwIP's, 0 if it ended in order */
};

/* app_byte() - byte @offset of the stream @salt. */
uint8_t app_byte(unsigned salt, uint32_t offset);

/*
 * stack_load() - @output gets every packet that leaves interface @nif.
 * Return: NULL, or why there is no lwIP.
 */
const char *stack_load(void (*output)(void *arg, unsigned nif, const uint8_t *data, uint32_t len),
		       void *arg);

/* stack_interface() - addresses of interface @nif. */
void stack_interface(unsigned nif, const struct stack_address *own);

void stack_connect(struct stack_app *a, const struct stack_address *to, bool v6);
void stack_listen(struct stack_app *a); /* for one connection, on STACK_PORT of all addresses */

void stack_input(unsigned nif, const uint8_t *data, uint32_t len, usec_t now);
void stack_tick(void); /* every 250 ms */
void stack_run(struct stack_app *a, usec_t now); /* let the application do what it can */
bool stack_is_idle(void); /* no connection but in TIME-WAIT */

#define STACK_TICK (250 * USEC_PER_MSEC)

#endif
