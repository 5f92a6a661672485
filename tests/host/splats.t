#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The test of scripts/splats: every line below must, or must not, be taken for a splat. KTAP.

# shellcheck source=tests/host/tap.sh
. "$(dirname "$0")/tap.sh"

# result WANT GOT NAME
result() {
	if [ "$1" = "$2" ]; then
		ok "$3"
	else
		not_ok "$3" <<<"exit code $2, should be $1"
	fi
}

# scan: exit code for the log on standard input
scan() {
	local code=0
	cat >"$tmp/log"
	"$scripts/splats" "$tmp/log" >"$tmp/out" 2>&1 || code=$?
	echo "$code"
}

# each LINE of standard input in a log between others
each() {
	local want=$1 line
	while IFS= read -r line; do
		result "$want" "$(printf '[    0.1] before\n[    1.000001] %s\n[    2.2] after\n' "$line" | scan)" "$line"
	done
}

splat() { each 1; }
clean() { each 0; }

echo "TAP version 13"

splat <<'EOF'
WARNING: CPU: 0 PID: 1 at kernel/a.c:1 f+0x1/0x2
WARNING: kernel/a.c:1 at f+0x1/0x2, CPU#0: sh/1
WARNING: possible circular locking dependency detected
WARNING: suspicious RCU usage
WARNING: inconsistent lock state
BUG: kernel NULL pointer dereference, address: 0000000000000000
BUG: unable to handle page fault for address: ffffffffc0000000
BUG: KASAN: slab-use-after-free in f+0x1/0x2
BUG: KCSAN: data-race in f / g
BUG: KFENCE: out-of-bounds read in f+0x1/0x2
BUG: sleeping function called from invalid context at kernel/a.c:1
BUG: scheduling while atomic: sh/1/0x00000002
BUG: Bad page state in process sh  pfn:00001
BUG: Invalid wait context
BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0 nice=0 stuck for 30s!
BUG: using smp_processor_id() in preemptible [00000000] code: sh/1
BUG kmalloc-64 (Tainted: G           O      ): Redzone overwritten
BUG: Bad rss-counter state mm:1 type:MM_ANONPAGES val:1
watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [sh:1]
watchdog: Watchdog detected hard LOCKUP on cpu 0
kernel BUG at kernel/a.c:1!
Oops: 0000 [#1] PREEMPT SMP NOPTI
Oops: general protection fault, probably for non-canonical address 0x1: 0000 [#1]
general protection fault, probably for non-canonical address 0x1: 0000 [#1]
invalid opcode: 0000 [#1] PREEMPT SMP
Kernel panic - not syncing: Fatal exception
UBSAN: array-index-out-of-bounds in kernel/a.c:1:2
ODEBUG: free active (active state 0) object type: work_struct
refcount_t: underflow; use-after-free.
list_del corruption. prev->next should be 0
list_add corruption. next->prev should be 0
rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:
rcu: INFO: rcu_preempt self-detected stall on CPU
rcu: INFO: rcu_preempt detected expedited stalls on CPUs/tasks: { 0-... }
rcu: rcu_preempt kthread starved for 1 jiffies!
INFO: rcu_tasks detected stalls on tasks:
INFO: task sh:1 blocked for more than 120 seconds.
INFO: trying to register non-static key.
INFO: lockdep is turned off.
Disabling lock debugging due to kernel taint
kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)
kmemleak: Kernel memory leak detector disabled
unreferenced object 0xffff888000000000 (size 64):
------------[ cut here ]------------
------------[ ftrace bug ]------------
 Call Trace:
Call Trace:
Call trace:
CFI failure at f+0x1/0x2 (target: g+0x0/0x3; expected type: 0x12345678)
Missing ENDBR: f+0x0/0x1
traps: Missing ENDBR: f+0x0/0x1
workqueue: work func sops_map_free_work [struct_ops] enqueued on deprecated workqueue. Use system_{percpu|dfl}_wq instead.
workqueue: work func f enqueued on deprecated workqueue. Use system_{percpu|dfl}_wq instead.
f: deprecated use of bpf_struct_ops_get
sops_new: hello
kernel: struct_ops: hello
module struct_ops: wrong
sh: page allocation failure: order:9, mode:0x0(GFP_KERNEL), nodemask=(null)
Out of memory: Killed process 1 (sh)
unregister_netdevice: waiting for lo to become free. Usage count = 2
failed to validate module [struct_ops] BTF: -22
vm: kernel taint mask 512
vm: kernel taint mask 12800
vm: kernel taint mask 16384
EOF

clean <<'EOF'
struct_ops: loading out-of-tree module taints kernel.
struct_ops: module verification failed: signature and/or required key missing - tainting kernel
struct_ops: type t_f is not served: sops_f is no value type
sops_types: loading out-of-tree module taints kernel.
sops_big_ops: refused
func ptr big in struct sops_big_ops has a >8 byte return value, which is not supported
debugfs: out of free dentries, can not create directory 'struct_ops'
vm: struct_ops ended with 0 after 1 s
 bpf_struct_ops_map_update_elem+0x1/0x2
 ? sops_map_update+0x1/0x2 [struct_ops]
vm: kernel taint mask 0
vm: kernel taint mask 4096
vm: kernel taint mask 12288
Spectre V2 : WARNING: Unprivileged eBPF is enabled with eIBRS on
ACPI BIOS Warning (bug): Optional FADT field is zero
rcu: RCU debug extended QS entry/exit.
rcu: 	RCU CPU stall warnings timeout set to 21 (rcu_cpu_stall_timeout).
hung_task: detection of hung tasks is on
Lock dependency validator: Copyright (c) a b
kmemleak: Kernel memory leak detector initialized (mem pool available: 1)
UBSAN is built in
traps: sh[1] general protection fault ip:1 sp:2 error:0 in sh[3+4]
sh[1]: segfault at 0 ip 1 sp 2 error 4 in sh[3+4]
clocksource: timekeeping watchdog on CPU1: Marking clocksource 'tsc' as unstable
debug: this line says BUG: and WARNING: but not at its start
Memory cgroup out of memory: Killed process 1 (sh)
EOF

result 1 "$(printf '[    1.0][   T12] WARNING: CPU: 0 PID: 12 at kernel/a.c:1 f\n' | scan)" "with the caller printed"
result 1 "$(printf 'WARNING: CPU: 0 PID: 12 at kernel/a.c:1 f\n' | scan)" "without a time"
result 0 "$(printf '[ 1.0] sh invoked oom-killer: a\n[ 1.1] Call Trace:\n' | scan)" "call trace of a full cgroup"
result 1 "$(printf '[ 1.0] sh invoked oom-killer: a\n[ 1.1] Call Trace:\n[ 1.2] Call Trace:\n' | scan)" "call trace after that one"
result 0 "$(printf '[ 1.0] sh invoked oom-killer: a\n[ 1.1] Call trace:\n[ 1.2]  sops_f+0x1/0x2 [struct_ops]\n' | scan)" "that of arm64, with us in it"
result 0 "$(printf '[ 1.0] __kmem_cache_create_args(struct_ops_ksym) failed with error -12\n[ 1.1] Call Trace:\n' | scan)" \
	"no memory for a cache of ours"
result 0 "$(printf '[ 1.0] kmem_cache_create_usercopy(struct_ops_ksym) failed with error -12\n[ 1.1] Call Trace:\n' | scan)" \
	"the same on 6.1"
result 0 "$(printf '[ 1.0] kmemleak: 2 new suspected memory leaks (a)\n[ 2.0] kmemleak: 1 new suspected memory leaks (a)\n[ 3.0] leaks: 3 names of caches were lost by the kernel\n' | scan)" \
	"names of caches"
result 1 "$(printf '[ 1.0] kmemleak: 2 new suspected memory leaks (a)\n[ 3.0] leaks: 1 names of caches were lost by the kernel\n' | scan)" \
	"and something else"
known='[ 1.0] ------------[ cut here ]------------
[ 1.0] WARNING: kernel/bpf/trampoline.c:112 at bpf_tramp_ftrace_ops_func+0x1/0x2, CPU#0: sh/1
[ 1.0] Modules linked in: struct_ops(OE)
[ 1.0] Call Trace:
[ 1.0]  f+0x1/0x2
'
result 0 "$(printf '%s[ 2.0] vm: kernel taint mask 12800\n' "$known" | scan)" "7.3's own warning about trampolines"
result 1 "$(printf '%s%s' "$known" "$known" | scan)" "twice: it is said once"
result 1 "$(printf '%s' "${known/112/120}" | scan)" "another one of that function"
result 1 "$(printf '%s[ 2.0] Call Trace:\n' "$known" | scan)" "a call trace after it"
result 1 "$(printf '%s[ 2.0] Modules linked in: struct_ops(OE)\n' "$known" | scan)" "the modules of another report"
result 1 "$(printf '[ 1.0] sh invoked oom-killer: a\n[ 1.1] Modules linked in: struct_ops(OE)\n' | scan)" "and of one that has none"
result 1 "$(printf '%s[ 2.0] vm: kernel taint mask 12928\n' "$known" | scan)" "and a taint for something else"
result 1 "$(printf '[ 1.0] before\n[ 1.1] ------------[ cut here ]------------\n' | scan)" "a log that ends there"
result 1 "$(scan </dev/null)" "empty log"
code=0
"$scripts/splats" "$tmp/none" >"$tmp/out" 2>&1 || code=$?
result 1 "$code" "missing log"
printf '[ 1.0] fine\n' >"$tmp/fine"
printf '[ 1.0] fine\n[ 2.0] Oops: 0000 [#1]\n' >"$tmp/oops"
code=0
"$scripts/splats" "$tmp/fine" "$tmp/oops" >"$tmp/out" || code=$?
result 1 "$code" "second of two logs"
result "$tmp/oops:2: [ 2.0] Oops: 0000 [#1]" "$(cat "$tmp/out")" "says file, line and text"

plan
