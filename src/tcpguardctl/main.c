/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcpguardctl: one request to the daemon, its rows for people or as they are. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/protocol.h"
#include "doctor/doctor.h"
#include "tcpguardctl/link.h"
#include "tcpguardctl/top.h"
#include "tcpguardctl/view.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif

#define FULL_TRIES    40 /* while the daemon has too many clients, and between them */
#define FULL_PAUSE_MS 20
#define ANSWER_WAIT_S 30

enum exit_code { EXIT_FINE, EXIT_FAILED, EXIT_USAGE, EXIT_UNREACHABLE };

struct options {
	const char *socket;
	bool json;
	bool follow;
	const struct view *view;
	int n; /* words of the request */
	char **words;
};

static void print_help(void)
{
	const struct view *v;

	puts("usage: tcpguardctl [--socket PATH] [--json] COMMAND\n");
	for (int i = 0; (v = view_at(i)); i++)
		printf("  %-8s %-18s %s\n", v->command, v->args, v->what);
	puts("\nfilters: --state LIST, --service NAME, --src PREFIX, --engine LIST\n"
	     "\n"
	     "  -s, --socket PATH  control socket of the daemon (" CTL_SOCKET_DEFAULT ")\n"
	     "  -j, --json         one JSON object a line\n"
	     "  -h, --help         this text\n"
	     "  -V, --version      version of this program\n"
	     "\n"
	     "exit status: 0 fine, 1 failed, 2 usage, 3 the daemon cannot be reached");
}

static int usage(const char *what, const char *which)
{
	fprintf(stderr, "tcpguardctl: %s%s; see tcpguardctl --help\n", what, which);
	return EXIT_USAGE;
}

/* take_flags() - pick --json out of the words behind the command, and see whether it follows. */
static void take_flags(struct options *o)
{
	int kept = 1;

	for (int i = 1; i < o->n; i++) {
		if (strcmp(o->words[i], "--json") == 0) {
			o->json = true;
			continue;
		}
		if (strcmp(o->words[i], "--follow") == 0)
			o->follow = true;
		o->words[kept++] = o->words[i];
	}
	o->n = kept;
}

/* parse() - Return: -1 to go on, or an exit code. */
static int parse(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{"socket", required_argument, NULL, 's'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "+s:jhV", longs, NULL)) != -1) {
		switch (c) {
		case 's':
			o->socket = optarg;
			break;
		case 'j':
			o->json = true;
			break;
		case 'h':
			print_help();
			return EXIT_FINE;
		case 'V':
			puts("tcpguardctl " PACKAGE_VERSION);
			return EXIT_FINE;
		default: /* getopt has said what is wrong */
			return usage("cannot go on", "");
		}
	}
	if (optind == argc)
		return usage("a command is missing", "");
	o->n = argc - optind;
	o->words = argv + optind;
	o->view = view_find(o->words[0]);
	if (!o->view)
		return usage("there is no command ", o->words[0]);
	take_flags(o);
	if (o->n - 1 < o->view->min || o->n - 1 > o->view->max) {
		fprintf(stderr, "usage: tcpguardctl %s%s%s\n", o->view->command,
			o->view->args[0] ? " " : "", o->view->args);
		return EXIT_USAGE;
	}
	o->view = view_choose(o->view, o->n - 1, o->words + 1);
	return -1;
}

static int unreachable(const char *path, int error)
{
	if (error == -EACCES || error == -EPERM)
		fprintf(stderr,
			"tcpguardctl: no permission to talk to tcpguardd on %s; try again with "
			"sudo, or join the group named by control-group\n",
			path);
	else
		fprintf(stderr,
			"tcpguardctl: cannot reach tcpguardd on %s: %s; see `systemctl status "
			"tcpguard`, or name its control socket with --socket\n",
			path, error == -EAGAIN ? "it takes no connection" : strerror(-error));
	return EXIT_UNREACHABLE;
}

/* lost() - the reply ended before its last line. */
static int lost(long error)
{
	if (error == -EAGAIN)
		fprintf(stderr,
			"tcpguardctl: tcpguardd has not answered for %d s; see `systemctl status "
			"tcpguard`\n",
			ANSWER_WAIT_S);
	else
		fprintf(stderr,
			"tcpguardctl: tcpguardd hung up%s%s; see `systemctl status "
			"tcpguard`\n",
			error ? ": " : "", error ? strerror((int)-error) : "");
	return EXIT_UNREACHABLE;
}

/* stdout_failed() - a reader that has seen enough (`| head`) is fine; a full disk is not. */
static int stdout_failed(int error)
{
	if (error == EPIPE)
		return EXIT_FINE;
	fprintf(stderr, "tcpguardctl: cannot write to standard output: %s\n", strerror(error));
	return EXIT_FAILED;
}

