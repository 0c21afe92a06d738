/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NFQUEUE and injection against the real kernel, in a namespace of their own: segments are injected
 * towards 127.0.0.2 and queued in OUTPUT. Nobody listens there, so what is accepted is answered by
 * the kernel with a RST from port PORT; a second queue shows which these were.
 */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "datapath/inject.h"
#include "datapath/nfqueue.h"
#include "datapath/nfqueue_msg.h"
#include "netns.h"

#define PORT  80
#define MARK  0x10
#define QUEUE 40 /* of segments to PORT */
#define OTHER 41
#define WHOLE 141 /* of segments to 81; OTHER + 100 */
#define SEEN  50 /* of the kernel's answers */

static const char rules[] = "*raw\n"
			    "-A OUTPUT -m mark --mark 0x10/0x10 -j RETURN\n"
			    "-A OUTPUT -p tcp --dport 80 -j NFQUEUE --queue-num 40\n"
			    "-A OUTPUT -p tcp --dport 81 -j NFQUEUE --queue-num 141\n"
			    "-A OUTPUT -p tcp --sport 80 -j NFQUEUE --queue-num 50\n"
			    "COMMIT\n";

/* ---- helpers ---- */

/* make() - a segment from 127.0.0.1:@sport to 127.0.0.2:PORT that the kernel answers with a RST. */
static struct guard_tx make(uint16_t sport, uint32_t seq, uint32_t payload_len)
{
	static const uint8_t payload[64];
	struct segment s = {
		.src = ip_addr_v4(htonl(0x7f000001)),
		.dst = ip_addr_v4(htonl(0x7f000002)),
		.sport = sport,
		.dport = PORT,
		.seq = seq,
		.ack = seq,
		.flags = TCP_ACK,
		.payload = payload,
	};
	struct guard_tx tx = {.family = 4};

	s.payload_len = payload_len < 40 ? payload_len : 40;
	tx.len = (uint16_t)segment_build(&s, tx.data, sizeof(tx.data));
	return tx;
}

static void send_unmarked(const struct guard_tx *tx, uint32_t n)
{
	struct inject in;

	ck_assert_int_eq(inject_open(&in, 0), 0);
	ck_assert_uint_eq(inject_send(&in, tx, n), n);
	inject_close(&in);
}

static void send_ports(uint16_t first, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct guard_tx tx = make((uint16_t)(first + i), 1000, 0);

		send_unmarked(&tx, 1);
	}
}

static void open_queue(struct nfmsg_queue *q, uint16_t number)
{
	ck_assert_int_eq(nfmsg_open(q, number, NFQUEUE_HEADER_COPY, 16, 1024, 1 << 20), 0);
}

/* Packets of a queue as they come, with the port that tells them apart. */
struct packets {
	uint32_t n;
	uint32_t id[16];
	uint16_t port[16];
	struct nfmsg_packet np[16];
};

static void read_queue(struct nfmsg_queue *q, struct packets *p, bool by_source)
{
	struct nfqueue_stats stats = {0};
	uint32_t n = nfmsg_read(q, &stats);

	p->n = 0;
	for (uint32_t i = 0; i < n; i++) {
		struct pkt pkt;

		ck_assert(nfmsg_packet_at(q, i, &p->np[p->n], &stats));
		ck_assert_int_eq(pkt_parse(&pkt, p->np[p->n].data, p->np[p->n].cap_len,
					   p->np[p->n].len, PKT_CSUM_FULL),
				 0);
		p->id[p->n] = p->np[p->n].id;
		p->port[p->n++] = by_source ? pkt.sport : pkt.dport;
	}
}

static void verdict(struct nfmsg_queue *q, uint32_t id, uint32_t nf)
{
	static struct nfmsg_verdicts v;
	struct nfqueue_stats stats = {0};

	nfmsg_verdicts_begin(&v, q, &stats);
	nfmsg_verdicts_add(&v, id, nf);
	nfmsg_verdicts_end(&v);
}

