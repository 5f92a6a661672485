// SPDX-License-Identifier: GPL-2.0-only
/*
 * Landings: an ENDBR and a jump.
 *
 * ftrace returns to where a redirect leads, which needs no ENDBR. But a BPF
 * trampoline with an fexit program on such a function calls what the redirect
 * has set by a pointer (BPF_TRAMP_F_ORIG_STACK), wherever that is. Two such
 * places have none: the body of the kernel's function, behind its call to
 * ftrace, where a call goes that is not for us; and our function, where the
 * kernel has FineIBT and took it away. With IBT each is a #CP, and the kernel
 * dies of it. So there both lead over a landing of the module's.
 *
 * A task that is preempted on one is waited for like one in the decision
 * (hook.c). BPF programs that may sleep cannot be attached to any of these
 * functions, so none sleeps between the decision and the call.
 *
 * For CONFIG_X86_KERNEL_IBT, beside redirect.c; direct.c has jumps alone.
 */
#include <linux/linkage.h>
#include <linux/static_call.h>
#include <asm/ibt.h>
#include "landing.h"

/* A jump to the body is a static call: its target is known at insmod. */
#define SOPS_LANDING_BODY(func, wants, ours, ret, args)			\
	DEFINE_STATIC_CALL_NULL(sops_body_##func, ours);
SOPS_HOOKS(SOPS_LANDING_BODY)

#define SOPS_LANDING(name, target)					\
	asm(".pushsection .text, \"ax\", @progbits\n"			\
	    ".type " name ", @function\n"				\
	    ".globl " name "\n"						\
	    name ":\n"							\
	    ASM_ENDBR							\
	    "	jmp " target "\n"					\
	    ".size " name ", . - " name "\n"				\
	    ".popsection\n");

#define SOPS_LANDING_OURS(func, wants, ours, ret, args)			\
	SOPS_LANDING("sops_landing_ours_" #func, #ours)
SOPS_HOOKS(SOPS_LANDING_OURS)

#define SOPS_LANDING_BACK(func, wants, ours, ret, args)			\
	SOPS_LANDING("sops_landing_body_" #func,			\
		     STATIC_CALL_TRAMP_STR(sops_body_##func))
SOPS_HOOKS(SOPS_LANDING_BACK)

/* In the order of the table. */
const struct sops_landing sops_landings[] = {
#define SOPS_LANDING_ENTRY(func, wants, ours, ret, args)		\
	{ (unsigned long)sops_landing_ours_##func, (unsigned long)sops_landing_body_##func },
	SOPS_HOOKS(SOPS_LANDING_ENTRY)
};

/**
 * sops_landing_init() - make the landings lead to the bodies of @hooks
 * @hooks: the table, with addresses
 *
 * Context: process, at insmod, before they are redirected.
 */
void __init sops_landing_init(const struct sops_hook *hooks)
{
#define SOPS_LANDING_LEAD(func, wants, ours, ret, args)			\
	static_call_update(sops_body_##func,				\
			   (void *)sops_hook_body_of(hooks++));
	if (!sops_landing_wanted())
		return;
	SOPS_HOOKS(SOPS_LANDING_LEAD)
}
