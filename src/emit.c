// SPDX-License-Identifier: GPL-2.0-only
/*
 * Trampolines of our own: whether this kernel is one for them, and this
 * program.
 *
 * They do what the kernel's trampolines do, see emit_x86.c. That takes
 * knowledge of the kernel: it is asked for at insmod, from the configuration,
 * kallsyms and BTF. Then it is put to the test, see emit_try.c. Where something
 * is missing or differs the kernel's own generator is used.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/moduleparam.h>
#include <linux/sched.h>
#include <compat/emit.h>
#include "emit.h"
#include "kernel.h"
#include "pack.h"

static bool generator;
module_param(generator, bool, 0444);
MODULE_PARM_DESC(generator, "use the kernel's own trampoline generator");

/* What trampolines have a place for, and set or leave alone: see emit_x86.c. */
static_assert(sizeof(struct bpf_tramp_run_ctx) == 16 &&
	      offsetof(struct bpf_tramp_run_ctx, bpf_cookie) == 0 &&
	      offsetof(struct bpf_tramp_run_ctx, saved_run_ctx) == 8);

static struct sops_emit_kernel emit_kernel;
static struct sops_emit_shared emit_shared;

/* The shared part; NULL: the kernel's generator does it all. */
static void *emit_part;
static u32 emit_part_size;
static struct bpf_ksym emit_ksym;

