// SPDX-License-Identifier: GPL-2.0-only
/*
 * Types whose programs run with preemption off:
 *
 *	insmod struct_ops.ko preempt_off=tcp_congestion_ops,Qdisc_ops
 *
 * A call costs less then, see steps_x86.c. What it costs instead: as long as
 * such a program runs nothing else does on its processor, whatever its
 * priority. For programs that run in softirq anyway that is no loss, but only
 * who knows the programs can tell, so it has to be asked for. Those that are
 * short for all to see have it by default, see needs.c.
 *
 * Programs that may sleep, and all programs where the kernel's generator
 * writes the trampolines, run as they always do.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/moduleparam.h>
#include <linux/printk.h>
#include <linux/string.h>
#include "emit.h"
#include "preempt.h"
#include "type.h"

static char *preempt_off[16];
static unsigned int nr_preempt_off;
module_param_array(preempt_off, charp, &nr_preempt_off, 0444);
MODULE_PARM_DESC(preempt_off, "types whose programs run with preemption off, which is quicker");

/*
 * Types that cannot: their kernel code takes it for granted that migration is
 * off in a program, and finds out from the count whether somebody else wants
 * it off too. So for them it goes off where it is not needed, too.
 */
static const char * const never[] = { "sched_ext_ops", "sched_ext_ops_cid" };

static bool preempt_never(const char *type)
{
	return match_string(never, ARRAY_SIZE(never), type) >= 0;
}

/**
 * sops_preempt_init() - say what becomes of each type that was asked for
 * @own: trampolines are our own
 *
 * Context: process, at insmod, after sops_types_init().
 */
void __init sops_preempt_init(bool own)
{
	unsigned int i;

	if (nr_preempt_off && !own)
		pr_warn("preempt_off is ignored, since trampolines are the kernel's\n");
	for (i = 0; own && i < nr_preempt_off; i++) {
		const char *type = preempt_off[i];

		if (preempt_never(type))
			pr_warn("preempt_off is ignored for %s, whose kernel code relies on migration being off\n",
				type);
		else if (sops_type_is_known(type))
			pr_info("programs of %s run with preemption off\n", type);
		else
			pr_warn("preempt_off: vmlinux has no type %s, only one of a module can be meant\n",
				type);
	}
}

/**
 * sops_preempt_how() - what is different for programs of a type
 * @type: its name
 *
 * Return: SOPS_EMIT_PREEMPT_OFF when that was asked for, and can be,
 * SOPS_EMIT_ALWAYS where it cannot, else 0.
 */
unsigned int sops_preempt_how(const char *type)
{
	if (preempt_never(type))
		return SOPS_EMIT_ALWAYS;
	return match_string((const char * const *)preempt_off, nr_preempt_off, type) >= 0 ?
	       SOPS_EMIT_PREEMPT_OFF : 0;
}
