// SPDX-License-Identifier: GPL-2.0-only
/* 2cd3e3772e41 (6.8): a type has a stub for each member that it supports. */
#include <linux/bpf.h>

void *probe(const struct bpf_struct_ops *ops);
void *probe(const struct bpf_struct_ops *ops)
{
	return ops->cfi_stubs;
}
