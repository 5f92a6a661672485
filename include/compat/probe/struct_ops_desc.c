// SPDX-License-Identifier: GPL-2.0-only
/* 4c5763ed996a (6.9): what the kernel knows of a type is split off into a descriptor. */
#include <linux/bpf.h>
#include <linux/btf.h>

const struct bpf_struct_ops *probe(const struct bpf_struct_ops_desc *desc);
const struct bpf_struct_ops *probe(const struct bpf_struct_ops_desc *desc)
{
	return desc->st_ops;
}
