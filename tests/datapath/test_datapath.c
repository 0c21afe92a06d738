/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pure parts of the datapath: the text of the firewall rules, and the set of connections. */
#include <check.h>
#include <stdlib.h>

#include "datapath/firewall_owner.h"
#include "datapath/firewall_rules.h"
#include "datapath/flow_set.h"
#include "datapath/tool.h"

static struct guard_listen listen_at(const char *addr, unsigned plen, uint16_t low, uint16_t high)
{
	struct guard_listen l = {.plen = (uint8_t)plen, .port_low = low, .port_high = high};

	ck_assert_int_eq(ip_addr_parse(&l.prefix, addr), 0);
	return l;
}

/* A plan for a few listens, all at the same place. */
struct plan {
	struct guard_listen listen[40];
	struct firewall_config config;
	struct firewall_plan plan;
};

static struct plan *plan_new(uint8_t where)
{
	struct plan *p = calloc(1, sizeof(*p));

	ck_assert_ptr_nonnull(p);
	p->config = (struct firewall_config){
		.listen = p->listen, .queue = 100, .workers = 2, .mark = 0x10, .bypass = true};
	p->plan.config = &p->config;
	memset(p->plan.where, where, sizeof(p->plan.where));
	return p;
}

static void plan_add(struct plan *p, struct guard_listen l)
{
	p->listen[p->config.n_listens++] = l;
}

static const struct firewall_missing everything = {true, true, true};

/* text_of() - @family 4 or 6: iptables; 0: nftables. The caller frees it. */
static char *text_of(const struct plan *p, int family)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	if (family)
		firewall_rules_iptables(f, &p->plan, family, &everything);
	else
		firewall_rules_nftables(f, &p->plan);
	fclose(f);
	return text;
}

static void expect(const struct plan *p, int family, const char *part)
{
	char *text = text_of(p, family);

	ck_assert_msg(strstr(text, part) != NULL, "\"%s\" is not in\n%s", part, text);
	free(text);
}

static void expect_not(const struct plan *p, int family, const char *part)
{
	char *text = text_of(p, family);

	ck_assert_msg(strstr(text, part) == NULL, "\"%s\" is in\n%s", part, text);
	free(text);
}

START_TEST(gateway_queues_both_directions_in_prerouting)
{
	struct plan *p = plan_new(FIREWALL_FORWARDED);

	plan_add(p, listen_at("192.0.2.1", 128, 80, 80));
	expect(p, 4,
	       "-A TCPGUARD_PRE -d 192.0.2.1/32 -p tcp -m tcp --dport 80 -j NFQUEUE "
	       "--queue-balance 100:101 --queue-bypass\n");
	expect(p, 4, "-A TCPGUARD_PRE ! -i lo -s 192.0.2.1/32 -p tcp -m tcp --sport 80 ");
	expect(p, 4, "-A TCPGUARD_OUT ! -o lo -d 192.0.2.1/32 ");
	expect_not(p, 4, "-A TCPGUARD_OUT -s");
	free(p);
}
END_TEST

START_TEST(host_queues_answers_in_output)
{
	struct plan *p = plan_new(FIREWALL_LOCAL);

	plan_add(p, listen_at("2001:db8::1", 128, 80, 80));
	expect(p, 6, "-A TCPGUARD_PRE -d 2001:db8::1/128 -p tcp -m tcp --dport 80 ");
	expect(p, 6, "-A TCPGUARD_OUT -s 2001:db8::1/128 -p tcp -m tcp --sport 80 ");
	expect_not(p, 6, "-s 2001:db8::1/128 -p tcp -m tcp --dport");
	expect_not(p, 6, "-A TCPGUARD_PRE ! -i lo");
	free(p);
}
END_TEST

