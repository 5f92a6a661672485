/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For modules that bring struct_ops types of their own.
 *
 * A source that is written for the newest kernel's register_bpf_struct_ops()
 * builds for kernels before 6.9 with this header, included after all others.
 * There the types are registered with struct_ops.ko, which the module then
 * depends on: it is loaded first, and stays while the module is in. On newer
 * kernels the types are the kernel's own affair, and all that is here are two
 * functions that subsystems in modules may ask; where the kernel does not have
 * them, struct_ops.ko has.
 *
 * What stays as the kernel has it: struct bpf_verifier_ops, which before 6.9
 * has another btf_struct_access and no gen_epilogue. Members with arguments
 * named __ref or __arena take no programs there.
 */
#ifndef STRUCT_OPS_H
#define STRUCT_OPS_H

#include <linux/bpf.h>
#include <linux/bpf_verifier.h>
#include <linux/btf.h>
#include <linux/btf_ids.h>
#include <linux/filter.h>

u32 bpf_struct_ops_id(const void *kdata);
int bpf_struct_ops_for_each_prog(const void *kdata,
				 int (*cb)(struct bpf_prog *prog, void *data),
				 void *data);

#ifndef register_bpf_struct_ops

/**
 * struct sops_struct_ops - what a subsystem offers, as the newest kernel has it
 * @verifier_ops: what programs may do; is_valid_access is a must
 * @init: called once, at registration; a must
 * @check_member: may a program be loaded for a member? May be NULL
 * @init_member: the value's data members, one after the other: above zero if
 *	it has taken care of one, zero if not, -Exxx to refuse
 * @reg: a value is registered, by a link or (NULL) by an update of its map
 * @unreg: the end of that
 * @update: a link moves from one value to another; NULL if it cannot
 * @validate: judges a value as a whole; may be NULL
 * @cfi_stubs: a value with a do-nothing function for each member that
 *	programs can be loaded for
 * @owner: THIS_MODULE
 * @name: of the struct
 */
struct sops_struct_ops {
	const struct bpf_verifier_ops *verifier_ops;
	int (*init)(struct btf *btf);
	int (*check_member)(const struct btf_type *t,
			    const struct btf_member *member,
			    const struct bpf_prog *prog);
	int (*init_member)(const struct btf_type *t,
			   const struct btf_member *member,
			   void *kdata, const void *udata);
	int (*reg)(void *kdata, struct bpf_link *link);
	void (*unreg)(void *kdata, struct bpf_link *link);
	int (*update)(void *kdata, void *old_kdata, struct bpf_link *link);
	int (*validate)(void *kdata);
	void *cfi_stubs;
	struct module *owner;
	const char *name;
};

int sops_register_struct_ops(const struct sops_struct_ops *st_ops);
bool sops_btf_ctx_access(int off, int size, enum bpf_access_type type,
			 const struct bpf_prog *prog,
			 struct bpf_insn_access_aux *info);
const struct bpf_func_proto *sops_base_func_proto(enum bpf_func_id func_id);

#ifndef STRUCT_OPS_NO_RENAME

enum bpf_struct_ops_state {
	BPF_STRUCT_OPS_STATE_INIT,
	BPF_STRUCT_OPS_STATE_INUSE,
	BPF_STRUCT_OPS_STATE_TOBEFREE,
	BPF_STRUCT_OPS_STATE_READY,
};

struct bpf_struct_ops_common_value {
	refcount_t refcnt;
	enum bpf_struct_ops_state state;
};

#define register_bpf_struct_ops(st_ops, type)				\
	({								\
		struct bpf_struct_ops_##type {				\
			struct bpf_struct_ops_common_value common;	\
			struct type data ____cacheline_aligned_in_smp;	\
		};							\
		BTF_TYPE_EMIT(struct bpf_struct_ops_##type);		\
		sops_register_struct_ops(st_ops);			\
	})

#define bpf_struct_ops			sops_struct_ops
#define bpf_base_func_proto(id, prog)	sops_base_func_proto(id)
#define bpf_tracing_btf_ctx_access(off, size, type, prog, info)	\
	(bpf_tracing_ctx_access(off, size, type) &&			\
	 sops_btf_ctx_access(off, size, type, prog, info))
/* prog->sleepable: 66c8473135c6 (6.9) moved it there */
#define sleepable			aux->sleepable

#endif /* STRUCT_OPS_NO_RENAME */
#endif /* register_bpf_struct_ops */
#endif /* STRUCT_OPS_H */
