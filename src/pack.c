// SPDX-License-Identifier: GPL-2.0-only
/*
 * Executable memory in the kernel's program packs.
 *
 * A pack is a huge page, or several small ones, that is executable and never
 * writable: what goes there is written through another mapping, by the
 * kernel. Programs live in packs, and trampolines fit between them.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <compat/arch.h>
#include "kernel.h"
#include "pack.h"

static void sops_pack_fill(void *area, unsigned int size)
{
	memset(area, SOPS_FILL, size);
}

/**
 * sops_pack_alloc() - a part of a pack
 * @size: from sops_pack_size()
 *
 * Charged to the BPF JIT limit. The first SOPS_PACK_HEAD bytes are not the
 * caller's. Context: process, may sleep.
 *
 * Return: the part, to be written before it is freed; or an ERR_PTR: -ENOMEM,
 * -EPERM at the limit.
 */
void *sops_pack_alloc(u32 size)
{
	int err = borrowed(bpf_jit_charge_modmem)(size);
	void *mem;

	if (err)
		return ERR_PTR(err);
	mem = optional(bpf_prog_pack_alloc)(size, sops_pack_fill, false);
	if (!mem) {
		borrowed(bpf_jit_uncharge_modmem)(size);
		return ERR_PTR(-ENOMEM);
	}
	return mem;
}

/**
 * sops_pack_write() - write all of a part
 * @mem: from sops_pack_alloc()
 * @code: to be copied; room for a head first, which is filled in here
 * @size: of both
 *
 * Return: 0 or -Exxx; then the part is gone.
 */
int sops_pack_write(void *mem, void *code, u32 size)
{
	void *at;

	sops_pack_set_head(code, size);
	at = optional(bpf_arch_text_copy)(mem, code, size);
	if (!IS_ERR(at))
		return 0;
	/* Where a part needs its head to be freed, there is no way back. */
	if (SOPS_PACK_HEAD)
		pr_err("%u bytes of a program pack are lost (%ld)\n", size, PTR_ERR(at));
	else
		sops_pack_free(mem, size);
	return PTR_ERR(at);
}

/**
 * sops_pack_free() - give a part back
 * @mem: from sops_pack_alloc()
 * @size: of it
 *
 * Context: process, may sleep; no task can be in it.
 */
void sops_pack_free(void *mem, u32 size)
{
	sops_pack_put(mem, size);
	borrowed(bpf_jit_uncharge_modmem)(size);
}
