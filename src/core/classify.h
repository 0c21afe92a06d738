/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What kind of event it is: names for figures. */
#ifndef TCPGUARD_CORE_CLASSIFY_H
#define TCPGUARD_CORE_CLASSIFY_H

#include "core/attack.h"
#include "core/tally.h"

/*
 * classify_odd() - is a second unusual without being an attack?
 * @second: what happened in it. @usual: handshakes that are opened in a usual one; UINT32_MAX: nobody knows.
 */
enum attack_class classify_odd(const struct tally_totals *second, uint32_t usual);

/*
 * classify_attack() - what is the attack that @cause has noticed?
 * @window: what happened in the last 100 ms; @sources: who sent the SYNs.
 */
enum attack_class classify_attack(enum detect_cause cause, const struct tally_totals *window,
				  const struct sources_report *sources);

#endif
