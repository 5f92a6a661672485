// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kernels that check the type of a function before they call it by a pointer.
 *
 * cfi_get_offset() says how far ahead of the function the preamble begins that
 * is looked at. It is an inline function of the headers, but on x86 it reads a
 * variable, since the way of checking is chosen at boot, and that is not
 * exported. So this module has a variable of that name too, and what the
 * kernel's says is copied into it. It does not change after boot.
 *
 * Built where the probe of cfi_get_offset() does not link.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cache.h>
#include <linux/cfi.h>
#include "cfi.h"
#include "kernel.h"

enum cfi_mode cfi_mode __ro_after_init;

/**
 * sops_cfi_init() - learn how the running kernel checks
 *
 * Prints one line when it fails. Context: process, at insmod, after
 * sops_kernel_bind(), before any use of sops_preamble_offset().
 *
 * Return: 0 or -Exxx.
 */
int __init sops_cfi_init(void)
{
	unsigned long addr;
	int err = sops_kernel_lookup("cfi_mode", "CONFIG_KALLSYMS_ALL", &addr);

	if (!err)
		cfi_mode = *(enum cfi_mode *)addr;
	return err;
}
