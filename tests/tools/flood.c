/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * flood - send TCP segments with forged, random sources at a steady pace.
 *
 * One template is built; for each packet the source address, source port and sequence number are
 * drawn anew and the checksums are completed from the template's sum.
 */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sender.h"

#define PACKET_MAX  128
#define SECONDS_MAX 3600

struct flood {
	struct endpoint dst, from;
	unsigned from_len; /* prefix bits */
	uint64_t rate, count, duration_us, seed;
	const char *flags;
	bool linux_options, same_port;
	unsigned ttl;
	uint16_t source_port;

	/* The headers are written through their structs. */
	_Alignas(uint64_t) uint8_t template[PACKET_MAX];
	unsigned len, ip_len; /* of the whole packet, of the IP header */
	uint64_t ip_sum, tcp_sum; /* of the template, fields that change being zero */
	uint64_t rng;
};

_Static_assert(offsetof(struct flood, template) % _Alignof(struct tcphdr) == 0,
	       "headers would be misaligned");

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

static const char help[] =
	"usage: flood --dst ADDRESS --port PORT [options]\n"
	"Send TCP SYNs with random forged sources, for tests of your own machines.\n"
	"\n"
	"  --from PREFIX/LEN     sources (default 0.0.0.0/0, fd99::/16, or loopback to loopback)\n"
	"  --source-port PORT    instead of a random one\n"
	"  --rate N              packets a second, evenly paced (default 1000; 0: no limit)\n"
	"  --seconds S           for so long (default 10, at most 3600)\n"
	"  --count N             and no more than N packets\n"
	"  --flags LETTERS       S A F R P U E W as in tcpdump (default S; real floods: SEW)\n"
	"  --options none|linux  TCP options of the SYN (default none)\n"
	"  --ttl N               (default 242)\n"
	"  --seed N              of the random numbers (default: from the clock)\n"
	"  --raw | --packet      raw IP socket or packet socket (default: packet if possible)\n"
	"  --qdisc-bypass        past the queueing discipline, with --packet\n"
	"  --yes-i-own-this      real sources outside of a network namespace of its own\n"
	"\n"
	"Prints one JSON line: sent, failed, first_us and last_us (CLOCK_MONOTONIC, taken just\n"
	"before the first and after the last packet), first_realtime_us, seconds, rate.\n";

static void parse_from(struct flood *f, char *text)
{
	char *slash = strchr(text, '/');
	unsigned max;

	if (slash)
		*slash = '\0';
	parse_address(&f->from, text, 0);
	max = f->from.sa.ss_family == AF_INET ? 32 : 128;
	f->from_len = slash ? (unsigned)parse_number("--from", slash + 1, 0, max) : max;
}

static uint8_t tcp_flags(const char *letters)
{
	static const char names[] = "FSRPAUEW";
	uint8_t flags = 0;
	const char *p;

	for (; *letters; letters++) {
		p = strchr(names, *letters);
		if (!p)
			usage_error("--flags: '%c' is none of %s", *letters, names);
		flags |= (uint8_t)(1u << (p - names));
	}
	return flags;
}

/* What a Linux client of today puts into its SYN: MSS 1460, SACK, timestamps, scale 7. */
static const uint8_t linux_options[] = {2,   4,	  5, 180, 4, 2, 8, 10, 0, 152,
					150, 129, 0, 0,	  0, 0, 1, 3,  3, 7};

static void build_tcp(struct flood *f)
{
	struct tcphdr *th = (struct tcphdr *)(f->template + f->ip_len);
	unsigned options = f->linux_options ? sizeof(linux_options) : 0;
	unsigned tcp_len = sizeof(*th) + options;
	uint8_t flags = tcp_flags(f->flags);
	uint16_t pseudo[2] = {htons(IPPROTO_TCP), htons((uint16_t)tcp_len)};

	f->len = f->ip_len + tcp_len;
	th->dest = htons(endpoint_port(&f->dst));
	th->doff = (uint8_t)(tcp_len / 4) & 15;
	((uint8_t *)th)[13] = flags;
	th->window = htons(65535);
	memcpy(th + 1, linux_options, options);
	f->tcp_sum = csum_add(csum_add(0, th, tcp_len), pseudo, sizeof(pseudo));
}

static void build_ipv4(struct flood *f)
{
	struct iphdr *ip = (struct iphdr *)f->template;

	f->ip_len = sizeof(*ip);
	build_tcp(f);
	ip->version = 4;
	ip->ihl = 5;
	ip->tot_len = htons((uint16_t)f->len);
	ip->ttl = (uint8_t)f->ttl;
	ip->protocol = IPPROTO_TCP;
	ip->daddr = ((struct sockaddr_in *)&f->dst.sa)->sin_addr.s_addr;
	f->ip_sum = csum_add(0, ip, sizeof(*ip));
	f->tcp_sum = csum_add(f->tcp_sum, &ip->daddr, 4);
}

