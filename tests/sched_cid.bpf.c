// SPDX-License-Identifier: GPL-2.0-only
/*
 * The same scheduler in the form that counts CPUs in the topology's order.
 * The kernel wants an arena with it, and looks through its programs for one.
 */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARENA);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 16);	/* pages */
} arena SEC(".maps");

#define OPS		sched_ext_ops_cid
#define PREPARE()	(bpf_arena_alloc_pages(&arena, NULL, 1, -1, 0) != NULL)

#include "sched.bpf.c"
