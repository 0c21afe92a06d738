/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where `top` gets its rows from: one connection on which the same requests are asked again and again,
 * never waited for. When the daemon goes away, connecting is tried until it is there again.
 */
#ifndef TCPGUARD_TCPGUARDCTL_TOP_FEED_H
#define TCPGUARD_TCPGUARDCTL_TOP_FEED_H

#include "tcpguardctl/link.h"
#include "tcpguardctl/top_model.h"

struct top_feed {
	const char *path; /* borrowed */
	uint64_t interval_ms;
	struct link link;
	bool open;
	int awaited; /* replies that are still to come */
	uint64_t asked_ms, next_ms, answered_ms; /* on the caller's clock */
	char trouble[256]; /* why there is nothing new, in a sentence; empty: all is well */
};

void top_feed_init(struct top_feed *f, const char *path, uint64_t interval_ms);

/*
 * top_feed_step() - do what can be done at @now_ms without waiting for anybody but connect().
 * Return: whether there is something new to show in @m or f->trouble.
 */
bool top_feed_step(struct top_feed *f, struct top_model *m, uint64_t now_ms);

/* top_feed_fd() - to be watched for input, or -1. */
int top_feed_fd(const struct top_feed *f);

/* top_feed_deadline() - when top_feed_step() has something to do even without input. */
uint64_t top_feed_deadline(const struct top_feed *f);

void top_feed_close(struct top_feed *f);

#endif