/* show() - one row. Return: 0, or -EINVAL if it is not one. */
static int show(const struct options *o, struct screen *s, const char *line, size_t len)
{
	json_t *row;

	if (line[0] != '{')
		return -EINVAL;
	if (o->json) {
		fwrite(line, 1, len, stdout);
		putchar('\n');
		return 0;
	}
	row = json_loadb(line, len, 0, NULL);
	if (!row)
		return -EINVAL;
	view_row(o->view, s, row);
	json_decref(row);
	return 0;
}

/* last_line() - the exit code if @line ends the reply, else -1. */
static int last_line(const char *line)
{
	static const char usage_mark[] = "usage: ";

	if (strcmp(line, CTL_REPLY_OK) == 0)
		return EXIT_FINE;
	if (strncmp(line, CTL_REPLY_ERROR, strlen(CTL_REPLY_ERROR)) != 0)
		return -1;
	line += strlen(CTL_REPLY_ERROR);
	fflush(stdout);
	fprintf(stderr, "tcpguardctl: %s\n", line);
	return strncmp(line, usage_mark, strlen(usage_mark)) == 0 ? EXIT_USAGE : EXIT_FAILED;
}

/* receive() - the whole reply. Return: exit code. */
static int receive(const struct options *o, struct link *l, struct screen *s)
{
	for (;;) {
		char *line = NULL;
		long len = link_line(l, &line);
		int code;

		if (len <= 0 && !line)
			return lost(len);
		code = last_line(line);
		if (code >= 0)
			return code;
		if (show(o, s, line, len)) {
			fputs("tcpguardctl: what answers there does not speak tcpguardd's "
			      "language; check --socket\n",
			      stderr);
			return EXIT_FAILED;
		}
		if (o->follow)
			fflush(stdout);
		if (ferror(stdout))
			return stdout_failed(errno);
	}
}

static bool terminal_shows_bold(void)
{
	const char *term = getenv("TERM"), *no = getenv("NO_COLOR");

	return isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0 && !(no && *no);
}

/* ask() - connect, send the request and show the reply. Return: exit code. */
static int ask(const struct options *o, struct link *l)
{
	struct screen screen = {.colour = terminal_shows_bold()};
	int code, error;

	for (int tries = 0;;
	     tries++) { /* a crowd that keeps all places busy leaves one now and then */
		error = link_open(l, o->socket, o->follow ? 0 : ANSWER_WAIT_S);
		if (error)
			return unreachable(o->socket, error);
		error = link_send(l, o->n, o->words);
		if (error)
			return usage(error == -E2BIG ? "the request is too long"
						     : "arguments must be printable ASCII",
				     "");
		if (tries == FULL_TRIES || !link_is_full(l))
			break;
		link_close(l);
		usleep(FULL_PAUSE_MS * 1000);
	}
	if (!o->json && view_begin(o->view, &screen)) {
		fputs("tcpguardctl: out of memory\n", stderr);
		return EXIT_FAILED;
	}
	code = receive(o, l, &screen);
	if (!o->json)
		view_end(o->view, &screen, code == EXIT_FINE);
	if (fflush(stdout) && code == EXIT_FINE)
		code = stdout_failed(errno);
	return code;
}

/* keep_standard_fds() - a closed one must not become the socket. */
static void keep_standard_fds(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)!open("/dev/null", O_RDONLY); /* writing to it fails, as it should */
}

/* live() - the command that is a screen. Return: exit code. */
static int live(const struct options *o)
{
	static const int codes[] = {
		[TOP_QUIT] = EXIT_FINE,
		[TOP_FAILED] = EXIT_FAILED,
		[TOP_MISUSED] = EXIT_USAGE,
	};

	if (o->json)
		return usage("a screen has no JSON: use stats --json instead of ", o->words[0]);
	return codes[top_run(o->socket, o->n - 1, o->words + 1)];
}

/* examine() - the command that asks the machine, and the daemon only if there is one. */
static int examine(const struct options *o)
{
	const char *config = NULL;
	int rc;

	if (o->n == 3 && strcmp(o->words[1], "--config") == 0)
		config = o->words[2];
	else if (o->n == 2 && strncmp(o->words[1], "--config=", 9) == 0)
		config = o->words[1] + 9;
	else if (o->n != 1)
		return usage("usage: tcpguardctl doctor ", o->view->args);
	rc = doctor_main(o->socket, config, o->json, stdout);
	if (rc < 0)
		fputs("tcpguardctl: out of memory\n", stderr);
	if (fflush(stdout))
		return stdout_failed(errno);
	return rc ? EXIT_FAILED : EXIT_FINE;
}

int main(int argc, char **argv)
{
	struct options o = {0};
	struct link l;
	int code;

	keep_standard_fds();
	signal(SIGPIPE, SIG_IGN);
	code = parse(&o, argc, argv);
	if (code >= 0)
		return fflush(stdout) ? stdout_failed(errno) : code;
	if (o.view->local)
		return examine(&o);
	if (!o.socket)
		o.socket = CTL_SOCKET_DEFAULT;
	if (o.view->live)
		return live(&o);
	code = ask(&o, &l);
	link_close(&l);
	return code;
}
