// SPDX-License-Identifier: GPL-2.0-only
/*
 * Trampolines for x86-64.
 *
 * A trampoline does what the kernel's own does around a struct_ops program,
 * step by step: RCU, migration, the run context. The kernel's calls a
 * function for the steps before the program and one for those after; these do
 * them in place, and call the kernel's functions only where something rare is
 * to be done: a reschedule is due, RCU waits for us, the task was moved or
 * migration is off already, run time is being counted.
 *
 * Where it was asked for, preemption is held off in place of the steps for RCU
 * and migration: who cannot be preempted does not move to another processor,
 * and RCU takes it for a reader, so whoever waits for the program waits as
 * before. A program that is in for long keeps all others off its processor.
 *
 *	the member's trampoline			shared by all
 *	    preamble, frame, arguments
 *	    run time counted? -------------+
 *	    RCU, migration, run context    |
 *	    call the program               |
 *	    jump -------------------------------> run context, migration, RCU
 *	                                   |      return to the caller
 *	    <------------------------------+
 *	    call -------------------------------> the kernel's enter
 *	    call the program
 *	    jump -------------------------------> the kernel's exit
 *	                                          return to the caller
 *
 * The frame, the same in all of them below rbp, the arguments last:
 *
 *	 -8	the run context that was current before
 *	-16	ours: struct bpf_tramp_run_ctx, with the cookie
 *	-24	the program	\
 *	-32	start time	 } while a function of the kernel is called
 *	-40	return value	/
 *	-40 - 8 * n		the program's context: the arguments in order
 *	before that, if the program may ask: their number
 *
 * Registers: until the program is called rax is the task; after it rdx is,
 * since rax is the return value. No other is needed for longer than that.
 */
#ifdef __KERNEL__
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#else
#include <errno.h>
#include <string.h>
#include <sys/cdefs.h>
#endif
#include "emit_x86.h"

#define FRAME_SAVED	(-8)
#define FRAME_RUN_CTX	(-16)
#define FRAME_PROG	(-24)
#define FRAME_START	(-32)
#define FRAME_RET	(-40)

/* Condition codes. */
#define CC_B	0x2
#define CC_E	0x4
#define CC_NE	0x5
#define CC_A	0x7

/*
 * Whoever calls has made sure of SOPS_EMIT_MAX bytes: nobody looks on the way.
 *
 * All that writes a trampoline is inlined, into a function with a struct
 * sops_code of its own, which then stays in registers: that halves the work.
 */
static __always_inline void emit_bytes(struct sops_code *c, const void *bytes, u32 nr)
{
	memcpy(c->buf + c->used, bytes, nr);
	c->used += nr;
}

#define EMIT(c, ...) do {						\
	const u8 __bytes[] = { __VA_ARGS__ };				\
									\
	emit_bytes(c, __bytes, sizeof(__bytes));			\
} while (0)

/* Bytes, and 32 bits after them. */
#define EMIT_32(c, val, ...) do {					\
	const u8 __bytes[] = { __VA_ARGS__ };				\
	const u32 __val = (val);					\
	u8 *__at = (c)->buf + (c)->used;				\
									\
	memcpy(__at, __bytes, sizeof(__bytes));				\
	memcpy(__at + sizeof(__bytes), &__val, sizeof(__val));		\
	(c)->used += sizeof(__bytes) + sizeof(__val);			\
} while (0)

static __always_inline void emit_8(struct sops_code *c, u8 val)
{
	emit_bytes(c, &val, sizeof(val));
}

static __always_inline void emit_32(struct sops_code *c, u32 val)
{
	emit_bytes(c, &val, sizeof(val));
}

/* An address that the processor extends from 32 bits, by its sign. */
static bool reachable(u64 addr)
{
	return (u64)(s32)addr == addr;
}

/* The distance to elsewhere, from the end of the instruction. */
static __always_inline void emit_distance(struct sops_code *c, u64 to)
{
	c->rels[c->nr_rels++] = c->used;
	emit_32(c, to - (c->at + c->used + sizeof(u32)));
}

