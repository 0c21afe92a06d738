/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TCPGUARD_BASE_TYPES_H
#define TCPGUARD_BASE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Values in network byte order. */
typedef uint16_t be16;
typedef uint32_t be32;

/* Microseconds on a monotonic clock whose zero means nothing. */
typedef uint64_t usec_t;

#define USEC_PER_MSEC ((usec_t)1000)
#define USEC_PER_SEC  ((usec_t)1000000)
#define USEC_NEVER    UINT64_MAX

/* The index that stands for "no entry" in every pool and table. */
#define INDEX_NONE UINT32_MAX

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif
