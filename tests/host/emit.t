#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# src/emit_x86.c, built in user space: run, and read back by objdump.
set -euo pipefail
cd "$(dirname "$0")/emit"

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

make -s OUTPUT="$out" "$out/emit"
code=0
"$out/emit" | sed 's/^1\.\.6$/1..7/' || code=1

# no byte that is no instruction, no call or jump through a register or memory
"$out/emit" "$out/dump"
objdump -D -b binary -m i386:x86-64 "$out/dump" >"$out/listing"
if grep -nE '\(bad\)|(call|jmp) +\*' "$out/listing" | head | sed 's/^/# /' | grep .; then
	echo "not ok 7 disassembly"
	code=1
else
	echo "# $(grep -c '^ ' "$out/listing") instructions"
	echo "ok 7 disassembly"
fi
exit "$code"
