#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# tcpguardd --replay on captures of all formats and link types, on what is no capture, and on a recorded
# attack where there is one: TCPGUARD_CAPTURE, or synflood-ecn-cwr.pcapng beside the source tree.
set -u

built=${abs_top_builddir:-.}
src=${abs_top_srcdir:-.}
tcpguardd=$built/tcpguardd
make=$built/tests/replay/make_capture
tmp=$(mktemp -d) || exit 1
failed=0
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' INT TERM

# check WHAT TEST... - the test is a command that must succeed
check() {
	what=$1
	shift
	if "$@"; then
		echo "ok      $what"
	else
		echo "FAILED  $what"
		failed=1
	fi
}

# run STATUS ARGUMENTS... - of tcpguardd; its output goes to $tmp/out and $tmp/err
run() {
	wanted=$1
	shift
	"$tcpguardd" "$@" >"$tmp/out" 2>"$tmp/err"
	got=$?
	[ $got = "$wanted" ] && return 0
	echo "tcpguardd $*: exit status $got, not $wanted"
	head -n 5 "$tmp/err"
	return 1
}

says() { grep -q -e "$1" "$tmp/out"; }
complains() { grep -q -e "$1" "$tmp/err"; }
silent() { [ ! -s "$tmp/err" ]; }

# rows TYPE - how many rows of this type --json has given
rows() { grep -c "^{\"type\":\"$1\"" "$tmp/out"; }

# value TYPE KEY - of the first row of this type
value() {
	sed -n "/^{\"type\":\"$1\"/{s/.*[{,]\"$2\":\"\{0,1\}\([^,\"}]*\).*/\1/p;q}" "$tmp/out"
}

is() { [ "$1" = "$2" ] || { echo "'$1' is not '$2'"; false; }; }
at_most() { [ "${1:-999999999}" -le "$2" ] || { echo "'$1' is more than $2"; false; }; }

# judgement() - what must not depend on how a capture was written
judgement() {
	for key in syn_received synack_seen completed; do
		printf '%s ' "$(value service $key)"
	done
	for key in first_syn_us noticed_us syns_before class; do
		printf '%s ' "$(value attack $key)"
	done
}

# ---- a flood between clients
facts=$("$make" "$tmp/flood.pcap")
first=$(printf '%s' "$facts" | sed 's/.*first_flood_us":\([0-9]*\).*/\1/')
check 'text' run 0 --replay "$tmp/flood.pcap"
check 'nothing on standard error' silent
check 'the service was guessed, and it says so' says 'guessed: with 7000 SYNs'
check 'attack' says '^attack 1$'
check 'cookies' says 'cookies    would have been on'
check 'time-line' says '0:08.000 .* attack'
check 'json and plot' run 0 --replay "$tmp/flood.pcap" --json --plot "$tmp/flood.svg"
check 'one attack' is "$(rows attack)" 1
check 'noticed within 100 ms' at_most $(($(value attack noticed_us) - first)) 100000
check 'delay' is "$(value attack delay_us)" \
	$(($(value attack noticed_us) - $(value attack first_syn_us)))
check 'every frame is counted' is "$(value capture tcp)" 18987
check 'completed' is "$(value service completed)" 999
cp "$tmp/out" "$tmp/first"
run 0 --replay "$tmp/flood.pcap" --json
for file in first out; do
	sed 's/"replay_us":[0-9]*//' "$tmp/$file" >"$tmp/$file.cut"
done
check 'the same again' cmp "$tmp/first.cut" "$tmp/out.cut"
if command -v python3 >/dev/null; then
	check 'every line is JSON' python3 -c '
import json, sys
for line in open(sys.argv[1]):
    row = json.loads(line)
    assert type(row["type"]) is str' "$tmp/out"
	check 'the plot is XML' python3 -c '
import sys, xml.dom.minidom as m
d = m.parse(sys.argv[1])
assert d.documentElement.tagName == "svg"
assert len(d.getElementsByTagName("polyline")) == 4' "$tmp/flood.svg"
fi

# ---- any format, any link type, both families
story='ms=3000 from_ms=1000 to_ms=2000'
# shellcheck disable=SC2086 # several words
"$make" "$tmp/plain" $story >/dev/null
run 0 --replay "$tmp/plain" --json
plain=$(judgement)
for format in pcap nano swapped pcapng pcapng-swapped many; do
	for link in ethernet vlan qinq pppoe sll sll2 raw null loop ppp; do
		for v6 in 0 1; do
			# shellcheck disable=SC2086 # several words
			"$make" "$tmp/other" $story format=$format link=$link v6=$v6 >/dev/null
			run 0 --replay "$tmp/other" --json || failed=1
			[ "$(judgement)" = "$plain" ] && [ "$(rows trouble)" = 0 ] && continue
			check "$format, $link, v6=$v6" is "$(judgement)" "$plain"
			failed=1
		done
	done
done
check 'all formats and link types give the same' [ $failed = 0 ]

