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
 * The frame:
 *
 *	rbp -  8	the program	\
 *	rbp - 16	start time	 } while a function of the kernel is called
 *	rbp - 24	return value	/
 *	rsp + 24	the program's context: the arguments in order
 *	rsp + 16	their number, if the program may ask
 *	rsp +  8	the run context that was current before
 *	rsp		ours: struct bpf_tramp_run_ctx, with the cookie
 *
 * So nothing but the arguments is at another place in one trampoline than in
 * the next, and what comes after storing them is the same bytes in all that do
 * the same steps, but for the program: they are written once, see struct
 * sops_steps, and copied.
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

/* From rbp. */
#define FRAME_PROG	(-8)
#define FRAME_START	(-16)
#define FRAME_RET	(-24)

/* From rsp. */
#define FRAME_COOKIE	0
#define FRAME_SAVED	8
#define FRAME_NR_ARGS	16
#define FRAME_CTX	24

/* Condition codes. */
#define CC_B	0x2
#define CC_NE	0x5

/*
 * Whoever calls has made sure that there is room: nobody looks on the way.
 *
 * What writes a trampoline is inlined, into a function with a struct sops_code
 * of its own, which then stays in registers.
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

static void emit_8(struct sops_code *c, u8 val)
{
	emit_bytes(c, &val, sizeof(val));
}

static __always_inline void emit_32(struct sops_code *c, u32 val)
{
	emit_bytes(c, &val, sizeof(val));
}

static void emit_64(struct sops_code *c, u64 val)
{
	emit_bytes(c, &val, sizeof(val));
}

/* An address that the processor extends from 32 bits, by its sign. */
static bool reachable(u64 addr)
{
	return (u64)(s32)addr == addr;
}

/* The distance to elsewhere, from the end of the instruction. */
static void emit_distance(struct sops_code *c, u64 to)
{
	if (c->rels)
		c->rels[c->nr_rels++] = c->used;
	emit_32(c, to - (c->at + c->used + sizeof(u32)));
}

/*
 * Opcode, then what [rbp + off] takes; @reg goes where its number belongs. All
 * of SOPS_EMIT_ARGS are within 128 bytes, where callers put them and in a frame.
 */
static __always_inline void emit_frame(struct sops_code *c, u8 rex, u8 op, u8 reg, int off)
{
	EMIT(c, rex, op, 0x45 | reg << 3, off);
}

#define RAX	0
#define RCX	1
#define RDX	2
#define RSI	6
#define RDI	7

#define emit_store(c, reg, off)	emit_frame(c, 0x48, 0x89, reg, off)
#define emit_load(c, reg, off)	emit_frame(c, 0x48, 0x8b, reg, off)

/* The same of [rsp + off]. */
static __always_inline void emit_frame_low(struct sops_code *c, u8 rex, u8 op, u8 reg, u8 off)
{
	EMIT(c, rex, op, 0x44 | reg << 3, 0x24, off);
}

#define emit_store_low(c, reg, off)	emit_frame_low(c, 0x48, 0x89, reg, off)
#define emit_load_low(c, reg, off)	emit_frame_low(c, 0x48, 0x8b, reg, off)
#define emit_lea_low(c, reg, off)	emit_frame_low(c, 0x48, 0x8d, reg, off)

/* mov @reg, rsp */
static void emit_run_ctx(struct sops_code *c, u8 reg)
{
	EMIT(c, 0x48, 0x89, 0xe0 | reg);
}

/* A jump forward, over less than 128 bytes; returns where it is. */
static u32 emit_jcc(struct sops_code *c, u8 cc)
{
	EMIT(c, 0x70 | cc, 0);
	return c->used;
}

static void emit_land(struct sops_code *c, u32 from)
{
	c->buf[from - 1] = c->used - from;
}

/* The same without that limit: to what is rare, which is kept at the end. */
static u32 emit_jcc_rare(struct sops_code *c, u8 cc)
{
	EMIT_32(c, 0, 0x0f, 0x80 | cc);
	return c->used;
}

static void emit_land_rare(struct sops_code *c, u32 from)
{
	u32 distance = c->used - from;

	memcpy(c->buf + from - sizeof(distance), &distance, sizeof(distance));
}

