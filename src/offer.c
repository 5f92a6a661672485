// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the newest kernel tells subsystems in modules about a value of theirs.
 *
 * Offered by the same names where the kernel has no such functions; declared
 * in include/struct_ops.h. A value's map may be one of the kernel's own, made
 * before insmod: both are laid out alike (layout.c).
 *
 * Goes when the last kernel without them does.
 */
#include <linux/module.h>
#include <compat/struct_ops.h>
#include <struct_ops.h>
#include "layout.h"
#include "map.h"

static struct bpf_map *sops_offer_map(const void *kdata)
{
	return (void *)kdata - offsetof(struct sops_value, data) - sops_layout.kvalue;
}

#ifndef HAVE_STRUCT_OPS_ID
/**
 * bpf_struct_ops_id() - which map is behind a value?
 * @kdata: what the subsystem got by reg() or update(), while it has it
 *
 * Return: the id of the map; 0 when it is on its way out.
 */
u32 bpf_struct_ops_id(const void *kdata)
{
	return READ_ONCE(sops_offer_map(kdata)->id);
}
EXPORT_SYMBOL_GPL(bpf_struct_ops_id);
#endif

#ifndef HAVE_STRUCT_OPS_FOR_EACH_PROG
/* Programs of a map of the kernel's own. 6.1's have none that modules see. */
static int sops_offer_kernels(const struct bpf_map *map,
			      int (*cb)(struct bpf_prog *prog, void *data), void *data)
{
	struct bpf_link **links = *(struct bpf_link ***)((void *)map + sops_layout.links);
	u32 nr = sops_layout.nr_links ? *(u32 *)((void *)map + sops_layout.nr_links) : 0;
	int ret = 0;
	u32 i;

	for (i = 0; !ret && i < nr; i++)
		if (links[i])
			ret = cb(links[i]->prog, data);
	return ret;
}

/**
 * bpf_struct_ops_for_each_prog() - look at the programs behind a value
 * @kdata: as for bpf_struct_ops_id()
 * @cb: called for each, in order of members, until it returns non-zero
 * @data: for @cb
 *
 * Return: 0 or what @cb returned last.
 */
int bpf_struct_ops_for_each_prog(const void *kdata,
				 int (*cb)(struct bpf_prog *prog, void *data),
				 void *data)
{
	struct bpf_map *map = sops_offer_map(kdata);
	const struct sops_image *image;
	int ret = 0;
	u32 i;

	if (!sops_is_map(map))
		return sops_offer_kernels(map, cb, data);
	image = &to_sops_map(map)->image;
	for (i = 0; !ret && i < image->nr_tramps; i++)
		ret = cb(image->tramps[i].prog, data);
	return ret;
}
EXPORT_SYMBOL_GPL(bpf_struct_ops_for_each_prog);
#endif
