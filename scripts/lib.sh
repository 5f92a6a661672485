# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# What the scripts share; sourced, not run.

set -euo pipefail
shopt -s inherit_errexit

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
# a service has no HOME; who only builds for a kernel of his own makes no cache
cache=$(realpath -m "${XDG_CACHE_HOME:-${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}/.cache}/struct_ops")

# shellcheck disable=SC2034 # used by those that source this
# exit code of what cannot be run here, as kselftest has it
ksft_skip=4
# exit codes of scripts/vm
# shellcheck disable=SC2034
splat=124 lost=125

# what TCG plays on x86: it copies by `rep movsb` byte after byte, so kernels had better not choose that, and a page table walked
# in software is quicker with a level less
# shellcheck disable=SC2034
tcg_cpu=max,erms=off,la57=off

note() {
	echo "${0##*/}: $*" >&2
}

die() {
	note "$*"
	exit 1
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

# matrix SETS: names of the kernels that are in one of SETS, words with a | between
matrix() {
	awk -v sets="(^|,)($1)(,|\$)" '/^[^#]/ && $5 ~ sets { print $1 }' "$top/scripts/kernels"
}

# once PATH COMMAND...: make PATH by "COMMAND... TMP", unless it is there. It gets its name only when it is complete,
# so what was interrupted is never taken for whole; a second caller waits for the first.
once() {
	local path=$1
	shift
	[ -e "$path" ] && return
	mkdir -p "${path%/*}"
	(
		flock 9
		[ -e "$path" ] && exit
		rm -rf --one-file-system "$path.tmp" 2>/dev/null || as_root rm -rf --one-file-system "$path.tmp"
		"$@" "$path.tmp"
		mv "$path.tmp" "$path"
	) 9>"$path.lock"
}

# in_root ROOT COMMAND...: run in the user-space tree ROOT; repository, cache and /tmp are at their own paths there
in_root() {
	local root=$1 user=()
	shift
	if [ "$root" = / ]; then
		"$@"
		return
	fi
	mkdir -p "$cache"
	if ! [ -d "$root$top" ] || ! [ -d "$root$cache" ]; then
		as_root mkdir -p "$root$top" "$root$cache"
	fi
	[ "$(id -u)" = 0 ] || user=(--map-root-user)
	# shellcheck disable=SC2016 # expanded by the inner shell
	unshare "${user[@]}" --mount bash -euc '
		root=$1 pwd=$PWD
		for dir in /proc /dev /tmp "$2" "$3"; do
			mount --rbind "$dir" "$root$dir"
		done
		shift 3
		exec chroot "$root" /usr/bin/env -C "$pwd" TMPDIR=/tmp PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
	' - "$root" "$top" "$cache" "$@"
}

# install_in ROOT PACKAGE...: what is not there yet
install_in() {
	local root=$1
	shift
	if [ "$root" = / ]; then
		"$top/scripts/deps" "$@"
	elif ! in_root "$root" dpkg-query -s "$@" >/dev/null 2>&1; then
		note "installing $* in $root"
		# shellcheck disable=SC2016 # expanded by the inner shell
		as_root bash -euc '. "$0"; in_root "$1" apt-get -qq update; in_root "$1" apt-get -qqy --no-install-recommends install "${@:2}"' \
			"$top/scripts/lib.sh" "$root" "$@" >&2
	fi
}
