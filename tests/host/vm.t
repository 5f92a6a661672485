#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The test of scripts/vm: what it says and does about guests that are lost. QEMU is played by a script here, which writes
# what a guest would. KTAP.

# shellcheck source=tests/host/tap.sh
. "$(dirname "$0")/tap.sh"

# what our caller boots his guests with is not ours
unset VM_ACCEL VM_ICOUNT VM_BOCHS VM_QEMU VM_APPEND VM_RETRIES

# scripts/vm with a kernel that needs not be fetched
mkdir -p "$tmp"/{scripts/vm.d,tests,bin,kernel}
cp "$scripts"/{vm,lib.sh,splats} "$tmp/scripts"
cp "$scripts"/vm.d/{init,modules} "$tmp/scripts/vm.d"
echo 'k bookworm none none default' >"$tmp/scripts/kernels"
cat >"$tmp/scripts/kernel" <<-'END'
	#!/bin/sh
	case $2 in
	root | guest) echo / ;;
	arch) echo "${arch-amd64}" ;;
	*) echo "${0%/*}/../kernel" ;;
	esac
END
cat >"$tmp/scripts/vm.d/mkbase" <<-'END'
	#!/bin/sh
	: >"$3"
END

# what each boot does: $tmp/boot.N, with "say" for a line on the console and "code" for an exit code
cat >"$tmp/bin/qemu-system-x86_64" <<-'END'
	#!/bin/bash
	here=${0%/*}/..
	[ "$1" != --version ] || { cat "$here/version"; exit; }
	printf '%s\n' "${0##*/} $*" >>"$here/words"
	for word; do
		case $word in
		file,id=console,*) console=${word#*path=} ;;
		file,id=result,*) result=${word#*path=} ;;
		esac
	done
	say() { printf '[    0.1] %s\r\n' "$*" >>"$console"; }
	code() { echo "$1" >"$result"; }
	: >"$console" >"$result"
	boots=$(($(cat "$here/boots") + 1))
	echo "$boots" >"$here/boots"
	. "$here/boot.$boots"
END
cp "$tmp/bin/qemu-system-x86_64" "$tmp/bin/qemu-system-aarch64"
chmod +x "$tmp"/bin/* "$tmp/scripts/kernel" "$tmp/scripts/vm.d/mkbase"
export PATH=$tmp/bin:$PATH
echo "QEMU emulator version 7.2.22" >"$tmp/version"
init='say Run /init as init process; say vm: kernel taint mask 0'

limit=60

# guest FIRST [SECOND]: scripts/vm with these boots; its exit code in $code, what it said in $tmp/said
guest() {
	rm -f "$tmp"/boot.* "$tmp/words"
	echo 0 >"$tmp/boots"
	echo "$1" >"$tmp/boot.1"
	echo "${2-exit 99}" >"$tmp/boot.2"
	echo "exit 99" >"$tmp/boot.3"
	code=0
	begun=$SECONDS
	"$tmp/scripts/vm" -t "$limit" -- true >"$tmp/said" 2>&1 || code=$?
	took=$((SECONDS - begun))
}

# expect NAME CODE BOOTS [SAID]: an expression for what it said
expect() {
	if [ "$code" = "$2" ] && [ "$(cat "$tmp/boots")" = "$3" ] && { [ -z "${4-}" ] || grep -qE -- "$4" "$tmp/said"; }; then
		ok "$1"
	else
		not_ok "$1" < <(cat "$tmp/said" && echo "exit code $code (should be $2), $(cat "$tmp/boots") boots ($3), $took s")
	fi
}

# is NAME COMMAND...
is() {
	local name=$1
	shift
	if "$@"; then
		ok "$name"
	else
		not_ok "$name" <"$tmp/words"
	fi
}

echo "TAP version 13"

guest "$init; code 0"
expect "sound" 0 1
is "without the timer check" grep -q no_timer_check "$tmp/words"
guest "$init; code 7"
expect "the command's exit code" 7 1
guest "$init; say 'BUG: wrong'; code 0"
expect "splats" 124 1 "BUG: wrong"

guest 'say early; say Kernel panic - not syncing: timer' "$init; code 3"
expect "dead at boot, then sound" 3 2 "k died at boot, after [0-9]+ s: \[    0.1\] Kernel panic - not syncing: timer; once more"
guest 'say Kernel panic - not syncing: one' 'say Kernel panic - not syncing: two'
expect "dead at boot twice" 125 2 "vm lost: k: died at boot, after [0-9]+ s: .* Kernel panic - not syncing: two"
VM_RETRIES=2 guest 'say Kernel panic - not syncing: one' 'say Kernel panic - not syncing: two'
expect "and once more than that, if it is asked for" 125 3 "two; once more"
guest 'say early' "$init; code 0"
expect "gone at boot, then sound" 0 2 "without a word \(the emulator's exit code: 0\); once more"
guest 'echo qemu: no such option; exit 1'
expect "QEMU that does not start" 125 1 "the emulator's exit code: 1"
guest "$init; say Kernel panic - not syncing: late"
expect "dead later" 125 1 "died after its init had started"
guest "$init; say Kernel panic - not syncing: stuck; exec sleep 60"
expect "dead and still there" 125 1 "Kernel panic - not syncing: stuck"
is "which is ended before the time is over" [ "$took" -lt 50 ]
limit=12
guest "$init; sleep 2; say last; exec sleep 60"
expect "silent" 125 1 "no exit code within 12 s; lost after its init had started, silent for the last [0-9]+ s"
limit=8
guest "say early; exec sleep 60"
expect "silent at boot" 125 1 "no exit code within 8 s; lost at boot"
limit=60

export VM_ICOUNT=2
guest "$init; code 0"
is "VM_ICOUNT" grep -q -- '-accel tcg -icount shift=2,sleep=off.* -smp 1 ' "$tmp/words"
echo "QEMU emulator version 11.1.0" >"$tmp/version"
guest "$init; code 0"
is "VM_ICOUNT, newer QEMU" grep -q -- ' -smp 2 ' "$tmp/words"

unset VM_ICOUNT
cat >"$tmp/scripts/vm.d/bochs" <<-'END'
	#!/bin/sh
	echo "bochs $1 $3 $4" >"${0%/*}/../../words"
	echo "Run /init as init process" >"$5/console"
	echo "vm: kernel taint mask 0" >>"$5/console"
	echo said
	echo 5 >"$5/result"
END
chmod +x "$tmp/scripts/vm.d/bochs"
VM_BOCHS=y VM_APPEND=ibt=warn guest "exit 99"
expect "Bochs, and no QEMU" 5 0 '^said$'
is "Bochs: the same words for the kernel" grep -q '^bochs .*/kernel console=ttyS0 .* ibt=warn 1024$' "$tmp/words"

export arch=arm64
guest "$init; code 3"
expect "arm64: the command's exit code" 3 1
is "arm64: its machine and its console" grep -q '^qemu-system-aarch64 .*console=ttyAMA0 ' "$tmp/words"

plan
