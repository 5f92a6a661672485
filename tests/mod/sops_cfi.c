// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does this kernel check calls through pointers? Does one and says how it came
 * back; fails to load in any case, with ECANCELED, if the kernel lets it go on:
 * cfi=warn ibt=warn do.
 *
 *   insmod sops_cfi.ko what=ptr     as C does it: never reported
 *                           type    of another type: by kCFI and FineIBT
 *                           skip    past what a function begins with, where
 *                                   no ENDBR is: by a processor with IBT
 */
#include <linux/module.h>

static char *what = "ptr";
module_param(what, charp, 0);
MODULE_PARM_DESC(what, "which call");

static noinline int cfi_target(int x)
{
	barrier();
	return x + 1;
}

static int (*volatile cfi_pointer)(int) = cfi_target;

#ifdef CONFIG_X86_KERNEL_IBT
#include <asm/nospec-branch.h>

/* written out, because kCFI looks at calls in C, and thunks call nothing */
static noinline int cfi_skip(void)
{
	unsigned long addr = (unsigned long)cfi_pointer + 4;
	int ret;

	asm volatile(ANNOTATE_RETPOLINE_SAFE
		     "\n\tcall *%[addr]"
		     : "=a" (ret), ASM_CALL_CONSTRAINT
		     : [addr] "r" (addr), "D" (41)
		     : "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "memory", "cc");
	return ret;
}
#else
static int cfi_skip(void)
{
	return -EOPNOTSUPP;
}
#endif

static int __init sops_cfi_init(void)
{
	long (*volatile other)(char *, long) = (void *)cfi_target;
	int ret = -1;

	pr_info("sops_cfi: %s: begins\n", what);
	if (!strcmp(what, "ptr"))
		ret = cfi_pointer(41);
	else if (!strcmp(what, "type"))
		ret = other(NULL, 41);
	else if (!strcmp(what, "skip"))
		ret = cfi_skip();
	pr_info("sops_cfi: %s: came back with %d\n", what, ret);
	return -ECANCELED;
}
module_init(sops_cfi_init);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("calls that a kernel with CFI or IBT reports, for the tests");
