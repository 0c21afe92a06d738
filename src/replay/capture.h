/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A capture file, frame by frame: pcap in all its variants through libpcap, pcapng with a reader of
 * our own, because libpcap gives up on a file whose interfaces differ in link type or snap length.
 * Nothing in a file is trusted. What is damaged ends the reading, is named, and what came before it
 * counts.
 */
#ifndef TCPGUARD_REPLAY_CAPTURE_H
#define TCPGUARD_REPLAY_CAPTURE_H

#include "base/types.h"

enum replay_trouble {
#define TROUBLE(name, key, lost, text) TROUBLE_##name,
#include "replay/trouble.def"
#undef TROUBLE
	TROUBLE_COUNT
};

#define CAPTURE_WHY_MAX 400

/* More bytes of a frame are never looked at: all headers are within. */
#define FRAME_BYTES_MAX 1024

struct frame {
	const uint8_t *data; /* valid until the next call */
	uint32_t cap_len; /* bytes at data; <= FRAME_BYTES_MAX */
	uint32_t len; /* on the wire; >= cap_len */
	int link; /* DLT_...; -1: a number that stands for none known here */
	uint32_t link_number; /* as in the file */
	bool timed;
	usec_t time; /* since 1970; below 2^62 */
};

struct capture {
	const char *format; /* "pcap", "pcapng" */
	uint32_t interfaces;
	uint64_t trouble[TROUBLE_COUNT];
	char damage[CAPTURE_WHY_MAX]; /* why the reading ended early; empty: it did not */
	/* the reader's own */
	void *reader;
	bool (*next)(struct capture *c, struct frame *f);
	void (*close)(struct capture *c);
};

/*
 * capture_open() - @path: a regular file; it may grow or shrink meanwhile.
 * @why: CAPTURE_WHY_MAX bytes, filled with what is wrong and what to do.
 * Return: 0, or a negative errno; -EINVAL if it is no capture.
 */
int capture_open(struct capture *c, const char *path, char *why);

/* capture_next() - false at the end, or where the file is damaged. */
static inline bool capture_next(struct capture *c, struct frame *f)
{
	return c->next(c, f);
}

void capture_close(struct capture *c);

const char *trouble_key(enum replay_trouble t);
const char *trouble_text(enum replay_trouble t);
bool trouble_lost(enum replay_trouble t); /* was what it counts left out? */

/* The two readers; for capture_open(). Each returns 0 or a negative errno and fills @why. */
int capture_open_pcap(struct capture *c, const char *path, char *why);
int capture_open_pcapng(struct capture *c, const char *path, char *why);

#endif
