/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcpguardd: the command line. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/daemon.h"
#include "daemon/supervise.h"
#include "datapath/firewall.h"
#include "replay/replay.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif
#ifndef SYSCONFDIR
#define SYSCONFDIR "/etc"
#endif

#define CONFIG_DEFAULT SYSCONFDIR "/tcpguard/tcpguard.conf"

enum exit_code { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct options {
	const char *config; /* NULL: not given */
	bool test, log_to_stderr, version, help, supervise, clear;
	struct replay_options replay; /* file: NULL if this is no replay */
	const char *replay_only; /* an option that makes sense in a replay only */
};

static void usage(FILE *f)
{
	fprintf(f,
		"usage: tcpguardd [-c FILE] [-t] [-f] [-h] [-v] [--supervise]\n"
		"       tcpguardd --clear\n"
		"       tcpguardd --replay CAPTURE [-c FILE] [--service ADDRESS:PORT]... [--json]\n"
		"                 [--plot SVG]\n"
		"  -c FILE  read this configuration (%s)\n"
		"  -t       check the configuration and exit\n"
		"  -f       log to standard error, whatever the configuration says\n"
		"  -h       show this help and exit\n"
		"  -v       show the version and exit\n"
		"  --supervise              without systemd: start it again when it has crashed, and\n"
		"                           keep its connections meanwhile\n"
		"  --clear                  remove firewall rules that one has left which is gone\n"
		"  --replay CAPTURE         tell what would have been noticed in this pcap or pcapng\n"
		"                           file; -c: with this configuration, else with the defaults\n"
		"  --service ADDRESS:PORT   watch these servers (the busiest one in the capture)\n"
		"  --json                   one JSON object a line\n"
		"  --plot SVG               draw a picture of it, too\n"
		"The daemon stays in the foreground. See tcpguardd(8) and tcpguard.conf(5).\n",
		CONFIG_DEFAULT);
}

enum long_option {
	OPTION_REPLAY = 256,
	OPTION_SERVICE,
	OPTION_JSON,
	OPTION_PLOT,
	OPTION_SUPERVISE,
	OPTION_CLEAR
};

/* parse_replay() - an option of --replay. Return: false if there are too many of it. */
static bool parse_replay(struct options *o, int c)
{
	struct replay_options *r = &o->replay;

	switch (c) {
	case OPTION_REPLAY:
		r->file = optarg;
		return true;
	case OPTION_SERVICE:
		o->replay_only = "--service";
		if (r->n_services == REPLAY_SERVICES_MAX) {
			fprintf(stderr, "tcpguardd: at most %d times --service; use ranges\n",
				REPLAY_SERVICES_MAX);
			return false;
		}
		r->service[r->n_services++] = optarg;
		return true;
	case OPTION_JSON:
		o->replay_only = "--json";
		r->json = true;
		return true;
	default:
		o->replay_only = "--plot";
		r->plot = optarg;
		return true;
	}
}

/* without_supervise() - the command line of the daemon itself. */
static void without_supervise(char **argv)
{
	char **to = argv;

	for (; *argv; argv++) {
		if (strncmp(*argv, "--s", 3) != 0)
			*to++ = *argv;
	}
	*to = NULL;
}

/* sensible() - do the options fit each other? */
static bool sensible(const struct options *o)
{
	if (o->replay_only && !o->replay.file) {
		fprintf(stderr, "tcpguardd: %s is for --replay only\n", o->replay_only);
		return false;
	}
	if (o->clear && (o->replay.file || o->supervise || o->test)) {
		fprintf(stderr, "tcpguardd: --clear goes alone\n");
		return false;
	}
	if (o->replay.file && o->supervise) {
		fprintf(stderr, "tcpguardd: --supervise makes no sense with --replay\n");
		return false;
	}
	if (o->replay.file && (o->test || o->log_to_stderr)) {
		fprintf(stderr, "tcpguardd: -%c makes no sense with --replay\n",
			o->test ? 't' : 'f');
		return false;
	}
	return true;
}

/* parse_options() - Return: false if the command line makes no sense; getopt() has said why. */
static bool parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'v'},
		{"supervise", no_argument, NULL, OPTION_SUPERVISE},
		{"clear", no_argument, NULL, OPTION_CLEAR},
		{"replay", required_argument, NULL, OPTION_REPLAY},
		{"service", required_argument, NULL, OPTION_SERVICE},
		{"json", no_argument, NULL, OPTION_JSON},
		{"plot", required_argument, NULL, OPTION_PLOT},
		{NULL, 0, NULL, 0},
	};
	int c;

	*o = (struct options){0};
	while ((c = getopt_long(argc, argv, "c:tfhv", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			o->config = optarg;
			break;
		case 't':
			o->test = true;
			break;
		case 'f':
			o->log_to_stderr = true;
			break;
		case 'h':
			o->help = true;
			break;
		case 'v':
			o->version = true;
			break;
		case OPTION_SUPERVISE:
			o->supervise = true;
			break;
		case OPTION_CLEAR:
			o->clear = true;
			break;
		case OPTION_REPLAY:
		case OPTION_SERVICE:
		case OPTION_JSON:
		case OPTION_PLOT:
			if (!parse_replay(o, c))
				return false;
			break;
		default:
			return false;
		}
	}
	if (optind < argc)
		fprintf(stderr, "tcpguardd: unexpected argument \"%s\"\n", argv[optind]);
	return optind == argc && sensible(o);
}

static void report(void *arg, const char *line)
{
	fprintf(stderr, "%s\n", line);
}

/* clear() - away with the rules of a daemon that is gone. */
static int clear(void)
{
	char why[512];
	int rc = 0;

	if (geteuid() != 0)
		snprintf(why, sizeof(why), "only root can remove firewall rules");
	else
		rc = firewall_clear(why, sizeof(why));
	if (geteuid() == 0 && rc == 0)
		return EXIT_FINE;
	fprintf(stderr, "tcpguardd: %s\n", why);
	return EXIT_FAILED;
}

/* cannot_start() - the configuration cannot be used. */
static int cannot_start(void)
{
	takeover_give_up(NULL);
	takeover_pause();
	return EXIT_FAILED;
}

int main(int argc, char **argv)
{
	struct options o;
	struct conf *conf;

	if (!parse_options(argc, argv, &o)) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (o.help) {
		usage(stdout);
		return EXIT_FINE;
	}
	if (o.version) {
		printf("tcpguardd %s\n", PACKAGE_VERSION);
		return EXIT_FINE;
	}
	if (o.replay.file) {
		o.replay.config = o.config;
		return replay_main(&o.replay, stdout) == 0 ? EXIT_FINE : EXIT_FAILED;
	}
	if (o.clear)
		return clear();
	if (o.supervise && !o.test) {
		without_supervise(argv);
		return supervise(argv);
	}
	if (!o.config)
		o.config = CONFIG_DEFAULT;
	if (conf_load(o.config, &conf, report, NULL) < 0)
		return o.test ? EXIT_FAILED : cannot_start();
	if (o.test) {
		printf("%s: fine%s\n", o.config,
		       conf->guard.n_services ? ""
					      : ", but there is no service: nothing is guarded");
		conf_free(conf);
		return EXIT_FINE;
	}
	if (daemon_run(conf, o.log_to_stderr, argv) == 0)
		return EXIT_FINE;
	takeover_pause();
	return EXIT_FAILED;
}
