#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What scripts/kernel answers for a packaged kernel, scripts/debug-kernel answers for one that is built here. KTAP.

# shellcheck source=tests/host/tap.sh
. "$(dirname "$0")/tap.sh"

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
	if [ -s "$2" ] && said=$(diff "$2" "$3"); then
		ok "$1"
	else
		not_ok "$1" <<<"${said:-nothing}"
	fi
}

for script in kernel debug-kernel; do
	words "$scripts/$script" >"$tmp/$script.words"
	labels "$scripts/$script" >"$tmp/$script.labels"
done
same "scripts/kernel answers what it says" "$tmp/kernel.words" "$tmp/kernel.labels"
same "scripts/debug-kernel answers what it says" "$tmp/debug-kernel.words" "$tmp/debug-kernel.labels"
same "and the same" "$tmp/kernel.words" "$tmp/debug-kernel.words"
plan
