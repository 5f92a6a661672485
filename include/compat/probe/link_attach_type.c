// SPDX-License-Identifier: GPL-2.0-only
/* b725441f02c2 (6.17): bpf_link_init() takes the attach type. */
#include <linux/bpf.h>

void probe(struct bpf_link *link, const struct bpf_link_ops *ops);
void probe(struct bpf_link *link, const struct bpf_link_ops *ops)
{
	bpf_link_init(link, BPF_LINK_TYPE_STRUCT_OPS, ops, NULL, BPF_STRUCT_OPS);
}
