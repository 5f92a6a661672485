// SPDX-License-Identifier: GPL-2.0-only
/*
 * What comes after a program, for x86-64: the part that all trampolines share.
 *
 * It is in memory once, in pieces that each end in a return to the caller. What
 * is rare in one is ahead of where it is entered, so that all of it up to that
 * return has a frame, which is what kernels that unwind by it (7.3) are told.
 */
#include "steps_x86.h"

/* What is rare after the program: where it is, and from where it goes on. */
struct rare {
	u32 at[2];
	u32 back[2];
};

/* Return value out of the way, call, return value and task back. */
static void __init emit_call_after(struct sops_code *c, const struct sops_emit_kernel *k, u64 func)
{
	emit_push(c, RAX);
	emit_call(c, k, func);
	emit_pop(c, RAX);
	emit_current(c, k, RDX);
}

static void __init emit_migrate_enable_rare(struct sops_code *c,
					    const struct sops_emit_kernel *k,
					    struct rare *rare)
{
	/* It was not off: the kernel's function warns. inc word [rdx + migration_disabled] */
	rare->at[0] = c->used;
	EMIT_32(c, k->task.migration_disabled, 0x66, 0xff, 0x82);

	/*
	 * The task was to move meanwhile: the kernel's function does all of it;
	 * but not yet, where migration is off for somebody else as well.
	 */
	rare->at[1] = c->used;
	/* cmp word [rdx + migration_disabled], 2 */
	EMIT_32(c, k->task.migration_disabled, 0x66, 0x83, 0xba);
	emit_8(c, 2);
	rare->back[0] = emit_jcc_long(c, CC_AE);
	emit_preempt_enable(c, k);
	emit_call_after(c, k, k->migrate_enable);
	rare->back[1] = emit_jmp(c);
}

/*
 * As the kernel does it: preemption is off from before cpus_ptr is looked at
 * until the task may move again, or a switch between would leave it pinned.
 */
static void __init emit_migrate_enable(struct sops_code *c,
				       const struct sops_emit_kernel *k,
				       const struct rare *rare)
{
	emit_preempt(c, k, false);
	/* lea rcx, [rdx + cpus_mask] */
	EMIT_32(c, k->task.cpus_mask, 0x48, 0x8d, 0x8a);
	/* cmp [rdx + cpus_ptr], rcx */
	EMIT_32(c, k->task.cpus_ptr, 0x48, 0x39, 0x8a);
	emit_jcc_back(c, CC_NE, rare->at[1]);
	emit_land_jmp(c, rare->back[0]);
	/* sub word [rdx + migration_disabled], 1 */
	EMIT_32(c, k->task.migration_disabled, 0x66, 0x83, 0xaa);
	emit_8(c, 1);
	emit_jcc_back(c, CC_B, rare->at[0]);
	/* dec dword gs:[nr_pinned] */
	EMIT_32(c, k->nr_pinned, 0x65, 0xff, 0x0c, 0x25);
	emit_preempt_enable(c, k);
	emit_land_jmp(c, rare->back[1]);
}

/*
 * Somebody else is still a reader; or RCU waits for this one: the section is
 * entered once more, and left by the kernel's function, which knows what is to
 * be done.
 */
static void __init emit_rcu_unlock_rare(struct sops_code *c,
					const struct sops_emit_kernel *k,
					struct rare *rare)
{
	rare->at[0] = c->used;
	/* cmp dword [rdx + rcu_nesting], 1: carry when it is 0 */
	EMIT_32(c, k->task.rcu_nesting, 0x83, 0xba);
	emit_8(c, 1);
	rare->back[0] = emit_jcc_long(c, CC_AE);
	/* inc dword [rdx + rcu_nesting] */
	EMIT_32(c, k->task.rcu_nesting, 0xff, 0x82);
	emit_call_after(c, k, k->rcu_read_unlock);
	rare->back[1] = emit_jmp(c);
}

static void __init emit_rcu_unlock(struct sops_code *c, const struct sops_emit_kernel *k,
				   const struct rare *rare)
{
	/* dec dword/qword [rdx + rcu_nesting] */
	if (!emit_rcu_is_split(k))
		EMIT(c, 0x48);
	EMIT_32(c, k->task.rcu_nesting, 0xff, 0x8a);
	emit_jcc_back(c, CC_NE, rare->at[0]);
	if (emit_rcu_is_split(k)) {
		/* cmp dword [rdx + rcu_read_unlock_special], 0 */
		EMIT_32(c, k->task.rcu_nesting + sizeof(u32), 0x83, 0xba);
		emit_8(c, 0);
		emit_jcc_back(c, CC_NE, rare->at[0]);
	}
	emit_land_jmp(c, rare->back[0]);
	emit_land_jmp(c, rare->back[1]);
}

