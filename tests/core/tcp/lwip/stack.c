/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stack.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include <lwip/init.h>
#include <lwip/ip.h>
#include <lwip/netif.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/tcp.h>

/* What is used of the library. */
#define LWIP_FUNCTIONS(X)           \
	X(lwip_init)                \
	X(netif_add)                \
	X(netif_set_up)             \
	X(netif_set_link_up)        \
	X(netif_set_default)        \
	X(netif_ip6_addr_set)       \
	X(netif_ip6_addr_set_state) \
	X(ip_input)                 \
	X(pbuf_alloc)               \
	X(pbuf_take)                \
	X(pbuf_free)                \
	X(pbuf_copy_partial)        \
	X(tcp_new_ip_type)          \
	X(tcp_bind)                 \
	X(tcp_listen_with_backlog)  \
	X(tcp_accept)               \
	X(tcp_connect)              \
	X(tcp_arg)                  \
	X(tcp_recv)                 \
	X(tcp_err)                  \
	X(tcp_recved)               \
	X(tcp_write)                \
	X(tcp_output)               \
	X(tcp_shutdown)             \
	X(tcp_close)                \
	X(tcp_abort)                \
	X(tcp_tmr)
static struct {
#define LWIP_POINTER(name) __typeof__(name) *name;
	LWIP_FUNCTIONS(LWIP_POINTER)
#undef LWIP_POINTER
	struct tcp_pcb **tcp_active_pcbs;
} lw;

static struct {
	struct netif netif[2];
	void (*output)(void *arg, unsigned nif, const uint8_t *data, uint32_t len);
	void *arg;
	usec_t now;
} stack;

uint8_t app_byte(unsigned salt, uint32_t offset)
{
	return (uint8_t)((offset * 2654435761u) >> 24 ^ offset ^ salt * 77);
}

/* ---- interfaces ---- */

static err_t leave(struct netif *netif, struct pbuf *p)
{
	static uint8_t packet[2048];
	uint16_t len = lw.pbuf_copy_partial(p, packet, sizeof(packet), 0);

	stack.output(stack.arg, netif == &stack.netif[1], packet, len);
	return ERR_OK;
}

static err_t leave_v4(struct netif *netif, struct pbuf *p, const ip4_addr_t *to)
{
	return leave(netif, p);
}

static err_t leave_v6(struct netif *netif, struct pbuf *p, const ip6_addr_t *to)
{
	return leave(netif, p);
}

static err_t netif_begin(struct netif *netif)
{
	netif->name[0] = 'w';
	netif->name[1] = 'i';
	netif->mtu = netif->mtu6 = 1500;
	netif->output = leave_v4;
	netif->output_ip6 = leave_v6;
	return ERR_OK;
}

