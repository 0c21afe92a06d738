/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The board of the workers, and what becomes of a nudge that comes too late. */
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "daemon/board.h"

static uint64_t count_of(int fd)
{
	uint64_t n = 0;

	return read(fd, &n, sizeof(n)) == sizeof(n) ? n : 0;
}

START_TEST(a_nudge_wakes_who_is_meant)
{
	struct board *b = board_new(2);
	int fd[2] = {eventfd(0, EFD_NONBLOCK), eventfd(0, EFD_NONBLOCK)};

	ck_assert_int_eq(board_attend(b, 0, fd[0]), 0);
	ck_assert_int_eq(board_attend(b, 1, fd[1]), 0);
	board_nudge(b, 1ULL << 1);
	ck_assert_uint_eq(count_of(fd[0]), 0);
	ck_assert_uint_eq(count_of(fd[1]), 1);
	board_leave(b, 0);
	board_leave(b, 1);
	board_free(b);
	close(fd[0]);
	close(fd[1]);
}
END_TEST

/* At the end worker 1 is gone before worker 0, which may be about to nudge it. */
START_TEST(a_late_nudge_hits_no_other_file)
{
	char name[] = "/tmp/tcpguard-board.XXXXXX";
	struct board *b = board_new(2);
	int fd = eventfd(0, EFD_NONBLOCK), file;

	ck_assert_int_eq(board_attend(b, 1, fd), 0);
	close(fd);
	file = mkstemp(name);
	ck_assert_int_eq(file, fd); /* the kernel gives the lowest number */
	board_nudge(b, 1ULL << 1);
	ck_assert_int_eq(lseek(file, 0, SEEK_END), 0);
	board_leave(b, 1);
	board_nudge(b, 1ULL << 1);
	ck_assert_int_eq(lseek(file, 0, SEEK_END), 0);
	board_free(b);
	close(file);
	unlink(name);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("board");
	TCase *t = tcase_create("nudge");
	SRunner *r;
	int failed;

	tcase_add_test(t, a_nudge_wakes_who_is_meant);
	tcase_add_test(t, a_late_nudge_hits_no_other_file);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
