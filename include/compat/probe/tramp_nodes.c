// SPDX-License-Identifier: GPL-2.0-only
/* by 7.2: the trampoline's unit is a node inside the link. */
#include <linux/bpf.h>

struct bpf_tramp_node *probe(struct bpf_tramp_link *link);
struct bpf_tramp_node *probe(struct bpf_tramp_link *link)
{
	return &link->node;
}