/* What the kernel has to be configured like, or why not. */
static const struct {
	bool bad;
	const char *why;
} emit_configs[] = {
	{ !IS_ENABLED(CONFIG_X86_64), "it is not for x86-64" },
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

static const struct {
	const char *name;
	u64 *addr;
} emit_symbols[] = {
	{ "bpf_stats_enabled_key", &emit_kernel.stats },
	{ "runqueues", &emit_kernel.nr_pinned },
	{ SOPS_PREEMPT_SCHEDULE, &emit_kernel.preempt_schedule },
	{ "migrate_enable", &emit_kernel.migrate_enable },
	{ "__rcu_read_unlock", &emit_kernel.rcu_read_unlock },
	{ "__bpf_prog_enter", &emit_kernel.enter },
	{ "__bpf_prog_exit", &emit_kernel.exit },
	{ "__bpf_prog_enter_sleepable", &emit_kernel.enter_sleepable },
	{ "__bpf_prog_exit_sleepable", &emit_kernel.exit_sleepable },
};

static const struct {
	const char *name;
	u32 size;
	u32 *offset;
} emit_members[] = {
	{ "bpf_ctx", 8, &emit_kernel.task.bpf_ctx },
	{ "cpus_ptr", 8, &emit_kernel.task.cpus_ptr },
	{ "cpus_mask", sizeof(cpumask_t), &emit_kernel.task.cpus_mask },
	{ "migration_disabled", 2, &emit_kernel.task.migration_disabled },
	{ "rcu_read_lock_nesting", 4, &emit_kernel.task.rcu_nesting },
	{ "rcu_read_unlock_special", 4, &emit_kernel.task.rcu_special },
};

/*
 * Variables that are one to a processor and used a lot were in a struct
 * together for some versions, on their own before and after.
 */
static bool emit_find_hot(const char *symbol, const char *member, u32 size, u64 *addr)
{
	unsigned long hot = sops_kernel_find("pcpu_hot");
	int offset;

	if (hot) {
		offset = sops_kernel_offset("pcpu_hot", member, size);
		*addr = hot + offset;
		return offset >= 0;
	}
	*addr = sops_kernel_find(symbol);
	return *addr;
}

/* All that generated code wants to know. Returns NULL or what is missing. */
static const char *emit_learn(void)
{
	struct sops_emit_kernel *k = &emit_kernel;
	unsigned long thunk;
	int i, offset;

	for (i = 0; i < ARRAY_SIZE(emit_symbols); i++) {
		*emit_symbols[i].addr = sops_kernel_find(emit_symbols[i].name);
		if (!*emit_symbols[i].addr)
			return emit_symbols[i].name;
	}
	for (i = 0; i < ARRAY_SIZE(emit_members); i++) {
		offset = sops_kernel_offset("task_struct", emit_members[i].name,
					    emit_members[i].size);
		if (offset < 0)
			return emit_members[i].name;
		*emit_members[i].offset = offset;
	}
	offset = sops_kernel_offset("rq", "nr_pinned", 4);
	if (offset < 0)
		return "nr_pinned";
	k->nr_pinned += offset;

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
	k->migrate_first = IS_ENABLED(HAVE_RCU_LOCK_DONT_MIGRATE);
	return NULL;
}

/* The shared part, in executable memory. */
static const char *emit_share(void)
{
	u8 buf[SOPS_EMIT_MAX + SOPS_PACK_HEAD];
	struct sops_code c = { .buf = buf, .size = sizeof(buf), .used = SOPS_PACK_HEAD };
	int err;

	memset(buf, 0xcc, sizeof(buf));				/* int3 */
	if (sops_emit_shared(&c, &emit_kernel, &emit_shared))
		return "something is out of reach";

	emit_part_size = sops_pack_size(c.used - SOPS_PACK_HEAD);
	emit_part = sops_pack_alloc(emit_part_size);
	if (IS_ERR(emit_part)) {
		emit_part = NULL;
		return "there is no memory";
	}
	c = (struct sops_code) {
		.buf = buf, .size = sizeof(buf), .used = SOPS_PACK_HEAD,
		.at = (u64)emit_part,
	};
	err = sops_emit_shared(&c, &emit_kernel, &emit_shared);
	if (sops_pack_write(emit_part, buf, emit_part_size))
		emit_part = NULL;
	return err || !emit_part ? "no memory can be written" : NULL;
}

static void emit_unshare(void)
{
	if (emit_part)
		sops_pack_free(emit_part, emit_part_size);
	emit_part = NULL;
}

static const char *emit_setup(void)
{
	static char no_symbol[64];
	const char *missing, *why;
	int i;

	if (generator)
		return "as asked";
	for (i = 0; i < ARRAY_SIZE(emit_configs); i++)
		if (emit_configs[i].bad)
			return emit_configs[i].why;

	missing = emit_learn();
	if (!missing)
		missing = sops_kernel_bind_optional();
	if (missing) {
		snprintf(no_symbol, sizeof(no_symbol), "it has no %s that fits", missing);
		return no_symbol;
	}
	why = emit_share();
	if (!why)
		why = sops_emit_try(&emit_kernel, &emit_shared);
	if (why)
		emit_unshare();
	return why;
}

/**
 * sops_emit_init() - find out whether there can be trampolines of our own
 *
 * Context: process, at insmod.
 *
 * Return: NULL, or why the kernel's generator is used for all.
 */
const char *sops_emit_init(void)
{
	const char *why = emit_setup();

	if (why)
		return why;

	emit_ksym.start = (unsigned long)emit_part;
	emit_ksym.end = emit_ksym.start + emit_part_size;
	strscpy(emit_ksym.name, "bpf__struct_ops_exit", sizeof(emit_ksym.name));
	sops_ksym_set_frame(&emit_ksym, emit_shared.frame_start, emit_shared.frame_end);
	INIT_LIST_HEAD_RCU(&emit_ksym.lnode);
	borrowed(bpf_ksym_add)(&emit_ksym);
	return NULL;
}

/** sops_emit_exit() - at rmmod, when all maps are gone and no task is in their trampolines */
void sops_emit_exit(void)
{
	if (!emit_part)
		return;
	borrowed(bpf_ksym_del)(&emit_ksym);
	/* Who walks a stack may have found the symbol. */
	synchronize_rcu();
	emit_unshare();
}

/**
 * sops_emit_has_meta() - may programs of a type ask what is beside their context?
 * @ops: the type
 * @prog: one of its programs
 *
 * That is the number of arguments, and the cookie. Helpers tell them; no type
 * is known to offer one. A type that has nobody to ask offers no helper at all.
 */
bool sops_emit_has_meta(const struct bpf_struct_ops *ops, const struct bpf_prog *prog)
{
	static const enum bpf_func_id readers[] = {
		BPF_FUNC_get_attach_cookie, BPF_FUNC_get_func_arg_cnt,
		BPF_FUNC_get_func_arg, BPF_FUNC_get_func_ret, BPF_FUNC_get_func_ip,
	};
	int i;

	if (!ops->verifier_ops || !ops->verifier_ops->get_func_proto)
		return false;
	for (i = 0; i < ARRAY_SIZE(readers); i++)
		if (ops->verifier_ops->get_func_proto(readers[i], prog))
			return true;
	return false;
}

/*
 * Can an extension be put in a program's place? It would run in the same
 * trampoline, and may call what it likes. It needs the program's BTF, and the
 * verifier lets none replace a function that it found not to be called as its
 * BTF says: so it marks all struct_ops programs with the usual context.
 */
static bool emit_is_extensible(const struct bpf_prog *prog)
{
	return prog->aux->btf && !(prog->aux->func_info_aux &&
				   prog->aux->func_info_aux[0].unreliable);
}

/*
 * Can nothing that runs as this program find out about a run context? Not
 * when it calls nothing: no helper, no function of the kernel, no subprogram,
 * no tail call.
 */
static bool emit_is_leaf(const struct bpf_prog *prog)
{
	u32 i;

	if (emit_is_extensible(prog))
		return false;
	for (i = 0; i < prog->len; i++) {
		u8 code = prog->insnsi[i].code;

		switch (BPF_CLASS(code)) {
		case BPF_ALU:
		case BPF_ALU64:
		case BPF_LDX:
		case BPF_ST:
		case BPF_STX:
			continue;
		case BPF_LD:
			if (code != (BPF_LD | BPF_IMM | BPF_DW))
				return false;
			i++;
			continue;
		}
		/* Jumps: those that only jump, and exit. */
		switch (BPF_OP(code)) {
		case BPF_JA:
		case BPF_JEQ:
		case BPF_JNE:
		case BPF_JGT:
		case BPF_JGE:
		case BPF_JLT:
		case BPF_JLE:
		case BPF_JSET:
		case BPF_JSGT:
		case BPF_JSGE:
		case BPF_JSLT:
		case BPF_JSLE:
		case BPF_EXIT:
			continue;
		}
		return false;
	}
	return true;
}

/* How to do the steps for @prog; false when the kernel has others for it. */
static bool emit_form(const struct bpf_prog *prog, bool preempt_off,
		      enum sops_emit_form *form)
{
	u64 enter = (u64)optional(bpf_trampoline_enter)(prog);
	u64 exit = (u64)optional(bpf_trampoline_exit)(prog);

	if (enter == emit_kernel.enter && exit == emit_kernel.exit)
		*form = preempt_off ? SOPS_FORM_PREEMPT_OFF : SOPS_FORM_INLINE;
	else if (enter == emit_kernel.enter_sleepable && exit == emit_kernel.exit_sleepable)
		*form = SOPS_FORM_SLEEPABLE;
	else
		return false;
	return true;
}

/**
 * sops_emit() - write a trampoline of our own
 * @code: where to
 * @prog: what it calls
 * @model: of the member
 * @stub: the type's own function for the member, NULL on kernels without
 * @how: sum of SOPS_EMIT_*
 *
 * Return: true, or false when it has to be one of the kernel's generator.
 */
bool sops_emit(struct sops_code *code, const struct bpf_prog *prog,
	       const struct btf_func_model *model, void *stub, unsigned int how)
{
	struct sops_emit_tramp t = {
		.leaf = emit_is_leaf(prog),
		.prog = (u64)prog,
		.func = (u64)prog->bpf_func,
		.insns = prog->jited ? 0 : (u64)prog->insnsi,
		.meta = how & SOPS_EMIT_META,
		.nr_args = model->nr_args,
		.arg_size = model->arg_size,
	};
	int i;

	if (!emit_part || sops_model_converts(model) || model->ret_size > sizeof(u64))
		return false;
	for (i = 0; i < model->nr_args; i++)
		if (model->arg_size[i] > 2 * sizeof(u64))
			return false;
	if (!emit_form(prog, how & SOPS_EMIT_PREEMPT_OFF, &t.form))
		return false;
	t.preamble_size = sops_preamble(stub, &t.preamble);
	return !sops_emit_tramp(code, &emit_shared, &t);
}
