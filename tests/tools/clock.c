/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * To be loaded before the C library (LD_PRELOAD): the wall clock is ahead by the seconds in the file that
 * TCPGUARD_TEST_CLOCK names, for this process only. The monotonic clock stays as it is.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long ahead(void)
{
	const char *path = getenv("TCPGUARD_TEST_CLOCK");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	char text[32];
	ssize_t n;

	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return atol(text);
}

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): the libc's are reserved */
int clock_gettime(clockid_t clock, struct timespec *ts)
{
	long rc = syscall(SYS_clock_gettime, clock, ts);

	if (rc == 0 && clock == CLOCK_REALTIME)
		ts->tv_sec += ahead();
	return (int)rc;
}

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): the libc's are reserved */
time_t time(time_t *t)
{
	struct timespec ts = {0};

	clock_gettime(CLOCK_REALTIME, &ts);
	if (t)
		*t = ts.tv_sec;
	return ts.tv_sec;
}