/* Same addresses, same ports, another queue: who wants payload gets it at once. */
START_TEST(whole_packets_have_queues_of_their_own)
{
	static const bool whole[] = {false, true, true};
	struct plan *p = plan_new(FIREWALL_FORWARDED);

	plan_add(p, listen_at("192.0.2.1", 128, 80, 80));
	plan_add(p, listen_at("192.0.2.1", 128, 81, 81));
	plan_add(p, listen_at("192.0.2.1", 128, 90, 91));
	p->config.whole = whole;
	p->config.whole_queue = 104;
	expect(p, 4, "-p tcp -m tcp --dport 80 -j NFQUEUE --queue-balance 100:101 ");
	expect(p, 4, "-p tcp -m multiport --dports 81,90:91 -j NFQUEUE --queue-balance 104:105 ");
	expect(p, 4, "-p tcp -m multiport --sports 81,90:91 -j NFQUEUE --queue-balance 104:105 ");
	expect(p, 4, "--icmp-type 3 -j NFQUEUE --queue-num 100 ");
	expect(p, 0, "tcp dport { 80 } queue num 100-101 ");
	expect(p, 0, "tcp dport { 81, 90-91 } queue num 104-105 ");
	free(p);
}
END_TEST

START_TEST(mark_comes_before_everything)
{
	struct plan *p = plan_new(FIREWALL_LOCAL);

	plan_add(p, listen_at("192.0.2.1", 128, 80, 80));
	p->plan.notrack = p->plan.unmark = true;
	expect(p, 4,
	       "-A TCPGUARD_OWN -j MARK --set-xmark 0x0/0x10\n"
	       "-A TCPGUARD_PRE -m mark --mark 0x10/0x10 -g TCPGUARD_OWN\n"
	       "-A TCPGUARD_OUT -m mark --mark 0x10/0x10 -j CT --notrack\n"
	       "-A TCPGUARD_OUT -m mark --mark 0x10/0x10 -j RETURN\n");
	expect(p, 0,
	       "priority -300; policy accept;\n\t\tmeta mark & 0x10 == 0x10 "
	       "meta mark set meta mark & 0xffffffef return\n");
	p->config.device = "tcpguard100";
	expect(p, 6,
	       "-A TCPGUARD_PRE -i tcpguard100 -j CT --notrack\n"
	       "-A TCPGUARD_PRE -i tcpguard100 -j RETURN\n"
	       "-A TCPGUARD_OWN -j MARK --set-xmark 0x0/0x10\n"
	       "-A TCPGUARD_PRE -m mark --mark 0x10/0x10 -g TCPGUARD_OWN\n");
	expect(p, 0, "policy accept;\n\t\tiifname \"tcpguard100\" notrack return\n\t\tmeta mark");
	p->plan.notrack = p->plan.unmark = false;
	expect(p, 0, "policy accept;\n\t\tiifname \"tcpguard100\" return\n\t\tmeta mark");
	p->config.device = NULL;
	expect(p, 0, "priority -300; policy accept;\n\t\tmeta mark & 0x10 == 0x10 return\n");
	expect_not(p, 4, "MARK --set");
	expect_not(p, 4, "CT");
	expect_not(p, 0, "notrack");
	free(p);
}
END_TEST

START_TEST(forged_answers_are_dropped_before_anything_is_queued)
{
	struct plan *p = plan_new(FIREWALL_FORWARDED);
	char *text, *drop, *queue;

	plan_add(p, listen_at("192.0.2.1", 128, 80, 80));
	plan_add(p, listen_at("192.0.2.1", 128, 443, 443));
	expect_not(p, 4, "rpfilter"); /* not asked for, or the kernel cannot */
	expect_not(p, 4, "TCPGUARD_FORGED");
	expect_not(p, 0, "fib");
	p->plan.anti_spoof = true;
	expect(p, 4, ":TCPGUARD_FORGED - [0:0]\n-A TCPGUARD_FORGED -j DROP\n");
	expect(p, 4,
	       "-A TCPGUARD_PRE ! -i lo -s 192.0.2.1/32 -p tcp -m multiport --sports 80,443 "
	       "-m rpfilter --invert -g TCPGUARD_FORGED\n");
	expect(p, 0, "\tcounter forged {\n\t}\n");
	expect(p, 0,
	       "iifname != \"lo\" ip saddr 192.0.2.1/32 tcp sport { 80, 443 } "
	       "fib saddr . iif oif missing counter name \"forged\" drop\n");
	for (int family = 0; family <= 4; family += 4) {
		text = text_of(p, family);
		drop = strstr(text, family ? "-g TCPGUARD_FORGED" : "fib saddr");
		queue = strstr(text, family ? "NFQUEUE" : "queue");
		ck_assert(drop && queue && drop < queue);
		free(text);
	}
	free(p);
}
END_TEST

