/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/sandbox.h"

#include <cap-ng.h>
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/types.h"

/*
 * By name, because not every architecture and not every libseccomp knows all of them; what is not known
 * cannot be called for anything that matters, or is covered by the number that replaced it.
 */
static const char *const denied_at_start[] = {
	/* other processes */
	"process_vm_readv", "process_vm_writev", "process_madvise", "kcmp", "pidfd_getfd",
	/* the file tree, namespaces; clone() and clone3() are below */
	"mount", "umount", "umount2", "pivot_root", "chroot", "fsopen", "fsconfig", "fsmount",
	"fspick", "move_mount", "open_tree", "mount_setattr", "setns", "unshare", "quotactl",
	"quotactl_fd", "open_by_handle_at", "fanotify_init",
	/* the machine */
	"reboot", "kexec_load", "kexec_file_load", "swapon", "swapoff", "acct", "syslog", "iopl",
	"ioperm", "settimeofday", "stime", "clock_settime", "clock_settime64", "clock_adjtime",
	"clock_adjtime64", "adjtimex", "sethostname", "setdomainname", "vhangup",
	/* parts of the kernel that have let attackers in and that nobody here uses */
	"bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter",
	"io_uring_register", "keyctl", "add_key", "request_key", "lookup_dcookie", "nfsservctl",
	"uselib", "sysfs", "_sysctl", "modify_ldt", "vm86", "vm86old", "personality", "move_pages",
	"migrate_pages", NULL};

/* iptables-legacy loads modules when the rules are installed; after that, nobody does. */
static const char *const denied_to_serve[] = {"init_module", "finit_module", "delete_module", NULL};

/* The loop, its sockets, memory, locks, time; what the C library does by itself. */
/* clang-format off */
static const char *const allowed_for_packets[] = {
	"recvmmsg", "recvmmsg_time64", "recvmsg", "recvfrom", "sendmmsg", "sendmsg", "sendto",
	"read", "readv", "write", "writev", "epoll_wait", "epoll_pwait", "epoll_pwait2",
	"epoll_ctl", "poll", "ppoll", "ppoll_time64", "select", "pselect6", "ioctl", "getsockopt",
	"setsockopt", "close", "fcntl", "fstat", "newfstatat", "lseek", "pread64", "futex",
	"futex_time64", "sched_yield", "nanosleep", "clock_nanosleep", "clock_nanosleep_time64",
	"clock_gettime", "clock_gettime64", "clock_getres", "gettimeofday", "time",
	"timerfd_settime", "timerfd_settime64", "getrandom", "getpid", "gettid", "getcpu",
	"sched_getaffinity", "munmap", "mremap", "madvise", "brk", "rt_sigprocmask",
	"rt_sigreturn", "sigreturn", "rt_sigaction", "tgkill", "restart_syscall", "rseq",
	"set_robust_list", "membarrier", "exit", "exit_group", NULL,
};
/* clang-format on */

/*
 * Whatever asks for these on a worker's thread is not our code any more. Not so for open() and prctl():
 * malloc looks at /proc before it gives memory back, and may name what it maps; it takes a no.
 */
/* clang-format off */
static const char *const fatal_for_packets[] = {
	"execve", "execveat", "fork", "vfork", "clone", "clone3", "socket", "connect", "bind",
	"setuid", "setgid", "setresuid", "setresgid",
	"capset", "chmod", "fchmodat", "chown", "fchownat", "unlink", "unlinkat", "rename",
	"renameat2", "kill", "pidfd_open", "pidfd_send_signal", "seccomp", NULL,
};
/* clang-format on */

/* add() - @action for all of @names that are known here. Return: 0 or a negative errno. */
static int add(scmp_filter_ctx f, uint32_t action, const char *const *names)
{
	for (; *names; names++) {
		int number = seccomp_syscall_resolve_name(*names);
		int rc = number == __NR_SCMP_ERROR ? 0 : seccomp_rule_add(f, action, number, 0);

		if (rc < 0 && rc != -EDOM)
			return rc;
	}
	return 0;
}

/* fill_start() - namespaces are asked of clone() by flags; clone3() hides its own, so it is not there. */
static int fill_start(scmp_filter_ctx f)
{
	static const int flags[] = {CLONE_NEWNS,  CLONE_NEWUTS, CLONE_NEWIPC,	CLONE_NEWUSER,
				    CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWCGROUP};
	int rc = add(f, SCMP_ACT_ERRNO(EPERM), denied_at_start);

	if (rc == 0 && !SANDBOX_SANITIZED)
		rc = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ptrace), 0);

	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(flags); i++)
		rc = seccomp_rule_add(
			f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
			SCMP_A0_64(SCMP_CMP_MASKED_EQ, (uint64_t)flags[i], (uint64_t)flags[i]));
	if (rc == 0)
		rc = seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	return rc;
}

