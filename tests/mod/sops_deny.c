// SPDX-License-Identifier: GPL-2.0-only
/*
 * A function of the kernel that does nothing but answer, at the n-th call of
 * it by a module: how else would it fail when asked to?
 *
 *   insmod sops_deny.ko function=NAME answer=NUMBER; insmod struct_ops.ko
 *   echo N >/sys/module/sops_deny/parameters/nth
 *
 * Afterwards nth is 0 if there was such a call; with all=Y every call is denied
 * until it is N again. Another function and answer can be written there at any
 * time; an empty function is none.
 */
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/ptrace.h>

static char *target = "struct_ops";
module_param(target, charp, 0444);
MODULE_PARM_DESC(target, "the module");

static long answer;
module_param(answer, long, 0600);
MODULE_PARM_DESC(answer, "what it returns");

static unsigned int nth;
module_param(nth, uint, 0600);
MODULE_PARM_DESC(nth, "at which call, from 1; 0: never");

static bool all;
module_param(all, bool, 0600);
MODULE_PARM_DESC(all, "at every call");

static unsigned int denied;
module_param(denied, uint, 0400);
MODULE_PARM_DESC(denied, "how often");

static const struct module *target_module;

static int deny_notify(struct notifier_block *nb, unsigned long state,
		       void *data)
{
	const struct module *mod = data;

	if (!strcmp(mod->name, target))
		/* its exit has run by then */
		WRITE_ONCE(target_module, state == MODULE_STATE_GOING ? NULL : mod);
	return NOTIFY_DONE;
}

static struct notifier_block deny_nb = {
	.notifier_call = deny_notify,
};

/* runs in place of the function */
static noinline long deny_answer(void)
{
	return answer;
}

/* at the first instruction of a function */
static unsigned long deny_caller(const struct pt_regs *regs)
{
#ifdef CONFIG_ARM64
	return procedure_link_pointer(regs);
#else
	return *(unsigned long *)kernel_stack_pointer((struct pt_regs *)regs);
#endif
}

static int deny_call(struct kprobe *kp, struct pt_regs *regs)
{
	const struct module *mod = READ_ONCE(target_module);
	unsigned int left = READ_ONCE(nth);

	if (!mod || !within_module(deny_caller(regs), mod))
		return 0;
	if (!READ_ONCE(all)) {
		if (!left)
			return 0;
		WRITE_ONCE(nth, left - 1);
		if (left > 1)
			return 0;
	}
	WRITE_ONCE(denied, READ_ONCE(denied) + 1);
	instruction_pointer_set(regs, (unsigned long)deny_answer);
	return 1;
}

/* not for a jump in place of the breakpoint: that always goes on behind it */
static void deny_nothing(struct kprobe *kp, struct pt_regs *regs,
			 unsigned long flags)
{
}

static struct kprobe deny_kp;
static char function[64];	/* the one that has the kprobe */

static void deny_none(void)
{
	if (function[0])
		unregister_kprobe(&deny_kp);
	function[0] = 0;
}

/* the caller holds the lock of this module's parameters */
static int deny_function(const char *name, const struct kernel_param *param)
{
	int err;

	deny_none();
	if (strscpy(function, name, sizeof(function)) < 0) {
		function[0] = 0;
		return -E2BIG;
	}
	strim(function);
	if (!function[0])
		return 0;
	deny_kp = (struct kprobe) {
		.symbol_name = function,
		.pre_handler = deny_call,
		.post_handler = deny_nothing,
	};
	err = register_kprobe(&deny_kp);
	if (err)
		function[0] = 0;
	return err;
}

static int deny_which(char *text, const struct kernel_param *param)
{
	return sysfs_emit(text, "%s\n", function);
}

static const struct kernel_param_ops deny_ops = {
	.set = deny_function,
	.get = deny_which,
};

module_param_cb(function, &deny_ops, NULL, 0600);
MODULE_PARM_DESC(function, "the function");

static int __init sops_deny_init(void)
{
	int err = register_module_notifier(&deny_nb);

	if (err)
		deny_none();
	return err;
}

static void __exit sops_deny_exit(void)
{
	deny_none();
	unregister_module_notifier(&deny_nb);
}

module_init(sops_deny_init);
module_exit(sops_deny_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("functions that fail when struct_ops calls them, for its tests");
