// SPDX-License-Identifier: GPL-2.0-only
/* What attaches to a congestion control's programs: see tramp.c. */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "tramp.h"

char _license[] SEC("license") = "GPL";

__u64 entered;
__u64 replaced;
__u64 stack[TRAMP_DEPTH];
int bytes;

/* ca_cong_avoid asks for its storage: then its frame is complete */
SEC("kprobe/bpf_sk_storage_get")
int storage(void *ctx)
{
	if (!bytes)
		bytes = bpf_get_stack(ctx, stack, sizeof(stack), 0);
	return 0;
}

SEC("fentry/ca_cong_avoid")
int enter(void *ctx)
{
	__sync_fetch_and_add(&entered, 1);
	return 0;
}

SEC("freplace/ca_min_tso_segs")
__u32 replace(void)
{
	__sync_fetch_and_add(&replaced, 1);
	return 2;
}
