// SPDX-License-Identifier: GPL-2.0-only
/*
 * The steps around a program, for x86-64: RCU, migration, the run context.
 *
 * They are those of the kernel's __bpf_prog_enter() and __bpf_prog_exit(). The
 * kernel's functions are called only where something rare is to be done: a
 * reschedule is due, RCU waits for us, the task was moved, run time is being
 * counted. All trampolines that do the same steps have the same bytes for
 * them, but for the program: they are written once, see struct sops_steps.
 *
 *	the member's trampoline			shared by all
 *	    preamble, frame, arguments
 *	    held off? ---------------------+
 *	 +- counted?                       |
 *	 |  RCU, migration, run context    |
 *	 |  call the program               |
 *	 |  jump -------------------------------> run context, migration, RCU
 *	 |                                 |      return to the caller
 *	 +> call -------------------------------> the kernel's enter
 *	 |  call the program               |
 *	 |  jump -------------------------------> the kernel's exit
 *	 |                                 |      return to the caller
 *	 +- counted? <---------------------+
 *	    run context
 *	    call the program
 *	    run context
 *	    return to the caller
 *
 * Who finds the statistics on takes the kernel's exit, and who finds them off
 * ours, whatever they are by then: each way has an end of its own.
 *
 * The stack is in steps_x86.h.
 *
 * Until the program is called rax is the task; after it rdx is, since rax is
 * the return value.
 *
 *
 * Held off: the caller cannot be preempted
 *
 * Most members are called with a spinlock held, with softirqs off, or from a
 * softirq. There the steps for RCU and migration do nothing that is not done
 * already, and are left out:
 *
 * RCU.  With CONFIG_PREEMPT_RCU there is one flavour since 4.20: a grace period
 * waits for whoever has preemption or softirqs off, as for a reader. In all
 * versions the scheduler's tick (rcu_flavor_sched_clock_irq()), the interrupt
 * of an expedited grace period (rcu_exp_handler()) and the end of a reader
 * (rcu_read_unlock_special()) test
 *
 *	preempt_count() & (PREEMPT_MASK | SOFTIRQ_MASK)
 *
 * and report no quiescent state while that is not 0; a context switch, which
 * reports one, cannot be. These are the lower 16 bits, and they are what is
 * tested here: not the need-resched bit, which is inverted and in 7.3 in
 * another word, and not hardirq, NMI or (7.3) interrupts held off by count. Who
 * has only interrupts off is a reader too, but there the count does not tell,
 * and no caller is known that is worth a second test: all steps are done.
 * preempt=none, voluntary, full and lazy differ in when a reschedule is done;
 * the count is kept in all of them, and none reschedules while it is not 0:
 * cond_resched() asks it as well. PREEMPT_RT, where a softirq and a spinlock
 * can be preempted, has the kernel's generator.
 *
 * Migration.  Who is not switched away from does not move.
 *
 * The count cannot reach 0 before the program is back. It is the caller's, who
 * relies on it. What a program may call (bpf_preempt_disable(),
 * bpf_local_irq_save(), bpf_spin_lock(), helpers that take locks or turn
 * softirqs off) adds to it and takes away what it has added; the verifier
 * refuses a program that ends, or enables what it has not disabled. A kfunc
 * that gave up its caller's lock would break that caller, with and without us.
 * So entry and exit see the same, and the test is made once.
 *
 * Who asks.  rcu_read_lock_held() and its kind say yes without
 * CONFIG_DEBUG_LOCK_ALLOC, and with it, or with PROVE_RCU, the generator is
 * used. cant_migrate() and smp_processor_id() ask for the preempt count first.
 * bpf_rcu_read_lock() in a program makes a reader of its own. RCU-tasks waits
 * for a voluntary switch, which is not in here in any way; programs that may
 * sleep, and RCU-tasks-trace, have steps of their own. Only sched_ext reads
 * migration off the task, and takes 1 for the trampoline's: its types do all
 * steps always, see preempt.c.
 *
 *
 * Where it was asked for, preemption is held off here, in place of the steps
 * for RCU and migration, for the same reasons. Programs that are over soon have
 * that without being asked, see needs.c. Whether the caller did it already is
 * not found out then: that would save two instructions where he did, and cost as
 * many where he did not.
 */
#include "steps_x86.h"

/*
 * All 64 bits, with rcu_read_unlock_special behind: the end wants to know of
 * both, and what was written in one piece is read quicker in one. Only our own
 * processor writes there, and an instruction is not interrupted. Where they are
 * on two cache lines (6.12, 7.3) they are two.
 */