/* And back from there. */
static void emit_jmp_to(struct sops_code *c, u32 to)
{
	if (c->used + 2 - to <= 128)
		EMIT(c, 0xeb, to - (c->used + 2));
	else
		EMIT_32(c, to - (c->used + 1 + sizeof(u32)), 0xe9);
}

static void emit_jmp_far(struct sops_code *c, u64 to)
{
	emit_8(c, 0xe9);
	emit_distance(c, to);
}

static void emit_call(struct sops_code *c, const struct sops_emit_kernel *k, u64 to)
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
static void emit_current(struct sops_code *c, const struct sops_emit_kernel *k, u8 reg)
{
	EMIT_32(c, k->current_task, 0x65, 0x48, 0x8b, 0x04 | reg << 3, 0x25);
}

/* inc or dec gs:[preempt_count] */
static void emit_preempt(struct sops_code *c,
			 const struct sops_emit_kernel *k, bool dec)
{
	if (k->preempt_wide)
		EMIT_32(c, k->preempt_count, 0x65, 0x48, 0xff, dec ? 0x0c : 0x04, 0x25);
	else
		EMIT_32(c, k->preempt_count, 0x65, 0xff, dec ? 0x0c : 0x04, 0x25);
}

/* inc or dec dword gs:[nr_pinned] */
static void emit_pinned(struct sops_code *c, const struct sops_emit_kernel *k, bool dec)
{
	EMIT_32(c, k->nr_pinned, 0x65, 0xff, dec ? 0x0c : 0x04, 0x25);
}

/*
 * The count that reaches zero says that a reschedule is due and may be done
 * here. Whatever is behind preempt_schedule keeps all registers.
 */
static void emit_preempt_enable(struct sops_code *c, const struct sops_emit_kernel *k)
{
	u32 skip;

	emit_preempt(c, k, true);
	skip = emit_jcc(c, CC_NE);
	emit_call(c, k, k->preempt_schedule);
	emit_land(c, skip);
}

/* inc dword [rax + rcu_nesting] */
static void emit_rcu_lock(struct sops_code *c, const struct sops_emit_kernel *k)
{
	EMIT_32(c, k->task.rcu_nesting, 0xff, 0x80);
}

/* Where rare cases jump from, and where they come back to. */
struct rare {
	u32 from[2];
	u32 back;
};

static void emit_migrate_disable(struct sops_code *c,
				 const struct sops_emit_kernel *k,
				 struct rare *rare)
{
	/* cmp word [rax + migration_disabled], 0 */
	EMIT_32(c, k->task.migration_disabled, 0x66, 0x83, 0xb8);
	emit_8(c, 0);
	rare->from[0] = emit_jcc(c, CC_NE);
	emit_preempt(c, k, false);
	emit_pinned(c, k, false);
	/* mov word [rax + migration_disabled], 1 */
	EMIT_32(c, k->task.migration_disabled, 0x66, 0xc7, 0x80);
	EMIT(c, 1, 0);
	emit_preempt_enable(c, k);
	rare->back = c->used;
}

