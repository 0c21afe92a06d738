/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/clients.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "conf/values.h"
#include "daemon/clock.h"
#include "daemon/daemon.h"
#include "daemon/state_file.h"
#include "datapath/firewall_owner.h"

#define FILE_NAME	  "rules.json"
#define FILE_NAME_DAMAGED "rules.json.damaged"
#define SAVE_AGAIN	  (10 * USEC_PER_SEC)
#define KERNEL_AGAIN	  (60 * USEC_PER_SEC) /* the kernel, or its tool, may have had a bad moment */
#define CLOCK_JUMP_MS	  1000 /* the wall clock was set: the rules' ends are recomputed */
#define FOR_MIN		  USEC_PER_SEC
#define FOR_MAX		  (3650 * 86400 * USEC_PER_SEC)

static int64_t wall_ms(void)
{
	return (int64_t)(clock_of(CLOCK_REALTIME) / USEC_PER_MSEC);
}

static int64_t clock_offset_ms(void)
{
	return wall_ms() - (int64_t)(clock_now() / USEC_PER_MSEC);
}

/* describe() - "203.0.113.0/24 (service web)". */
static const char *describe(const struct rulebook_entry *e, char *buf, size_t len)
{
	char prefix[CONF_PREFIX_STRLEN];

	conf_prefix_format(&e->prefix, e->plen, prefix, sizeof(prefix));
	snprintf(buf, len, "%s%s%s%s", prefix, e->service[0] ? " (service " : "", e->service,
		 e->service[0] ? ")" : "");
	return buf;
}

/* ---- the file ---- */

/* write_file() - unless another daemon uses the directory. Return: 0 or a negative errno with @why filled. */
static int write_file(const struct daemon *d, const char *name, const char *text, size_t len,
		      char *why, size_t why_len)
{
	const char *dir = d->conf->state_dir;
	int rc, lock = -1;

	if (!attacks_own_directory(d)) { /* not yet, or not for us */
		lock = state_dir_lock(dir, why, why_len);
		if (lock < 0)
			return lock;
	}
	rc = state_file_write(dir, name, text, len, why, why_len);
	state_dir_unlock(lock);
	return rc;
}

/* save() - Return: 0 or a negative errno with @why filled; then it is tried again later. */
static int save(struct daemon *d, char *why, size_t why_len)
{
	struct clients *c = d->clients;
	size_t len = 0;
	char *text = rulebook_to_json(&c->book, &len);
	bool failed_before = c->unsaved;
	int rc;

	c->unsaved = true;
	c->save_again = clock_now() + SAVE_AGAIN;
	if (!text) {
		snprintf(why, why_len, "out of memory");
		return -ENOMEM;
	}
	rc = write_file(d, FILE_NAME, text, len, why, why_len);
	free(text);
	if (rc < 0) {
		if (!failed_before)
			log_message(LOG_ERR, "the lists of clients will not outlive tcpguardd: %s",
				    why);
		return rc;
	}
	c->unsaved = false;
	if (failed_before)
		log_message(LOG_NOTICE, "the lists of clients are kept in %s/" FILE_NAME " again",
			    d->conf->state_dir);
	return 0;
}

/* set_aside() - a file that is no list is kept for whoever wants to look into it. */
static void set_aside(struct daemon *d, const char *text, size_t len, const char *problem)
{
	char why[DAEMON_WHY_MAX];
	bool kept = write_file(d, FILE_NAME_DAMAGED, text, len, why, sizeof(why)) == 0;

	log_message(LOG_ERR,
		    "%s/" FILE_NAME " is damaged (%s); no client is denied or allowed because of "
		    "it%s",
		    d->conf->state_dir, problem,
		    kept ? ", and what it held is in " FILE_NAME_DAMAGED : "");
}

