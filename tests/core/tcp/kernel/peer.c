/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's end: a process in a namespace of its own, its TUN device handed out, sockets by the script. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/ipv6.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel.h"

/* From linux/ipv6.h and net/route.h, which do not go together. */
#define PREFIX_V4 24
#define PREFIX_V6 64

struct sock {
	int fd;
	uint64_t read, written;
	bool connected, fin_sent, fin_seen;
};

static struct {
	struct peer_plan plan;
	int epoll, listener;
	struct sock *sock;
	uint32_t opened, ended, alive;
	struct tally tally;
	usec_t began;
} me;

struct ip_addr side_address(unsigned side, bool v6)
{
	struct ip_addr a = {{htonl(0xfd770000), 0, 0, htonl(side + 1)}};

	return v6 ? a : ip_addr_v4(htonl(0x0a4d0001 + side));
}

/* ---- namespace ---- */

static int configure_v4(int s, struct ifreq *ifr)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&ifr->ifr_addr;

	*in = (struct sockaddr_in){.sin_family = AF_INET};
	in->sin_addr.s_addr = side_address(me.plan.side, false).w[3];
	if (ioctl(s, SIOCSIFADDR, ifr) != 0)
		return -errno;
	in->sin_addr.s_addr = htonl(~0u << (32 - PREFIX_V4));
	return ioctl(s, SIOCSIFNETMASK, ifr) ? -errno : 0;
}

static int configure_v6(int index)
{
	struct in6_ifreq req = {.ifr6_prefixlen = PREFIX_V6, .ifr6_ifindex = index};
	struct ip_addr own = side_address(me.plan.side, true);
	int s = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), error = 0;

	if (s < 0)
		return -errno;
	memcpy(&req.ifr6_addr, own.w, sizeof(own.w));
	if (ioctl(s, SIOCSIFADDR, &req) != 0)
		error = -errno;
	close(s);
	return error;
}

/* make_tun() - in this namespace. Return: its descriptor, or a negative errno. */
static int make_tun(void)
{
	struct ifreq ifr = {.ifr_name = "wire", .ifr_flags = IFF_TUN | IFF_NO_PI};
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC), s, error;

	if (fd < 0)
		return -errno;
	s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (s < 0 || ioctl(fd, TUNSETIFF, &ifr) != 0)
		return -errno;
	error = configure_v4(s, &ifr);
	ifr.ifr_mtu = MTU;
	if (!error && ioctl(s, SIOCSIFMTU, &ifr) != 0)
		error = -errno;
	ifr.ifr_qlen = 10000;
	if (!error && ioctl(s, SIOCSIFTXQLEN, &ifr) != 0)
		error = -errno;
	ifr.ifr_flags = IFF_UP;
	if (!error && ioctl(s, SIOCSIFFLAGS, &ifr) != 0)
		error = -errno;
	if (!error && ioctl(s, SIOCGIFINDEX, &ifr) != 0)
		error = -errno;
	close(s);
	if (!error && me.plan.v6)
		error = configure_v6(ifr.ifr_ifindex);
	return error ? error : fd;
}

/* hand_over() - a descriptor, or what went wrong. */
static void hand_over(int to, int fd)
{
	int error = fd < 0 ? fd : 0;
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec iov = {&error, sizeof(error)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (fd >= 0) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		control.header = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
						  .cmsg_type = SCM_RIGHTS,
						  .cmsg_len = CMSG_LEN(sizeof(int))};
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	}
	if (sendmsg(to, &msg, 0) < 0)
		_exit(1);
}

static int take_over(int from, int *fd)
{
	int error = -ECONNRESET;
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec iov = {&error, sizeof(error)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control)};

	if (recvmsg(from, &msg, MSG_CMSG_CLOEXEC) != sizeof(error))
		return -ECONNRESET;
	if (error == 0)
		memcpy(fd, CMSG_DATA(&control.header), sizeof(*fd));
	return error;
}

/* ---- sockets ---- */

static socklen_t address_of(struct sockaddr_storage *ss, unsigned side, uint16_t port)
{
	struct ip_addr a = side_address(side, me.plan.v6);

	memset(ss, 0, sizeof(*ss));
	if (me.plan.v6) {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ss;

		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		memcpy(&in6->sin6_addr, a.w, 16);
		return sizeof(*in6);
	}
	((struct sockaddr_in *)ss)->sin_family = AF_INET;
	((struct sockaddr_in *)ss)->sin_port = htons(port);
	((struct sockaddr_in *)ss)->sin_addr.s_addr = a.w[3];
	return sizeof(struct sockaddr_in);
}

