// SPDX-License-Identifier: GPL-2.0-only
/*
 * Trampolines of our own, put to the test at insmod.
 *
 * A trampoline that calls the kernel's own steps and one that does them in
 * place have to leave the same traces in the task while the program runs, and
 * none after. One that holds preemption off leaves no trace but that, and the
 * run context; one that is called with preemption off, the run context alone.
 */
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <compat/emit.h>
#include "kernel.h"
#include "learn_x86.h"
#include "pack.h"

static const struct sops_emit_kernel *emit_kernel;

/*
 * What a program sees of the steps that were done before it. The counts are
 * how far they are from what they were.
 */
struct emit_seen {
	u64 preempt_count;
	u32 nr_pinned;
	bool run_ctx;
	u32 nr_words;
	struct {
		u32 offset;
		u64 value;
	} words[8];
};

/* What of a task is looked at: how far it goes on behind depends on the processor. */
#define EMIT_TASK_SIZE	offsetof(struct task_struct, thread)

static u64 *emit_task __initdata;		/* the task as it was before */
static struct emit_seen emit_seen __initdata;

static u64 __init emit_read_percpu(u64 addr)
{
	u64 val;

	asm volatile("movq %%gs:(%1), %0" : "=r" (val) : "r" (addr));
	return val;
}

/* Which words of the task changed, and what else the steps change. */
static void __init emit_look(void)
{
	struct emit_seen *seen = &emit_seen;
	const u64 *now = (u64 *)current;
	u32 i;

	memset(seen, 0, sizeof(*seen));
	seen->preempt_count = emit_read_percpu(emit_kernel->preempt_count);
	if (!emit_kernel->preempt_wide)
		seen->preempt_count = (u32)seen->preempt_count;
	seen->nr_pinned = emit_read_percpu(emit_kernel->nr_pinned);
	for (i = 0; i < EMIT_TASK_SIZE / sizeof(*now); i++) {
		u64 value = READ_ONCE(now[i]);

		if (value == emit_task[i])
			continue;
		if (i * sizeof(*now) == emit_kernel->task.bpf_ctx) {
			seen->run_ctx = true;
			continue;
		}
		if (seen->nr_words < ARRAY_SIZE(seen->words)) {
			seen->words[seen->nr_words].offset = i * sizeof(*now);
			seen->words[seen->nr_words].value = value;
		}
		seen->nr_words++;
	}
}

/* In place of a program. */
static u64 __init emit_look_inside(const void *ctx, const struct bpf_insn *insns)
{
	emit_look();
	return 0;
}

static int emit_nothing(void)
{
	return 0;
}

DEFINE_STATIC_CALL(emit_try, emit_nothing);

/* The kernel's own steps, ours, preemption off, and ours where it is off already. */
enum { CALLED, INLINE, PREEMPT_OFF, NR_TRAMPS, HELD_OFF = NR_TRAMPS, NR_TRIES };

/* One try of a trampoline, undisturbed. Returns NULL, or what is wrong. */
static const char * __init emit_try_one(void *tramp, bool held_off, struct emit_seen *inside)
{
	struct emit_seen before;
	unsigned long flags;

	static_call_update(emit_try, tramp);
	if (held_off)
		preempt_disable();
	local_irq_save(flags);
	memcpy(emit_task, current, EMIT_TASK_SIZE);
	emit_look();
	before = emit_seen;
	static_call(emit_try)();
	*inside = emit_seen;
	emit_look();
	local_irq_restore(flags);
	if (held_off)
		preempt_enable();
	/* Its memory is about to go. */
	static_call_update(emit_try, emit_nothing);

	if (memcmp(&before, &emit_seen, sizeof(before)))
		return "traces stay after a call";
	if (!inside->run_ctx)
		return "no run context is set";
	inside->preempt_count -= before.preempt_count;
	inside->nr_pinned -= before.nr_pinned;
	return NULL;
}

static const char * __init emit_try_all(void *const *tramps)
{
	struct emit_seen seen[NR_TRIES];
	const char *why;
	int i;

	for (i = 0; i < NR_TRIES; i++) {
		why = emit_try_one(tramps[i == HELD_OFF ? INLINE : i], i == HELD_OFF, &seen[i]);
		if (why)
			return why;
	}
	if (seen[CALLED].preempt_count)
		return "the preempt count changes";
	if (seen[CALLED].nr_pinned != 1)
		return "no task is pinned";
	if (memcmp(&seen[CALLED], &seen[INLINE], sizeof(seen[0])))
		return "the kernel's steps do something else";
	if (seen[PREEMPT_OFF].preempt_count != 1 || seen[PREEMPT_OFF].nr_pinned ||
	    seen[PREEMPT_OFF].nr_words)
		return "preemption cannot be held off";
	if (seen[HELD_OFF].preempt_count || seen[HELD_OFF].nr_pinned ||
	    seen[HELD_OFF].nr_words)
		return "it cannot be told that preemption is held off";
	return NULL;
}

