/* SPDX-License-Identifier: GPL-2.0-only */
/* What struct bpf_map_ops takes, and who checks what. */
#ifndef SOPS_COMPAT_MAP_OPS_H
#define SOPS_COMPAT_MAP_OPS_H

#include <linux/bpf.h>
#include "features.h"

/* 6.4 (d7ba4cc900bf): update and delete return long. Goes when 6.1 does. */
#ifdef HAVE_MAP_OPS_LONG
#define map_ops_long	long int
#else
#define map_ops_long	int
#endif

/* A type of a module: 6.9 (fcc2c1fb0651). Goes when 6.1 does. */
#ifdef HAVE_STRUCT_OPS_DESC
#define sops_attr_btf_fd(attr)	((attr)->value_type_btf_obj_fd)
#else
#define BPF_F_LINK		BIT(13)
#define BPF_F_VTYPE_BTF_OBJ_FD	BIT(15)
#define sops_attr_btf_fd(attr)	(-1)
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