START_TEST(what_is_local_cannot_come_in_forged)
{
	struct plan *p = plan_new(FIREWALL_LOCAL);

	plan_add(p, listen_at("192.0.2.1", 128, 80, 80));
	p->plan.anti_spoof = true;
	expect_not(p, 4, "rpfilter");
	expect_not(p, 0, "fib");
	free(p);
}
END_TEST

START_TEST(no_bypass_when_closed_and_no_balance_for_one)
{
	struct plan *p = plan_new(FIREWALL_LOCAL);

	plan_add(p, listen_at("192.0.2.1", 128, 80, 80));
	p->config.workers = 1;
	p->config.bypass = false;
	expect(p, 4, "-j NFQUEUE --queue-num 100\n");
	expect_not(p, 4, "bypass");
	expect_not(p, 4, "balance");
	expect(p, 0, " queue num 100\n");
	expect_not(p, 0, "bypass");
	free(p);
}
END_TEST

START_TEST(each_listen_has_a_policy_of_its_own)
{
	static const bool closed[] = {false, true, true, false};
	struct plan *p = plan_new(FIREWALL_FORWARDED);

	plan_add(p, listen_at("192.0.2.1", 128, 80, 80));
	plan_add(p, listen_at("192.0.2.1", 128, 81, 81));
	plan_add(p, listen_at("192.0.2.1", 128, 90, 91));
	plan_add(p, listen_at("192.0.2.1", 128, 92, 92));
	p->config.closed = closed;
	expect(p, 4,
	       "-m multiport --dports 80,92 -j NFQUEUE --queue-balance 100:101 --queue-bypass\n");
	expect(p, 4, "-m multiport --dports 81,90:91 -j NFQUEUE --queue-balance 100:101\n");
	expect(p, 4, "--icmp-type 3 -j NFQUEUE --queue-num 100 --queue-bypass\n");
	expect(p, 0, "tcp dport { 80, 92 } queue num 100-101 bypass\n");
	expect(p, 0, "tcp dport { 81, 90-91 } queue num 100-101\n");
	p->config.bypass = false; /* what is said for all does not count then, but for ICMP */
	expect(p, 0, "tcp dport { 80, 92 } queue num 100-101 bypass\n");
	expect(p, 4, "--icmp-type 3 -j NFQUEUE --queue-num 100\n");
	free(p);
}
END_TEST

START_TEST(the_longest_prefix_comes_first)
{
	static const bool closed[] = {false, true};
	struct plan *p = plan_new(FIREWALL_FORWARDED);
	char *text, *narrow, *wide;

	plan_add(p, listen_at("203.0.113.0", 120, 80, 80));
	plan_add(p, listen_at("203.0.113.7", 128, 80, 80));
	p->config.closed = closed;
	for (int family = 0; family <= 4; family += 4) {
		text = text_of(p, family);
		wide = strstr(text, family ? "-d 203.0.113.0/24" : "daddr 203.0.113.0/24");
		narrow = strstr(text, family ? "-d 203.0.113.7/32" : "daddr 203.0.113.7/32");
		ck_assert_ptr_nonnull(wide);
		ck_assert_ptr_nonnull(narrow);
		ck_assert_msg(narrow < wide, "the wider one is first in\n%s", text);
		free(text);
	}
	free(p);
}
END_TEST

START_TEST(ports_of_an_address_share_rules)
{
	struct plan *p = plan_new(FIREWALL_LOCAL);

	plan_add(p, listen_at("192.0.2.1", 128, 443, 443));
	plan_add(p, listen_at("192.0.2.2", 128, 25, 25));
	plan_add(p, listen_at("192.0.2.1", 128, 8000, 8100));
	plan_add(p, listen_at("192.0.2.1", 128, 80, 80));
	plan_add(p, listen_at("192.0.2.1", 128, 8050, 8200)); /* overlaps */
	plan_add(p, listen_at("192.0.2.1", 128, 8201, 8201)); /* touches */
	expect(p, 4, "-d 192.0.2.1/32 -p tcp -m multiport --dports 80,443,8000:8201 ");
	expect(p, 4, "-d 192.0.2.2/32 -p tcp -m tcp --dport 25 ");
	expect(p, 0,
	       "ip daddr 192.0.2.1/32 tcp dport { 80, 443, 8000-8201 } queue num 100-101 bypass\n");
	free(p);
}
END_TEST

