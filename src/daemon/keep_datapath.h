/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the workers have from the kernel and somebody may take away: packet queues, and the device for long
 * packets. Looked at once a second, put back, and said; five times in a row, then once a minute.
 */
#ifndef TCPGUARD_DAEMON_KEEP_DATAPATH_H
#define TCPGUARD_DAEMON_KEEP_DATAPATH_H

#include "base/bucket.h"

struct daemon;

struct datapath_keeper {
	struct bucket queues, devices; /* repairs */
	uint32_t next; /* worker to be looked at */
	bool queue_said, device_said; /* that there is none for a while */
};

/* keep_datapath() - to be called once a second. */
void keep_datapath(struct daemon *d);

#endif
