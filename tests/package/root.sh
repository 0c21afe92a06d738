# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# A small Debian to install the package in. It is made once by debootstrap, from where this machine gets
# its own packages, and kept in $TCPGUARD_CACHE (/var/cache/tcpguard-tests); everything else happens in
# an overlay that goes away in every exit path. Who reads this file has called need_root() first.
#
# The results are those of automake: 77 is skipped, 99 is broken.
set -u

readonly ROOT_SUITE=bookworm
# The package's own dependencies are in it, so that nothing is fetched later.
# ROOT_MORE: what else somebody needs, after a comma
readonly ROOT_PACKAGES=systemd,systemd-sysv,dbus,iproute2,iptables,nftables,procps,bash-completion,libevent-core-2.1-7,libevent-extra-2.1-7,libevent-pthreads-2.1-7,libnetfilter-queue1,libmnl0,libconfuse2,libjansson4,libncursesw6,libpcap0.8,libsystemd0,libcap-ng0,libseccomp2${ROOT_MORE:+,$ROOT_MORE}

source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cache=${TCPGUARD_CACHE:-/var/cache/tcpguard-tests}
checks=0
failed=0
tmp=

say() { printf '%s\n' "$*"; }

skip() {
	say "SKIP: $*"
	exit 77
}

broken() {
	say "error: $*" >&2
	exit 99
}

# expect() - $1: what; the rest: a command that must succeed
expect() {
	local what=$1 output

	shift
	checks=$((checks + 1))
	if output=$("$@" 2>&1); then
		say "ok $checks - $what"
	else
		say "FAIL $checks - $what: $*"
		[ -z "$output" ] || printf '%s\n' "$output" | tail -n 20 | sed 's/^/  | /'
		failed=$((failed + 1))
	fi
}

not() { ! "$@"; }

# wait_until() - $1: seconds; the rest: a command that must succeed by then
wait_until() {
	local end=$((SECONDS + $1))

	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.1
	done
}

need_root() {
	local program

	PATH=$PATH:/usr/sbin:/sbin
	[ "$(id -u)" = 0 ] || skip 'this needs root'
	for program in debootstrap dpkg-buildpackage "$@"; do
		command -v "$program" >/dev/null || skip "there is no $program here"
	done
	tmp=$(mktemp -d "${TMPDIR:-/tmp}/tcpguard-package.XXXXXX") || exit 99
	chmod 755 "$tmp"
}

# mirror() - where this machine gets Debian from.
mirror() {
	apt-get indextargets --format '$(CODENAME) $(SITE)' 'Created-By: Packages' 2>/dev/null |
		awk -v suite=$ROOT_SUITE '$1 == suite { print $2; exit }'
}

# base_root() - print the directory of the cached root, which nobody writes to.
base_root() {
	local key root from

	key=$(printf '%s' "$ROOT_SUITE $ROOT_PACKAGES" | sha256sum | cut -c 1-12)
	root=$cache/root-$key
	if [ ! -d "$root" ]; then
		from=$(mirror)
		[ -n "$from" ] || skip "apt knows no source of Debian $ROOT_SUITE"
		mkdir -p "$cache" || exit 99
		say "making $root; this takes a minute, once" >&2
		rm -rf "$root.$$"
		if ! debootstrap --variant=minbase --include="$ROOT_PACKAGES" $ROOT_SUITE "$root.$$" \
			"$from" >"$tmp/debootstrap.log" 2>&1; then
			tail -n 5 "$tmp/debootstrap.log" >&2
			rm -rf "$root.$$"
			skip 'debootstrap failed; its last words are above'
		fi
		mv -T "$root.$$" "$root" 2>/dev/null || rm -rf "$root.$$" # somebody was faster
	fi
	printf '%s' "$root"
}

# open_root() - mount a root of our own at $tmp/root. It is this script's mount namespace that has it.
open_root() {
	local base

	base=$(base_root) || exit
	mkdir -p "$tmp/upper" "$tmp/work" "$tmp/root"
	mount -t overlay overlay -o "lowerdir=$base,upperdir=$tmp/upper,workdir=$tmp/work" \
		"$tmp/root" || broken 'cannot mount an overlay'
	rm -rf "$tmp"/root/etc/systemd/system/*.wants
	: >"$tmp/root/etc/machine-id"
	mount -t proc proc "$tmp/root/proc" || broken 'cannot mount /proc'
	[ -e "$tmp/root/dev/fd" ] || ln -s /proc/self/fd "$tmp/root/dev/fd"
}

close_root() {
	local status=$?

	trap - EXIT
	umount -R "$tmp/root" 2>/dev/null
	if [ -n "${TCPGUARD_KEEP:-}" ]; then
		say "everything is kept in $tmp"
	else
		rm -rf "$tmp"
	fi
	exit $status
}

# in_root() - a command in the root that is not booted.
in_root() {
	chroot "$tmp/root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
		DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 "$@"
}

# build_package() - make the packages in $tmp from what `make dist` packs. $1: build directory
build_package() {
	local archive version

	version=$("$source_dir/m4/version.sh")
	archive=$1/tcpguard-$version.tar.xz
	make -C "$1" -s --no-print-directory dist >"$tmp/dist.log" 2>&1 || broken "make dist: $(tail -n 3 "$tmp/dist.log")"
	mkdir "$tmp/src"
	tar -C "$tmp/src" -xf "$archive" || exit 99
	if ! (cd "$tmp/src/tcpguard-$version" && CC="${CC:-gcc}" \
		DEB_BUILD_OPTIONS="${DEB_BUILD_OPTIONS:-nocheck parallel=2}" \
		dpkg-buildpackage -us -uc) >"$tmp/build.log" 2>&1; then
		tail -n 40 "$tmp/build.log"
		broken 'dpkg-buildpackage failed; its last words are above'
	fi
	mv "$tmp"/src/*.deb "$tmp"/src/*.changes "$tmp"/src/*.dsc "$tmp"/src/*.buildinfo \
		"$tmp"/src/*.tar.* "$tmp"
}

# the_package() - the binary package: $TCPGUARD_DEB, or a new one. $1: build directory
the_package() {
	if [ -n "${TCPGUARD_DEB:-}" ]; then
		cp "$TCPGUARD_DEB" "$tmp/tcpguard.deb" || exit 99
	else
		build_package "$1"
		cp "$tmp"/tcpguard_*.deb "$tmp/tcpguard.deb"
	fi
}

finish() {
	say "$checks checks, $failed failed"
	[ $failed = 0 ]
}
