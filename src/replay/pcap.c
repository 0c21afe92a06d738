/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pcap files through libpcap, which knows all their variants and both byte orders. */
#include <pcap/pcap.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "replay/capture.h"

/* time_of() - seconds are 32 bits, signed or not, depending on who wrote the file: unsigned. */
static usec_t time_of(const struct timeval *tv)
{
	usec_t sec = (uint32_t)tv->tv_sec;
	usec_t usec = tv->tv_usec > 0 ? (usec_t)tv->tv_usec : 0;

	return sec * USEC_PER_SEC + (usec < USEC_PER_SEC ? usec : USEC_PER_SEC - 1);
}

static bool pcap_reader_next(struct capture *c, struct frame *f)
{
	struct pcap_pkthdr *h;
	const uint8_t *data;
	int rc = pcap_next_ex(c->reader, &h, &data);

	if (rc == PCAP_ERROR_BREAK)
		return false;
	if (rc != 1) {
		snprintf(c->damage, sizeof(c->damage), "%s", pcap_geterr(c->reader));
		return false;
	}
	f->data = data;
	f->cap_len = h->caplen < FRAME_BYTES_MAX ? h->caplen : FRAME_BYTES_MAX;
	f->len = h->len > h->caplen ? h->len : h->caplen;
	f->link = pcap_datalink(c->reader);
	f->link_number = (uint32_t)f->link;
	f->timed = true;
	f->time = time_of(&h->ts);
	return true;
}

static void pcap_reader_close(struct capture *c)
{
	pcap_close(c->reader);
}

int capture_open_pcap(struct capture *c, const char *path, char *why)
{
	char error[PCAP_ERRBUF_SIZE] = "";

	c->reader =
		pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_MICRO, error);
	if (!c->reader) {
		/* libpcap puts the name before some of its messages */
		size_t name = strlen(path);
		bool named = strncmp(error, path, name) == 0 && error[name] == ':';

		snprintf(why, CAPTURE_WHY_MAX, "cannot be read: %s",
			 named ? error + name + 1 + (error[name + 1] == ' ') : error);
		return -EINVAL;
	}
	c->format = "pcap";
	c->interfaces = 1;
	c->next = pcap_reader_next;
	c->close = pcap_reader_close;
	return 0;
}
