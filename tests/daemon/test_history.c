/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is remembered of attacks, over restarts, full disks and torn lines. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/history.h"
#include "daemon/history_file.h"

#define SECOND	 ((usec_t)USEC_PER_SEC)
#define NEW_YEAR INT64_C(1767225600000000) /* 2026, in microseconds */

static char root[] = "/tmp/tcpguard-history.XXXXXX", dir[64], path[96];
static struct history *history;
static struct history_now now;
static int lost, back, damaged;
static char last_why[HISTORY_WHY_MAX];

static void on_trouble(void *arg, enum history_trouble trouble, const char *why)
{
	lost += trouble == HISTORY_LOST;
	back += trouble == HISTORY_BACK;
	damaged += trouble == HISTORY_DAMAGED;
	snprintf(last_why, sizeof(last_why), "%s", why);
}

static void open_sized(size_t max)
{
	lost = back = damaged = 0;
	history = history_new(dir, max, on_trouble, NULL);
	ck_assert_ptr_nonnull(history);
	history_open(history, &now);
}

static void setup(void)
{
	strcpy(root + strlen(root) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
	snprintf(dir, sizeof(dir), "%s/state", root);
	snprintf(path, sizeof(path), "%s/" HISTORY_FILE, dir);
	now = (struct history_now){1000 * SECOND, NEW_YEAR};
	open_sized(HISTORY_FILE_MAX);
}

static void teardown(void)
{
	char command[128];

	history_free(history, &now);
	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	ck_assert_int_eq(system(command), 0);
}

static void pass(usec_t usec)
{
	now.guard += usec;
	now.unix_us += (int64_t)usec;
}

static void restart(void)
{
	history_free(history, &now);
	pass(10 * SECOND);
	now.guard = 5 * SECOND; /* the machine was booted meanwhile */
	open_sized(HISTORY_FILE_MAX);
}

/* killed() - a daemon that could write nothing more. */
static void killed(void)
{
	struct history_now ignored = now;
	struct rlimit old, none;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = old.rlim_max};
	setrlimit(RLIMIT_FSIZE, &none);
	history_free(history, &ignored);
	setrlimit(RLIMIT_FSIZE, &old);
	open_sized(HISTORY_FILE_MAX);
}

static struct attack_report attack(const char *service, uint64_t number)
{
	struct attack_report r = {
		.number = number,
		.class = CLASS_SPOOFED_FLOOD,
		.trigger = DETECT_BY_CUSUM,
		.began = now.guard,
		.last_seen = now.guard,
		.peak_rate = 37000,
		.peak_pending = 900,
		.server = ip_addr_v4(htonl(0xc000020a)),
		.port = 80,
		.sources = {.distinct = 36000,
			    .common_permille = 990,
			    .common_ttl = 242,
			    .n_heavy = 1},
		.evidence = "3,700 opened, none completed",
	};

	snprintf(r.service, sizeof(r.service), "%s", service);
	r.sources.common.flags = 0xc2;
	r.sources.common.ttl = 255;
	r.sources.common.window = 8192;
	r.sources.heavy[0].prefix = ip_addr_v4(htonl(0xc6336400));
	r.sources.heavy[0].plen = 120;
	r.sources.heavy[0].syns = 400;
	return r;
}

static enum history_change update(const struct attack_report *r)
{
	struct attack_facts facts;

	return history_update(history, r, &now, &facts);
}

/* have() - let an attack on @service begin and end. */
static void have(const char *service, uint64_t number)
{
	struct attack_report r = attack(service, number);

	ck_assert_int_eq(update(&r), HISTORY_BEGAN);
	history_flush(history, &now);
	pass(30 * SECOND);
	r.over = true;
	r.ended = r.last_seen = now.guard;
	ck_assert_int_eq(update(&r), HISTORY_ENDED);
	ck_assert_int_eq(update(&r), HISTORY_SAME);
	history_flush(history, &now);
	pass(30 * SECOND);
}

