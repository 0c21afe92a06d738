#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Files of 100 MB through the relay engine, hashed at both ends, in peace and under flood.
. "$(dirname "$0")/lib.sh"

readonly BYTES=100000000 PORT=7000

files_setup() {
	mkdir -p "$LAB_TMP/www"
	# Random bytes once, repeated: quick, and no two neighbouring packets are alike.
	head -c 10000000 /dev/urandom >"$LAB_TMP/part"
	for _ in 1 2 3 4 5 6 7 8 9 10; do cat "$LAB_TMP/part"; done >"$LAB_TMP/www/file"
	rm "$LAB_TMP/part"
	HASH=$(sha256sum <"$LAB_TMP/www/file")
	nginx_start
	peer_start $PORT
	guard_config always
	guard_start
}

same_file() {
	[ "$(in_client curl -sf -m 30 "http://$SERVER/file" | sha256sum)" = "$HASH" ]
}

transfers() {
	check "100 MB down from nginx, same hash ($1)" same_file
	check "100 MB up ($1)" peer_do --to "$SERVER:$PORT" --do put --bytes $BYTES
	check "50 MB both ways at once ($1)" peer_do --to "$SERVER:$PORT" --do both --bytes 50000000
	# A stall of a retransmission or persist timer is 200 ms at least.
	number "$(echo "$LAB_LINE" | json max_gap_us)" '<' 190000
	verdict $? "without ever standing still for 190 ms ($1)"
}

files() {
	transfers "in peace"
	start flood in_client "$TOOLS/flood" --dst "$(echo "$SERVER" | tr -d '[]')" --port $PORT \
		--rate 20000 --seconds 60
	transfers "under flood"
	stop flood
	check "the guard has answered the flood" number "$(stat_of cookies_sent)" '>' 5000
	check "and kept nothing of it" number "$(stat_of half_open)" = 0
}

lab_init
lab_need_programs nginx curl sha256sum
lab_each files
lab_end
