/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The TUN device as the rest of the kernel sees it: flags, addresses, routes, over rtnetlink. */
#ifndef TCPGUARD_DATAPATH_TUN_LINK_H
#define TCPGUARD_DATAPATH_TUN_LINK_H

#include "base/addr.h"

/* tun_link_probe_address() - where the probes of the device @id go: an address that exists nowhere. */
struct ip_addr tun_link_probe_address(int family, uint16_t id);

/*
 * tun_link_up() - configure the device called @name and set it up; again does no harm.
 * @failed: what went wrong, for a message.
 * Return: 0 or a negative errno.
 */
int tun_link_up(const char *name, uint16_t id, const char **failed);

#endif
