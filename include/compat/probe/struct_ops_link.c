// SPDX-License-Identifier: GPL-2.0-only
/* 68b04864ca42 (6.4), with poll 1adddc97aa44 (6.11): a link registers a map. */
#include <linux/bpf.h>

static_assert(__same_type(bpf_struct_ops_link_create(NULL), int));

void *probe(const struct bpf_link_ops *ops);
void *probe(const struct bpf_link_ops *ops)
{
	return ops->update_map && ops->poll ? ops->detach : NULL;
}