static void emit_migrate_disable_rare(struct sops_code *c,
				      const struct sops_emit_kernel *k,
				      const struct rare *rare)
{
	emit_land(c, rare->from[0]);
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
static void emit_run_ctx_set(struct sops_code *c, const struct sops_emit_kernel *k)
{
	/* mov rcx, [rax + bpf_ctx] */
	EMIT_32(c, k->task.bpf_ctx, 0x48, 0x8b, 0x88);
	emit_store_low(c, RCX, FRAME_SAVED);
	/* mov [rax + bpf_ctx], rsp */
	EMIT_32(c, k->task.bpf_ctx, 0x48, 0x89, 0xa0);
}

/* From here on the task is rdx. */
static void emit_run_ctx_restore(struct sops_code *c, const struct sops_emit_kernel *k)
{
	emit_current(c, k, RDX);
	emit_load_low(c, RCX, FRAME_SAVED);
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
	emit_run_ctx(c, RDX);
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
	sops_emit_steps(k, s);
	return 0;
}

static void emit_prog_call(struct sops_code *c, const struct sops_emit_kernel *k,
			   struct sops_steps *steps, bool interpreted)
{
	emit_lea_low(c, RDI, FRAME_CTX);
	if (interpreted) {
		EMIT(c, 0x48, 0xbe);				/* mov rsi, insns */
		steps->insns[steps->nr_calls] = c->used;
		emit_64(c, 0);
	}
	emit_call(c, k, 0);
	steps->func[steps->nr_calls++] = c->used - sizeof(u32);
}

/* The kernel's own steps. */
static void emit_called(struct sops_code *c, const struct sops_emit_kernel *k,
			struct sops_steps *steps, bool interpreted, u64 enter, u64 exit)
{
	EMIT(c, 0x48, 0xbf);					/* mov rdi, prog */
	steps->prog = c->used;
	emit_64(c, 0);
	emit_store(c, RDI, FRAME_PROG);
	emit_run_ctx(c, RSI);
	emit_call(c, k, enter);
	emit_store(c, RAX, FRAME_START);
	emit_prog_call(c, k, steps, interpreted);
	emit_jmp_far(c, exit);
}

/* Steps in place begin so: whoever counts run time jumps to emit_counted(). */
static u32 emit_not_counted(struct sops_code *c, const struct sops_emit_kernel *k)
{
	/* cmp dword [stats], 0 */
	EMIT_32(c, k->stats, 0x83, 0x3c, 0x25);
	emit_8(c, 0);
	return emit_jcc_rare(c, CC_NE);
}

static void emit_counted(struct sops_code *c, const struct sops_emit_kernel *k,
			 const struct sops_emit_shared *s, struct sops_steps *steps,
			 bool interpreted, u32 from)
{
	emit_land_rare(c, from);
	emit_called(c, k, steps, interpreted, k->enter, s->exit_called);
}

/* The steps in place. */
static void emit_inline(struct sops_code *c, const struct sops_emit_kernel *k,
			const struct sops_emit_shared *s, struct sops_steps *steps,
			bool leaf, bool interpreted)
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
	if (!leaf)
		emit_run_ctx_set(c, k);
	emit_prog_call(c, k, steps, interpreted);
	emit_jmp_far(c, leaf ? s->exit_leaf : s->exit);

	emit_migrate_disable_rare(c, k, &migrate);
	emit_counted(c, k, s, steps, interpreted, counted);
}

/* Preemption off in their place. */
static void emit_preempt_off(struct sops_code *c, const struct sops_emit_kernel *k,
			     const struct sops_emit_shared *s, struct sops_steps *steps,
			     bool leaf, bool interpreted)
{
	u32 counted = emit_not_counted(c, k);

	emit_preempt(c, k, false);
	if (!leaf) {
		emit_current(c, k, RAX);
		emit_run_ctx_set(c, k);
	}
	emit_prog_call(c, k, steps, interpreted);
	emit_jmp_far(c, leaf ? s->exit_preempt_off_leaf : s->exit_preempt_off);

	emit_counted(c, k, s, steps, interpreted, counted);
}

static void emit_steps(const struct sops_emit_kernel *k, struct sops_emit_shared *s,
		       enum sops_emit_form form, bool leaf, bool interpreted)
{
	struct sops_steps *steps = &s->steps[sops_steps_index(form, leaf, interpreted)];
	struct sops_code code = { .buf = steps->bytes, .rels = steps->rels }, *c = &code;

	steps->nr_calls = 0;
	switch (form) {
	case SOPS_FORM_INLINE:
		emit_inline(c, k, s, steps, leaf, interpreted);
		break;
	case SOPS_FORM_PREEMPT_OFF:
		emit_preempt_off(c, k, s, steps, leaf, interpreted);
		break;
	default:
		emit_called(c, k, steps, interpreted, k->enter_sleepable, s->exit_sleepable);
		break;
	}
	steps->size = c->used;
	steps->nr_rels = c->nr_rels;
}

/**
 * sops_emit_steps() - write what trampolines end with
 * @k: the running kernel
 * @s: its @steps are set, from the addresses in it
 */