static void load(struct daemon *d)
{
	char why[DAEMON_WHY_MAX], *text;
	uint32_t left_out;
	size_t len;
	int rc = state_file_read(d->conf->state_dir, FILE_NAME, STATE_FILE_MAX, &text, &len, why,
				 sizeof(why));

	if (rc == -ENOENT)
		return;
	if (rc < 0) {
		log_message(LOG_ERR, "%s; no client is denied or allowed because of it", why);
		return;
	}
	if (rulebook_from_json(&d->clients->book, text, len, &left_out, why, sizeof(why)) < 0)
		set_aside(d, text, len, why);
	else if (left_out > 0)
		log_message(LOG_WARNING,
			    "%s/" FILE_NAME ": %u rules make no sense and are left out",
			    d->conf->state_dir, left_out);
	free(text);
}

/* ---- the guards ---- */

static void job_rules(struct guard *g, usec_t now, struct actions *out, void *arg)
{
	guard_set_rules(g, arg);
}

/* follow_clock() - was the wall clock set? clients_second() puts in force what comes of it. */
static void follow_clock(struct daemon *d)
{
	struct clients *c = d->clients;
	int64_t offset = clock_offset_ms(), jump = offset - c->clock_offset_ms;

	if (jump <= CLOCK_JUMP_MS && jump >= -CLOCK_JUMP_MS)
		return;
	c->clock_offset_ms = offset;
	c->shifted |= rulebook_shift(&c->book, jump);
	c->clock_set = true;
}

static struct rules *compile(struct daemon *d, const struct conf *conf)
{
	struct clients *c = d->clients;
	struct rules *rules = malloc(sizeof(*rules));

	if (!rules) {
		log_message(LOG_ERR, "out of memory for the lists of clients");
		return NULL;
	}
	follow_clock(d);
	rulebook_compile(&c->book, &conf->guard, clock_now(), wall_ms(), c->key, rules);
	c->kernel_behind = true;
	return rules;
}

struct rules *clients_prepare(struct daemon *d, const struct conf *c)
{
	uint32_t no_room = rulebook_configure(&d->clients->book, &c->guard);

	if (no_room > 0)
		log_message(LOG_ERR,
			    "%u of the rules in the file are not in force: there are %d by command "
			    "and by file; take some away with tcpguardctl and reload",
			    no_room, RULES_MAX);
	return compile(d, c);
}

void clients_given(struct daemon *d, struct rules *rules, bool all)
{
	if (all)
		free(d->clients->rules);
	d->clients->rules = rules;
}

/* give() - the book as it is now to all workers. Return: 0 or a negative errno. */
static int give(struct daemon *d)
{
	struct rules *rules = compile(d, d->conf);
	int rc;

	if (!rules)
		return -ENOMEM;
	rc = daemon_each(d, job_rules, rules);
	clients_given(d, rules, rc == 0);
	return rc;
}

/* ---- the kernel ---- */

/* catch_up() - let the kernel have what the guards have. */
static void catch_up(struct daemon *d)
{
	struct clients *c = d->clients;
	char why[DAEMON_WHY_MAX];

	c->kernel_behind = false;
	if (!d->conf->kernel_set) {
		c->kernel_failed = false;
		kernel_set_withdraw(&c->kernel);
		return;
	}
	if (!c->rules)
		return;
	if (kernel_set_install(&c->kernel, &d->conf->guard, c->rules, clock_now(), d->conf->mark,
			       why, sizeof(why)) == 0) {
		c->kernel_failed = false;
		return;
	}
	if (!c->kernel_failed)
		log_message(LOG_WARNING, "%s", why);
	c->kernel_failed = true;
	c->kernel_again = clock_now() + KERNEL_AGAIN;
}

void clients_kernel_lost(struct daemon *d)
{
	struct clients *c = d->clients;

	if (!kernel_set_lost(&c->kernel))
		return;
	events_note(d, GUARD_EVENT_RULES_CHANGED, "",
		    "the table of denied clients is gone (nftables); put back");
	catch_up(d);
}

