# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Every way in which two ends can talk and part, for the scripts that read lib.sh.

# Ports of the peers: one that waits to be spoken to, one that speaks first as ssh does.
readonly TALK_PORT=7000 BANNER_PORT=7001

talk_start() {
	peer_start $TALK_PORT
	peer_start $BANNER_PORT --banner SSH-2.0-laboratory
}

# server_saw() - did the last conversation number $2 end well on the server's side on port $1?
server_saw() {
	grep "\"seed\":$2," "$LAB_TMP/peer$1.log" | tail -n 1 | grep -q '"ok":true'
}

# try_talk() - peer_do. To a server that speaks first, over a bad cable, thrice if it must be: the client's
# ACK may get lost, which nobody repeats, and then the client waits for a server that has not been called
# yet. The price of keeping nothing for a SYN; handshake.sh says the same.
try_talk() {
	local tries

	if [ -n "${LAB_WIRE:-}" ] && [[ " $* " == *" --banner "* ]]; then
		for tries in 1 2; do
			peer_do "$@" --timeout 2 && return
			lab_say "# the client's ACK was lost: $tries"
		done
	fi
	peer_do "$@"
}

# rst_lost() - nobody repeats a RST, so over a bad cable one end may not hear of it, nor the guard.
rst_lost() {
	local id

	[ -n "${LAB_WIRE:-}" ] && [[ " $* " == *" --do rst-"* ]] || return
	lab_say "# the RST was lost"
	for id in $(ctl --json conns | json id); do
		ctl kill "$id" >/dev/null
	done
}

# talk() - one operation on port $1, checked at both ends; the other arguments are the client's.
talk() {
	local port=$1 what=$2 seed tries talked agreed

	shift 2
	for tries in 1 2 3; do
		seed=$((LAB_CHECKS + 1000 * tries))
		try_talk --to "$SERVER:$port" --seed $seed "$@"
		talked=$?
		try_for 3 server_saw "$port" $seed
		agreed=$?
		if [ $talked != 0 ] || [ $agreed = 0 ] || [ $tries = 3 ] || ! rst_lost "$@"; then
			break
		fi
	done
	verdict $talked "$what"
	verdict $agreed "$what: the server agrees"
}

# talk_all() - all of it; $SERVER is the server's address.
talk_all() {
	talk $TALK_PORT "1 MB down, the server closes first" --do get --bytes 1000000
	talk $TALK_PORT "1 MB up, the client closes first" --do put --bytes 1000000
	talk $TALK_PORT "5 MB both ways at once" --do both --bytes 5000000
	talk $TALK_PORT "client closes its half, then the server sends" --do half-client --bytes 300000
	talk $TALK_PORT "server closes its half, then the client sends" --do half-server --bytes 300000
	talk $TALK_PORT "both close at the same moment" --do simul --bytes 100000 --seconds 0.1
	talk $TALK_PORT "client resets" --do rst-client --bytes 100000
	talk $TALK_PORT "server resets" --do rst-server --bytes 100000
	talk $BANNER_PORT "server speaks first" --banner --do both --bytes 20000
	talk $BANNER_PORT "server speaks first, client is slow" --banner --delay 0.3 --do get --bytes 20000
	talk $TALK_PORT "client connects and is silent for a while" --delay 0.7 --do both --bytes 20000
	check "no data at all" peer_do --to "$SERVER:$TALK_PORT" --do get --bytes 0
}
