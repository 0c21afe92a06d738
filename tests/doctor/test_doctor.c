/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The doctor in worlds that are made up: files below a directory of its own, tools and servers of the test's. */
#include <check.h>
#include <errno.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "doctor/doctor.h"

#define FINDINGS_MAX 128

struct answer {
	const char *command; /* words with blanks between them; a beginning is enough */
	int status;
	const char *output;
};

static char root[64];
static struct answer answers[32];
static int n_answers, reach_result;
static struct finding findings[FINDINGS_MAX];
static int n_findings;

/* ---- the world ---- */

static int tool(void *arg, const char *const argv[], const char *input, char *out, size_t len,
		char *error)
{
	char line[512] = "";

	for (; *argv; argv++)
		strcat(strcat(line, line[0] ? " " : ""), *argv);
	error[0] = '\0';
	for (int i = n_answers - 1; i >= 0; i--) { /* the latest counts */
		if (strncmp(line, answers[i].command, strlen(answers[i].command)) != 0)
			continue;
		if (out)
			snprintf(out, len, "%s", answers[i].output);
		return answers[i].status;
	}
	strcpy(error, "not installed");
	return -ENOENT;
}

static int reach(void *arg, const struct ip_addr *a, uint16_t port)
{
	return reach_result;
}

static const struct world world = {.root = root, .tool = tool, .reach = reach};

static void say(const char *command, int status, const char *output)
{
	answers[n_answers++] = (struct answer){command, status, output};
}

