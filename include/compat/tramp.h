/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's own trampoline generator and the memory it writes to.
 * src/ calls the newest kernel's form; older kernels adapt to it here.
 */
#ifndef SOPS_COMPAT_TRAMP_H
#define SOPS_COMPAT_TRAMP_H

#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/set_memory.h>
#include <linux/vmalloc.h>
#include "features.h"

/*
 * One program, in the form the generator takes. A link of our own making
 * carries the program: the generator reads the program and the cookie from it
 * and keeps neither, so it may live on the stack of the caller.
 */
struct sops_tramp_prog {
	struct bpf_tramp_link link;
#ifdef HAVE_TRAMP_NODES
	struct bpf_tramp_nodes units[BPF_TRAMP_MAX];
#else
	struct bpf_tramp_links units[BPF_TRAMP_MAX];
#endif
};

static inline void sops_tramp_prog_init(struct sops_tramp_prog *tp,
					struct bpf_prog *prog)
{
	memset(tp, 0, sizeof(*tp));
	tp->link.link.type = BPF_LINK_TYPE_STRUCT_OPS;
	tp->link.link.prog = prog;
	/* By 7.2: nodes, not links. Goes when 6.12 does. */
#ifdef HAVE_TRAMP_NODES
	tp->link.node.link = &tp->link.link;
	tp->units[BPF_TRAMP_FENTRY].nodes[0] = &tp->link.node;
	tp->units[BPF_TRAMP_FENTRY].nr_nodes = 1;
#else
	tp->units[BPF_TRAMP_FENTRY].links[0] = &tp->link;
	tp->units[BPF_TRAMP_FENTRY].nr_links = 1;
#endif
}

/*
 * Can the generator be trusted with arguments on the stack? From 6.12 on it
 * takes them, but reads one word too far up in a trampoline that is called as
 * a function; 7.3 is the first that is known to be right. Headers do not show
 * it; what they show is that arguments in an arena are there, of the same
 * release. 6.1 refuses them by itself. Goes when 7.2 does.
 */
#ifdef BTF_FMODEL_ARENA_ARG
#define SOPS_TRAMP_STACK_ARGS	true
#else
#define SOPS_TRAMP_STACK_ARGS	false
#endif

/* 6.9 (66c8473135c6): a bit of the program itself. Goes when 6.1 does. */
static inline bool sops_prog_sleepable(const struct bpf_prog *prog)
{
#ifdef HAVE_PROG_SLEEPABLE
	return prog->sleepable;
#else
	return prog->aux->sleepable;
#endif
}

/* 6.10 (82583daa2efc): the memory has an allocator. Goes when 6.1 does. */
#ifdef HAVE_ARCH_ALLOC_BPF_TRAMPOLINE
#define SOPS_BORROWED_TRAMP(borrow)					\
	borrow(arch_alloc_bpf_trampoline, "CONFIG_BPF_JIT")		\
	borrow(arch_free_bpf_trampoline, "CONFIG_BPF_JIT")		\
	borrow(arch_protect_bpf_trampoline, "CONFIG_BPF_JIT")		\
	borrow(arch_bpf_trampoline_size, "CONFIG_BPF_JIT")		\
	borrow(arch_prepare_bpf_trampoline, "CONFIG_BPF_JIT")

#define SOPS_TRAMP_FLAGS	BPF_TRAMP_F_INDIRECT

/* What the memory is given out in: it is a part of a program pack. */
#define SOPS_TRAMP_GRAIN	64

#define sops_tramp_alloc(size)		borrowed(arch_alloc_bpf_trampoline)(size)
#define sops_tramp_free(mem, size)	borrowed(arch_free_bpf_trampoline)(mem, size)
#define sops_tramp_protect(mem, size)	borrowed(arch_protect_bpf_trampoline)(mem, size)

/* Bytes that one trampoline takes, or -Exxx. */
#define sops_tramp_size(model, flags, tp, stub) \
	borrowed(arch_bpf_trampoline_size)(model, flags, (tp)->units, stub)
#else
#define SOPS_BORROWED_TRAMP(borrow)					\
	borrow(bpf_jit_alloc_exec, "CONFIG_BPF_JIT")			\
	borrow(bpf_jit_free_exec, "CONFIG_BPF_JIT")			\
	borrow(set_memory_ro, "CONFIG_ARCH_HAS_SET_MEMORY")		\
	borrow(set_memory_x, "CONFIG_ARCH_HAS_SET_MEMORY")		\
	borrow(find_vm_area, "CONFIG_MMU")				\
	borrow(arch_prepare_bpf_trampoline, "CONFIG_BPF_JIT")

#define SOPS_TRAMP_FLAGS	0
#define SOPS_TRAMP_GRAIN	PAGE_SIZE

/*
 * Writable and not executable. VM_FLUSH_RESET_PERMS has vfree() undo whatever
 * sops_tramp_protect() got done, also in the direct map, before the pages go
 * back to the allocator.
 */
#define sops_tramp_alloc(size) ({					\
	void *__mem = borrowed(bpf_jit_alloc_exec)(size);		\
									\
	if (__mem)							\
		borrowed(find_vm_area)(__mem)->flags |= VM_FLUSH_RESET_PERMS; \
	__mem;								\
})
#define sops_tramp_free(mem, size)	borrowed(bpf_jit_free_exec)(mem)

/* Read-only first, then executable: never writable and executable at once. */
#define sops_tramp_protect(mem, size) ({				\
	unsigned long __mem = (unsigned long)(mem);			\
	int __ret = borrowed(set_memory_ro)(__mem, (size) / PAGE_SIZE);	\
									\
	__ret ?: borrowed(set_memory_x)(__mem, (size) / PAGE_SIZE);	\
})

/*
 * This generator cannot tell a size beforehand, and notices the end of its
 * memory only after writing past it. It takes six argument registers at most;
 * counted instruction by instruction, a struct_ops trampoline with all of them
 * stays under 256 bytes, and it wants 64 more in hand when it ends.
 */
#define sops_tramp_size(model, flags, tp, stub)	512
#endif

/* Bytes written at @mem, or -Exxx. */
#define sops_tramp_write(mem, end, model, flags, tp, stub) \
	borrowed(arch_prepare_bpf_trampoline)(NULL, mem, end, model, flags, \
					      (tp)->units, stub)

/*
 * 6.8 (2cd3e3772e41): where callers through a pointer check the type of a
 * function, it has a preamble, which the generator writes. Goes when 6.1 does.
 */
#ifdef HAVE_CFI_GET_OFFSET
#include <linux/cfi.h>
#define sops_preamble_offset()		cfi_get_offset()
#else
#define sops_preamble_offset()		0
#endif

#define sops_tramp_entry(mem)		((mem) + sops_preamble_offset())

#endif /* SOPS_COMPAT_TRAMP_H */