static uint32_t waiting(uint16_t queue)
{
	struct nfqueue_kernel_stats ks;

	ck_assert_int_eq(nfqueue_kernel_stats(queue, &ks), 0);
	return ks.waiting;
}

/* A judge that does as it is told, and writes down what it was asked. */
struct script {
	struct {
		uint16_t port;
		uint32_t seq;
		uint32_t cap_len;
	} asked[64];
	uint32_t n;
	enum guard_verdict (*verdict)(struct script *s, struct pkt *p);
};

static void nothing(void *arg)
{
}

static void nothing_to_send(void *arg, bool more)
{
}

static enum guard_verdict judge(void *arg, struct pkt *p, int error)
{
	struct script *s = arg;

	ck_assert_int_eq(error, 0);
	s->asked[s->n].port = p->sport;
	s->asked[s->n].seq = p->seq;
	s->asked[s->n++].cap_len = p->cap_len;
	return s->verdict(s, p);
}

static struct nfqueue *open_service(struct script *s, uint16_t header, uint16_t full, int32_t next)
{
	static const struct nfqueue_ops ops = {
		.begin = nothing, .judge = judge, .flush = nothing_to_send};
	struct nfqueue_config c = {.header_queue = header,
				   .full_queue = full,
				   .whole_queue = full + 100,
				   .next_queue = next};
	struct nfqueue *q;

	ck_assert_int_eq(nfqueue_open(&q, &c, &ops, s), 0);
	return q;
}

/* ---- what the kernel does ---- */

START_TEST(batch_verdict_covers_all_ids_up_to_its_own)
{
	struct nfmsg_queue q, seen;
	struct packets p;

	open_queue(&q, QUEUE);
	open_queue(&seen, SEEN);
	send_ports(2000, 4);
	read_queue(&q, &p, true);
	ck_assert_uint_eq(p.n, 4);
	verdict(&q, p.id[1], NF_ACCEPT);
	ck_assert_uint_eq(waiting(QUEUE), 2);
	read_queue(&seen, &p, false);
	ck_assert_uint_eq(p.n, 2);
	ck_assert_uint_eq(p.port[0], 2000);
	ck_assert_uint_eq(p.port[1], 2001);
	nfmsg_close(&q);
	nfmsg_close(&seen);
}
END_TEST

START_TEST(dropped_packets_are_gone)
{
	struct nfmsg_queue q, seen;
	struct packets p;

	open_queue(&q, QUEUE);
	open_queue(&seen, SEEN);
	send_ports(2000, 3);
	read_queue(&q, &p, true);
	verdict(&q, p.id[2], NF_DROP);
	ck_assert_uint_eq(waiting(QUEUE), 0);
	read_queue(&seen, &p, false);
	ck_assert_uint_eq(p.n, 0);
	nfmsg_close(&q);
	nfmsg_close(&seen);
}
END_TEST

START_TEST(requeued_packets_arrive_in_order)
{
	struct nfmsg_queue q, other;
	struct packets p;

	open_queue(&q, QUEUE);
	open_queue(&other, OTHER);
	send_ports(2000, 10);
	read_queue(&q, &p, true);
	ck_assert_uint_eq(p.n, 10);
	verdict(&q, p.id[9], NF_QUEUE_NR(OTHER));
	ck_assert_uint_eq(waiting(QUEUE), 0);
	read_queue(&other, &p, true);
	ck_assert_uint_eq(p.n, 10);
	for (uint32_t i = 0; i < 10; i++)
		ck_assert_uint_eq(p.port[i], 2000 + i);
	verdict(&other, p.id[9], NF_DROP);
	nfmsg_close(&q);
	nfmsg_close(&other);
}
END_TEST

