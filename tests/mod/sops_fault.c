// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lets the n-th allocation of a module's init fail, and none before: what the
 * kernel allocates to load a module is not what is tested, and it warns.
 *
 *   insmod sops_fault.ko nth=N; insmod struct_ops.ko
 */
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/sched.h>

static char *target = "struct_ops";
module_param(target, charp, 0444);
MODULE_PARM_DESC(target, "the module");

static unsigned int nth;
module_param(nth, uint, 0600);
MODULE_PARM_DESC(nth, "which allocation fails, from 1; 0: none");

#ifdef CONFIG_FAULT_INJECTION
static unsigned long target_init;

static int sops_fault_notify(struct notifier_block *nb, unsigned long state,
			     void *data)
{
	const struct module *mod = data;

	if (state == MODULE_STATE_COMING && !strcmp(mod->name, target))
		WRITE_ONCE(target_init, (unsigned long)mod->init);
	return NOTIFY_DONE;
}

static struct notifier_block sops_fault_nb = {
	.notifier_call = sops_fault_notify,
};

static int sops_fault_call(struct kprobe *kp, struct pt_regs *regs)
{
	if (nth && regs_get_kernel_argument(regs, 0) == READ_ONCE(target_init))
		current->fail_nth = nth;
	return 0;
}

static struct kprobe sops_fault_kp = {
	.symbol_name = "do_one_initcall",
	.pre_handler = sops_fault_call,
};

static int __init sops_fault_init(void)
{
	int err = register_module_notifier(&sops_fault_nb);

	if (err)
		return err;
	err = register_kprobe(&sops_fault_kp);
	if (err)
		unregister_module_notifier(&sops_fault_nb);
	return err;
}

static void __exit sops_fault_exit(void)
{
	unregister_kprobe(&sops_fault_kp);
	unregister_module_notifier(&sops_fault_nb);
}
#else
static int __init sops_fault_init(void)
{
	return -EOPNOTSUPP;
}

static void __exit sops_fault_exit(void)
{
}
#endif

module_init(sops_fault_init);
module_exit(sops_fault_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("failing allocations at insmod, for the struct_ops tests");
