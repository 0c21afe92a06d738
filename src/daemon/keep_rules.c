/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/keep_rules.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/clients.h"
#include "daemon/clock.h"
#include "daemon/daemon.h"

#define NEWS_MS	     50 /* changes come in bunches */
#define LOOK_S	     2
#define RETRY_S	     5
#define QUIET_S	     60
#define SHARE	     10 /* a look is not repeated sooner than so many times as long as it took */
#define GAP_MIN	     (250 * USEC_PER_MSEC)
#define REPAIRS_MAX  5
#define REPAIR_EVERY (60 * USEC_PER_SEC)

static const struct bucket_rate repair_rate = {
	.interval_ns = 1000 * REPAIR_EVERY,
	.depth_ns = 1000 * REPAIR_EVERY * REPAIRS_MAX,
};

/* look_in() - take a look in @wait, or when one is due anyhow, but not too soon after the last one. */
static void look_in(struct daemon *d, usec_t wait)
{
	struct rules_keeper *k = &d->rules;
	usec_t now = clock_now();
	struct timeval tv;

	if (now + wait < k->next_look)
		wait = k->next_look - now;
	tv.tv_sec = (time_t)(wait / USEC_PER_SEC);
	tv.tv_usec = (suseconds_t)(wait % USEC_PER_SEC);
	evtimer_add(k->on_look, &tv);
}

static void look_later(struct daemon *d)
{
	look_in(d, (d->rules.heard ? QUIET_S : LOOK_S) * USEC_PER_SEC);
}

/* ---- repairing ---- */

static void __attribute__((format(printf, 3, 4)))
tell(struct daemon *d, const char *what, const char *format, ...)
{
	char text[DAEMON_WHY_MAX];
	int len = snprintf(text, sizeof(text), "%s; ", what);
	va_list args;

	va_start(args, format);
	vsnprintf(text + len, sizeof(text) - (size_t)len, format, args);
	va_end(args);
	events_note(d, GUARD_EVENT_RULES_CHANGED, "", text);
}

/* leave() - the rules stay as they are. @is_news: and that has not been said. */
static bool leave(struct daemon *d, const char *what)
{
	bool is_news = strcmp(d->rules.missing, what) != 0;

	snprintf(d->rules.missing, sizeof(d->rules.missing), "%s", what);
	return is_news;
}

/* next_repair() - when there will be a token again. */
static usec_t next_repair(const struct daemon *d)
{
	usec_t ready = d->rules.repairs.full_at / 1000 - (REPAIRS_MAX - 1) * REPAIR_EVERY;
	usec_t now = clock_now();

	return ready > now ? ready - now : 0;
}

static int mend(struct daemon *d, enum firewall_fault fault, const struct firewall_front *front,
		char *why, size_t why_len)
{
	struct rules_keeper *k = &d->rules;
	struct firewall_picture before = k->picture;
	int rc;

	if (fault == FIREWALL_PASSED_BY)
		return firewall_advance(&d->firewall, &k->picture, front, why, why_len);
	k->picture = (struct firewall_picture){0};
	k->known = false;
	rc = daemon_install_rules(d, d->conf, why, why_len);
	if (k->known) { /* others' rules have not become better by that */
		firewall_picture_pardon(&k->picture, &before);
		firewall_picture_free(&before);
	} else {
		k->picture = before;
		k->known = true;
	}
	return rc;
}

static void repair(struct daemon *d, enum firewall_fault fault, const struct firewall_front *front,
		   const char *what)
{
	struct rules_keeper *k = &d->rules;
	char why[DAEMON_WHY_MAX];

	if (!d->conf->repair_rules) {
		if (leave(d, what))
			tell(d, what, "left like that, as repair-rules = no");
		look_later(d);
		return;
	}
	if (!bucket_take(&k->repairs, &repair_rate, clock_now())) {
		if (leave(d, what))
			tell(d, what,
			     "they have been put back %d times; somebody takes them away again and "
			     "again, so the next time is in %u s: find out who does, or set "
			     "firewall = none",
			     REPAIRS_MAX, (unsigned)(next_repair(d) / USEC_PER_SEC) + 1);
		look_in(d, next_repair(d));
		return;
	}
	if (mend(d, fault, front, why, sizeof(why)) < 0) {
		if (leave(d, what))
			tell(d, what, "they cannot be put back, and it is tried again: %s", why);
		look_in(d, RETRY_S * USEC_PER_SEC);
		return;
	}
	k->repaired++;
	k->missing[0] = '\0';
	tell(d, what, "%s", fault == FIREWALL_PASSED_BY ? "moved before it" : "put back");
	look_in(d, NEWS_MS * USEC_PER_MSEC); /* is that so? */
}

