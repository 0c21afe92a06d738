/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loads and stores at any alignment. Host order unless the name says memory order. */
#ifndef TCPGUARD_WIRE_BYTES_H
#define TCPGUARD_WIRE_BYTES_H

#include <arpa/inet.h>
#include <string.h>

#include "base/types.h"

/* load_mem16/32() - a word as it lies in memory: what checksums are made of. */
static inline be16 load_mem16(const uint8_t *at)
{
	be16 v;

	memcpy(&v, at, sizeof(v));
	return v;
}

static inline be32 load_mem32(const uint8_t *at)
{
	be32 v;

	memcpy(&v, at, sizeof(v));
	return v;
}

static inline void store_mem16(uint8_t *at, be16 v)
{
	memcpy(at, &v, sizeof(v));
}

static inline void store_mem32(uint8_t *at, be32 v)
{
	memcpy(at, &v, sizeof(v));
}

static inline uint16_t load16(const uint8_t *at)
{
	return ntohs(load_mem16(at));
}

static inline uint32_t load32(const uint8_t *at)
{
	return ntohl(load_mem32(at));
}

static inline void store16(uint8_t *at, uint16_t v)
{
	store_mem16(at, htons(v));
}

static inline void store32(uint8_t *at, uint32_t v)
{
	store_mem32(at, htonl(v));
}

#endif
