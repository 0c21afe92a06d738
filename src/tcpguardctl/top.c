/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The terminal and the loop of `top`.
 *
 * One poll() waits for keys, for the daemon, and for the time to ask again. Signals that end the
 * program only set a flag, so that curses gives the terminal back on the way out; those of a crash give
 * it back themselves, with what was prepared for them at the start.
 */
#include "tcpguardctl/top.h"

#include <curses.h>
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "tcpguardctl/top_draw.h"
#include "tcpguardctl/top_feed.h"

#include <term.h> /* the last one: it makes macros of words like "columns" and "lines" */

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define INTERVAL_DEFAULT "1s"
#define INTERVAL_MIN_MS	 100
#define INTERVAL_MAX_MS	 30000 /* the daemon disconnects who asks nothing for a minute */
#define REDRAW_MS	 1000 /* the clock goes on even if nothing is new */

/* ---- arguments ---- */

/* interval_parse() - "500ms", "1s". Return: milliseconds, or 0 if it is none. */
static uint64_t interval_parse(const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);
	uint64_t ms = 0;

	if (*text < '0' || *text > '9' || n > INTERVAL_MAX_MS)
		return 0;
	if (strcmp(end, "ms") == 0)
		ms = n;
	else if (strcmp(end, "s") == 0)
		ms = n * 1000;
	return ms >= INTERVAL_MIN_MS && ms <= INTERVAL_MAX_MS ? ms : 0;
}

/* parse() - Return: the interval as it was written, or NULL after a sentence. */
static const char *parse(int n, char *const word[])
{
	static const char option[] = "--interval";
	const char *text = INTERVAL_DEFAULT;
	size_t len = strlen(option);

	for (int i = 0; i < n; i++) {
		if (strncmp(word[i], option, len) == 0 && word[i][len] == '=') {
			text = word[i] + len + 1;
		} else if (strcmp(word[i], option) == 0 && i + 1 < n) {
			text = word[++i];
		} else {
			fprintf(stderr, "tcpguardctl: top takes --interval TIME, not \"%s\"\n",
				word[i]);
			return NULL;
		}
	}
	if (interval_parse(text))
		return text;
	fprintf(stderr,
		"tcpguardctl: \"%s\" is no interval; write one from %dms to %ds, like 500ms or "
		"2s\n",
		text, INTERVAL_MIN_MS, INTERVAL_MAX_MS / 1000);
	return NULL;
}

/* ---- signals ---- */

static volatile sig_atomic_t ending;

static void on_end(int sig)
{
	ending = 1;
}

/* What brings the terminal back when there is no time for curses. */
static struct {
	struct termios before;
	char text[256];
	size_t len;
} rescue;

static void add_capability(const char *name)
{
	const char *text = tigetstr(name);
	size_t room = sizeof(rescue.text) - rescue.len;

	if (!text || text == (char *)-1 || strlen(text) >= room)
		return;
	memcpy(rescue.text + rescue.len, text, strlen(text));
	rescue.len += strlen(text);
}

/* on_crash() - only what may be called from a signal handler. */
static void on_crash(int sig)
{
	(void)!write(STDOUT_FILENO, rescue.text, rescue.len);
	tcsetattr(STDIN_FILENO, TCSANOW, &rescue.before);
	raise(sig); /* SA_RESETHAND: now it ends the program as it would have */
}

static void catch_signals(void)
{
	static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
	struct sigaction end = {.sa_handler = on_end};
	struct sigaction crash = {.sa_handler = on_crash, .sa_flags = SA_RESETHAND | SA_NODEFER};

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		sigaction(ends[i], &end, NULL);
	add_capability("sgr0");
	add_capability("cnorm");
	add_capability("rmkx");
	add_capability("rmcup");
	for (size_t i = 0; i < ARRAY_SIZE(crashes); i++)
		sigaction(crashes[i], &crash, NULL);
}

/* ---- the terminal ---- */

/* terminal_known() - newterm() finds out as well, but not without a leak. */
static bool terminal_known(void)
{
	int error;

	if (setupterm(NULL, STDOUT_FILENO, &error) != OK)
		return false;
	del_curterm(cur_term);
	return true;
}

