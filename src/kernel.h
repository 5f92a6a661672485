/* SPDX-License-Identifier: GPL-2.0-only */
/* What this module borrows from the kernel: one table, bound and checked at insmod. */
#ifndef SOPS_KERNEL_H
#define SOPS_KERNEL_H

#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/filter.h>
#include <linux/kallsyms.h>
#include <linux/perf_event.h>
#include <linux/static_call.h>
#include <compat/borrow.h>
#include <compat/link.h>
#include <compat/struct_ops.h>
#include <compat/tramp.h>

/*
 * Memory of a map: charged to its creator, who gets -ENOMEM at the limit of
 * the memory cgroup, rather than a visit of the OOM killer.
 */
#define SOPS_GFP	(GFP_KERNEL_ACCOUNT | __GFP_NOWARN | __GFP_RETRY_MAYFAIL)

/* No header outside of the tracer's has it: sops_hooks_check() looks at BTF. */
int ftrace_is_dead(void);

/*
 * borrow(NAME, what gives it). The type of each comes from the kernel header
 * that declares it, so a changed prototype fails the build.
 */
#define SOPS_BORROWED(borrow)						\
	borrow(kallsyms_on_each_match_symbol, "CONFIG_KALLSYMS")	\
	borrow(ftrace_location, "CONFIG_DYNAMIC_FTRACE")		\
	borrow(ftrace_is_dead, "CONFIG_FUNCTION_TRACER")		\
	borrow(bpf_get_btf_vmlinux, "CONFIG_DEBUG_INFO_BTF")		\
	borrow(btf_find_by_name_kind, "CONFIG_BPF_SYSCALL")		\
	borrow(btf_name_by_offset, "CONFIG_BPF_SYSCALL")		\
	borrow(btf_type_resolve_ptr, "CONFIG_BPF_SYSCALL")		\
	borrow(btf_type_resolve_func_ptr, "CONFIG_BPF_SYSCALL")		\
	borrow(btf_resolve_size, "CONFIG_BPF_SYSCALL")			\
	borrow(btf_distill_func_proto, "CONFIG_BPF_SYSCALL")		\
	borrow(btf_type_seq_show, "CONFIG_BPF_SYSCALL")			\
	borrow(bpf_map_init_from_attr, "CONFIG_BPF_SYSCALL")		\
	borrow(bpf_struct_ops_map_sys_lookup_elem, "CONFIG_BPF_JIT")	\
	borrow(bpf_jit_charge_modmem, "CONFIG_BPF_JIT")			\
	borrow(bpf_jit_uncharge_modmem, "CONFIG_BPF_JIT")		\
	borrow(bpf_ksym_add, "CONFIG_BPF_JIT")				\
	borrow(bpf_ksym_del, "CONFIG_BPF_JIT")				\
	borrow(perf_event_ksymbol, "CONFIG_PERF_EVENTS")		\
	borrow(bpf_struct_ops_find, "CONFIG_BPF_JIT")			\
	borrow(btf_get_by_fd, "CONFIG_BPF_SYSCALL")			\
	borrow(btf_put, "CONFIG_BPF_SYSCALL")				\
	borrow(btf_is_module, "CONFIG_DEBUG_INFO_BTF_MODULES")		\
	borrow(btf_try_get_module, "CONFIG_DEBUG_INFO_BTF_MODULES")	\
	borrow(btf_obj_id, "CONFIG_BPF_SYSCALL")			\
	SOPS_BORROWED_LINK(borrow)					\
	SOPS_BORROWED_OLD(borrow)					\
	SOPS_BORROWED_TRAMP(borrow)

/* What we can do without: all of these are there, or none is used. */
#define SOPS_OPTIONAL(borrow)						\
	borrow(bpf_prog_pack_alloc, "CONFIG_BPF_JIT")			\
	borrow(bpf_prog_pack_free, "CONFIG_BPF_JIT")			\
	borrow(bpf_arch_text_copy, "CONFIG_BPF_JIT")			\
	borrow(bpf_trampoline_enter, "CONFIG_BPF_JIT")			\
	borrow(bpf_trampoline_exit, "CONFIG_BPF_JIT")

#define SOPS_DECLARE_BORROWED(name, config) \
	DECLARE_STATIC_CALL(sops_borrowed_##name, name);
SOPS_BORROWED(SOPS_DECLARE_BORROWED)
#undef SOPS_DECLARE_BORROWED

#define SOPS_DECLARE_OPTIONAL(name, config) \
	DECLARE_STATIC_CALL(sops_optional_##name, name);
SOPS_OPTIONAL(SOPS_DECLARE_OPTIONAL)
#undef SOPS_DECLARE_OPTIONAL

/**
 * borrowed() - a borrowed function, to be called at once: borrowed(name)(args)
 * @name: one of SOPS_BORROWED
 *
 * A static call is a direct call: it needs no retpoline, and no ENDBR, which
 * an IBT kernel takes away from functions whose address it never uses itself.
 */
#define borrowed(name)	static_call(sops_borrowed_##name)

/** optional() - the same of SOPS_OPTIONAL, once sops_kernel_bind_optional() succeeded */
#define optional(name)	static_call(sops_optional_##name)

int sops_kernel_bind(void);
int sops_kernel_lookup(const char *name, const char *config,
		       unsigned long *addr);
unsigned long sops_kernel_find(const char *name);
const char *sops_kernel_bind_optional(void);

#endif /* SOPS_KERNEL_H */
