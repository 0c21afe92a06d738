#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What runs in the virtual machine: tests one after the other, with a limit of time each, what they say
# going to the second serial port. vm.sh reads that.
set -u

exec >/dev/ttyS1 2>&1 </dev/null
stty -F /dev/ttyS1 raw -echo
export BUILD_DIR=/opt/build abs_top_srcdir=/opt/source abs_top_builddir=/opt/build TMPDIR=/var/tmp
# An emulated processor is slow, and how fast this goes is no question here.
export LAB_SLOW=5 TERMINATE_BYTES=5000000 LAB_KILLS=5 LAB_CONNECTIONS=20 LAB_STALL_MS=8000
tests=/opt/source/tests
wanted=$(sed -n 's/.*tcpguard\.tests=\([^ ]*\).*/\1/p' /proc/cmdline)
cd "$BUILD_DIR" || exit

# run() - $1: name, $2: seconds, the rest: the command
run() {
	local name=$1 limit=$2 began=$SECONDS status

	shift 2
	[ -z "$wanted" ] || [[ ,$wanted, == *,$name,* ]] || return 0
	echo "# begin $name"
	timeout -k 10 "$limit" "$@"
	status=$?
	echo "# end $name $status $((SECONDS - began))"
}

# The first use of each would load them; that takes longer here than the daemon waits for its tools.
modprobe -qa nft_queue nfnetlink_queue nft_fib_inet nft_ct nft_counter nft_log nft_compat veth tun sch_netem xt_NFQUEUE \
	xt_mark xt_CT xt_tcpudp xt_multiport ipt_rpfilter ip6t_rpfilter iptable_raw ip6table_raw xt_conntrack
sysctl -qw kernel.printk='3 4 1 3'
echo "# $(uname -r), up after $(cut -d' ' -f1 /proc/uptime) s"
run nft 900 "$tests/vm/nft.sh"
run flood 600 "$tests/vm/flood.sh"
run netem 1500 "$tests/vm/netem.sh"
for test in calm relay terminate rules restart lifecycle forged placement down doctor; do
	run $test 900 "$tests/lab/$test.sh"
done
for test in rules conntrack retire rp_filter large; do
	run datapath/$test 600 "$tests/datapath/$test.sh"
done
for test in nfqueue output kernel_set tool; do
	run program/$test 300 "$BUILD_DIR/tests/datapath/test_$test"
done
run program/sandbox 300 "$BUILD_DIR/tests/daemon/test_sandbox"
run unit 900 "$tests/vm/unit.sh"
run kernel 20 "$tests/vm/kernel.sh"
echo '# done'
