/* SPDX-License-Identifier: GPL-2.0-only */
/* What struct bpf_map_ops takes, and who checks what. */
#ifndef SOPS_COMPAT_MAP_OPS_H
#define SOPS_COMPAT_MAP_OPS_H

#include <linux/bpf.h>
#include "features.h"

/*
 * 6.4 (d7ba4cc900bf): update and delete return long. A macro, not a typedef:
 * the hook table spells its prototypes out with it. Goes when 6.1 does.
 */
#ifdef HAVE_MAP_OPS_LONG
#define map_ops_long	long
#else
#define map_ops_long	int
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
