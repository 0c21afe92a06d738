/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * freeze PID THREAD-NAME SECONDS: one thread of a process stands still for a while, the others go on: what a
 * thread looks like that hangs.
 */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

/* thread_of() - its number. Return: 0 if there is none of that name. */
static int thread_of(const char *pid, const char *name)
{
	char path[300], comm[32];
	struct dirent *e;
	int tid = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%s/task", pid);
	d = opendir(path);
	while (d && !tid && (e = readdir(d))) {
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%s/task/%s/comm", pid, e->d_name);
		f = fopen(path, "r");
		if (!f)
			continue;
		if (fgets(comm, sizeof(comm), f)) {
			comm[strcspn(comm, "\n")] = '\0';
			if (strcmp(comm, name) == 0)
				tid = atoi(e->d_name);
		}
		fclose(f);
	}
	if (d)
		closedir(d);
	return tid;
}

int main(int argc, char **argv)
{
	int tid, status;

	if (argc != 4) {
		fprintf(stderr, "usage: freeze PID THREAD-NAME SECONDS\n");
		return 2;
	}
	tid = thread_of(argv[1], argv[2]);
	if (!tid || ptrace(PTRACE_SEIZE, tid, NULL, NULL) != 0 ||
	    ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) != 0) {
		perror("freeze");
		return 1;
	}
	waitpid(tid, &status, __WALL);
	/* if it is killed meanwhile, it must not be kept from being buried */
	for (long ms = atol(argv[3]) * 1000; ms > 0; ms -= 20) {
		if (waitpid(tid, &status, __WALL | WNOHANG) != 0)
			return 0;
		usleep(20000);
	}
	ptrace(PTRACE_DETACH, tid, NULL, NULL);
	return 0;
}