static void build_ipv6(struct flood *f)
{
	struct ip6_hdr *ip = (struct ip6_hdr *)f->template;

	f->ip_len = sizeof(*ip);
	build_tcp(f);
	ip->ip6_flow = htonl(6u << 28);
	ip->ip6_plen = htons((uint16_t)(f->len - f->ip_len));
	ip->ip6_nxt = IPPROTO_TCP;
	ip->ip6_hlim = (uint8_t)f->ttl;
	ip->ip6_dst = ((struct sockaddr_in6 *)&f->dst.sa)->sin6_addr;
	f->tcp_sum = csum_add(f->tcp_sum, &ip->ip6_dst, 16);
}

/* A random address of the prefix; out of a wide one never of 0/8, 127/8 or 224/3, which a router
 * would refuse. */
static uint32_t random_ipv4(struct flood *f)
{
	uint32_t base = ntohl(((struct sockaddr_in *)&f->from.sa)->sin_addr.s_addr);
	uint32_t host = f->from_len == 32 ? 0 : UINT32_MAX >> f->from_len;
	uint32_t addr;
	int i;

	for (i = 0; i < 64; i++) {
		addr = (base & ~host) | ((uint32_t)rng_next(&f->rng) & host);
		if (f->from_len >= 8)
			break;
		if (addr >> 24 != 0 && addr >> 24 != 127 && addr >> 29 != 7)
			break;
	}
	return htonl(addr);
}

static void random_ipv6(struct flood *f, uint8_t *addr)
{
	const uint8_t *base = ((struct sockaddr_in6 *)&f->from.sa)->sin6_addr.s6_addr;
	uint64_t random[2] = {rng_next(&f->rng), rng_next(&f->rng)};
	uint8_t r[sizeof(random)];
	unsigned i, keep;

	memcpy(r, random, sizeof(r));
	for (i = 0; i < 16; i++) {
		keep = f->from_len >= 8 * i + 8 ? 8
		       : f->from_len <= 8 * i	? 0
						: f->from_len - 8 * i;
		addr[i] = (uint8_t)((base[i] & (0xff00 >> keep)) | (r[i] & (0xff >> keep)));
	}
}

/* make_packet() - the template with a source of its own. */
static void make_packet(struct flood *f, uint8_t *p)
{
	struct tcphdr *th = (struct tcphdr *)(p + f->ip_len);
	uint64_t random = rng_next(&f->rng), source_sum;

	memcpy(p, f->template, f->len);
	th->source =
		htons(f->source_port ? f->source_port : (uint16_t)(1024 + (random >> 32) % 64512));
	th->seq = (uint32_t)random;
	if (f->dst.sa.ss_family == AF_INET) {
		struct iphdr *ip = (struct iphdr *)p;

		ip->saddr = random_ipv4(f);
		source_sum = csum_add(0, &ip->saddr, 4);
		ip->check = csum_done(f->ip_sum + source_sum);
	} else {
		random_ipv6(f, p + 8);
		source_sum = csum_add(0, p + 8, 16);
	}
	th->check = csum_done(csum_add(f->tcp_sum + source_sum, th, 8) - th->dest);
}

/* pace() - wait until the next batch is due. Return: how many packets it may have. */
static unsigned pace(const struct flood *f, const struct sender *s, uint64_t start, uint64_t end)
{
	uint64_t done = s->sent + s->failed, due, when, now = now_us();

	if (!f->rate)
		return SENDER_BATCH;
	due = (now - start) * f->rate / 1000000 + 1;
	if (due <= done) {
		when = start + (done * 1000000 + f->rate - 1) / f->rate;
		/* no use in waking up more than four thousand times a second */
		if (when < now + 250)
			when = now + 250;
		sleep_until_us(when < end ? when : end);
		return 0;
	}
	return due - done < SENDER_BATCH ? (unsigned)(due - done) : SENDER_BATCH;
}

static void run(struct flood *f, struct sender *s)
{
	static uint8_t buffer[SENDER_BATCH][PACKET_MAX];
	uint8_t *packet[SENDER_BATCH];
	uint32_t length[SENDER_BATCH];
	uint64_t start = now_us(), end = start + f->duration_us, left;
	unsigned i, n;

	for (i = 0; i < SENDER_BATCH; i++) {
		packet[i] = buffer[i];
		length[i] = f->len;
	}
	while (!stop && now_us() < end) {
		left = f->count - s->sent - s->failed;
		if (f->count && !left)
			break;
		n = pace(f, s, start, end);
		if (f->count && n > left)
			n = (unsigned)left;
		for (i = 0; i < n; i++)
			make_packet(f, buffer[i]);
		if (n)
			sender_send(s, packet, length, n);
	}
}

