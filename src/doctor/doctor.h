/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tcpguardctl doctor: is everything around the guard as it should be?
 *
 * Theory of operation: each check looks at the world through struct world, so that tests can make one up,
 * and reports findings. Nothing is changed. The daemon need not run; what can only be known from it is
 * left out then. A finding that something is wrong brings the command that mends it, or shows more.
 */
#ifndef TCPGUARD_DOCTOR_DOCTOR_H
#define TCPGUARD_DOCTOR_DOCTOR_H

#include <stdio.h>

#include "conf/conf.h"

#define DOCTOR_TEXT_MAX	   512
#define DOCTOR_OUTPUT_MAX  (256 * 1024) /* of a tool; more is cut */
#define DOCTOR_FILE_MAX	   65536
#define DOCTOR_BACKENDS	   16 /* servers that are tried; each takes half a second at most */
#define DOCTOR_PATIENCE_MS 500

enum finding_level {
	FINDING_OK,
	FINDING_NOTE, /* good to know; nothing has to be done */
	FINDING_WARNING, /* it works, but not well, or not for everybody */
	FINDING_FAULT, /* the guard does not work */
	FINDING_LEVELS
};

struct finding {
	const char *check; /* "kernel", "sysctl", ...: a stable word */
	enum finding_level level;
	char text[DOCTOR_TEXT_MAX]; /* one sentence */
	char command[DOCTOR_TEXT_MAX]; /* empty: none */
};

typedef void finding_fn(void *arg, const struct finding *f);

/* How a doctor sees the world. */
struct world {
	const char *
		root; /* put in front of paths in /proc, /sys, /etc and /run; "" or a made-up tree */
	void *arg;
	/* As tool_run() with @input, else as tool_read(). */
	int (*tool)(void *arg, const char *const argv[], const char *input, char *out, size_t len,
		    char *error);
	/* Return: 0 if something listens there, or a negative errno; -ETIMEDOUT: no answer. */
	int (*reach)(void *arg, const struct ip_addr *a, uint16_t port);
};

extern const struct world world_real;

/* What the daemon said. */
struct patient {
	bool runs;
	bool refused; /* it runs, but does not speak with us */
	int pid; /* 0: not known */
	char firewall[32];
	char rules_missing[256]; /* empty: nothing */
	uint32_t workers;
};

struct doctor {
	const struct world *world;
	const struct conf *conf; /* NULL: it cannot be used */
	const char *conf_path;
	bool privileged; /* what only root may see can be seen */
	struct patient patient;
	finding_fn *report;
	void *arg;
	unsigned found[FINDING_LEVELS];
	char *output; /* DOCTOR_OUTPUT_MAX bytes, of the last tool */
};

/*
 * doctor_examine() - all checks, in order. @d: filled but for found and output.
 * Return: 0, or -ENOMEM.
 */
int doctor_examine(struct doctor *d);

const char *finding_level_name(enum finding_level level);

/*
 * doctor_main() - the command. @socket: of the daemon; NULL: as the configuration says. @config: NULL for
 * the usual one. Return: 0 if no warning and no fault was found, 1 if there was, or a negative errno.
 */
int doctor_main(const char *socket, const char *config, bool json, FILE *out);

/* For the checks. */
void found(struct doctor *d, const char *check, enum finding_level level, const char *command,
	   const char *format, ...) __attribute__((format(printf, 5, 6)));

/* world_read() - a whole file below the root into @buf. Return: its length or a negative errno. */
int world_read(const struct world *w, const char *path, char *buf, size_t len);

/* world_number() - the number in a file. Return: false if there is no such file. */
bool world_number(const struct world *w, const char *path, long long *value);

/* ask_tool() - run it; what it printed is in d->output. Return: as tool_read(). */
int ask_tool(struct doctor *d, const char *const argv[]);

/* is_here() - is some address of the listen one of this host? */
bool is_here(struct doctor *d, const struct guard_listen *l);

void check_configuration(struct doctor *d);
void check_daemon(struct doctor *d);
void check_privileges(struct doctor *d);
void check_kernel(struct doctor *d);
void check_sysctls(struct doctor *d);
void check_addresses(struct doctor *d);
void check_offloads(struct doctor *d);
void check_rules(struct doctor *d);
void check_queues(struct doctor *d);
void check_backends(struct doctor *d);

#endif