/* Opcode, then what [rbp + off] takes; @reg goes where its number belongs. */
static __always_inline void emit_frame(struct sops_code *c, u8 rex, u8 op, u8 reg,
				       int off)
{
	if (off >= -128)
		EMIT(c, rex, op, 0x45 | reg << 3, off);
	else
		EMIT_32(c, off, rex, op, 0x85 | reg << 3);
}

#define RAX	0
#define RCX	1
#define RDX	2
#define RSI	6
#define RDI	7

#define emit_store(c, reg, off)	emit_frame(c, 0x48, 0x89, reg, off)
#define emit_load(c, reg, off)	emit_frame(c, 0x48, 0x8b, reg, off)
#define emit_lea(c, reg, off)	emit_frame(c, 0x48, 0x8d, reg, off)

/* A jump forward, over less than 128 bytes; returns where it is. */
static __always_inline u32 emit_jcc(struct sops_code *c, u8 cc)
{
	EMIT(c, 0x70 | cc, 0);
	return c->used;
}

static __always_inline void emit_land(struct sops_code *c, u32 from)
{
	c->buf[from - 1] = c->used - from;
}

/* The same without that limit: to what is rare, which is kept at the end. */
static __always_inline u32 emit_jcc_rare(struct sops_code *c, u8 cc)
{
	EMIT_32(c, 0, 0x0f, 0x80 | cc);
	return c->used;
}

static __always_inline void emit_land_rare(struct sops_code *c, u32 from)
{
	u32 distance = c->used - from;

	memcpy(c->buf + from - sizeof(distance), &distance, sizeof(distance));
}

/* And back from there. */
static __always_inline void emit_jmp_to(struct sops_code *c, u32 to)
{
	EMIT_32(c, to - (c->used + 1 + sizeof(u32)), 0xe9);
}

static __always_inline void emit_jmp_far(struct sops_code *c, u64 to)
{
	emit_8(c, 0xe9);
	emit_distance(c, to);
}

static __always_inline void emit_call(struct sops_code *c,
				      const struct sops_emit_kernel *k, u64 to)
{
	if (k->call_depth) {
		/* sar qword gs:[call_depth], 5 */
		EMIT_32(c, k->call_depth, 0x65, 0x48, 0xc1, 0x3c, 0x25);
		emit_8(c, 5);
	}
	emit_8(c, 0xe8);
	emit_distance(c, to);
}

static void emit_return(struct sops_code *c, const struct sops_emit_kernel *k)
{
	EMIT(c, 0xc9);						/* leave */
	if (k->return_thunk) {
		emit_jmp_far(c, k->return_thunk);
		return;
	}
	EMIT(c, 0xc3);						/* ret */
	if (k->sls)
		EMIT(c, 0xcc);					/* int3 */
}

/* mov @reg, gs:[current_task] */
static __always_inline void emit_current(struct sops_code *c,
					 const struct sops_emit_kernel *k, u8 reg)
{
	EMIT_32(c, k->current_task, 0x65, 0x48, 0x8b, 0x04 | reg << 3, 0x25);
}

/* inc or dec gs:[preempt_count] */
static __always_inline void emit_preempt(struct sops_code *c,
					 const struct sops_emit_kernel *k, bool dec)
{
	if (k->preempt_wide)
		EMIT_32(c, k->preempt_count, 0x65, 0x48, 0xff, dec ? 0x0c : 0x04, 0x25);
	else
		EMIT_32(c, k->preempt_count, 0x65, 0xff, dec ? 0x0c : 0x04, 0x25);
}

/* inc or dec dword gs:[nr_pinned] */
static __always_inline void emit_pinned(struct sops_code *c,
					const struct sops_emit_kernel *k, bool dec)
{
	EMIT_32(c, k->nr_pinned, 0x65, 0xff, dec ? 0x0c : 0x04, 0x25);
}

/*
 * The count that reaches zero says that a reschedule is due and may be done
 * here. Whatever is behind preempt_schedule keeps all registers.
 */
static __always_inline void emit_preempt_enable(struct sops_code *c,
						const struct sops_emit_kernel *k)
{
	u32 skip;

	emit_preempt(c, k, true);
	skip = emit_jcc(c, CC_NE);
	emit_call(c, k, k->preempt_schedule);
	emit_land(c, skip);
}

