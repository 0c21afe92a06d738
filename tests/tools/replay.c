/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * replay - send a recorded attack again, at its own pace, toward another address.
 *
 * The attacked address of a capture is the destination that most of its TCP packets share; only
 * packets toward it are sent. Their sources are kept, their destination is replaced, and all
 * checksums are computed anew.
 */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <pcap/pcap.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sender.h"

#define PACKETS_MAX 4000000u
#define BYTES_MAX   (1u << 30)
#define LOOP_MAX_US (3600 * 1000000ull)

/* One TCP packet of the capture, its bytes starting with the IP header. */
struct record {
	uint64_t time_us; /* as captured */
	uint32_t len;
	bool syn;
	uint8_t *bytes;
};

struct capture {
	struct record *rec;
	uint32_t n, room;
	uint64_t bytes;
	uint32_t skipped; /* not whole, not TCP, a fragment */
	uint64_t last_us; /* time never runs backwards */
};

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

/* link_header() - bytes before the IP header, or -1 for a packet of another protocol. */
static int link_header(int type, const uint8_t *p, uint32_t len)
{
	uint32_t off, ethertype;

	switch (type) {
	case DLT_RAW:
	case DLT_IPV4:
	case DLT_IPV6:
		return 0;
	case DLT_NULL:
	case DLT_LOOP:
		return 4;
	case DLT_LINUX_SLL:
		off = 14;
		break;
	case DLT_LINUX_SLL2:
		return len >= 20 ? 20 : -1;
	case DLT_EN10MB:
		off = 12;
		break;
	default:
		die("the capture's link type %s is not known here",
		    pcap_datalink_val_to_name(type));
	}
	while (off + 2 <= len) {
		ethertype = (uint32_t)p[off] << 8 | p[off + 1];
		off += 2;
		if (ethertype == 0x0800 || ethertype == 0x86dd)
			return (int)off;
		if (ethertype != 0x8100 && ethertype != 0x88a8)
			return -1;
		off += 2; /* a VLAN tag */
	}
	return -1;
}

/* tcp_packet_len() - length of the whole IP packet at @p if all of it is there and it is an
 * unfragmented TCP one; 0 otherwise. */
static uint32_t tcp_packet_len(const uint8_t *p, uint32_t have)
{
	const struct iphdr *ip = (const struct iphdr *)p;
	uint32_t len, hl;

	if (have < sizeof(*ip))
		return 0;
	if (p[0] >> 4 == 4) {
		len = ntohs(ip->tot_len);
		hl = ip->ihl * 4u;
		if (ip->protocol != IPPROTO_TCP || hl < 20 || (ntohs(ip->frag_off) & 0x3fff))
			return 0;
	} else {
		hl = sizeof(struct ip6_hdr);
		if (have < hl || p[0] >> 4 != 6 || p[6] != IPPROTO_TCP)
			return 0;
		len = hl + ((uint32_t)p[4] << 8 | p[5]);
	}
	return len <= have && len >= hl + sizeof(struct tcphdr) ? len : 0;
}

static struct tcphdr *tcp_of(uint8_t *p)
{
	return (struct tcphdr *)(p + (p[0] >> 4 == 4 ? (p[0] & 15) * 4 : sizeof(struct ip6_hdr)));
}

static void remember(struct capture *c, const struct pcap_pkthdr *h, const uint8_t *p, uint32_t len)
{
	struct record *r;

	if (c->n >= PACKETS_MAX || c->bytes + len > BYTES_MAX)
		die("the capture is too large: at most %u packets and %u bytes", PACKETS_MAX,
		    BYTES_MAX);
	if (c->n == c->room) {
		c->room = c->room ? 2 * c->room : 4096;
		c->rec = realloc(c->rec, c->room * sizeof(*c->rec));
	}
	if (!c->rec)
		die("out of memory");
	r = &c->rec[c->n++];
	r->bytes = malloc(len);
	if (!r->bytes)
		die("out of memory");
	memcpy(r->bytes, p, len);
	r->len = len;
	r->syn = tcp_of(r->bytes)->syn && !tcp_of(r->bytes)->ack;
	r->time_us = (uint64_t)h->ts.tv_sec * 1000000 + (uint64_t)h->ts.tv_usec;
	if (r->time_us < c->last_us)
		r->time_us = c->last_us;
	c->last_us = r->time_us;
	c->bytes += len;
}

