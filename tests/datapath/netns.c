/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netns.h"

#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "datapath/tool.h"

/* ask() - an ioctl about an interface. Return: NULL or what is wrong. */
static const char *ask(unsigned long request, struct ifreq *ifr)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc;

	if (fd < 0)
		return strerror(errno);
	rc = ioctl(fd, request, ifr);
	close(fd);
	return rc < 0 ? strerror(errno) : NULL;
}

static const char *set_flags(const char *name, short flags)
{
	struct ifreq ifr = {.ifr_flags = flags};

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	return ask(SIOCSIFFLAGS, &ifr);
}

const char *netns_enter(void)
{
	if (unshare(CLONE_NEWNET) < 0)
		return "network namespaces need root";
	return set_flags("lo", IFF_UP);
}

const char *netns_down(const char *name)
{
	return set_flags(name, 0);
}

const char *netns_rename_lo(const char *name)
{
	struct ifreq ifr = {.ifr_flags = 0};
	static char now[IFNAMSIZ] = "lo";
	const char *wrong;

	/* before Linux 6.2 only what is down can be renamed */
	wrong = set_flags(now, 0);
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", now);
	snprintf(ifr.ifr_newname, sizeof(ifr.ifr_newname), "%s", name);
	snprintf(now, sizeof(now), "%s", name);
	if (!wrong)
		wrong = ask(SIOCSIFNAME, &ifr);
	return wrong ? wrong : set_flags(now, IFF_UP);
}

const char *netns_rules(const char *text)
{
	static const char *const argv[] = {"iptables-restore", "--noflush", NULL};
	static char error[TOOL_ERROR_MAX];

	return tool_run(argv, text, strlen(text), error) == 0 ? NULL : error;
}