/* ---- the stages ---- */

int clients_start(struct daemon *d, char *why, size_t why_len)
{
	struct clients *c = d->clients = calloc(1, sizeof(*c));
	int rc;

	if (!c || getrandom(&c->key, sizeof(c->key), 0) != sizeof(c->key)) {
		snprintf(why, why_len, "cannot make the lists of clients: %s", strerror(errno));
		return -ENOMEM;
	}
	c->clock_offset_ms = clock_offset_ms();
	rulebook_configure(&c->book, &d->conf->guard); /* first, so that they surely have room */
	load(d);
	rc = give(d);
	if (rc < 0) {
		snprintf(why, why_len, "the workers do not take the lists of clients: %s",
			 strerror(-rc));
		return rc;
	}
	/* the table of a guard that lives is not ours; the firewall stage says so and ends us */
	if (firewall_owner(d->conf->queue, WORKER_QUEUES * d->conf->workers) == FIREWALL_NO_OWNER) {
		kernel_set_remove(&c->kernel); /* of one that crashed */
		catch_up(d);
	}
	return 0;
}

void clients_stop(struct daemon *d)
{
	struct clients *c = d->clients;
	char why[DAEMON_WHY_MAX];

	if (!c)
		return;
	if (c->unsaved)
		save(d, why, sizeof(why));
	if (c->kernel.n_groups > 0)
		kernel_set_remove(&c->kernel);
	if (daemon_each(d, job_rules, NULL) == 0)
		free(c->rules);
	free(c);
	d->clients = NULL;
}

void clients_second(struct daemon *d)
{
	struct clients *c = d->clients;
	char why[DAEMON_WHY_MAX], text[96];
	bool changed, gone_some;
	struct rulebook_entry gone;

	follow_clock(d);
	changed = c->clock_set;
	gone_some = c->shifted;
	c->clock_set = c->shifted = false;
	while (rulebook_expire(&c->book, wall_ms(), &gone)) {
		log_message(LOG_NOTICE, "no longer %s: %s", gone.allow ? "allowed" : "denied",
			    describe(&gone, text, sizeof(text)));
		changed = gone_some = true;
	}
	if (changed)
		give(d);
	if (gone_some || (c->unsaved && clock_now() >= c->save_again))
		save(d, why, sizeof(why));
	if (c->kernel_behind || (c->kernel_failed && clock_now() >= c->kernel_again))
		catch_up(d);
}

/* ---- for the control socket ---- */

/* parse() - the words of a command to an entry. Return: 0 or -EINVAL with @why filled. */
static int parse(const struct ctl_rule_change *change, struct rulebook_entry *e, char *why,
		 size_t why_len)
{
	char reason[CONF_WHY_MAX];
	usec_t duration;

	memset(e, 0, sizeof(*e));
	e->allow = change->allow;
	if (conf_prefix_parse(change->prefix, &e->prefix, &e->plen, reason) != 0 ||
	    (change->duration && conf_time_parse(change->duration, &duration, reason) != 0)) {
		snprintf(why, why_len, "%s", reason);
		return -EINVAL;
	}
	if (change->duration && (duration < FOR_MIN || duration > FOR_MAX)) {
		snprintf(why, why_len, "%s is out of range, write a time from 1s to 3650d",
			 change->duration);
		return -EINVAL;
	}
	if (change->duration)
		e->until_ms = wall_ms() + (int64_t)(duration / USEC_PER_MSEC);
	if (change->service)
		snprintf(e->service, sizeof(e->service), "%s", change->service);
	return 0;
}

