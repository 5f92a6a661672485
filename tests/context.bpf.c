// SPDX-License-Identifier: GPL-2.0-only
/* A congestion control that tells what was done around it, and one that stays in. */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char _license[] SEC("license") = "GPL";

int migration_disabled = -1;	/* as ssthresh sees it */
int spinning;			/* undo_cwnd is in its loop */
int released;			/* and is to leave it */
__u64 patience = 5000000000ULL;	/* or leaves it by itself */
__u64 until;

SEC("struct_ops/ssthresh")
__u32 BPF_PROG(look, struct sock *sk)
{
	migration_disabled = bpf_get_current_task_btf()->migration_disabled;
	return 77;
}

/* calls nothing */
SEC("struct_ops/min_tso_segs")
__u32 BPF_PROG(leaf, struct sock *sk)
{
	return 55;
}

static long spin(__u32 i, void *unused)
{
	return *(volatile int *)&released || bpf_ktime_get_ns() > until;
}

SEC("struct_ops/undo_cwnd")
__u32 BPF_PROG(stay, struct sock *sk)
{
	until = bpf_ktime_get_ns() + patience;
	*(volatile int *)&spinning = 1;
	bpf_loop(1 << 23, spin, NULL, 0);
	*(volatile int *)&spinning = 0;
	return *(volatile int *)&released ? 33 : 34;
}

SEC("struct_ops/cong_avoid")
void BPF_PROG(avoid, struct sock *sk, __u32 ack, __u32 acked)
{
}

SEC(".struct_ops")
struct tcp_congestion_ops t_context = {
	.ssthresh = (void *)look,
	.min_tso_segs = (void *)leaf,
	.undo_cwnd = (void *)stay,
	.cong_avoid = (void *)avoid,
	.name = "t_context",
};
