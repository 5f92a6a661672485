/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Arguments and instruction pointer of a traced function.
 * src/ calls the newest kernel's form; older kernels adapt to it here.
 */
#ifndef SOPS_COMPAT_FTRACE_H
#define SOPS_COMPAT_FTRACE_H

#include <linux/ftrace.h>
#include "features.h"

/*
 * 6.3 (9705bc709604): accessors. ftrace_instruction_pointer_set(), which was
 * there before, does nothing at all where arguments are not cheap (arm64): of
 * the registers it is always right. Goes when 6.1 does.
 */
#ifndef HAVE_FTRACE_REGS_SET_IP
#define ftrace_regs_get_argument(fregs, n) \
	regs_get_kernel_argument(&(fregs)->regs, n)
#define ftrace_regs_set_instruction_pointer(fregs, ip) \
	instruction_pointer_set(&(fregs)->regs, ip)
#endif

/*
 * Is the call that is traced here for us? 6.4: the first argument tells.
 * Before, some are told by more of them (compat/hooks.h); all are words in
 * registers, and who wants fewer does not look at the others. Goes when 6.1 does.
 */
#ifdef HAVE_STRUCT_OPS_LINK
#define sops_ftrace_wants(wants, fregs)					\
	((wants)((void *)ftrace_regs_get_argument(fregs, 0)))
#else
#define sops_ftrace_wants(wants, fregs)					\
	(((bool (*)(unsigned long, unsigned long, unsigned long,	\
		    unsigned long))(void *)(wants))			\
	 (ftrace_regs_get_argument(fregs, 0), ftrace_regs_get_argument(fregs, 1), \
	  ftrace_regs_get_argument(fregs, 2), ftrace_regs_get_argument(fregs, 3)))
#endif

/*
 * Where the kernel hands over the arguments cheaply, the instruction pointer
 * can be set too; elsewhere all registers have to be asked for.
 */
#ifdef CONFIG_HAVE_DYNAMIC_FTRACE_WITH_ARGS
#define SOPS_FTRACE_FLAGS	0
#else
#define SOPS_FTRACE_FLAGS	FTRACE_OPS_FL_SAVE_REGS
#endif

#endif /* SOPS_COMPAT_FTRACE_H */