static void die(const char *what)
{
	snprintf(me.tally.why, sizeof(me.tally.why), "%s: %s", what, strerror(errno));
}

static void watch(struct sock *s, int fd)
{
	struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = s};
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	one = 5;
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &one, sizeof(one));
	*s = (struct sock){.fd = fd};
	me.opened++;
	me.alive++;
	if (epoll_ctl(me.epoll, EPOLL_CTL_ADD, fd, &ev) != 0)
		die("epoll_ctl");
}

static int new_socket(void)
{
	int fd = socket(me.plan.v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
			0);
	char name[16] = "";
	socklen_t len = sizeof(name);

	if (fd < 0)
		die("socket");
	/* before it connects, or listens for those that inherit it; the machine's default may differ */
	if (fd >= 0 && (setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5) != 0 ||
			getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &len) != 0 ||
			strcmp(name, "cubic") != 0))
		die("the kernel has no CUBIC");
	return fd;
}

static void count(struct sock *s, enum ending ending)
{
	struct linger at_once = {.l_onoff = 1};

	if (ending == ENDED_RESET || ending == ENDED_WRONG)
		setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	if (ending == ENDED_OTHERWISE && !me.tally.why[0])
		snprintf(me.tally.why, sizeof(me.tally.why), "%s, %llu bytes read, %llu written",
			 strerror(errno), (unsigned long long)s->read,
			 (unsigned long long)s->written);
	close(s->fd);
	s->fd = -1;
	me.tally.ended[ending]++;
	me.alive--;
	me.ended++;
}

static enum ending ending_of_errno(void)
{
	switch (errno) {
	case ECONNRESET:
	case EPIPE:
		return ENDED_RESET;
	case ECONNREFUSED:
		return ENDED_REFUSED;
	default:
		return ENDED_OTHERWISE;
	}
}

/* mark() - the time from which, and to which, bytes are counted. */
static void mark(void)
{
	usec_t now = clock_now(), at[2] = {me.plan.measure_from, me.plan.measure_until};

	if (!me.began)
		me.began = now;
	for (unsigned i = 0; i < 2; i++) {
		if (me.tally.ran[i] || now - me.began < at[i])
			continue;
		me.tally.ran[i] = now;
		me.tally.marks[i] = me.tally.bytes;
	}
}

/* sock_read() - Return: has it ended? */
static bool sock_read(struct sock *s)
{
	static uint8_t buf[PATTERN_MAX];
	ssize_t n;

	while (!s->fin_seen && (n = recv(s->fd, buf, sizeof(buf), 0)) != 0) {
		if (n < 0 && (errno == EAGAIN || errno == ENOTCONN))
			return false;
		if (n < 0) {
			count(s, ending_of_errno());
			return true;
		}
		if (memcmp(buf, pattern_at(me.plan.script.peer_salt, s->read), (size_t)n) != 0) {
			count(s, ENDED_WRONG);
			return true;
		}
		s->read += (uint64_t)n;
		me.tally.bytes += (uint64_t)n;
		if (me.plan.measure_until)
			mark();
	}
	s->fin_seen = true;
	return false;
}

static bool sock_write(struct sock *s)
{
	const struct script *script = &me.plan.script;

	if (script->answers && !s->fin_seen)
		return false;
	while (s->written < script->total) {
		uint64_t n = script->total - s->written;
		ssize_t done;

		n = n < PATTERN_MAX ? n : PATTERN_MAX;
		done = send(s->fd, pattern_at(script->salt, s->written), n, MSG_NOSIGNAL);
		if (done < 0 && errno == EAGAIN)
			return false;
		if (done < 0) {
			count(s, ending_of_errno());
			return true;
		}
		s->written += (uint64_t)done;
	}
	if (!s->fin_sent)
		shutdown(s->fd, SHUT_WR);
	s->fin_sent = true;
	return false;
}

static void sock_run(struct sock *s, uint32_t events)
{
	const struct script *script = &me.plan.script;
	socklen_t len = sizeof(errno);

	if (s->fd < 0)
		return;
	if (!s->connected && (events & (EPOLLERR | EPOLLHUP)) &&
	    getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &errno, &len) == 0 && errno) {
		count(s, ending_of_errno());
		return;
	}
	if (!s->connected && !(events & EPOLLOUT))
		return;
	s->connected = true;
	if (script->leaves_unread && s->written >= script->abort_at) {
		close(s->fd); /* with bytes unread, if there are any */
		s->fd = dup(me.epoll);
		count(s, ENDED_RESET);
		return;
	}
	if ((!script->leaves_unread && sock_read(s)) || sock_write(s))
		return;
	if (!script->leaves_unread && s->read + s->written >= script->abort_at)
		count(s, ENDED_RESET);
	else if (s->fin_seen && s->fin_sent)
		count(s, ENDED_WELL);
}

