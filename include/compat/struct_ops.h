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
 * possible; before, all are of vmlinux, never moved, and without links. The
 * latter goes when 6.1 does.
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
struct sops_desc {
	const struct bpf_struct_ops *ops;
};

#define sops_desc_find(desc, btf, type_id) \
	((void)(btf), !!((desc)->ops = borrowed(bpf_struct_ops_find)(type_id)))
#define sops_desc_ops(desc)	((desc)->ops)
#define sops_desc_kernel(desc)	((const void *)(desc)->ops)
#endif

/* 6.11 (73287fe22872): the link is told. Goes when 6.1 does. */
static inline int sops_reg(const struct bpf_struct_ops *ops, void *kdata,
			   struct bpf_link *link)
{
#ifdef HAVE_STRUCT_OPS_REG_LINK
	return ops->reg(kdata, link);
#else
	return ops->reg(kdata);
#endif
}

static inline void sops_unreg(const struct bpf_struct_ops *ops, void *kdata,
			      struct bpf_link *link)
{
#ifdef HAVE_STRUCT_OPS_REG_LINK
	ops->unreg(kdata, link);
#else
	ops->unreg(kdata);
#endif
}

/* 6.4 (68b04864ca42): the value as a whole. Goes when 6.1 does. */
static inline int sops_validate(const struct bpf_struct_ops *ops, void *kdata)
{
#ifdef HAVE_STRUCT_OPS_UPDATE
	return ops->validate ? ops->validate(kdata) : 0;
#else
	return 0;
#endif
}

/*
 * Until 6.4 (8fb1a76a0f35), TCP's init_member walks the list of congestion
 * controls, which RCU protects, without the read lock: take it here. No type
 * of those kernels sleeps in init_member. Goes when 6.1 does.
 */
static inline int sops_init_member(const struct bpf_struct_ops *ops,
				   const struct btf_type *t,
				   const struct btf_member *member,
				   void *kdata, const void *udata)
{
	int ret;

	if (!IS_ENABLED(HAVE_STRUCT_OPS_UPDATE))
		rcu_read_lock();
	ret = ops->init_member(t, member, kdata, udata);
	if (!IS_ENABLED(HAVE_STRUCT_OPS_UPDATE))
		rcu_read_unlock();
	return ret;
}

/*
 * The type's own do-nothing function for the member at @offset; where a type
 * with stubs has none, programs for the member are refused at load.
 * 6.8 (2cd3e3772e41). Goes when 6.1 does.
 */
static inline void *sops_stub(const struct bpf_struct_ops *ops, u32 offset)
{
#ifdef HAVE_CFI_STUBS
	return *(void **)(ops->cfi_stubs + offset);
#else
	return NULL;
#endif
}

static inline bool sops_supported(const struct bpf_struct_ops *ops, u32 offset)
{
	return !IS_ENABLED(HAVE_CFI_STUBS) || sops_stub(ops, offset);
}

#endif /* SOPS_COMPAT_STRUCT_OPS_H */