/* row() - the attack @number, parsed. */
static json_t *row(uint64_t number)
{
	struct jw j = {0};
	json_t *object;

	ck_assert_uint_eq(history_row(history, number - 1, NULL, &now, &j), number);
	ck_assert_int_eq(j.data[j.len - 1], '\n');
	ck_assert_ptr_null(memchr(j.data, '\n', j.len - 1));
	object = json_loadb(j.data, j.len, 0, NULL);
	ck_assert_ptr_nonnull(object);
	jw_free(&j);
	return object;
}

static long long number_of(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	ck_assert_msg(json_is_integer(value), "%s", key);
	return json_integer_value(value);
}

static const char *string_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	ck_assert_msg(text != NULL, "%s", key);
	return text;
}

static uint32_t count(const char *service)
{
	uint64_t at = 0;
	uint32_t n = 0;

	while ((at = history_row(history, at, service, &now, NULL)))
		n++;
	return n;
}

static size_t file_lines(const char *suffix)
{
	char name[128], *data;
	size_t len, n = 0;

	snprintf(name, sizeof(name), HISTORY_FILE "%s", suffix);
	if (state_file_read(dir, name, STATE_FILE_MAX, &data, &len, last_why, sizeof(last_why)))
		return 0;
	for (size_t i = 0; i < len; i++)
		n += data[i] == '\n';
	free(data);
	return n;
}

static void append_raw(const char *bytes, size_t len)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, bytes, len), (ssize_t)len);
	close(fd);
}

START_TEST(an_attack_is_told_in_full)
{
	struct attack_report r = attack("web", 1);
	json_t *j, *s;

	ck_assert_int_eq(update(&r), HISTORY_BEGAN);
	pass(90 * SECOND);
	j = row(1);
	s = json_object_get(j, "sources");
	ck_assert_str_eq(string_of(j, "service"), "web");
	ck_assert(json_is_false(json_object_get(j, "over")));
	ck_assert(json_is_null(json_object_get(j, "ended_ms")));
	ck_assert_str_eq(string_of(j, "class"), "spoofed_flood");
	ck_assert_str_eq(string_of(j, "trigger"), "cusum");
	ck_assert_int_eq(number_of(j, "began_ms"), NEW_YEAR / 1000);
	ck_assert_int_eq(number_of(j, "duration_ms"), 90000);
	ck_assert_int_eq(number_of(j, "peak_rate"), 37000);
	ck_assert_str_eq(string_of(j, "address"), "192.0.2.10:80");
	ck_assert_str_eq(string_of(j, "evidence"), "3,700 opened, none completed");
	ck_assert_int_eq(number_of(s, "distinct"), 36000);
	ck_assert_ptr_nonnull(strstr(string_of(s, "fingerprint"), "SYN|ECE|CWR window 8192"));
	ck_assert_str_eq(string_of(json_array_get(json_object_get(s, "heavy"), 0), "prefix"),
			 "198.51.100.0/24");
	json_decref(j);
}
END_TEST

START_TEST(changes_are_told_once)
{
	struct attack_report r = attack("web", 1);

	ck_assert_int_eq(update(&r), HISTORY_BEGAN);
	ck_assert_int_eq(update(&r), HISTORY_SAME);
	r.peak_rate++;
	ck_assert_int_eq(update(&r), HISTORY_SAME);
	r.class = CLASS_REAL_SOURCES;
	ck_assert_int_eq(update(&r), HISTORY_CLASS);
	ck_assert_int_eq(update(&r), HISTORY_SAME);
	pass(SECOND);
	r.over = true;
	r.ended = now.guard;
	ck_assert_int_eq(update(&r), HISTORY_ENDED);
	ck_assert_int_eq(update(&r), HISTORY_SAME);
	history_flush(history, &now);
	ck_assert_uint_eq(count("web"), 1);
}
END_TEST

