# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables for vm.sh, and those of root.sh, which is read before this file
#
# What a virtual machine is made of: Debian's kernels and their modules, as this machine's apt finds
# them, and an image of a Debian; both are kept in the cache. What is tested is in an image of its own.

# disk_image() - make the file $2, of $3 MiB, with everything that is in the directory $1.
disk_image() {
	mke2fs -q -t ext4 -O ^has_journal -d "$1" "$2.$$" "$3M" && mv "$2.$$" "$2" && return
	rm -f "$2.$$"
	broken "cannot make $2"
}

# mib_of() - a size in MiB that is certainly enough for what is in the directory $1.
mib_of() {
	echo $(($(du -sm --apparent-size "$1" | cut -f 1) * 3 / 2 + 32))
}

# kernel_package() - the newest of Debian's cloud kernels of series $1 (6.1) that apt knows.
kernel_package() {
	apt-cache pkgnames "linux-image-$1" 2>/dev/null |
		grep -E "^linux-image-${1//./\\.}\\.[0-9]+[-+][a-z0-9]+-cloud-amd64$" | sort -V | tail -n 1
}

# first_modules() - what it takes to reach the disks, in order, without compression. $1: extracted
# package, $2: version, $3: where to
first_modules() {
	local word file name

	mkdir -p "$3"
	while read -r word file _; do
		[ "$word" = insmod ] || continue
		name=${file##*/}
		case $name in
		*.xz) xz -dc "$file" >"$3/${name%.xz}" ;;
		*.zst) zstd -dqc "$file" >"$3/${name%.zst}" ;;
		*) cp "$file" "$3/$name" ;;
		esac || return 1
		echo "${name%.*z*}" | grep -q '\.ko$' && name=${name%.*z*}
		grep -qxF "$name" "$3/order" 2>/dev/null || echo "$name" >>"$3/order"
	done < <(modprobe -a --show-depends -d "$1" -S "$2" virtio_pci virtio_blk ext4 2>/dev/null)
	[ -s "$3/order" ]
}

# kernel_unpack() - fill the directory $2 from the package $1.
kernel_unpack() {
	local version=${1#linux-image-} x=$tmp/$1

	mkdir -p "$x/x" "$2"
	(cd "$x" && apt-get -qq -o Debug::NoLocking=1 download "$1") >"$tmp/fetch.log" 2>&1 &&
		dpkg-deb -x "$x"/*.deb "$x/x" && depmod -b "$x/x" "$version" &&
		cp "$x/x/boot/vmlinuz-$version" "$2/vmlinuz" &&
		first_modules "$x/x" "$version" "$2/first" || return 1
	disk_image "$x/x/lib/modules" "$2/modules.img" "$(mib_of "$x/x/lib/modules")"
	rm -rf "$x"
}

# kernel_dir() - set kernel to the directory of the newest kernel of series $1.
# Return: 1, with the reason in why.
kernel_dir() {
	local package

	package=$(kernel_package "$1")
	if [ -z "$package" ]; then # what was fetched once is still good
		kernel=$(find "$cache" -maxdepth 1 -name "linux-image-$1.*-cloud-amd64" | sort -V | tail -n 1)
		why="apt knows no linux-image-$1.*-cloud-amd64; does it need apt-get update?"
		[ -n "$kernel" ]
		return
	fi
	kernel=$cache/$package
	[ ! -d "$kernel" ] || return 0
	mkdir -p "$cache" || exit 99
	say "# fetching $package, once"
	rm -rf "$kernel.$$"
	if ! kernel_unpack "$package" "$kernel.$$"; then
		rm -rf "$kernel.$$"
		why="cannot fetch or unpack $package: $(tail -n 1 "$tmp/fetch.log")"
		return 1
	fi
	mv -T "$kernel.$$" "$kernel" 2>/dev/null || rm -rf "$kernel.$$" # somebody was faster
}

# root_image() - set root to the image of the cached Debian.
root_image() {
	local base

	base=$(base_root) || {
		local status=$?

		say "$base"
		exit $status
	}
	root=$base.img
	[ -f "$root" ] || disk_image "$base" "$root" 4096
}

# initramfs() - make the file $2 for the kernel in $1.
initramfs() {
	local dir=$tmp/initramfs

	rm -rf "$dir"
	mkdir -p "$dir/bin"
	cp "$(command -v busybox)" "$dir/bin/busybox"
	cp "$source_dir/tests/vm/init" "$dir/init"
	chmod 755 "$dir/init"
	cp -r "$1/first" "$dir/first"
	(cd "$dir" && find . | cpio --quiet -o -H newc) | gzip -1 >"$2" || broken 'cannot make an initramfs'
}

# work_image() - set work to an image of what is tested: programs, scripts, the package. $1: build directory
work_image() {
	local dir=$tmp/opt program

	mkdir -p "$dir/source" "$dir/build"
	cp -r "$source_dir/tests" "$dir/source/"
	cp "$tmp/tcpguard.deb" "$dir/"
	(cd "$1" && find tcpguardd tcpguardctl tests/tools tests/datapath tests/daemon -type f -perm -u+x ! -name '*.sh') |
		while read -r program; do
			install -D "$1/$program" "$dir/build/$program"
		done
	work=$tmp/opt.img
	disk_image "$dir" "$work" "$(mib_of "$dir")"
}
