/* SPDX-License-Identifier: GPL-2.0-only */
/* bpf_link, as far as a link that registers a map needs it. */
#ifndef SOPS_COMPAT_LINK_H
#define SOPS_COMPAT_LINK_H

#include <linux/bpf.h>
#include <linux/file.h>
#include "features.h"

/* 6.12 (1da91ea87aef): struct fd is not looked into. Goes when 6.1 does. */
#ifndef fd_file
#define fd_file(f)	((f).file)
#endif

#define SOPS_BORROWED_LINK(borrow)					\
	borrow(bpf_map_get, "CONFIG_BPF_SYSCALL")			\
	borrow(bpf_link_init, "CONFIG_BPF_SYSCALL")			\
	borrow(bpf_link_prime, "CONFIG_BPF_SYSCALL")			\
	borrow(bpf_link_settle, "CONFIG_BPF_SYSCALL")			\
	borrow(bpf_link_cleanup, "CONFIG_BPF_SYSCALL")

/* 6.4 (68b04864ca42): a link registers a map. Goes when 6.1 does. */
#ifdef HAVE_STRUCT_OPS_LINK
#define sops_attr_map_fd(attr)		((attr)->link_create.map_fd)
#define sops_info_map_id(info)		((info)->struct_ops.map_id)
#else
#define BPF_STRUCT_OPS			44
#define sops_attr_map_fd(attr)		((attr)->link_create.prog_fd)
/* the first word of what is different for each kind of link */
#define sops_info_map_id(info)		(*(u32 *)&(info)->raw_tracepoint)
#endif

/* 6.17 (b725441f02c2): with attach type. Goes when 6.16 does. */
#ifdef HAVE_LINK_ATTACH_TYPE
#define sops_link_init(link, ops) \
	borrowed(bpf_link_init)(link, BPF_LINK_TYPE_STRUCT_OPS, ops, NULL, \
				BPF_STRUCT_OPS)
#else
#define sops_link_init(link, ops) \
	borrowed(bpf_link_init)(link, BPF_LINK_TYPE_STRUCT_OPS, ops, SOPS_LINK_NO_PROG)
#endif

#endif /* SOPS_COMPAT_LINK_H */
