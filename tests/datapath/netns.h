/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A network namespace of the test's own, with nothing but lo in it, which goes when the test ends. */
#ifndef TCPGUARD_TESTS_DATAPATH_NETNS_H
#define TCPGUARD_TESTS_DATAPATH_NETNS_H

/*
 * netns_enter() - move this process into a new namespace and bring its lo up.
 * Return: NULL, or why it is not possible.
 */
const char *netns_enter(void);

/* netns_rules() - feed @text to iptables-restore. Return: NULL, or its complaint. */
const char *netns_rules(const char *text);

/* netns_down() - set the interface @name down. netns_rename_lo() - of its loopback. Return: as above. */
const char *netns_down(const char *name);
const char *netns_rename_lo(const char *name);

#endif
