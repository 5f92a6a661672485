// SPDX-License-Identifier: GPL-2.0-only
/* 82583daa2efc (6.10): trampoline memory has its own allocator, and protecting it can fail. */
#include <linux/bpf.h>

static_assert(__same_type(arch_protect_bpf_trampoline(NULL, 0), int));
static_assert(__same_type(arch_alloc_bpf_trampoline(0), void *));
