/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the guards have learned of ordinary traffic, kept over a restart: a file in the state
 * directory, written every few minutes and at the end. A daemon that starts without it has to learn
 * again and is slower to notice small floods meanwhile; so a file that is damaged is named and left
 * out, never half believed.
 */
#ifndef TCPGUARD_DAEMON_BASELINES_H
#define TCPGUARD_DAEMON_BASELINES_H

#include "core/attack.h"
#include "ctl/json.h"

#define BASELINES_FILE	 "baselines.json"
#define BASELINES_PERIOD (300 * USEC_PER_SEC)

/* baselines_write() - @n baselines as the text of the file. */
void baselines_write(struct jw *j, const struct guard_baseline *rows, uint32_t n);

/*
 * baselines_read() - that text back.
 * @text: ends in zero. @rows: room for GUARD_SERVICES_MAX.
 * Return: how many, or -EINVAL with @why filled (what is wrong, for the end of a sentence).
 */
int baselines_read(const char *text, size_t len, struct guard_baseline *rows, char *why,
		   size_t why_len);

struct daemon;

/* baselines_start() - a stage, behind the workers. Never fails. */
int baselines_start(struct daemon *d, char *why, size_t why_len);
void baselines_stop(struct daemon *d); /* saves */

/* baselines_restore() - all stages are up, the directory is ours: give the guards what is in the file. */
void baselines_restore(struct daemon *d);

/* baselines_check() - save if it is time. */
void baselines_check(struct daemon *d);

#endif