START_TEST(one_that_was_over_at_once_has_begun_and_ended)
{
	struct attack_report r = attack("web", 1);

	r.over = true;
	r.ended = now.guard;
	pass(SECOND);
	ck_assert_int_eq(update(&r), HISTORY_BEGAN);
	ck_assert_int_eq(update(&r), HISTORY_ENDED);
	ck_assert_int_eq(update(&r), HISTORY_SAME);
	/* but one of long ago is no news */
	r.number = 2;
	r.began++;
	pass(100 * SECOND);
	ck_assert_int_eq(update(&r), HISTORY_SAME);
	ck_assert_uint_eq(count("web"), 1);
}
END_TEST

START_TEST(an_end_that_was_missed_is_told_before_the_next_beginning)
{
	struct attack_report first = attack("web", 1), second;
	struct attack_facts facts;

	update(&first);
	pass(50 * SECOND);
	second = attack("web", 2);
	ck_assert_int_eq(history_update(history, &second, &now, &facts), HISTORY_ENDED);
	ck_assert_uint_eq(facts.number, 1);
	ck_assert_int_eq(update(&second), HISTORY_BEGAN);
	ck_assert_int_eq(update(&second), HISTORY_SAME);
	ck_assert(!history_missing(history, &now, &facts));
	pass(HISTORY_MISSING);
	ck_assert(history_missing(history, &now, &facts));
	ck_assert_uint_eq(facts.number, 2);
	ck_assert(!history_missing(history, &now, &facts));
}
END_TEST

START_TEST(numbers_go_on_after_a_restart)
{
	json_t *j;

	have("web", 1);
	have("mail", 2);
	restart();
	ck_assert_int_eq(lost + damaged, 0);
	ck_assert_uint_eq(count(NULL), 2);
	have("web", 1);
	ck_assert_uint_eq(count(NULL), 3);
	ck_assert_uint_eq(count("web"), 2);
	j = row(1);
	ck_assert(json_is_true(json_object_get(j, "over")));
	ck_assert(json_is_false(json_object_get(j, "interrupted")));
	ck_assert_int_eq(number_of(j, "duration_ms"), 30000);
	ck_assert_int_eq(number_of(j, "ended_ms"), NEW_YEAR / 1000 + 30000);
	json_decref(j);
	j = row(3);
	ck_assert_str_eq(string_of(j, "service"), "web");
	json_decref(j);
}
END_TEST

/* It was killed, and its guards with it: what comes right after is an attack of its own. */
START_TEST(an_attack_soon_after_is_another_one)
{
	struct attack_report r = attack("web", 1);

	ck_assert_int_eq(update(&r), HISTORY_BEGAN);
	history_flush(history, &now);
	killed();
	pass(SECOND / 2);
	r = attack("web", 1);
	ck_assert_int_eq(update(&r), HISTORY_BEGAN);
	ck_assert_uint_eq(history_row(history, 2, NULL, &now, NULL), 0);
}
END_TEST

/* The guards outlive the process (core/adopt.h): their attack is not a new one. */
START_TEST(an_attack_goes_on_in_another_process)
{
	struct attack_report r = attack("web", 1);
	json_t *j;

	ck_assert_int_eq(update(&r), HISTORY_BEGAN);
	history_flush(history, &now);
	pass(20 * SECOND);
	killed();
	ck_assert_int_eq(update(&r), HISTORY_SAME); /* and nobody is told again */
	pass(20 * SECOND);
	r.over = true;
	r.ended = r.last_seen = now.guard;
	ck_assert_int_eq(update(&r), HISTORY_ENDED);
	j = row(1);
	ck_assert(!json_is_true(json_object_get(j, "interrupted")));
	json_decref(j);
	ck_assert_uint_eq(history_row(history, 1, NULL, &now, NULL), 0);
	history_flush(history, &now);
	killed();
	ck_assert_int_eq(update(&r), HISTORY_SAME); /* over, and known */
	ck_assert_uint_eq(history_row(history, 1, NULL, &now, NULL), 0);
}
END_TEST

