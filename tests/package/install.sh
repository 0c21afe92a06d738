#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: install.sh BUILD_DIR      this is `make check-package`
#
# Builds Debian's package, has lintian look at it, installs, upgrades, removes and purges it in a Debian of
# its own. TCPGUARD_DEB=FILE takes a package that is built already.
set -u
[ "${IN_NAMESPACE:-}" = yes ] || [ "$(id -u)" != 0 ] ||
	IN_NAMESPACE=yes exec unshare --mount --propagation private "$0" "$@"

# shellcheck source=tests/package/root.sh
. "$(dirname "$0")/root.sh"

need_root lintian
trap close_root EXIT
the_package "${1:?usage: install.sh BUILD_DIR}"
open_root

# listing() - what is in the root, with owners and modes; not what dpkg and the password files remember.
listing() {
	(cd "$tmp/root" && find . -xdev \( -path ./var/lib/dpkg -o -path ./var/log -o -path ./var/cache -o \
		-path ./tmp -o -path ./run \) -prune -o -printf '%p %U:%G %m\n') |
		grep -v -E '^\./etc/(passwd|group|shadow|gshadow|subuid|subgid)-? |^\./etc/\.pwd\.lock|^\. |^\./(etc|var/lib|dev) |^\./var/lib/systemd|deb-systemd-helper|^\./dev/null ' |
		sort
}

in_root_has() { [ -e "$tmp/root$1" ]; }
owned_by() { [ "$(stat -c %U:%G "$tmp/root$2" 2>/dev/null)" = "$1" ]; }
config=/etc/tcpguard/tcpguard.conf
wanted=/etc/systemd/system/multi-user.target.wants/tcpguard.service

if [ -z "${TCPGUARD_DEB:-}" ]; then
	expect 'lintian finds no error and warns of nothing' lintian --allow-root --fail-on error,warning \
		"$tmp"/*.changes
fi

say '# install'
listing >"$tmp/before"
cp "$tmp/tcpguard.deb" "$tmp/root/tmp/tcpguard.deb"
expect 'it installs' in_root dpkg -i /tmp/tcpguard.deb
expect 'dpkg finds nothing missing or changed' in_root dpkg --verify tcpguard
expect 'there is a user for the daemon' in_root getent passwd tcpguard
expect 'it cannot log in' in_root sh -c 'getent passwd tcpguard | grep nologin'
expect 'the unit is enabled' test -L "$tmp/root$wanted"
expect 'the unit is right' in_root systemd-analyze verify --man=no tcpguard.service
expect 'the configuration is a conffile' in_root sh -c \
	"dpkg-query -W -f '\${Conffiles}' tcpguard | grep -q $config"
expect 'the configuration guards nothing' in_root sh -c "tcpguardd -t | grep 'nothing is guarded'"
expect 'all libraries are there' in_root sh -c 'tcpguardd -v && tcpguardctl --version'
expect 'both versions are that of the package' in_root sh -c \
	'v=$(dpkg-query -W -f "\${Version}" tcpguard)
	 [ "$(tcpguardd -v)" = "tcpguardd $v" ] && [ "$(tcpguardctl -V)" = "tcpguardctl $v" ]'
for file in /usr/share/man/man8/tcpguardd.8.gz /usr/share/man/man8/tcpguardctl.8.gz \
	/usr/share/man/man5/tcpguard.conf.5.gz /usr/share/bash-completion/completions/tcpguardctl \
	/usr/share/zsh/vendor-completions/_tcpguardctl /usr/share/doc/tcpguard/operations.md.gz \
	/usr/lib/sysusers.d/tcpguard.conf /usr/lib/tmpfiles.d/tcpguard.conf; do
	expect "there is $file" in_root_has "$file"
done
expect 'bash completes commands' in_root bash -c \
	'. /usr/share/bash-completion/bash_completion; _completion_loader tcpguardctl
	 COMP_WORDS=(tcpguardctl stat); COMP_CWORD=1; _tcpguardctl; [ "${COMPREPLY[*]}" = "stats status" ] ||
	 [ "${COMPREPLY[*]}" = "status stats" ]'

say '# upgrade, with a configuration that was changed'
echo '# changed here' >>"$tmp/root$config"
mkdir -p "$tmp/root/var/lib/tcpguard"
echo '{}' >"$tmp/root/var/lib/tcpguard/rules.json"
expect 'it installs over itself' in_root dpkg -i --force-confdef /tmp/tcpguard.deb
expect 'the configuration is as it was' grep -q 'changed here' "$tmp/root$config"

say '# remove'
expect 'it can be removed' in_root dpkg -r tcpguard
expect 'the daemon is gone' not in_root_has /usr/sbin/tcpguardd
expect 'the configuration stays' grep -q 'changed here' "$tmp/root$config"
expect 'so does the state' in_root_has /var/lib/tcpguard/rules.json

say '# purge'
expect 'it can be purged' in_root dpkg -P tcpguard
expect 'the configuration is gone' not in_root_has /etc/tcpguard
expect 'the state is gone' not in_root_has /var/lib/tcpguard
rm -f "$tmp/root/tmp/tcpguard.deb"
listing >"$tmp/after"
expect 'nothing is left' diff "$tmp/before" "$tmp/after"
finish
