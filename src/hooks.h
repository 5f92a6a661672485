/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's functions that are redirected to ours: one table. */
#ifndef SOPS_HOOKS_H
#define SOPS_HOOKS_H

#include <linux/bpf.h>
#include <linux/ftrace.h>
#include <compat/hooks.h>
#include "link.h"
#include "map.h"
#ifndef HAVE_STRUCT_OPS_LINK
#include "link_file.h"
#include "load.h"
#include "syscall.h"
#endif

/*
 * hook(kernel's function, is this call for us?, ours, return type, arguments):
 * without it ...
 *
 * Whether a call is for us is told by its first argument, before 6.4 by up to
 * four words of arguments. If it is, that function may hand a
 * reference on this module to ours. What is called most comes first.
 */
#define SOPS_HOOKS(hook)						\
	SOPS_HOOKS_LINK(hook)						\
	/* ... no map would be ours */					\
	hook(bpf_struct_ops_map_alloc, sops_hook_wants_new, sops_hook_new, \
	     struct bpf_map *, (union bpf_attr *))			\
	/* ... one that cannot be finished would keep this module */	\
	hook(bpf_struct_ops_map_free, sops_hook_wants_unserved, sops_map_free, \
	     void, (struct bpf_map *))

bool sops_hook_wants_new(const void *attr);
bool sops_hook_wants_unserved(const void *map);
bool sops_hook_wants_link(const void *attr);
bool sops_hook_wants_create(const void *attr);
struct bpf_map *sops_hook_new(union bpf_attr *attr);

/**
 * struct sops_hook - one of the table
 * @func: name of the kernel's function
 * @proto: its prototype, as C text
 * @wants: is this call for us? Never sleeps
 * @ours: what runs instead then
 * @ip: address of the function's call to ftrace
 */
struct sops_hook {
	const char *func;
	const char *proto;
	bool (*wants)(const void *first);
	void *ours;
	unsigned long ip;
};

/** sops_hook_body_of() - where a hooked function goes on, behind its call to ftrace */
static inline unsigned long sops_hook_body_of(const struct sops_hook *hook)
{
	return hook->ip + MCOUNT_INSN_SIZE;
}

#endif /* SOPS_HOOKS_H */
