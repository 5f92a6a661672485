/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a struct_ops type offers to its maps: struct bpf_struct_ops.
 * src/ calls the newest kernel's form; older kernels adapt to it here.
 */
#ifndef SOPS_COMPAT_STRUCT_OPS_H
#define SOPS_COMPAT_STRUCT_OPS_H

#include <linux/bpf.h>
#include <linux/btf.h>
#include "features.h"

/*
 * What the kernel itself lists a type as. A map of ours points to a copy: the
 * kernel may move its own while it is in use, and compares them to tell if a
 * link of its own may go over to another map, which is to be one of its own.
 * 6.9 (4c5763ed996a) split a descriptor off, and made types of modules
 * possible; before, all the kernel's are of vmlinux and never moved, and those of
 * modules are ours (src/registered.c). The latter goes when 6.1 does.
 */
#ifdef HAVE_STRUCT_OPS_DESC
struct sops_desc {
	struct bpf_struct_ops_desc copy;
};

/* False when the kernel does not list the type. */
#define sops_desc_find(desc, btf, type_id) ({				\
	const struct bpf_struct_ops_desc *__listed =			\
		borrowed(bpf_struct_ops_find)(btf, type_id);		\
									\
	if (__listed)							\
		(desc)->copy = *__listed;				\
	!!__listed;							\
})
#define sops_desc_ops(desc)	((desc)->copy.st_ops)
#define sops_desc_kernel(desc)	((const void *)&(desc)->copy)
#else
#define STRUCT_OPS_NO_RENAME
#include <struct_ops.h>

struct sops_desc {
	const struct bpf_struct_ops *kernel;
	const struct sops_struct_ops *ops;
};

bool sops_desc_find(struct sops_desc *desc, const struct btf *btf, u32 type_id);
#define sops_desc_ops(desc)	((desc)->ops)
#define sops_desc_kernel(desc)	((const void *)(desc)->kernel)
#endif

/*
 * What a type offers has been as it is since 6.11 (73287fe22872: reg, unreg
 * and update are told the link). Before 6.9 it is given that form here, see
 * src/native.c; what is between the two nobody has tried. Goes when 6.1 does.
 */
#ifdef HAVE_STRUCT_OPS_REG_LINK
#define sops_struct_ops		bpf_struct_ops
#elif defined(HAVE_STRUCT_OPS_DESC)
#error "struct_ops.ko is for kernels of 6.1, and from 6.12 on"
#endif

/* What the kernel learnt of arguments from the names that stubs give them. */
#ifdef HAVE_STRUCT_OPS_DESC
#define sops_arg_flags(ops, member, arg)	((ops)->func_models[member].arg_flags[arg])
#else
#define sops_arg_flags(ops, member, arg)	0
#endif

/*
 * The type's own do-nothing function for the member at @offset; where a type
 * with stubs has none, programs for the member are refused at load.
 * 6.8 (2cd3e3772e41). The generator before has no use for them, nor do the
 * kernel's own types have any. Goes when 6.1 does.
 */
static inline void *sops_stub(const struct sops_struct_ops *ops, u32 offset)
{
#ifdef HAVE_CFI_STUBS
	return *(void **)(ops->cfi_stubs + offset);
#else
	return NULL;
#endif
}

static inline bool sops_supported(const struct sops_struct_ops *ops, u32 offset)
{
	return !ops->cfi_stubs || *(void **)(ops->cfi_stubs + offset);
}

#endif /* SOPS_COMPAT_STRUCT_OPS_H */
