/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the daemon takes away from itself, in stages: each one only narrows what the one before it
 * has left.
 *
 *	stage		who			system calls			capabilities
 *	start		all, from the start	none for namespaces, mounts,	as they were
 *				of the daemon on	tracing, keys, bpf, ...
 *	serve		the main thread, when	nor for kernel modules		packets, files
 *				it is ready
 *	packets		each worker, once its	only what packets need; the	packets
 *				sockets are open	attempt to run anything or to open
 *						a socket ends the process
 *
 * Filters and capabilities belong to a thread and pass on to its children. The firewall's tools,
 * on-attack commands and an upgrade in place are children of the main thread, so what they need stays
 * allowed there; a worker, which is the one to read what strangers have written, has no children.
 * doc/threat-model.md says what that is worth.
 */
#ifndef TCPGUARD_DAEMON_SANDBOX_H
#define TCPGUARD_DAEMON_SANDBOX_H

#include <stddef.h>

#define SANDBOX_WHY_MAX 160

/*
 * Set in a sanitized build, for its runtime's sake, which is not for use outside of tests: it makes all
 * kinds of system calls on the thread that meets an error, so the stage "packets" has no filter; and the
 * one that looks for leaks at the end stops the other threads as a debugger would.
 */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANDBOX_SANITIZED 1
#else
#define SANDBOX_SANITIZED 0
#endif

enum sandbox_stage { SANDBOX_START, SANDBOX_SERVE, SANDBOX_PACKETS, SANDBOX_STAGES };

/*
 * sandbox_enter() - the calling thread, and what it starts from now on, enters @stage. There is no way
 * back. No new privileges from the first stage on.
 * @why: filled with one sentence on failure. Return: 0 or a negative errno; the capabilities are cut
 * even where the kernel has no seccomp.
 */
int sandbox_enter(enum sandbox_stage stage, char *why, size_t why_len);

/* sandbox_name() - "start", "serve", "packets". */
const char *sandbox_name(enum sandbox_stage stage);

#endif