/* A part of the shared code: its first byte makes the frame start at another offset than 0. */
static void __init emit_part(struct sops_code *c, struct sops_exit_part *part)
{
	part->start = c->used;
	EMIT(c, 0xcc);						/* int3 */
}

static void __init emit_part_end(struct sops_code *c, const struct sops_emit_kernel *k,
				 struct sops_exit_part *part)
{
	part->frame_end = emit_return(c, k);
	part->end = c->used;
}

static u64 __init emit_here(const struct sops_code *c)
{
	return c->at + c->used;
}

/* The kernel's own steps; the return is to come. */
static void __init emit_exit_called(struct sops_code *c, const struct sops_emit_kernel *k, u64 exit)
{
	emit_store(c, RAX, CALLED_RET);
	emit_load(c, RDI, CALLED_PROG);
	emit_load(c, RSI, CALLED_START);
	emit_mov_rsp(c, RDX);
	emit_call(c, k, exit);
	emit_load(c, RAX, CALLED_RET);
}

static void __init emit_exits_called(struct sops_code *c,
				     const struct sops_emit_kernel *k,
				     struct sops_emit_shared *s)
{
	struct sops_exit_part *part = &s->parts[SOPS_EXIT_CALLED];
	u32 join;

	emit_part(c, part);
	s->exit_sleepable = emit_here(c);
	emit_exit_called(c, k, k->exit_sleepable);
	join = emit_jmp(c);
	s->exit_called = emit_here(c);
	emit_exit_called(c, k, k->exit);
	emit_land_jmp(c, join);
	emit_part_end(c, k, part);
}

/* Returns where it is. */
static u64 __init emit_exit_inline(struct sops_code *c, const struct sops_emit_kernel *k,
				   struct sops_exit_part *part, bool leaf)
{
	struct rare migrate, rcu;
	u64 at;

	emit_part(c, part);
	emit_migrate_enable_rare(c, k, &migrate);
	emit_rcu_unlock_rare(c, k, &rcu);
	at = emit_here(c);
	if (leaf)
		emit_current(c, k, RDX);
	else
		emit_run_ctx_restore(c, k);
	if (k->migrate_first) {
		emit_rcu_unlock(c, k, &rcu);
		emit_migrate_enable(c, k, &migrate);
	} else {
		emit_migrate_enable(c, k, &migrate);
		emit_rcu_unlock(c, k, &rcu);
	}
	emit_part_end(c, k, part);
	return at;
}

static void __init emit_exits_preempt_off(struct sops_code *c,
					  const struct sops_emit_kernel *k,
					  struct sops_emit_shared *s)
{
	struct sops_exit_part *part = &s->parts[SOPS_EXIT_PREEMPT_OFF];

	emit_part(c, part);
	s->exit_preempt_off = emit_here(c);
	emit_run_ctx_restore(c, k);
	s->exit_preempt_off_leaf = emit_here(c);
	emit_preempt_enable(c, k);
	emit_part_end(c, k, part);
}

/**
 * sops_emit_shared() - write the part that all trampolines share
 * @c: where to
 * @k: the running kernel
 * @s: set to where it is
 *
 * Return: 0, or -ERANGE when there is less room than SOPS_SHARED_MAX, or
 * something cannot be reached.
 */
int __init sops_emit_shared(struct sops_code *c, const struct sops_emit_kernel *k,
			    struct sops_emit_shared *s)
{
	const u64 addrs[] = {
		k->return_thunk, k->call_depth, k->current_task, k->preempt_count,
		k->nr_pinned, k->stats, k->preempt_schedule, k->migrate_enable,
		k->rcu_read_unlock, k->enter, k->exit, k->enter_sleepable,
		k->exit_sleepable,
	};
	u32 i;

	if (c->size - c->used < SOPS_SHARED_MAX)
		return -ERANGE;
	for (i = 0; i < ARRAY_SIZE(addrs); i++)
		if (!reachable(addrs[i]))
			return -ERANGE;

	emit_exits_called(c, k, s);
	s->exit = emit_exit_inline(c, k, &s->parts[SOPS_EXIT_INLINE], false);
	s->exit_leaf = emit_exit_inline(c, k, &s->parts[SOPS_EXIT_LEAF], true);
	emit_exits_preempt_off(c, k, s);
	if (c->far)
		return -ERANGE;
	return sops_emit_steps(k, s);
}
