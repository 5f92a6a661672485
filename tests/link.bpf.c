// SPDX-License-Identifier: GPL-2.0-only
/* Congestion controls for links: two of one name, and another. */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char _license[] SEC("license") = "GPL";

SEC("struct_ops")
__u32 BPF_PROG(ssthresh_first, struct sock *sk)
{
	return 101;
}

SEC("struct_ops")
__u32 BPF_PROG(ssthresh_second, struct sock *sk)
{
	return 102;
}

SEC("struct_ops")
__u32 BPF_PROG(undo_cwnd, struct sock *sk)
{
	return 10;
}

SEC("struct_ops")
void BPF_PROG(cong_avoid, struct sock *sk, __u32 ack, __u32 acked)
{
}

#define CONTROL(var, which, called)			\
SEC(".struct_ops.link")					\
struct tcp_congestion_ops var = {			\
	.ssthresh = (void *)ssthresh_##which,		\
	.cong_avoid = (void *)cong_avoid,		\
	.undo_cwnd = (void *)undo_cwnd,			\
	.name = called,					\
}

CONTROL(first, first, "t_link");
CONTROL(second, second, "t_link");
CONTROL(another, first, "t_another");
