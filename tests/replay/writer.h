/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes captures in memory: any format, link type and damage that the tests want. Shares no code with
 * the readers, so that it can disagree with them.
 */
#ifndef TCPGUARD_TESTS_REPLAY_WRITER_H
#define TCPGUARD_TESTS_REPLAY_WRITER_H

#include "base/types.h"

enum writer_format {
	WRITER_PCAP,
	WRITER_NANO, /* pcap with nanoseconds */
	WRITER_SWAPPED, /* pcap of a machine with the other byte order */
	WRITER_PCAPNG,
	WRITER_PCAPNG_SWAPPED,
	WRITER_MANY, /* pcapng with an interface for each link type and resolution, in turns */
	WRITER_FORMAT_COUNT
};

enum writer_link {
	WRITER_ETHERNET,
	WRITER_VLAN,
	WRITER_QINQ,
	WRITER_PPPOE,
	WRITER_SLL,
	WRITER_SLL2,
	WRITER_RAW,
	WRITER_NULL,
	WRITER_LOOP,
	WRITER_PPP,
	WRITER_LINK_COUNT,
	WRITER_WLAN = WRITER_LINK_COUNT, /* a link type that nobody here knows */
};

extern const char *const writer_formats[WRITER_FORMAT_COUNT];
extern const char *const writer_links[WRITER_LINK_COUNT + 1];

struct writer {
	enum writer_format format;
	enum writer_link link;
	uint32_t snap; /* bytes of a frame that are kept; 0: all */
	uint8_t *data;
	size_t len, room;
	uint32_t frames;
};

/* A TCP segment; addresses are made from numbers, so that 7 is 10.0.0.7 or fd00::7. */
struct writer_tcp {
	bool v6;
	uint32_t src, dst;
	uint16_t sport, dport;
	uint32_t seq, ack;
	uint16_t flags;
	bool options; /* MSS, SACK, timestamps, window scale, as in a usual SYN */
	bool mss; /* only that */
	uint32_t payload; /* bytes of zeros; may be more than a frame of any real network has */
};

/* writer_begin() - the head of the file. Everything else in @w is chosen before. */
void writer_begin(struct writer *w);

/* writer_tcp() - one frame. */
void writer_tcp(struct writer *w, usec_t time, const struct writer_tcp *t);

/* writer_ip() - one frame with @len bytes of whatever. */
void writer_ip(struct writer *w, usec_t time, const uint8_t *packet, uint32_t len, bool v6);

/* writer_put() - bytes as they are. */
void writer_put(struct writer *w, const void *data, size_t len);

/* writer_block() - a pcapng block; its padding and both lengths are added. */
void writer_block(struct writer *w, uint32_t type, const void *body, uint32_t len);

/* writer_save() - to a file; exits if it cannot. */
void writer_save(const struct writer *w, const char *path);

void writer_free(struct writer *w);

#endif
