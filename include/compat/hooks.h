/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is hooked on some kernels only, for the table in src/hooks.h, and in
 * the same form.
 */
#ifndef SOPS_COMPAT_HOOKS_H
#define SOPS_COMPAT_HOOKS_H

#include "features.h"

/* 6.4. Goes when 6.1 does. */
#ifdef HAVE_STRUCT_OPS_LINK
#define SOPS_HOOKS_LINK(hook)						\
	/* ... a link would be the kernel's, with its defects */	\
	hook(bpf_struct_ops_link_create, sops_hook_wants_link, sops_link_create, \
	     int, (union bpf_attr *))
#else
#define SOPS_HOOKS_LINK(hook)
#endif

/* Who is shown every new map, before anybody can have it. 6.9. Goes when 6.1 does. */
#ifdef HAVE_SECURITY_MAP_CREATE
#define SOPS_OBSERVED	"security_bpf_map_create"
#else
#define SOPS_OBSERVED	"security_bpf_map_alloc"
#endif

#endif /* SOPS_COMPAT_HOOKS_H */
