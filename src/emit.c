// SPDX-License-Identifier: GPL-2.0-only
/*
 * Trampolines of our own: whether this kernel is one for them, and this
 * program.
 *
 * They do what the kernel's trampolines do, see steps_x86.c. That takes
 * knowledge of the kernel: it is asked for at insmod, see learn_x86.c. Then it
 * is put to the test, see try_x86.c. Where something is missing or differs the
 * kernel's own generator is used, and on a processor that nobody wrote bytes
 * for there is emit_none.c in place of all of these.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/moduleparam.h>
#include <linux/sched.h>
#include <compat/emit.h>
#include <compat/ksym.h>
#include "emit.h"
#include "kernel.h"
#include "learn_x86.h"
#include "needs.h"
#include "pack.h"

static bool generator;
module_param(generator, bool, 0444);
MODULE_PARM_DESC(generator, "use the kernel's own trampoline generator");

/* What trampolines have a place for, and set or leave alone: see steps_x86.c. */
static_assert(sizeof(struct bpf_tramp_run_ctx) == 16 &&
	      offsetof(struct bpf_tramp_run_ctx, bpf_cookie) == 0 &&
	      offsetof(struct bpf_tramp_run_ctx, saved_run_ctx) == 8);

static struct sops_emit_kernel emit_kernel;
static struct sops_emit_shared emit_shared;

/* The shared part; NULL: the kernel's generator does it all. */
static void *emit_part;
static u32 emit_part_size;

/* Each part of it has a frame for its own bounds, and a name. */
static struct bpf_ksym emit_ksyms[SOPS_NR_EXITS];
static const char * const emit_names[SOPS_NR_EXITS] __initconst = {
	[SOPS_EXIT_CALLED]	= "bpf__struct_ops_exit_called",
	[SOPS_EXIT_INLINE]	= "bpf__struct_ops_exit",
	[SOPS_EXIT_LEAF]	= "bpf__struct_ops_exit_leaf",
	[SOPS_EXIT_PREEMPT_OFF]	= "bpf__struct_ops_exit_preempt_off",
};

/* The shared part, in executable memory. */
static const char * __init emit_share(void)
{
	u8 buf[SOPS_SHARED_MAX + SOPS_PACK_HEAD];
	struct sops_code c = { .buf = buf, .size = sizeof(buf), .used = SOPS_PACK_HEAD };
	int err;

	memset(buf, SOPS_FILL, sizeof(buf));
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

static const char * __init emit_setup(void)
{
	static char no_symbol[64];
	const char *missing, *why;

	if (generator)
		return "as asked";
	why = sops_emit_config();
	if (why)
		return why;

	missing = sops_emit_learn(&emit_kernel);
	if (!missing)
		missing = sops_kernel_bind_optional();
	if (missing) {
		snprintf(no_symbol, sizeof(no_symbol), "it has no %s that fits", missing);
		return no_symbol;
	}
	sops_needs_init();
	why = emit_share();
	if (!why)
		why = sops_emit_try(&emit_kernel, &emit_shared);
	if (why)
		emit_unshare();
	return why;
}

static void __init emit_name(struct bpf_ksym *ksym, const char *name,
			     const struct sops_exit_part *part)
{
	ksym->start = (unsigned long)emit_part + part->start;
	ksym->end = (unsigned long)emit_part + part->end;
	strscpy(ksym->name, name, sizeof(ksym->name));
	sops_ksym_set_frame(ksym, 1, part->frame_end - part->start);
	INIT_LIST_HEAD_RCU(&ksym->lnode);
	borrowed(bpf_ksym_add)(ksym);
}

/**
 * sops_emit_init() - find out whether there can be trampolines of our own
 *
 * Context: process, at insmod.
 *
 * Return: NULL, or why the kernel's generator is used for all.
 */
const char * __init sops_emit_init(void)
{
	const char *why = emit_setup();
	int i;

	for (i = 0; !why && i < SOPS_NR_EXITS; i++)
		emit_name(&emit_ksyms[i], emit_names[i], &emit_shared.parts[i]);
	return why;
}

/** sops_emit_exit() - at rmmod, when all maps are gone and no task is in their trampolines */
void sops_emit_exit(void)
{
	int i;

	if (!emit_part)
		return;
	for (i = 0; i < SOPS_NR_EXITS; i++)
		borrowed(bpf_ksym_del)(&emit_ksyms[i]);
	/* Who walks a stack may have found a symbol. */
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
 * Trampolines of our own have neither.
 */
bool sops_emit_has_meta(const struct sops_struct_ops *ops, const struct bpf_prog *prog)
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

/* The steps in place. */
static enum sops_emit_form emit_form_inline(struct sops_needs needs, unsigned int how)
{
	if (how & SOPS_EMIT_ALWAYS)
		return SOPS_FORM_ALWAYS;
	if (how & SOPS_EMIT_PREEMPT_OFF || !needs.steps)
		return SOPS_FORM_PREEMPT_OFF;
	return SOPS_FORM_INLINE;
}

/* How to do the steps for @prog; false when the kernel has others for it. */
static bool emit_form(const struct bpf_prog *prog, unsigned int how,
		      struct sops_emit_tramp *t)
{
	struct sops_needs needs;
	u64 enter = (u64)optional(bpf_trampoline_enter)(prog);
	u64 exit = (u64)optional(bpf_trampoline_exit)(prog);

	if (enter == emit_kernel.enter && exit == emit_kernel.exit) {
		needs = sops_needs(prog);
		t->leaf = !needs.run_ctx;
		t->form = emit_form_inline(needs, how);
		return true;
	}
	t->form = SOPS_FORM_SLEEPABLE;
	return enter == emit_kernel.enter_sleepable && exit == emit_kernel.exit_sleepable;
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
		.prog = (u64)prog,
		.func = sops_prog_entry(prog),
		.insns = prog->jited ? 0 : (u64)prog->insnsi,
		.nr_args = model->nr_args,
		.arg_size = model->arg_size,
	};
	int i;

	if (!emit_part || how & SOPS_EMIT_META || sops_model_converts(model) ||
	    model->ret_size > sizeof(u64))
		return false;
	for (i = 0; i < model->nr_args; i++)
		if (model->arg_size[i] > 2 * sizeof(u64))
			return false;
	if (!emit_form(prog, how, &t))
		return false;
	t.preamble_size = sops_preamble(stub, &t.preamble);
	return !sops_emit_tramp(code, &emit_shared, &t);
}
