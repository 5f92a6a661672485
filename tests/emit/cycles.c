// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a trampoline costs on the processor at hand, in cycles of its time
 * stamp counter: in user space, around a program that does nothing. The steps
 * by calls are the kernel's own, written here as 6.1 has them; so they are as
 * many, in as many functions, but not the kernel's code.
 */
#define _GNU_SOURCE
#include <asm/prctl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <x86intrin.h>
#include "emit_x86.h"

#define CALLS	100000
#define ROUNDS	101

struct task {
	void *cpus_ptr;
	u64 cpus_mask[16];
	u16 migration_disabled;
	s32 rcu_nesting;
	u32 rcu_special;
	u64 *bpf_ctx;
};

struct cpu {
	struct task *current_task;
	u32 preempt;
	u32 nr_pinned;
};

static struct task task;
static struct cpu cpu = { .current_task = &task, .preempt = 0x80000000 };
static int stats;

/* where gs finds the first byte of it */
#define PERCPU	0x31000

#define percpu(insn, member)						\
	asm volatile(insn " %%gs:%c0" : : "i" (PERCPU + offsetof(struct cpu, member)) : "memory")

static struct task *current(void)
{
	struct task *t;

	asm volatile("mov %%gs:%c1, %0" : "=r" (t)
		     : "i" (PERCPU + offsetof(struct cpu, current_task)));
	return t;
}

static void never(void)
{
	abort();
}

static void preempt_enable(void)
{
	asm goto("decl %%gs:%c0; je %l1" : : "i" (PERCPU + offsetof(struct cpu, preempt))
		 : "memory" : due);
	return;
due:
	never();
}

static __attribute__((noinline)) void migrate_disable(void)
{
	struct task *t = current();

	if (t->migration_disabled) {
		t->migration_disabled++;
		return;
	}
	percpu("incl", preempt);
	percpu("incl", nr_pinned);
	t->migration_disabled = 1;
	preempt_enable();
}

static __attribute__((noinline)) void migrate_enable(void)
{
	struct task *t = current();

	if (t->migration_disabled > 1) {
		t->migration_disabled--;
		return;
	}
	if (!t->migration_disabled)
		never();
	percpu("incl", preempt);
	if (t->cpus_ptr != t->cpus_mask)
		never();
	asm volatile("" : : : "memory");
	t->migration_disabled = 0;
	percpu("decl", nr_pinned);
	preempt_enable();
}

static __attribute__((noinline)) void rcu_read_lock(void)
{
	current()->rcu_nesting++;
	asm volatile("" : : : "memory");
}

static __attribute__((noinline)) void rcu_read_unlock(void)
{
	struct task *t = current();

	asm volatile("" : : : "memory");
	if (--t->rcu_nesting == 0 && *(volatile u32 *)&t->rcu_special)
		never();
}

static u64 enter(u64 prog, u64 *run_ctx)
{
	struct task *t;

	rcu_read_lock();
	migrate_disable();
	t = current();
	run_ctx[1] = (u64)t->bpf_ctx;
	t->bpf_ctx = run_ctx;
	return 1;
}

static void leave(u64 prog, u64 start, u64 *run_ctx)
{
	current()->bpf_ctx = (u64 *)run_ctx[1];
	migrate_enable();
	rcu_read_unlock();
}

static __attribute__((noinline)) u64 prog(void *ctx)
{
	asm volatile("" : : : "memory");
	return 2;
}

static const struct {
	const char *name;
	enum sops_emit_form form;
} peers[] = {
	{ "called", SOPS_FORM_SLEEPABLE },
	{ "ours", SOPS_FORM_INLINE },
	{ "opt_in", SOPS_FORM_PREEMPT_OFF },
	{ "c", 0 },	/* the program itself, as a function */
};

#define NR_PEERS	ARRAY_SIZE(peers)

static void write_all(void *funcs[NR_PEERS])
{
	const struct sops_emit_kernel k = {
		.current_task = PERCPU + offsetof(struct cpu, current_task),
		.preempt_count = PERCPU + offsetof(struct cpu, preempt),
		.nr_pinned = PERCPU + offsetof(struct cpu, nr_pinned),
		.stats = (u64)&stats,
		.task = {
			.bpf_ctx = offsetof(struct task, bpf_ctx),
			.cpus_ptr = offsetof(struct task, cpus_ptr),
			.cpus_mask = offsetof(struct task, cpus_mask),
			.migration_disabled = offsetof(struct task, migration_disabled),
			.rcu_nesting = offsetof(struct task, rcu_nesting),
			.rcu_special = offsetof(struct task, rcu_special),
		},
		.preempt_schedule = (u64)never,
		.migrate_enable = (u64)never,
		.rcu_read_unlock = (u64)never,
		.enter = (u64)never,
		.exit = (u64)never,
		.enter_sleepable = (u64)enter,
		.exit_sleepable = (u64)leave,
	};
	static const u8 sizes[] = { 8 };
	struct sops_emit_tramp t = { .func = (u64)prog, .nr_args = 1, .arg_size = sizes };
	u8 *text = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	struct sops_code c = { .buf = text, .size = 4096, .at = (u64)text };
	struct sops_emit_shared s;
	unsigned int i;

	if (text == MAP_FAILED || sops_emit_shared(&c, &k, &s))
		exit(1);
	for (i = 0; i < NR_PEERS - 1; i++) {
		c.used = (c.used + 63) & ~63;
		funcs[i] = text + c.used;
		t.form = peers[i].form;
		if (sops_emit_tramp(&c, &s, &t))
			exit(1);
		sops_steps_place(c.steps, c.buf + c.steps_at, (u64)text + c.steps_at);
	}
	funcs[i] = prog;
}

static u64 run(void *func)
{
	u64 (*volatile member)(void *) = (u64 (*)(void *))func;
	u64 start;
	int i;

	_mm_lfence();
	start = __rdtsc();
	for (i = 0; i < CALLS; i++)
		member(&cpu);
	_mm_lfence();
	return __rdtsc() - start;
}

int main(void)
{
	void *funcs[NR_PEERS];
	u64 best[NR_PEERS];
	unsigned int i, round;

	memset(best, 0xff, sizeof(best));
	task.cpus_ptr = task.cpus_mask;
	write_all(funcs);
	syscall(SYS_arch_prctl, ARCH_SET_GS, (u64)&cpu - PERCPU);
	/* in turn, and the best of all rounds: others want the processor too */
	for (round = 0; round < ROUNDS; round++) {
		for (i = 0; i < NR_PEERS; i++) {
			u64 took = run(funcs[i]);

			best[i] = took < best[i] ? took : best[i];
		}
	}
	for (i = 0; i < NR_PEERS; i++)
		printf("{\"what\": \"cycles\", \"peer\": \"%s\", \"with_caller\": %.1f}\n",
		       peers[i].name, (double)best[i] / CALLS);
	return 0;
}
