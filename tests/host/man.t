#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# man's own lint of the manual page, and that it would find something. KTAP.

set -euo pipefail

page=$(cd "$(dirname "$0")/../../scripts/deb.d" && pwd)/struct_ops.4
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# lint PAGE: what man has to say of it
lint() {
	{ LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z "$1" >/dev/null; } 2>&1
}

echo 1..2
failed=0
said=$(lint "$page")
if [ -z "$said" ]; then
	echo "ok 1 struct_ops.4"
else
	printf '%s\n' "$said" | sed 's/^/# /'
	echo "not ok 1 struct_ops.4"
	failed=1
fi
{ cat "$page"; echo .NOSUCHMACRO; } >"$tmp/page.4"
if [ -n "$(lint "$tmp/page.4")" ]; then
	echo "ok 2 an unknown macro is found"
else
	echo "not ok 2 an unknown macro is found"
	failed=1
fi
exit "$failed"
