/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/text.h"

#include <stdarg.h>
#include <stdio.h>

#include "wire/layout.h"

/* Text under construction; what does not fit is left out. */
struct line {
	char *buf;
	size_t cap, len;
};

__attribute__((format(printf, 2, 3))) static void add(struct line *l, const char *format, ...)
{
	size_t room = l->cap - l->len;
	va_list args;
	int n;

	if (room <= 1)
		return;
	va_start(args, format);
	n = vsnprintf(l->buf + l->len, room, format, args);
	va_end(args);
	if (n > 0)
		l->len += (size_t)n < room ? (size_t)n : room - 1;
}

static struct line line_begin(char *buf, size_t cap)
{
	if (cap > 0)
		buf[0] = '\0';
	return (struct line){buf, cap, 0};
}

/* Names in tcpdump's order, its letter first. */
static const struct {
	uint16_t flag;
	char letter;
	const char *name;
} flag_names[] = {
	{TCP_FIN, 'F', "FIN"}, {TCP_SYN, 'S', "SYN"}, {TCP_RST, 'R', "RST"},
	{TCP_PSH, 'P', "PSH"}, {TCP_ACK, '.', "ACK"}, {TCP_URG, 'U', "URG"},
	{TCP_ECE, 'E', "ECE"}, {TCP_CWR, 'W', "CWR"}, {TCP_AE, 'e', "AE"},
};

static void add_flag_letters(struct line *l, uint16_t flags)
{
	size_t i;

	add(l, "[");
	if ((flags & TCP_FLAGS_ALL) == 0)
		add(l, "none");
	for (i = 0; i < ARRAY_SIZE(flag_names); i++)
		if (flags & flag_names[i].flag)
			add(l, "%c", flag_names[i].letter);
	if (flags & TCP_RESERVED)
		add(l, "+%x", (flags & TCP_RESERVED) >> 9);
	add(l, "]");
}

static const struct {
	uint16_t bit;
	const char *text;
} plain_options[] = {
	{TCP_OPT_FASTOPEN, "tfo"}, {TCP_OPT_MPTCP, "mptcp"},	 {TCP_OPT_MD5, "md5"},
	{TCP_OPT_AO, "ao"},	   {TCP_OPT_UNKNOWN, "unknown"}, {TCP_OPT_MALFORMED, "malformed"},
};

/* separator() - the one to write now; "," from then on. */
static const char *separator(const char **next)
{
	const char *now = *next;

	*next = ",";
	return now;
}

static void add_options(struct line *l, const struct tcp_options *o)
{
	const char *next = " <";
	size_t i;

	if (o->present & TCP_OPT_MSS)
		add(l, "%smss %u", separator(&next), o->mss);
	if (o->present & TCP_OPT_SACK_PERMITTED)
		add(l, "%ssackOK", separator(&next));
	if (o->present & TCP_OPT_TIMESTAMPS)
		add(l, "%sTS val %u ecr %u", separator(&next), o->ts_val, o->ts_ecr);
	if (o->present & TCP_OPT_WSCALE)
		add(l, "%swscale %u", separator(&next), o->wscale);
	if (o->present & TCP_OPT_SACK) {
		add(l, "%ssack %u ", separator(&next), o->n_sack);
		for (i = 0; i < o->n_sack; i++)
			add(l, "{%u:%u}", o->sack[i].left, o->sack[i].right);
	}
	for (i = 0; i < ARRAY_SIZE(plain_options); i++)
		if (o->present & plain_options[i].bit)
			add(l, "%s%s", separator(&next), plain_options[i].text);
	if (o->present)
		add(l, ">");
}

static void add_tcp(struct line *l, const struct pkt *p)
{
	add(l, " ");
	add_flag_letters(l, p->flags);
	add(l, " seq %u", p->seq);
	if (p->flags & TCP_ACK)
		add(l, " ack %u", p->ack);
	add(l, " win %u", p->window);
	if (p->flags & TCP_URG)
		add(l, " urg %u", p->urgent);
	add(l, " len %u", p->payload_len);
	add_options(l, &p->opt);
}

static void add_endpoints(struct line *l, const struct ip_addr *src, uint16_t sport,
			  const struct ip_addr *dst, uint16_t dport)
{
	char a[IP_ENDPOINT_STRLEN], b[IP_ENDPOINT_STRLEN];

	add(l, "%s > %s", ip_endpoint_format(src, sport, a), ip_endpoint_format(dst, dport, b));
}

static void add_hosts(struct line *l, const struct pkt *p)
{
	char a[IP_ADDR_STRLEN], b[IP_ADDR_STRLEN];

	add(l, "%s > %s", ip_addr_format(&p->src, a), ip_addr_format(&p->dst, b));
}

static void add_icmp(struct line *l, const struct pkt *p)
{
	const struct pkt_quote *q = &p->quote;

	add_hosts(l, p);
	add(l, " icmp%s %u/%u about ", p->family == 6 ? "6" : "", p->icmp_type, p->icmp_code);
	add_endpoints(l, &q->src, q->sport, &q->dst, q->dport);
	add(l, " seq %u", q->seq);
}

const char *pkt_format(const struct pkt *p, char *buf, size_t cap)
{
	struct line l = line_begin(buf, cap);

	if (p->family == 0) {
		add(&l, "not IP, len %u", p->len);
		return buf;
	}
	switch (p->kind) {
	case PKT_TCP:
		add_endpoints(&l, &p->src, p->sport, &p->dst, p->dport);
		add_tcp(&l, p);
		break;
	case PKT_ICMP_ERROR:
		add_icmp(&l, p);
		break;
	case PKT_FRAGMENT:
	case PKT_OTHER:
		if (p->sport || p->dport)
			add_endpoints(&l, &p->src, p->sport, &p->dst, p->dport);
		else
			add_hosts(&l, p);
		add(&l, " %sproto %u len %u", p->kind == PKT_FRAGMENT ? "fragment " : "",
		    p->protocol, p->len);
		break;
	}
	return buf;
}

const char *tcp_flags_format(uint16_t flags, char *buf, size_t cap)
{
	struct line l = line_begin(buf, cap);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(flag_names); i++)
		if (flags & flag_names[i].flag)
			add(&l, "%s%s", l.len ? "|" : "", flag_names[i].name);
	if (flags & TCP_RESERVED)
		add(&l, "%sreserved-%x", l.len ? "|" : "", (flags & TCP_RESERVED) >> 9);
	if ((flags & TCP_FLAGS_ALL) == 0)
		add(&l, "none");
	return buf;
}