START_TEST(replaced_packet_is_the_one_that_arrives)
{
	static struct nfmsg_verdicts v;
	struct nfqueue_stats stats = {0};
	struct nfmsg_queue q, seen;
	struct guard_tx other = make(3000, 7, 33);
	struct packets p;

	open_queue(&q, QUEUE);
	open_queue(&seen, SEEN);
	send_ports(2000, 1);
	read_queue(&q, &p, true);
	memcpy(p.np[0].data, other.data, other.len); /* another port, and longer by 33 bytes */
	nfmsg_verdicts_begin(&v, &q, &stats);
	nfmsg_verdicts_replace(&v, p.id[0], p.np[0].data, other.len);
	nfmsg_verdicts_end(&v);
	ck_assert_uint_eq(stats.replaced, 1);
	read_queue(&seen, &p, false);
	ck_assert_uint_eq(p.n, 1);
	ck_assert_uint_eq(p.port[0], 3000);
	nfmsg_close(&q);
	nfmsg_close(&seen);
}
END_TEST

START_TEST(queue_of_somebody_else_is_busy)
{
	struct nfmsg_queue q, again;

	open_queue(&q, QUEUE);
	ck_assert_int_eq(nfmsg_open(&again, QUEUE, NFQUEUE_HEADER_COPY, 16, 1024, 1 << 20), -EBUSY);
	nfmsg_close(&q);
	ck_assert_int_eq(nfmsg_open(&again, QUEUE, NFQUEUE_HEADER_COPY, 16, 1024, 1 << 20), 0);
	nfmsg_close(&again);
}
END_TEST

/* ---- what we make of it ---- */

static enum guard_verdict port_2000_wants_more(struct script *s, struct pkt *p)
{
	return p->sport == 2000 && s->n <= 3 ? GUARD_WANT_FULL : GUARD_ACCEPT;
}

START_TEST(rest_of_a_connection_follows_to_the_full_queue)
{
	struct script s = {.verdict = port_2000_wants_more};
	struct nfqueue *q = open_service(&s, QUEUE, OTHER, NFQUEUE_NO_NEXT);
	const uint16_t ports[] = {1999, 2001, 2000, 2002, 2000, 2003, 2000};

	for (uint32_t i = 0; i < 7; i++) {
		struct guard_tx tx = make(ports[i], 100 + i, 0);

		send_unmarked(&tx, 1);
	}
	ck_assert_uint_eq(nfqueue_service(q, 64), 7);
	/* The header queue's, port 2000 only once; then the full queue's, in order. */
	ck_assert_uint_eq(s.n, 8);
	for (uint32_t i = 0; i < 8; i++) {
		static const uint32_t order[] = {100, 101, 102, 103, 105, 102, 104, 106};

		ck_assert_uint_eq(s.asked[i].seq, order[i]);
	}
	ck_assert_uint_eq(nfqueue_stats(q)->requeued, 3);
	ck_assert_uint_eq(waiting(QUEUE) + waiting(OTHER), 0);
	nfqueue_close(q);
}
END_TEST

static enum guard_verdict never_enough(struct script *s, struct pkt *p)
{
	return GUARD_WANT_FULL;
}

START_TEST(what_cannot_be_had_whole_is_dropped)
{
	struct script s = {.verdict = never_enough};
	struct nfqueue *q = open_service(&s, QUEUE, OTHER, NFQUEUE_NO_NEXT);

	send_ports(2000, 1);
	nfqueue_service(q, 64);
	ck_assert_uint_eq(s.n, 2);
	ck_assert_uint_eq(nfqueue_stats(q)->oversize, 1);
	ck_assert_uint_eq(waiting(OTHER), 0);
	nfqueue_close(q);
}
END_TEST

static enum guard_verdict accept_all(struct script *s, struct pkt *p)
{
	s->n = 0;
	return GUARD_ACCEPT;
}

static enum guard_verdict take(struct script *s, struct pkt *p)
{
	return GUARD_DROP;
}

/* send_long() - a packet of @len bytes of payload from @sport to @dport. */
static void send_long(uint16_t sport, uint8_t dport, uint32_t len)
{
	static uint8_t payload[60000];
	struct guard_tx tx = make(sport, 1000, 0);
	struct cut_segment s = {.headers_len = tx.len, .payload = payload, .len = len};
	struct inject in;

	memcpy(s.headers, tx.data, tx.len);
	s.headers[2] = (uint8_t)((tx.len + len) >> 8);
	s.headers[3] = (uint8_t)(tx.len + len);
	s.headers[23] = dport;
	ck_assert_int_eq(inject_open(&in, 0), 0);
	ck_assert_uint_eq(inject_segments(&in, 4, &s, 1), 1);
	inject_close(&in);
}

