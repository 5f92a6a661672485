#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What scripts/kernel answers for a packaged kernel, scripts/debug-kernel answers for one that is built here. KTAP.

set -euo pipefail

scripts=$(cd "$(dirname "$0")/../../scripts" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

n=0
failed=0

# words SCRIPT: those that it says it knows
words() {
	sed -nE 's/^.*: not one of ([a-z. ]+)"$/\1/p' "$1" | tr ' ' '\n' | sort
}

# labels SCRIPT: those that its case statements for it have
labels() {
	# shellcheck disable=SC2016 # as it is written there
	sed -nE '/^case \$what in/,/^esac/s/^([a-z. |]+)\)$/\1/p' "$1" | tr -d ' ' | tr '|' '\n' | sort
}

# same NAME FILE FILE
same() {
	local said
	n=$((n + 1))
	if [ -s "$2" ] && said=$(diff "$2" "$3"); then
		echo "ok $n $1"
	else
		printf '%s\n' "${said:-nothing}" | sed 's/^/# /'
		echo "not ok $n $1"
		failed=1
	fi
}

for script in kernel debug-kernel; do
	words "$scripts/$script" >"$tmp/$script.words"
	labels "$scripts/$script" >"$tmp/$script.labels"
done
same "scripts/kernel answers what it says" "$tmp/kernel.words" "$tmp/kernel.labels"
same "scripts/debug-kernel answers what it says" "$tmp/debug-kernel.words" "$tmp/debug-kernel.labels"
same "and the same" "$tmp/kernel.words" "$tmp/debug-kernel.words"
echo "1..$n"
exit "$failed"
