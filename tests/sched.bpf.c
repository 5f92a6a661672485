// SPDX-License-Identifier: GPL-2.0-only
/* A scheduler: one queue for all, first come, first served. */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char _license[] SEC("license") = "GPL";

/* what 6.12 calls them */
#ifndef SCX_BPF_DSQ_INSERT
#define scx_bpf_dsq_insert		scx_bpf_dispatch
#define scx_bpf_dsq_move_to_local	scx_bpf_consume
#endif

#ifndef OPS
#define OPS		sched_ext_ops
#define PREPARE()	true
#endif

#define ENOMEM	12
#define QUEUE	0
#define SLICE	5000000		/* ns */

__u64 enqueued, running;
__u64 exit_kind;
bool wrong_queue;		/* to be thrown out for */

SEC("struct_ops")
void BPF_PROG(sched_enqueue, struct task_struct *p, u64 flags)
{
	__sync_fetch_and_add(&enqueued, 1);
	scx_bpf_dsq_insert(p, wrong_queue ? 77 : QUEUE, SLICE, flags);
}

SEC("struct_ops")
void BPF_PROG(sched_dispatch, s32 cpu, struct task_struct *prev)
{
	scx_bpf_dsq_move_to_local(QUEUE);
}

SEC("struct_ops")
void BPF_PROG(sched_running, struct task_struct *p)
{
	__sync_fetch_and_add(&running, 1);
}

SEC("struct_ops.s")
s32 BPF_PROG(sched_init)
{
	return PREPARE() ? scx_bpf_create_dsq(QUEUE, -1) : -ENOMEM;
}

SEC("struct_ops")
void BPF_PROG(sched_exit, struct scx_exit_info *info)
{
	exit_kind = info->kind;
}

#define SCHEDULER(var)					\
SEC(".struct_ops.link")					\
struct OPS var = {				\
	.enqueue = (void *)sched_enqueue,		\
	.dispatch = (void *)sched_dispatch,		\
	.running = (void *)sched_running,		\
	.init = (void *)sched_init,			\
	.exit = (void *)sched_exit,			\
	.name = #var,					\
}

SCHEDULER(t_sched);
SCHEDULER(t_sched_other);
