/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replay/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wire/bytes.h"

static const struct {
	const char *key;
	bool lost;
	const char *text;
} troubles[] = {
#define TROUBLE(name, key, lost, text) {key, lost, text},
#include "replay/trouble.def"
#undef TROUBLE
};

const char *trouble_key(enum replay_trouble t)
{
	return t < TROUBLE_COUNT ? troubles[t].key : "unknown";
}

const char *trouble_text(enum replay_trouble t)
{
	return t < TROUBLE_COUNT ? troubles[t].text : "unknown";
}

bool trouble_lost(enum replay_trouble t)
{
	return t < TROUBLE_COUNT && troubles[t].lost;
}

/* The first bytes of files, in the order of the file. */
enum magic {
	MAGIC_PCAPNG = 0x0a0d0d0a, /* the same in both byte orders */
	MAGIC_PCAP = 0xa1b2c3d4,
	MAGIC_PCAP_SWAPPED = 0xd4c3b2a1,
	MAGIC_NANO = 0xa1b23c4d,
	MAGIC_NANO_SWAPPED = 0x4d3cb2a1,
	MAGIC_MODIFIED = 0xa1b2cd34,
	MAGIC_MODIFIED_SWAPPED = 0x34cdb2a1,
};

static bool is_pcap(uint32_t magic)
{
	return magic == MAGIC_PCAP || magic == MAGIC_PCAP_SWAPPED || magic == MAGIC_NANO ||
	       magic == MAGIC_NANO_SWAPPED || magic == MAGIC_MODIFIED ||
	       magic == MAGIC_MODIFIED_SWAPPED;
}

/* not_a_capture() - say what the file seems to be instead. */
static void not_a_capture(uint32_t magic, char *why)
{
	static const struct {
		uint32_t magic, mask;
		const char *program;
	} packed[] = {
		{0x1f8b0000, 0xffff0000, "gzip"}, {0x28b52ffd, 0xffffffff, "zstd"},
		{0xfd377a58, 0xffffffff, "xz"},	  {0x425a6800, 0xffffff00, "bzip2"},
		{0x04224d18, 0xffffffff, "lz4"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(packed); i++) {
		if ((magic & packed[i].mask) == packed[i].magic) {
			snprintf(why, CAPTURE_WHY_MAX, "is packed with %s, unpack it first",
				 packed[i].program);
			return;
		}
	}
	snprintf(why, CAPTURE_WHY_MAX,
		 "is no capture (it begins with %08x), write one with tcpdump -w or dumpcap",
		 magic);
}

/* read_magic() - the first four bytes of @path. Return: 0 or a negative errno with @why. */
static int read_magic(const char *path, uint32_t *magic, char *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not be waited for */
	FILE *f = fd >= 0 ? fdopen(fd, "rb") : NULL;
	uint8_t head[4];
	struct stat st;
	size_t n;

	if (!f) {
		int error = errno;

		if (fd >= 0)
			close(fd);
		snprintf(why, CAPTURE_WHY_MAX, "cannot be opened: %s", strerror(error));
		return -error;
	}
	if (fstat(fileno(f), &st) == 0 && !S_ISREG(st.st_mode)) {
		fclose(f);
		snprintf(why, CAPTURE_WHY_MAX,
			 "is not a regular file; it is read twice, so write it to one first");
		return -EINVAL;
	}
	n = fread(head, 1, sizeof(head), f);
	fclose(f);
	if (n < sizeof(head)) {
		snprintf(why, CAPTURE_WHY_MAX,
			 n ? "is too short for a capture: %zu bytes" : "is empty", n);
		return -EINVAL;
	}
	*magic = load32(head);
	return 0;
}

int capture_open(struct capture *c, const char *path, char *why)
{
	uint32_t magic = 0;
	int rc = read_magic(path, &magic, why);

	memset(c, 0, sizeof(*c));
	if (rc < 0)
		return rc;
	if (magic == MAGIC_PCAPNG)
		return capture_open_pcapng(c, path, why);
	if (is_pcap(magic))
		return capture_open_pcap(c, path, why);
	not_a_capture(magic, why);
	return -EINVAL;
}

void capture_close(struct capture *c)
{
	if (c->close)
		c->close(c);
	c->close = NULL;
	c->reader = NULL;
}