void sops_emit_steps(const struct sops_emit_kernel *k, struct sops_emit_shared *s)
{
	enum sops_emit_form form;

	for (form = 0; form < SOPS_NR_FORMS; form++) {
		emit_steps(k, s, form, false, false);
		emit_steps(k, s, form, false, true);
		emit_steps(k, s, form, true, false);
		emit_steps(k, s, form, true, true);
	}
}

/*
 * Arguments from where the caller put them to the program's context. One that
 * does not fit into the registers that are left is on the stack as a whole,
 * and the next may be in a register again.
 */
static __always_inline void emit_args(struct sops_code *c, const struct sops_emit_tramp *t, int to)
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

/* How many 8-byte slots the arguments take in a program's context. */
static int emit_nr_slots(const struct sops_emit_tramp *t)
{
	int i, nr = 0;

	for (i = 0; i < t->nr_args; i++)
		nr += (t->arg_size[i] + 7) / 8;
	return nr;
}

static __always_inline void move_distance(u8 *bytes, u32 at, u32 by)
{
	u32 distance;

	memcpy(&distance, bytes + at, sizeof(distance));
	distance += by;
	memcpy(bytes + at, &distance, sizeof(distance));
}

/* The end of a trampoline. */
static __always_inline void emit_end(struct sops_code *c, const struct sops_steps *steps,
				     const struct sops_emit_tramp *t)
{
	u8 *bytes = c->buf + c->used;
	u64 insns = t->insns;
	u32 func = t->func;
	int i;

	emit_bytes(c, steps->bytes, steps->size);
	memcpy(bytes + steps->prog, &t->prog, sizeof(t->prog));
	for (i = 0; i < steps->nr_calls; i++) {
		move_distance(bytes, steps->func[i], func);
		if (insns)
			memcpy(bytes + steps->insns[i], &insns, sizeof(insns));
	}
}

/**
 * sops_emit_tramp() - write a trampoline
 * @code: where to; @steps in it are still to be placed
 * @s: the part that all trampolines share
 * @t: the trampoline
 *
 * Return: 0, or -ERANGE as above, or for too many arguments.
 */
int sops_emit_tramp(struct sops_code *code, const struct sops_emit_shared *s,
		    const struct sops_emit_tramp *t)
{
	int slots = emit_nr_slots(t), size = FRAME_CTX - FRAME_RET + 8 * slots;
	struct sops_code local = { .buf = code->buf, .used = code->used }, *c = &local;

	if (slots > SOPS_EMIT_ARGS || !reachable(t->func) ||
	    code->size - code->used < SOPS_EMIT_MAX)
		return -ERANGE;

	emit_bytes(c, t->preamble, t->preamble_size);
	EMIT(c, 0x55);						/* push rbp */
	EMIT(c, 0x48, 0x89, 0xe5);				/* mov rbp, rsp */
	code->frame = c->used;
	if (size <= 127)
		EMIT(c, 0x48, 0x83, 0xec, size);		/* sub rsp, size */
	else
		EMIT_32(c, size, 0x48, 0x81, 0xec);
	emit_args(c, t, FRAME_CTX - size);
	if (t->meta) {
		/* mov qword [rsp + nr_args], slots */
		emit_frame_low(c, 0x48, 0xc7, 0, FRAME_NR_ARGS);
		emit_32(c, slots);
		/* mov qword [rsp + cookie], 0 */
		emit_frame_low(c, 0x48, 0xc7, 0, FRAME_COOKIE);
		emit_32(c, 0);
	}
	code->steps = &s->steps[sops_steps_index(t->form, t->leaf, t->insns != 0)];
	code->steps_at = c->used;
	emit_end(c, code->steps, t);
	code->used = c->used;
	return 0;
}

/**
 * sops_steps_place() - steps that were copied are to run somewhere
 * @steps: the steps
 * @bytes: the copy of them
 * @at: the address that it will run at
 */
void sops_steps_place(const struct sops_steps *steps, u8 *bytes, u64 at)
{
	u32 nr = steps->nr_rels, i;

	for (i = 0; i < nr; i++)
		move_distance(bytes, steps->rels[i], -at);
}
