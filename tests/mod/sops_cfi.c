// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does this kernel check calls through pointers? Does one and says how it came
 * back; fails to load in any case, with ECANCELED, if the kernel lets it go on:
 * cfi=warn does.
 *
 *   insmod sops_cfi.ko what=ptr     as C does it: never reported
 *                           type    of another type: by kCFI and FineIBT
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

static int __init sops_cfi_init(void)
{
	long (*volatile other)(char *, long) = (void *)cfi_target;
	int ret = -1;

	pr_info("sops_cfi: %s: begins\n", what);
	if (!strcmp(what, "ptr"))
		ret = cfi_pointer(41);
	else if (!strcmp(what, "type"))
		ret = other(NULL, 41);
	pr_info("sops_cfi: %s: came back with %d\n", what, ret);
	return -ECANCELED;
}
module_init(sops_cfi_init);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("calls that a kernel with CFI or IBT reports, for the tests");
