# Unit suites mirror src/; sim is the seeded simulator; lab meets real kernels in namespaces.
include tests/base/local.mk
include tests/wire/local.mk
include tests/core/local.mk
include tests/core/tcp/local.mk
include tests/conf/local.mk
include tests/datapath/local.mk
include tests/ctl/local.mk
include tests/daemon/local.mk
include tests/doctor/local.mk
include tests/replay/local.mk
include tests/tools/local.mk
include tests/sim/local.mk
include tests/scenario/local.mk
include tests/lab/local.mk
include tests/demo/local.mk
include tests/bench/local.mk
include tests/package/local.mk
