/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was done to the firewall rules, seen from what the tools print; and what the kernel tells of it. */
#include <check.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/firewall_picture.h"
#include "datapath/nft_watch.h"

#define HEAD  "-P PREROUTING ACCEPT\n-P OUTPUT ACCEPT\n-N TCPGUARD_PRE\n-N TCPGUARD_OUT\n"
#define JUMPS "-A PREROUTING -j TCPGUARD_PRE\n-A OUTPUT -j TCPGUARD_OUT\n"
#define OURS                                                                                     \
	"-A TCPGUARD_PRE -d 192.0.2.10/32 -p tcp -m tcp --dport 80 -j NFQUEUE --queue-num 100\n" \
	"-A TCPGUARD_OUT -m mark --mark 0x7c9d/0x7c9d -j RETURN\n"

static struct firewall_picture was, is;
static struct firewall_front front;
static char what[FIREWALL_WHAT_MAX];

static enum firewall_fault compare(const char *before, const char *after)
{
	ck_assert_int_eq(firewall_part_iptables(&was.part[0], before), 0);
	ck_assert_int_eq(firewall_part_iptables(&is.part[0], after), 0);
	what[0] = '\0';
	return firewall_picture_compare(&was, &is, what, &front);
}

static void clean(void)
{
	firewall_picture_free(&was);
	firewall_picture_free(&is);
}

START_TEST(intact)
{
	ck_assert_int_eq(compare(HEAD JUMPS OURS, HEAD JUMPS OURS), FIREWALL_INTACT);
}
END_TEST

/* Others may do in the raw table what they like, behind the jump and before it. */
START_TEST(others_rules_do_not_matter)
{
	static const char *const fine[] = {
		"-A PREROUTING -s 203.0.113.7/32 -j DROP\n",
		"-A PREROUTING -p udp -m udp --dport 9 -j ACCEPT\n",
		"-A PREROUTING -p tcp -m tcp --dport 21 -j CT --helper ftp\n",
		"-A PREROUTING -j SOMEBODY\n",
	};
	char text[1024];

	for (size_t i = 0; i < ARRAY_SIZE(fine); i++) {
		snprintf(text, sizeof(text), "%s%s%s%s", HEAD, fine[i], JUMPS, OURS);
		ck_assert_msg(compare(HEAD JUMPS OURS, text) == FIREWALL_INTACT, "%s: %s", fine[i],
			      what);
	}
	snprintf(text, sizeof(text), "%s%s-A PREROUTING -j ACCEPT\n%s", HEAD, JUMPS, OURS);
	ck_assert_int_eq(compare(HEAD JUMPS OURS, text), FIREWALL_INTACT);
}
END_TEST

START_TEST(all_gone)
{
	ck_assert_int_eq(compare(HEAD JUMPS OURS, "-P PREROUTING ACCEPT\n"), FIREWALL_LOST);
	ck_assert_str_eq(what, "all of them are gone (IPv4)");
}
END_TEST

/* Somebody was faster than the picture of what has just been installed. */
START_TEST(incomplete)
{
	const struct firewall fw = {.backend = FIREWALL_IPTABLES};

	compare(HEAD JUMPS OURS, HEAD);
	ck_assert(firewall_picture_complete(&was, &fw));
	ck_assert(!firewall_picture_complete(&is, &fw));
	compare(HEAD OURS,
		HEAD JUMPS OURS "-A TCPGUARD_PRE -m rpfilter --invert -g TCPGUARD_FORGED\n");
	ck_assert(!firewall_picture_complete(&was, &fw));
	ck_assert(!firewall_picture_complete(&is, &fw));
}
END_TEST

START_TEST(flushed)
{
	ck_assert_int_eq(compare(HEAD JUMPS OURS, HEAD), FIREWALL_LOST);
	ck_assert_str_eq(what, "some were changed or are gone (IPv4)");
}
END_TEST

