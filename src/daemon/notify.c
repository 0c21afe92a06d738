/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/notify.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/clock.h"

#define RELOAD_MAX (60 * USEC_PER_SEC) /* as a start has; tools are slow where there is no CPU */

/* manager() - where it listens. Return: length of the address, 0 if there is none. */
static socklen_t manager(struct sockaddr_un *to)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len = path ? strlen(path) : 0;

	if (len < 2 || len >= sizeof(to->sun_path) || (path[0] != '/' && path[0] != '@'))
		return 0;
	*to = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(to->sun_path, path, len);
	if (path[0] == '@')
		to->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

/* tell() - @fd: goes with it; -1: none. */
static void tell(const char *text, int fd)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct sockaddr_un to;
	struct iovec iov = {.iov_base = (void *)text, .iov_len = strlen(text)};
	struct msghdr msg = {
		.msg_name = &to,
		.msg_namelen = manager(&to),
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};
	int s;

	if (msg.msg_namelen == 0)
		return;
	s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (s < 0)
		return;
	if (fd >= 0) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = sizeof(control.bytes);
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	}
	/* who does not listen is not told */
	(void)!sendmsg(s, &msg, MSG_NOSIGNAL);
	close(s);
}

/* tell_patience() - @text, and that the watchdog, if there is one, is to wait for @patience. */
static void tell_patience(const char *text, usec_t patience)
{
	char all[128];

	if (notify_watchdog())
		snprintf(all, sizeof(all), "%s\nWATCHDOG_USEC=%" PRIu64, text, patience);
	else
		snprintf(all, sizeof(all), "%s", text);
	tell(all, -1);
}

void notify_ready(void)
{
	tell_patience("READY=1", notify_watchdog());
}

void notify_reloading(void)
{
	char text[64];
	usec_t watchdog = notify_watchdog();

	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, clock_now());
	tell_patience(text, watchdog > RELOAD_MAX ? watchdog : RELOAD_MAX);
}

void notify_stopping(void)
{
	tell("STOPPING=1", -1);
}

void notify_status(const char *status)
{
	char text[512];

	snprintf(text, sizeof(text), "STATUS=%s", status);
	tell(text, -1);
}

void notify_alive(void)
{
	tell("WATCHDOG=1", -1);
}

usec_t notify_watchdog(void)
{
	const char *pid = getenv("WATCHDOG_PID"), *usec = getenv("WATCHDOG_USEC");
	char *end;
	unsigned long long n;

	if (!usec || (pid && strtoul(pid, &end, 10) != (unsigned long)getpid()))
		return 0;
	n = strtoull(usec, &end, 10);
	return *end == '\0' && n < USEC_NEVER / 2 ? n : 0;
}

void notify_forget(const char *name)
{
	char text[128];

	snprintf(text, sizeof(text), "FDSTOREREMOVE=1\nFDNAME=%s", name);
	tell(text, -1);
}

void notify_keep(const char *name, int fd)
{
	char text[128];

	notify_forget(name);
	/* without FDPOLL=0 systemd would drop a queue that has overflown while nobody read it */
	snprintf(text, sizeof(text), "FDSTORE=1\nFDNAME=%s\nFDPOLL=0", name);
	tell(text, fd);
}