/* inc dword [rax + rcu_nesting] */
static __always_inline void emit_rcu_lock(struct sops_code *c,
					  const struct sops_emit_kernel *k)
{
	EMIT_32(c, k->task.rcu_nesting, 0xff, 0x80);
}

/* Where rare cases jump from, and where they come back to. */
struct rare {
	u32 from[2];
	u32 back;
};

static __always_inline void emit_migrate_disable(struct sops_code *c,
						 const struct sops_emit_kernel *k,
						 struct rare *rare)
{
	/* cmp word [rax + migration_disabled], 0 */
	EMIT_32(c, k->task.migration_disabled, 0x66, 0x83, 0xb8);
	emit_8(c, 0);
	rare->from[0] = emit_jcc_rare(c, CC_NE);
	emit_preempt(c, k, false);
	emit_pinned(c, k, false);
	/* mov word [rax + migration_disabled], 1 */
	EMIT_32(c, k->task.migration_disabled, 0x66, 0xc7, 0x80);
	EMIT(c, 1, 0);
	emit_preempt_enable(c, k);
	rare->back = c->used;
}

static __always_inline void emit_migrate_disable_rare(struct sops_code *c,
						      const struct sops_emit_kernel *k,
						      const struct rare *rare)
{
	emit_land_rare(c, rare->from[0]);
	/* inc word [rax + migration_disabled] */
	EMIT_32(c, k->task.migration_disabled, 0x66, 0xff, 0x80);
	emit_jmp_to(c, rare->back);
}

static void emit_migrate_enable(struct sops_code *c, const struct sops_emit_kernel *k,
				struct rare *rare)
{
	/* cmp word [rdx + migration_disabled], 1 */
	EMIT_32(c, k->task.migration_disabled, 0x66, 0x83, 0xba);
	emit_8(c, 1);
	rare->from[0] = emit_jcc_rare(c, CC_NE);
	emit_preempt(c, k, false);
	/* lea rcx, [rdx + cpus_mask] */
	EMIT_32(c, k->task.cpus_mask, 0x48, 0x8d, 0x8a);
	/* cmp [rdx + cpus_ptr], rcx */
	EMIT_32(c, k->task.cpus_ptr, 0x48, 0x39, 0x8a);
	rare->from[1] = emit_jcc_rare(c, CC_NE);
	/* mov word [rdx + migration_disabled], 0 */
	EMIT_32(c, k->task.migration_disabled, 0x66, 0xc7, 0x82);
	EMIT(c, 0, 0);
	emit_pinned(c, k, true);
	emit_preempt_enable(c, k);
	rare->back = c->used;
}

/* Return value out of the way, call, return value and task back. */
static void emit_call_after(struct sops_code *c, const struct sops_emit_kernel *k, u64 func)
{
	emit_store(c, RAX, FRAME_RET);
	emit_call(c, k, func);
	emit_load(c, RAX, FRAME_RET);
	emit_current(c, k, RDX);
}

static void emit_migrate_enable_rare(struct sops_code *c, const struct sops_emit_kernel *k,
				     const struct rare *rare)
{
	u32 not_off;

	/* Off for somebody else as well; or not off at all: the kernel warns. */
	emit_land_rare(c, rare->from[0]);
	not_off = emit_jcc_rare(c, CC_B);
	/* dec word [rdx + migration_disabled] */
	EMIT_32(c, k->task.migration_disabled, 0x66, 0xff, 0x8a);
	emit_jmp_to(c, rare->back);

	/* The task was to move meanwhile; the kernel's function does all of it. */
	emit_land_rare(c, rare->from[1]);
	emit_preempt(c, k, true);
	emit_land_rare(c, not_off);
	emit_call_after(c, k, k->migrate_enable);
	emit_jmp_to(c, rare->back);
}

static void emit_rcu_unlock(struct sops_code *c, const struct sops_emit_kernel *k,
			    struct rare *rare)
{
	u32 nested;

