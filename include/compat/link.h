/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bpf_link, as far as a link that registers a map needs it.
 * src/link.c is built where the kernel has such links (HAVE_STRUCT_OPS_LINK).
 */
#ifndef SOPS_COMPAT_LINK_H
#define SOPS_COMPAT_LINK_H

#include <linux/bpf.h>
#include "features.h"

#ifdef HAVE_STRUCT_OPS_LINK
#define SOPS_BORROWED_LINK(borrow)					\
	borrow(bpf_map_get, "CONFIG_BPF_SYSCALL")			\
	borrow(bpf_link_init, "CONFIG_BPF_SYSCALL")			\
	borrow(bpf_link_prime, "CONFIG_BPF_SYSCALL")			\
	borrow(bpf_link_settle, "CONFIG_BPF_SYSCALL")			\
	borrow(bpf_link_cleanup, "CONFIG_BPF_SYSCALL")
#else
#define SOPS_BORROWED_LINK(borrow)
#endif

/* 6.17 (b725441f02c2): with attach type. Goes when 6.16 does. */
#ifdef HAVE_LINK_ATTACH_TYPE
#define sops_link_init(link, ops) \
	borrowed(bpf_link_init)(link, BPF_LINK_TYPE_STRUCT_OPS, ops, NULL, \
				BPF_STRUCT_OPS)
#else
#define sops_link_init(link, ops) \
	borrowed(bpf_link_init)(link, BPF_LINK_TYPE_STRUCT_OPS, ops, NULL)
#endif

#endif /* SOPS_COMPAT_LINK_H */
