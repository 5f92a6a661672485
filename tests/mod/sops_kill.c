// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kills ftrace, as ftrace does itself when it finds its own code not as it
 * left it, but without a word: for good, until the next boot.
 */
#include <linux/ftrace.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/static_call.h>

/* not exported; a static call, since kernels may check indirect ones */
DEFINE_STATIC_CALL_NULL(sops_kill_ftrace, ftrace_kill);

static int __init sops_kill_init(void)
{
	/* never armed: ftrace could not disarm it any more */
	struct kprobe kp = {
		.symbol_name = "ftrace_kill",
		.flags = KPROBE_FLAG_DISABLED,
	};
	int err = register_kprobe(&kp);

	if (err)
		return err;
	static_call_update(sops_kill_ftrace, (void *)kp.addr);
	unregister_kprobe(&kp);
	static_call(sops_kill_ftrace)();
	return 0;
}

static void __exit sops_kill_exit(void)
{
}

module_init(sops_kill_init);
module_exit(sops_kill_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("kills ftrace, for the struct_ops tests");
