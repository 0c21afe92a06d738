/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The metrics as the configuration wants them. An address that cannot be had is no reason to leave
 * servers without a guard: the daemon starts, says so, and tries again.
 */
#include "daemon/metrics.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conf/values.h"
#include "ctl/metrics_server.h"

#define RETRY_S 10

/* serve() - on @where, which is checked: "off" or an endpoint. Return: 0, or -EIO with @why filled. */
static int serve(struct daemon *d, const char *where, char *why, size_t why_len)
{
	struct ip_addr addr;
	uint16_t port;
	char ignored[CONF_WHY_MAX];

	if (strcmp(where, "off") == 0 || conf_endpoint_parse(where, &addr, &port, ignored) != 0)
		return 0;
	d->metrics.server = metrics_server_new(d->base, &d->ops, &addr, port, why, why_len);
	return d->metrics.server ? 0 : -EIO;
}

int metrics_start(struct daemon *d, char *why, size_t why_len)
{
	if (serve(d, d->conf->metrics, why, why_len) == 0)
		return 0;
	log_message(LOG_ERR, "%s; it is tried again every %d s", why, RETRY_S);
	d->metrics.retry_in = RETRY_S;
	return 0;
}

void metrics_stop(struct daemon *d)
{
	metrics_server_free(d->metrics.server);
	d->metrics.server = NULL;
}

void metrics_check(struct daemon *d)
{
	char why[DAEMON_WHY_MAX];

	if (d->metrics.retry_in == 0 || --d->metrics.retry_in > 0)
		return;
	if (serve(d, d->conf->metrics, why, sizeof(why)) == 0)
		log_message(LOG_NOTICE, "metrics are served on %s", d->conf->metrics);
	else
		d->metrics.retry_in = RETRY_S;
}

int metrics_change(struct daemon *d, const char *from, const char *to, char *why, size_t why_len)
{
	char ignored[DAEMON_WHY_MAX];

	if (strcmp(from, to) == 0)
		return 0;
	metrics_stop(d); /* first, for the two may overlap: 127.0.0.1:9464 and 0.0.0.0:9464 */
	d->metrics.retry_in = 0;
	if (serve(d, to, why, why_len) == 0)
		return 0;
	if (serve(d, from, ignored, sizeof(ignored)) < 0)
		d->metrics.retry_in = 1;
	return -EIO;
}
