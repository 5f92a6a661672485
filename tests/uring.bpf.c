// SPDX-License-Identifier: GPL-2.0-only
/* What io_uring runs in place of its wait: ten steps, and back to user space. */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char _license[] SEC("license") = "GPL";

#define CONTINUE	0
#define STOP		1

__u64 steps;

SEC("struct_ops.s")
int BPF_PROG(loop_step, struct iou_ctx *ring, struct iou_loop_params *params)
{
	params->cq_wait_idx = 0;
	return ++steps % 10 ? CONTINUE : STOP;
}

SEC(".struct_ops.link")
struct io_uring_bpf_ops t_uring = {
	.loop_step = (void *)loop_step,
};
