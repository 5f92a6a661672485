/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is hooked on some kernels only, for the table in src/hooks.h, and in
 * the same form.
 */
#ifndef SOPS_COMPAT_HOOKS_H
#define SOPS_COMPAT_HOOKS_H

#include "features.h"

/*
 * 6.4: links of maps are the kernel's; before, they are made as a whole by
 * rooms of their own, as are types of modules (6.9). Goes when 6.1 does.
 */
#ifdef HAVE_STRUCT_OPS_LINK
#define SOPS_HOOKS_LINK(hook)						\
	/* ... a link would be the kernel's, with its defects */	\
	hook(bpf_struct_ops_link_create, sops_hook_wants_link, sops_link_create, \
	     int, (union bpf_attr *))
#else
#define SOPS_HOOKS_LINK(hook)						\
	/* ... there would be no links, and no map info of types of modules */ \
	hook(__sys_bpf, sops_syscall_wants, sops_syscall,		\
	     int, (int, bpfptr_t, unsigned int))			\
	/* ... the verifier would know no type of a module */		\
	hook(bpf_struct_ops_find, sops_load_wants_find, sops_load_find,	\
	     const struct bpf_struct_ops *, (u32))			\
	hook(btf_type_resolve_func_ptr, sops_load_wants_proto, sops_load_proto, \
	     const struct btf_type *, (const struct btf *, u32, u32 *))	\
	hook(bpf_check, sops_load_wants_check, sops_load_check,		\
	     int, (struct bpf_prog **, union bpf_attr *, bpfptr_t))	\
	/* ... a link whose file can be polled would be none to the kernel */ \
	hook(bpf_link_get_from_fd, sops_link_wants_get_from_fd, sops_link_get_from_fd, \
	     struct bpf_link *, (u32))					\
	hook(bpf_link_new_fd, sops_link_wants_new_fd, sops_link_new_fd,	\
	     int, (struct bpf_link *))					\
	/* ... nor maps that are made for links, or of types of modules */ \
	hook(map_create, sops_hook_wants_create, sops_syscall_create, \
	     int, (union bpf_attr *))
#endif

/* Who is shown every new map, before anybody can have it. 6.9. Goes when 6.1 does. */
#ifdef HAVE_SECURITY_MAP_CREATE
#define SOPS_OBSERVED	"security_bpf_map_create"
#else
#define SOPS_OBSERVED	"security_bpf_map_alloc"
#endif

#endif /* SOPS_COMPAT_HOOKS_H */
