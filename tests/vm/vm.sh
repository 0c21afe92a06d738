#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: vm.sh BUILD_DIR [TEST...]      this is `make check-vm`
#
# Boots Debian's kernels in QEMU, without help from the processor, and runs there what the kernel at
# hand may lack: nft's queue statement, netem, limits of memory, the unit under a real systemd. The names
# of tests are those of guest.sh; without any, all run.
#
#	TCPGUARD_KERNELS="6.1 6.12"	the series of kernels
#	TCPGUARD_CACHE=DIR		for kernels and the root, BUILD_DIR/vm-cache if not set; 1 GB
#	TCPGUARD_DEB=FILE		take a package that is built already
#	TCPGUARD_KEEP=yes		keep what the machines said
set -u

build=$(cd "${1:?usage: vm.sh BUILD_DIR [TEST...]}" && pwd) || exit 99
shift
TCPGUARD_CACHE=${TCPGUARD_CACHE:-$build/vm-cache}
# shellcheck disable=SC2034 # for root.sh
ROOT_MORE=udev,kmod,libsubunit0,nginx-light,curl,wrk,tcpdump,ethtool,python3,python3-scapy
# shellcheck source=tests/package/root.sh
. "$(dirname "$0")/../package/root.sh"
# shellcheck source=tests/vm/image.sh
. "$(dirname "$0")/image.sh"

readonly LIMIT_SECONDS=${TCPGUARD_VM_SECONDS:-7200} # of one machine, boot to power-off
qemu=
summary=()

leave() {
	local status=$?

	stop_machine
	(exit $status)
	close_root
}

trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

stop_machine() {
	[ -n "$qemu" ] || return 0
	kill -KILL "$qemu" 2>/dev/null
	wait "$qemu" 2>/dev/null
	qemu=
}

# machine() - start one with the kernel in $kernel; what it says goes to $tmp/console, results to
# $tmp/results. The rest: names of tests
machine() {
	local names=$*

	initramfs "$kernel" "$tmp/initrd"
	: >"$tmp/results"
	TMPDIR=$tmp qemu-system-x86_64 -machine q35,accel=tcg -cpu max -smp 2 -m 2048 -nodefaults \
		-display none -no-reboot -nic none -kernel "$kernel/vmlinuz" -initrd "$tmp/initrd" \
		-append "console=ttyS0 quiet panic=1 systemd.mask=serial-getty@ttyS0.service tcpguard.tests=${names// /,}" \
		-serial "file:$tmp/console" -serial "file:$tmp/results" \
		-drive "file=$root,format=raw,if=virtio,snapshot=on" \
		-drive "file=$kernel/modules.img,format=raw,if=virtio,readonly=on" \
		-drive "file=$work,format=raw,if=virtio,readonly=on" \
		</dev/null >"$tmp/qemu.log" 2>&1 &
	qemu=$!
}

# told() - one line of the results; counts what is so and what is not.
told() {
	local line=$1

	case $line in
	'# begin '*) name=${line#\# begin } ;;
	'# end '*)
		ended "${line#\# end }"
		return
		;;
	'# done') complete=yes ;;
	'ok '*)
		checks=$((checks + 1))
		here=$((here + 1))
		;;
	'not ok '* | 'FAIL '*)
		checks=$((checks + 1))
		here=$((here + 1))
		failed=$((failed + 1))
		failed_here=$((failed_here + 1))
		;;
	esac
	say "$series ${name:+$name: }$line"
}

# ended() - $1: name, exit status and seconds of a test. A status that no check explains is a failure.
ended() {
	local status seconds result=passed

	read -r name status seconds <<<"$1"
	case $status in
	0) ;;
	77) result=skipped ;;
	*)
		result=FAILED
		if [ $failed_here = 0 ]; then
			say "$series $name: FAIL - it ended with status $status$([ "$status" != 124 ] || echo ', which is too late')"
			failed=$((failed + 1))
		fi
		;;
	esac
	summary+=("$(printf '%-6s %-12s %4d checks %3d failed %5d s  %s' "$series" "$name" $here $failed_here "$seconds" $result)")
	name='' here=0 failed_here=0
}

# follow() - tell what the machine says until it ends.
follow() {
	local deadline=$((SECONDS + LIMIT_SECONDS)) part rest='' alive=yes

	name='' here=0 failed_here=0 complete=
	while [ $alive = yes ]; do
		kill -0 "$qemu" 2>/dev/null || alive=no
		while IFS= read -r -u 3 part; do
			part=$rest$part rest=
			told "${part%$'\r'}"
		done
		rest=$rest$part
		[ $SECONDS -lt $deadline ] || break
		sleep 0.3
	done 3<"$tmp/results"
	stop_machine
}

one_kernel() {
	local began=$SECONDS

	if ! kernel_dir "$series"; then
		say "# $series: $why"
		skipped=$((skipped + 1))
		return
	fi
	say "# ${kernel##*/}"
	machine "$@"
	follow
	if [ -z "$complete" ]; then
		say "$series FAIL - the machine did not come to the end; its last words:"
		tail -n 15 "$tmp/console" | sed 's/^/  | /'
		cat "$tmp/qemu.log"
		failed=$((failed + 1))
	fi
	[ -z "${TCPGUARD_KEEP:-}" ] || cp "$tmp/console" "$tmp/console-$series"
	say "# $series: $((SECONDS - began)) s"
}

need_root qemu-system-x86_64 busybox cpio mke2fs depmod modprobe apt-get xz
[ "$(dpkg --print-architecture)" = amd64 ] || skip 'the kernels and the root are those of amd64'
the_package "$build"
root_image
work_image "$build"
skipped=0
kernels=0
for series in ${TCPGUARD_KERNELS:-6.1 6.12}; do
	kernels=$((kernels + 1))
	one_kernel "$@"
done
say '# summary'
[ ${#summary[@]} = 0 ] || printf '%s\n' "${summary[@]}"
[ $skipped -lt $kernels ] || skip 'no kernel could be had'
finish