	/* dec dword [rdx + rcu_nesting] */
	EMIT_32(c, k->task.rcu_nesting, 0xff, 0x8a);
	nested = emit_jcc(c, CC_NE);
	/* cmp dword [rdx + rcu_special], 0 */
	EMIT_32(c, k->task.rcu_special, 0x83, 0xba);
	emit_8(c, 0);
	rare->from[0] = emit_jcc_rare(c, CC_NE);
	emit_land(c, nested);
	rare->back = c->used;
}

/*
 * RCU waits for this reader: the section is entered once more, and left by
 * the kernel's function, which knows what is to be done.
 */
static void emit_rcu_unlock_rare(struct sops_code *c, const struct sops_emit_kernel *k,
				 const struct rare *rare)
{
	emit_land_rare(c, rare->from[0]);
	/* inc dword [rdx + rcu_nesting] */
	EMIT_32(c, k->task.rcu_nesting, 0xff, 0x82);
	emit_call_after(c, k, k->rcu_read_unlock);
	emit_jmp_to(c, rare->back);
}

/* The task is rax. */
static __always_inline void emit_run_ctx_set(struct sops_code *c,
					     const struct sops_emit_kernel *k)
{
	/* mov rcx, [rax + bpf_ctx] */
	EMIT_32(c, k->task.bpf_ctx, 0x48, 0x8b, 0x88);
	emit_store(c, RCX, FRAME_SAVED);
	emit_lea(c, RCX, FRAME_RUN_CTX);
	/* mov [rax + bpf_ctx], rcx */
	EMIT_32(c, k->task.bpf_ctx, 0x48, 0x89, 0x88);
}

/* From here on the task is rdx. */
static void emit_run_ctx_restore(struct sops_code *c, const struct sops_emit_kernel *k)
{
	emit_current(c, k, RDX);
	emit_load(c, RCX, FRAME_SAVED);
	/* mov [rdx + bpf_ctx], rcx */
	EMIT_32(c, k->task.bpf_ctx, 0x48, 0x89, 0x8a);
}

/* The return, after the kernel's own steps. */
static u64 emit_exit_called(struct sops_code *c, const struct sops_emit_kernel *k, u64 exit)
{
	u64 at = c->at + c->used;

	emit_store(c, RAX, FRAME_RET);
	emit_load(c, RDI, FRAME_PROG);
	emit_load(c, RSI, FRAME_START);
	emit_lea(c, RDX, FRAME_RUN_CTX);
	emit_call(c, k, exit);
	emit_load(c, RAX, FRAME_RET);
	emit_return(c, k);
	return at;
}

/**
 * sops_emit_shared() - write the part that all trampolines share
 * @c: where to
 * @k: the running kernel
 * @s: set to where it is
 *
 * Return: 0, or -ERANGE when there is less room than SOPS_EMIT_MAX, or
 * something cannot be reached.
 */
int sops_emit_shared(struct sops_code *c, const struct sops_emit_kernel *k,
		     struct sops_emit_shared *s)
{
	const u64 addrs[] = {
		k->return_thunk, k->call_depth, k->current_task, k->preempt_count,
		k->nr_pinned, k->stats, k->preempt_schedule, k->migrate_enable,
		k->rcu_read_unlock, k->enter, k->exit, k->enter_sleepable,
		k->exit_sleepable,
	};
	struct rare migrate, rcu;
	u32 join, i;

	if (c->size - c->used < SOPS_EMIT_MAX)
		return -ERANGE;
	for (i = 0; i < ARRAY_SIZE(addrs); i++)
		if (!reachable(addrs[i]))
			return -ERANGE;

	/* Nobody comes in here: it makes frame_start differ from 0. */
	EMIT(c, 0xcc);						/* int3 */
	s->frame_start = c->used;
	s->exit_called = emit_exit_called(c, k, k->exit);
	s->exit_sleepable = emit_exit_called(c, k, k->exit_sleepable);

	s->exit = c->at + c->used;
	emit_run_ctx_restore(c, k);
	join = c->used;
	if (k->migrate_first) {
		emit_rcu_unlock(c, k, &rcu);
		emit_migrate_enable(c, k, &migrate);
	} else {
		emit_migrate_enable(c, k, &migrate);
		emit_rcu_unlock(c, k, &rcu);
	}
	emit_return(c, k);

