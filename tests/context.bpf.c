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

/* what does this is not taken for short */
static __always_inline void jump_back(void)
{
	int i;

#pragma clang loop unroll(disable)
	for (i = 0; i < 4; i++)
		asm volatile("" ::: "memory");
}

SEC("struct_ops/ssthresh")
__u32 BPF_PROG(look, struct sock *sk)
{
	/* on newer kernels the next is no call */
	jump_back();
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

/* called by the next two: what there is around them is seen from here */
int seen_inside = -1;

SEC("fentry/tcp_reno_undo_cwnd")
int inside(void *ctx)
{
	seen_inside = bpf_get_current_task_btf()->migration_disabled;
	return 0;
}

extern __u32 tcp_reno_undo_cwnd(struct sock *sk) __ksym;

/* calls what is known to be short, and is short */
SEC("struct_ops/set_state")
void BPF_PROG(is_short, struct sock *sk, __u8 state)
{
	tcp_reno_undo_cwnd(sk);
}

/* the same, and jumps back */
SEC("struct_ops/cwnd_event")
void BPF_PROG(loops, struct sock *sk, enum tcp_ca_event event)
{
	jump_back();
	tcp_reno_undo_cwnd(sk);
}

SEC(".struct_ops")
struct tcp_congestion_ops t_context = {
	.ssthresh = (void *)look,
	.min_tso_segs = (void *)leaf,
	.undo_cwnd = (void *)stay,
	.cong_avoid = (void *)avoid,
	.set_state = (void *)is_short,
	.cwnd_event = (void *)loops,
	.name = "t_context",
};
