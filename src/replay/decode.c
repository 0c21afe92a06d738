/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replay/decode.h"

#include <pcap/dlt.h>

#include "wire/bytes.h"
#include "wire/layout.h"

#define ETHERTYPE_IPV4	0x0800
#define ETHERTYPE_IPV6	0x86dd
#define ETHERTYPE_PPPOE 0x8864
#define PPP_IPV4	0x0021
#define PPP_IPV6	0x0057

const char *link_name(int link)
{
	switch (link) {
	case DLT_EN10MB:
		return "Ethernet";
	case DLT_LINUX_SLL:
		return "Linux cooked";
	case DLT_LINUX_SLL2:
		return "Linux cooked v2";
	case DLT_RAW:
	case DLT_IPV4:
	case DLT_IPV6:
		return "raw IP";
	case DLT_NULL:
	case DLT_LOOP:
		return "BSD loopback";
	case DLT_PPP:
		return "PPP";
	default:
		return NULL;
	}
}

static bool is_vlan(uint16_t ethertype)
{
	return ethertype == 0x8100 || ethertype == 0x88a8 || ethertype == 0x9100;
}

/* behind_ppp() - @at: of a PPP protocol number. Return: offset of the IP header or -1. */
static int behind_ppp(const uint8_t *p, uint32_t have, uint32_t at)
{
	uint16_t protocol;

	if (at + 2 > have)
		return -1;
	protocol = load16(p + at);
	return protocol == PPP_IPV4 || protocol == PPP_IPV6 ? (int)at + 2 : -1;
}

/*
 * behind_ethertype() - @at: of an ethertype; @next: of what follows, VLAN tags first.
 * Return: offset of the IP header or -1.
 */
static int behind_ethertype(const uint8_t *p, uint32_t have, uint32_t at, uint32_t next)
{
	uint16_t type;

	while (at + 2 <= have) {
		type = load16(p + at);
		if (type == ETHERTYPE_IPV4 || type == ETHERTYPE_IPV6)
			return (int)next;
		if (type == ETHERTYPE_PPPOE)
			return behind_ppp(p, have, next + 6);
		if (!is_vlan(type))
			return -1;
		at = next + 2;
		next = at + 2;
	}
	return -1;
}

/* behind_family() - an address family of whatever system and byte order wrote it. */
static int behind_family(const uint8_t *p, uint32_t have)
{
	uint32_t family = have >= 4 ? load32(p) : 0;

	if (family > 0xffff)
		family = __builtin_bswap32(family);
	switch (family) {
	case 2: /* everywhere */
	case 10: /* IPv6 on Linux */
	case 24: /* on NetBSD and OpenBSD */
	case 28: /* on FreeBSD */
	case 30: /* on macOS */
		return 4;
	default:
		return -1;
	}
}

/* ip_offset() - where the IP header begins; -1: there is none. */
static int ip_offset(const struct frame *f)
{
	switch (f->link) {
	case DLT_EN10MB:
		return behind_ethertype(f->data, f->cap_len, 12, 14);
	case DLT_LINUX_SLL:
		return behind_ethertype(f->data, f->cap_len, 14, 16);
	case DLT_LINUX_SLL2:
		return behind_ethertype(f->data, f->cap_len, 0, 20);
	case DLT_NULL:
	case DLT_LOOP:
		return behind_family(f->data, f->cap_len);
	case DLT_PPP:
		/* address and control may be left out */
		return f->cap_len >= 2 && load16(f->data) == 0xff03
			       ? behind_ppp(f->data, f->cap_len, 2)
			       : behind_ppp(f->data, f->cap_len, 0);
	default:
		return 0;
	}
}

/*
 * shorten_options() - make the TCP header end where the bytes end, and the packet shorter by what the
 * header has lost, so that no payload appears. Return: false if that is not what is wrong with @p.
 */
static bool shorten_options(struct pkt *p, uint32_t *len)
{
	uint32_t have = p->cap_len > p->l4_off ? p->cap_len - p->l4_off : 0, hdr, lost, field;
	uint8_t *tcp = p->data + p->l4_off;

	if (p->protocol != PROTO_TCP || have < TCP_HEADER_MIN)
		return false;
	hdr = (tcp[TCP_OFFSET] >> 4) * 4u;
	if (hdr <= have || p->len < p->l4_off + hdr)
		return false;
	lost = hdr - (have & ~3u);
	field = p->family == 4 ? 2 : 4; /* of the length in the IP header */
	if (load16(p->data + field) < lost)
		return false;
	tcp[TCP_OFFSET] = (uint8_t)((have / 4) << 4 | (tcp[TCP_OFFSET] & 0xf));
	store16(p->data + field, (uint16_t)(load16(p->data + field) - lost));
	*len -= lost;
	return true;
}

static enum replay_trouble trouble_of(const struct pkt *p, int error, bool cut)
{
	if (error == -PKT_ERR_TRUNCATED && cut)
		return TROUBLE_CUT;
	return error == -PKT_ERR_TCP_HEADER || (p->protocol == PROTO_TCP && p->l4_off)
		       ? TROUBLE_BAD_TCP
		       : TROUBLE_BAD_IP;
}

bool decode_frame(struct decoder *d, const struct frame *f, struct pkt *p)
{
	uint32_t cap, len;
	int off, error;

	if (!link_name(f->link)) {
		d->trouble[TROUBLE_LINK_TYPE]++;
		return false;
	}
	off = ip_offset(f);
	if (off < 0 || (uint32_t)off >= f->cap_len) {
		bool cut = f->cap_len < f->len && f->cap_len < 24;

		d->trouble[cut || off >= 0 ? TROUBLE_CUT : TROUBLE_NOT_IP]++;
		return false;
	}
	cap = f->cap_len - (uint32_t)off;
	len = f->len - (uint32_t)off;
	memcpy(d->bytes, f->data + off, cap);
	error = pkt_parse(p, d->bytes, cap, len, PKT_CSUM_FULL);
	if (error == -PKT_ERR_TRUNCATED && cap < len && shorten_options(p, &len)) {
		error = pkt_parse(p, d->bytes, cap, len, PKT_CSUM_FULL);
		if (!error)
			d->trouble[TROUBLE_CUT_OPTIONS]++;
	}
	if (error)
		d->trouble[trouble_of(p, error, cap < len)]++;
	return !error;
}