	emit_migrate_enable_rare(c, k, &migrate);
	emit_rcu_unlock_rare(c, k, &rcu);

	s->exit_leaf = c->at + c->used;
	emit_current(c, k, RDX);
	emit_jmp_to(c, join);

	s->exit_preempt_off = c->at + c->used;
	emit_run_ctx_restore(c, k);
	s->exit_preempt_off_leaf = c->at + c->used;
	emit_preempt_enable(c, k);
	emit_return(c, k);
	s->frame_end = c->used;
	return 0;
}

/** sops_emit_nr_slots() - how many 8-byte slots arguments take in a program's context */
int sops_emit_nr_slots(u8 nr_args, const u8 *arg_size)
{
	int i, nr = 0;

	for (i = 0; i < nr_args; i++)
		nr += (arg_size[i] + 7) / 8;
	return nr;
}

/*
 * Arguments from where the caller put them to the program's context. One that
 * does not fit into the registers that are left is on the stack as a whole,
 * and the next may be in a register again.
 */
static __always_inline void emit_args(struct sops_code *c,
				      const struct sops_emit_tramp *t, int to)
{
	/* Opcode prefix and number of rdi, rsi, rdx, rcx, r8, r9. */
	static const u8 regs[SOPS_EMIT_REGS][2] = {
		{ 0x48, 7 }, { 0x48, 6 }, { 0x48, 2 }, { 0x48, 1 }, { 0x4c, 0 }, { 0x4c, 1 },
	};
	int used = 0, from = 16, i, nr;

	for (i = 0; i < t->nr_args; i++) {
		nr = (t->arg_size[i] + 7) / 8;
		if (used + nr <= SOPS_EMIT_REGS) {
			for (; nr; nr--, to += 8, used++)
				emit_frame(c, regs[used][0], 0x89, regs[used][1], to);
			continue;
		}
		for (; nr; nr--, to += 8, from += 8) {
			/* Callers may leave the upper half of a slot unwritten. */
			if (t->arg_size[i] <= 4)
				emit_frame(c, 0x40, 0x8b, RAX, from);
			else
				emit_load(c, RAX, from);
			emit_store(c, RAX, to);
		}
	}
}

static __always_inline void emit_prog_call(struct sops_code *c,
					   const struct sops_emit_kernel *k,
					   const struct sops_emit_tramp *t, int ctx)
{
	emit_lea(c, RDI, ctx);
	if (t->insns) {
		EMIT(c, 0x48, 0xbe);				/* mov rsi, insns */
		emit_bytes(c, &t->insns, sizeof(t->insns));
	}
	emit_call(c, k, t->func);
}

/* The kernel's own steps. */
static __always_inline void emit_called(struct sops_code *c,
					const struct sops_emit_kernel *k,
					const struct sops_emit_tramp *t, int ctx,
					u64 enter, u64 exit)
{
	EMIT(c, 0x48, 0xbf);					/* mov rdi, prog */
	emit_bytes(c, &t->prog, sizeof(t->prog));
	emit_store(c, RDI, FRAME_PROG);
	emit_lea(c, RSI, FRAME_RUN_CTX);
	emit_call(c, k, enter);
	emit_store(c, RAX, FRAME_START);
	emit_prog_call(c, k, t, ctx);
	emit_jmp_far(c, exit);
}

/* Steps in place begin so: whoever counts run time jumps to emit_counted(). */
static __always_inline u32 emit_not_counted(struct sops_code *c,
					    const struct sops_emit_kernel *k)
{
	/* cmp dword [stats], 0 */
	EMIT_32(c, k->stats, 0x83, 0x3c, 0x25);
	emit_8(c, 0);
	return emit_jcc_rare(c, CC_NE);
}

static __always_inline void emit_counted(struct sops_code *c,
					 const struct sops_emit_kernel *k,
					 const struct sops_emit_shared *s,
					 const struct sops_emit_tramp *t, int ctx,
					 u32 from)
{
	emit_land_rare(c, from);
	emit_called(c, k, t, ctx, k->enter, s->exit_called);
}

