/* SPDX-License-Identifier: GPL-2.0-only */
/* What struct bpf_map_ops takes, and who checks what. */
#ifndef SOPS_COMPAT_MAP_OPS_H
#define SOPS_COMPAT_MAP_OPS_H

#include <linux/bpf.h>
#include "features.h"

/* 6.4 (d7ba4cc900bf): update and delete return long. Goes when 6.1 does. */
#ifdef HAVE_MAP_OPS_LONG
#define map_ops_long	long
#else
#define map_ops_long	int
#endif

/* A type of a module, and links: 6.9 (fcc2c1fb0651). Goes when 6.1 does. */
#ifdef HAVE_STRUCT_OPS_DESC
#define sops_attr_btf_fd(attr)	((attr)->value_type_btf_obj_fd)
#define sops_attr_unpack(attr)	((void)(attr))
#else
#define BPF_F_LINK		BIT(13)
#define BPF_F_VTYPE_BTF_OBJ_FD	BIT(15)
#define sops_attr_btf_fd(attr)	((attr)->inner_map_fd)

/*
 * map_create() takes neither of these flags, nor that fd. They get past it in
 * words that it does not read for such a map, together with an id of a type
 * that there is not: should a map be made of them by anybody but us, it is
 * refused, and no map is made that somebody takes for one with flags.
 */
#define SOPS_ATTR_PACKED	BIT(31)

static inline bool sops_attr_is_packed(const union bpf_attr *attr)
{
	return attr->btf_vmlinux_value_type_id & SOPS_ATTR_PACKED;
}

/* What is not right about @attr stays for map_create() to say. */
static inline void sops_attr_pack(union bpf_attr *attr)
{
	/* value_type_btf_obj_fd */
	u32 *btf_fd = (void *)attr + offsetofend(union bpf_attr, map_extra);

	if (attr->map_flags & ~(BPF_F_LINK | BPF_F_VTYPE_BTF_OBJ_FD) ||
	    !attr->btf_vmlinux_value_type_id)
		return;
	if (attr->map_flags & BPF_F_VTYPE_BTF_OBJ_FD) {
		attr->inner_map_fd = *btf_fd;
		*btf_fd = 0;
	}
	attr->numa_node = attr->map_flags;
	attr->map_flags = 0;
	attr->btf_vmlinux_value_type_id |= SOPS_ATTR_PACKED;
}

static inline void sops_attr_unpack(union bpf_attr *attr)
{
	if (!sops_attr_is_packed(attr))
		return;
	attr->map_flags = attr->numa_node;
	attr->numa_node = 0;
	attr->btf_vmlinux_value_type_id &= ~SOPS_ATTR_PACKED;
}
#endif

/*
 * May the caller create a struct_ops map, as far as this is ours to ask?
 * 6.9 (a177fc2bf6fd): map_create() asks, and knows of tokens. Goes when 6.1 does.
 */
static inline bool sops_may_create(void)
{
#ifdef HAVE_BPF_TOKEN
	return true;
#else
	return bpf_capable();
#endif
}

#endif /* SOPS_COMPAT_MAP_OPS_H */