START_TEST(the_whole_queue_has_all_of_a_packet_at_once)
{
	struct script s = {.verdict = take};
	struct nfqueue *q = open_service(&s, QUEUE, OTHER, NFQUEUE_NO_NEXT);

	for (uint16_t i = 0; i < 40; i++)
		send_long((uint16_t)(2000 + i), 81, 1000u + i * 1000u);
	ck_assert_uint_eq(waiting(WHOLE), 40);
	ck_assert_uint_eq(nfqueue_service(q, 64), 0);
	ck_assert_uint_eq(nfqueue_service_whole(q, 64), 40);
	ck_assert_uint_eq(s.n, 40);
	for (uint16_t i = 0; i < 40; i++) {
		ck_assert_uint_eq(s.asked[i].port, 2000 + i);
		ck_assert_uint_eq(s.asked[i].cap_len, 40u + 1000u + i * 1000u);
	}
	ck_assert_uint_eq(waiting(WHOLE), 0);
	ck_assert_uint_eq(nfqueue_stats(q)->packets, 40);
	ck_assert_uint_eq(nfqueue_stats(q)->whole, 40);
	ck_assert_uint_eq(nfqueue_stats(q)->requeued, 0);
	nfqueue_close(q);
}
END_TEST

static enum guard_verdict rewrite(struct script *s, struct pkt *p)
{
	return pkt_is_complete(p) ? GUARD_REPLACE : GUARD_WANT_FULL;
}

/* judge_long() - @n long packets through the header queue. Return: how much the kernel copies then. */
static uint32_t judge_long(struct nfqueue *q, struct script *s, uint32_t n)
{
	struct nfqueue_kernel_stats ks;

	for (uint32_t i = 0; i < n; i++) {
		send_long((uint16_t)(2000 + i), 80, 3000);
		s->n = 0;
		ck_assert_uint_eq(nfqueue_service(q, 64), 1);
	}
	ck_assert_int_eq(nfqueue_kernel_stats(QUEUE, &ks), 0);
	return ks.copy_range;
}

START_TEST(the_copy_follows_the_need)
{
	struct script s = {.verdict = rewrite};
	struct nfqueue *q = open_service(&s, QUEUE, OTHER, NFQUEUE_NO_NEXT);

	ck_assert_uint_eq(judge_long(q, &s, 63), NFQUEUE_HEADER_COPY);
	ck_assert_uint_eq(judge_long(q, &s, 1), NFQUEUE_FULL_COPY);
	ck_assert_uint_eq(nfqueue_stats(q)->requeued, 64);
	ck_assert_uint_eq(judge_long(q, &s, 200), NFQUEUE_FULL_COPY);
	ck_assert_uint_eq(nfqueue_stats(q)->requeued, 64);
	ck_assert_uint_eq(s.asked[0].cap_len, 3040);
	ck_assert_uint_eq(nfqueue_stats(q)->replaced, 264);
	s.verdict = accept_all;
	ck_assert_uint_eq(judge_long(q, &s, 128), NFQUEUE_HEADER_COPY);
	ck_assert_uint_eq(s.asked[0].cap_len, NFQUEUE_HEADER_COPY);
	nfqueue_close(q);
}
END_TEST

static enum guard_verdict not_mine(struct script *s, struct pkt *p)
{
	return GUARD_NOT_MINE;
}