enum {
	OPT_FROM = 256,
	OPT_SPORT,
	OPT_RATE,
	OPT_SECONDS,
	OPT_COUNT,
	OPT_FLAGS,
	OPT_OPTIONS,
	OPT_TTL,
	OPT_SEED,
	OPT_RAW,
	OPT_PACKET,
	OPT_BYPASS,
	OPT_OWN,
	OPT_DST,
	OPT_PORT,
	OPT_HELP
};

static const struct option options[] = {
	{"dst", required_argument, NULL, OPT_DST},
	{"port", required_argument, NULL, OPT_PORT},
	{"from", required_argument, NULL, OPT_FROM},
	{"source-port", required_argument, NULL, OPT_SPORT},
	{"rate", required_argument, NULL, OPT_RATE},
	{"seconds", required_argument, NULL, OPT_SECONDS},
	{"count", required_argument, NULL, OPT_COUNT},
	{"flags", required_argument, NULL, OPT_FLAGS},
	{"options", required_argument, NULL, OPT_OPTIONS},
	{"ttl", required_argument, NULL, OPT_TTL},
	{"seed", required_argument, NULL, OPT_SEED},
	{"raw", no_argument, NULL, OPT_RAW},
	{"packet", no_argument, NULL, OPT_PACKET},
	{"qdisc-bypass", no_argument, NULL, OPT_BYPASS},
	{"yes-i-own-this", no_argument, NULL, OPT_OWN},
	{"help", no_argument, NULL, OPT_HELP},
	{0},
};

struct cli {
	const char *dst;
	uint16_t port;
	char *from;
	enum sender_way way;
	bool bypass, owned;
};

static void parse_option(struct flood *f, struct cli *cli, int c)
{
	switch (c) {
	case OPT_DST:
		cli->dst = optarg;
		break;
	case OPT_PORT:
		cli->port = (uint16_t)parse_number("--port", optarg, 1, 65535);
		break;
	case OPT_FROM:
		cli->from = optarg;
		break;
	case OPT_SPORT:
		f->source_port = (uint16_t)parse_number("--source-port", optarg, 1, 65535);
		break;
	case OPT_RATE:
		f->rate = parse_number("--rate", optarg, 0, 5000000);
		break;
	case OPT_SECONDS:
		f->duration_us = parse_seconds("--seconds", optarg, SECONDS_MAX * 1000000ull);
		break;
	case OPT_COUNT:
		f->count = parse_number("--count", optarg, 1, 10000000000ull);
		break;
	case OPT_FLAGS:
		f->flags = optarg;
		break;
	case OPT_TTL:
		f->ttl = (unsigned)parse_number("--ttl", optarg, 1, 255);
		break;
	case OPT_SEED:
		f->seed = parse_number("--seed", optarg, 0, UINT64_MAX);
		break;
	case OPT_RAW:
		cli->way = SENDER_RAW;
		break;
	case OPT_PACKET:
		cli->way = SENDER_PACKET;
		break;
	case OPT_BYPASS:
		cli->bypass = true;
		break;
	case OPT_OWN:
		cli->owned = true;
		break;
	case OPT_OPTIONS:
		f->linux_options = !strcmp(optarg, "linux");
		if (!f->linux_options && strcmp(optarg, "none") != 0)
			usage_error("--options: '%s' is neither none nor linux", optarg);
		break;
	case OPT_HELP:
		fputs(help, stdout);
		exit(0);
	default:
		usage_error("unknown or incomplete option");
	}
}

static char *default_from(const struct endpoint *dst)
{
	static char any[] = "0.0.0.0/0", ula[] = "fd99::/16", loop[] = "127.0.0.0/8",
		    loop6[] = "::1";

	if (dst->sa.ss_family == AF_INET)
		return endpoint_is_loopback(dst) ? loop : any;
	return endpoint_is_loopback(dst) ? loop6 : ula;
}

int main(int argc, char **argv)
{
	static struct flood f = {.rate = 1000, .duration_us = 10000000, .flags = "S", .ttl = 242};
	struct cli cli = {.way = SENDER_AUTO};
	struct sender s;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		parse_option(&f, &cli, c);
	if (!cli.dst || !cli.port || optind < argc)
		usage_error(
			"--dst ADDRESS and --port PORT are needed, and nothing besides options");
	parse_address(&f.dst, cli.dst, cli.port);
	parse_from(&f, cli.from ? cli.from : default_from(&f.dst));
	if (f.from.sa.ss_family != f.dst.sa.ss_family)
		usage_error("--from and --dst must be of one family");
	refuse_strangers(&f.dst, &f.from, cli.owned);
	f.rng = f.seed ? f.seed : realtime_us();
	if (f.dst.sa.ss_family == AF_INET)
		build_ipv4(&f);
	else
		build_ipv6(&f);
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	sender_open(&s, &f.dst, cli.way, cli.bypass);
	run(&f, &s);
	sender_report(&s, "");
	return s.failed ? 1 : 0;
}
