/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The third look: values that are right by themselves and wrong together. */
#ifndef TCPGUARD_CONF_CHECK_H
#define TCPGUARD_CONF_CHECK_H

#include "conf/tree.h"

#include "conf/values.h"

/*
 * conf_check() - complete @c (workers, thresholds that follow from others) and report contradictions.
 */
void conf_check(struct conf *c, const struct conf_scan_result *scan,
		const struct conf_places *places, struct conf_errors *errors);

/* conf_check_attack() - the thresholds of one service; @why: CONF_WHY_MAX bytes. */
int conf_check_attack(const struct conf *c, const struct guard_service_config *s, char *why);

#endif