const char *stack_load(void (*output)(void *arg, unsigned nif, const uint8_t *data, uint32_t len),
		       void *arg)
{
	void *lib = dlopen("liblwip.so.0", RTLD_NOW | RTLD_LOCAL);

	if (!lib)
		return dlerror();
#define LWIP_LOOKUP(name)                                           \
	lw.name = (__typeof__(name) *)(uintptr_t)dlsym(lib, #name); \
	if (!lw.name)                                               \
		return "lwIP lacks " #name;
	LWIP_FUNCTIONS(LWIP_LOOKUP)
#undef LWIP_LOOKUP
	lw.tcp_active_pcbs = dlsym(lib, "tcp_active_pcbs");
	if (!lw.tcp_active_pcbs)
		return "lwIP lacks tcp_active_pcbs";
	stack.output = output;
	stack.arg = arg;
	lw.lwip_init();
	return NULL;
}

static void take_address(ip_addr_t *to, const struct stack_address *from, bool v6)
{
	memset(to, 0, sizeof(*to));
	IP_SET_TYPE_VAL(*to, v6 ? IPADDR_TYPE_V6 : IPADDR_TYPE_V4);
	if (v6)
		memcpy(ip_2_ip6(to)->addr, from->v6, sizeof(from->v6));
	else
		ip_2_ip4(to)->addr = from->v4;
}

void stack_interface(unsigned nif, const struct stack_address *own)
{
	struct netif *netif = &stack.netif[nif];
	ip_addr_t address;
	ip4_addr_t mask = {htonl(0xffffff00)}, none = {0};

	take_address(&address, own, false);
	lw.netif_add(netif, ip_2_ip4(&address), &mask, &none, NULL, netif_begin, lw.ip_input);
	lw.netif_set_default(netif);
	lw.netif_set_up(netif);
	lw.netif_set_link_up(netif);
	take_address(&address, own, true);
	lw.netif_ip6_addr_set(netif, 0, ip_2_ip6(&address));
	lw.netif_ip6_addr_set_state(netif, 0, IP6_ADDR_PREFERRED);
}

void stack_input(unsigned nif, const uint8_t *data, uint32_t len, usec_t now)
{
	struct pbuf *p = lw.pbuf_alloc(PBUF_RAW, (uint16_t)len, PBUF_RAM);

	stack.now = now;
	lw.pbuf_take(p, data, (uint16_t)len);
	if (lw.ip_input(p, &stack.netif[nif]) != ERR_OK)
		lw.pbuf_free(p);
}

void stack_tick(void)
{
	lw.tcp_tmr();
}

bool stack_is_idle(void)
{
	return !*lw.tcp_active_pcbs;
}

/* ---- applications ---- */

static void let_go(struct stack_app *a)
{
	lw.tcp_arg(a->pcb, NULL);
	lw.tcp_recv(a->pcb, NULL);
	lw.tcp_err(a->pcb, NULL);
	a->pcb = NULL;
	a->closed = true;
}

static void app_write(struct stack_app *a)
{
	static uint8_t buf[65536];
	struct tcp_pcb *pcb = a->pcb;

	if (a->plan.answers && !a->fin_seen)
		return;
	while (a->written < a->plan.total) {
		uint32_t n = a->plan.total - a->written;

		n = LWIP_MIN(n, a->plan.chunk);
		n = LWIP_MIN(n, tcp_sndbuf(pcb));
		for (uint32_t k = 0; k < n; k++)
			buf[k] = app_byte(a->salt, a->written + k);
		if (n == 0 || lw.tcp_write(pcb, buf, (uint16_t)n, TCP_WRITE_FLAG_COPY) != ERR_OK)
			break;
		a->written += n;
	}
	lw.tcp_output(pcb);
	/* lwIP 2.1 forgets to take the FIN from a segment that it splits: no text may wait when it closes. */
	if (a->written == a->plan.total && !a->fin_sent && !pcb->unsent &&
	    lw.tcp_shutdown(pcb, 0, 1) == ERR_OK)
		a->fin_sent = true;
}

void stack_run(struct stack_app *a, usec_t now)
{
	stack.now = now;
	if (!a->pcb || !a->connected)
		return;
	if (!a->aborted && a->written + a->read >= a->plan.abort_at) {
		struct tcp_pcb *pcb = a->pcb;

		a->aborted = true;
		let_go(a);
		lw.tcp_abort(pcb);
		return;
	}
	if (a->held > 0 && now >= a->stalled_until) {
		lw.tcp_recved(a->pcb, (uint16_t)LWIP_MIN(a->held, 0xffffu));
		a->held -= LWIP_MIN(a->held, 0xffffu);
	}
	app_write(a);
	if (a->fin_sent && a->fin_seen && a->held == 0) {
		struct tcp_pcb *pcb = a->pcb;

		let_go(a);
		lw.tcp_close(pcb);
	}
}

static void app_take(struct stack_app *a, struct pbuf *p)
{
	static uint8_t buf[65536];
	uint16_t n = lw.pbuf_copy_partial(p, buf, p->tot_len, 0);

	for (uint32_t k = 0; k < n; k++)
		a->wrong |= buf[k] != app_byte(a->peer_salt, a->read + k);
	a->read += n;
	if (!a->stalled_until && a->read >= a->plan.stall_at)
		a->stalled_until = stack.now + a->plan.stall;
	if (stack.now < a->stalled_until)
		a->held += n;
	else
		lw.tcp_recved(a->pcb, n);
}

static err_t on_receive(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t error)
{
	struct stack_app *a = arg;

	if (!p) {
		if (a)
			a->fin_seen = true;
		return ERR_OK;
	}
	if (a)
		app_take(a, p);
	lw.pbuf_free(p);
	return ERR_OK;
}

static void on_error(void *arg, err_t error)
{
	struct stack_app *a = arg;

	if (!a)
		return;
	a->pcb = NULL;
	a->closed = true;
	/* the last ACK of a connection that both sides have finished */
	if (error != ERR_CLSD || !a->fin_seen || !a->fin_sent)
		/* NOLINTNEXTLINE(bugprone-signed-char-misuse): err_t is a small number, no character */
		a->error = error;
}

static void adopt(struct stack_app *a, struct tcp_pcb *pcb)
{
	a->pcb = pcb;
	lw.tcp_arg(pcb, a);
	lw.tcp_recv(pcb, on_receive);
	lw.tcp_err(pcb, on_error);
	/* who waits for a peer whose RST got lost must find out */
	ip_set_option(pcb, SOF_KEEPALIVE);
	pcb->keep_idle = 60000;
	pcb->keep_intvl = 10000;
}

static err_t on_connected(void *arg, struct tcp_pcb *pcb, err_t error)
{
	((struct stack_app *)arg)->connected = true;
	return ERR_OK;
}

static err_t on_accept(void *arg, struct tcp_pcb *pcb, err_t error)
{
	struct stack_app *a = arg;

	if (a->connected)
		return ERR_MEM;
	a->connected = true;
	adopt(a, pcb);
	return ERR_OK;
}

void stack_connect(struct stack_app *a, const struct stack_address *to, bool v6)
{
	struct tcp_pcb *pcb = lw.tcp_new_ip_type(IPADDR_TYPE_ANY);
	ip_addr_t address;

	take_address(&address, to, v6);
	adopt(a, pcb);
	if (lw.tcp_connect(pcb, &address, STACK_PORT, on_connected) != ERR_OK)
		abort();
}

void stack_listen(struct stack_app *a)
{
	struct tcp_pcb *pcb = lw.tcp_new_ip_type(IPADDR_TYPE_ANY);
	ip_addr_t any;

	memset(&any, 0, sizeof(any));
	IP_SET_TYPE_VAL(any, IPADDR_TYPE_ANY);
	if (lw.tcp_bind(pcb, &any, STACK_PORT) != ERR_OK)
		abort();
	pcb = lw.tcp_listen_with_backlog(pcb, 5);
	lw.tcp_arg(pcb, a);
	lw.tcp_accept(pcb, on_accept);
}
