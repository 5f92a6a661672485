#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# man's own lint of the manual page, and that it would find something. KTAP.

# shellcheck source=tests/host/tap.sh
. "$(dirname "$0")/tap.sh"

page=$scripts/deb.d/struct_ops.4

# lint PAGE: what man has to say of it
lint() {
	{ LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z "$1" >/dev/null; } 2>&1
}

said=$(lint "$page")
if [ -z "$said" ]; then
	ok "struct_ops.4"
else
	not_ok "struct_ops.4" <<<"$said"
fi
{ cat "$page"; echo .NOSUCHMACRO; } >"$tmp/page.4"
if [ -n "$(lint "$tmp/page.4")" ]; then
	ok "an unknown macro is found"
else
	not_ok "an unknown macro is found" </dev/null
fi
plan