START_TEST(a_killed_daemon_leaves_what_was_known)
{
	struct attack_report r = attack("web", 1);
	json_t *j;

	update(&r);
	history_flush(history, &now);
	pass(HISTORY_PROGRESS);
	r.peak_rate = 50000;
	update(&r);
	history_flush(history, &now);
	ck_assert_uint_eq(file_lines(""), 2);
	killed();
	j = row(1);
	ck_assert_int_eq(number_of(j, "peak_rate"), 50000);
	ck_assert(json_is_true(json_object_get(j, "over")));
	ck_assert(json_is_true(json_object_get(j, "interrupted")));
	ck_assert_int_eq(number_of(j, "duration_ms"), 60000);
	json_decref(j);
	have("web", 1);
	ck_assert_uint_eq(count(NULL), 2);
}
END_TEST

/* A long attack writes few lines: it must not push the others out. */
START_TEST(a_week_is_a_dozen_lines)
{
	struct attack_report r = attack("web", 1);

	update(&r);
	for (int minute = 0; minute < 7 * 24 * 60; minute++) {
		pass(60 * SECOND);
		r.last_seen = now.guard;
		r.syns += 1000;
		update(&r);
		history_flush(history, &now);
	}
	ck_assert_uint_le(file_lines(""), 15);
}
END_TEST

START_TEST(a_torn_line_costs_itself_only)
{
	have("web", 1);
	history_free(history, &now);
	append_raw("{\"number\":2,\"service\":\"we", 25);
	open_sized(HISTORY_FILE_MAX);
	ck_assert_uint_eq(count(NULL), 1);
	have("mail", 1);
	restart();
	ck_assert_uint_eq(count(NULL), 2);
	ck_assert_uint_eq(count("mail"), 1);
	ck_assert_int_eq(damaged, 1);
	ck_assert_ptr_nonnull(strstr(last_why, "1 damaged line of"));
}
END_TEST

START_TEST(damaged_lines_are_left_out_and_told)
{
	static const char *const lines[] = {
		"",
		"x\n",
		"{}\n",
		"[1]\n",
		"{\"number\":-1,\"service\":\"web\",\"began_ms\":1}\n",
		"{\"number\":1e30,\"service\":\"web\",\"began_ms\":1}\n",
		"{\"number\":9100000000000000,\"service\":\"web\",\"began_ms\":1}\n",
		"{\"number\":1,\"service\":\"0123456789012345678901234567890123\",\"began_ms\":1}\n",
		"{\"number\":1,\"service\":7,\"began_ms\":1}\n",
		"{\"number\":1,\"number\":2,\"service\":\"web\",\"began_ms\":1}\n",
		"\n\n\n",
	};
	char *zeros = calloc(1, 40000);

	history_free(history, &now);
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		append_raw(lines[i], strlen(lines[i]));
	append_raw(zeros, 4096); /* as some file systems do when the power fails */
	append_raw("\n", 1);
	memset(zeros, 'x', 40000);
	append_raw(zeros, 40000);
	append_raw("\n", 1);
	free(zeros);
	open_sized(HISTORY_FILE_MAX);
	ck_assert_uint_eq(count(NULL), 0);
	ck_assert_int_eq(damaged, 1);
	ck_assert_int_eq(lost, 0);
	have("web", 1);
	restart();
	ck_assert_uint_eq(count("web"), 1);
}
END_TEST

/* Whatever is in the file, a row is one line of JSON. */
START_TEST(hostile_rows_stay_in_their_line)
{
	static const char line[] = "{\"number\":7,\"service\":\"web\",\"began_ms\":1,\"over\":true,"
				   "\"evidence\":\"a\\nok\\n\\u0000\"}\n";
	json_t *j;

	history_free(history, &now);
	append_raw(line, sizeof(line) - 1);
	open_sized(HISTORY_FILE_MAX);
	if (count(NULL) == 1) {
		j = row(7);
		json_decref(j);
	}
}
END_TEST

