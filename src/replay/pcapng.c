/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Theory of operation
 * -------------------
 * A pcapng file is a row of blocks, each with its type and length in front and the length once more
 * behind it. A section header says the byte order of what follows and forgets all interfaces; an
 * interface description adds one; packet blocks name theirs by number. Other blocks are skipped.
 *
 *	| type 4 | length 4 | body, length - 12, a multiple of 4 | length 4 |
 *
 * A length that cannot be right leaves no way to find the next block: the reading ends there. A body
 * that contradicts itself is counted, and the next block is read.
 */
#include <pcap/dlt.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replay/capture.h"
#include "wire/bytes.h"

#define BLOCK_SECTION	 0x0a0d0d0au
#define BLOCK_INTERFACE	 1u
#define BLOCK_PACKET	 2u /* obsolete */
#define BLOCK_SIMPLE	 3u
#define BLOCK_ENHANCED	 6u
#define BLOCK_OVERHEAD	 12u
#define BYTE_ORDER_MAGIC 0x1a2b3c4du

#define INTERFACES_MAX	4096
#define BUFFER_BYTES	(256 * 1024)
#define BODY_BYTES	(FRAME_BYTES_MAX + 64) /* of a block that are looked at */
#define TSRESOL_DEFAULT 6 /* microseconds */
#define TIME_MAX	((usec_t)1 << 61)

enum interface_option { OPTION_END = 0, OPTION_TSRESOL = 9, OPTION_TSOFFSET = 14 };

struct interface {
	int link;
	uint32_t link_number;
	uint32_t snaplen; /* 0: no limit */
	uint64_t units; /* of time in a second */
	int64_t offset; /* seconds to be added */
};

struct reader {
	FILE *file;
	char *buffer;
	bool swapped;
	bool in_section;
	uint64_t at; /* offset of the block that is read */
	uint32_t n_interfaces;
	struct interface interface[INTERFACES_MAX];
	uint8_t body[BODY_BYTES];
};

struct block {
	uint32_t type;
	uint32_t len; /* of the body */
	uint32_t have; /* bytes of it in reader.body */
};

static uint16_t get16(const struct reader *r, const uint8_t *at)
{
	uint16_t v = load16(at);

	return r->swapped ? __builtin_bswap16(v) : v;
}

static uint32_t get32(const struct reader *r, const uint8_t *at)
{
	uint32_t v = load32(at);

	return r->swapped ? __builtin_bswap32(v) : v;
}

/* link_of() - the registered number of a link type as the DLT_ of this system; -1: not of use. */
static int link_of(uint32_t number)
{
	switch (number) {
	case 0:
		return DLT_NULL;
	case 1:
		return DLT_EN10MB;
	case 9:
		return DLT_PPP;
	case 12: /* what some programs write, as this system counts */
	case 14:
	case 101:
		return DLT_RAW;
	case 108:
		return DLT_LOOP;
	case 113:
		return DLT_LINUX_SLL;
	case 228:
		return DLT_IPV4;
	case 229:
		return DLT_IPV6;
	case 276:
		return DLT_LINUX_SLL2;
	default:
		return -1;
	}
}

static bool damaged(struct capture *c, const char *what)
{
	const struct reader *r = c->reader;

	snprintf(c->damage, sizeof(c->damage), "%s at byte %llu", what, (unsigned long long)r->at);
	return false;
}

/* skip() - @n bytes of the file. Return: false if it ends before. */
static bool skip(struct reader *r, uint64_t n)
{
	uint8_t scratch[4096];

	if (n > BUFFER_BYTES) {
		/* the byte before the last one is read, because seeking beyond the end succeeds */
		if (fseeko(r->file, (off_t)(n - 1), SEEK_CUR) != 0)
			return false;
		n = 1;
	}
	while (n > 0) {
		size_t part = n < sizeof(scratch) ? (size_t)n : sizeof(scratch);

		if (fread(scratch, 1, part, r->file) != part)
			return false;
		n -= part;
	}
	return true;
}

/*
 * section_order() - find out the byte order from the first word of the body, which is left in
 * r->body. Return: false if it is no section header.
 */