START_TEST(what_is_nobodys_passes_all_workers)
{
	struct script first = {.verdict = not_mine}, last = {.verdict = not_mine};
	struct nfqueue *a = open_service(&first, QUEUE, 60, QUEUE + 1);
	struct nfqueue *b = open_service(&last, QUEUE + 1, 61, NFQUEUE_NO_NEXT);
	struct nfmsg_queue seen;
	struct packets p;

	open_queue(&seen, SEEN);
	send_ports(2000, 3);
	nfqueue_service(a, 64);
	nfqueue_service(b, 64);
	ck_assert_uint_eq(first.n, 3);
	ck_assert_uint_eq(last.n, 3);
	ck_assert_uint_eq(nfqueue_stats(a)->passed_on, 3);
	read_queue(&seen, &p, false);
	ck_assert_uint_eq(p.n, 3);
	nfmsg_close(&seen);
	nfqueue_close(a);
	nfqueue_close(b);
}
END_TEST

static enum guard_verdict every_third(struct script *s, struct pkt *p)
{
	return s->n % 3 == 0 ? GUARD_REPLACE : s->n % 3 == 1 ? GUARD_ACCEPT : GUARD_DROP;
}

START_TEST(mixed_verdicts_reach_the_right_packets)
{
	struct script s = {.verdict = every_third};
	struct nfqueue *q = open_service(&s, QUEUE, OTHER, NFQUEUE_NO_NEXT);
	struct nfmsg_queue seen;
	struct packets p;

	open_queue(&seen, SEEN);
	send_ports(2000, 12);
	nfqueue_service(q, 64);
	read_queue(&seen, &p, false);
	ck_assert_uint_eq(p.n, 8);
	for (uint32_t i = 0; i < 8; i++) /* the second of each three was dropped */
		ck_assert_uint_eq(p.port[i], 2000 + i / 2 * 3 + i % 2 * 2);
	ck_assert_uint_eq(nfqueue_stats(q)->replaced, 4);
	ck_assert_uint_eq(nfqueue_stats(q)->verdict_errors, 0);
	ck_assert_uint_eq(waiting(QUEUE), 0);
	nfmsg_close(&seen);
	nfqueue_close(q);
}
END_TEST

START_TEST(budget_is_kept)
{
	struct script s = {.verdict = accept_all};
	struct nfqueue *q = open_service(&s, QUEUE, OTHER, NFQUEUE_NO_NEXT);

	send_ports(2000, 200);
	ck_assert_uint_eq(nfqueue_service(q, 100), 128);
	ck_assert_uint_eq(nfqueue_service(q, 100), 72);
	ck_assert_uint_eq(nfqueue_service(q, 100), 0);
	nfqueue_close(q);
}
END_TEST

START_TEST(overrun_is_survived_and_counted_by_the_kernel)
{
	struct script s = {.verdict = accept_all};
	static const struct nfqueue_ops ops = {
		.begin = nothing, .judge = judge, .flush = nothing_to_send};
	struct nfqueue_config c = {.header_queue = QUEUE,
				   .full_queue = OTHER,
				   .whole_queue = NFQUEUE_NO_WHOLE,
				   .next_queue = NFQUEUE_NO_NEXT,
				   .maxlen = 50};
	struct nfqueue_kernel_stats ks;
	struct nfqueue *q;
	struct guard_tx tx = make(2000, 1, 0);
	struct inject in;

	ck_assert_int_eq(nfqueue_open(&q, &c, &ops, &s), 0);
	ck_assert_int_eq(inject_open(&in, 0), 0);
	for (int i = 0; i < 80; i++)
		inject_send(&in, &tx, 1);
	ck_assert_int_eq(nfqueue_kernel_stats(QUEUE, &ks), 0);
	ck_assert_uint_eq(ks.waiting + ks.queue_dropped + ks.user_dropped, 80);
	ck_assert_uint_ge(ks.queue_dropped + ks.user_dropped, 30);
	nfqueue_service(q, 1000);
	ck_assert_uint_eq(waiting(QUEUE), 0);
	inject_send(&in, &tx, 1); /* and it goes on */
	ck_assert_uint_eq(nfqueue_service(q, 1000), 1);
	inject_close(&in);
	nfqueue_close(q);
}
END_TEST

/* ---- injection ---- */

