/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Theory of operation: a text is looked at three times, and each time finds all errors it can.
 * conf_scan() knows the names of the options and the shape of statements; conf_tree_read() lets
 * libconfuse read what was well-formed and parses the values; conf_check() compares values with each
 * other. Only when all were content does the caller get a struct conf.
 */
#include "conf/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "conf/check.h"
#include "conf/schema.h"

static void conf_defaults(struct conf *c, const char *name)
{
	memset(c, 0, sizeof(*c));
	snprintf(c->path, sizeof(c->path), "%s", name);
	strcpy(c->control_socket, "/run/tcpguard/control.sock");
	strcpy(c->state_dir, "/var/lib/tcpguard");
	strcpy(c->metrics, "off");
	strcpy(c->on_attack, "off");
	c->on_attack_timeout = 10 * USEC_PER_SEC;
	c->queue = 100;
	c->placement = CONF_PLACEMENT_AUTO;
	c->firewall = CONF_FIREWALL_AUTO;
	c->anti_spoof = true;
	c->repair_rules = true;
	c->mark = 0x7c9d;
	c->on_failure = CONF_ON_FAILURE_OPEN;
	c->max_flows = 262144;
	c->max_half_open = 65536;
	c->max_terminated = 262144;
	c->terminate_memory = 256 << 20;
	c->log_level = LOG_INFO;
	c->log_target = CONF_LOG_TARGET_AUTO;
	guard_config_defaults(&c->guard);
}

/* What is needed while a file is read; too large for the stack. */
struct work {
	struct conf_errors errors;
	struct conf_scan_result scan;
	struct conf_places places;
};

static int parse(const char *text, size_t len, struct conf *c, struct work *w)
{
	int ret = conf_scan(text, len, &w->scan, &w->errors);

	if (ret != 0)
		return ret;
	ret = conf_tree_read(&w->scan, c, &w->places, &w->errors);
	if (ret == 0)
		conf_check(c, &w->scan, &w->places, &w->errors);
	free(w->scan.text);
	if (ret == 0 && w->errors.n > 0)
		ret = -EINVAL;
	return ret;
}

int conf_parse(const char *text, size_t len, const char *name, struct conf **out,
	       conf_report_fn *report, void *arg)
{
	struct conf *c = malloc(sizeof(*c));
	struct work *w = calloc(1, sizeof(*w));
	int ret = -ENOMEM;

	*out = NULL;
	if (c == NULL || w == NULL)
		goto out;
	conf_defaults(c, name);
	w->errors.name = name;
	if (len > CONF_FILE_MAX) {
		conf_error_add(&w->errors, 0,
			       "the file is larger than %u KiB, is it the right one?",
			       CONF_FILE_MAX / 1024);
		ret = -EFBIG;
	} else {
		ret = parse(text, len, c, w);
	}
	if (ret == -ENOMEM)
		conf_error_add(&w->errors, 0, "out of memory, try again");
	conf_errors_report(&w->errors, report, arg);
	if (ret == 0) {
		*out = c;
		c = NULL;
	}
out:
	free(w);
	free(c);
	return ret;
}

/* refuse_file() - report that the file itself cannot be used. */
static int refuse_file(const char *path, int error, conf_report_fn *report, void *arg)
{
	const char *advice = "check that it is the right file";
	char line[CONF_LINE_MAX];

	if (error == ENOENT)
		advice = "create it or name another with -c";
	else if (error == EACCES || error == EPERM)
		advice = "run as root or make the file readable";
	else if (error == EISDIR)
		advice = "name the file in it";
	else if (error == EINVAL)
		advice = "it must be a regular file, no pipe or device";
	else if (error == ENODATA)
		advice = "it is empty; put a comment into it if nothing is to be guarded";
	snprintf(line, sizeof(line), "%.*s: %s, %s", CONF_LINE_MAX / 2, path, strerror(error),
		 advice);
	if (report != NULL)
		report(arg, line);
	return -error;
}

/* read_file() - all of it, at most one byte more than it may have. */
static int read_file(int fd, char *text, size_t *len)
{
	size_t used = 0;
	ssize_t n;

	do {
		n = read(fd, text + used, CONF_FILE_MAX + 1 - used);
		if (n < 0 && errno != EINTR)
			return errno;
		used += n > 0 ? (size_t)n : 0;
	} while (n != 0 && used <= CONF_FILE_MAX);
	*len = used;
	return 0;
}

/* open_file() - open a regular file, never waiting for one that is not. */
static int open_file(const char *path, int *fd)
{
	struct stat st;

	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (*fd < 0)
		return errno;
	if (fstat(*fd, &st) != 0)
		return errno;
	if (S_ISDIR(st.st_mode))
		return EISDIR;
	return S_ISREG(st.st_mode) ? 0 : EINVAL;
}

int conf_load(const char *path, struct conf **out, conf_report_fn *report, void *arg)
{
	char *text = malloc(CONF_FILE_MAX + 1);
	size_t len = 0;
	int fd = -1;
	int error;

	*out = NULL;
	if (text == NULL)
		return refuse_file(path, ENOMEM, report, arg);
	error = strlen(path) < CONF_PATH_MAX ? open_file(path, &fd) : ENAMETOOLONG;
	if (error == 0)
		error = read_file(fd, text, &len);
	if (error == 0 && len == 0)
		error = ENODATA; /* rather a full disk than somebody's wish to guard nothing */
	if (fd >= 0)
		close(fd);
	error = error != 0 ? refuse_file(path, error, report, arg)
			   : conf_parse(text, len, path, out, report, arg);
	free(text);
	return error;
}

void conf_free(struct conf *c)
{
	free(c);
}

int conf_log_level_parse(const char *text)
{
	struct conf c;
	char why[CONF_WHY_MAX];

	if (conf_option_set(conf_option_find(CONF_ROOT, "log"), &c, text, why) != 0)
		return -EINVAL;
	return c.log_level;
}

const char *conf_on_attack(const struct conf *c, uint32_t index)
{
	const char *own = index < c->guard.n_services ? c->service[index].on_attack : "";
	const char *command = own[0] != '\0' ? own : c->on_attack;

	return strcmp(command, "off") == 0 ? NULL : command;
}

bool conf_fails_open(const struct conf *c, uint32_t index)
{
	uint8_t own = index < c->guard.n_services ? c->service[index].on_failure : 0;

	return (own ? own - 1 : (int)c->on_failure) == CONF_ON_FAILURE_OPEN;
}

/* name_of() - the word for @value of an option that takes one of several. */
static const char *name_of(const char *option, int value)
{
	const struct conf_option *o = conf_option_find(CONF_ROOT, option);
	int n = 0;

	while (o->names[n] != NULL)
		n++;
	value -= (int)o->min;
	return value >= 0 && value < n ? o->names[value] : "unknown";
}

const char *conf_log_level_name(int level)
{
	return name_of("log", level);
}

const char *conf_placement_name(enum conf_placement placement)
{
	return name_of("placement", (int)placement);
}

const char *conf_firewall_name(enum conf_firewall firewall)
{
	return name_of("firewall", (int)firewall);
}

const char *conf_on_failure_name(enum conf_on_failure on_failure)
{
	return name_of("on-failure", (int)on_failure);
}
