/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Arguments and instruction pointer of a traced function.
 * src/ calls the newest kernel's form; older kernels adapt to it here.
 */
#ifndef SOPS_COMPAT_FTRACE_H
#define SOPS_COMPAT_FTRACE_H

#include <linux/ftrace.h>
#include "features.h"

/* 6.3 (9705bc709604): accessors. Goes when 6.1 does. */
#ifndef HAVE_FTRACE_REGS_SET_IP
#define ftrace_regs_get_argument(fregs, n) \
	regs_get_kernel_argument(&(fregs)->regs, n)
#define ftrace_regs_set_instruction_pointer(fregs, ip) \
	ftrace_instruction_pointer_set(fregs, ip)
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