static void __init emit_rcu_lock(struct sops_code *c, const struct sops_emit_kernel *k)
{
	/* inc dword/qword [rax + rcu_nesting] */
	if (!emit_rcu_is_split(k))
		EMIT(c, 0x48);
	EMIT_32(c, k->task.rcu_nesting, 0xff, 0x80);
}

/*
 * The kernel holds off preemption for this, and counts first. The other way
 * round it need not be: from the moment that migration_disabled is not 0 the
 * task stays where it is, preempted or not, so the count is that of the right
 * processor. The count is for tasks that sleep with migration off, which
 * CPU hotplug waits for; it waits as well for those that could run, and one
 * between these two instructions could. The kernel counts a task once. All ask
 * only whether it is 0, so here each time counts, and is taken off again.
 */
static void __init emit_migrate_disable(struct sops_code *c, const struct sops_emit_kernel *k)
{
	/* inc word [rax + migration_disabled] */
	EMIT_32(c, k->task.migration_disabled, 0x66, 0xff, 0x80);
	/* inc dword gs:[nr_pinned] */
	EMIT_32(c, k->nr_pinned, 0x65, 0xff, 0x04, 0x25);
}

/* The task is rax. */
static void __init emit_run_ctx_set(struct sops_code *c, const struct sops_emit_kernel *k)
{
	/* push [rax + bpf_ctx] */
	EMIT_32(c, k->task.bpf_ctx, 0xff, 0xb0);
	emit_push(c, RAX);
	/* mov [rax + bpf_ctx], rsp */
	EMIT_32(c, k->task.bpf_ctx, 0x48, 0x89, 0xa0);
}

/* The program's context is @ctx from rsp. */
static void __init emit_prog_call(struct sops_code *c, const struct sops_emit_kernel *k,
				  struct sops_steps *steps, bool interpreted, u8 ctx)
{
	if (ctx)
		emit_lea(c, RDI, ctx);
	else
		emit_mov_rsp(c, RDI);
	if (interpreted) {
		EMIT(c, 0x48, 0xbe);				/* mov rsi, insns */
		steps->insns[steps->nr_calls] = c->used;
		emit_64(c, 0);
	}
	emit_call(c, k, 0);
	steps->func[steps->nr_calls++] = c->used - sizeof(u32);
}

/* The kernel's own steps. */
static void __init emit_called(struct sops_code *c, const struct sops_emit_kernel *k,
			       struct sops_steps *steps, bool interpreted, u64 enter,
			       u64 exit)
{
	EMIT(c, 0x48, 0xbf);					/* mov rdi, prog */
	steps->prog = c->used;
	emit_64(c, 0);
	emit_push(c, RDI);
	EMIT(c, 0x48, 0x83, 0xec, 24);				/* sub rsp, 24 */
	EMIT(c, 0x6a, 0);					/* push 0 */
	emit_mov_rsp(c, RSI);
	emit_call(c, k, enter);
	emit_store(c, RAX, CALLED_START);
	emit_prog_call(c, k, steps, interpreted, CALLED_CTX);
	emit_jmp_far(c, exit);
}

/* The same where run time is being counted. */
static void __init emit_counted(struct sops_code *c, const struct sops_emit_kernel *k,
				const struct sops_emit_shared *s,
				struct sops_steps *steps, bool interpreted)
{
	emit_called(c, k, steps, interpreted, k->enter, s->exit_called);
}

/* cmp dword [stats], 0: is it? */
static void __init emit_is_counted(struct sops_code *c, const struct sops_emit_kernel *k)
{
	EMIT_32(c, k->stats, 0x83, 0x3c, 0x25);
	emit_8(c, 0);
}

/* cmp word gs:[preempt_count], 0: are preemption or softirqs held off? */
static void __init emit_is_held_off(struct sops_code *c, const struct sops_emit_kernel *k)
{
	EMIT_32(c, k->preempt_count, 0x65, 0x66, 0x83, 0x3c, 0x25);
	emit_8(c, 0);
}

/* All steps in place. */
static void __init emit_inline(struct sops_code *c, const struct sops_emit_kernel *k,
			       const struct sops_emit_shared *s, struct sops_steps *steps,
			       bool leaf, bool interpreted)
{
	emit_current(c, k, RAX);
	if (k->migrate_first) {
		emit_migrate_disable(c, k);
		emit_rcu_lock(c, k);
	} else {
		emit_rcu_lock(c, k);
		emit_migrate_disable(c, k);
	}
	if (!leaf)
		emit_run_ctx_set(c, k);
	emit_prog_call(c, k, steps, interpreted, leaf ? 0 : FRAME_CTX);
	emit_jmp_far(c, leaf ? s->exit_leaf : s->exit);
}

