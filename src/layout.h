/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernel's own code finds in a struct_ops map of ours. */
#ifndef SOPS_LAYOUT_H
#define SOPS_LAYOUT_H

#include <linux/bpf.h>
#include "value.h"

/**
 * struct sops_layout - the kernel's struct bpf_struct_ops_map
 * @map_btf_id: its BTF id
 * @desc: what the kernel lists the type as
 * @lock: of its update
 * @links: a pointer to links, one for each program
 * @nr_links: how many there are
 * @ksyms: symbols of its trampolines; empty in ours, which have their own
 * @btf: where the type is from
 * @uvalue: pointer to the value as user space reads it
 * @kvalue: the value as its subsystem sees it; the last member
 *
 * All others are bytes from the start of the map; 0 for what a kernel's maps do not have.
 */
struct sops_layout {
	int map_btf_id;
	u32 desc;
	u32 lock;
	u32 links;
	u32 nr_links;
	u32 ksyms;
	u32 btf;
	u32 uvalue;
	u32 kvalue;
};

extern struct sops_layout sops_layout;

int sops_layout_init(void);
int sops_layout_check_ops(const char *table, const void *ours, size_t from, size_t size);
void sops_layout_fill(struct bpf_map *map, const void *desc, struct btf *btf,
		      struct sops_value *uvalue);
void sops_layout_show_progs(struct bpf_map *map, struct bpf_link **links, u32 nr);

/** sops_layout_value() - where a map has the value that its subsystem gets */
static inline struct sops_value *sops_layout_value(const struct bpf_map *map)
{
	return (void *)map + sops_layout.kvalue;
}

/** sops_layout_size() - what the kernel's code may look at of a map, in bytes */
static inline u32 sops_layout_size(u32 value_size)
{
	return round_up(sops_layout.kvalue + value_size, sizeof(void *));
}

#endif /* SOPS_LAYOUT_H */
