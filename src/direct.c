// SPDX-License-Identifier: GPL-2.0-only
/*
 * Redirection by direct calls, on kernels where redirection by an ftrace_ops
 * has BPF trampolines go wrong (before 6.4; redirect.c is what they lack).
 *
 * There, an fentry and then an fexit program on a function that an ops with
 * IPMODIFY redirects leave the trampoline's own ops without a handler on a
 * live function; ftrace warns, and switches itself off for good. A function
 * has room for one direct call, though, so where we have it BPF programs are
 * refused (-EBUSY), and so are we where they are. All other tracers of the
 * function work as ever, ahead of us.
 *
 * A direct call has no handler: the function calls our stub, with arguments in
 * their registers and two return addresses on the stack, into its own body
 * and to its caller:
 *
 *	caller --> bpf_struct_ops_map_alloc(attr)
 *		       |  call sops_direct_bpf_struct_ops_map_alloc
 *		       |-- for us: drop one, jump to sops_hook_new(attr) --> caller
 *		       `-- not: ret --> the kernel's own body -> caller
 *
 * Goes when 6.1 does.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/ftrace.h>
#include <linux/linkage.h>
#include <asm/unwind_hints.h>
#include "kernel.h"
#include "redirect.h"

/*
 * All jumps and calls are direct ones, so nothing here needs ENDBR; the six
 * registers that arguments are in survive, also where fewer are used.
 */
#define SOPS_DIRECT_STUB(func, wants, ours, ret, args)			\
	asm(".pushsection .text, \"ax\", @progbits\n"			\
	    ".type sops_direct_" #func ", @function\n"			\
	    ".globl sops_direct_" #func "\n"				\
	    "sops_direct_" #func ":\n"					\
	    "	pushq %rbp\n"						\
	    "	movq %rsp, %rbp\n"					\
	    "	pushq %rdi\n"						\
	    "	pushq %rsi\n"						\
	    "	pushq %rdx\n"						\
	    "	pushq %rcx\n"						\
	    "	pushq %r8\n"						\
	    "	pushq %r9\n"						\
	    "	call " #wants "\n"					\
	    "	popq %r9\n"						\
	    "	popq %r8\n"						\
	    "	popq %rcx\n"						\
	    "	popq %rdx\n"						\
	    "	popq %rsi\n"						\
	    "	popq %rdi\n"						\
	    "	popq %rbp\n"						\
	    "	testb %al, %al\n"					\
	    "	jnz 1f\n"						\
	    ASM_RET							\
	    "1:	addq $8, %rsp\n"					\
	    UNWIND_HINT_FUNC						\
	    "	jmp " #ours "\n"					\
	    ".size sops_direct_" #func ", . - sops_direct_" #func "\n"	\
	    ".popsection\n");
SOPS_HOOKS(SOPS_DIRECT_STUB)

/* In the order of the table. */
static void * const sops_direct_stubs[] = {
#define SOPS_DIRECT_ENTRY(func, wants, ours, ret, args)	sops_direct_##func,
	SOPS_HOOKS(SOPS_DIRECT_ENTRY)
};

static const struct sops_hook *sops_redirected;
/* How many of them are on, from the first. */
static int sops_nr_redirected;

int __init sops_redirect_on(const struct sops_hook *hooks, int nr)
{
	int i, err;

	sops_redirected = hooks;
	for (i = 0; i < nr; i++) {
		err = register_ftrace_direct(hooks[i].ip, (unsigned long)sops_direct_stubs[i]);
		if (err)
			goto undo;
		sops_nr_redirected++;
	}
	return 0;

undo:
	if (err == -EBUSY)
		pr_err("%s is traced by a BPF program (fentry or fexit), or is already redirected by another module, such as a livepatch: end that first\n",
		       hooks[i].func);
	else
		pr_err("cannot redirect %s (%d)\n", hooks[i].func, err);
	sops_redirect_off();
	return err;
}

int sops_redirect_off(void)
{
	int i, err;

	while (sops_nr_redirected) {
		i = sops_nr_redirected - 1;
		/* It warns when it cannot, and forgets the call that stays. */
		if (borrowed(ftrace_is_dead)())
			return -ENODEV;
		err = unregister_ftrace_direct(sops_redirected[i].ip,
					       (unsigned long)sops_direct_stubs[i]);
		if (err)
			return err;
		sops_nr_redirected--;
	}
	return 0;
}
