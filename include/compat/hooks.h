/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Entry points to a struct_ops map that not every kernel has, for the table in
 * src/hook.c, and in the same form.
 */
#ifndef SOPS_COMPAT_HOOKS_H
#define SOPS_COMPAT_HOOKS_H

#include "features.h"

/* 6.4. Goes when 6.1 does. */
#ifdef HAVE_STRUCT_OPS_LINK
#define SOPS_HOOKS_LINK(hook)						\
	/* ... a map could not be registered by a link */		\
	hook(SOPS_LINK_ATTR, bpf_struct_ops_link_create, sops_link_create, \
	     int, (union bpf_attr *))					\
	/* ... a link of the kernel's own would take our map for its own */ \
	hook(SOPS_MAP_2ND, bpf_struct_ops_map_link_update, sops_link_refuse, \
	     int, (struct bpf_link *, struct bpf_map *, struct bpf_map *))
#else
#define SOPS_HOOKS_LINK(hook)
#endif

/* 6.4. Goes when 6.1 does. */
#ifdef HAVE_MAP_MEM_USAGE
#define SOPS_HOOKS_USAGE(hook)						\
	/* ... fdinfo would tell the memory of something else */	\
	hook(SOPS_MAP, bpf_struct_ops_map_mem_usage, sops_map_mem_usage, \
	     u64, (const struct bpf_map *))
#else
#define SOPS_HOOKS_USAGE(hook)
#endif

/* 6.9. Goes when 6.1 does. */
#ifdef HAVE_STRUCT_OPS_DESC
#define SOPS_HOOKS_INFO(hook)						\
	/* ... map info would read the BTF from somewhere else */	\
	hook(SOPS_MAP_2ND, bpf_map_struct_ops_info_fill, sops_map_info_fill, \
	     void, (struct bpf_map_info *, struct bpf_map *))
#else
#define SOPS_HOOKS_INFO(hook)
#endif

/* 7.0. Goes when 6.19 does. */
#ifdef HAVE_PROG_ASSOC
#define SOPS_HOOKS_ASSOC(hook)						\
	/* ... kfuncs would act on another object than the program's */	\
	hook(SOPS_ALWAYS, bpf_prog_get_assoc_struct_ops, sops_assoc_kdata, \
	     void *, (const struct bpf_prog_aux *))
#else
#define SOPS_HOOKS_ASSOC(hook)
#endif

/* 7.x. Goes when the last kernel without it does. */
#ifdef HAVE_STRUCT_OPS_ID
#define SOPS_HOOKS_ID(hook)						\
	/* ... a subsystem would be told a wrong map id */		\
	hook(SOPS_KDATA, bpf_struct_ops_id, sops_map_id,		\
	     u32, (const void *))
#else
#define SOPS_HOOKS_ID(hook)
#endif

/* 7.x. Goes when the last kernel without it does. */
#ifdef HAVE_STRUCT_OPS_FOR_EACH_PROG
#define SOPS_HOOKS_PROGS(hook)						\
	/* ... a subsystem would be shown wrong programs */		\
	hook(SOPS_KDATA, bpf_struct_ops_for_each_prog, sops_map_for_each_prog, \
	     int, (const void *, int (*)(struct bpf_prog *, void *), void *))
#else
#define SOPS_HOOKS_PROGS(hook)
#endif

#endif /* SOPS_COMPAT_HOOKS_H */
