/* SPDX-License-Identifier: GPL-2.0-only */
/* A program for a type of a module is being loaded. */
#ifndef SOPS_LOAD_H
#define SOPS_LOAD_H

#include <linux/bpf.h>
#include <linux/bpfptr.h>
#include <linux/btf.h>

void sops_load_init(void *body);

/* For the table in hooks.h. */
bool sops_load_wants_check(const void *progp);
int sops_load_check(struct bpf_prog **progp, union bpf_attr *attr, bpfptr_t uattr);
bool sops_load_wants_find(const void *unused);
const struct bpf_struct_ops *sops_load_find(u32 type_id);
bool sops_load_wants_proto(const void *btf);
const struct btf_type *sops_load_proto(const struct btf *btf, u32 id, u32 *res_id);

/* What the verifier asks a type of a module. */
int sops_load_check_member(const struct btf_type *t, const struct btf_member *member);
bool sops_load_is_valid_access(int off, int size, enum bpf_access_type type,
			       const struct bpf_prog *prog,
			       struct bpf_insn_access_aux *info);

#endif /* SOPS_LOAD_H */
