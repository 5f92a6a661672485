#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The test of scripts/check: what it counts when one kernel has several guests. They are played by a script here. KTAP.

# shellcheck source=tests/host/tap.sh
. "$(dirname "$0")/tap.sh"

unset SOPS_PROGRAMS SOPS_GUEST_RUN SOPS_GUEST_ENV SOPS_VM_OPTIONS

mkdir -p "$tmp"/{scripts/vm.d,tests/host,build/k/tests}
cp "$scripts"/{check,lib.sh} "$tmp/scripts"
echo 'k bookworm none none default' >"$tmp/scripts/kernels"
printf '%s\n' a b c d e leaks lockdown >"$tmp/build/k/tests/kselftest-list.txt"
echo z >"$tmp/build/k/tests/kselftest-alone.txt"
echo a 20 >"$tmp/build/k/tests/kselftest-long.txt"
echo 'all:' >"$tmp/tests/Makefile"
printf '#!/bin/sh\nprintf "1..1\\nok 1 host\\n"\n' >"$tmp/tests/host/host.t"
# shellcheck disable=SC2016 # the script's own
printf '#!/bin/sh\ncase $2 in root) echo / ;; cross) echo ;; *) echo k ;; esac\n' >"$tmp/scripts/kernel"
printf '#!/bin/sh\n' | tee "$tmp/scripts/module" >"$tmp/scripts/bench"
# each program has two cases; those of $LOSES are never ended, and the guest is lost with them
cat >"$tmp/scripts/vm" <<-'END'
	#!/bin/bash
	while [ "$1" != -- ]; do [ "$1" != -l ] || log=$2; shift; done
	echo log >"$log"
	read -ra words <<<"${2##*run-tests}"
	echo "TAP version 13"
	echo "1..${#words[@]}"
	i=0
	for program in "${words[@]}"; do
		i=$((i + 1))
		echo "# selftests: struct_ops: $program"
		printf '# %s\n' 1..2 "ok 1 one" "# time: 1.00 s"
		[ "$program" != "${LOSES-}" ] || exit 125
		printf '# %s\n' "ok 2 two" "# time: 3.00 s, $program"
		echo "ok $i selftests: struct_ops: $program"
	done
END
chmod +x "$tmp"/scripts/* "$tmp/tests/host/host.t"

# expect NAME CODE SUMMARY [LINE]...
expect() {
	local name=$1 want=$2 summary=$3 line bad=''
	shift 3
	[ "$code" = "$want" ] || bad="exit code $code"
	[ "$(tail -n 1 "$tmp/said")" = "$summary" ] || bad+=" summary: $(tail -n 1 "$tmp/said")"
	for line; do
		grep -qxF -- "$line" "$tmp/said" || bad+=" no line: $line"
	done
	if [ -z "$bad" ]; then
		ok "$name"
	else
		not_ok "$name" < <(cat "$tmp/said" && echo "$bad")
	fi
}

# check GUESTS ARGUMENT...
check() {
	code=0
	SOPS_GUESTS=$1 "$tmp/scripts/check" "${@:2}" >"$tmp/said" 2>&1 || code=$?
}

echo "TAP version 13"
check 1 k
expect "one guest, and one for what has its own" 0 "17 passed, 0 failed" "1..8" \
	"ok 7 selftests: struct_ops: lockdown" "ok 8 selftests: struct_ops: z"
check 2 k
expect "two guests: what looks at what others left is in each" 0 "19 passed, 0 failed" "1..9" \
	"ok 2 selftests: struct_ops: leaks" "ok 3 selftests: struct_ops: b" "ok 8 selftests: struct_ops: lockdown"
LOSES=b check 2 k
expect "a lost guest" 1 "7 passed, 3 failed" "failed: k: vm lost" "failed: k: b: never ended" \
	"failed: k: 3 of 9 programs ran to their end"
plan