START_TEST(the_log_is_rotated)
{
	struct stat st;
	uint32_t n;

	history_free(history, &now);
	open_sized(8000);
	for (uint64_t i = 1; i <= 40; i++)
		have("web", i);
	ck_assert_uint_eq(count(NULL), 40); /* memory has them all */
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_le(st.st_size, 8000);
	ck_assert_uint_gt(file_lines(".1"), 0);
	restart();
	n = count(NULL);
	ck_assert_uint_ge(n, 3);
	ck_assert_uint_lt(n, 40);
	ck_assert_uint_eq(history_row(history, 39, NULL, &now, NULL), 40);
	have("web", 1);
	ck_assert_uint_eq(history_row(history, 40, NULL, &now, NULL), 41);
}
END_TEST

START_TEST(memory_is_bounded)
{
	struct attack_report old = attack("old", 1);

	update(&old);
	for (uint64_t i = 2; i <= HISTORY_KEPT + 50; i++)
		have("web", i);
	ck_assert_uint_eq(count(NULL), HISTORY_KEPT);
	ck_assert_uint_eq(count("old"), 1); /* it lasts, so it is not forgotten */
	restart();
	ck_assert_int_eq(damaged, 0);
	ck_assert_uint_le(count(NULL), HISTORY_KEPT);
	have("web", 1);
	ck_assert_uint_eq(history_row(history, HISTORY_KEPT + 50, NULL, &now, NULL),
			  HISTORY_KEPT + 51);
}
END_TEST

/* limit() - no file may grow beyond @bytes: a full disk. */
static void limit(rlim_t bytes)
{
	struct rlimit l;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &l);
	l.rlim_cur = bytes;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &l), 0);
}

START_TEST(a_full_disk_is_told_once_and_made_up_for)
{
	struct stat before, after;

	have("web", 1);
	ck_assert_int_eq(stat(path, &before), 0);
	limit((rlim_t)before.st_size + 100); /* room for a part of a line */
	have("web", 2);
	have("mail", 3);
	ck_assert_int_eq(lost, 1);
	ck_assert_ptr_nonnull(strstr(last_why, path));
	ck_assert_int_eq(back, 0);
	ck_assert_uint_eq(count(NULL), 3); /* still known */
	ck_assert_int_eq(stat(path, &after), 0);
	ck_assert_int_eq(after.st_size, before.st_size); /* no torn line */
	limit(RLIM_INFINITY);
	history_flush(history, &now);
	pass(HISTORY_RETRY);
	history_flush(history, &now);
	ck_assert_int_eq(lost, 1);
	ck_assert_int_eq(back, 1);
	restart();
	ck_assert_uint_eq(count(NULL), 3);
}
END_TEST

/* At the end of the daemon what waited is lost for good, and that is said, too. */
START_TEST(what_is_lost_at_the_end_is_told)
{
	struct stat st;

	have("web", 1);
	ck_assert_int_eq(stat(path, &st), 0);
	limit((rlim_t)st.st_size);
	have("web", 2);
	have("mail", 3);
	ck_assert_int_eq(lost, 1);
	history_free(history, &now);
	ck_assert_int_eq(lost, 2);
	ck_assert_ptr_nonnull(strstr(last_why, "about 2 attacks is lost"));
	limit(RLIM_INFINITY);
	open_sized(HISTORY_FILE_MAX);
	have("web", 1);
	restart();
	ck_assert_int_eq(lost, 0);
}
END_TEST

START_TEST(a_directory_that_comes_later_is_used)
{
	char later[128];

	history_free(history, &now);
	snprintf(later, sizeof(later), "%s/mnt", root);
	snprintf(dir, sizeof(dir), "%s/mnt/state", root);
	open_sized(HISTORY_FILE_MAX);
	ck_assert_int_eq(lost, 1);
	have("web", 1);
	ck_assert_int_eq(lost, 1);
	ck_assert_int_eq(mkdir(later, 0700), 0);
	pass(HISTORY_RETRY);
	history_flush(history, &now);
	ck_assert_int_eq(back, 1);
	restart();
	ck_assert_uint_eq(count("web"), 1);
}
END_TEST

