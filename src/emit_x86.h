/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Trampolines for x86-64, as bytes. Also built in user space, for its tests:
 * all that it knows of the kernel is in struct sops_emit_kernel.
 */
#ifndef SOPS_EMIT_X86_H
#define SOPS_EMIT_X86_H

#include <linux/types.h>
#include "code.h"

/* Registers of arguments, and arguments altogether. */
#define SOPS_EMIT_REGS		6
#define SOPS_EMIT_ARGS		12

/* More than the steps in a trampoline take. */
#define SOPS_STEPS_MAX		320

/* More than the shared part takes. */
#define SOPS_SHARED_MAX		768

/* Calls and jumps to elsewhere in steps, and calls of the program. */
#define SOPS_EMIT_RELS		10
#define SOPS_EMIT_CALLS		3

/**
 * struct sops_emit_kernel - the running kernel, to generated code
 * @sls: an INT3 after RET
 * @return_thunk: where to jump in place of RET, or 0
 * @call_depth: per-cpu counter of calls, or 0 when nobody counts
 * @preempt_wide: the preempt count has 64 bits
 * @migrate_first: migration goes off before the RCU section begins
 * @current_task: per-cpu pointer to the task
 * @preempt_count: per-cpu preempt count; its lower 16 bits are what RCU takes
 *	for a reader: preemption or softirqs held off, or a softirq
 * @nr_pinned: the run queue's per-cpu count of tasks that must not migrate
 * @stats: an int: not zero while programs' run time is counted
 * @task: offsets in the task of what the steps use; @rcu_nesting has
 *	rcu_read_unlock_special right after it
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
	} task;
	u64 preempt_schedule;
	u64 migrate_enable;
	u64 rcu_read_unlock;
	u64 enter;
	u64 exit;
	u64 enter_sleepable;
	u64 exit_sleepable;
};

/* How a trampoline does the steps around its program. */
enum sops_emit_form {
	SOPS_FORM_INLINE,	/* itself, but for those that its caller did already */
	SOPS_FORM_ALWAYS,	/* itself, whoever calls */
	SOPS_FORM_PREEMPT_OFF,	/* itself, holding off preemption, not RCU and migration */
	SOPS_FORM_SLEEPABLE,	/* calls the kernel's, for a sleepable program */
	SOPS_NR_FORMS,
};

/* Each form with and without a run context, for a program that is jited or interpreted. */
#define SOPS_NR_STEPS	(SOPS_NR_FORMS * 4)
#define sops_steps_index(form, leaf, interpreted) \
	((form) * 4 + (leaf) * 2 + (interpreted))

/**
 * struct sops_steps - the end of a trampoline, as it is for all programs
 * @bytes: the steps and the calls of the program, without the program
 * @size: of them
 * @frame_end: offset after the last byte with a frame
 * @prog: offset of the program's address
 * @nr_calls: on how many ways the program is called
 * @func: offsets of the distances to it, which are as if it were at 0
 * @insns: offsets of its instructions' address, if it is interpreted
 * @nr_rels: number of @rels
 * @rels: offsets of distances to elsewhere
 *
 * Distances are such that the first byte would be at address 0.
 */
struct sops_steps {
	u8 bytes[SOPS_STEPS_MAX];
	u16 size;
	u16 frame_end;
	u16 prog;
	u16 nr_calls;
	u16 func[SOPS_EMIT_CALLS];
	u16 insns[SOPS_EMIT_CALLS];
	u16 nr_rels;
	u16 rels[SOPS_EMIT_RELS];
};

/* What comes after the program, in parts of their own: each has one return, at its end. */
enum sops_exit {
	SOPS_EXIT_CALLED,	/* the kernel's steps, of one that may sleep as well */
	SOPS_EXIT_INLINE,
	SOPS_EXIT_LEAF,		/* there was no run context */
	SOPS_EXIT_PREEMPT_OFF,
	SOPS_NR_EXITS,
};

/**
 * struct sops_exit_part - one of the parts
 * @start: offset of its first byte, which has no frame
 * @frame_end: offset after the last byte with a frame; all between have one
 * @end: offset after its last byte
 */
struct sops_exit_part {
	u32 start;
	u32 frame_end;
	u32 end;
};

/**
 * struct sops_emit_shared - the part that all trampolines share, and their ends
 * @exit: what comes after the program, until the return to the caller
 * @exit_leaf: the same after a program that had no run context
 * @exit_preempt_off: what comes after a program that had preemption off
 * @exit_preempt_off_leaf: the same after one that had no run context
 * @exit_called: the same by calling the kernel's function
 * @exit_sleepable: the same for a program that may sleep
 * @parts: where all of that is
 * @steps: those of sops_steps_index()
 */
struct sops_emit_shared {
	u64 exit;
	u64 exit_leaf;
	u64 exit_preempt_off;
	u64 exit_preempt_off_leaf;
	u64 exit_called;
	u64 exit_sleepable;
	struct sops_exit_part parts[SOPS_NR_EXITS];
	struct sops_steps steps[SOPS_NR_STEPS];
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
	u8 nr_args;
	const u8 *arg_size;
};

int sops_emit_shared(struct sops_code *c, const struct sops_emit_kernel *k,
		     struct sops_emit_shared *s);
int sops_emit_steps(const struct sops_emit_kernel *k, struct sops_emit_shared *s);
int sops_emit_tramp(struct sops_code *code, const struct sops_emit_shared *s,
		    const struct sops_emit_tramp *t);

#endif /* SOPS_EMIT_X86_H */