static bool section_order(struct capture *c)
{
	struct reader *r = c->reader;
	uint32_t magic;

	if (fread(r->body, 1, 4, r->file) != 4)
		return damaged(c, "the file ends within a section header");
	magic = load32(r->body);
	if (magic != BYTE_ORDER_MAGIC && magic != __builtin_bswap32(BYTE_ORDER_MAGIC))
		return damaged(c, "section header without a byte order");
	r->swapped = magic != BYTE_ORDER_MAGIC;
	r->in_section = true;
	r->n_interfaces = 0;
	return true;
}

/* read_body() - the part of the block's body that is looked at, and the length behind it. */
static bool read_body(struct capture *c, struct block *b, uint32_t have, const uint8_t *len_raw)
{
	struct reader *r = c->reader;
	uint32_t want = b->len < BODY_BYTES ? b->len : BODY_BYTES;
	uint8_t tail[4];

	b->have = want;
	if (want > have && fread(r->body + have, 1, want - have, r->file) != want - have)
		return damaged(c, "the file ends within a block");
	if (!skip(r, b->len - want) || fread(tail, 1, 4, r->file) != 4)
		return damaged(c, "the file ends within a block");
	if (memcmp(tail, len_raw, 4) != 0)
		c->trouble[TROUBLE_BAD_BLOCK]++; /* most likely only the tail is wrong */
	return true;
}

/* next_block() - false at the end of the file or where it is damaged. */
static bool next_block(struct capture *c, struct block *b)
{
	struct reader *r = c->reader;
	uint8_t head[8];
	uint32_t len, have = 0;
	size_t n = fread(head, 1, sizeof(head), r->file);

	if (n == 0)
		return false;
	if (n < sizeof(head))
		return damaged(c, "the file ends within the head of a block");
	if (load32(head) == BLOCK_SECTION) {
		if (!section_order(c))
			return false;
		have = 4;
	}
	if (!r->in_section)
		return damaged(c, "no section header");
	b->type = get32(r, head);
	len = get32(r, head + 4);
	if (len < BLOCK_OVERHEAD + have || len % 4 != 0)
		return damaged(c, "impossible length of a block");
	b->len = len - BLOCK_OVERHEAD;
	if (!read_body(c, b, have, head + 4))
		return false;
	r->at += len;
	return true;
}

/* units_of() - if_tsresol: a power of ten, or of two with the top bit set. 0: impossible. */
static uint64_t units_of(uint8_t resol)
{
	uint64_t units = 1;

	if (resol & 0x80)
		return (resol & 0x7f) < 63 ? (uint64_t)1 << (resol & 0x7f) : 0;
	if (resol > 18)
		return 0;
	while (resol-- > 0)
		units *= 10;
	return units;
}

static void read_interface_option(struct capture *c, struct interface *i, uint16_t code,
				  const uint8_t *value, uint16_t len)
{
	const struct reader *r = c->reader;

	if (code == OPTION_TSRESOL && len >= 1) {
		i->units = units_of(value[0]);
		if (i->units == 0) {
			c->trouble[TROUBLE_BAD_BLOCK]++;
			i->units = USEC_PER_SEC;
		}
	} else if (code == OPTION_TSOFFSET && len >= 8) {
		uint64_t v = (uint64_t)get32(r, value) << 32 | get32(r, value + 4);

		if (r->swapped) /* the halves, too */
			v = v << 32 | v >> 32;
		i->offset = (int64_t)v;
	}
}

static void read_interface(struct capture *c, const struct block *b)
{
	struct reader *r = c->reader;
	struct interface *i;
	uint32_t at = 8;

	if (b->have < 8 || r->n_interfaces == INTERFACES_MAX) {
		c->trouble[TROUBLE_BAD_BLOCK]++;
		return;
	}
	i = &r->interface[r->n_interfaces++];
	c->interfaces++;
	*i = (struct interface){
		.link_number = get16(r, r->body),
		.snaplen = get32(r, r->body + 4),
		.units = USEC_PER_SEC,
	};
	i->link = link_of(i->link_number);
	while (at + 4 <= b->have) {
		uint16_t code = get16(r, r->body + at), len = get16(r, r->body + at + 2);

		at += 4;
		if (code == OPTION_END || at + len > b->have)
			return;
		read_interface_option(c, i, code, r->body + at, len);
		at += (len + 3u) & ~3u;
	}
}

