/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Clients that are wrong, rude or too many. */
#include "live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

START_TEST(unknown_words_are_errors_to_that_client_only)
{
	int fd;
	struct reply r;

	start(1, 0, NULL);
	fd = dial();
	r = ask_on(fd, "frobnicate");
	ck_assert_str_eq(r.last, "error: unknown command \"frobnicate\"; try: help");
	free(r.text);
	r = ask_on(fd, "");
	ck_assert_str_eq(r.last, "error: the request is empty; try: help");
	free(r.text);
	r = ask_on(fd, "status now");
	ck_assert_str_eq(r.last, "error: usage: status");
	free(r.text);
	r = ask_on(fd, "set \"msl 1");
	ck_assert_str_eq(r.last, "error: a quote is not closed");
	free(r.text);
	r = ask_on(fd, " \tversion\t \r"); /* blanks and CRLF do no harm */
	ck_assert_str_eq(r.last, "ok");
	free(r.text);
	close(fd);
	stop();
}
END_TEST

START_TEST(an_endless_line_ends_the_connection)
{
	char line[CTL_LINE_MAX + 2];
	struct reply r;
	int fd;

	start(1, 0, NULL);
	memset(line, 'a', sizeof(line));
	fd = dial();
	say_bytes(fd, line, CTL_LINE_MAX + 1);
	r = listen_to(fd);
	ck_assert_str_eq(r.last, "error: the request is longer than 1024 bytes; closing");
	ck_assert(gone(fd, 2000));
	free(r.text);
	close(fd);
	/* with its line feed, too */
	fd = dial();
	line[CTL_LINE_MAX + 1] = '\n';
	say_bytes(fd, line, sizeof(line));
	r = listen_to(fd);
	ck_assert_str_eq(r.last, "error: the request is longer than 1024 bytes; closing");
	ck_assert(gone(fd, 2000));
	free(r.text);
	close(fd);
	/* and the longest that is allowed is not too long */
	fd = dial();
	line[CTL_LINE_MAX] = '\n';
	say_bytes(fd, line, CTL_LINE_MAX + 1);
	r = listen_to(fd);
	ck_assert_ptr_nonnull(strstr(r.last, "unknown command"));
	free(r.text);
	close(fd);
	stop();
}
END_TEST

START_TEST(binary_junk_is_an_error)
{
	unsigned seed = 1;
	struct reply r;
	int fd;

	start(1, 0, NULL);
	fd = dial();
	say_bytes(fd, "ver\0sion\n", 9);
	r = listen_to(fd);
	ck_assert_ptr_nonnull(strstr(r.last, "printable ASCII"));
	free(r.text);
	r = ask_on(fd, "version");
	ck_assert_str_eq(r.last, "ok");
	free(r.text);
	close(fd);
	for (int i = 0; i < 200; i++) {
		char junk[512];

		for (size_t k = 0; k < sizeof(junk); k++)
			junk[k] = (char)(rand_r(&seed) >> 8);
		fd = dial();
		(void)!send(fd, junk, sizeof(junk), MSG_NOSIGNAL);
		shutdown(fd, SHUT_WR);
		ck_assert(gone(fd, 5000));
		close(fd);
	}
	expect_last("version", "ok");
	stop();
}
END_TEST

START_TEST(half_a_line_and_gone)
{
	int fd;

	start(1, 0, NULL);
	fd = dial();
	say(fd, "versi");
	close(fd);
	ck_assert(clients_become(0, 2000));
	/* whole lines before the end are answered, half of one is not */
	fd = dial();
	say(fd, "version\nvers");
	shutdown(fd, SHUT_WR);
	{
		struct reply r = listen_to(fd);

		ck_assert_str_eq(r.last, "ok");
		free(r.text);
	}
	ck_assert(gone(fd, 2000));
	close(fd);
	stop();
}
END_TEST

START_TEST(pipelined_requests_are_answered_in_order)
{
	struct reply r;
	int fd;

	start(1, 1000, NULL);
	fd = dial();
	say(fd, "conns\nversion\nnonsense\nstatus\n");
	r = listen_to(fd);
	ck_assert_uint_eq(r.rows, 1000);
	free(r.text);
	r = listen_to(fd);
	ck_assert_ptr_nonnull(strstr(r.text, "\"version\""));
	free(r.text);
	r = listen_to(fd);
	ck_assert_ptr_nonnull(strstr(r.last, "unknown command"));
	free(r.text);
	r = listen_to(fd);
	ck_assert_ptr_nonnull(strstr(r.text, "\"workers\""));
	free(r.text);
	close(fd);
	stop();
}
END_TEST

