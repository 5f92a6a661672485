// SPDX-License-Identifier: GPL-2.0-only
/*
 * What trampolines of our own have to know of the kernel, on x86-64: from its
 * configuration, kallsyms and BTF.
 */
#include <linux/sched.h>
#include <compat/emit.h>
#include "kernel.h"
#include "learn_x86.h"
#include "names.h"

struct emit_config {
	bool bad;
	const char *why;
};

/* What the kernel has to be configured like, or why not. */
static const struct emit_config emit_configs[] __initconst = {
	{ !IS_ENABLED(CONFIG_SMP), "it has no CONFIG_SMP" },
	{ !IS_ENABLED(CONFIG_PREEMPT_RCU), "it has no CONFIG_PREEMPT_RCU" },
	{ IS_ENABLED(CONFIG_PREEMPT_RT), "it has CONFIG_PREEMPT_RT" },
	{ IS_ENABLED(CONFIG_DEBUG_LOCK_ALLOC), "it has CONFIG_DEBUG_LOCK_ALLOC" },
	{ IS_ENABLED(CONFIG_PROVE_RCU), "it has CONFIG_PROVE_RCU" },
	{ IS_ENABLED(CONFIG_DEBUG_PREEMPT), "it has CONFIG_DEBUG_PREEMPT" },
	{ IS_ENABLED(CONFIG_TRACE_PREEMPT_TOGGLE), "it has CONFIG_TRACE_PREEMPT_TOGGLE" },
	{ IS_ENABLED(CONFIG_RCU_STRICT_GRACE_PERIOD), "it has CONFIG_RCU_STRICT_GRACE_PERIOD" },
	{ IS_ENABLED(CONFIG_FINEIBT_BHI), "it has CONFIG_FINEIBT_BHI" },
};

/* What RCU takes for a reader is what is tested. */
static_assert((PREEMPT_MASK | SOFTIRQ_MASK) == 0xffff);

/**
 * sops_emit_config() - is the kernel configured for trampolines of our own?
 *
 * Return: NULL, or why not.
 */
const char * __init sops_emit_config(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(emit_configs); i++)
		if (emit_configs[i].bad)
			return emit_configs[i].why;
	return NULL;
}

#define AT(member)	offsetof(struct sops_emit_kernel, member)

struct emit_symbol {
	const char *name;
	u32 at;
};

static const struct emit_symbol emit_symbols[] __initconst = {
	{ "bpf_stats_enabled_key", AT(stats) },
	{ "runqueues", AT(nr_pinned) },
	{ SOPS_PREEMPT_SCHEDULE, AT(preempt_schedule) },
	{ "migrate_enable", AT(migrate_enable) },
	{ "__rcu_read_unlock", AT(rcu_read_unlock) },
	{ "__bpf_prog_enter", AT(enter) },
	{ "__bpf_prog_exit", AT(exit) },
	{ "__bpf_prog_enter_sleepable", AT(enter_sleepable) },
	{ "__bpf_prog_exit_sleepable", AT(exit_sleepable) },
};

struct emit_member {
	const char *name;
	u32 size;
	u32 at;
};

static const struct emit_member emit_members[] __initconst = {
	{ "bpf_ctx", 8, AT(task.bpf_ctx) },
	{ "cpus_ptr", 8, AT(task.cpus_ptr) },
	{ "cpus_mask", sizeof(cpumask_t), AT(task.cpus_mask) },
	{ "migration_disabled", 2, AT(task.migration_disabled) },
	{ "rcu_read_lock_nesting", 4, AT(task.rcu_nesting) },
};

/*
 * Variables that are one to a processor and used a lot were in a struct
 * together for some versions, on their own before and after.
 */
static bool __init emit_find_hot(const char *symbol, const char *member, u32 size, u64 *addr)
{
	unsigned long hot = sops_kernel_find("pcpu_hot");
	int offset;

	if (hot) {
		offset = sops_names_member(sops_names_struct("pcpu_hot"), member, size);
		*addr = hot + offset;
		return offset >= 0;
	}
	*addr = sops_kernel_find(symbol);
	return *addr;
}

/* Symbols and members that all kernels have by the same name. */
static const char * __init emit_learn_tables(struct sops_emit_kernel *k)
{
	const struct btf_type *task = sops_names_struct("task_struct");
	unsigned long addr;
	int i, offset;

	for (i = 0; i < ARRAY_SIZE(emit_symbols); i++) {
		addr = sops_kernel_find(emit_symbols[i].name);
		if (!addr)
			return emit_symbols[i].name;
		*(u64 *)((void *)k + emit_symbols[i].at) = addr;
	}
	for (i = 0; i < ARRAY_SIZE(emit_members); i++) {
		offset = sops_names_member(task, emit_members[i].name, emit_members[i].size);
		if (offset < 0)
			return emit_members[i].name;
		*(u32 *)((void *)k + emit_members[i].at) = offset;
	}
	/* Both are read as one. */
	offset = sops_names_member(task, "rcu_read_unlock_special", 4);
	if (offset != k->task.rcu_nesting + 4)
		return "rcu_read_unlock_special";
	offset = sops_names_member(sops_names_struct("rq"), "nr_pinned", 4);
	if (offset < 0)
		return "nr_pinned";
	k->nr_pinned += offset;
	return NULL;
}

/**
 * sops_emit_learn() - all that generated code wants to know
 * @k: to be filled in
 *
 * Context: process, at insmod.
 *
 * Return: NULL, or what is missing.
 */
const char * __init sops_emit_learn(struct sops_emit_kernel *k)
{
	const char *missing = emit_learn_tables(k);
	unsigned long thunk;

	if (missing)
		return missing;
	if (!emit_find_hot("current_task", "current_task", 8, &k->current_task))
		return "current_task";
	k->preempt_wide = SOPS_PREEMPT_COUNT_SIZE == 8;
	if (!emit_find_hot("__preempt_count", "preempt_count", SOPS_PREEMPT_COUNT_SIZE,
			   &k->preempt_count))
		return "__preempt_count";
	if (sops_cpu_counts_calls() &&
	    !emit_find_hot("__x86_call_depth", "call_depth", 8, &k->call_depth))
		return "__x86_call_depth";
	if (boot_cpu_has(X86_FEATURE_RETHUNK)) {
		thunk = sops_kernel_find("x86_return_thunk");
		if (!thunk)
			return "x86_return_thunk";
		k->return_thunk = *(unsigned long *)thunk;
	}
	k->sls = SOPS_RET_SLS;
	k->migrate_first = SOPS_MIGRATE_FIRST;
	return NULL;
}