/* time_of() - @units of the interface since 1970, plus its offset, bounded. */
static usec_t time_of(const struct interface *i, uint64_t units)
{
	uint64_t sec = units / i->units, frac = units % i->units;
	usec_t usec = (usec_t)((unsigned __int128)frac * USEC_PER_SEC / i->units);
	__int128 all = ((__int128)sec + i->offset) * (__int128)USEC_PER_SEC + usec;

	if (all < 0)
		return 0;
	return all > (__int128)TIME_MAX ? TIME_MAX : (usec_t)all;
}

/* give_frame() - @head bytes of the body precede the @cap bytes of the frame. */
static bool give_frame(struct capture *c, struct frame *f, const struct block *b, uint32_t number,
		       uint32_t head, uint32_t cap, uint32_t len)
{
	struct reader *r = c->reader;

	if (b->len < head || cap > b->len - head) {
		c->trouble[TROUBLE_BAD_BLOCK]++;
		return false;
	}
	if (number >= r->n_interfaces) {
		c->trouble[TROUBLE_NO_INTERFACE]++;
		return false;
	}
	f->data = r->body + head;
	f->cap_len = cap < b->have - head ? cap : b->have - head;
	if (f->cap_len > FRAME_BYTES_MAX) /* the body holds more than that behind a short head */
		f->cap_len = FRAME_BYTES_MAX;
	f->len = len > cap ? len : cap;
	f->link = r->interface[number].link;
	f->link_number = r->interface[number].link_number;
	f->timed = false;
	return true;
}

static bool read_packet(struct capture *c, struct frame *f, const struct block *b)
{
	const struct reader *r = c->reader;
	uint64_t stamp;
	uint32_t number;

	if (b->have < 20) {
		c->trouble[TROUBLE_BAD_BLOCK]++;
		return false;
	}
	number = b->type == BLOCK_ENHANCED ? get32(r, r->body) : get16(r, r->body);
	stamp = (uint64_t)get32(r, r->body + 4) << 32 | get32(r, r->body + 8);
	if (!give_frame(c, f, b, number, 20, get32(r, r->body + 12), get32(r, r->body + 16)))
		return false;
	f->timed = true;
	f->time = time_of(&r->interface[number], stamp);
	return true;
}

/* read_simple() - a frame of the first interface, without a time; its length follows from others. */
static bool read_simple(struct capture *c, struct frame *f, const struct block *b)
{
	const struct reader *r = c->reader;
	uint32_t len, cap, snaplen;

	if (b->have < 4) {
		c->trouble[TROUBLE_BAD_BLOCK]++;
		return false;
	}
	len = get32(r, r->body);
	cap = b->len - 4;
	snaplen = r->n_interfaces ? r->interface[0].snaplen : 0;
	if (cap > len)
		cap = len; /* what is left is padding */
	if (snaplen && cap > snaplen)
		cap = snaplen;
	return give_frame(c, f, b, 0, 4, cap, len);
}

static bool pcapng_next(struct capture *c, struct frame *f)
{
	struct block b;

	while (next_block(c, &b)) {
		if (b.type == BLOCK_INTERFACE)
			read_interface(c, &b);
		else if (b.type == BLOCK_SIMPLE && read_simple(c, f, &b))
			return true;
		else if ((b.type == BLOCK_ENHANCED || b.type == BLOCK_PACKET) &&
			 read_packet(c, f, &b))
			return true;
	}
	return false;
}

static void pcapng_close(struct capture *c)
{
	struct reader *r = c->reader;

	if (r->file)
		fclose(r->file);
	free(r->buffer);
	free(r);
}

int capture_open_pcapng(struct capture *c, const char *path, char *why)
{
	struct reader *r = calloc(1, sizeof(*r));
	int error;

	if (!r) {
		snprintf(why, CAPTURE_WHY_MAX, "out of memory");
		return -ENOMEM;
	}
	c->reader = r;
	r->file = fopen(path, "rbe");
	if (!r->file) {
		error = errno;
		snprintf(why, CAPTURE_WHY_MAX, "cannot be opened: %s", strerror(error));
		pcapng_close(c);
		return -error;
	}
	r->buffer = malloc(BUFFER_BYTES);
	if (r->buffer)
		setvbuf(r->file, r->buffer, _IOFBF, BUFFER_BYTES);
	c->format = "pcapng";
	c->next = pcapng_next;
	c->close = pcapng_close;
	return 0;
}
