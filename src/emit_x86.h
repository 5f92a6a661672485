/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Trampolines for x86-64, as bytes. Also built in user space, for its tests:
 * all that it knows of the kernel is in struct sops_emit_kernel.
 */
#ifndef SOPS_EMIT_X86_H
#define SOPS_EMIT_X86_H

#include <linux/types.h>

/* Registers of arguments, and arguments altogether. */
#define SOPS_EMIT_REGS		6
#define SOPS_EMIT_ARGS		12

/* More than the longest trampoline and more than the shared part take. */
#define SOPS_EMIT_MAX		512

/* Calls and jumps to elsewhere in one of them. */
#define SOPS_EMIT_RELS		10

/**
 * struct sops_emit_kernel - the running kernel, to generated code
 * @sls: an INT3 after RET
 * @return_thunk: where to jump in place of RET, or 0
 * @call_depth: per-cpu counter of calls, or 0 when nobody counts
 * @preempt_wide: the preempt count has 64 bits
 * @migrate_first: migration goes off before the RCU section begins
 * @current_task: per-cpu pointer to the task
 * @preempt_count: per-cpu preempt count
 * @nr_pinned: the run queue's per-cpu count of tasks that must not migrate
 * @stats: an int: not zero while programs' run time is counted
 * @task: offsets in the task of what the steps use
 * @preempt_schedule: for a reschedule that is due; keeps all registers
 * @migrate_enable: the kernel's function, for what is not done inline
 * @rcu_read_unlock: the same
 * @enter: the kernel's steps before a program
 * @exit: and after it
 * @enter_sleepable: before one that may sleep
 * @exit_sleepable: after it
 *
 * Variables are within 2 GiB of address 0, below or above, and functions too:
 * the kernel's are, above -2 GiB.
 */
struct sops_emit_kernel {
	bool sls;
	u64 return_thunk;
	u64 call_depth;
	bool preempt_wide;
	bool migrate_first;
	u64 current_task;
	u64 preempt_count;
	u64 nr_pinned;
	u64 stats;
	struct {
		u32 bpf_ctx;
		u32 cpus_ptr;
		u32 cpus_mask;
		u32 migration_disabled;
		u32 rcu_nesting;
		u32 rcu_special;
	} task;
	u64 preempt_schedule;
	u64 migrate_enable;
	u64 rcu_read_unlock;
	u64 enter;
	u64 exit;
	u64 enter_sleepable;
	u64 exit_sleepable;
};

/**
 * struct sops_emit_shared - addresses in the part that all trampolines share
 * @exit: what comes after the program, until the return to the caller
 * @exit_leaf: the same after a program that had no run context
 * @exit_preempt_off: what comes after a program that had preemption off
 * @exit_preempt_off_leaf: the same after one that had no run context
 * @exit_called: the same by calling the kernel's function
 * @exit_sleepable: the same for a program that may sleep
 * @frame_start: offset of the first byte with a frame
 * @frame_end: offset after the last byte with a frame
 */
struct sops_emit_shared {
	u64 exit;
	u64 exit_leaf;
	u64 exit_preempt_off;
	u64 exit_preempt_off_leaf;
	u64 exit_called;
	u64 exit_sleepable;
	u32 frame_start;
	u32 frame_end;
};

/* How a trampoline does the steps around its program. */
enum sops_emit_form {
	SOPS_FORM_INLINE,	/* itself; calls the kernel's for statistics */
	SOPS_FORM_PREEMPT_OFF,	/* the same, holding off preemption, not RCU and migration */
	SOPS_FORM_SLEEPABLE,	/* calls the kernel's, for a sleepable program */
};

/**
 * struct sops_emit_tramp - one trampoline
 * @form: which steps
 * @leaf: without a run context, unless the kernel's steps are called
 * @preamble: what callers through a pointer want to find at the function
 * @preamble_size: in bytes
 * @prog: the program
 * @func: what to call
 * @insns: for an interpreted program, its instructions, else 0
 * @meta: the program may ask for the number of its arguments or its cookie
 * @nr_args: how many arguments
 * @arg_size: their sizes in bytes, at most 16 each
 */
struct sops_emit_tramp {
	enum sops_emit_form form;
	bool leaf;
	const u8 *preamble;
	u8 preamble_size;
	u64 prog;
	u64 func;
	u64 insns;
	bool meta;
	u8 nr_args;
	const u8 *arg_size;
};

/**
 * struct sops_code - code as it is written
 * @buf: where to
 * @size: of @buf, in bytes
 * @used: bytes written
 * @start: offset of a trampoline's first byte
 * @at: the address that @buf will run at
 * @frame: offset of the first byte with a frame
 * @nr_rels: number of @rels
 * @rels: offsets of distances to elsewhere: they change as @at does
 */
struct sops_code {
	u8 *buf;
	u32 size;
	u32 used;
	u32 start;
	u64 at;
	u32 frame;
	u32 nr_rels;
	u16 rels[SOPS_EMIT_RELS];
};

int sops_emit_shared(struct sops_code *c, const struct sops_emit_kernel *k,
		     struct sops_emit_shared *s);
int sops_emit_tramp(struct sops_code *code, const struct sops_emit_kernel *k,
		    const struct sops_emit_shared *s,
		    const struct sops_emit_tramp *t);
void sops_code_move(struct sops_code *c, u64 at);
int sops_emit_nr_slots(u8 nr_args, const u8 *arg_size);

#endif /* SOPS_EMIT_X86_H */
