# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# The command line of the demonstration and of the benchmark. Each has a usage() and a table of its
# options, ARGS, a line for each: name, variable, and what the value has to be:
#
#   flag:VALUE   takes none, the variable becomes VALUE
#   text         anything but nothing
#   number       of digits, above 0
#   file         a file that can be read
#   list:A,B,C   some of these, joined by commas
#
# --check is an option of both: say whether the rest makes sense, and do nothing.

# args_error() - the command line makes no sense, because $*.
args_error() {
	printf 'error: %s\n' "$*" >&2
	usage >&2
	exit 2
}

# args_check() - is $3 a value for option $1 of kind $2?
args_check() {
	local word

	[ -n "$3" ] || args_error "$1 needs a value"
	case $2 in
	number)
		[[ $3 =~ ^[0-9]{1,9}$ && $3 =~ [1-9] ]] ||
			args_error "$1 needs a number above 0, not '$3'"
		;;
	file)
		[ -f "$3" ] || args_error "$1: there is no file $3"
		[ -r "$3" ] || args_error "$1: $3 cannot be read"
		;;
	list:*)
		for word in ${3//,/ }; do
			[[ ",${2#list:}," == *",$word,"* ]] ||
				args_error "$1: '$word' is none of ${2#list:}"
		done
		;;
	esac
}

# args_parse() - set the variables of ARGS from the command line "$@"; ends the script where that is
# all that was asked for, or cannot be done.
args_parse() {
	local name variable kind only_check=no

	while [ $# -gt 0 ]; do
		case $1 in
		-h | --help) usage && exit 0 ;;
		--check) only_check=yes && shift && continue ;;
		esac
		while read -r name variable kind; do
			[ "$name" != "$1" ] || break
		done <<<"$ARGS"
		[ "$name" = "$1" ] || args_error "there is no option '$1'"
		if [ "${kind%%:*}" = flag ]; then
			printf -v "$variable" '%s' "${kind#flag:}"
		else
			args_check "$1" "$kind" "${2:-}"
			printf -v "$variable" '%s' "$2"
			shift
		fi
		shift
	done
	[ $only_check = no ] || exit 0
}