# ---- directions
"$make" "$tmp/oneway" one_way=1 clients=10 >/dev/null
check 'one direction' run 0 --replay "$tmp/oneway"
check 'says so' says 'to the server only'
check 'and what that means' says 'Every SYN counts as answered'
check 'clients and flood are told apart' run 0 --replay "$tmp/oneway" --json
check 'one attack' is "$(rows attack)" 1
check 'noticed only when it began' [ "$(value attack noticed_us)" -gt 7900000 ]
check 'clients complete' is "$(value service completed)" 200
"$make" "$tmp/back" return_only=1 flood=0 >/dev/null
check 'only answers' run 0 --replay "$tmp/back"
check 'guessed by SYN-ACKs' says 'guessed: with 1000 SYN-ACKs'
check 'says from where' says 'from the server only'

# ---- which service, which settings
check '--service' run 0 --replay "$tmp/flood.pcap" --service 10.0.0.1:80 --service '[::1]:443' --json
check 'two services' is "$(rows service)" 2
check 'not guessed' is "$(value service guessed)" false
printf 'service "web" {\nmode = monitor\nlisten = { "10.0.0.0/8:80" }\nattack { start = 500 }\n}\n' \
	>"$tmp/conf"
check '-c' run 0 --replay "$tmp/flood.pcap" -c "$tmp/conf" --json
check 'its service' is "$(value service service)" web
check 'its threshold' is "$(value service attack_start)" 500
check 'its mode: no cookies' is "$(value attack cookies_from_us)" null
check '-c and --service' run 0 --replay "$tmp/flood.pcap" -c "$tmp/conf" --service 10.0.0.1:80 --json
check 'the threshold is the one of -c' is "$(value service attack_start)" 500
check 'another service: no packets' run 0 --replay "$tmp/flood.pcap" --service 192.0.2.1:80
check 'is said' says 'no packets'

# ---- bad input
for snap in 54 60 68; do
	"$make" "$tmp/cut" snap=$snap >/dev/null
	check "snap length $snap" run 0 --replay "$tmp/cut" --json
	check 'what is cut is named' says '"trouble":"cut_options"'
	check 'nothing is lost' is "$(value service completed)" 999
done
"$make" "$tmp/cut" snap=40 >/dev/null
check 'snap length within the headers' run 1 --replay "$tmp/cut"
check 'is named' complains '18987 packets cut off within their headers'
"$make" "$tmp/wlan" link=wlan ms=500 >/dev/null
check 'unknown link type' run 1 --replay "$tmp/wlan"
check 'is named' complains 'frames of link type 105'
head -c 700000 "$tmp/flood.pcap" >"$tmp/truncated"
check 'truncated' run 0 --replay "$tmp/truncated"
check 'is named' says 'damaged, what comes behind was not read'
: >"$tmp/empty"
check 'empty' run 1 --replay "$tmp/empty"
check 'is named' complains 'is empty'
head -c 24 "$tmp/flood.pcap" >"$tmp/head"
check 'no frames' run 1 --replay "$tmp/head"
check 'is named' complains 'it holds no frames'
check 'no capture' run 1 --replay "$0"
check 'is named' complains 'is no capture'
gzip -c "$tmp/head" >"$tmp/packed" 2>/dev/null &&
	check 'packed' run 1 --replay "$tmp/packed" && check 'is named' complains 'packed with gzip'
check 'no file' run 1 --replay "$tmp/nowhere"
check 'a directory' run 1 --replay "$tmp"
mkfifo "$tmp/pipe"
check 'a pipe' run 1 --replay "$tmp/pipe"
check 'is named' complains 'is not a regular file'
cp "$tmp/flood.pcap" "$tmp/kept.pcap"
check 'the plot in place of the capture' run 1 --replay "$tmp/kept.pcap" --plot "$tmp/kept.pcap"
check 'is not written' cmp -s "$tmp/flood.pcap" "$tmp/kept.pcap"
check 'no room for the plot' run 1 --replay "$tmp/flood.pcap" --plot "$tmp/nowhere/plot"
check 'bad service' run 1 --replay "$tmp/flood.pcap" --service 10.0.0.1
check 'bad configuration' run 1 --replay "$tmp/flood.pcap" -c "$0"
check 'options of the replay alone' run 2 --json
check 'options of the daemon' run 2 -t --replay "$tmp/flood.pcap"
if [ -w /dev/full ]; then
	"$tcpguardd" --replay "$tmp/flood.pcap" >/dev/full 2>"$tmp/err"
	check 'full disk' is $? 1
fi

# ---- a million packets; two seconds on an idle machine, which this may not be
"$make" "$tmp/large" clients=5000 flood=65000 from_ms=6000 to_ms=16000 answered=0 >/dev/null
check 'a million packets' run 0 --replay "$tmp/large" --json
check 'there are a million' [ "$(value capture tcp)" -ge 1000000 ]
check 'soon' at_most "$(value capture replay_us)" 20000000
echo "        $(value capture tcp) packets in $(value capture replay_us) us"

# ---- a recorded attack
recorded=${TCPGUARD_CAPTURE:-$src/../shared/captures/synflood-ecn-cwr.pcapng}
if [ -r "$recorded" ]; then
	check 'recorded attack' run 0 --replay "$recorded" --json
	check 'one attack' is "$(rows attack)" 1
	check 'its service' is "$(value service service)" 10.10.10.10:30120
	check 'noticed within 100 ms' at_most "$(value attack delay_us)" 100000
else
	echo "skip    recorded attack: there is no $recorded"
fi
exit $failed
