/* SPDX-License-Identifier: GPL-2.0-only */
/* The types that modules have registered. */
#ifndef SOPS_REGISTERED_H
#define SOPS_REGISTERED_H

#include <linux/bpf.h>
#include <linux/list.h>
#include <compat/struct_ops.h>

/**
 * struct sops_words - what a program's context has for one member
 * @nr: words of it
 * @nullable: which of them are pointers that may be NULL
 * @unknown: one of them is what this kernel's verifier does not know
 */
struct sops_words {
	u32 nr;
	u32 nullable;
	bool unknown;
};

/**
 * struct sops_registered - a type that a module registered
 * @list: entry in the list of them
 * @st_ops: what the module offers
 * @btf: of the module, a reference
 * @kernel: the same in the form that the verifier of this kernel knows
 * @verifier_ops: the module's, but for is_valid_access
 * @words: of each member
 *
 * Stays until the module goes, which maps of it and loads hold.
 */
struct sops_registered {
	struct list_head list;
	const struct sops_struct_ops *st_ops;
	struct btf *btf;
	struct bpf_struct_ops kernel;
	struct bpf_verifier_ops verifier_ops;
	struct sops_words words[BPF_STRUCT_OPS_MAX_NR_MEMBERS];
};

struct sops_registered *sops_registered_find(const struct btf *btf, u32 type_id);
int sops_registered_add(struct sops_registered *reg);
void sops_registered_del(struct sops_registered *reg);
void sops_registered_del_module(const struct module *module);

#endif /* SOPS_REGISTERED_H */