static void load(struct capture *c, const char *file)
{
	char error[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = pcap_open_offline(file, error);
	struct pcap_pkthdr *h;
	const uint8_t *p;
	uint32_t len;
	int off, ret;

	if (!pcap)
		die("%s", error);
	while ((ret = pcap_next_ex(pcap, &h, &p)) == 1) {
		off = link_header(pcap_datalink(pcap), p, h->caplen);
		len = off < 0 ? 0 : tcp_packet_len(p + off, h->caplen - (uint32_t)off);
		if (len)
			remember(c, h, p + off, len);
		else
			c->skipped++;
	}
	if (ret == PCAP_ERROR)
		fprintf(stderr, "replay: %s: %s; using what was read\n", file, pcap_geterr(pcap));
	pcap_close(pcap);
	if (!c->n)
		die("%s: no whole TCP packet in it", file);
}

/* The destination address, 16 bytes in any case. */
static void destination(const uint8_t *p, uint8_t dst[16])
{
	memset(dst, 0, 16);
	if (p[0] >> 4 == 4)
		memcpy(dst, p + 16, 4);
	else
		memcpy(dst, p + 24, 16);
}

/*
 * most_frequent() - the attacked address, by the majority vote of Boyer and Moore extended to a
 * few candidates (Misra-Gries), counted exactly in a second pass.
 */
static void most_frequent(const struct capture *c, uint8_t best[16])
{
	struct {
		uint8_t dst[16];
		uint32_t votes, count;
	} cand[64] = {0};
	uint8_t dst[16];
	uint32_t i, j, most = 0;

	for (i = 0; i < c->n; i++) {
		destination(c->rec[i].bytes, dst);
		for (j = 0; j < ARRAY_SIZE(cand) && memcmp(cand[j].dst, dst, 16) != 0; j++)
			;
		if (j == ARRAY_SIZE(cand))
			for (j = 0; j < ARRAY_SIZE(cand) && cand[j].votes; j++)
				;
		if (j < ARRAY_SIZE(cand)) {
			memcpy(cand[j].dst, dst, 16);
			cand[j].votes++;
		} else {
			for (j = 0; j < ARRAY_SIZE(cand); j++)
				cand[j].votes--;
		}
	}
	for (i = 0; i < c->n; i++) {
		destination(c->rec[i].bytes, dst);
		for (j = 0; j < ARRAY_SIZE(cand); j++)
			if (cand[j].votes && !memcmp(cand[j].dst, dst, 16) &&
			    ++cand[j].count > most) {
				most = cand[j].count;
				memcpy(best, dst, 16);
			}
	}
}

/* retarget() - new destination and port, all checksums computed anew. */
static void retarget(struct record *r, const struct endpoint *dst)
{
	uint8_t *p = r->bytes;
	struct tcphdr *th = tcp_of(p);
	uint32_t tcp_len = r->len - (uint32_t)((uint8_t *)th - p);
	uint16_t pseudo[2] = {htons(IPPROTO_TCP), htons((uint16_t)tcp_len)};
	uint64_t sum;

	if (dst->sa.ss_family == AF_INET) {
		struct iphdr *ip = (struct iphdr *)p;

		ip->daddr = ((const struct sockaddr_in *)&dst->sa)->sin_addr.s_addr;
		if (ip->ttl < 8)
			ip->ttl = 8;
		ip->check = 0;
		ip->check = csum_done(csum_add(0, ip, ip->ihl * 4u));
		sum = csum_add(0, &ip->saddr, 8);
	} else {
		memcpy(p + 24, &((const struct sockaddr_in6 *)&dst->sa)->sin6_addr, 16);
		if (p[7] < 8)
			p[7] = 8;
		sum = csum_add(0, p + 8, 32);
	}
	th->dest = htons(endpoint_port(dst));
	th->check = 0;
	th->check = csum_done(csum_add(csum_add(sum, pseudo, sizeof(pseudo)), th, tcp_len));
}

/* select_attack() - keep only what went to the attacked address, aimed at @dst from now on. */
static void select_attack(struct capture *c, const struct endpoint *dst)
{
	uint8_t target[16], d[16], version = dst->sa.ss_family == AF_INET ? 4 : 6;
	uint32_t i, n = 0;

	most_frequent(c, target);
	for (i = 0; i < c->n; i++) {
		destination(c->rec[i].bytes, d);
		if (memcmp(d, target, 16) != 0)
			continue;
		if (c->rec[i].bytes[0] >> 4 != version)
			die("the recorded attack is IPv%d: give an address of that family",
			    c->rec[i].bytes[0] >> 4);
		c->rec[n] = c->rec[i];
		retarget(&c->rec[n++], dst);
	}
	c->n = n;
}

/* trim_lead() - leave out what lies more than @lead_us before the first SYN. */
static uint32_t trim_lead(const struct capture *c, uint64_t lead_us)
{
	uint32_t i, first = 0;

	while (first < c->n && !c->rec[first].syn)
		first++;
	if (first == c->n)
		return 0;
	for (i = first; i > 0 && c->rec[i - 1].time_us + lead_us >= c->rec[first].time_us; i--)
		;
	return i;
}

struct replay {
	struct endpoint dst;
	uint64_t lead_us, loop_us;
	uint64_t syns, first_syn_us, rounds;
};

/* play() - once through the capture from record @from, starting now. */
static void play(struct replay *rp, const struct capture *c, uint32_t from, struct sender *s,
		 uint64_t end)
{
	uint64_t start = now_us(), due;
	uint8_t *packet[SENDER_BATCH];
	uint32_t length[SENDER_BATCH], i = from, n;

	while (i < c->n && !stop) {
		due = start + c->rec[i].time_us - c->rec[from].time_us;
		sleep_until_us(due < end ? due : end);
		if (due > end)
			return;
		for (n = 0; n < SENDER_BATCH && i < c->n; n++, i++) {
			due = start + c->rec[i].time_us - c->rec[from].time_us;
			if (due > now_us())
				break;
			packet[n] = c->rec[i].bytes;
			length[n] = c->rec[i].len;
			if (c->rec[i].syn && !rp->syns++)
				rp->first_syn_us = now_us();
		}
		if (n)
			sender_send(s, packet, length, n);
	}
	rp->rounds++;
}

static const char help[] =
	"usage: replay --dst ADDRESS --port PORT [options] FILE\n"
	"Send the attack recorded in FILE (pcap or pcapng) toward ADDRESS, at its own pace.\n"
	"\n"
	"  --lead S          leave out what lies more than S before the first SYN (default: keep)\n"
	"  --loop S          play it again and again for S seconds\n"
	"  --seconds S       stop after S seconds in any case (default 300)\n"
	"  --show            print what is in the capture, send nothing\n"
	"  --raw | --packet  raw IP socket or packet socket (default: packet if possible)\n"
	"  --yes-i-own-this  also outside of a network namespace of its own\n"
	"\n"
	"Prints one JSON line as flood does, with syns, first_syn_us and rounds besides.\n";

static const struct option options[] = {
	{"dst", required_argument, NULL, 'd'},
	{"port", required_argument, NULL, 'p'},
	{"lead", required_argument, NULL, 'l'},
	{"loop", required_argument, NULL, 'L'},
	{"seconds", required_argument, NULL, 's'},
	{"show", no_argument, NULL, 'S'},
	{"raw", no_argument, NULL, 'R'},
	{"packet", no_argument, NULL, 'P'},
	{"yes-i-own-this", no_argument, NULL, 'y'},
	{"help", no_argument, NULL, 'h'},
	{0},
};

static void show(const struct capture *c, uint32_t from)
{
	uint32_t i, syns = 0;
	uint64_t first = 0, last = 0;

	for (i = from; i < c->n; i++) {
		if (!c->rec[i].syn)
			continue;
		if (!syns++)
			first = c->rec[i].time_us;
		last = c->rec[i].time_us;
	}
	printf("{\"packets\":%u,\"skipped\":%u,\"seconds\":%.3f,\"syns\":%u,"
	       "\"first_syn_at\":%.3f,\"last_syn_at\":%.3f}\n",
	       c->n - from, c->skipped,
	       (double)(c->rec[c->n - 1].time_us - c->rec[from].time_us) / 1e6, syns,
	       syns ? (double)(first - c->rec[from].time_us) / 1e6 : 0.0,
	       syns ? (double)(last - c->rec[from].time_us) / 1e6 : 0.0);
}

static void report(const struct replay *rp, const struct sender *s)
{
	char extra[120];

	snprintf(extra, sizeof(extra), ",\"syns\":%llu,\"first_syn_us\":%llu,\"rounds\":%llu",
		 (unsigned long long)rp->syns, (unsigned long long)rp->first_syn_us,
		 (unsigned long long)rp->rounds);
	sender_report(s, extra);
}

struct cli {
	const char *dst;
	uint16_t port;
	uint64_t seconds_us;
	enum sender_way way;
	bool owned, show;
};

static void parse_option(struct replay *rp, struct cli *cli, int o)
{
	switch (o) {
	case 'd':
		cli->dst = optarg;
		break;
	case 'p':
		cli->port = (uint16_t)parse_number("--port", optarg, 1, 65535);
		break;
	case 'l':
		rp->lead_us = parse_seconds("--lead", optarg, LOOP_MAX_US);
		break;
	case 'L':
		rp->loop_us = parse_seconds("--loop", optarg, LOOP_MAX_US);
		break;
	case 's':
		cli->seconds_us = parse_seconds("--seconds", optarg, LOOP_MAX_US);
		break;
	case 'S':
		cli->show = true;
		break;
	case 'R':
		cli->way = SENDER_RAW;
		break;
	case 'P':
		cli->way = SENDER_PACKET;
		break;
	case 'y':
		cli->owned = true;
		break;
	case 'h':
		fputs(help, stdout);
		exit(0);
	default:
		usage_error("unknown or incomplete option");
	}
}

/* run() - play once, or again and again for as long as --loop says, within --seconds. */
static void run(struct replay *rp, const struct capture *c, uint32_t from, struct sender *s,
		uint64_t seconds_us)
{
	uint64_t start = now_us(), end = start + seconds_us, loop_end = start + rp->loop_us;

	if (rp->loop_us && loop_end < end)
		end = loop_end;
	do {
		play(rp, c, from, s, end);
	} while (!stop && now_us() < loop_end && now_us() < end);
}

int main(int argc, char **argv)
{
	static struct capture c;
	struct replay rp = {.lead_us = LOOP_MAX_US};
	struct cli cli = {.way = SENDER_AUTO, .seconds_us = 300000000};
	struct sender s;
	uint32_t from;
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1)
		parse_option(&rp, &cli, o);
	if (!cli.dst || !cli.port || optind + 1 != argc)
		usage_error("--dst ADDRESS, --port PORT and one FILE are needed");
	parse_address(&rp.dst, cli.dst, cli.port);
	load(&c, argv[optind]);
	select_attack(&c, &rp.dst);
	from = trim_lead(&c, rp.lead_us);
	if (cli.show) {
		show(&c, from);
		return 0;
	}
	refuse_strangers(&rp.dst, NULL, cli.owned);
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	sender_open(&s, &rp.dst, cli.way, false);
	run(&rp, &c, from, &s, cli.seconds_us);
	report(&rp, &s);
	return s.failed ? 1 : 0;
}