START_TEST(two_daemons_do_not_mix)
{
	struct history *first = history, *second;

	have("web", 1);
	open_sized(HISTORY_FILE_MAX);
	second = history;
	ck_assert_int_eq(lost, 1);
	ck_assert_ptr_nonnull(strstr(last_why, "another tcpguardd uses"));
	have("web", 1);
	ck_assert_uint_eq(file_lines(""), 2);
	history_free(second, &now);
	history = first;
	have("web", 2);
	restart();
	ck_assert_uint_eq(count(NULL), 2);
}
END_TEST

START_TEST(events_find_their_attack)
{
	struct attack_report r = attack("web", 1);

	have("web", 1);
	r = attack("web", 2);
	update(&r);
	ck_assert_uint_eq(history_number(history, "web", now.guard), 2);
	ck_assert_uint_eq(history_number(history, "web", now.guard - 20 * SECOND), 0);
	ck_assert_uint_eq(history_number(history, "web", now.guard - 40 * SECOND), 1);
	ck_assert_uint_eq(history_number(history, "mail", now.guard), 0);
	restart();
	ck_assert_uint_eq(history_number(history, "web", now.guard), 0);
}
END_TEST

/* As the main loop calls it: with the whole environment, each fact once. */
START_TEST(facts_become_an_environment)
{
	struct attack_report r = attack("web", 1);
	struct attack_facts facts;
	char **env;
	int n = 0;

	ck_assert_int_eq(history_update(history, &r, &now, &facts), HISTORY_BEGAN);
	env = facts_env(&facts, "begin");
	for (; env[n]; n++) {
		if (strncmp(env[n], "TCPGUARD_HEAVY=", 15) == 0)
			ck_assert_str_eq(env[n], "TCPGUARD_HEAVY=198.51.100.0/24");
		if (strncmp(env[n], "TCPGUARD_ATTACK=", 16) == 0)
			ck_assert_str_eq(env[n], "TCPGUARD_ATTACK=1");
		if (strncmp(env[n], "TCPGUARD_BEGAN=", 15) == 0)
			ck_assert_str_eq(env[n], "TCPGUARD_BEGAN=1767225600");
		ck_assert(strncmp(env[n], "TCPGUARD_", 9) == 0 || strncmp(env[n], "PATH=", 5) == 0);
	}
	ck_assert_int_ge(n, 15);
	facts_env_free(env);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("history");
	TCase *tc = tcase_create("history");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 20);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, an_attack_is_told_in_full);
	tcase_add_test(tc, changes_are_told_once);
	tcase_add_test(tc, one_that_was_over_at_once_has_begun_and_ended);
	tcase_add_test(tc, an_end_that_was_missed_is_told_before_the_next_beginning);
	tcase_add_test(tc, numbers_go_on_after_a_restart);
	tcase_add_test(tc, an_attack_goes_on_in_another_process);
	tcase_add_test(tc, an_attack_soon_after_is_another_one);
	tcase_add_test(tc, a_killed_daemon_leaves_what_was_known);
	tcase_add_test(tc, a_week_is_a_dozen_lines);
	tcase_add_test(tc, a_torn_line_costs_itself_only);
	tcase_add_test(tc, damaged_lines_are_left_out_and_told);
	tcase_add_test(tc, hostile_rows_stay_in_their_line);
	tcase_add_test(tc, the_log_is_rotated);
	tcase_add_test(tc, memory_is_bounded);
	tcase_add_test(tc, a_full_disk_is_told_once_and_made_up_for);
	tcase_add_test(tc, what_is_lost_at_the_end_is_told);
	tcase_add_test(tc, a_directory_that_comes_later_is_used);
	tcase_add_test(tc, two_daemons_do_not_mix);
	tcase_add_test(tc, events_find_their_attack);
	tcase_add_test(tc, facts_become_an_environment);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
