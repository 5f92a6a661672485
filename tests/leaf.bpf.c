// SPDX-License-Identifier: GPL-2.0-only
/*
 * Congestion controls whose programs call nothing, call a helper, call what does
 * without a run context, or call nothing and take no context, which on some
 * kernels lets them be replaced.
 */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";

#define MEMBERS(prog)							\
	prog(ssthresh) prog(cong_avoid) prog(undo_cwnd) prog(set_state)	\
	prog(cwnd_event) prog(in_ack_event) prog(pkts_acked)

#define CALLS_NOTHING(m)						\
SEC("struct_ops/" #m) __u32 leaf_##m(unsigned long long *ctx)		\
{									\
	return 2;							\
}
MEMBERS(CALLS_NOTHING)

#define CALLS_HELPER(m)							\
SEC("struct_ops/" #m) __u32 call_##m(unsigned long long *ctx)		\
{									\
	return bpf_get_numa_node_id() < 1000 ? 2 : 3;			\
}
MEMBERS(CALLS_HELPER)

extern __u32 tcp_reno_undo_cwnd(struct sock *sk) __ksym;
extern __u32 cubictcp_recalc_ssthresh(struct sock *sk) __ksym;

#define CALLS_HARMLESS(m)						\
SEC("struct_ops/" #m) __u32 harmless_##m(unsigned long long *ctx)	\
{									\
	return tcp_reno_undo_cwnd((void *)ctx[0]) +			\
	       cubictcp_recalc_ssthresh((void *)ctx[0]) +		\
	       (bpf_ktime_get_ns() ? 2 : 3);				\
}
MEMBERS(CALLS_HARMLESS)

#define TAKES_NOTHING(m)						\
SEC("struct_ops/" #m) __u32 void_##m(void)				\
{									\
	return 2;							\
}
MEMBERS(TAKES_NOTHING)

#define LEAF(m)	.m = (void *)leaf_##m,
SEC(".struct_ops")
struct tcp_congestion_ops t_leaf = { MEMBERS(LEAF) .name = "t_leaf" };

#define CALL(m)	.m = (void *)call_##m,
SEC(".struct_ops")
struct tcp_congestion_ops t_call = { MEMBERS(CALL) .name = "t_call" };

#define HARMLESS(m)	.m = (void *)harmless_##m,
SEC(".struct_ops")
struct tcp_congestion_ops t_harmless = { MEMBERS(HARMLESS) .name = "t_harmless" };

#define VOID(m)	.m = (void *)void_##m,
SEC(".struct_ops")
struct tcp_congestion_ops t_void = { MEMBERS(VOID) .name = "t_void" };
