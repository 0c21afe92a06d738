/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wire - a bad cable between two interfaces: delay, jitter, loss, duplication, reordering.
 *
 * Frames are taken from one interface over a packet socket, kept in a heap until their time has
 * come, and sent out of the other. PACKET_VNET_HDR keeps segmentation and checksum offload, so
 * that a large GSO frame travels as one.
 */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "util.h"

#define FRAME_MAX	 (65536 + 64)
#define QUEUE_BYTES_MAX	 (128u << 20)
#define QUEUE_FRAMES_MAX 262144u

struct frame {
	uint64_t due_us, order; /* order keeps frames of one time in sequence */
	uint32_t len;
	uint8_t to;
	uint8_t bytes[]; /* virtio_net_hdr first */
};

struct wire {
	int fd[2];
	uint64_t delay_us, jitter_us;
	double loss, duplicate, reorder; /* probabilities */
	uint64_t rng, order;
	uint64_t last_due_us[2];

	struct frame *heap[QUEUE_FRAMES_MAX];
	uint32_t n;
	uint64_t queued_bytes;
	uint64_t passed, lost, duplicated, reordered, overflowed, errors;
};

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

static bool before(const struct frame *a, const struct frame *b)
{
	return a->due_us != b->due_us ? a->due_us < b->due_us : a->order < b->order;
}

static void heap_push(struct wire *w, struct frame *f)
{
	uint32_t i = w->n++;

	for (; i && before(f, w->heap[(i - 1) / 2]); i = (i - 1) / 2)
		w->heap[i] = w->heap[(i - 1) / 2];
	w->heap[i] = f;
	w->queued_bytes += f->len;
}

static struct frame *heap_pop(struct wire *w)
{
	struct frame *top = w->heap[0], *last = w->heap[--w->n];
	uint32_t i = 0, child;

	while ((child = 2 * i + 1) < w->n) {
		if (child + 1 < w->n && before(w->heap[child + 1], w->heap[child]))
			child++;
		if (!before(w->heap[child], last))
			break;
		w->heap[i] = w->heap[child];
		i = child;
	}
	w->heap[i] = last;
	w->queued_bytes -= top->len;
	return top;
}

static bool chance(struct wire *w, double p)
{
	return p > 0 && (double)(rng_next(&w->rng) >> 11) * 0x1p-53 < p;
}

/* When a frame that came now is to leave. Only a reordered one overtakes others. */
static uint64_t due_time(struct wire *w, int to, uint64_t now)
{
	uint64_t due = now + w->delay_us;

	if (w->jitter_us)
		due += rng_next(&w->rng) % (w->jitter_us + 1);
	if (chance(w, w->reorder)) {
		w->reordered++;
		return now;
	}
	if (due < w->last_due_us[to])
		due = w->last_due_us[to];
	w->last_due_us[to] = due;
	return due;
}

static void enqueue(struct wire *w, int to, const uint8_t *bytes, uint32_t len, uint64_t now)
{
	struct frame *f;

	if (w->n == QUEUE_FRAMES_MAX || w->queued_bytes + len > QUEUE_BYTES_MAX) {
		w->overflowed++;
		return;
	}
	f = malloc(sizeof(*f) + len);
	if (!f)
		die("out of memory");
	f->due_us = due_time(w, to, now);
	f->order = w->order++;
	f->to = (uint8_t)to;
	f->len = len;
	memcpy(f->bytes, bytes, len);
	heap_push(w, f);
}

static void receive(struct wire *w, int from)
{
	static uint8_t buf[FRAME_MAX];
	uint64_t now = now_us();
	ssize_t n;
	int budget;

	for (budget = 0; budget < 256; budget++) {
		n = recv(w->fd[from], buf, sizeof(buf), MSG_DONTWAIT);
		if (n <= 0)
			return;
		if (chance(w, w->loss)) {
			w->lost++;
			continue;
		}
		enqueue(w, !from, buf, (uint32_t)n, now);
		if (chance(w, w->duplicate)) {
			w->duplicated++;
			enqueue(w, !from, buf, (uint32_t)n, now);
		}
	}
}

static void deliver(struct wire *w)
{
	uint64_t now = now_us();
	struct frame *f;

	while (w->n && w->heap[0]->due_us <= now) {
		f = heap_pop(w);
		if (send(w->fd[f->to], f->bytes, f->len, 0) < 0)
			w->errors++;
		else
			w->passed++;
		free(f);
	}
}

