/* SPDX-License-Identifier: GPL-2.0-only */
/* What differs between processors, for what is common to all of them. */
#ifndef SOPS_COMPAT_ARCH_H
#define SOPS_COMPAT_ARCH_H

/* Registers that take arguments, and what stands where nobody should get to, byte by byte. */
#ifdef CONFIG_X86_64
#define SOPS_ARG_REGS	6
#define SOPS_FILL	0xcc	/* int3 */
#endif
#ifdef CONFIG_ARM64
#define SOPS_ARG_REGS	8
#define SOPS_FILL	0	/* udf #0 */
#endif

/*
 * Where there are no static calls, what is borrowed is called through a
 * pointer. Does this kernel check such calls? Then a function that the kernel
 * itself calls only by name may lack what is looked for. The options are those
 * of arm64's BTI, and of kCFI, by its names before and since 6.18.
 */
#define SOPS_CALLS_ARE_CHECKED						\
	(!IS_ENABLED(CONFIG_HAVE_STATIC_CALL) &&			\
	 (IS_ENABLED(CONFIG_ARM64_BTI_KERNEL) ||			\
	  IS_ENABLED(CONFIG_CFI_CLANG) || IS_ENABLED(CONFIG_CFI)))

#endif /* SOPS_COMPAT_ARCH_H */