/* ---- looking ---- */

static void look(evutil_socket_t fd, short what_happened, void *arg)
{
	struct daemon *d = arg;
	struct rules_keeper *k = &d->rules;
	struct firewall_config c = daemon_firewall_config(d, d->conf);
	struct firewall_picture is = {0};
	struct firewall_front front = {0};
	char what[FIREWALL_WHAT_MAX] = "";
	usec_t begun = clock_now(), took;
	enum firewall_fault fault = FIREWALL_INTACT;
	int rc;

	if (k->deny_gone)
		clients_kernel_lost(d);
	k->deny_gone = false;
	if (!k->known)
		return;
	rc = firewall_picture_take(&is, &d->firewall, &c);
	took = clock_now() - begun;
	k->next_look = begun + took + (took * SHARE > GAP_MIN ? took * SHARE : GAP_MIN);
	if (rc == 0)
		fault = firewall_picture_compare(&k->picture, &is, what, &front);
	firewall_picture_free(&is);
	if (fault == FIREWALL_INTACT && k->doubtful) {
		fault = FIREWALL_LOST;
		snprintf(what, sizeof(what), "some were gone as soon as they were there");
	}
	if (rc == 0 && fault == FIREWALL_INTACT)
		k->missing[0] = '\0';
	if (fault == FIREWALL_INTACT)
		look_later(d);
	else
		repair(d, fault, &front, what);
}

static void news_came(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;
	unsigned news = nft_watch_read(d->rules.watch);

	d->rules.heard |= (news & NFT_NEWS_RULES) != 0;
	d->rules.deny_gone |= (news & NFT_NEWS_DENY_GONE) != 0;
	if (news)
		look_in(d, NEWS_MS * USEC_PER_MSEC);
}

void keep_rules_installed(struct daemon *d, const struct firewall_config *c)
{
	struct rules_keeper *k = &d->rules;

	k->heard = false;
	k->known = d->firewall.backend != FIREWALL_NONE &&
		   firewall_picture_take(&k->picture, &d->firewall, c) == 0;
	k->doubtful = k->known && c->n_listens > 0 &&
		      !firewall_picture_complete(&k->picture, &d->firewall);
	if (k->on_look && k->known)
		look_later(d);
}

void keep_rules_look(struct daemon *d)
{
	look_in(d, 0);
}

const char *keep_rules_missing(const struct daemon *d)
{
	return d->rules.missing;
}

/* ---- the stage ---- */

int keep_rules_start(struct daemon *d, char *why, size_t why_len)
{
	struct rules_keeper *k = &d->rules;

	k->on_look = evtimer_new(d->base, look, d);
	if (nft_watch_open(&k->watch) == 0)
		k->on_news = event_new(d->base, nft_watch_fd(k->watch), EV_READ | EV_PERSIST,
				       news_came, d);
	if (!k->on_look || (k->watch && (!k->on_news || event_add(k->on_news, NULL) < 0))) {
		snprintf(why, why_len, "cannot watch the firewall rules: out of memory");
		return -ENOMEM;
	}
	return 0;
}

void keep_rules_stop(struct daemon *d)
{
	struct rules_keeper *k = &d->rules;

	if (k->on_news)
		event_free(k->on_news);
	if (k->on_look)
		event_free(k->on_look);
	nft_watch_close(k->watch);
	firewall_picture_free(&k->picture);
	*k = (struct rules_keeper){0};
}
