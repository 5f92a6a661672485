// SPDX-License-Identifier: GPL-2.0-only
/* Congestion controls whose members do nothing: of four, and of all that may be. */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char _license[] SEC("license") = "GPL";

SEC("struct_ops/init")
void BPF_PROG(b_init, struct sock *sk)
{
}

SEC("struct_ops/release")
void BPF_PROG(b_release, struct sock *sk)
{
}

/* never: but who may call something needs all steps, and who does not fewer */
int ask;

SEC("struct_ops/ssthresh")
__u32 BPF_PROG(b_ssthresh, struct sock *sk)
{
	if (ask)
		bpf_get_numa_node_id();
	return 2;
}

SEC("struct_ops/cong_avoid")
void BPF_PROG(b_cong_avoid, struct sock *sk, __u32 ack, __u32 acked)
{
	if (ask)
		bpf_get_numa_node_id();
}

SEC("struct_ops/set_state")
void BPF_PROG(b_set_state, struct sock *sk, __u8 state)
{
}

SEC("struct_ops/cwnd_event")
void BPF_PROG(b_cwnd_event, struct sock *sk, enum tcp_ca_event ev)
{
}

SEC("struct_ops/in_ack_event")
void BPF_PROG(b_in_ack_event, struct sock *sk, __u32 flags)
{
}

SEC("struct_ops/pkts_acked")
void BPF_PROG(b_pkts_acked, struct sock *sk, const struct ack_sample *sample)
{
}

SEC("struct_ops/min_tso_segs")
__u32 BPF_PROG(b_min_tso_segs, struct sock *sk)
{
	return 2;
}

SEC("struct_ops/undo_cwnd")
__u32 BPF_PROG(b_undo_cwnd, struct sock *sk)
{
	return 2;
}

SEC("struct_ops/sndbuf_expand")
__u32 BPF_PROG(b_sndbuf_expand, struct sock *sk)
{
	return 2;
}

SEC(".struct_ops")
struct tcp_congestion_ops four = {
	.init = (void *)b_init,
	.ssthresh = (void *)b_ssthresh,
	.cong_avoid = (void *)b_cong_avoid,
	.undo_cwnd = (void *)b_undo_cwnd,
	.name = "bench_four",
	.flags = 1,
};

SEC(".struct_ops")
struct tcp_congestion_ops every = {
	.init = (void *)b_init,
	.release = (void *)b_release,
	.ssthresh = (void *)b_ssthresh,
	.cong_avoid = (void *)b_cong_avoid,
	.set_state = (void *)b_set_state,
	.cwnd_event = (void *)b_cwnd_event,
	.in_ack_event = (void *)b_in_ack_event,
	.pkts_acked = (void *)b_pkts_acked,
	.min_tso_segs = (void *)b_min_tso_segs,
	.undo_cwnd = (void *)b_undo_cwnd,
	.sndbuf_expand = (void *)b_sndbuf_expand,
	.name = "bench_all",
	.flags = 1,
};
