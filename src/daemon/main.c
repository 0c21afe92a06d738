/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcpguardd: the command line. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/daemon.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif
#ifndef SYSCONFDIR
#define SYSCONFDIR "/etc"
#endif

#define CONFIG_DEFAULT SYSCONFDIR "/tcpguard/tcpguard.conf"

enum exit_code { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct options {
	const char *config;
	bool test, log_to_stderr, version, help;
};

static void usage(FILE *f)
{
	fprintf(f,
		"usage: tcpguardd [-c FILE] [-t] [-f] [-h] [-v]\n"
		"  -c FILE  read this configuration (%s)\n"
		"  -t       check the configuration and exit\n"
		"  -f       log to standard error, whatever the configuration says\n"
		"  -h       show this help and exit\n"
		"  -v       show the version and exit\n"
		"The daemon stays in the foreground. See tcpguardd(8) and tcpguard.conf(5).\n",
		CONFIG_DEFAULT);
}

/* parse_options() - Return: false if the command line makes no sense; getopt() has said why. */
static bool parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'v'},
		{NULL, 0, NULL, 0},
	};
	int c;

	*o = (struct options){.config = CONFIG_DEFAULT};
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
		default:
			return false;
		}
	}
	if (optind < argc)
		fprintf(stderr, "tcpguardd: unexpected argument \"%s\"\n", argv[optind]);
	return optind == argc;
}

static void report(void *arg, const char *line)
{
	fprintf(stderr, "%s\n", line);
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
	if (conf_load(o.config, &conf, report, NULL) < 0)
		return EXIT_FAILED;
	if (o.test) {
		printf("%s: fine\n", o.config);
		conf_free(conf);
		return EXIT_FINE;
	}
	return daemon_run(conf, o.log_to_stderr) == 0 ? EXIT_FINE : EXIT_FAILED;
}
