# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Sourced by the tests here: where the scripts are, a directory until the end, and results as KTAP.

set -euo pipefail

# shellcheck disable=SC2034 # theirs
scripts=$(cd "$(dirname "$0")/../../scripts" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

n=0
failed=0

# ok NAME
ok() {
	n=$((n + 1))
	echo "ok $n $1"
}

# not_ok NAME: with what is wrong, on standard input
not_ok() {
	n=$((n + 1))
	sed 's/^/# /'
	echo "not ok $n $1"
	failed=1
}

# the end of a test: its plan, and whether all was well
plan() {
	echo "1..$n"
	exit "$failed"
}
