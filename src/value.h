/* SPDX-License-Identifier: GPL-2.0-only */
/* The value of a struct_ops map. */
#ifndef SOPS_VALUE_H
#define SOPS_VALUE_H

#include <linux/cache.h>
#include <linux/refcount.h>
#include <linux/types.h>

struct sops_map;

/* What user space reads in the value: part of its binary interface. */
enum sops_state {
	SOPS_STATE_INIT,
	SOPS_STATE_INUSE,
	SOPS_STATE_TOBEFREE,
	SOPS_STATE_READY,
};

/**
 * struct sops_value - head of every value, as BTF has it in bpf_struct_ops_<name>
 * @refcnt: what user space reads is made up at lookup; never used in kvalue
 * @state: enum sops_state
 * @data: the subsystem's struct
 */
struct sops_value {
	refcount_t refcnt;
	u32 state;
	char data[] ____cacheline_aligned_in_smp;
};

int sops_value_check(const struct sops_map *smap, const struct sops_value *value);
int sops_value_fill(struct sops_map *smap, const struct sops_value *value);
void sops_value_clear(struct sops_map *smap);

#endif /* SOPS_VALUE_H */
