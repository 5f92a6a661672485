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
 *		       |  call sops_direct_entry
 *		       |  which of them? jump to sops_direct_bpf_struct_ops_map_alloc
 *		       |-- for us: drop one, jump to sops_hook_new(attr) --> caller
 *		       `-- not: ret --> the kernel's own body -> caller
 *
 * One ops has all of them, so that they come on and go off together, and going
 * takes no memory: a call that is taken out by itself (unregister_ftrace_
 * direct()) is forgotten by ftrace, and stays, when there is none.
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

/* Where each goes on in its own body: what tells one from the other. */
#define SOPS_DIRECT_BODY(func, wants, ours, ret, args)			\
	unsigned long sops_direct_body_##func __ro_after_init;
SOPS_HOOKS(SOPS_DIRECT_BODY)

/* In the order of the table. */
static unsigned long * const sops_direct_bodies[] = {
#define SOPS_DIRECT_ENTRY(func, wants, ours, ret, args)	&sops_direct_body_##func,
	SOPS_HOOKS(SOPS_DIRECT_ENTRY)
};

/* r11 is nobody's at the start of a function. */
#define SOPS_DIRECT_CASE(func, wants, ours, ret, args)			\
	    "	cmpq sops_direct_body_" #func "(%rip), %r11\n"		\
	    "	je sops_direct_" #func "\n"
asm(".pushsection .text, \"ax\", @progbits\n"
	".type sops_direct_entry, @function\n"
	".globl sops_direct_entry\n"
	"sops_direct_entry:\n"
	"	movq (%rsp), %r11\n"
	SOPS_HOOKS(SOPS_DIRECT_CASE)
	ASM_RET
	".size sops_direct_entry, . - sops_direct_entry\n"
	".popsection\n");

static struct ftrace_ops sops_direct_ops;
static bool sops_redirects;

/* After -EBUSY for all together: say for which it is, by trying each alone. */
static void __init sops_direct_blame(const struct sops_hook *hooks, int nr)
{
	static struct ftrace_ops trial;
	unsigned long entry = (unsigned long)sops_direct_entry;
	int i, err = 0;

	for (i = 0; i < nr && err != -EBUSY; i++) {
		err = ftrace_set_filter_ip(&trial, hooks[i].ip, 0, 1) ?:
		      register_ftrace_direct_multi(&trial, entry);
		if (!err)
			unregister_ftrace_direct_multi(&trial, entry);
	}
	ftrace_free_filter(&trial);
	if (err == -EBUSY)
		pr_err("%s is traced by a BPF program (fentry or fexit), or is already redirected by another module, such as a livepatch: end that first\n",
		       hooks[i - 1].func);
	else
		pr_err("a function that makes struct_ops maps or links was traced by a BPF program (fentry or fexit) for a moment: try again\n");
}

int __init sops_redirect_on(const struct sops_hook *hooks, int nr)
{
	int i, err = 0;

	for (i = 0; !err && i < nr; i++) {
		*sops_direct_bodies[i] = sops_hook_body_of(&hooks[i]);
		err = ftrace_set_filter_ip(&sops_direct_ops, hooks[i].ip, 0, 0);
	}
	if (!err)
		err = register_ftrace_direct_multi(&sops_direct_ops,
						   (unsigned long)sops_direct_entry);
	sops_redirects = !err;
	if (!err)
		return 0;

	ftrace_free_filter(&sops_direct_ops);
	if (err == -EBUSY)
		sops_direct_blame(hooks, nr);
	else
		pr_err("cannot redirect what makes struct_ops maps (%d)\n", err);
	return err;
}

int sops_redirect_off(void)
{
	int err;

	if (!sops_redirects)
		return 0;
	/* It forgets the calls that stay. */
	if (borrowed(ftrace_is_dead)())
		return -ENODEV;
	err = unregister_ftrace_direct_multi(&sops_direct_ops,
					     (unsigned long)sops_direct_entry);
	if (err)
		return err;
	ftrace_free_filter(&sops_direct_ops);
	sops_redirects = false;
	return 0;
}
