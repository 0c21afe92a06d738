/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/fingerprint.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

#include "wire/layout.h"

#define CODE_BITS  4
#define CODES_MAX  16 /* that an options word holds */
#define CODE_OTHER 12
#define CODE_BAD   14 /* a length that cannot be; nothing behind it was read */
#define CODE_MORE  15 /* the options go on */

static_assert(sizeof(struct syn_fingerprint) == 16, "no padding");

/* By code; kinds without a name of their own are "other". */
static const struct {
	const char *name;
	uint8_t kind;
} options[CODES_MAX] = {
	[1] = {"eol", TCP_KIND_EOL},
	[2] = {"nop", TCP_KIND_NOP},
	[3] = {"mss", TCP_KIND_MSS},
	[4] = {"wscale", TCP_KIND_WSCALE},
	[5] = {"sackOK", TCP_KIND_SACK_PERMITTED},
	[6] = {"sack", TCP_KIND_SACK},
	[7] = {"ts", TCP_KIND_TIMESTAMPS},
	[8] = {"md5", TCP_KIND_MD5},
	[9] = {"ao", TCP_KIND_AO},
	[10] = {"mptcp", TCP_KIND_MPTCP},
	[11] = {"tfo", TCP_KIND_FASTOPEN},
	[CODE_OTHER] = {"other", 0},
	[CODE_BAD] = {"bad", 0},
	[CODE_MORE] = {"...", 0},
};

static const struct {
	uint16_t flag;
	const char *name;
} flag_names[] = {
	{TCP_SYN, "SYN"}, {TCP_FIN, "FIN"}, {TCP_RST, "RST"}, {TCP_PSH, "PSH"},
	{TCP_ACK, "ACK"}, {TCP_URG, "URG"}, {TCP_ECE, "ECE"}, {TCP_CWR, "CWR"},
	{TCP_AE, "AE"},	  {0x200, "R9"},    {0x400, "R10"},   {0x800, "R11"},
};

static uint64_t option_code(uint8_t kind)
{
	static const uint8_t codes[] = {
		[TCP_KIND_EOL] = 1,
		[TCP_KIND_NOP] = 2,
		[TCP_KIND_MSS] = 3,
		[TCP_KIND_WSCALE] = 4,
		[TCP_KIND_SACK_PERMITTED] = 5,
		[TCP_KIND_SACK] = 6,
		[TCP_KIND_TIMESTAMPS] = 7,
		[TCP_KIND_MD5] = 8,
		[TCP_KIND_AO] = 9,
		[TCP_KIND_MPTCP] = 10,
		[TCP_KIND_FASTOPEN] = 11,
	};
	uint8_t code = kind < ARRAY_SIZE(codes) ? codes[kind] : 0;

	return code ? code : CODE_OTHER;
}

/* read_options() - the word of codes for the options of @syn. */
static uint64_t read_options(const struct pkt *syn)
{
	const uint8_t *tcp = syn->data + syn->l4_off;
	uint32_t off = TCP_HEADER_MIN, end = syn->tcp_hdr_len;
	uint64_t word = 0;

	for (unsigned shift = 0; off < end; shift += CODE_BITS) {
		uint8_t kind = tcp[off], len = 1;
		uint64_t code = option_code(kind);

		if (shift == (CODES_MAX - 1) * CODE_BITS)
			return word | (uint64_t)CODE_MORE << shift;
		if (kind > TCP_KIND_NOP) {
			len = off + 1 < end ? tcp[off + 1] : 0;
			if (len < 2 || off + len > end)
				return word | (uint64_t)CODE_BAD << shift;
		}
		word |= code << shift;
		if (kind == TCP_KIND_EOL)
			break;
		off += len;
	}
	return word;
}

/* first_ttl() - systems begin with one of these, and no way through the Internet is 64 hops long. */
static uint8_t first_ttl(uint8_t ttl)
{
	if (ttl <= 32)
		return 32;
	if (ttl <= 64)
		return 64;
	return ttl <= 128 ? 128 : 255;
}

struct syn_fingerprint syn_fingerprint(const struct pkt *syn)
{
	uint16_t present = syn->opt.present;

	return (struct syn_fingerprint){
		.options = read_options(syn),
		.flags = syn->flags & TCP_FLAGS_ALL,
		.window = syn->window,
		.mss = present & TCP_OPT_MSS ? syn->opt.mss : 0,
		.wscale = present & TCP_OPT_WSCALE ? syn->opt.wscale : FINGERPRINT_NO_WSCALE,
		.ttl = first_ttl(syn->ttl),
	};
}

/* ---- to text ---- */

/* Text under construction; what does not fit is left out. */
struct line {
	char *buf;
	size_t cap, len;
};