START_TEST(multiport_holds_fifteen)
{
	struct plan *p = plan_new(FIREWALL_LOCAL);

	for (uint16_t i = 0; i < 20; i++)
		plan_add(p,
			 listen_at("192.0.2.1", 128, (uint16_t)(2 * i + 1), (uint16_t)(2 * i + 1)));
	expect(p, 4, "--dports 1,3,5,7,9,11,13,15,17,19,21,23,25,27,29 -j");
	expect(p, 4, "--dports 31,33,35,37,39 -j");
	free(p);
}
END_TEST

START_TEST(prefixes_in_their_family_s_length)
{
	struct plan *p = plan_new(FIREWALL_LOCAL);

	plan_add(p, listen_at("203.0.113.0", 120, 443, 443));
	plan_add(p, listen_at("0.0.0.0", 96, 22, 22));
	plan_add(p, listen_at("2001:db8::", 32, 443, 443));
	expect(p, 4, "-d 203.0.113.0/24 ");
	expect(p, 4, "-d 0.0.0.0/0 ");
	expect(p, 6, "-d 2001:db8::/32 ");
	expect(p, 0, "meta nfproto ipv4 tcp dport { 22 }");
	expect_not(p, 6, "203.0.113");
	expect_not(p, 4, "2001:db8");
	free(p);
}
END_TEST

START_TEST(icmp_errors_go_to_the_first_queue)
{
	struct plan *p = plan_new(FIREWALL_FORWARDED);

	plan_add(p, listen_at("192.0.2.1", 128, 80, 80));
	expect(p, 4, "-A TCPGUARD_PRE -p icmp -m icmp --icmp-type 3 -j NFQUEUE --queue-num 100 ");
	expect(p, 4, "-A TCPGUARD_OUT ! -o lo -p icmp -m icmp --icmp-type 12 ");
	ck_assert(firewall_rules_family(&p->plan, 4));
	ck_assert(!firewall_rules_family(&p->plan, 6));
	expect_not(p, 0, "icmpv6");
	free(p);
}
END_TEST

static struct pkt packet(const char *src, uint16_t sport, const char *dst, uint16_t dport)
{
	struct pkt p = {.sport = sport, .dport = dport};

	ip_addr_parse(&p.src, src);
	ip_addr_parse(&p.dst, dst);
	return p;
}

START_TEST(directions_have_keys_of_their_own)
{
	struct pkt there = packet("192.0.2.1", 1024, "198.51.100.1", 80);
	struct pkt back = packet("198.51.100.1", 80, "192.0.2.1", 1024);
	struct pkt other = packet("192.0.2.1", 1025, "198.51.100.1", 80);

	ck_assert_uint_eq(flow_set_key(&there), flow_set_key(&there));
	ck_assert_uint_ne(flow_set_key(&there), flow_set_key(&back));
	ck_assert_uint_ne(flow_set_key(&there), flow_set_key(&other));
}
END_TEST

START_TEST(set_holds_a_batch)
{
	struct flow_set s = {0};

	for (uint32_t i = 0; i < FLOW_SET_SLOTS / 2; i++)
		flow_set_add(&s, i * 2654435761u | 1);
	flow_set_add(&s, 1);
	for (uint32_t i = 0; i < FLOW_SET_SLOTS / 2; i++)
		ck_assert(flow_set_has(&s, i * 2654435761u | 1));
	ck_assert(!flow_set_has(&s, 0x12345679));
	flow_set_clear(&s);
	ck_assert(!flow_set_has(&s, 1));
	ck_assert_uint_eq(s.used, 0);
}
END_TEST

