/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * To be loaded before the C library (LD_PRELOAD): the kernel lacks what TCPGUARD_TEST_LACKS names, for this
 * process only. "nfqueue": what is said to it goes to a subsystem of netfilter that there is not, so the
 * kernel's answer is a real one. "ipv6": there are no sockets of that family, as with ipv6.disable=1.
 */
#include <dlfcn.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define NO_SUBSYSTEM 0x7f

static int lacks(const char *what)
{
	const char *list = getenv("TCPGUARD_TEST_LACKS");

	return list && strstr(list, what);
}

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): the libc's are reserved */
ssize_t sendto(int fd, const void *data, size_t len, int flags, const struct sockaddr *to,
	       socklen_t to_len)
{
	ssize_t (*real)(int, const void *, size_t, int, const struct sockaddr *, socklen_t) =
		dlsym(RTLD_NEXT, "sendto");
	char copy[4096];

	if (to && to->sa_family == AF_NETLINK && len >= sizeof(struct nlmsghdr) &&
	    len <= sizeof(copy) && lacks("nfqueue")) {
		struct nlmsghdr head;

		memcpy(copy, data, len);
		memcpy(&head, copy, sizeof(head));
		if (head.nlmsg_type >> 8 == NFNL_SUBSYS_QUEUE)
			head.nlmsg_type = NO_SUBSYSTEM << 8;
		memcpy(copy, &head, sizeof(head));
		return real(fd, copy, len, flags, to, to_len);
	}
	return real(fd, data, len, flags, to, to_len);
}

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): the libc's are reserved */
int socket(int family, int type, int protocol)
{
	int (*real)(int, int, int) = dlsym(RTLD_NEXT, "socket");

	if (family == AF_INET6 && lacks("ipv6")) {
		errno = EAFNOSUPPORT;
		return -1;
	}
	return real(family, type, protocol);
}