static void add(struct line *l, const char *text)
{
	size_t n = strlen(text), room = l->cap - l->len;

	if (room <= 1)
		return;
	if (n > room - 1)
		n = room - 1;
	memcpy(l->buf + l->len, text, n);
	l->len += n;
	l->buf[l->len] = '\0';
}

static void add_number(struct line *l, const char *before, unsigned value)
{
	char digits[12];

	snprintf(digits, sizeof(digits), "%u", value);
	add(l, before);
	add(l, digits);
}

static void add_flags(struct line *l, uint16_t flags)
{
	const char *separator = "";

	for (size_t i = 0; i < ARRAY_SIZE(flag_names); i++) {
		if (!(flags & flag_names[i].flag))
			continue;
		add(l, separator);
		add(l, flag_names[i].name);
		separator = "|";
	}
}

static void add_options(struct line *l, uint64_t word)
{
	const char *separator = " options ";

	if (!word)
		add(l, " options none");
	for (; word; word >>= CODE_BITS) {
		const char *name = options[word & (CODES_MAX - 1)].name;

		add(l, separator);
		add(l, name ? name : "other");
		separator = ",";
	}
}

const char *syn_fingerprint_text(const struct syn_fingerprint *f, char *buf, size_t cap)
{
	struct line l = {buf, cap, 0};

	if (cap > 0)
		buf[0] = '\0';
	if (!f->flags) {
		add(&l, "none");
		return buf;
	}
	add_flags(&l, f->flags);
	add_number(&l, " window ", f->window);
	add_number(&l, " ttl ", f->ttl);
	if (f->mss)
		add_number(&l, " mss ", f->mss);
	if (f->wscale != FINGERPRINT_NO_WSCALE)
		add_number(&l, " wscale ", f->wscale);
	add_options(&l, f->options);
	return buf;
}

/* ---- from text ---- */

/* take() - does *@at begin with @word? Then step behind it. */
static bool take(const char **at, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(*at, word, n) != 0)
		return false;
	*at += n;
	return true;
}

/* take_number() - digits at *@at, a number of at most @max, or -1. */
static int take_number(const char **at, int max)
{
	int value = 0;

	if (**at < '0' || **at > '9')
		return -1;
	for (; **at >= '0' && **at <= '9'; (*at)++) {
		value = value * 10 + (**at - '0');
		if (value > max)
			return -1;
	}
	return value;
}

/* take_name() - the whole word at *@at, which ends with the text or with one of @ends. */
static bool take_name(const char **at, const char *name, const char *ends)
{
	size_t n = strcspn(*at, ends);

	if (n != strlen(name) || strncmp(*at, name, n) != 0)
		return false;
	*at += n;
	return true;
}

static bool parse_flags(struct syn_fingerprint *f, const char **at)
{
	do {
		size_t i = 0;

		while (i < ARRAY_SIZE(flag_names) && !take_name(at, flag_names[i].name, "| "))
			i++;
		if (i == ARRAY_SIZE(flag_names))
			return false;
		f->flags |= flag_names[i].flag;
	} while (take(at, "|"));
	return true;
}

static bool parse_options(struct syn_fingerprint *f, const char **at)
{
	unsigned shift = 0;

	if (take(at, "none"))
		return true;
	do {
		unsigned code = 1;

		while (code < CODES_MAX &&
		       (!options[code].name || !take_name(at, options[code].name, ",")))
			code++;
		if (code == CODES_MAX || shift == CODES_MAX * CODE_BITS)
			return false;
		f->options |= (uint64_t)code << shift;
		shift += CODE_BITS;
	} while (take(at, ","));
	return true;
}

/* parse_number() - " @name NUMBER"; @absent if it is not there, -1 if it is wrong. */
static int parse_number(const char **at, const char *name, int max, int absent)
{
	return take(at, name) ? take_number(at, max) : absent;
}

int syn_fingerprint_parse(struct syn_fingerprint *f, const char *text)
{
	int window, ttl, mss, wscale;

	memset(f, 0, sizeof(*f));
	if (strcmp(text, "none") == 0)
		return 0;
	if (!parse_flags(f, &text))
		return -EINVAL;
	window = parse_number(&text, " window ", UINT16_MAX, -1);
	ttl = parse_number(&text, " ttl ", UINT8_MAX, -1);
	mss = parse_number(&text, " mss ", UINT16_MAX, 0);
	wscale = parse_number(&text, " wscale ", TCP_WSCALE_MAX, FINGERPRINT_NO_WSCALE);
	if (window < 0 || ttl < 0 || mss < 0 || wscale < 0 || !take(&text, " options ") ||
	    !parse_options(f, &text) || *text != '\0')
		return -EINVAL;
	f->window = (uint16_t)window;
	f->ttl = (uint8_t)ttl;
	f->mss = (uint16_t)mss;
	f->wscale = (uint8_t)wscale;
	return 0;
}
