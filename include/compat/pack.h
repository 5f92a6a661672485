/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Parts of the kernel's program packs. src/ calls the newest kernel's form;
 * older kernels adapt to it here.
 */
#ifndef SOPS_COMPAT_PACK_H
#define SOPS_COMPAT_PACK_H

#include <linux/filter.h>
#include "features.h"

/* What a pack is given out in. */
#define SOPS_PACK_GRAIN		64

/*
 * Before the size was an argument, the part to be freed began with it.
 * Goes when 6.1 does.
 */
#ifdef HAVE_PROG_PACK_FREE_SIZE
#define SOPS_PACK_HEAD		0
#define sops_pack_set_head(code, part_size)	((void)(code))
#define sops_pack_put(part, part_size)	optional(bpf_prog_pack_free)(part, part_size)
#else
#define SOPS_PACK_HEAD		sizeof(struct bpf_binary_header)
#define sops_pack_set_head(code, part_size) \
	(((struct bpf_binary_header *)(code))->size = (part_size))
#define sops_pack_put(part, part_size)	optional(bpf_prog_pack_free)(part)
#endif

#endif /* SOPS_COMPAT_PACK_H */
