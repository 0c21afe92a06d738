/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netns.h"

#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "datapath/tool.h"

const char *netns_enter(void)
{
	struct ifreq ifr = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd, rc;

	if (unshare(CLONE_NEWNET) < 0)
		return "network namespaces need root";
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return strerror(errno);
	rc = ioctl(fd, SIOCSIFFLAGS, &ifr);
	close(fd);
	return rc < 0 ? strerror(errno) : NULL;
}

const char *netns_rules(const char *text)
{
	static const char *const argv[] = {"iptables-restore", "--noflush", NULL};
	static char error[TOOL_ERROR_MAX];

	return tool_run(argv, text, strlen(text), error) == 0 ? NULL : error;
}
