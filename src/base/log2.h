/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Logarithms without floating point. */
#ifndef TCPGUARD_BASE_LOG2_H
#define TCPGUARD_BASE_LOG2_H

#include "base/types.h"

#define LOG2_ONE 65536 /* what log2_q16() returns for 2 */

/*
 * log2_q16() - the binary logarithm of @x in units of 1/65536, wrong by at most 13 of them: from a
 * table of 32 steps between two powers of two, straight lines in between. 0 for 0.
 */
uint32_t log2_q16(uint64_t x);

#endif