static int fill_serve(scmp_filter_ctx f)
{
	return add(f, SCMP_ACT_ERRNO(EPERM), denied_to_serve);
}

/* fill_packets() - memory that is mapped or changed must not become executable. */
static int fill_packets(scmp_filter_ctx f)
{
	static const char *const memory[] = {"mmap", "mmap2", "mprotect"};
	int rc = add(f, SCMP_ACT_ALLOW, allowed_for_packets);

	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(memory); i++) {
		int number = seccomp_syscall_resolve_name(memory[i]);

		rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, number, 1,
				      SCMP_A2_64(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
		if (rc == -EDOM)
			rc = 0;
	}
	return rc == 0 ? add(f, SCMP_ACT_KILL_PROCESS, fatal_for_packets) : rc;
}

static const struct stage {
	const char *name;
	int (*fill)(scmp_filter_ctx f);
	uint32_t otherwise; /* for what the filter does not name */
	bool cut; /* the capabilities to those in @keep */
	int keep[4]; /* -1: no more */
} stages[SANDBOX_STAGES] = {
	[SANDBOX_START] = {"start", fill_start, SCMP_ACT_ALLOW, false, {-1}},
	/*
	 * CAP_CHOWN gives the control socket to its group, again after an upgrade in place.
	 * CAP_DAC_OVERRIDE is there only if root has started the daemon by hand.
	 */
	[SANDBOX_SERVE] = {"serve",
			   fill_serve,
			   SCMP_ACT_ALLOW,
			   true,
			   {CAP_NET_ADMIN, CAP_NET_RAW, CAP_CHOWN, CAP_DAC_OVERRIDE}},
	/* Each verdict is checked for it. */
	[SANDBOX_PACKETS] =
		{"packets", fill_packets, SCMP_ACT_ERRNO(EPERM), true, {CAP_NET_ADMIN, -1, -1, -1}},
};

const char *sandbox_name(enum sandbox_stage stage)
{
	return stages[stage].name;
}

static bool keeps(const struct stage *s, int cap)
{
	for (size_t i = 0; i < ARRAY_SIZE(s->keep) && s->keep[i] >= 0; i++) {
		if (s->keep[i] == cap)
			return true;
	}
	return false;
}

/* cut_capabilities() - the calling thread's, to what @s keeps; nothing is added. */
static int cut_capabilities(const struct stage *s)
{
	if (capng_get_caps_process() < 0)
		return -EPERM;
	for (int cap = 0; cap <= CAP_LAST_CAP; cap++) {
		if (keeps(s, cap))
			continue;
		capng_update(CAPNG_DROP, CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_INHERITABLE,
			     (unsigned)cap);
	}
	return capng_apply(CAPNG_SELECT_CAPS) < 0 ? -EPERM : 0;
}

/* load_filter() - Return: 0 or a negative errno. */
static int load_filter(const struct stage *s)
{
	scmp_filter_ctx f = seccomp_init(s->otherwise);
	int rc;

	if (!f)
		return -ENOMEM;
	seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree instead of a list */
	/* The mitigation slows down every instruction of a process that runs no foreign code. */
	seccomp_attr_set(f, SCMP_FLTATR_CTL_SSB, 1);
	rc = s->fill(f);
	if (rc == 0)
		rc = seccomp_load(f);
	seccomp_release(f);
	return rc;
}

int sandbox_enter(enum sandbox_stage stage, char *why, size_t why_len)
{
	const struct stage *s = &stages[stage];
	int rc = 0, filter;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		rc = -errno;
	else if (s->cut)
		rc = cut_capabilities(s);
	filter = SANDBOX_SANITIZED && stage == SANDBOX_PACKETS ? 0 : load_filter(s);
	if (rc < 0)
		snprintf(why, why_len, "stage %s of the sandbox: cannot give up privileges: %s",
			 s->name, strerror(-rc));
	else if (filter < 0)
		snprintf(why, why_len,
			 "stage %s of the sandbox: the kernel takes no system call filter: %s",
			 s->name, strerror(-filter));
	return rc < 0 ? rc : filter;
}