/* file() - write @text to @path below the root. */
static void file(const char *path, const char *text)
{
	char full[256];
	FILE *f;

	snprintf(full, sizeof(full), "%s%s", root, path);
	for (char *p = strchr(full + strlen(root) + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		mkdir(full, 0755);
		*p = '/';
	}
	f = fopen(full, "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

static void no_file(const char *path)
{
	char full[256];

	snprintf(full, sizeof(full), "%s%s", root, path);
	ck_assert_int_eq(unlink(full), 0);
}

#define QUEUES "/proc/net/netfilter/nfnetlink_queue"
#define SYSCTL "/proc/sys/net/"
#define IPV4_OK                                                                                  \
	"-P PREROUTING ACCEPT\n-P OUTPUT ACCEPT\n-N TCPGUARD_PRE\n"                              \
	"-A PREROUTING -j TCPGUARD_PRE\n-A OUTPUT -j TCPGUARD_OUT\n"                             \
	"-A TCPGUARD_PRE -d 192.0.2.10/32 -p tcp -m tcp --dport 80 -j NFQUEUE --queue-num 100\n" \
	"-A TCPGUARD_OUT -s 192.0.2.10/32 -p tcp -m tcp --sport 80 -j NFQUEUE --queue-num 100\n"

/* a_healthy_host() - a server with the guard on it, where nothing is wrong. */
static void a_healthy_host(void)
{
	strcpy(root, "/tmp/test_doctor.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
	n_answers = n_findings = reach_result = 0;
	file(QUEUES, "  100   4242     0 2 65531     0     0      12  1\n"
		     "  101   4243     0 2 65531     0     0       0  1\n"
		     "  102   4244     0 2 65531     0     0       0  1\n");
	file(SYSCTL "ipv4/tcp_syncookies", "1\n");
	file(SYSCTL "core/somaxconn", "4096\n");
	file(SYSCTL "ipv4/ip_forward", "0\n");
	file(SYSCTL "ipv4/conf/all/rp_filter", "1\n");
	file(SYSCTL "netfilter/nf_conntrack_tcp_loose", "1\n");
	file("/proc/4242/status", "Name:\ttcpguardd\nUid:\t998\t998\t998\t998\n"
				  "CapEff:\t0000000000003001\nNoNewPrivs:\t1\nSeccomp:\t2\n");
	file("/etc/passwd", "root:x:0:0::/root:/bin/sh\ntcpguard:x:998:998::/:/bin/false\n");
	file("/lib/systemd/system/tcpguard.service", "[Unit]\n");
	file("/var/lib/tcpguard/baselines.json", "{}");
	say("systemctl is-enabled", 0, "enabled\n");
	say("nft -c", 1, "");
	say("nft list", 1, "");
	say("iptables -V", 0, "iptables v1.8.9 (nf_tables)\n");
	say("iptables -w 1 -t raw", 0, IPV4_OK);
	say("iptables -w 1 -t nat", 0, "-P PREROUTING ACCEPT\n");
	say("ip -o addr", 0,
	    "1: lo    inet 127.0.0.1/8 scope host lo\n"
	    "2: eth0    inet 192.0.2.10/24 brd 192.0.2.255 scope global eth0\n");
	say("ip -d -o link", 0,
	    "1: lo: <LOOPBACK,UP> mtu 65536 gso_max_size 65536 gro_max_size 65536\n"
	    "2: eth0@if3: <UP> mtu 1500 gso_max_size 65536 gso_max_segs 1 gro_max_size 65536\n");
	say("ip -4 -o route show default", 0, "default via 198.51.100.254 dev eth1\n");
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	return remove(path);
}

static void the_end(void)
{
	nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void collect(void *arg, const struct finding *f)
{
	ck_assert_int_lt(n_findings, FINDINGS_MAX);
	findings[n_findings++] = *f;
}

static const struct patient runs = {
	.runs = true, .pid = 4242, .firewall = "iptables", .workers = 1};

/* examine() - the configuration @text in this world; NULL: one that cannot be used. */
static void examine(const char *text, struct patient patient)
{
	struct doctor d = {.world = &world,
			   .conf_path = "/etc/tcpguard/tcpguard.conf",
			   .privileged = true,
			   .patient = patient,
			   .report = collect};
	struct conf *c = NULL;

	if (text)
		ck_assert_int_eq(conf_parse(text, strlen(text), "f", &c, NULL, NULL), 0);
	d.conf = c;
	n_findings = 0;
	ck_assert_int_eq(doctor_examine(&d), 0);
	conf_free(c);
}

#define WEB "workers = 1\nservice web { listen = \"192.0.2.10:80\" }"

/* worst() - of all findings. */
static enum finding_level worst(void)
{
	enum finding_level level = FINDING_OK;

	for (int i = 0; i < n_findings; i++)
		level = findings[i].level > level ? findings[i].level : level;
	return level;
}

/* expect() - there is this finding; @command: NULL if that does not matter. */
static void expect(const char *check, enum finding_level level, const char *text,
		   const char *command)
{
	for (int i = 0; i < n_findings; i++) {
		const struct finding *f = &findings[i];

		if (strcmp(f->check, check) == 0 && f->level == level && strstr(f->text, text) &&
		    (!command || strcmp(f->command, command) == 0))
			return;
	}
	for (int i = 0; i < n_findings; i++)
		fprintf(stderr, "%s %s: %s [%s]\n", findings[i].check,
			finding_level_name(findings[i].level), findings[i].text,
			findings[i].command);
	ck_abort_msg("no such finding: %s: %s", check, text);
}

/* ---- tests ---- */

START_TEST(a_healthy_host_has_nothing)
{
	examine(WEB, runs);
	ck_assert_int_eq(worst(), FINDING_OK);
	expect("rules", FINDING_OK, "come first", NULL);
	expect("queues", FINDING_OK, "3 queues are served", NULL);
	expect("backend", FINDING_OK, "192.0.2.10:80 answers", NULL);
}
END_TEST

START_TEST(whatever_is_wrong_comes_with_a_command)
{
	no_file(QUEUES);
	n_answers = 0;
	examine(WEB, (struct patient){0});
	for (int i = 0; i < n_findings; i++)
		ck_assert(findings[i].level < FINDING_WARNING || findings[i].command[0]);
	examine(NULL, (struct patient){0});
	for (int i = 0; i < n_findings; i++)
		ck_assert(findings[i].level < FINDING_WARNING || findings[i].command[0]);
}
END_TEST

START_TEST(configuration)
{
	examine(NULL, runs);
	expect("config", FINDING_FAULT, "cannot be used",
	       "tcpguardd -t -c /etc/tcpguard/tcpguard.conf");
	examine("log = info", runs);
	expect("config", FINDING_WARNING, "nothing is guarded",
	       "sudoedit /etc/tcpguard/tcpguard.conf");
}
END_TEST

START_TEST(no_daemon)
{
	say("iptables -w 1 -t raw", 0, "-P PREROUTING ACCEPT\n");
	no_file(QUEUES);
	file(QUEUES, "");
	examine(WEB, (struct patient){0});
	expect("daemon", FINDING_FAULT, "does not run", "systemctl start tcpguard");
	examine(WEB, (struct patient){.refused = true});
	expect("daemon", FINDING_NOTE, "does not speak", "sudo tcpguardctl doctor");
}
END_TEST

START_TEST(what_a_dead_daemon_left)
{
	file(QUEUES, "");
	examine(WEB, (struct patient){0});
	expect("rules", FINDING_WARNING, "packets pass unguarded", "systemctl restart tcpguard");
	examine("on-failure = closed\n" WEB, (struct patient){0});
	expect("rules", FINDING_FAULT, "are dropped", "systemctl restart tcpguard");
}
END_TEST

START_TEST(kernel)
{
	no_file(QUEUES);
	examine(WEB, runs);
	expect("kernel", FINDING_FAULT, "no NFQUEUE", "modprobe nfnetlink_queue");
	say("nft -c", 0, "");
	examine(WEB, runs);
	expect("kernel", FINDING_OK, "nftables has its queue statement", NULL);
	say("nft -c", -ENOENT, "");
	say("iptables -V", -ENOENT, "");
	examine(WEB, runs);
	expect("kernel", FINDING_FAULT, "neither", "apt-get install nftables iptables");
	say("nft -c", 1, "");
	examine("firewall = nftables\n" WEB, runs);
	expect("kernel", FINDING_FAULT, "firewall = nftables", "modprobe nft_queue");
}
END_TEST

START_TEST(sysctls)
{
	file(SYSCTL "ipv4/tcp_syncookies", "0\n");
	file(SYSCTL "core/somaxconn", "64\n");
	file(SYSCTL "netfilter/nf_conntrack_tcp_loose", "0\n");
	file(SYSCTL "netfilter/nf_conntrack_count", "900\n");
	file(SYSCTL "netfilter/nf_conntrack_max", "1000\n");
	examine(WEB, runs);
	expect("sysctl", FINDING_NOTE, "tcp_syncookies is 0",
	       "sysctl -w net.ipv4.tcp_syncookies=1");
	expect("sysctl", FINDING_WARNING, "somaxconn is 64", "sysctl -w net.core.somaxconn=256");
	expect("sysctl", FINDING_WARNING, "tcp_loose is 0",
	       "sysctl -w net.netfilter.nf_conntrack_tcp_loose=1");
	expect("sysctl", FINDING_WARNING, "holds 900 of 1000", NULL);
	file(SYSCTL "ipv4/tcp_syncookies", "2\n");
	examine(WEB, runs);
	expect("sysctl", FINDING_NOTE, "also in calm", "sysctl -w net.ipv4.tcp_syncookies=1");
}
END_TEST

START_TEST(a_gateway_forwards)
{
	const char *const gateway = "workers = 1\nservice web { listen = \"203.0.113.5:80\" }";

	say("ip -o route get 203.0.113.5", 0, "203.0.113.5 dev eth2 src 203.0.113.1 uid 0\n");
	examine(gateway, runs);
	expect("sysctl", FINDING_FAULT, "ip_forward is 0", "sysctl -w net.ipv4.ip_forward=1");
	expect("sysctl", FINDING_NOTE, "rp_filter is 1 on 1 interface (eth0)",
	       "sysctl -w net.ipv4.conf.all.rp_filter=2");
	file(SYSCTL "ipv4/conf/all/rp_filter", "2\n");
	examine(gateway, runs);
	expect("sysctl", FINDING_OK, "rp_filter is 2", NULL);
	file(SYSCTL "ipv4/conf/all/rp_filter", "0\n");
	file(SYSCTL "ipv4/conf/eth0/rp_filter", "1\n");
	examine(gateway, runs);
	expect("sysctl", FINDING_NOTE, "rp_filter is 1 on 1 interface (eth0)", NULL);
	expect("address", FINDING_OK, "203.0.113.5 is behind eth2", NULL);
	say("ip -o route get 203.0.113.5", 0, "203.0.113.5 dev eth1 src 198.51.100.1 uid 0\n");
	examine(gateway, runs);
	expect("route", FINDING_WARNING, "share an interface", "ip route get 203.0.113.5");
	say("ip -o route get 203.0.113.5", 0, "203.0.113.5 via 198.51.100.254 dev eth1 uid 0\n");
	examine(gateway, runs);
	expect("address", FINDING_WARNING, "is the default route", "ip route get 203.0.113.5");
	say("ip -o route get 203.0.113.5", 2, "");
	examine(gateway, runs);
	expect("address", FINDING_FAULT, "no route to it", "ip route get 203.0.113.5");
}
END_TEST

START_TEST(placement_and_addresses)
{
	examine("placement = gateway\n" WEB, runs);
	expect("address", FINDING_WARNING, "placement = gateway", NULL);
	examine("placement = host\nworkers = 1\nservice web { listen = \"192.0.2.11:80\" }", runs);
	expect("address", FINDING_WARNING, "192.0.2.11 is no address", NULL);
}
END_TEST

START_TEST(offloads)
{
	say("ip -d -o link", 0, "2: eth0: <UP> gso_max_size 196608 gro_max_size 65536\n");
	examine(WEB, runs);
	expect("offload", FINDING_WARNING, "BIG TCP",
	       "ip link set dev eth0 gso_max_size 65536 gro_max_size 65536");
	say("ip -d -o link", 0, "2: eth0: <UP> gso_max_size 65536 gro_max_size 65536\n");
	say("ethtool -k eth0", 0, "large-receive-offload: on\n");
	examine("workers = 1\nservice web { listen = \"203.0.113.5:80\" }", runs);
	expect("offload", FINDING_WARNING, "LRO", "ethtool -K eth0 lro off");
}
END_TEST

START_TEST(rules)
{
	say("iptables -w 1 -t raw", 0,
	    "-A PREROUTING -p udp -j ACCEPT\n-A PREROUTING -p tcp -j LOG\n" IPV4_OK);
	examine(WEB, runs);
	expect("rules", FINDING_WARNING, "1 rule stands before",
	       "iptables -t raw -D PREROUTING -p udp -j ACCEPT");
	say("iptables -w 1 -t raw", 0, "-A OUTPUT -p tcp -m mark --mark 0x7 -j RETURN\n" IPV4_OK);
	examine(WEB, runs);
	expect("rules", FINDING_WARNING, "1 rule stands before the guard's own in OUTPUT",
	       "iptables -t raw -D OUTPUT -p tcp -m mark --mark 0x7 -j RETURN");
	say("iptables -w 1 -t raw", 0, "-A PREROUTING -s 203.0.113.7/32 -j DROP\n" IPV4_OK);
	examine(WEB, runs);
	expect("rules", FINDING_NOTE, "1 rule drops packets in front", NULL);
	ck_assert_int_eq(worst(), FINDING_NOTE);
	examine("workers = 1\nservice web { listen = { \"192.0.2.10:80\", \"192.0.2.0/24:81\" } }",
		runs);
	expect("rules", FINDING_FAULT, "1 listen has no firewall rule, the first is 192.0.2.0",
	       "tcpguardctl config reload");
	say("iptables -w 1 -t raw", 0, "-P PREROUTING ACCEPT\n");
	examine(WEB, runs);
	expect("rules", FINDING_FAULT, "nothing in PREROUTING", "tcpguardctl config reload");
	say("iptables -w 1 -t nat", 0,
	    "-A PREROUTING -d 192.0.2.10/32 -p tcp -j DNAT --to-destination 10.0.0.1\n");
	examine(WEB, runs);
	expect("rules", FINDING_WARNING, "NAT for 192.0.2.10", "iptables -t nat -S");
}
END_TEST

START_TEST(rules_that_the_daemon_misses)
{
	struct patient p = runs;

	strcpy(p.rules_missing, "the table is gone");
	examine(WEB, p);
	expect("rules", FINDING_WARNING, "the table is gone", "tcpguardctl config reload");
}
END_TEST

START_TEST(the_device_of_the_terminate_engine)
{
	const char *const ends = "workers = 1\n"
				 "service web { listen = \"192.0.2.10:80\" engine = terminate }";

	examine(ends, runs);
	expect("kernel", FINDING_WARNING, "no /dev/net/tun", "modprobe tun");
	file("/dev/net/tun", "");
	examine(ends, runs);
	ck_assert_int_eq(worst(), FINDING_OK);
}
END_TEST

START_TEST(rules_of_nftables)
{
	struct patient p = runs;

	strcpy(p.firewall, "nftables");
	examine(WEB, p);
	expect("rules", FINDING_FAULT, "cannot be read", "tcpguardctl config reload");
	say("nft list table inet tcpguard", 0,
	    "table inet tcpguard {\n\tchain pre {\n"
	    "\t\tip daddr 192.0.2.10 tcp dport { 80 } queue num 100 bypass\n\t}\n\tchain out {\n"
	    "\t\tip saddr 192.0.2.10 tcp sport { 80 } queue num 100 bypass\n\t}\n}\n");
	examine(WEB, p);
	expect("rules", FINDING_OK, "every listen", NULL);
	examine("workers = 1\nservice web { listen = \"[fd00::10]:80\" }", p);
	expect("rules", FINDING_FAULT, "the first is fd00::10", NULL);
}
END_TEST

START_TEST(queues)
{
	file(QUEUES, "  100   4242  600 2 65531     7     9      12  1\n");
	examine(WEB, runs);
	expect("queues", FINDING_WARNING, "dropped 7 packets because it was full and 9", NULL);
	expect("queues", FINDING_WARNING, "600 packets wait", NULL);
	expect("queues", FINDING_FAULT, "2 of the 3 queues from number 100",
	       "systemctl restart tcpguard");
	examine(WEB, (struct patient){0});
	expect("queues", FINDING_FAULT, "used by another program", NULL);
	file(QUEUES, "nonsense\n100\n  5 6 7\n");
	examine(WEB, runs);
	expect("queues", FINDING_FAULT, "3 of the 3", NULL);
}
END_TEST

START_TEST(privileges)
{
	file("/proc/4242/status", "Name:\tx\nUid:\t0\t0\t0\t0\nCapEff:\t000001ffffffffff\n"
				  "NoNewPrivs:\t0\nSeccomp:\t0\n");
	file("/etc/passwd", "root:x:0:0::/root:/bin/sh\n");
	say("systemctl is-enabled", 1, "disabled\n");
	examine(WEB, runs);
	expect("privileges", FINDING_WARNING, "more capabilities", NULL);
	expect("privileges", FINDING_WARNING, "without a system call filter", NULL);
	expect("privileges", FINDING_NOTE, "runs as root", NULL);
	expect("privileges", FINDING_FAULT, "no user tcpguard", "systemd-sysusers");
	expect("daemon", FINDING_NOTE, "does not start at boot", "systemctl enable tcpguard");
	file("/proc/4242/status", "Name:\tx\nUid:\t0\t0\t0\t0\nCapEff:\t0\nSeccomp:\t2\n");
	examine(WEB, runs);
	expect("privileges", FINDING_FAULT, "no CAP_NET_ADMIN", NULL);
}
END_TEST

START_TEST(state)
{
	char dir[128];

	snprintf(dir, sizeof(dir), "%s/var/lib/tcpguard", root);
	chmod(dir, 0777);
	examine(WEB, runs);
	expect("state", FINDING_WARNING, "everybody may write", "chmod o-w /var/lib/tcpguard");
	file("/run/tcpguard/x", "");
	snprintf(dir, sizeof(dir), "%s/run/tcpguard", root);
	chmod(dir, 0777);
	examine(WEB, runs);
	expect("privileges", FINDING_WARNING, "place of the control socket",
	       "chmod o-w /run/tcpguard");
	chmod(dir, 01777);
	no_file("/var/lib/tcpguard/baselines.json");
	snprintf(dir, sizeof(dir), "%s/var/lib/tcpguard", root);
	rmdir(dir);
	examine(WEB, runs);
	expect("state", FINDING_WARNING, "is no directory", "mkdir -m 750 /var/lib/tcpguard");
}
END_TEST

START_TEST(backends)
{
	reach_result = -ECONNREFUSED;
	examine(WEB, runs);
	expect("backend", FINDING_WARNING, "nothing listens on 192.0.2.10:80",
	       "ss -ltn 'sport = :80'");
	reach_result = -ETIMEDOUT;
	examine(WEB, runs);
	expect("backend", FINDING_WARNING, "no answer", "ip route get 192.0.2.10");
	examine("workers = 1\nservice web { listen = \"192.0.2.0/24:80\" }", runs);
	expect("backend", FINDING_NOTE, "1 listen was not tried", NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("doctor");
	TCase *tc = tcase_create("doctor");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, a_healthy_host, the_end);
	tcase_add_test(tc, a_healthy_host_has_nothing);
	tcase_add_test(tc, whatever_is_wrong_comes_with_a_command);
	tcase_add_test(tc, configuration);
	tcase_add_test(tc, no_daemon);
	tcase_add_test(tc, what_a_dead_daemon_left);
	tcase_add_test(tc, kernel);
	tcase_add_test(tc, sysctls);
	tcase_add_test(tc, a_gateway_forwards);
	tcase_add_test(tc, placement_and_addresses);
	tcase_add_test(tc, offloads);
	tcase_add_test(tc, rules);
	tcase_add_test(tc, rules_that_the_daemon_misses);
	tcase_add_test(tc, the_device_of_the_terminate_engine);
	tcase_add_test(tc, rules_of_nftables);
	tcase_add_test(tc, queues);
	tcase_add_test(tc, privileges);
	tcase_add_test(tc, state);
	tcase_add_test(tc, backends);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
