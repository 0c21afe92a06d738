/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/addr_watch.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/socket.h>

#define BUFFER_BYTES 8192 /* of one message; longer ones are cut, which does no harm here */

struct addr_watch {
	struct mnl_socket *nl;
};

int addr_watch_open(struct addr_watch **out)
{
	struct addr_watch *w = calloc(1, sizeof(*w));
	int error;

	*out = NULL;
	if (!w)
		return -ENOMEM;
	w->nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!w->nl || mnl_socket_bind(w->nl, RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR,
				      MNL_SOCKET_AUTOPID) < 0) {
		error = errno;
		addr_watch_close(w);
		return -error;
	}
	*out = w;
	return 0;
}

int addr_watch_fd(const struct addr_watch *w)
{
	return mnl_socket_get_fd(w->nl);
}

bool addr_watch_read(struct addr_watch *w)
{
	char buf[BUFFER_BYTES];
	bool news = false;

	/* What they say does not matter: whoever asks looks at the addresses anew. */
	for (;;) {
		ssize_t n = recv(addr_watch_fd(w), buf, sizeof(buf), 0);

		if (n > 0 || (n < 0 && errno == ENOBUFS))
			news = true;
		else if (n == 0 || errno != EINTR)
			return news;
	}
}

void addr_watch_close(struct addr_watch *w)
{
	if (w && w->nl)
		mnl_socket_close(w->nl);
	free(w);
}