START_TEST(jump_gone)
{
	ck_assert_int_eq(compare(HEAD JUMPS OURS, HEAD "-A OUTPUT -j TCPGUARD_OUT\n" OURS),
			 FIREWALL_LOST);
	ck_assert_str_eq(what, "nothing leads to them from PREROUTING any more (IPv4)");
	ck_assert_int_eq(compare(HEAD JUMPS OURS, HEAD "-A PREROUTING -j TCPGUARD_PRE\n" OURS),
			 FIREWALL_LOST);
	ck_assert_str_eq(what, "nothing leads to them from OUTPUT any more (IPv4)");
	/* one that is not for all packets is not ours */
	ck_assert_int_eq(compare(HEAD JUMPS OURS, HEAD "-A PREROUTING -i x -j TCPGUARD_PRE\n"
						       "-A OUTPUT -j TCPGUARD_OUT\n" OURS),
			 FIREWALL_LOST);
}
END_TEST

START_TEST(passed_by)
{
	static const char after[] = HEAD "-A PREROUTING -s 203.0.113.7/32 -j DROP\n"
					 "-A PREROUTING -p tcp -j ACCEPT\n" JUMPS OURS;

	ck_assert_int_eq(compare(HEAD JUMPS OURS, after), FIREWALL_PASSED_BY);
	ck_assert_ptr_nonnull(strstr(what, "-A PREROUTING -p tcp -j ACCEPT"));
	ck_assert_int_eq(front.part, 0);
	ck_assert_int_eq(front.base, 0);
	/* behind the rule that drops, before the one that accepts */
	ck_assert_uint_eq(firewall_front_index(&was.part[0], after, 0), 2);
	ck_assert_uint_eq(firewall_front_index(&was.part[0], after, 1), 0);
}
END_TEST

/* What stood there when the rules were installed is the administrator's wish. */
START_TEST(older_rules_may_stand_in_front)
{
	static const char both[] = HEAD "-A PREROUTING -s 192.0.2.77/32 -j ACCEPT\n"
					"-A PREROUTING -j RETURN\n" JUMPS OURS;
	static const char old[] = HEAD "-A PREROUTING -s 192.0.2.77/32 -j ACCEPT\n" JUMPS OURS;

	ck_assert_int_eq(compare(old, old), FIREWALL_INTACT);
	ck_assert_int_eq(compare(old, both), FIREWALL_PASSED_BY);
	ck_assert_uint_eq(firewall_front_index(&was.part[0], both, 0), 2);
	/* a picture taken after a repair pardons only what the one before did */
	firewall_picture_pardon(&is, &was);
	ck_assert_int_eq(firewall_part_iptables(&was.part[0], both), 0);
	ck_assert_int_eq(firewall_picture_compare(&is, &was, what, &front), FIREWALL_PASSED_BY);
}
END_TEST

/* message() - a change of the object @type in @table, in buf. Return: its length. */
static size_t message(char *buf, int type, const char *table)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct nfgenmsg));
	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, table);
	return nlh->nlmsg_len;
}

START_TEST(news)
{
	char buf[2048] __attribute__((aligned(8)));
	size_t len;

	len = message(buf, NFT_MSG_DELRULE, "filter");
	ck_assert_uint_eq(nft_watch_parse(buf, len), 0);
	len += message(buf + MNL_ALIGN(len), NFT_MSG_DELRULE, "raw");
	ck_assert_uint_eq(nft_watch_parse(buf, len), NFT_NEWS_RULES);
	len = message(buf, NFT_MSG_DELTABLE, "tcpguard");
	ck_assert_uint_eq(nft_watch_parse(buf, len), NFT_NEWS_RULES);
	len = message(buf, NFT_MSG_DELTABLE, "tcpguard_deny");
	ck_assert_uint_eq(nft_watch_parse(buf, len), NFT_NEWS_DENY_GONE);
	len = message(buf, NFT_MSG_DELSETELEM, "tcpguard_deny");
	ck_assert_uint_eq(nft_watch_parse(buf, len), 0);
	for (size_t cut = 0; cut < len; cut++) /* whatever is cut off does no harm */
		nft_watch_parse(buf, cut);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("picture");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, NULL, clean);
	tcase_add_test(t, intact);
	tcase_add_test(t, others_rules_do_not_matter);
	tcase_add_test(t, all_gone);
	tcase_add_test(t, incomplete);
	tcase_add_test(t, flushed);
	tcase_add_test(t, jump_gone);
	tcase_add_test(t, passed_by);
	tcase_add_test(t, older_rules_may_stand_in_front);
	tcase_add_test(t, news);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