/* Preemption off in place of RCU and migration. */
static void __init emit_preempt_off(struct sops_code *c, const struct sops_emit_kernel *k,
				    const struct sops_emit_shared *s,
				    struct sops_steps *steps, bool leaf,
				    bool interpreted)
{
	emit_preempt(c, k, false);
	if (!leaf) {
		emit_current(c, k, RAX);
		emit_run_ctx_set(c, k);
	}
	emit_prog_call(c, k, steps, interpreted, leaf ? 0 : FRAME_CTX);
	emit_jmp_far(c, leaf ? s->exit_preempt_off_leaf : s->exit_preempt_off);
}

/* It is off already. Returns where the frame ends. */
static u32 __init emit_held_off(struct sops_code *c, const struct sops_emit_kernel *k,
				struct sops_steps *steps, bool leaf, bool interpreted)
{
	if (!leaf) {
		emit_current(c, k, RAX);
		emit_run_ctx_set(c, k);
	}
	emit_prog_call(c, k, steps, interpreted, leaf ? 0 : FRAME_CTX);
	if (!leaf)
		emit_run_ctx_restore(c, k);
	return emit_return(c, k);
}

/*
 * The steps of a form, in place; the kernel's own for who finds that run time is
 * counted. Returns where those are.
 */
static u32 __init emit_unless_counted(struct sops_code *c,
				      const struct sops_emit_kernel *k,
				      const struct sops_emit_shared *s,
				      struct sops_steps *steps, enum sops_emit_form form,
				      bool leaf, bool interpreted)
{
	u32 skip, counted;

	emit_is_counted(c, k);
	skip = emit_jcc(c, CC_NE);
	if (form == SOPS_FORM_PREEMPT_OFF)
		emit_preempt_off(c, k, s, steps, leaf, interpreted);
	else
		emit_inline(c, k, s, steps, leaf, interpreted);
	emit_land(c, skip);
	counted = c->used;
	emit_counted(c, k, s, steps, interpreted);
	return counted;
}

/* The ways of the usual form: one return, so the way that has it is the last. */
static u32 __init emit_ways(struct sops_code *c, const struct sops_emit_kernel *k,
			    const struct sops_emit_shared *s, struct sops_steps *steps,
			    bool leaf, bool interpreted)
{
	u32 held_off, counted;

	emit_is_held_off(c, k);
	held_off = emit_jcc_long(c, CC_NE);
	counted = emit_unless_counted(c, k, s, steps, SOPS_FORM_INLINE, leaf, interpreted);
	emit_land_jmp(c, held_off);
	emit_is_counted(c, k);
	emit_jcc_back(c, CC_NE, counted);
	return emit_held_off(c, k, steps, leaf, interpreted);
}

static int __init emit_steps(const struct sops_emit_kernel *k, struct sops_emit_shared *s,
			     enum sops_emit_form form, bool leaf, bool interpreted)
{
	struct sops_steps *steps = &s->steps[sops_steps_index(form, leaf, interpreted)];
	struct sops_code code = { .buf = steps->bytes, .rels = steps->rels }, *c = &code;
	u32 frame_end = 0;

	steps->nr_calls = 0;
	switch (form) {
	case SOPS_FORM_INLINE:
		frame_end = emit_ways(c, k, s, steps, leaf, interpreted);
		break;
	case SOPS_FORM_ALWAYS:
	case SOPS_FORM_PREEMPT_OFF:
		emit_unless_counted(c, k, s, steps, form, leaf, interpreted);
		break;
	default:
		emit_called(c, k, steps, interpreted, k->enter_sleepable, s->exit_sleepable);
		break;
	}
	steps->size = c->used;
	steps->frame_end = frame_end ?: c->used;
	steps->nr_rels = c->nr_rels;
	return c->far ? -ERANGE : 0;
}

/**
 * sops_emit_steps() - write what trampolines end with
 * @k: the running kernel
 * @s: its @steps are set, from the addresses in it
 *
 * Return: 0, or -ERANGE when a jump goes too far.
 */
int __init sops_emit_steps(const struct sops_emit_kernel *k, struct sops_emit_shared *s)
{
	enum sops_emit_form form;
	unsigned int how;
	int err = 0;

	for (form = 0; form < SOPS_NR_FORMS; form++)
		for (how = 0; how < 4; how++)
			err = err ?: emit_steps(k, s, form, how & 2, how & 1);
	return err;
}
