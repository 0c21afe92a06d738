/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Long replies: whole, in chunks, in turns, in bounded memory. */
#include "live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

START_TEST(a_dump_is_whole_and_comes_in_chunks)
{
	struct reply r;
	unsigned char *seen = calloc(2, 50000);
	size_t once = 0;
	const char *line;

	start(2, 50000, NULL);
	r = ask("conns");
	ck_assert_str_eq(r.last, "ok");
	ck_assert_uint_eq(r.rows, 100000);
	line = r.text;
	for (size_t i = 0; i < r.rows; i++, line = strchr(line, '\n') + 1) {
		char *end; /* not sscanf(): it measures the whole text each time */
		unsigned long w = strtoul(line + strlen("{\"id\":\""), &end, 10);
		unsigned long id = strtoul(end + 1, NULL, 10) & ~(1ul << 31);

		if (w < 2 && id < 50000)
			once += ++seen[w * 50000 + id] == 1;
	}
	ck_assert_uint_eq(once, 100000);
	ck_assert_uint_le(fake.flow_rows_max, CTL_FLOWS_CHUNK);
	free(r.text);
	free(seen);
	stop();
}
END_TEST

static uint64_t rows_made(void)
{
	uint64_t n;

	pthread_mutex_lock(&fake.lock);
	n = fake.flow_rows;
	pthread_mutex_unlock(&fake.lock);
	return n;
}

/* Given a client that asks for 100,000 flows and never reads. */
START_TEST(a_client_that_never_reads_harms_nobody)
{
	struct ctl_limits limits = default_limits();
	uint64_t made;
	int fd, many[8];

	limits.stall_ms = 3000;
	start(1, 100000, &limits);
	fd = dial();
	say(fd, "conns\n");
	for (int i = 0; i < 8; i++) { /* asks again and again, and reads nothing of it */
		many[i] = dial();
		for (int k = 0; k < 50; k++)
			say(many[i], "stats\nconns\n");
	}
	/* then rows are made for one mark and what the kernel took, and no more */
	do {
		made = rows_made();
		usleep(200000);
	} while (rows_made() != made || made == 0);
	ck_assert_uint_lt(made, 9 * 10000);
	/* others are served at once */
	for (int i = 0; i < 20; i++) {
		int64_t begin = now_ms();

		expect_last("status", "ok");
		ck_assert_int_lt(now_ms() - begin, 1000);
	}
	/* and in the end the connection is dropped */
	ck_assert(clients_become(0, 10000));
	close(fd);
	for (int i = 0; i < 8; i++)
		close(many[i]);
	stop();
}
END_TEST

START_TEST(a_slow_reader_gets_everything)
{
	struct ctl_limits limits = default_limits();
	size_t lines = 0;
	char buf[65536];
	ssize_t n;
	int fd;

	limits.stall_ms = 1000;
	limits.output_bytes = 32768;
	start(1, 20000, &limits);
	fd = dial();
	say(fd, "conns\n");
	shutdown(fd, SHUT_WR);
	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			lines += buf[i] == '\n';
		usleep(5000);
	}
	ck_assert_uint_eq(lines, 20001);
	close(fd);
	stop();
}
END_TEST

START_TEST(dumps_take_turns)
{
	int a, b;
	struct reply r;
	int64_t begin;

	start(1, 100000, NULL);
	a = dial();
	say(a, "conns\n"); /* long, and being read by nobody yet */
	b = dial();
	begin = now_ms();
	r = ask_on(b, "netstat --state LISTEN"); /* reads through everything, shows little */
	ck_assert_uint_eq(r.rows, 5);
	ck_assert_int_lt(now_ms() - begin, 5000);
	free(r.text);
	r = listen_to(a);
	ck_assert_uint_eq(r.rows, 100000);
	free(r.text);
	close(a);
	close(b);
	stop();
}
END_TEST

START_TEST(a_dump_whose_reader_goes_stops)
{
	uint32_t jobs;
	int fd;

	start(1, 1000000, NULL);
	fd = dial();
	say(fd, "conns\n");
	json_decref(next_row(fd));
	close(fd);
	ck_assert(clients_become(0, 2000));
	jobs = fake.flow_jobs;
	ck_assert_uint_lt(jobs, 1000);
	stop();
}
END_TEST

void add_dumps(Suite *s)
{
	TCase *tc = new_case(s, "dumps");

	tcase_add_test(tc, a_dump_is_whole_and_comes_in_chunks);
	tcase_add_test(tc, a_client_that_never_reads_harms_nobody);
	tcase_add_test(tc, a_slow_reader_gets_everything);
	tcase_add_test(tc, dumps_take_turns);
	tcase_add_test(tc, a_dump_whose_reader_goes_stops);
}