START_TEST(mark_lets_injected_packets_through)
{
	struct guard_tx tx = make(2000, 1, 0);
	struct nfmsg_queue q, seen;
	struct inject in;
	struct packets p;

	open_queue(&q, QUEUE);
	open_queue(&seen, SEEN);
	ck_assert_int_eq(inject_open(&in, MARK), 0);
	ck_assert_uint_eq(inject_send(&in, &tx, 1), 1);
	ck_assert_uint_eq(waiting(QUEUE), 0);
	read_queue(&seen, &p, false);
	ck_assert_uint_eq(p.n, 1);
	inject_close(&in);
	nfmsg_close(&q);
	nfmsg_close(&seen);
}
END_TEST

START_TEST(one_bad_packet_does_not_stop_the_rest)
{
	struct guard_tx tx[5];
	struct inject in;

	for (int i = 0; i < 5; i++)
		tx[i] = make((uint16_t)(2000 + i), 1, 0);
	memset(tx[1].data + 16, 0, 4); /* to 0.0.0.0 goes to this host: fine */
	tx[2].data[16] = 198; /* there is no route */
	tx[3].len = 10; /* not even a header */
	ck_assert_int_eq(inject_open(&in, MARK), 0);
	ck_assert_uint_eq(inject_send(&in, tx, 5), 3);
	ck_assert_uint_eq(in.stats.sent, 3);
	ck_assert_uint_eq(in.stats.errors, 2);
	ck_assert_uint_eq(in.stats.no_route, 2);
	inject_close(&in);
}
END_TEST

static void set_up(void)
{
	/* Each test runs in a process of its own, so in a namespace of its own. */
	ck_assert_ptr_null(netns_enter());
	ck_assert_ptr_null(netns_rules(rules));
}

/* cannot_run() - is something missing that these tests need? In a child, to stay outside. */
static const char *cannot_run(void)
{
	struct nfmsg_queue q;
	const char *why = netns_enter();
	int rc;

	if (why)
		return why;
	rc = nfmsg_open(&q, QUEUE, NFQUEUE_HEADER_COPY, 16, 1024, 1 << 20);
	if (rc < 0)
		return "NFQUEUE does not work here";
	nfmsg_close(&q);
	return netns_rules(rules);
}

int main(void)
{
	Suite *suite = suite_create("nfqueue");
	TCase *kernel = tcase_create("kernel"), *ours = tcase_create("ours");
	const char *why = cannot_run();
	SRunner *runner;
	int failed;

	if (why) {
		printf("SKIP: %s\n", why);
		return 77;
	}
	tcase_add_checked_fixture(kernel, set_up, NULL);
	tcase_add_test(kernel, batch_verdict_covers_all_ids_up_to_its_own);
	tcase_add_test(kernel, dropped_packets_are_gone);
	tcase_add_test(kernel, requeued_packets_arrive_in_order);
	tcase_add_test(kernel, replaced_packet_is_the_one_that_arrives);
	tcase_add_test(kernel, queue_of_somebody_else_is_busy);
	suite_add_tcase(suite, kernel);
	tcase_add_checked_fixture(ours, set_up, NULL);
	tcase_add_test(ours, the_whole_queue_has_all_of_a_packet_at_once);
	tcase_add_test(ours, the_copy_follows_the_need);
	tcase_add_test(ours, rest_of_a_connection_follows_to_the_full_queue);
	tcase_add_test(ours, what_cannot_be_had_whole_is_dropped);
	tcase_add_test(ours, what_is_nobodys_passes_all_workers);
	tcase_add_test(ours, mixed_verdicts_reach_the_right_packets);
	tcase_add_test(ours, budget_is_kept);
	tcase_add_test(ours, overrun_is_survived_and_counted_by_the_kernel);
	tcase_add_test(ours, mark_lets_injected_packets_through);
	tcase_add_test(ours, one_bad_packet_does_not_stop_the_rest);
	suite_add_tcase(suite, ours);
	runner = srunner_create(suite);
	srunner_set_fork_status(runner, CK_FORK);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
