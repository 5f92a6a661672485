/* SPDX-License-Identifier: GPL-2.0-only */
/* What is borrowed on some kernels only, for the table in src/kernel.h, and in the same form. */
#ifndef SOPS_COMPAT_BORROW_H
#define SOPS_COMPAT_BORROW_H

#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/security.h>
#include "features.h"

/* By those parts that stand for links and types of modules. Goes when 6.1 does. */
#ifdef HAVE_STRUCT_OPS_LINK
#define SOPS_BORROWED_OLD(borrow)
#else
/* A module's BTF, with a reference. Where no module has any, none brings a type. */
#ifdef CONFIG_DEBUG_INFO_BTF_MODULES
/* static: sops_register_init() compares it with BTF */
struct btf *btf_get_module_btf(const struct module *module);

#define SOPS_BORROWED_BTF(borrow)					\
	borrow(btf_get_module_btf, "CONFIG_DEBUG_INFO_BTF_MODULES")
#define sops_module_btf(module)	borrowed(btf_get_module_btf)(module)
#else
#define SOPS_BORROWED_BTF(borrow)
#define sops_module_btf(module)	((struct btf *)NULL)
#endif

#define SOPS_BORROWED_OLD(borrow)					\
	borrow(security_bpf, "CONFIG_SECURITY")				\
	borrow(bpf_check_uarg_tail_zero, "CONFIG_BPF_SYSCALL")		\
	borrow(bpf_link_by_id, "CONFIG_BPF_SYSCALL")			\
	SOPS_BORROWED_BTF(borrow)					\
	borrow(btf_ctx_access, "CONFIG_BPF_SYSCALL")			\
	borrow(bpf_base_func_proto, "CONFIG_BPF_SYSCALL")
#endif

#endif /* SOPS_COMPAT_BORROW_H */