/* refuse() - say why the book was not changed. */
static int refuse(int error, const struct rulebook_entry *e, char *why, size_t why_len)
{
	const char *action = e->allow ? "allow" : "deny";
	char text[96];

	describe(e, text, sizeof(text));
	if (error == -ENOSPC)
		snprintf(why, why_len,
			 "there are %d rules already; take some away, or use shorter prefixes",
			 RULES_MAX);
	else if (error == -EPERM)
		snprintf(why, why_len,
			 "%s %s stands in the configuration file; take it out there and reload, or "
			 "override it: %s %s",
			 action, text, e->allow ? "deny" : "allow", text);
	else
		snprintf(why, why_len, "there is no rule %s %s; `rules` lists those there are",
			 action, text);
	return error;
}

/* is_everybody() - a slip of the keyboard shuts the service, or opens it to the attack. */
static bool is_everybody(const struct rulebook_entry *e)
{
	return e->plen == 0 || (e->plen == 96 && ip_addr_is_v4(&e->prefix));
}

int clients_change(struct daemon *d, const struct ctl_rule_change *change, char *why,
		   size_t why_len)
{
	char text[96], reason[DAEMON_WHY_MAX];
	struct rulebook_entry e;
	int rc;

	follow_clock(d);
	rc = parse(change, &e, why, why_len);
	if (rc < 0)
		return rc;
	rc = change->remove ? rulebook_remove(&d->clients->book, &e)
			    : rulebook_put(&d->clients->book, &e);
	if (rc < 0)
		return refuse(rc, &e, why, why_len);
	log_message(LOG_NOTICE, "%s%s: %s%s%s", change->remove ? "no longer " : "",
		    e.allow ? "allowed" : "denied", describe(&e, text, sizeof(text)),
		    change->duration ? " for " : "", change->duration ? change->duration : "");
	if (!change->remove && is_everybody(&e)) {
		snprintf(why, why_len, "%s is everybody%s; to take it back: un%s %s", text,
			 e.allow ? ", an attacker, too" : " who is not allowed by another rule",
			 e.allow ? "allow" : "deny", text);
		rc = 1;
	}
	if (give(d) < 0) {
		snprintf(why, why_len,
			 "a worker does not answer; it may not know of this yet, try again");
		rc = 1;
	}
	if (save(d, reason, sizeof(reason)) < 0) {
		snprintf(why, why_len, "it is in force, but will not outlive tcpguardd: %s",
			 reason);
		rc = 1;
	}
	return rc;
}

static void job_report(struct guard *g, usec_t now, struct actions *out, void *arg)
{
	guard_report_rules(g, arg);
}

static void fill_row(const struct daemon *d, uint32_t i, const uint64_t *packets,
		     struct ctl_rule *row)
{
	const struct clients *c = d->clients;
	const struct rulebook_entry *e = &c->book.entry[i];
	const struct kernel_count *k = &c->kernel.count[e->slot];

	*row = (struct ctl_rule){
		.prefix = e->prefix,
		.plen = e->plen,
		.allow = e->allow,
		.from_file = e->from_file,
		.active = !rulebook_hides(&c->book, i, &d->conf->guard),
		.in_kernel = c->kernel.in_force && !e->allow,
		.until_ms = e->until_ms,
		.left_ms = e->until_ms > wall_ms() ? e->until_ms - wall_ms() : 0,
		.packets = packets[e->slot],
	};
	memcpy(row->service, e->service, sizeof(row->service));
	if (k->serial == e->serial)
		row->packets_kernel = k->before + k->now;
}

int clients_list(struct daemon *d, struct ctl_rule *rows, char *why, size_t why_len)
{
	struct clients *c = d->clients;
	static uint64_t packets[RULES_MAX]; /* main thread only */

	follow_clock(d);
	memset(packets, 0, sizeof(packets));
	if (daemon_each(d, job_report, packets) < 0) {
		snprintf(why, why_len, "a worker does not answer; try again");
		return -ETIMEDOUT;
	}
	kernel_set_read(&c->kernel);
	for (uint32_t i = 0; i < c->book.n; i++)
		fill_row(d, i, packets, &rows[i]);
	return (int)c->book.n;
}
