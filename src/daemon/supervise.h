/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tcpguardd --supervise: where there is no systemd, a parent that does for one daemon what it would do: hold
 * the descriptors that are to outlive it, start it again when it crashes, is killed or hangs, and
 * hand them over. It speaks the same protocol, so the daemon sees no difference.
 */
#ifndef TCPGUARD_DAEMON_SUPERVISE_H
#define TCPGUARD_DAEMON_SUPERVISE_H

/*
 * supervise() - run until the daemon has ended for good, or was made to by SIGTERM or SIGINT. SIGUSR2 starts
 * it anew, SIGHUP is passed on.
 * @argv: of the daemon. Return: its exit status.
 */
int supervise(char **argv);

#endif
