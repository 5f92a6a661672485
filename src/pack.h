/* SPDX-License-Identifier: GPL-2.0-only */
/* Executable memory in the kernel's program packs. */
#ifndef SOPS_PACK_H
#define SOPS_PACK_H

#include <linux/types.h>
#include <compat/pack.h>

void *sops_pack_alloc(u32 size);
int sops_pack_write(void *mem, void *code, u32 size);
void sops_pack_free(void *mem, u32 size);

/** sops_pack_size() - what @size bytes of code take of a pack */
static inline u32 sops_pack_size(u32 size)
{
	return round_up(size + SOPS_PACK_HEAD, SOPS_PACK_GRAIN);
}

#endif /* SOPS_PACK_H */