static int open_interface(const char *name)
{
	struct sockaddr_ll ll = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	struct packet_mreq promisc = {.mr_type = PACKET_MR_PROMISC};
	int fd, one = 1, size = 64 << 20;

	ll.sll_ifindex = (int)if_nametoindex(name);
	if (!ll.sll_ifindex)
		die("there is no interface %s", name);
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0)
		die("cannot open a packet socket: %s", strerror(errno));
	promisc.mr_ifindex = ll.sll_ifindex;
	if (setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promisc, sizeof(promisc)))
		die("cannot prepare the packet socket of %s: %s", name, strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	if (bind(fd, (struct sockaddr *)&ll, sizeof(ll)))
		die("cannot bind to %s: %s", name, strerror(errno));
	return fd;
}

/* wait_for_work() - until a frame comes, one is due, or a tenth of a second has passed. */
static void wait_for_work(struct wire *w, struct pollfd pfd[2])
{
	uint64_t now = now_us(), wait = 100000;
	struct timespec ts;

	if (w->n)
		wait = w->heap[0]->due_us <= now ? 0 : w->heap[0]->due_us - now;
	if (wait > 100000)
		wait = 100000;
	ts = (struct timespec){.tv_nsec = (long)wait * 1000};
	if (ppoll(pfd, 2, &ts, NULL) < 0 && errno != EINTR)
		die("poll: %s", strerror(errno));
}

static void run(struct wire *w, uint64_t end)
{
	struct pollfd pfd[2] = {{.fd = w->fd[0], .events = POLLIN},
				{.fd = w->fd[1], .events = POLLIN}};

	while (!stop && now_us() < end) {
		wait_for_work(w, pfd);
		if (pfd[0].revents)
			receive(w, 0);
		if (pfd[1].revents)
			receive(w, 1);
		deliver(w);
	}
}

static const char help[] = "usage: wire [options] INTERFACE INTERFACE\n"
			   "Pass frames between two interfaces as a bad cable would.\n"
			   "\n"
			   "  --delay T      hold every frame (20ms, 300us, 1.5)\n"
			   "  --jitter T     and up to T longer\n"
			   "  --loss P       percent of frames\n"
			   "  --duplicate P  percent of frames\n"
			   "  --reorder P    percent of frames that overtake the delayed ones\n"
			   "  --seed N       of the random numbers (default 1)\n"
			   "  --seconds S    then exit (default 600)\n"
			   "\n"
			   "Prints what it did as one JSON line when it ends (SIGTERM, SIGINT).\n";

static const struct option options[] = {
	{"delay", required_argument, NULL, 'd'},
	{"jitter", required_argument, NULL, 'j'},
	{"loss", required_argument, NULL, 'l'},
	{"duplicate", required_argument, NULL, 'u'},
	{"reorder", required_argument, NULL, 'r'},
	{"seed", required_argument, NULL, 'e'},
	{"seconds", required_argument, NULL, 's'},
	{"help", no_argument, NULL, 'h'},
	{0},
};

static double parse_percent(const char *what, const char *text)
{
	char *end;
	double v = strtod(text, &end);

	if (end == text || *end || !(v >= 0 && v <= 100))
		usage_error("%s: '%s' is not a percentage", what, text);
	return v / 100;
}

int main(int argc, char **argv)
{
	static struct wire w = {.rng = 1};
	uint64_t seconds_us = 600000000;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'd':
			w.delay_us = parse_seconds("--delay", optarg, 10000000);
			break;
		case 'j':
			w.jitter_us = parse_seconds("--jitter", optarg, 10000000);
			break;
		case 'l':
			w.loss = parse_percent("--loss", optarg);
			break;
		case 'u':
			w.duplicate = parse_percent("--duplicate", optarg);
			break;
		case 'r':
			w.reorder = parse_percent("--reorder", optarg);
			break;
		case 'e':
			w.rng = parse_number("--seed", optarg, 0, UINT64_MAX);
			break;
		case 's':
			seconds_us = parse_seconds("--seconds", optarg, 3600000000u);
			break;
		case 'h':
			fputs(help, stdout);
			return 0;
		default:
			usage_error("unknown or incomplete option");
		}
	}
	if (optind + 2 != argc)
		usage_error("two interfaces are needed");
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	w.fd[0] = open_interface(argv[optind]);
	w.fd[1] = open_interface(argv[optind + 1]);
	run(&w, now_us() + seconds_us);
	printf("{\"passed\":%llu,\"lost\":%llu,\"duplicated\":%llu,\"reordered\":%llu,"
	       "\"overflowed\":%llu,\"errors\":%llu}\n",
	       (unsigned long long)w.passed, (unsigned long long)w.lost,
	       (unsigned long long)w.duplicated, (unsigned long long)w.reordered,
	       (unsigned long long)w.overflowed, (unsigned long long)w.errors);
	return 0;
}