/*
 * Others look at our task, and may write to it, at any time: a difference
 * counts when it is there again and again.
 */
static const char * __init emit_try_often(void *const *tramps)
{
	const char *why = NULL;
	int i;

	if (emit_read_percpu(emit_kernel->current_task) != (u64)current)
		return "current_task is elsewhere";
	for (i = 0; i < 10; i++) {
		why = emit_try_all(tramps);
		if (!why)
			return NULL;
	}
	return why;
}

/* @shared is a copy, @buf is a page. */
static const char * __init emit_try_written(struct sops_emit_shared *shared,
					    struct bpf_prog *prog, u8 *buf)
{
	static const enum sops_emit_form forms[] = {
		[CALLED]	= SOPS_FORM_SLEEPABLE,
		[INLINE]	= SOPS_FORM_INLINE,
		[PREEMPT_OFF]	= SOPS_FORM_PREEMPT_OFF,
	};
	static const int not_counted;
	struct sops_code c = { .buf = buf, .size = PAGE_SIZE, .used = SOPS_PACK_HEAD };
	u32 starts[NR_TRAMPS], steps_at[NR_TRAMPS], size;
	const struct sops_steps *steps[NR_TRAMPS];
	struct sops_emit_kernel k = *emit_kernel;
	struct sops_emit_tramp t = {
		.preamble = SOPS_ENDBR,
		.preamble_size = sizeof(SOPS_ENDBR) - 1,
		.prog = (u64)prog,
		.func = (u64)emit_look_inside,
	};
	void *tramps[NR_TRAMPS], *part;
	const char *why;
	int i;

	/* The form that calls the kernel's steps, but those for all programs. */
	k.stats = (u64)&not_counted;
	k.enter_sleepable = k.enter;
	shared->exit_sleepable = shared->exit_called;
	if (sops_emit_steps(&k, shared))
		return "something is too far away";

	memset(buf, SOPS_FILL, PAGE_SIZE);
	for (i = 0; i < NR_TRAMPS; i++) {
		c.used = ALIGN(c.used, 16);
		starts[i] = c.used;
		t.form = forms[i];
		if (sops_emit_tramp(&c, shared, &t))
			return "no trampoline can be written";
		steps[i] = c.steps;
		steps_at[i] = c.steps_at;
	}

	size = sops_pack_size(c.used);
	part = sops_pack_alloc(size);
	if (IS_ERR(part))
		return "there is no memory";
	for (i = 0; i < NR_TRAMPS; i++) {
		sops_steps_place(steps[i], buf + steps_at[i], (u64)part + steps_at[i]);
		tramps[i] = part + starts[i];
	}
	if (sops_pack_write(part, buf, size))
		return "no memory can be written";
	why = emit_try_often(tramps);
	sops_pack_free(part, size);
	return why;
}

/**
 * sops_emit_try() - do trampolines of our own what the kernel's do?
 * @kernel: the running one
 * @shared: the part that all of them share
 *
 * Context: process, at insmod.
 *
 * Return: NULL, or why not.
 */
const char * __init sops_emit_try(const struct sops_emit_kernel *kernel,
				  const struct sops_emit_shared *shared)
{
	struct bpf_prog *prog = kzalloc(sizeof(*prog), GFP_KERNEL);
	u8 *buf = kmalloc(PAGE_SIZE, GFP_KERNEL);
	struct sops_emit_shared *copy = kmemdup(shared, sizeof(*shared), GFP_KERNEL);
	const char *why = "there is no memory";

	emit_kernel = kernel;
	emit_task = kmalloc(EMIT_TASK_SIZE, GFP_KERNEL);
	/* The kernel's steps count run time, if somebody wants that just now. */
	if (prog)
		prog->stats = alloc_percpu(struct bpf_prog_stats);
	if (prog && prog->stats && buf && copy && emit_task)
		why = emit_try_written(copy, prog, buf);
	kfree(emit_task);
	kfree(copy);
	kfree(buf);
	if (prog)
		free_percpu(prog->stats);
	kfree(prog);
	return why;
}