/* The steps in place. */
static __always_inline void emit_inline(struct sops_code *c,
					const struct sops_emit_kernel *k,
					const struct sops_emit_shared *s,
					const struct sops_emit_tramp *t, int ctx)
{
	u32 counted = emit_not_counted(c, k);
	struct rare migrate;

	emit_current(c, k, RAX);
	if (k->migrate_first) {
		emit_migrate_disable(c, k, &migrate);
		emit_rcu_lock(c, k);
	} else {
		emit_rcu_lock(c, k);
		emit_migrate_disable(c, k, &migrate);
	}
	if (!t->leaf)
		emit_run_ctx_set(c, k);
	emit_prog_call(c, k, t, ctx);
	emit_jmp_far(c, t->leaf ? s->exit_leaf : s->exit);

	emit_migrate_disable_rare(c, k, &migrate);
	emit_counted(c, k, s, t, ctx, counted);
}

/* Preemption off in their place. */
static __always_inline void emit_preempt_off(struct sops_code *c,
					     const struct sops_emit_kernel *k,
					     const struct sops_emit_shared *s,
					     const struct sops_emit_tramp *t, int ctx)
{
	u32 counted = emit_not_counted(c, k);

	emit_preempt(c, k, false);
	if (!t->leaf) {
		emit_current(c, k, RAX);
		emit_run_ctx_set(c, k);
	}
	emit_prog_call(c, k, t, ctx);
	emit_jmp_far(c, t->leaf ? s->exit_preempt_off_leaf : s->exit_preempt_off);

	emit_counted(c, k, s, t, ctx, counted);
}

/**
 * sops_emit_tramp() - write a trampoline
 * @code: where to
 * @k: the running kernel
 * @s: the part that all trampolines share
 * @t: the trampoline
 *
 * Return: 0, or -ERANGE as above, or for too many arguments.
 */
int sops_emit_tramp(struct sops_code *code, const struct sops_emit_kernel *k,
		    const struct sops_emit_shared *s,
		    const struct sops_emit_tramp *t)
{
	int slots = sops_emit_nr_slots(t->nr_args, t->arg_size);
	int ctx = FRAME_RET - 8 * slots;
	struct sops_code local = *code, *c = &local;

	if (slots > SOPS_EMIT_ARGS || !reachable(t->func) ||
	    c->size - c->used < SOPS_EMIT_MAX)
		return -ERANGE;

	emit_bytes(c, t->preamble, t->preamble_size);
	EMIT(c, 0x55);						/* push rbp */
	EMIT(c, 0x48, 0x89, 0xe5);				/* mov rbp, rsp */
	c->frame = c->used;
	if (8 - ctx <= 127) {
		EMIT(c, 0x48, 0x83, 0xec);			/* sub rsp, frame */
		emit_8(c, 8 - ctx);
	} else {
		EMIT_32(c, 8 - ctx, 0x48, 0x81, 0xec);
	}
	emit_args(c, t, ctx);
	if (t->meta) {
		emit_frame(c, 0x48, 0xc7, 0, ctx - 8);		/* mov qword [ctx - 8], slots */
		emit_32(c, slots);
		emit_frame(c, 0x48, 0xc7, 0, FRAME_RUN_CTX);	/* mov qword [cookie], 0 */
		emit_32(c, 0);
	}
	switch (t->form) {
	case SOPS_FORM_INLINE:
		emit_inline(c, k, s, t, ctx);
		break;
	case SOPS_FORM_PREEMPT_OFF:
		emit_preempt_off(c, k, s, t, ctx);
		break;
	case SOPS_FORM_SLEEPABLE:
		emit_called(c, k, t, ctx, k->enter_sleepable, s->exit_sleepable);
		break;
	}
	*code = local;
	return 0;
}

/**
 * sops_code_move() - code that was written is to run elsewhere
 * @c: the code
 * @at: the address that its buffer will run at
 */
void sops_code_move(struct sops_code *c, u64 at)
{
	u32 i, distance;

	for (i = 0; i < c->nr_rels; i++) {
		memcpy(&distance, c->buf + c->rels[i], sizeof(distance));
		distance -= at - c->at;
		memcpy(c->buf + c->rels[i], &distance, sizeof(distance));
	}
	c->at = at;
}
