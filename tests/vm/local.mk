# Debian's kernels in QEMU: root, QEMU and a quarter of an hour for each kernel; VMFLAGS: names of tests.
dist_noinst_SCRIPTS += tests/vm/flood.sh tests/vm/guest.sh tests/vm/init tests/vm/kernel.sh tests/vm/netem.sh \
	tests/vm/nft.sh tests/vm/unit.sh tests/vm/vm.sh
dist_noinst_DATA += tests/vm/image.sh
EXTRA_DIST += tests/vm/.shellcheckrc

check-vm: check-programs
	$(top_srcdir)/tests/vm/vm.sh $(abs_top_builddir) $(VMFLAGS)
.PHONY: check-vm