START_TEST(the_65th_client_is_told_so)
{
	struct ctl_limits limits = default_limits();
	int fd[CTL_CLIENTS_MAX], last;
	struct reply r;

	start(1, 0, &limits);
	for (int i = 0; i < CTL_CLIENTS_MAX; i++) {
		fd[i] = dial();
		ck_assert_int_ge(fd[i], 0);
	}
	ck_assert(clients_become(CTL_CLIENTS_MAX, 2000));
	last = dial();
	r = listen_to(last);
	ck_assert_str_eq(r.last, "error: already 64 clients on this socket; try again later");
	free(r.text);
	close(last);
	r = ask_on(fd[63], "version");
	ck_assert_str_eq(r.last, "ok");
	free(r.text);
	close(fd[0]);
	ck_assert(clients_become(63, 2000));
	expect_last("version", "ok");
	for (int i = 1; i < CTL_CLIENTS_MAX; i++)
		close(fd[i]);
	stop();
}
END_TEST

/* closed() - has the daemon dropped this connection? */
static bool closed(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

/* Whoever takes all places and does nothing keeps nobody out: the one that is idle longest goes. */
START_TEST(idle_clients_give_their_place_away)
{
	struct ctl_limits limits = default_limits();
	int fd[CTL_CLIENTS_MAX];

	limits.spare_ms = 100;
	start(1, 0, &limits);
	for (int i = 0; i < CTL_CLIENTS_MAX; i++)
		fd[i] = dial();
	ck_assert(clients_become(CTL_CLIENTS_MAX, 2000));
	usleep(20 * 1000);
	free(ask_on(fd[0], "version").text); /* so the second one is the idlest */
	usleep(200 * 1000);
	expect_last("version", "ok");
	ck_assert(!closed(fd[0]));
	ck_assert(closed(fd[1]));
	for (int i = 0; i < CTL_CLIENTS_MAX; i++)
		close(fd[i]);
	stop();
}
END_TEST

/* Nor does it help never to be idle. */
START_TEST(greedy_clients_give_their_place_away)
{
	struct ctl_limits limits = default_limits();
	int fd[CTL_CLIENTS_MAX];

	start(1, 0, &limits);
	for (int i = 0; i < CTL_CLIENTS_MAX; i++)
		fd[i] = dial();
	ck_assert(clients_become(CTL_CLIENTS_MAX, 2000));
	for (int i = 0; i < CTL_GREEDY; i++)
		free(ask_on(fd[7], "version").text);
	expect_last("version", "ok");
	ck_assert(closed(fd[7]));
	for (int i = 0; i < CTL_CLIENTS_MAX; i++)
		close(fd[i]);
	stop();
}
END_TEST

START_TEST(an_idle_client_is_dropped)
{
	struct ctl_limits limits = default_limits();
	int fd, slow;

	limits.idle_ms = 200;
	start(1, 0, &limits);
	fd = dial();
	slow = dial();
	for (int i = 0; i < 20; i++) { /* dripping bytes is not asking */
		(void)!send(slow, "v", 1, MSG_NOSIGNAL);
		usleep(50000);
	}
	ck_assert(gone(fd, 2000));
	ck_assert(gone(slow, 100));
	close(fd);
	close(slow);
	stop();
}
END_TEST

START_TEST(a_follower_is_not_idle)
{
	struct ctl_limits limits = default_limits();
	int fd;

	limits.idle_ms = 100;
	start(1, 0, &limits);
	fd = dial();
	say(fd, "events --follow\n");
	ck_assert(!gone(fd, 500));
	close(fd);
	stop();
}
END_TEST

void add_clients(Suite *s)
{
	TCase *tc = new_case(s, "bad clients");

	tcase_add_test(tc, unknown_words_are_errors_to_that_client_only);
	tcase_add_test(tc, an_endless_line_ends_the_connection);
	tcase_add_test(tc, binary_junk_is_an_error);
	tcase_add_test(tc, half_a_line_and_gone);
	tcase_add_test(tc, pipelined_requests_are_answered_in_order);
	tcase_add_test(tc, the_65th_client_is_told_so);
	tcase_add_test(tc, idle_clients_give_their_place_away);
	tcase_add_test(tc, greedy_clients_give_their_place_away);
	tcase_add_test(tc, an_idle_client_is_dropped);
	tcase_add_test(tc, a_follower_is_not_idle);
}
