#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the kernel does with large packets in NFQUEUE: they arrive whole, with a checksum that is not
# there yet; rewritten or requeued they still reach a kernel peer, in order and unharmed; and both
# directions of a connection meet the same one of several queues.
. "$(dirname "$0")/../lab/lib.sh"

readonly PORT=7000 MARK=0x10
STUB=$BUILD_DIR/tests/datapath/stub

rules() {
	local tool

	for tool in iptables ip6tables; do
		in_guard $tool-restore -w 5 <<-END || lab_die "$tool-restore failed"
			*raw
			-A PREROUTING -m mark --mark $MARK/$MARK -j RETURN
			-A PREROUTING -p tcp --dport $PORT -j NFQUEUE $1
			-A PREROUTING -p tcp --sport $PORT -j NFQUEUE $1
			COMMIT
		END
	done
}

# stub_start() - mode and number of workers.
stub_start() {
	start stub in_guard "$STUB" "$1" 0 "$2" $MARK
	wait_for 5 "the stub" grep -q ready "$LAB_TMP/stub.log"
}

# seen() - what the stub counted as $1, over all workers.
seen() {
	awk -v key="$1" '{ split($1, k, ".") } k[2] == key { n += $2 } END { print n + 0 }' \
		"$LAB_TMP/stub.log"
}

transfer() {
	check "20 MB up" peer_do --to "$SERVER:$PORT" --do put --bytes 20000000
	check "20 MB down" peer_do --to "$SERVER:$PORT" --do get --bytes 20000000
}

unharmed() {
	stop stub
	check "the stub ends well" grep -q '^0.packets' "$LAB_TMP/stub.log"
	check "the kernel refused no verdict" test "$(seen verdict_errors)" -eq 0
	check "no message was strange" test "$(seen bad_messages)" -eq 0
	check "no packet was malformed" test "$(seen errors)" -eq 0
}

whole_with_partial_checksum() {
	stub_start accept 1
	transfer
	unharmed
	check "packets beyond the MTU arrive" test "$(seen gso)" -gt 100
	check "tens of kilobytes long" test "$(seen longest)" -gt 30000
	check "their checksums are not there yet" test "$(seen partial)" -ge "$(seen gso)"
}

rewritten() {
	stub_start "$1" 1
	transfer
	unharmed
	check "all were given back" test "$(seen replaced)" -ge "$(seen packets)"
	check "large ones by way of the full queue" test "$(seen requeued)" -ge 64
	check "until all are copied whole at once" test "$(seen requeued)" -lt 300
	check "none was too large" test "$(seen oversize)" -eq 0
}

# With one CPU for everything, packets reach the queue in the order in which they were sent.
in_order() {
	start stub in_guard taskset -c 0 "$STUB" replace 0 1 $MARK
	wait_for 5 "the stub" grep -q ready "$LAB_TMP/stub.log"
	check "20 MB up, on one CPU" peer_do_on_one_cpu --to "$SERVER:$PORT" --do put --bytes 20000000
	unharmed
	check "some were requeued" test "$(seen requeued)" -ge 64
	check "the order is kept" test "$(seen out_of_order)" -eq 0
}

peer_do_on_one_cpu() {
	in_client taskset -c 0 "$TOOLS/peer" client "$@" >"$LAB_TMP/one.txt" 2>&1 || {
		sed 's/^/# /' "$LAB_TMP/one.txt"
		return 1
	}
}

both_directions_same_queue() {
	local i from

	rules "--queue-balance 0:3"
	stub_start replace 4
	for i in 11 12 13 14 15 16 17 18; do
		from=198.51.100.$i
		[ "$FAMILY" = 4 ] || from=fd00:c::$i
		in_client ip addr add "$from" dev c0
		check "from $from" peer_do --from "$from" --to "$SERVER:$PORT" --do both --bytes 100000
	done
	unharmed
	check "more than one worker had work" test "$(grep -c 'packets [1-9]' "$LAB_TMP/stub.log")" -gt 1
	for i in 0 1 2 3; do
		check "worker $i saw as many SYN-ACKs as SYNs" test \
			"$(sed -n "s/^$i.syns //p" "$LAB_TMP/stub.log")" -eq \
			"$(sed -n "s/^$i.syn_acks //p" "$LAB_TMP/stub.log")"
	done
	rules "--queue-num 0"
}

lab_init
lab_need_programs iptables-restore ip6tables-restore taskset
[ -x "$STUB" ] || lab_die "$STUB is not built"
lab_topology gateway
rules "--queue-num 0"
start peer in_server taskset -c 0 "$TOOLS/peer" server --listen "$SERVER4:$PORT" \
	--listen "[$SERVER6]:$PORT"
wait_for 5 "the peer" listening $PORT
for FAMILY in 4 6; do
	SERVER=$(server_address $FAMILY)
	LAB_LABEL="IPv$FAMILY"
	whole_with_partial_checksum
	rewritten replace
	rewritten detour
	in_order
	both_directions_same_queue
done
LAB_LABEL=
lab_end