/* wait_for_address() - one of IPv6 is not ready at once. */
static void wait_for_address(void)
{
	struct sockaddr_storage own;
	socklen_t len = address_of(&own, me.plan.side, 0);
	int fd = new_socket();

	for (unsigned i = 0; fd >= 0 && i < 500 && bind(fd, (struct sockaddr *)&own, len) != 0; i++)
		usleep(10000);
	close(fd);
}

static void connect_more(void)
{
	struct sockaddr_storage to;
	socklen_t len = address_of(&to, !me.plan.side, me.plan.port);

	while (!me.plan.listens && me.opened < me.plan.connections && me.alive < me.plan.at_once &&
	       !me.tally.why[0]) {
		int fd = new_socket();

		if (connect(fd, (struct sockaddr *)&to, len) != 0 && errno != EINPROGRESS)
			die("connect");
		watch(&me.sock[me.opened], fd);
	}
}

static void accept_more(void)
{
	int fd;

	while (me.opened < me.plan.connections &&
	       (fd = accept4(me.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
		watch(&me.sock[me.opened], fd);
}

static void open_listener(void)
{
	struct epoll_event ev = {.events = EPOLLIN};
	struct sockaddr_storage own;
	socklen_t len = address_of(&own, me.plan.side, PEER_PORT);
	me.listener = new_socket();
	if (bind(me.listener, (struct sockaddr *)&own, len) != 0 ||
	    listen(me.listener, 4096) != 0 ||
	    epoll_ctl(me.epoll, EPOLL_CTL_ADD, me.listener, &ev) != 0)
		die("listen");
}

static void live(int report)
{
	usec_t until = clock_now() + me.plan.patience_s * USEC_PER_SEC;
	struct epoll_event ev[64];

	while (me.ended < me.plan.connections && clock_now() < until && !me.tally.why[0] &&
	       !me.tally.ran[1]) {
		int n;

		connect_more();
		n = epoll_wait(me.epoll, ev, 64, 100);
		for (int i = 0; i < n; i++) {
			if (ev[i].data.ptr)
				sock_run(ev[i].data.ptr, ev[i].events);
			else
				accept_more();
		}
		/* edges are missed by those who stop in between: look at all of them now and then */
		for (uint32_t i = 0; n == 0 && i < me.opened; i++)
			sock_run(&me.sock[i], me.sock[i].connected ? EPOLLIN | EPOLLOUT : 0);
	}
	if (write(report, &me.tally, sizeof(me.tally)) != sizeof(me.tally))
		_exit(1);
}

static void child(int link, int report)
{
	int tun = unshare(CLONE_NEWNET) == 0 ? make_tun() : -errno;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	hand_over(link, tun);
	if (tun < 0)
		_exit(1);
	close(tun);
	me.epoll = epoll_create1(EPOLL_CLOEXEC);
	me.sock = calloc(me.plan.connections, sizeof(*me.sock));
	if (!me.sock || me.epoll < 0)
		_exit(1);
	wait_for_address();
	if (me.plan.listens)
		open_listener();
	if (write(link, "", 1) != 1) /* ready */
		_exit(1);
	live(report);
	/* until what is in the sockets' buffers has gone */
	pause();
	_exit(0);
}

const char *peer_start(struct peer *p, const struct peer_plan *plan)
{
	int link[2], report[2], error;
	char ready;

	*p = (struct peer){.tun = -1};
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, link) != 0 ||
	    pipe2(report, O_CLOEXEC) != 0)
		return strerror(errno);
	me.plan = *plan;
	fflush(stdout);
	p->pid = fork();
	if (p->pid < 0)
		return strerror(errno);
	if (p->pid == 0) {
		close(link[0]);
		close(report[0]);
		child(link[1], report[1]);
	}
	close(link[1]);
	close(report[1]);
	p->report = report[0];
	error = take_over(link[0], &p->tun);
	if (!error && read(link[0], &ready, 1) != 1)
		error = -ECONNRESET;
	close(link[0]);
	if (!error)
		return NULL;
	peer_stop(p);
	return strerror(-error);
}

bool peer_finish(struct peer *p, struct tally *t)
{
	return read(p->report, t, sizeof(*t)) == sizeof(*t);
}

void peer_stop(struct peer *p)
{
	if (p->tun >= 0)
		close(p->tun);
	close(p->report);
	kill(p->pid, SIGKILL);
	waitpid(p->pid, NULL, 0);
}
