/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration file: text in, one checked struct conf out.
 *
 * A struct conf is a value: nothing in it points anywhere, it may be copied with memcpy(), and once
 * loaded it is not changed behind its owner's back. A reload loads a second one and swaps them.
 * Every error of a file is reported in one run, one line each: "file:line: what, and what to do".
 */
#ifndef TCPGUARD_CONF_CONF_H
#define TCPGUARD_CONF_CONF_H

#include "core/config.h"

#define CONF_PATH_MAX	       4096
#define CONF_SOCKET_MAX	       108 /* what fits into struct sockaddr_un, terminating zero included */
#define CONF_GROUP_MAX	       64
#define CONF_DIR_MAX	       256
#define CONF_METRICS_MAX       64
#define CONF_COMMAND_MAX       256
#define CONF_COMMAND_WORDS_MAX 32
#define CONF_FILE_MAX	       (1024 * 1024) /* a larger file is refused */
#define CONF_WORKER_QUEUES     3
#define CONF_WORKERS_MAX       16
#define CONF_LINE_MAX	       1024 /* no reported or shown line is longer, terminating zero included */

enum conf_placement { CONF_PLACEMENT_AUTO, CONF_PLACEMENT_GATEWAY, CONF_PLACEMENT_HOST };

enum conf_firewall {
	CONF_FIREWALL_AUTO,
	CONF_FIREWALL_NFTABLES,
	CONF_FIREWALL_IPTABLES,
	CONF_FIREWALL_NONE
};

/* What happens to packets of guarded services while no daemon runs. */
enum conf_on_failure { CONF_ON_FAILURE_OPEN, CONF_ON_FAILURE_CLOSED };

/* Where messages go; auto: journald if standard error is connected to it, else standard error. */
enum conf_log_target { CONF_LOG_TARGET_AUTO, CONF_LOG_TARGET_JOURNAL, CONF_LOG_TARGET_STDERR };

/* What the daemon itself wants to know of a service; the rest is in struct guard_service_config. */
struct conf_service {
	char on_attack[CONF_COMMAND_MAX]; /* empty: the global one; "off": none */
	uint8_t on_failure; /* 0: the global one, else 1 + enum conf_on_failure */
};

struct conf {
	char path[CONF_PATH_MAX]; /* the file as it was named to conf_load(), for messages */
	char control_socket[CONF_SOCKET_MAX];
	char control_group[CONF_GROUP_MAX]; /* empty: root only */
	char state_dir[CONF_DIR_MAX];
	char metrics[CONF_METRICS_MAX]; /* "off", or what conf_endpoint_parse() takes */
	char on_attack[CONF_COMMAND_MAX]; /* words between blanks; "off": none */
	usec_t on_attack_timeout;
	uint32_t workers; /* 1 .. CONF_WORKERS_MAX, already resolved; equals guard.workers */
	bool workers_auto; /* the file said 0 or nothing: one for each CPU */
	uint16_t queue; /* first NFQUEUE number; each worker takes CONF_WORKER_QUEUES */
	enum conf_placement placement;
	enum conf_firewall firewall;
	bool kernel_set; /* hand denied clients over to the kernel */
	bool anti_spoof; /* drop what comes from a server's address by the wrong interface */
	bool repair_rules; /* put firewall rules back that somebody has taken away */
	uint32_t mark; /* of packets that the guard sends; never 0; used as its own mask */
	enum conf_on_failure on_failure;
	uint32_t max_flows, max_half_open; /* of the whole daemon, all workers together */
	uint32_t max_terminated; /* likewise, as all of "terminate" */
	uint64_t terminate_memory; /* bytes of data that wait */
	int log_level; /* syslog level: LOG_ERR .. LOG_DEBUG */
	enum conf_log_target log_target;
	struct conf_service service[GUARD_SERVICES_MAX]; /* as in guard.service */
	struct guard_config guard; /* may be without a service; each has at least one listen */
};

/* One message, without newline, in the form "file:line: what, and what to do". */
typedef void conf_report_fn(void *arg, const char *line);

/* One line of conf_show(), without newline. */
typedef void conf_print_fn(void *arg, const char *line);

/*
 * conf_load() - read and check the file @path.
 * @out: set to a configuration that conf_free() releases; NULL after an error.
 * @report: called once for each error, in the order of the file's lines; may be NULL.
 *
 * Never exits, never prints, reads no environment. Not thread-safe (libconfuse's scanner).
 *
 * Return: 0; -ENOENT, -EACCES, -EISDIR, -EFBIG, ... if the file cannot be read (reported, too);
 * -EINVAL after errors in it; -ENOMEM.
 */
int conf_load(const char *path, struct conf **out, conf_report_fn *report, void *arg);

/*
 * conf_parse() - like conf_load(), with the text in memory.
 * @text: @len bytes, need not end in zero or newline.
 * @name: stands for the file in messages and in conf.path.
 */
int conf_parse(const char *text, size_t len, const char *name, struct conf **out,
	       conf_report_fn *report, void *arg);

/* conf_free() - release what conf_load() gave; NULL is fine. */
void conf_free(struct conf *c);

/*
 * conf_show() - print @c in the file's own syntax, defaults included. Parsing what was printed
 * gives the same configuration again.
 */
void conf_show(const struct conf *c, conf_print_fn *print, void *arg);

/*
 * conf_set() - change one option that may change while the daemon runs.
 * @key: an option's name ("log", "msl"), with its section ("timeouts.established",
 *	"cookie.rotate"), or with its service ("web.mode", "web.attack.start").
 * @why: filled with the reason when the change is refused; @c is unchanged then.
 * Return: 0; -ENOENT no such option or service; -EPERM the option needs a restart or an edit of the
 * file; -EINVAL bad value.
 */
int conf_set(struct conf *c, const char *key, const char *value, char *why, size_t why_len);

/* conf_log_level_parse() - "err", "warning", "notice", "info", "debug" to LOG_...; or -EINVAL. */
int conf_log_level_parse(const char *text);

/* conf_on_attack() - the command for attacks on the service @index; NULL: none. */
const char *conf_on_attack(const struct conf *c, uint32_t index);

/* conf_fails_open() - do packets of the service @index pass while no daemon has the queues? */
bool conf_fails_open(const struct conf *c, uint32_t index);

const char *conf_log_level_name(int level);
const char *conf_placement_name(enum conf_placement placement);
const char *conf_firewall_name(enum conf_firewall firewall);
const char *conf_on_failure_name(enum conf_on_failure on_failure);

#endif
