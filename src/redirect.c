// SPDX-License-Identifier: GPL-2.0-only
/*
 * Redirection by ftrace: how livepatch does it.
 *
 * Each function starts with a call to ftrace; our handler, run there, looks at
 * the arguments, and when the call is for us it sets the instruction
 * pointer to our function, which then runs in place of the kernel's, with the
 * arguments in their registers and the caller's return address on the stack:
 *
 *	caller --> bpf_struct_ops_map_alloc(attr)
 *		       |  ftrace: sops_redirect_entry()
 *		       |-- for us --> sops_hook_new(attr) --> caller
 *		       `-- not -----> the kernel's own body -> caller
 *
 * An ops with IPMODIFY says so to all others: another one (a livepatch) is
 * refused on the same function, and BPF trampolines there go by the address
 * that we set. Kernels that have that go wrong use direct.c instead; on arm64
 * before 6.4 BPF trampolines cannot be attached to functions at all.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <compat/ftrace.h>
#include "landing.h"
#include "redirect.h"

/* The table that is on. Set before the ops is registered. */
static const struct sops_hook *sops_redirected;
static int sops_nr_redirected;

/*
 * Runs in whatever context the redirected function was called in. It calls
 * nothing that is redirected, so it cannot recurse, and must not be skipped
 * by a recursion guard: hence no FTRACE_OPS_FL_RECURSION, which asks for one.
 */
static notrace void sops_redirect_entry(unsigned long ip, unsigned long parent_ip,
					struct ftrace_ops *ops,
					struct ftrace_regs *fregs)
{
	bool ours;
	int i;

	for (i = 0; i < sops_nr_redirected; i++) {
		const struct sops_hook *hook = &sops_redirected[i];

		if (hook->ip != ip)
			continue;
		ours = sops_ftrace_wants(hook->wants, fregs);
		if (sops_landing_wanted())
			ftrace_regs_set_instruction_pointer(fregs, ours ?
							    sops_landings[i].ours :
							    sops_landings[i].body);
		else if (ours)
			ftrace_regs_set_instruction_pointer(fregs,
							    (unsigned long)hook->ours);
		return;
	}
}

/* PERMANENT: sysctl kernel.ftrace_enabled=0 is refused while we are in. */
#define SOPS_REDIRECT_FLAGS \
	(FTRACE_OPS_FL_IPMODIFY | FTRACE_OPS_FL_PERMANENT | SOPS_FTRACE_FLAGS)

/* One ops for all, so that all of them come on and go off together. */
static struct ftrace_ops sops_redirect_ops = {
	.func	= sops_redirect_entry,
	.flags	= SOPS_REDIRECT_FLAGS,
};

static notrace void sops_redirect_nothing(unsigned long ip, unsigned long parent_ip,
					  struct ftrace_ops *ops,
					  struct ftrace_regs *fregs)
{
}

/* After -EBUSY for all together: say for which it is, by trying each alone. */
static void __init sops_redirect_blame(void)
{
	static struct ftrace_ops trial = {
		.func	= sops_redirect_nothing,
		.flags	= SOPS_REDIRECT_FLAGS,
	};
	bool found = false;
	int i, err;

	for (i = 0; i < sops_nr_redirected; i++) {
		if (ftrace_set_filter_ip(&trial, sops_redirected[i].ip, 0, 1))
			continue;
		err = register_ftrace_function(&trial);
		if (!err)
			unregister_ftrace_function(&trial);
		if (err != -EBUSY)
			continue;
		found = true;
		pr_err("%s is already redirected by another module, such as a livepatch: unload that first\n",
		       sops_redirected[i].func);
	}
	ftrace_free_filter(&trial);
	if (!found)
		pr_err("another module redirected what makes struct_ops maps for a moment: try again\n");
}

/* A BPF program is being attached to one of them, or detached, just now. */
static int __init sops_redirect_register(void)
{
	int tries = 100, err;

	while ((err = register_ftrace_function(&sops_redirect_ops)) == -EAGAIN && --tries)
		msleep(20);
	return err;
}

/**
 * sops_redirect_on() - redirect functions of the kernel's
 * @hooks: which; stays
 * @nr: how many
 *
 * Prints a line when it fails. Context: process, at insmod.
 *
 * Return: 0, -EBUSY when another module redirects one of them, -EAGAIN when
 * BPF programs kept being attached to one, or what ftrace had against it.
 */
int __init sops_redirect_on(const struct sops_hook *hooks, int nr)
{
	int i, err = 0;

	sops_redirected = hooks;
	sops_nr_redirected = nr;
	sops_landing_init(hooks);
	for (i = 0; !err && i < nr; i++)
		err = ftrace_set_filter_ip(&sops_redirect_ops, hooks[i].ip, 0, 0);
	if (!err)
		err = sops_redirect_register();
	if (!err)
		return 0;

	ftrace_free_filter(&sops_redirect_ops);
	if (err == -EBUSY)
		sops_redirect_blame();
	else if (err == -EAGAIN)
		pr_err("a function that makes struct_ops maps or links is kept busy by a BPF program being attached to it: try again\n");
	else
		pr_err("cannot redirect what makes struct_ops maps (%d)\n", err);
	sops_nr_redirected = 0;
	return err;
}

/**
 * sops_redirect_off() - undo sops_redirect_on()
 *
 * Can be called again after it failed, and once it succeeded.
 *
 * Return: 0, or -Exxx: then the functions may still lead to ours.
 */
int sops_redirect_off(void)
{
	int err;

	if (!sops_nr_redirected)
		return 0;
	err = unregister_ftrace_function(&sops_redirect_ops);
	if (err)
		return err;
	ftrace_free_filter(&sops_redirect_ops);
	sops_nr_redirected = 0;
	return 0;
}
