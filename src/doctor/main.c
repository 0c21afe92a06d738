/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The doctor in the real world: tools, connections, the daemon, and what is printed. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ctl/protocol.h"
#include "datapath/tool.h"
#include "doctor/doctor.h"
#include "tcpguardctl/link.h"

#ifndef SYSCONFDIR
#define SYSCONFDIR "/etc"
#endif

#define CONFIG_DEFAULT SYSCONFDIR "/tcpguard/tcpguard.conf"
#define ANSWER_WAIT_S  5

static int real_tool(void *arg, const char *const argv[], const char *input, char *out, size_t len,
		     char *error)
{
	return input ? tool_run(argv, input, strlen(input), error)
		     : tool_read(argv, out, len, error);
}

static int connect_in_time(int fd, const struct sockaddr *sa, socklen_t len)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	int error = 0;
	socklen_t size = sizeof(error);

	if (connect(fd, sa, len) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return -errno;
	if (poll(&p, 1, DOCTOR_PATIENCE_MS) <= 0)
		return -ETIMEDOUT;
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
	return -error;
}

static int real_reach(void *arg, const struct ip_addr *a, uint16_t port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 sin6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	bool v4 = ip_addr_is_v4(a);
	int fd = socket(v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), rc;

	if (fd < 0)
		return -errno;
	memcpy(&sin.sin_addr, &a->w[3], sizeof(sin.sin_addr));
	memcpy(&sin6.sin6_addr, a, sizeof(sin6.sin6_addr));
	rc = v4 ? connect_in_time(fd, (struct sockaddr *)&sin, sizeof(sin))
		: connect_in_time(fd, (struct sockaddr *)&sin6, sizeof(sin6));
	close(fd);
	return rc;
}

const struct world world_real = {.root = "", .tool = real_tool, .reach = real_reach};

/* ---- the daemon ---- */

static void take_status(struct patient *p, const char *line, size_t len, char *config)
{
	json_t *row = json_loadb(line, len, 0, NULL);
	const char *firewall = json_string_value(json_object_get(row, "firewall"));
	const char *path = json_string_value(json_object_get(row, "config"));
	const char *missing = json_string_value(json_object_get(row, "rules_missing"));

	snprintf(p->firewall, sizeof(p->firewall), "%s", firewall ? firewall : "");
	snprintf(p->rules_missing, sizeof(p->rules_missing), "%s", missing ? missing : "");
	p->workers = (uint32_t)json_array_size(json_object_get(row, "workers"));
	if (path)
		snprintf(config, CONF_PATH_MAX, "%s", path);
	p->runs = firewall != NULL;
	json_decref(row);
}

/* ask_daemon() - fill @p, and @config with the file that the daemon has read. */
static void ask_daemon(struct patient *p, const char *socket, char *config)
{
	char word[] = "status", *words[] = {word}, *line = NULL;
	struct ucred cred;
	socklen_t size = sizeof(cred);
	struct link l;
	int rc = link_open(&l, socket, ANSWER_WAIT_S);
	long len;

	if (rc < 0) {
		p->refused = rc == -EACCES || rc == -EPERM;
		return;
	}
	if (getsockopt(l.fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) == 0)
		p->pid = cred.pid;
	if (link_send(&l, 1, words) == 0) {
		len = link_line(&l, &line);
		if (len > 0 && line[0] == '{')
			take_status(p, line, (size_t)len, config);
	}
	link_close(&l);
}

/* ---- what is printed ---- */

struct print {
	FILE *out;
	bool json, colour;
};

static void print_json(FILE *out, const struct finding *f)
{
	json_t *command = f->command[0] ? json_string(f->command) : json_null();
	json_t *row = json_pack("{ss ss ss so}", "check", f->check, "level",
				finding_level_name(f->level), "text", f->text, "command", command);

	if (row)
		json_dumpf(row, out, JSON_COMPACT);
	fputc('\n', out);
	json_decref(row);
}

static void print_finding(void *arg, const struct finding *f)
{
	struct print *p = arg;

	if (p->json) {
		print_json(p->out, f);
		return;
	}
	fprintf(p->out, "%s%-7s%s  %-10s  %s\n",
		p->colour && f->level >= FINDING_WARNING ? "\033[1m" : "",
		finding_level_name(f->level),
		p->colour && f->level >= FINDING_WARNING ? "\033[0m" : "", f->check, f->text);
	if (f->command[0])
		fprintf(p->out, "%-21s$ %s\n", "", f->command);
}

/* Errors of the configuration are findings, too. */
static void config_error(void *arg, const char *line)
{
	found(arg, "config", FINDING_FAULT, NULL, "%s", line);
}

static void print_sum(const struct doctor *d, FILE *out)
{
	unsigned w = d->found[FINDING_WARNING], f = d->found[FINDING_FAULT];

	fprintf(out, "\n%u fine, %u note%s, %u warning%s, %u fault%s\n", d->found[FINDING_OK],
		d->found[FINDING_NOTE], d->found[FINDING_NOTE] == 1 ? "" : "s", w,
		w == 1 ? "" : "s", f, f == 1 ? "" : "s");
}

/* socket_of() - where the daemon is: as was said, or as the configuration says. */
static const char *socket_of(const char *socket, const struct conf *c)
{
	if (socket)
		return socket;
	return c ? c->control_socket : CTL_SOCKET_DEFAULT;
}

int doctor_main(const char *socket, const char *config, bool json, FILE *out)
{
	struct print print = {.out = out, .json = json, .colour = !json && isatty(fileno(out))};
	struct doctor d = {.world = &world_real,
			   .privileged = geteuid() == 0,
			   .report = print_finding,
			   .arg = &print};
	char path[CONF_PATH_MAX] = CONFIG_DEFAULT;
	struct conf *conf = NULL;
	int rc;

	if (config)
		snprintf(path, sizeof(path), "%s", config);
	if (socket && !config) /* the daemon knows which file */
		ask_daemon(&d.patient, socket, path);
	d.conf_path = path;
	conf_load(path, &conf, config_error, &d);
	d.conf = conf;
	if (!socket || config) {
		char ignored[CONF_PATH_MAX];

		ask_daemon(&d.patient, socket_of(socket, conf), ignored);
	}
	rc = doctor_examine(&d);
	conf_free(conf);
	if (rc < 0)
		return rc;
	if (!json)
		print_sum(&d, out);
	return d.found[FINDING_WARNING] + d.found[FINDING_FAULT] ? 1 : 0;
}