START_TEST(tools_are_run_and_heard)
{
	const char *const fine[] = {"cat", NULL}, *const bad[] = {"ls", "/no/such/place", NULL};
	const char *const missing[] = {"no-such-tool", NULL};
	const char *const prints[] = {"echo", "heard", NULL};
	const char *const announces[] = {
		"sh", "-c", "printf 'tool v1: \\nline 5: bad\\n^\\n' >&2; exit 1", NULL};
	char error[TOOL_ERROR_MAX], out[16];

	ck_assert_int_eq(tool_run(fine, "text", 4, error), 0);
	ck_assert_str_eq(error, "");
	ck_assert_int_eq(tool_run(bad, NULL, 0, error), 2);
	ck_assert_ptr_nonnull(strstr(error, "/no/such/place"));
	ck_assert_int_lt(tool_run(missing, NULL, 0, error), 0);
	ck_assert_str_eq(error, "no-such-tool is not installed");
	ck_assert_int_eq(tool_run(announces, NULL, 0, error), 1);
	ck_assert_str_eq(error, "tool v1:  line 5: bad");
	ck_assert_int_eq(tool_read(prints, out, sizeof(out), error), 0);
	ck_assert_str_eq(out, "heard\n");
	ck_assert_int_eq(tool_read(prints, out, 3, error), 0);
	ck_assert_str_eq(out, "he");
}
END_TEST

/* A counter never goes back because somebody holds the lock, or has taken our rules away. */
START_TEST(what_cannot_be_counted_is_as_it_was)
{
	struct firewall fw = {.forged = {5, 7}};

	fw.backend = _i ? FIREWALL_NFTABLES : FIREWALL_IPTABLES;
	ck_assert_uint_eq(firewall_forged(&fw), 12); /* there are no rules of ours here */
}
END_TEST

START_TEST(rules_of_a_living_guard_are_known)
{
	static const char queues[] = "  100  28101     0 2   160     0     0        0  1\n"
				     "  101  28102     0 2   160     0     0        0  1\n";
	static const char balance[] =
		"-A TCPGUARD_PRE -j NFQUEUE --queue-balance 100:101 --queue-bypass\n";
	static const char one[] = "-N TCPGUARD_PRE\n-A TCPGUARD_PRE -j NFQUEUE --queue-num 101\n";

	ck_assert_int_eq(firewall_owner_in(balance, queues, 200, 4), 100);
	ck_assert_int_eq(firewall_owner_in(one, queues, 200, 4), 101);
	ck_assert_int_eq(firewall_owner_in("queue num 100-101 bypass", queues, 200, 4), 100);
	ck_assert_int_eq(firewall_owner_in("queue flags bypass to 101", queues, 200, 4), 101);
	/* our own, those of a guard that has died, and none */
	ck_assert_int_eq(firewall_owner_in(balance, queues, 100, 2), FIREWALL_NO_OWNER);
	ck_assert_int_eq(firewall_owner_in(balance, "", 200, 4), FIREWALL_NO_OWNER);
	ck_assert_int_eq(firewall_owner_in(balance, "  10 1\n", 200, 4), FIREWALL_NO_OWNER);
	ck_assert_int_eq(firewall_owner_in("", queues, 200, 4), FIREWALL_NO_OWNER);
	ck_assert_int_eq(firewall_owner_in("--queue-num many", queues, 200, 4), FIREWALL_NO_OWNER);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("datapath");
	TCase *rules = tcase_create("rules"), *rest = tcase_create("rest");
	SRunner *runner;
	int failed;

	tcase_add_test(rules, gateway_queues_both_directions_in_prerouting);
	tcase_add_test(rules, host_queues_answers_in_output);
	tcase_add_test(rules, whole_packets_have_queues_of_their_own);
	tcase_add_test(rules, mark_comes_before_everything);
	tcase_add_test(rules, forged_answers_are_dropped_before_anything_is_queued);
	tcase_add_test(rules, what_is_local_cannot_come_in_forged);
	tcase_add_test(rules, no_bypass_when_closed_and_no_balance_for_one);
	tcase_add_test(rules, each_listen_has_a_policy_of_its_own);
	tcase_add_test(rules, the_longest_prefix_comes_first);
	tcase_add_test(rules, ports_of_an_address_share_rules);
	tcase_add_test(rules, multiport_holds_fifteen);
	tcase_add_test(rules, prefixes_in_their_family_s_length);
	tcase_add_test(rules, icmp_errors_go_to_the_first_queue);
	suite_add_tcase(suite, rules);
	tcase_add_test(rest, directions_have_keys_of_their_own);
	tcase_add_test(rest, set_holds_a_batch);
	tcase_add_test(rest, tools_are_run_and_heard);
	tcase_add_loop_test(rest, what_cannot_be_counted_is_as_it_was, 0, 2);
	tcase_add_test(rest, rules_of_a_living_guard_are_known);
	suite_add_tcase(suite, rest);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
