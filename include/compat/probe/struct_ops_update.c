// SPDX-License-Identifier: GPL-2.0-only
/* aef56f2e918b (6.4): types may offer ->validate and ->update, for maps attached by a link. */
#include <linux/bpf.h>

void *probe(struct bpf_struct_ops *ops);
void *probe(struct bpf_struct_ops *ops)
{
	return ops->validate && ops->update ? ops : NULL;
}
