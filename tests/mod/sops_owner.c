// SPDX-License-Identifier: GPL-2.0-only
/*
 * Takes one function's redirect, as a livepatch would, and redirects
 * nothing: there can be one such owner, and the next has to be refused.
 */
#include <linux/ftrace.h>
#include <linux/module.h>

static char *function = "bpf_struct_ops_map_alloc";
module_param(function, charp, 0444);
MODULE_PARM_DESC(function, "the function to own");

static void notrace owner_call(unsigned long ip, unsigned long parent_ip,
			       struct ftrace_ops *ops,
			       struct ftrace_regs *fregs)
{
}

static struct ftrace_ops owner_ops = {
	.func = owner_call,
	.flags = FTRACE_OPS_FL_SAVE_REGS_IF_SUPPORTED | FTRACE_OPS_FL_IPMODIFY,
};

static int __init sops_owner_init(void)
{
	int err;

	err = ftrace_set_filter(&owner_ops, function, strlen(function), 0);
	if (!err)
		err = register_ftrace_function(&owner_ops);
	if (err)
		ftrace_free_filter(&owner_ops);
	return err;
}

static void __exit sops_owner_exit(void)
{
	unregister_ftrace_function(&owner_ops);
	ftrace_free_filter(&owner_ops);
}

module_init(sops_owner_init);
module_exit(sops_owner_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("owns a function's redirect, for the struct_ops tests");
