/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/tun.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "datapath/tun_link.h"
#include "wire/bytes.h"
#include "wire/layout.h"

#define DEVICE		"/dev/net/tun"
#define READ_BYTES	2048
#define PROBE_PORT	9 /* discard */
#define PROBE_WAIT	(100 * USEC_PER_MSEC)
#define PROBE_EVERY	(10 * USEC_PER_SEC)
#define PROBE_AGAIN	(2 * USEC_PER_SEC) /* while nothing passes */
#define PROBE_READS_MAX 256

static struct tun_path *path_of(struct tun *t, int family)
{
	return &t->path[family == 6];
}

/* ---- opening ---- */

static int failed(struct tun *t, int rc, const char *what)
{
	snprintf(t->why, sizeof(t->why), "%s %s: %s", rc == -ENOENT ? DEVICE : t->name, what,
		 strerror(-rc));
	return rc;
}

int tun_open(struct tun *t, uint16_t first_queue, uint16_t index)
{
	struct ifreq ifr = {.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE};
	const char *what;
	int rc;

	*t = (struct tun){.fd = -1, .id = first_queue, .queue = index};
	tun_name(t->name, first_queue);
	t->fd = open(DEVICE, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (t->fd < 0) {
		rc = -errno;
		snprintf(t->why, sizeof(t->why), "%s cannot be opened: %s", DEVICE, strerror(-rc));
		return rc;
	}
	memcpy(ifr.ifr_name, t->name, sizeof(t->name));
	if (ioctl(t->fd, TUNSETIFF, &ifr) < 0) {
		rc = failed(t, -errno, "cannot be made");
	} else {
		rc = tun_link_up(t->name, t->id, &what);
		if (rc < 0)
			failed(t, rc, what);
	}
	if (rc < 0)
		tun_close(t);
	return rc;
}

void tun_close(struct tun *t)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
}

/* ---- sending ---- */

int tun_send(struct tun *t, const struct guard_tx *tx, const struct guard_piece *piece,
	     uint32_t len)
{
	bool v4 = tx->family == 4;
	uint16_t ip_hdr = v4 ? IPV4_HEADER_MIN : IPV6_HEADER;
	struct virtio_net_hdr h = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.hdr_len = tx->len,
		.csum_start = ip_hdr,
		.csum_offset = TCP_CHECK,
	};
	struct iovec iov[2 + GUARD_TX_PIECES];
	int n = 0;

	if (tx->gso_size > 0 && len > tx->gso_size) {
		h.gso_type = v4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6;
		if (load16(tx->data + ip_hdr + TCP_OFFSET) & TCP_CWR)
			h.gso_type |= VIRTIO_NET_HDR_GSO_ECN;
		h.gso_size = tx->gso_size;
	}
	iov[n++] = (struct iovec){.iov_base = &h, .iov_len = sizeof(h)};
	iov[n++] = (struct iovec){.iov_base = (void *)tx->data, .iov_len = tx->len};
	for (uint32_t i = 0; i < tx->n_pieces && i < GUARD_TX_PIECES; i++)
		iov[n++] =
			(struct iovec){.iov_base = (void *)piece[i].data, .iov_len = piece[i].len};
	while (writev(t->fd, iov, n) < 0) {
		if (errno == EINTR)
			continue;
		if (errno == EIO || errno == EBADFD)
			t->broken = errno;
		return -errno;
	}
	return 0;
}

const char *tun_broken(const struct tun *t)
{
	return t->broken == 0 ? NULL : t->broken == EIO ? "is down" : "was deleted";
}

/* ---- probes ---- */

/* is_probe() - is @p what was sent last for its family? */
static bool is_probe(struct tun *t, const struct pkt *p)
{
	struct ip_addr to = tun_link_probe_address(p->family, t->id);

	return p->kind == PKT_TCP && p->dport == PROBE_PORT && ip_addr_eq(&p->dst, &to) &&
	       p->seq == path_of(t, p->family)->serial;
}

/* read_all() - what the kernel has sent through the device: probes, and things nobody wants. */
static void read_all(struct tun *t)
{
	uint8_t buf[READ_BYTES];
	struct pkt p;

	for (int i = 0; i < PROBE_READS_MAX; i++) {
		ssize_t n = read(t->fd, buf, sizeof(buf));
		uint32_t len = (uint32_t)n - (uint32_t)sizeof(struct virtio_net_hdr);

		if (n <= (ssize_t)sizeof(struct virtio_net_hdr))
			return;
		if (pkt_parse(&p, buf + sizeof(struct virtio_net_hdr), len, len, PKT_CSUM_FULL) < 0)
			continue;
		if (is_probe(t, &p)) {
			struct tun_path *path = path_of(t, p.family);

			path->probing = false;
			path->usable = true;
		}
	}
}

/* probe() - from the address that @tx comes from, as rules and routes may be about that. */
static void probe(struct tun *t, struct tun_path *path, const struct guard_tx *tx, usec_t now)
{
	struct segment s = {
		.dst = tun_link_probe_address(tx->family, t->id),
		.sport = (uint16_t)(1024 + t->queue),
		.dport = PROBE_PORT,
		.seq = ++path->serial,
		.flags = TCP_ACK,
	};
	struct guard_tx out = {.family = tx->family};
	const struct guard_piece none = {0};
	int len;

	if (tx->family == 4)
		s.src = ip_addr_v4(load_mem32(tx->data + 12));
	else
		memcpy(&s.src, tx->data + 8, sizeof(s.src));
	len = segment_headers(&s, out.data, sizeof(out.data));
	read_all(t); /* make room for it */
	path->probing = true;
	path->probed = now;
	if (len > 0) {
		out.len = (uint16_t)len;
		/* What comes back goes to the queue that was the last to send to it: so the second does. */
		tun_send(t, &out, &none, 0);
		tun_send(t, &out, &none, 0);
	}
	read_all(t); /* as a rule it is back already */
}

bool tun_usable(struct tun *t, const struct guard_tx *tx, usec_t now)
{
	struct tun_path *path = path_of(t, tx->family);
	usec_t age = now - path->probed;

	if (t->fd < 0 || t->broken)
		return false;
	if (path->probing) {
		read_all(t);
		if (path->probing && age > PROBE_WAIT)
			path->probing = path->usable = false;
	}
	if (!path->probing &&
	    (path->probed == 0 || age > (path->usable ? PROBE_EVERY : PROBE_AGAIN)))
		probe(t, path, tx, now);
	return path->usable;
}

const char *tun_why(const struct tun *t, int family, char why[TUN_WHY_MAX])
{
	const struct tun_path *path = &t->path[family == 6];

	why[0] = '\0';
	if (t->fd < 0)
		snprintf(why, TUN_WHY_MAX, "%s", t->why);
	else if (t->broken)
		snprintf(why, TUN_WHY_MAX, "%s %s", t->name, tun_broken(t));
	else if (path->probed && !path->usable)
		snprintf(
			why, TUN_WHY_MAX,
			"IPv%d packets that come in by %s do not get through: forwarding is off, or "
			"a firewall rule drops them",
			family, t->name);
	return why;
}
