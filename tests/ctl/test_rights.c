/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who may what, and the socket itself. */
#include "live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

START_TEST(without_the_right_one_may_only_look)
{
	static const char *const changing[] = {"mode web off", "set msl 1", "kill 0:1", "log debug",
					       "config reload"};
	static const char *const looking[] = {"status",	 "stats",	"services",	"conns",
					      "netstat", "config show", "config check", "events"};
	int status;
	pid_t pid;

	if (geteuid() != 0) {
		puts("skipped: cannot become another user without root");
		return;
	}
	start(1, 10, NULL);
	pid = fork();
	if (pid == 0) {
		int bad = 0;

		if (setgid(NOBODY) || setuid(NOBODY))
			_exit(100);
		for (size_t i = 0; i < ARRAY_SIZE(changing); i++) {
			struct reply r = ask(changing[i]);

			bad += strncmp(r.last, "error: permission denied: ", 26) != 0;
			free(r.text);
		}
		for (size_t i = 0; i < ARRAY_SIZE(looking); i++) {
			struct reply r = ask(looking[i]);

			bad += strcmp(r.last, "ok") != 0;
			free(r.text);
		}
		_exit(bad);
	}
	waitpid(pid, &status, 0);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
	ck_assert_int_eq(fake.worker[0].mode[0], GUARD_MODE_ADAPTIVE);
	ck_assert_uint_eq(fake.reloads, 0);
	expect_last("mode web off", "ok"); /* root may */
	stop();
}
END_TEST

/* Followers may stay as long as they like, and there may be a lot of them. */
START_TEST(onlookers_leave_room_for_the_administrator)
{
	const int theirs = CTL_CLIENTS_MAX - CTL_CLIENTS_MAX / 8;
	int ready[2], done[2], status;
	char byte;
	pid_t pid;

	if (geteuid() != 0) {
		puts("skipped: cannot become another user without root");
		return;
	}
	start(1, 0, NULL);
	ck_assert_int_eq(pipe(ready) | pipe(done), 0);
	pid = fork();
	if (pid == 0) {
		struct reply r;
		int bad;

		if (setgid(NOBODY) || setuid(NOBODY))
			_exit(100);
		for (int i = 0; i < theirs; i++)
			say(dial(), "events --follow\n");
		r = listen_to(dial());
		bad = strcmp(r.last, "error: already 56 clients on this socket; try again later");
		(void)!write(ready[1], "", 1);
		(void)!read(done[0], &byte, 1);
		_exit(bad ? 1 : 0);
	}
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	ck_assert(clients_become((uint32_t)theirs, 2000));
	expect_last("mode web off", "ok");
	ck_assert_int_eq(write(done[1], "", 1), 1);
	waitpid(pid, &status, 0);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
	stop();
}
END_TEST

START_TEST(the_socket_is_for_its_group_only)
{
	struct stat st;

	start(1, 0, NULL);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0660);
	if (geteuid() == 0)
		ck_assert_uint_eq(st.st_gid, NOBODY);
	stop();
}
END_TEST

START_TEST(a_live_socket_is_an_error_a_stale_one_is_not)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct event_base *other = event_base_new();
	struct ctl_server *second;
	char why[256] = "";
	int fd;

	start(1, 0, NULL);
	second = ctl_server_new(other, path, NULL, &fake.ops, why, sizeof(why));
	ck_assert_ptr_null(second);
	ck_assert_msg(strncmp(why, "another tcpguardd answers on ", 29) == 0, "%s", why);
	expect_last("version", "ok"); /* it was left alone */
	stop();

	mkdir(dir, 0755);
	memcpy(sun.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	close(fd); /* dead: its socket stays */
	ck_assert_int_eq(access(path, F_OK), 0);
	second = ctl_server_new(other, path, NULL, &fake.ops, why, sizeof(why));
	ck_assert_msg(second != NULL, "%s", why);
	ctl_server_free(second);
	ck_assert_int_ne(access(path, F_OK), 0);
	rmdir(dir);
	event_base_free(other);
}
END_TEST

/* refused() - does making a server fail with @what in the reason? */
static void refused(const char *where, const char *group, const char *what)
{
	struct event_base *b = event_base_new();
	char why[512] = "";

	ck_assert_ptr_null(ctl_server_new(b, where, group, &fake.ops, why, sizeof(why)));
	ck_assert_msg(strstr(why, what) != NULL, "%s: %s", where, why);
	event_base_free(b);
}

START_TEST(a_socket_that_cannot_be_made_says_why)
{
	char file[160], longer[200];
	FILE *f;

	make_path();
	snprintf(file, sizeof(file), "%s/file", dir);
	f = fopen(file, "w");
	fclose(f);
	refused(file, NULL, "is not a socket");
	ck_assert_int_eq(access(file, F_OK), 0);
	refused(path, "no-such-group", "there is no group \"no-such-group\"");
	ck_assert_int_ne(access(path, F_OK), 0);
	refused("/nonexistent/deeper/x.sock", NULL, "create its directory");
	memset(longer, 'x', sizeof(longer) - 1);
	longer[0] = '/';
	longer[sizeof(longer) - 1] = '\0';
	refused(longer, NULL, "is longer than");
	unlink(file);
	rmdir(dir);
}
END_TEST

START_TEST(another_daemons_socket_is_not_removed)
{
	char moved[160];

	start(1, 0, NULL);
	snprintf(moved, sizeof(moved), "%s.old", path);
	ck_assert_int_eq(rename(path, moved), 0);
	fclose(fopen(path, "w"));
	stop_leaving();
	ck_assert_int_eq(access(path, F_OK), 0);
	unlink(path);
	unlink(moved);
	rmdir(dir);
}
END_TEST

void add_rights(Suite *s)
{
	TCase *tc = new_case(s, "rights");

	tcase_add_test(tc, without_the_right_one_may_only_look);
	tcase_add_test(tc, onlookers_leave_room_for_the_administrator);
	tcase_add_test(tc, the_socket_is_for_its_group_only);
	tcase_add_test(tc, a_live_socket_is_an_error_a_stale_one_is_not);
	tcase_add_test(tc, a_socket_that_cannot_be_made_says_why);
	tcase_add_test(tc, another_daemons_socket_is_not_removed);
}