static bool terminal_begin(struct top_screen *s, SCREEN **screen)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	setlocale(LC_ALL, "");
	s->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	s->colour = !(no && *no);
	tcgetattr(STDIN_FILENO, &rescue.before);
	*screen = terminal_known() ? newterm(NULL, stdout, stdin) : NULL;
	if (!*screen) {
		fprintf(stderr,
			"tcpguardctl: nothing is known about the terminal \"%s\"; set TERM to "
			"what it is, or use `tcpguardctl stats`\n",
			term ? term : "");
		return false;
	}
	catch_signals();
	cbreak();
	noecho();
	nonl();
	curs_set(0);
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(25);
	top_draw_init(s);
	return true;
}

static void terminal_end(SCREEN *screen)
{
	endwin();
	delscreen(screen);
}

/* ---- the loop ---- */

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* key() - Return: false to quit. */
static bool key(struct top_screen *s, const struct top_model *m, int c)
{
	switch (c) {
	case 'q':
	case 'Q':
	case 3: /* where the terminal makes no signal of it */
		return false;
	case KEY_DOWN:
	case 'j':
		top_draw_select(s, m, 1, false);
		break;
	case KEY_UP:
	case 'k':
		top_draw_select(s, m, -1, false);
		break;
	case 's':
	case '\t':
		top_draw_select(s, m, 1, true);
		break;
	case KEY_NPAGE:
		top_draw_select(s, m, 10, false);
		break;
	case KEY_PPAGE:
		top_draw_select(s, m, -10, false);
		break;
	case KEY_HOME:
		top_draw_select(s, m, -TOP_SERVICES_MAX, false);
		break;
	case KEY_END:
		top_draw_select(s, m, TOP_SERVICES_MAX, false);
		break;
	case 12: /* Ctrl-L, when something else has written on the screen */
		clearok(stdscr, TRUE);
		break;
	default:
		break;
	}
	return true;
}

/* keys() - all that were pressed; a new size is one, too. Return: false to quit. */
static bool keys(struct top_screen *s, const struct top_model *m, bool *pressed)
{
	int c;

	while ((c = getch()) != ERR) {
		*pressed = true;
		if (!key(s, m, c))
			return false;
	}
	return true;
}

/* wait_for_something() - until a key, a part of an answer, or @until. Return: false if the terminal is gone. */
static bool wait_for_something(const struct top_feed *f, uint64_t until)
{
	struct pollfd fds[] = {
		{.fd = STDIN_FILENO, .events = POLLIN},
		{.fd = top_feed_fd(f), .events = POLLIN}, /* -1 is left out by poll() */
	};
	uint64_t now = now_ms();

	if (poll(fds, ARRAY_SIZE(fds), until > now ? (int)(until - now) : 0) < 0)
		return errno == EINTR; /* a new size, or the end */
	return !(fds[0].revents & (POLLHUP | POLLERR | POLLNVAL));
}

static void loop(struct top_screen *s, struct top_feed *f, struct top_model *m)
{
	uint64_t drawn = 0;

	while (!ending) {
		bool news = top_feed_step(f, m, now_ms());
		uint64_t until = top_feed_deadline(f);

		if (!keys(s, m, &news))
			return;
		if (news || now_ms() - drawn >= REDRAW_MS) {
			s->age_ms = now_ms() - f->answered_ms;
			top_draw(s, m);
			drawn = now_ms();
		}
		if (until > drawn + REDRAW_MS)
			until = drawn + REDRAW_MS;
		if (!wait_for_something(f, until))
			return;
	}
}

enum top_result top_run(const char *socket, int n, char *const word[])
{
	const char *interval = parse(n, word);
	struct top_screen screen = {.interval = interval};
	struct top_model model;
	struct top_feed feed;
	SCREEN *terminal;

	if (!interval)
		return TOP_MISUSED;
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		fputs("tcpguardctl: top needs a terminal; use `tcpguardctl stats --json` where "
		      "there is none\n",
		      stderr);
		return TOP_MISUSED;
	}
	if (top_model_init(&model)) {
		fputs("tcpguardctl: out of memory\n", stderr);
		return TOP_FAILED;
	}
	if (!terminal_begin(&screen, &terminal)) {
		top_model_free(&model);
		return TOP_MISUSED;
	}
	top_feed_init(&feed, socket, interval_parse(interval));
	screen.trouble = feed.trouble;
	loop(&screen, &feed, &model);
	terminal_end(terminal);
	top_feed_close(&feed);
	top_model_free(&model);
	return TOP_QUIT;
}
