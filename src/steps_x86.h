/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is before the program and what is after it have this in common: the
 * stack, the task and the preempt count. For steps_x86.c and exit_x86.c alone.
 *
 * The stack, when the program is called:
 *
 *	rsp + 16	the program's context: the arguments in order
 *	rsp +  8	the run context that was current before
 *	rsp		ours: struct bpf_tramp_run_ctx. No program can ask for its
 *			cookie (sops_emit() sees to that); the task is kept there
 *
 * and where functions of the kernel are called for the steps:
 *
 *	rsp + 40	the program's context
 *	rsp + 32	the program
 *	rsp + 24	its return value
 *	rsp + 16	start time
 *	rsp +  8	the run context that was current before
 *	rsp		ours, with a cookie of 0
 */
#ifndef SOPS_STEPS_X86_H
#define SOPS_STEPS_X86_H

#include "asm_x86.h"

/* From rsp. */
#define FRAME_CTX	16
#define CALLED_START	16
#define CALLED_RET	24
#define CALLED_PROG	32
#define CALLED_CTX	40

/* mov @reg, gs:[current_task] */
static inline void emit_current(struct sops_code *c, const struct sops_emit_kernel *k, u8 reg)
{
	EMIT_32(c, k->current_task, 0x65, 0x48, 0x8b, 0x04 | reg << 3, 0x25);
}

/* inc or dec gs:[preempt_count] */
static inline void emit_preempt(struct sops_code *c,
				const struct sops_emit_kernel *k, bool dec)
{
	if (k->preempt_wide)
		EMIT_32(c, k->preempt_count, 0x65, 0x48, 0xff, dec ? 0x0c : 0x04, 0x25);
	else
		EMIT_32(c, k->preempt_count, 0x65, 0xff, dec ? 0x0c : 0x04, 0x25);
}

/*
 * The count that reaches zero says that a reschedule is due and may be done
 * here. Whatever is behind preempt_schedule keeps all registers.
 */
static inline void emit_preempt_enable(struct sops_code *c, const struct sops_emit_kernel *k)
{
	u32 skip;

	emit_preempt(c, k, true);
	skip = emit_jcc(c, CC_NE);
	emit_call(c, k, k->preempt_schedule);
	emit_land(c, skip);
}

/* Are rcu_read_lock_nesting and what is behind it on two cache lines? Tasks begin with one. */
static inline bool emit_rcu_is_split(const struct sops_emit_kernel *k)
{
	return k->task.rcu_nesting % 64 > 64 - sizeof(u64);
}

/* From here on the task is rdx. */
static inline void emit_run_ctx_restore(struct sops_code *c, const struct sops_emit_kernel *k)
{
	emit_pop(c, RDX);
	/* pop [rdx + bpf_ctx] */
	EMIT_32(c, k->task.bpf_ctx, 0x8f, 0x82);
}

#endif /* SOPS_STEPS_X86_H */
