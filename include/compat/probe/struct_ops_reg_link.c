// SPDX-License-Identifier: GPL-2.0-only
/* 73287fe22872 (6.11): reg, unreg and update are told the link. */
#include <linux/bpf.h>

int probe(struct bpf_struct_ops *ops, void *kdata, struct bpf_link *link);
int probe(struct bpf_struct_ops *ops, void *kdata, struct bpf_link *link)
{
	return ops->reg(kdata, link);
}
