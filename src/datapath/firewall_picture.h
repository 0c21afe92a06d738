/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the rules looked like when they were installed, and whether they still do. Somebody may have taken
 * them away (iptables -F, nft flush ruleset, another program that loads its own), changed them, or put a
 * rule in front of them that lets packets by.
 *
 * The tools say what there is, in words of their own, so that is compared with what they said before. Of
 * iptables' raw table only our own chains count, and what stands in PREROUTING and OUTPUT before the jump to
 * them: rules there that drop are somebody's good right; one that accepts takes packets of translated
 * connections past the guard. nftables needs no such look: each base chain decides for itself.
 */
#ifndef TCPGUARD_DATAPATH_FIREWALL_PICTURE_H
#define TCPGUARD_DATAPATH_FIREWALL_PICTURE_H

#include "datapath/firewall.h"

#define FIREWALL_WHAT_MAX 160

/* One family's rules in iptables' raw table, or all of nftables. */
struct firewall_part {
	bool known;
	char *ours; /* as the tool prints it; empty: nothing is there */
	bool jump[2]; /* from PREROUTING, from OUTPUT */
	char *front[2]; /* lines before it that let packets by */
};

/* Zero it before the first use. */
struct firewall_picture {
	struct firewall_part part[2]; /* IPv4 or nftables, IPv6 */
};

enum firewall_fault {
	FIREWALL_INTACT,
	FIREWALL_LOST, /* some of it is missing, or not as it was */
	FIREWALL_PASSED_BY, /* a rule stands before the jump */
};

/*
 * firewall_picture_complete() - can these be rules that have just been installed? Somebody may have been faster
 * than the picture.
 */
bool firewall_picture_complete(const struct firewall_picture *p, const struct firewall *fw);

/* A rule that stands before the jump, or did. */
struct firewall_front {
	int part, base; /* base: 0 PREROUTING, 1 OUTPUT */
};

/*
 * firewall_picture_take() - see what there is now. Asks the firewall's tool, once or twice.
 * @p: filled; what was in it is freed.
 * Return: 0, or a negative errno if it cannot be seen now.
 */
int firewall_picture_take(struct firewall_picture *p, const struct firewall *fw,
			  const struct firewall_config *c);

/*
 * firewall_picture_compare() - @was: when it was right.
 * @what: filled with what has happened, like "the jump from PREROUTING is gone".
 * @front: filled if the answer is FIREWALL_PASSED_BY.
 */
enum firewall_fault firewall_picture_compare(const struct firewall_picture *was,
					     const struct firewall_picture *is,
					     char what[FIREWALL_WHAT_MAX],
					     struct firewall_front *front);

/*
 * firewall_picture_pardon() - what stands in front in @old may stand there in @new as well: it has been there
 * since before ours.
 */
void firewall_picture_pardon(struct firewall_picture *new, struct firewall_picture *old);

/*
 * firewall_advance() - move the jump to before the first rule that lets packets by and did not in @was.
 * Return: 0 or a negative errno with @why filled.
 */
int firewall_advance(const struct firewall *fw, const struct firewall_picture *was,
		     const struct firewall_front *front, char *why, size_t why_len);

void firewall_picture_free(struct firewall_picture *p);

/* For tests: read what `iptables -t raw -S` has printed. Return: 0 or -ENOMEM. */
int firewall_part_iptables(struct firewall_part *part, const char *text);

/*
 * For tests: where in a base chain, counted from 1, the first rule stands that is in front now and was not;
 * 0: none does.
 */
uint32_t firewall_front_index(const struct firewall_part *was, const char *text, int base);

#endif
